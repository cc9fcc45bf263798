// A client of npm's smpp: smpp_client.js URL SYSTEM_ID PASSWORD TO TEXT submits the text in one piece and in two, tells the answers and
// what is delivered, and unbinds after five deliveries.
"use strict";
const smpp = require("smpp");

const [url, system_id, password, to, text] = process.argv.slice(2);
const tell = (what) => process.stdout.write(JSON.stringify(what) + "\n");
const session = smpp.connect({ url }, () => session.bind_transceiver({ system_id, password }, begin));
let delivered = 0;

function submit(fields) {
  session.submit_sm({ source_addr: "10690001", destination_addr: to, registered_delivery: 1, data_coding: 8, ...fields },
    (answer) => tell({ event: "submit_sm_resp", status: answer.command_status, id: answer.message_id }));
}

function begin(answer) {
  tell({ event: "bound", status: answer.command_status, by: answer.system_id });
  if (answer.command_status !== 0) return session.close();
  submit({ message_payload: text });
  const cut = Math.ceil(text.length / 2);
  [text.slice(0, cut), text.slice(cut)].forEach((message, index) =>
    submit({ esm_class: 0x40, short_message: { udh: Buffer.from([5, 0, 3, 7, 2, index + 1]), message } }));
}

session.on("deliver_sm", (pdu) => {
  session.send(pdu.response());
  tell({ event: "deliver_sm", from: pdu.source_addr, esm: pdu.esm_class, text: pdu.short_message.message,
    id: pdu.receipted_message_id, state: pdu.message_state });
  if (++delivered === 5) session.unbind(() => { tell({ event: "unbound" }); session.close(); });
});
session.on("error", (error) => tell({ event: "error", text: error.message }));

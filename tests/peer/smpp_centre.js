// A message centre of npm's smpp: takes every submit, tells it on standard output, and sends a receipt.
"use strict";
const smpp = require("smpp");

let next = 1000;
const tell = (what) => process.stdout.write(JSON.stringify(what) + "\n");

const server = smpp.createServer({}, (session) => {
  session.on("error", () => {});
  for (const bind of ["bind_transceiver", "bind_transmitter", "bind_receiver"])
    session.on(bind, (pdu) => {
      tell({ event: bind, system_id: pdu.system_id, password: pdu.password });
      session.send(pdu.response());
    });
  session.on("submit_sm", (pdu) => {
    const id = String(next++);
    const part = pdu.short_message.udh ? pdu.short_message.udh.map((element) => element.toString("hex")) : null;
    const message = pdu.message_payload ? pdu.message_payload.message ?? pdu.message_payload : pdu.short_message.message;
    session.send(pdu.response({ message_id: id }));
    tell({ event: "submit_sm", to: pdu.destination_addr, part, text: message.toString(), validity: pdu.validity_period });
    session.deliver_sm({
      source_addr: pdu.destination_addr, destination_addr: pdu.source_addr, esm_class: 4,
      short_message: `id:${id} sub:001 dlvrd:001 submit date:2611251200 done date:2611251200 stat:DELIVRD err:000 text:`,
    }, (answer) => tell({ event: "deliver_sm_resp", status: answer.command_status }));
  });
  session.on("enquire_link", (pdu) => session.send(pdu.response()));
  session.on("unbind", (pdu) => { session.send(pdu.response()); session.close(); });
});
server.listen(0, "127.0.0.1", () => tell({ event: "ready", port: server.address().port }));

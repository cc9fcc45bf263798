// npm's smpp as a message centre that answers each submit and nothing else; at its end it tells how fast they came.
"use strict";
const smpp = require("smpp");

let submits = 0, first = 0n, last = 0n;
const server = smpp.createServer({}, (session) => {
  session.on("error", () => {});
  session.on("bind_transceiver", (pdu) => session.send(pdu.response()));
  session.on("enquire_link", (pdu) => session.send(pdu.response()));
  session.on("submit_sm", (pdu) => {
    last = process.hrtime.bigint();
    if (submits++ === 0) first = last;
    session.send(pdu.response({ message_id: submits.toString(16).padStart(8, "0") }));
  });
});
process.on("SIGTERM", () => {
  const rate = submits > 1 ? ((submits - 1) * 1e9) / Number(last - first) : 0;
  for (const [metric, value] of [["submits", submits], ["submits_per_s", rate]])
    console.log(JSON.stringify({ bench: "smpp", metric, value, unit: "1/s", runs: 1 }));
  process.exit(0);
});
server.listen(0, "127.0.0.1", () => console.log(`READY npm-smpp port=${server.address().port}`));

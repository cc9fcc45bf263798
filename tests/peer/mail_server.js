// npm's smtp-server with log-in and STARTTLS; what it takes is read by npm's mailparser and printed, a mail a line.
"use strict";
const fs = require("fs");
const { SMTPServer } = require("smtp-server");
const { simpleParser } = require("mailparser");

const [certificate, key, method, user, password] = process.argv.slice(2);

const server = new SMTPServer({
    cert: fs.readFileSync(certificate),
    key: fs.readFileSync(key),
    authMethods: [method],
    onAuth(auth, session, answer) {
        const secret = method === "XOAUTH2" ? auth.accessToken : auth.password;
        if (!session.secure || auth.username !== user || secret !== password) return answer(new Error("wrong log-in"));
        return answer(null, { user });
    },
    async onData(stream, session, answer) {
        const mail = await simpleParser(stream);
        console.log(JSON.stringify({
            sender: session.envelope.mailFrom.address, to: session.envelope.rcptTo.map((to) => to.address), secure: session.secure,
            subject: mail.subject, from: mail.from.value[0], header_to: mail.to.value[0].address, id: mail.messageId, date: mail.date,
            text: mail.text, html: mail.html, unsubscribe: mail.headers.get("list") && mail.headers.get("list").unsubscribe,
            one_click: mail.headerLines.filter((header) => header.key === "list-unsubscribe-post").map((header) => header.line), auto: mail.headers.get("auto-submitted"),
        }));
        answer();
    },
});
server.on("error", () => {}); // a connection's; the client sees it too
server.listen(0, "127.0.0.1", () => console.log(`READY ${server.server.address().port}`));

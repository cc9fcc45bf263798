"""Bounces: what comes into the mailbox for them corrects what was said of a delivery, once, whatever dies."""
import hashlib
import hmac
import unittest

from county import finish, send
from rig import ROOT, Rig, wait_until

PEOPLE = """id,name,phone,email,groups
P0,王一,19930000000,zero@example.test,all
P1,王二,19930000001,one@example.test,all
P2,王三,19930000002,two@example.test,all
P3,王四,19930000003,three@example.test,all
P4,王五,19930000004,four@example.test,all
"""
REPORT = """From: MAILER-DAEMON@mx.test
To: <{sender}>
Content-Type: multipart/report; report-type=delivery-status;
\tboundary="b"

--b
Content-Type: text/plain

It did not work.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.test

Final-Recipient: rfc822; {recipient}
Action: {action}
Status: {code}

--b--
"""


class Bounces(unittest.TestCase):
    def setUp(self):
        self.rig = Rig()
        self.addCleanup(self.rig.stop)
        self.rig.overrides["crier-sandbox"] = {"smtp.bounce_maildir": self.rig.state / "maildir", "faults.receipt_failed_percent": 0}
        key = self.rig.keys / "mail.key"  # the rig keeps what is there
        key.parent.mkdir(mode=0o700)
        key.touch(0o600)
        key.write_text(bytes(range(32)).hex() + "\n")
        self.rig.start(channels=())
        self.rig.make_keys(["mail-real"])
        self.maildir = self.rig.state / "maildir"
        self.worker = self.rig.start_worker("mail", real=True, **{
            "gateway.bounce_domain": "bounces.crier.test", "gateway.bounce_maildir": self.maildir})
        self.rig.add_users()
        self.rig.ctl("planner", "template", "put", ROOT / "config/templates/fzr-day.json")
        people = self.rig.state / "people.csv"
        people.write_text(PEOPLE, encoding="utf-8")
        self.rig.ctl("operator", "recipients", "import", people)
        self.broadcast = send(self.rig, channels="mail", drill=False)
        self.assertEqual(finish(self.rig, self.broadcast)["counts"]["mail"]["delivered"], 5)

    def sender(self, rank):
        """The return address of a delivery, as the worker makes it (its unit test holds it to the RFCs)."""
        reference = f"{self.broadcast.removeprefix('B-')}.m.{rank}.1"
        mac = hmac.new(bytes(range(32)), b"bounce\0" + reference.encode(), hashlib.sha256).digest()
        return f"bounces+{reference}.{mac[:12].hex()}@bounces.crier.test"

    def deliver(self, name, text):
        """As a mail server does: whole, or not at all."""
        path = self.maildir / "tmp" / name
        path.write_text(text)
        path.rename(self.maildir / "new" / name)

    def is_read(self):
        return not list((self.maildir / "new").iterdir())

    def reasons(self):
        return self.rig.ctl_json("operator", "status", self.broadcast)["counts"]["mail"]["reasons"]

    def report(self, rank, code, action="failed", **changed):
        return REPORT.format(**{"sender": self.sender(rank), "recipient": "x@example.test", "code": code, "action": action} | changed)

    def test_each_bounce_says_what_became_of_its_mail(self):
        self.deliver("a", self.report(0, "5.1.1"))
        self.deliver("b", self.report(1, "5.2.1").replace("\n", "\r\n"))
        self.deliver("c", self.report(2, "5.7.1"))
        self.deliver("d", self.report(3, "4.4.1", action="delayed"))
        self.deliver("e", f"To: {self.sender(4)}\nSubject: on holiday\n\n5.1.1\n")
        self.deliver("f", self.report(4, "5.1.1", sender=self.sender(4).replace(".m.4.", ".m.3.")))
        self.deliver("g", "\0" * 300000)
        wait_until(self.is_read, "the bounces to be read")
        self.assertEqual(sorted(path.name for path in (self.maildir / "cur").iterdir()), [f"{name}:2,S" for name in "abcdefg"])
        wanted = {"failed_address": 1, "failed_mailbox": 1, "failed_receipt": 1, "handed": 2}
        wait_until(lambda: {k: n for k, n in self.reasons().items() if n} == wanted, f"{wanted}")
        shown = [self.rig.ctl_json("operator", "recipients", "show", f"P{i}")["bad_addresses"] for i in range(5)]
        self.assertEqual(shown, [["mail"], [], [], [], []])
        log = self.worker.tail(50)
        self.assertRegex(log, r"bounce_policy.*code=5\.7\.1")

    def test_a_bounce_stays_where_it_is_until_the_daemon_has_stored_it(self):
        self.rig.processes["crierd"].kill()
        self.deliver("a", self.report(0, "5.1.1"))
        self.deliver("b", "nothing\n\nof interest\n")
        wait_until(lambda: [path.name for path in (self.maildir / "new").iterdir()] == ["a"], "the other mail to be read")
        self.worker.kill()
        self.rig.restart("crierd")
        self.rig.restart("mail-real")
        wait_until(self.is_read, "the bounce to be read")
        wait_until(lambda: self.reasons().get("failed_address") == 1, "the bounce to count")

    def test_what_the_relay_sends_back_is_not_sent_to_again(self):
        self.rig.sandbox_control({"channel": "mail", "receipt_failed_percent": 100, "receipt_duplicate_percent": 50})
        self.broadcast = send(self.rig, channels="mail", drill=False)
        wait_until(lambda: self.reasons().get("failed_address") == 5, "every mail to come back")
        wait_until(self.is_read, "the bounces to be read")
        again = finish(self.rig, send(self.rig, channels="mail", drill=False))
        self.assertEqual(again["counts"]["mail"]["suppressed"], 5)


if __name__ == "__main__":
    unittest.main()

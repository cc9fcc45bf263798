"""The mail worker and a Postfix that takes everything and bounces what it has no mailbox for."""
import email
import email.policy
import os
import re
import unittest

from county import county, finish, send, state
from postfix import Postfix
from rig import wait_until

BOXES = {r"^bounces\+.*@bounce\.pingyin\.test$": "bounces", r"^[^@]*[02468]@": "readers"}


def read(path):
    return email.message_from_bytes(path.read_bytes(), policy=email.policy.default)


class RealRelay(unittest.TestCase):
    def setUp(self):
        if os.geteuid() != 0:
            self.skipTest("Postfix starts as root only")
        self.rig = county(people=200)
        self.addCleanup(self.rig.stop)
        self.rig.state.chmod(0o711)
        self.postfix = Postfix(self.rig.state / "postfix", BOXES)
        self.addCleanup(self.postfix.stop)
        key = self.rig.keys / "mail.key"
        self.rig.processes["mail-drill"].stop()
        self.rig.start_worker("mail", **{
            "gateway.url": f"smtp://127.0.0.1:{self.postfix.port}", "gateway.tls": "off", "gateway.token_key_file": key,
            "gateway.bounce_domain": "bounce.pingyin.test", "gateway.bounce_maildir": self.postfix.boxes / "bounces"})

    def reasons(self, broadcast, *names):
        reasons = state(self.rig, broadcast)["counts"]["mail"]["reasons"]
        return tuple(reasons.get(name) for name in names)

    def test_every_mail_is_read_or_comes_back_and_counts_as_failed(self):
        broadcast = send(self.rig, channels="mail")
        counts = finish(self.rig, broadcast)["counts"]["mail"]
        tried = counts["delivered"] + counts["failed"]
        wait_until(lambda: len(self.postfix.mails("readers")) + len(self.postfix.mails("bounces")) == tried, "all mails and bounces")
        readers = [read(path) for path in self.postfix.mails("readers")]
        self.assertEqual(len({mail["Message-ID"] for mail in readers}), len(readers))
        self.assertGreater(len(readers), 5)
        bounces = [read(path) for path in self.postfix.mails("bounces")]
        self.assertGreater(len(bounces), 5)
        for bounce in bounces:
            reference = re.fullmatch(r"bounces\+([0-9A-Z]{8}\.m\.\d+\.\d+)\.[0-9a-f]{24}@bounce\.pingyin\.test", bounce["To"])
            self.assertTrue(reference, bounce["To"])
            statuses = [part.as_string() for part in bounce.walk() if part.get_content_type() == "message/delivery-status"]
            self.assertEqual(len(statuses), 1)
            self.assertIn(f"Original-Envelope-Id: {reference[1]}", statuses[0])
            self.assertIn("Status: 5.1.1", statuses[0])
            self.assertIn("Original-Recipient: rfc822;", statuses[0])
        wanted = (len(readers), len(bounces))
        wait_until(lambda: self.reasons(broadcast, "handed", "failed_address") == wanted, f"{wanted} handed and failed")


if __name__ == "__main__":
    unittest.main()

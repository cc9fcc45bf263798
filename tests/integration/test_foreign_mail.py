"""The mail worker against a mail server that nobody here wrote: Postfix's smtp-sink keeps what it got."""
import email
import email.policy
import re
import shutil
import socket
import subprocess
import unittest

from county import county, finish, send
from rig import wait_until


class ForeignMail(unittest.TestCase):
    def test_smtp_sink_gets_one_sound_mail_per_recipient(self):
        sink = shutil.which("smtp-sink", path="/usr/sbin:/usr/bin")
        self.assertTrue(sink, "smtp-sink (package postfix) is needed")
        rig = county(people=120)
        self.addCleanup(rig.stop)
        box = rig.state / "sink"
        box.mkdir(mode=0o777)
        box.chmod(0o777)
        rig.state.chmod(0o711)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        server = subprocess.Popen([sink, "-u", "nobody", "-R", str(box), "-d", "%M.", f"127.0.0.1:{port}", "100"],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        self.addCleanup(server.wait)
        self.addCleanup(server.terminate)
        rig.processes["mail-drill"].stop()
        rig.start_worker("mail", **{"gateway.url": f"smtp://127.0.0.1:{port}", "gateway.tls": "off"})
        shown = finish(rig, send(rig, channels="mail"))
        handed = shown["counts"]["mail"]["reasons"].get("handed", shown["counts"]["mail"]["delivered"])
        files = wait_until(lambda: (lambda f: f if len(f) >= handed else None)([p for p in box.rglob("*") if p.is_file()]), "all mails")
        self.assertEqual(len(files), handed)
        identifiers = set()
        for path in files:
            mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
            identifiers.add(mail["Message-ID"])
            self.assertEqual(mail.defects, [])
            self.assertRegex(mail["Message-ID"], r"^<[0-9A-Z]{8}\.m\.\d+@crier\.test>$")
            self.assertIn("演练", mail["Subject"])
            self.assertEqual(mail["Auto-Submitted"], "auto-generated")
            self.assertEqual(len(mail["To"].addresses), 1)
            self.assertRegex(mail["Date"], r"[+-]\d{4}$")
            kinds = [part.get_content_type() for part in mail.walk()]
            self.assertIn("text/plain", kinds)
            self.assertIn("text/html", kinds)
            self.assertIn("防灾减灾", mail.get_body(("plain",)).get_content())
            for line in path.read_bytes().splitlines():
                self.assertLessEqual(len(line), 998)
            self.assertFalse(re.search(r"\{[a-z.]+\}", mail.get_body(("plain",)).get_content()), "an unfilled placeholder")
        self.assertEqual(len(identifiers), len(files))


if __name__ == "__main__":
    unittest.main()

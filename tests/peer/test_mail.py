"""The mail worker against npm's smtp-server: STARTTLS with verification, each way to log in; npm's mailparser reads what arrives."""
import json
import pathlib
import subprocess
import threading
import unittest

from county import county, finish, send, state
from rig import wait_until

HERE = pathlib.Path(__file__).resolve().parent
USER, PASSWORD = "kp@pingyin.test", "p 密码 =="
LINK = "https://kp.pingyin.test/u/"


class Server:
    """mail_server.js; the mails it printed."""

    def __init__(self, rig, method, password=PASSWORD):
        self.child = subprocess.Popen(["node", HERE / "mail_server.js", rig.keys / "smtp.pem", rig.keys / "smtp.key", method, USER, password],
                                      stdout=subprocess.PIPE, text=True, start_new_session=True)
        self.port = int(self.child.stdout.readline().split()[1])
        self.mails = []
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def _read(self):
        for line in self.child.stdout:
            self.mails.append(json.loads(line))

    def stop(self):
        self.child.terminate()
        self.child.wait()
        self.reader.join()
        self.child.stdout.close()


class ForeignRelay(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.rig = county(people=150)
        cls.addClassCleanup(cls.rig.stop)
        cls.password = cls.rig.keys / "relay.password"
        cls.password.touch(0o600)
        cls.token_key = cls.rig.keys / "mail.key"

    def start_worker(self, server, **extra):
        self.rig.processes["mail-drill"].stop()
        self.password.write_text(PASSWORD + "\n")
        return self.rig.start_worker("mail", **{
            "gateway.url": f"smtp://127.0.0.1:{server.port}", "gateway.user": USER, "gateway.password_file": self.password,
            "gateway.unsubscribe_url": LINK, "gateway.bounce_domain": "bounce.pingyin.test", "gateway.token_key_file": self.token_key, **extra})

    def server(self, *args):
        server = Server(self.rig, *args)
        self.addCleanup(server.stop)
        return server

    def finish_mails(self, server, broadcast):
        """Each mail that counts as delivered has arrived once."""
        delivered = finish(self.rig, broadcast)["counts"]["mail"]["delivered"]
        self.assertGreater(delivered, 30)
        mine = broadcast.removeprefix("B-")
        mails = wait_until(lambda: (lambda m: m if len(m) >= delivered else None)([m for m in server.mails if m["id"][1:].startswith(mine)]),
                           "all mails to be read")
        self.assertEqual(len(mails), delivered)
        self.assertEqual(len({mail["id"] for mail in mails}), delivered)
        return mails

    def check_mail(self, mail):
        self.assertTrue(mail["secure"])
        self.assertEqual(mail["to"], [mail["header_to"]])
        self.assertEqual(mail["from"], {"address": "kp@pingyin.test", "name": "平阴科普"})
        self.assertIn("演练", mail["subject"])
        self.assertIn("防灾减灾", mail["text"] + mail["subject"])
        self.assertIn("</html>", mail["html"])
        self.assertEqual(mail["auto"], "auto-generated")
        self.assertEqual(mail["one_click"], ["List-Unsubscribe-Post: List-Unsubscribe=One-Click"])
        self.assertTrue(mail["unsubscribe"]["url"].startswith(LINK + mail["id"].strip("<").split("@")[0] + "."))
        self.assertRegex(mail["sender"], r"^bounces\+[0-9A-Z]{8}\.m\.\d+\.\d+\.[0-9a-f]{24}@bounce\.pingyin\.test$")

    def test_each_way_to_log_in(self):
        for method in ("PLAIN", "LOGIN", "XOAUTH2"):
            with self.subTest(method=method):
                server = self.server(method)
                self.start_worker(server, **{"gateway.auth": method.lower()})
                for mail in self.finish_mails(server, send(self.rig, channels="mail")):
                    if "您好" in mail["text"]:
                        self.check_mail(mail)

    def test_a_wrong_password_fails_nobody(self):
        server = self.server("PLAIN", "another")
        self.start_worker(server)
        broadcast = send(self.rig, channels="mail")
        log = self.rig.processes["mail-drill"].log_path
        wait_until(lambda: "535" in log.read_text(), "the refusal in the worker's log")
        self.assertEqual(state(self.rig, broadcast)["counts"]["mail"]["failed"], 0)
        good = self.server("PLAIN")
        self.start_worker(good)
        self.finish_mails(good, broadcast)
        self.assertEqual(server.mails, [])

    def test_a_certificate_of_nobody_we_trust(self):
        server = self.server("PLAIN")
        self.start_worker(server, **{"gateway.ca_file": ""})
        broadcast = send(self.rig, channels="mail")
        log = self.rig.processes["mail-drill"].log_path
        wait_until(lambda: "CERTIFICATE" in log.read_text(), "the refusal in the worker's log")
        self.assertEqual(server.mails, [])
        self.start_worker(server)
        self.finish_mails(server, broadcast)


if __name__ == "__main__":
    unittest.main()

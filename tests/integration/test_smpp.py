"""The kinds smpp and cmpp with real processes, against a message centre that was written from the specifications alone."""
import pathlib
import ssl
import sys
import unittest

from county import county, finish, send, state
from rig import wait_until

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from scripted_smsc import THROTTLED, Centre  # noqa: E402

PEOPLE = 120


class Gateways(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.rig = county(people=PEOPLE)
        cls.rig.processes["sms-drill"].stop()

    @classmethod
    def tearDownClass(cls):
        cls.rig.stop()

    def tearDown(self):
        worker = self.rig.processes["sms-drill"]
        if worker.running():
            worker.stop()

    def centre(self, protocol="smpp", version=3, tls=None, **options):
        """A message centre with a worker that knows it."""
        centre = Centre(protocol, version, tls)
        self.addCleanup(centre.stop)
        password = self.rig.keys / "centre.password"
        password.write_text(centre.account[1] + "\n")
        password.chmod(0o600)
        self.rig._point_receipts = lambda *_: None
        self.rig.start_worker("sms", **{
            "gateway.kind": protocol, "gateway.url": f"{protocol}{'s' if tls else ''}://127.0.0.1:{centre.port}",
            "gateway.account": centre.account[0], "gateway.password_file": password, "gateway.source_addr": "10690001",
            "gateway.version": f"{version}.0", "gateway.reference": True, "gateway.timeout_ms": 20000, **options})
        return centre

    def run_broadcast(self, **kwargs):
        counts = finish(self.rig, send(self.rig, channels="sms", **kwargs))["counts"]["sms"]
        reached = counts["total"] - counts["suppressed"]
        self.assertGreater(reached, 50)
        unconfirmed = counts["reasons"].get("unconfirmed", 0)
        return counts["delivered"] - unconfirmed, counts, reached

    def check_whole(self, centre, reached):
        texts = centre.texts()
        self.assertEqual(len(texts), reached)
        for text in texts:
            self.assertIn("【演练】", text)
            self.assertIn("文化广场", text)

    def test_everybody_gets_the_text_and_receipts_confirm_it(self):
        for protocol, version in (("smpp", 3), ("cmpp", 2), ("cmpp", 3)):
            with self.subTest(protocol=protocol, version=version):
                centre = self.centre(protocol, version)
                delivered, _, reached = self.run_broadcast()
                self.assertEqual(delivered, reached)
                self.check_whole(centre, reached)
                submit = centre.accepted[0]
                self.assertEqual((submit.source, submit.coding, submit.registered), ("10690001", 8, 1))
                self.assertRegex(submit.validity, r"^\d{12}032\+$")
                if (protocol, version) != ("cmpp", 2):
                    self.assertRegex(submit.reference, r"^[0-9A-Z]{8}\.s\.\d+\.1$")
                wait_until(lambda: len(centre.answered) >= len(centre.accepted), "all receipts to be answered")
                self.assertEqual(set(centre.answered), {0})
                self.rig.processes["sms-drill"].stop()
                centre.stop()

    def test_long_texts_arrive_whole_in_each_way(self):
        for way in ("udh8", "udh16", "sar", "payload"):
            with self.subTest(way=way):
                centre = self.centre(**{"gateway.long_sms": way})
                delivered, _, reached = self.run_broadcast()
                self.assertEqual(delivered, reached)
                self.check_whole(centre, reached)
                parts = len(centre.accepted) // reached
                self.assertEqual(parts, 1 if way == "payload" else 2)
                self.rig.processes["sms-drill"].stop()
                centre.stop()

    def test_what_it_costs_is_counted_once_though_crierd_is_killed(self):
        centre = self.centre(**{"gateway.price": 45000, "gateway.per_second": 200})
        broadcast = send(self.rig, channels="sms")
        for wanted in (30, 120):
            wait_until(lambda: len(centre.accepted) > wanted, "some parts to be accepted")
            self.rig.processes["crierd"].kill()
            self.rig.restart("crierd")
        counts = finish(self.rig, broadcast)["counts"]["sms"]
        self.assertEqual(counts["unknown"], 0)
        self.assertEqual(counts["parts"], len(centre.accepted))
        self.assertEqual(counts["parts"], 2 * (counts["total"] - counts["suppressed"]))
        self.assertAlmostEqual(counts["cost"], counts["parts"] * 0.045)
        self.assertRegex(self.rig.ctl("planner", "status", broadcast).stdout, rf"messages billed +{counts['parts']}")
        self.rig.restart("crierd")
        self.assertEqual(state(self.rig, broadcast)["counts"]["sms"]["parts"], counts["parts"])

    def test_receipts_may_come_first(self):
        centre = self.centre()
        centre.plan = lambda n, submit: "receipt_first"
        delivered, _, reached = self.run_broadcast()
        self.assertEqual(delivered, reached)

    def test_one_lost_part_fails_the_delivery(self):
        centre = self.centre()
        victim = []

        def stat(submit):
            victim[:] = victim or [submit.joined_by]
            return "UNDELIV" if submit.joined_by == victim[0] and submit.number == 2 else "DELIVRD"
        centre.stat = stat
        delivered, counts, reached = self.run_broadcast()
        self.assertEqual((delivered, counts["failed"]), (reached - 1, 1))

    def test_throttling_slows_down_and_fails_nobody(self):
        centre = self.centre()
        centre.plan = lambda n, submit: THROTTLED["smpp"] if n % 5 == 2 else None
        delivered, _, reached = self.run_broadcast()
        self.assertEqual(delivered, reached)
        self.check_whole(centre, reached)
        self.assertEqual(len({(s.joined_by, s.number) for s in centre.accepted}), len(centre.accepted), "a part was accepted twice")

    def test_what_is_not_answered_is_unknown_and_not_sent_again(self):
        centre = self.centre(**{"gateway.timeout_ms": 2000})
        centre.plan = lambda n, submit: "silent" if n == 7 else "close" if n == 40 else None
        delivered, counts, reached = self.run_broadcast()
        self.assertEqual(delivered + counts["unknown"], reached)
        self.assertGreaterEqual(counts["unknown"], 1)
        self.assertLessEqual(counts["unknown"], 1 + 16)
        parts = [(s.joined_by, s.number) for s in centre.seen]
        self.assertEqual(len(set(parts)), len(parts), "something was submitted twice")

    def test_several_binds_and_roles(self):
        centre = self.centre(**{"gateway.binds": 2, "gateway.roles": "transmitter+receiver"})
        delivered, _, reached = self.run_broadcast()
        self.assertEqual(delivered, reached)
        wait_until(lambda: len(centre.logins) >= 4, "the last bind, which may come after the broadcast")
        self.assertEqual(sorted(centre.logins), ["receive", "receive", "send", "send"])

    def test_ids_in_two_forms(self):
        centre = self.centre(**{"gateway.message_id": "hex-decimal"})
        centre.answer_id, centre.receipt_id = "%08X", "%d"
        delivered, _, reached = self.run_broadcast()
        self.assertEqual(delivered, reached)

    def test_tls_is_spoken_and_a_stranger_is_not(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.rig.keys / "smtp.pem", self.rig.keys / "smtp.key")
        centre = self.centre(tls=context, **{"gateway.tls_ca_file": str(self.rig.keys / "smtp.pem")})
        delivered, _, reached = self.run_broadcast()
        self.assertEqual(delivered, reached)
        self.rig.processes["sms-drill"].stop()
        stranger = self.centre(tls=context)  # of no authority that the system trusts
        wait_until(lambda: "line_down" in self.rig.processes["sms-drill"].tail(), "the certificate to be refused")
        self.assertEqual(stranger.logins, [])

    def test_replies_are_answered_when_they_are_kept(self):
        for protocol, version in (("smpp", 3), ("cmpp", 2)):
            with self.subTest(protocol=protocol):
                centre = self.centre(protocol, version)
                self.run_broadcast()
                wait_until(lambda: len(centre.answered) >= len(centre.accepted), "all receipts to be answered")
                text = f"收到，谢谢🌾 {protocol}"
                phone = centre.accepted[0].address
                centre.hearer().reply("86" + phone, text)
                wait_until(lambda: len(centre.answered) == len(centre.accepted) + 1, "the reply to be answered")
                self.assertEqual(set(centre.answered), {0})
                kept = self.rig.http("GET", "/v1/replies", user="operator")[2]["items"]
                self.assertEqual(kept[0]["text"], text)
                self.rig.processes["sms-drill"].stop()
                centre.stop()

    def test_nothing_unregistered_leaves(self):
        registry = self.rig.state / "registry.txt"
        registry.write_text("registered 【平阴县科协】\npending 【平阴科普】\n")
        centre = self.centre(**{"gateway.registry_file": registry})
        _, counts, reached = self.run_broadcast()
        self.assertEqual(counts["failed"], reached)
        self.assertEqual(centre.seen, [])

    def test_nonsense_is_answered_and_told_and_harms_nobody(self):
        centre = self.centre()
        centre.receipts = False

        def plan(n, submit):
            connection = centre.hearer()
            if n == 3:
                connection.deliver(submit.address, 4, 0, b"this is no receipt")
                connection.send(connection.pdu(0x80000004, 0x7ffffff0, b"1\0"))
                connection.send(connection.pdu(0x707, 5))
            if n == 20:
                connection.send(b"HTTP/1.1 400 Bad Request\r\n\r\n<html>")
                return "silent"
            return "receipt_first"
        centre.plan = plan
        delivered, counts, reached = self.run_broadcast()
        self.assertEqual(delivered + counts["unknown"], reached)
        self.assertLessEqual(counts["unknown"], 1 + 16)
        log = self.rig.processes["sms-drill"].tail(100)
        self.assertRegex(log, "event=line_odd .*garbled_receipts=1")
        self.assertIn("a frame of impossible length", log)
        parts = [(s.joined_by, s.number) for s in centre.seen]
        self.assertEqual(len(set(parts)), len(parts), "something was submitted twice")

    def test_a_wrong_password_is_said(self):
        centre = self.centre(**{"gateway.account": "nobody"})
        wait_until(lambda: "ESME_RINVPASWD" in self.rig.processes["sms-drill"].tail(), "the refusal in the log")
        self.assertEqual(centre.seen, [])


if __name__ == "__main__":
    unittest.main()

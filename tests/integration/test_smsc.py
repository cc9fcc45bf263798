"""The sandbox as message centre, spoken to by clients of our own over SMPP 3.4 and CMPP 2.0/3.0."""
import json
import struct
import subprocess
import time
import unittest

from county import check_counts, check_truth, county, finish, send
from rig import wait_until
from smsc_clients import Cmpp, Smpp
from test_sandbox import BIN, Case, fetch

REFERENCE = 0x1400
TEXT = "【平阴科普】演练：明天停水，请提前储水。"


class Centre(Case):
    def smpp(self, how="transceiver", **more):
        client = Smpp(self.process.facts["smpp"])
        self.addCleanup(client.close)
        self.assertEqual(client.bind(how, **more), 0)
        return client

    def cmpp(self, **more):
        client = Cmpp(self.process.facts["cmpp"], **more)
        self.addCleanup(client.close)
        self.assertEqual(client.connect(), (0, True))
        return client

    def thread(self, phone):
        return fetch(f"{self.url}/inbox/search?address={phone}")[2]["items"]


class SmppCentre(Centre):
    def test_a_submit_is_accepted_written_down_and_shown_and_its_receipt_tells(self):
        client = self.smpp()
        sequence = client.submit("13800001234", TEXT, tlvs=[(REFERENCE, b"0000001K.s.7.1")])
        status, answered, message_id = client.answer()
        self.assertEqual((status, answered), (0, sequence))
        source, destination, esm, text, tlvs = client.deliver()
        self.assertEqual((source, destination, esm), ("13800001234", "106900", 4))
        self.assertRegex(text, rf"^id:{message_id} sub:001 dlvrd:001 submit date:\d{{10}} done date:\d{{10}} stat:DELIVRD err:000")
        self.assertEqual((tlvs[0x001E], tlvs[0x0427]), (message_id.encode() + b"\0", b"\x02"))
        self.assertEqual(self.truth(), [("sms", "0000001K.s.7.1")])
        shown = self.thread("13800001234")[0]
        self.assertEqual((shown["signature"], shown["text"], shown["parts"]), ("平阴科普", "演练：明天停水，请提前储水。", 1))

    def test_long_messages_are_joined_however_they_are_cut(self):
        client = self.smpp()
        long = "【平阴科普】" + "雨水" * 60
        first, second = long[:67], long[67:]
        for reference, send in (
                ("0000001K.s.1.1", lambda t: [client.submit("13800000001", p, esm=0x40, header=bytes([5, 0, 3, 9, 2, n]), tlvs=t)
                                              for n, p in ((2, second), (1, first))]),
                ("0000001K.s.2.1", lambda t: [client.submit("13800000002", p, esm=0x40, header=bytes([6, 8, 4, 1, 9, 2, n]), tlvs=t)
                                              for n, p in ((1, first), (2, second))]),
                ("0000001K.s.3.1", lambda t: [client.submit("13800000003", p, tlvs=[*t, (0x020C, b"\x01\x09"), (0x020E, b"\x02"),
                                                                                    (0x020F, bytes([n]))])
                                              for n, p in ((1, first), (2, second))]),
                ("0000001K.s.4.1", lambda t: [client.submit("13800000004", long, tlvs=[*t, (0x0424, long.encode("utf-16-be"))])])):
            with self.subTest(reference):
                for _ in send([(REFERENCE, reference.encode())]):
                    self.assertEqual(client.answer()[0], 0)
                shown = self.thread(f"1380000000{reference.split('.')[2]}")
                self.assertEqual([(m["text"], m["parts"]) for m in shown], [("雨水" * 60, 2)])
        self.assertEqual(self.truth(), [("sms", f"0000001K.s.{n}.1") for n in (1, 2, 3, 4)])  # once a message

    def test_who_is_not_let_in_and_what_is_refused(self):
        client = Smpp(self.process.facts["smpp"])
        self.addCleanup(client.close)
        client.submit("13800001234", TEXT)
        self.assertEqual(client.answer()[0], 0x04)
        self.assertEqual(client.bind(password="wrong"), 0x0E)
        receiver = self.smpp("receiver")
        receiver.submit("13800001234", TEXT)
        self.assertEqual(receiver.answer()[0], 0x04)
        sender = self.smpp("transmitter")
        sender.submit("13800000000", TEXT)
        self.assertEqual(sender.answer()[0], 0x0B)
        sender.submit("13800001234", TEXT)
        self.assertEqual(sender.answer()[0], 0)
        self.assertEqual(receiver.deliver()[0], "13800001234")  # not the sender: it may not receive
        sender.send(0x15)
        self.assertEqual(sender.next(0x80000015)[1], 0)
        sender.send(0x21, b"\0")
        self.assertEqual(sender.next(0x80000000)[1], 0x03)
        sender.socket.sendall(struct.pack(">IIII", 0x7FFFFFFF, 4, 0, 1))
        self.assertEqual(sender.next(0x80000000)[1], 0x02)
        with self.assertRaises(ConnectionError):
            sender.read()

    def test_a_receipt_that_is_not_taken_comes_again_also_over_the_next_connection(self):
        client = self.smpp()
        client.submit("13800001234", TEXT)
        client.answer()
        self.assertEqual(client.deliver(status=0x64)[2], 4)
        self.assertEqual(client.next(5)[0], 5)  # and again; unanswered
        client.close()
        self.assertEqual(self.smpp().deliver()[2], 4)
        wait_until(lambda: fetch(self.url + "/inbox/counters")[2]["channels"]["sms"]["receipts"] == 1, "counted once")

    def test_receipts_go_to_the_account_that_submitted(self):
        other, client = self.smpp(account="crier-real"), self.smpp(account="crier-drill")
        for _ in range(20):
            client.submit("13800001234", TEXT)
        for _ in range(20):
            self.assertEqual(client.deliver()[2], 4)
        other.send(0x15)
        other.next(0x80000015)
        self.assertEqual(other.kept, [])

    def test_unbind_ends_the_connection(self):
        client = self.smpp()
        client.send(6)
        self.assertEqual(client.next(0x80000006)[1], 0)
        with self.assertRaises(ConnectionError):
            client.read()

    def test_errors_silence_and_hanging_up_as_they_are_asked_for(self):
        client = self.smpp()
        self.control("sms", error_percent=100, error_code=0x14)
        client.submit("13800001234", TEXT)
        self.assertEqual(client.answer()[0], 0x14)
        self.control("sms", error_percent=0, throttle_per_s=1)
        for _ in range(3):
            client.submit("13800001234", TEXT)
        self.assertIn(0x58, [client.answer()[0] for _ in range(3)])
        self.control("sms", throttle_per_s=0, silent_percent=100)
        before = len(self.truth())
        for _ in range(10):
            client.submit("13800001234", TEXT)
        client.send(0x15)
        client.next(0x80000015)
        self.assertFalse([pdu for pdu in client.kept if pdu[0] == 0x80000004])
        self.assertEqual(len(self.truth()) - before, 5)
        self.control("sms", silent_percent=0, hang_up_after=15)
        with self.assertRaises(ConnectionError):
            for _ in range(15):
                client.submit("13800001234", TEXT)
                client.answer()

    def test_receipts_early_doubled_missing_and_for_nobody(self):
        client = self.smpp()
        self.control("sms", receipt_early_percent=100, receipt_delay_ms=5000)
        client.submit("13800001234", TEXT)
        self.assertEqual([client.read()[0] for _ in range(2)], [5, 0x80000004])
        client = self.smpp()
        self.control("sms", receipt_early_percent=0, receipt_delay_ms=0, receipt_wrong_percent=100, receipt_duplicate_percent=100)
        client.submit("13800001235", TEXT)
        message_id = client.answer()[2]
        ids = []
        while len(ids) < 2:
            source, _, _, text, _ = client.deliver()
            if source == "13800001235":  # the first client's receipt comes again
                ids.append(text.split()[0].removeprefix("id:"))
        self.assertEqual(ids[0], ids[1])
        self.assertNotEqual(ids[0], message_id)

    def test_ids_in_hex_and_decimal(self):
        client = self.smpp()
        for form, answer_base, receipt_base in ((1, 16, 10), (2, 10, 16)):
            self.control("sms", receipt_ids=form)
            client.submit("13800001234", TEXT)
            message_id = client.answer()[2]
            _, _, _, text, tlvs = client.deliver()
            self.assertEqual(int(message_id, answer_base), int(text.split()[0].removeprefix("id:"), receipt_base))
            self.assertNotIn(0x001E, tlvs)

    def test_octet_by_octet(self):
        client = self.smpp()
        self.control("sms", trickle_ms=2)
        begin = time.monotonic()
        client.submit("13800001234", TEXT, receipt=0)
        client._fill(1)
        self.assertLess(len(client.buffer), 4)
        self.assertEqual(client.answer()[0], 0)
        self.assertGreater(time.monotonic() - begin, 16 * 0.002)

    def test_residents_reply_by_shares_and_the_same_ones_always_do(self):
        client = self.smpp()
        self.control("sms", confirm_percent=100, reply_delay_ms=0)
        client.submit("13800001234", TEXT, receipt=0)
        client.answer()
        source, destination, esm, text, _ = client.deliver()
        self.assertEqual((source, destination, esm), ("13800001234", "106900", 0))
        self.assertIn(text, ("收到", "1", "收到，谢谢", "已收到"))
        self.control("sms", confirm_percent=0, opt_out_percent=100)
        client.submit("13800001234", TEXT, receipt=0)
        client.answer()
        self.assertIn(client.deliver()[3], ("退订", "TD", "R", "T"))


class Replies(Centre):
    def reply(self, **body):
        return fetch(self.url + "/inbox/reply", json.dumps(body).encode())[0]

    def test_a_reply_from_the_page_goes_to_whoever_submitted(self):
        self.assertEqual(self.reply(address="13800001234", text="退订"), 409)
        client = self.smpp()
        client.submit("13800001234", TEXT, receipt=0)
        client.answer()
        self.assertEqual(self.reply(address="13800001234", text="退订"), 200)
        self.assertEqual(client.deliver()[:4], ("13800001234", "106900", 0, "退订"))
        for bad in ({"address": "x", "text": "1"}, {"address": "13800001234", "text": ""}, {"address": "13800001234", "text": "长" * 71}, {}):
            self.assertEqual(self.reply(**bad), 400, bad)


class Scenario(Centre):
    steps = """steps = ( { channel = "sms"; after_submits = 2; error_percent = 100; error_code = 20; },
                         { channel = "mail"; error_percent = 100; },
                         { channel = "all"; after_submits = 4; error_percent = 0; } );"""

    def configure(self, config):
        (self.folder / "scenario.cfg").write_text(self.steps)
        return config.replace("faults: {", f'faults: {{ scenario_file = "{self.folder}/scenario.cfg";')

    def test_steps_change_faults_when_their_submits_came(self):
        client = self.smpp()
        statuses = []
        for _ in range(6):
            client.submit("13800001234", TEXT, receipt=0)
            statuses.append(client.answer()[0])
        self.assertEqual(statuses, [0, 0, 0x14, 0x14, 0, 0])


    def test_a_step_that_cannot_be_is_refused_with_its_line(self):
        config = self.folder / "bad.cfg"
        config.write_text((self.folder / "crier-sandbox.cfg").read_text().replace("scenario.cfg", "bad-scenario.cfg"))
        for steps, told in (('{ channel = "sms"; latency = 1; }', "latency: no such member"), ("{ latency_ms = 1; }", "channel must be given"),
                            ('{ channel = "sms"; drop_percent = 101; }', "drop_percent")):
            (self.folder / "bad-scenario.cfg").write_text(f"steps = (\n{steps} );\n")
            refused = subprocess.run([BIN / "crier-sandbox", "-c", config], capture_output=True, text=True, timeout=10)
            self.assertNotEqual(refused.returncode, 0)
            self.assertIn("bad-scenario.cfg:2: ", refused.stderr)
            self.assertIn(told, refused.stderr)


class CmppCentre(Centre):
    def test_both_versions_submit_and_get_reports(self):
        for version, phone, size in ((0x20, "13800001234", 60), (0x30, "13800001235", 71)):
            with self.subTest(version):
                client = self.cmpp(version=version)
                sequence = client.submit(phone, TEXT, link="0000001K.s.7.1" if version == 0x30 else "")
                result, answered, message_id = client.answer()
                self.assertEqual((result, answered), (0, sequence))
                resident, is_report, content, _ = client.deliver()
                self.assertEqual((resident, is_report, len(content)), (phone, True, size))
                self.assertEqual((content[:8], content[8:15]), (message_id, b"DELIVRD"))
                self.assertEqual(message_id[0] >> 4, time.localtime().tm_mon)
                self.assertEqual(self.thread(phone)[0]["text"], "演练：明天停水，请提前储水。")
        self.assertEqual(self.truth(), [("sms", "-"), ("sms", "0000001K.s.7.1")])  # 2.0 has no room for a reference

    def test_long_messages_and_what_is_refused(self):
        client = self.cmpp()
        long = "【平阴科普】" + "雨水" * 60
        for number, part in ((1, long[:67]), (2, long[67:])):
            client.submit("13800001234", part, header=bytes([5, 0, 3, 9, 2, number]), total=2, number=number)
            self.assertEqual(client.answer()[0], 0)
        self.assertEqual([(m["text"], m["parts"]) for m in self.thread("13800001234")], [("雨水" * 60, 2)])
        client.submit("13800000000", TEXT)
        self.assertEqual(client.answer()[0], 13)
        self.control("sms", throttle_per_s=1)
        for _ in range(3):
            client.submit("13800001234", TEXT)
        self.assertIn(8, [client.answer()[0] for _ in range(3)])
        client.send(8)
        self.assertEqual(client.next(0x80000008)[2], b"\0")
        client.send(2)
        client.next(0x80000002)
        with self.assertRaises(ConnectionError):
            client.read()

    def test_who_is_not_let_in(self):
        for more, status in (({"secret": "wrong"}, 3), ({"account": "900002"}, 2)):
            client = Cmpp(self.process.facts["cmpp"], **more)
            self.addCleanup(client.close)
            self.assertEqual(client.connect()[0], status)
            with self.assertRaises(ConnectionError):
                client.read()

    def test_residents_reply(self):
        client = self.cmpp()
        self.control("sms", opt_out_percent=100, reply_delay_ms=0)
        client.submit("13800001234", TEXT)
        client.answer()
        while True:
            phone, is_report, content, form = client.deliver()
            if not is_report:
                break
        self.assertEqual(phone, "13800001234")
        self.assertIn(content.decode("utf-16-be" if form == 8 else "ascii"), ("退订", "TD", "R", "T"))


class Drill(unittest.TestCase):
    """Our workers against it, with a drill gateway and a real one at the same centre."""

    def rig(self, protocol, **faults):
        rig = county(people=600, real=True, sms=protocol)
        self.addCleanup(rig.stop)
        if faults:
            rig.sandbox_control({"channel": "sms", **faults})
        return rig

    def test_what_the_centre_took_is_what_the_ledger_says_whatever_it_does(self):
        for protocol in ("smpp", "cmpp"):
            with self.subTest(protocol):
                rig = self.rig(protocol, error_percent=5, late_percent=5, late_ms=300, receipt_early_percent=20,
                               receipt_duplicate_percent=20, receipt_wrong_percent=5, receipt_failed_percent=5)
                broadcast = send(rig, channels="sms")
                shown = finish(rig, broadcast)
                check_counts(self, shown)
                check_truth(self, rig, broadcast, shown)
                counts = shown["counts"]["sms"]
                self.assertEqual(counts["unknown"], 0)
                self.assertGreater(counts["reasons"].get("failed_receipt", 0), 0)
                self.assertGreater(counts["delivered"], 400)
                rig.stop()

    def test_silence_and_hang_ups_leave_at_most_two_windows_unknown_each_time(self):
        rig = self.rig("smpp", hang_up_after=100)
        broadcast = send(rig, channels="sms")
        shown = finish(rig, broadcast)
        check_truth(self, rig, broadcast, shown)
        hang_ups = shown["counts"]["sms"]["total"] // 100 * 3  # parts
        self.assertLessEqual(shown["counts"]["sms"]["unknown"], 2 * 16 * hang_ups)
        self.assertGreater(shown["counts"]["sms"]["delivered"], 300)


del Case  # its own tests run where it stands

if __name__ == "__main__":
    unittest.main()

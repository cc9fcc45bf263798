"""Receipts by the gateway's own id, through kill -9 of crierd: in any order, doubled, before the submit's answer, after the end."""
import argparse
import http.server
import json
import random
import threading
import time
import unittest
import urllib.parse

from county import county, draft, finish, send, state
from rig import wait_until
from worker import REPEAT_S, Worker, pb

ACCEPTED, DELIVERED, UNCONFIRMED = 16, 32, 34  # common/status.def
WORKER = "sms-ids"
PEOPLE = 600
LATE = 40  # deliveries whose receipts come after the end


class Listener(Worker):
    """A worker whose gateway accepts everything under an id of its own, and says later that it was delivered."""

    def __init__(self, rig):
        super().__init__(argparse.Namespace(
            name=WORKER, channel="sms", endpoint=rig.processes["crierd"].facts["wire"], server_key_file=rig.keys / "crierd",
            secret_key_file=rig.keys / f"{WORKER}_secret", **{"class": "drill"}))
        self.ids = {}  # position of a lease -> id
        self.batch, self.unacknowledged = int(time.time() * 1e6), {}

    def hello(self):
        gateway = pb.Gateway(name="ids", drill=True, window=16, gives_receipts=True)
        self.send(hello=pb.Hello(worker=WORKER, channel=0, gateway=gateway, credit=2, urgent_credit=1, held=list(self.leases), version="test"))

    def submit(self, lease):
        super().submit(lease)
        self.ids[lease.message.lease, lease.next] = self.mailbox[-1][0] + "-of-the-gateway"
        return ACCEPTED

    def send(self, **body):
        report = body.get("report")
        if report and not report.HasField("gateway_ids"):
            ids = [self.ids[report.lease, position].encode() for position, outcome in zip(report.positions, report.outcomes) if outcome == ACCEPTED]
            report.gateway_ids.lengths.extend(map(len, ids))
            report.gateway_ids.bytes = b"".join(ids)
        super().send(**body)

    def on_receipts_ack(self, ack):
        self.unacknowledged.pop(ack.batch, None)

    def tell(self, ids):
        """A batch that says of all these that they were delivered."""
        self.batch += 1
        texts = [one.encode() for one in ids]
        self.unacknowledged[self.batch] = pb.Receipts(
            batch=self.batch, references=pb.Pool(lengths=[0] * len(texts)),
            gateway_ids=pb.Pool(lengths=map(len, texts), bytes=b"".join(texts)), outcomes=bytes([DELIVERED] * len(texts)))
        self.repeat()

    def repeat(self):
        self.repeated = time.monotonic()
        for receipts in self.unacknowledged.values():
            self.send(receipts=receipts)

    def turn(self):
        """One round of the worker's loop."""
        self.receive()
        if not self.welcome:
            self.socket.poll(50)
            return
        while self.work():
            self.report()
        self.report()
        self.keep_alive()
        if self.unacknowledged and time.monotonic() - self.repeated > REPEAT_S:
            self.repeat()
        self.socket.poll(5)


class Receipts(unittest.TestCase):
    def setUp(self):
        self.rig = county(people=PEOPLE)
        self.addCleanup(self.rig.stop)
        for channel in ("sms", "wechat", "mail"):
            self.rig.processes[f"{channel}-drill"].stop()
        self.rig.make_keys([WORKER])

    def listen(self):
        """Another connection, as after a restart of the worker."""
        self.worker = Listener(self.rig)
        self.worker.connect()

    def turn_until(self, condition, what, deadline_s=40):
        def turned():
            self.worker.turn()
            return condition()
        return wait_until(turned, what, deadline_s, every_s=0)

    def send(self):
        broadcast = draft(self.rig, channels="sms")
        self.rig.ctl("approver", "approve", broadcast)
        self.rig.ctl("planner", "send", broadcast)
        return broadcast

    def count(self, broadcast, status):
        return self.rig.status_bytes(broadcast, "sms", PEOPLE).count(status)

    def crash(self):
        self.rig.processes["crierd"].kill()
        self.rig.restart("crierd")

    def accept_all(self):
        broadcast = self.send()
        counts = lambda: state(self.rig, broadcast)["counts"]["sms"]  # noqa: E731
        self.turn_until(lambda: not self.worker.leases and counts()["accepted"] + counts()["suppressed"] == counts()["total"] > 0,
                        "all to be accepted")
        return broadcast, list(self.worker.ids.values())

    def test_ids_outlive_the_daemon(self):
        self.listen()
        broadcast, ids = self.accept_all()
        self.crash()
        told = ids + random.sample(ids, len(ids) // 3)
        random.shuffle(told)
        for first in range(0, len(told), 100):
            self.worker.tell(told[first:first + 100])
        self.turn_until(lambda: not self.worker.unacknowledged, "the receipts to be acknowledged")
        self.assertEqual(self.count(broadcast, DELIVERED), len(ids))
        self.turn_until(lambda: state(self.rig, broadcast)["state"] == "finished", "the end")

    def test_what_was_acknowledged_is_stored(self):
        self.listen()
        broadcast, ids = self.accept_all()
        told = 0
        for first in range(0, len(ids), 50):
            self.worker.tell(ids[first:first + 50])
            self.turn_until(lambda: not self.worker.unacknowledged, "the receipts to be acknowledged")
            told = min(first + 50, len(ids))
            if first in (100, 250):
                self.crash()
            self.assertGreaterEqual(self.count(broadcast, DELIVERED), told)

    def test_a_receipt_may_come_first(self):
        self.listen()
        broadcast = self.send()
        self.turn_until(lambda: len(self.worker.ids) > 0, "a submit")
        self.worker.tell(list(self.worker.ids.values())[:1])
        self.turn_until(lambda: self.count(broadcast, DELIVERED) == 1, "the early receipt")

    def test_receipts_after_the_end_and_another_start(self):
        self.rig.processes["crierd"].stop()
        self.rig.start_daemon(**{"plan.receipt_wait_s": 1})
        self.listen()
        broadcast, ids = self.accept_all()
        self.worker.tell(ids[LATE:])
        self.turn_until(lambda: state(self.rig, broadcast)["state"] == "finished", "the end")
        self.assertEqual(self.count(broadcast, UNCONFIRMED), LATE)
        self.crash()
        self.worker.tell(ids[:LATE])
        self.turn_until(lambda: self.count(broadcast, DELIVERED) == len(ids), "the late receipts")


class Pulled(unittest.TestCase):
    def test_what_no_push_has_told_is_asked_for(self):
        rig = county(people=150)
        self.addCleanup(rig.stop)
        rig.processes["sms-drill"].stop()
        rig.start_worker("sms", **{"gateway.pull_after_s": 1})
        rig.sandbox_control({"channel": "sms", "receipt_missing_percent": 100, "receipt_failed_percent": 10, "receipt_delay_ms": 200})
        counts = finish(rig, send(rig, channels="sms"))["counts"]["sms"]
        self.assertEqual(counts["reasons"].get("unconfirmed", 0), 0)
        self.assertGreater(counts["failed"], 0)
        self.assertEqual(counts["delivered"] + counts["failed"], counts["total"] - counts["suppressed"])


class Batches(unittest.TestCase):
    def county(self, people):
        """With a template that says the same to everybody."""
        rig = county(people=people)
        self.addCleanup(rig.stop)
        rig.processes["sms-drill"].stop()
        wording = {"sms": {"text": "【平阴科普】明天{place}停水。"}}
        same = {"name": "same", "title": "停水", "variables": ["place"], "sender": "平阴科普", "wordings": {"zh-CN": wording, "en-US": wording}}
        (rig.state / "same.json").write_text(json.dumps(same, ensure_ascii=False))
        rig.ctl("planner", "template", "put", rig.state / "same.json")
        return rig

    def test_neighbours_with_the_same_text_go_in_one_call(self):
        rig = self.county(400)
        rig.start_worker("sms", **{"gateway.batch": 100, "gateway.window": 200})
        rig.sandbox_control({"channel": "sms", "receipt_failed_percent": 5})
        broadcast = send(rig, "--var", "place=孔村镇", template="same", channels="sms")
        counts = finish(rig, broadcast)["counts"]["sms"]
        reached = counts["total"] - counts["suppressed"]
        self.assertEqual((counts["unknown"], counts["reasons"].get("unconfirmed", 0)), (0, 0))
        self.assertEqual(counts["delivered"] + counts["failed"], reached)
        self.assertGreater(counts["reasons"].get("failed_address", 0), 0)  # refused by itself, and its neighbours were not
        log = (rig.state / "sandbox/accepted.log").read_text().splitlines()
        self.assertEqual(len(log), reached - counts["reasons"]["failed_address"])

    def test_a_batch_is_no_larger_than_it_may_be_and_has_no_number_twice(self):
        rig = self.county(300)
        calls = []

        class Aggregator(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                form = urllib.parse.parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                calls.append((form["PhoneNumbers"][0].split(","), form["TemplateParam"][0]))
                body = json.dumps({"Code": "OK", "BizId": f"{len(calls)}^0"}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        http.server.ThreadingHTTPServer.request_queue_size = 256
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Aggregator)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        rig._point_receipts = lambda *_: None
        rig.start_worker("sms", **{"gateway.batch": 50, "gateway.window": 200, "gateway.url": f"http://127.0.0.1:{server.server_port}/"})
        counts = finish(rig, send(rig, "--var", "place=孔村镇", template="same", channels="sms"))["counts"]["sms"]
        reached = counts["total"] - counts["suppressed"]
        self.assertEqual(sum(len(phones) for phones, _ in calls), reached)
        self.assertEqual(counts["delivered"], reached)  # unconfirmed: nobody sends receipts
        self.assertLess(len(calls), reached / 4)
        for phones, _ in calls:
            self.assertLessEqual(len(phones), 50)
            self.assertEqual(len(set(phones)), len(phones))


if __name__ == "__main__":
    unittest.main()

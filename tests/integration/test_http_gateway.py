"""The kind http against a small foreign server: what configuration describes works, and what a server does wrong is never taken for
success, nor tried again."""
import collections
import gzip
import http.server
import json
import re
import threading
import time
import unittest
import urllib.parse
import urllib.request

from county import county, finish, send
from rig import wait_until

PEOPLE = 40
SECRET = "sup-key"


class Supplier(http.server.BaseHTTPRequestHandler):
    """Answers as `server.behave` says."""
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        with self.server.lock:
            self.server.requests.append((self.path, dict(self.headers), body))
            number = len(self.server.requests)
        self.server.behave(self, number, body)

    do_GET = do_POST

    def reply(self, status, body, headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def accept(request, number, _body):
    request.reply(200, json.dumps({"code": 0, "data": {"id": 1000 + number}}).encode())


def html(request, *_):
    request.reply(200, b"<html><body>Welcome</body></html>")


def redirect(request, *_):
    request.reply(302, b"", [("Location", f"http://127.0.0.1:{request.server.server_port}/elsewhere")])


BOMB = gzip.compress(b'{"code":0,"pad":"' + b"0" * (64 << 20) + b'"}')


def bomb(request, *_):
    request.reply(200, BOMB, [("Content-Encoding", "gzip")])


def zipped(request, number, _body):
    request.reply(200, gzip.compress(json.dumps({"code": 0, "data": {"id": 1000 + number}}).encode()), [("Content-Encoding", "gzip")])


def drip(request, *_):
    """An octet every 100 ms, for ever."""
    request.send_response(200)
    request.send_header("Content-Length", "100000")
    request.end_headers()
    try:
        while True:
            request.wfile.write(b" ")
            time.sleep(0.1)
    except OSError:
        request.close_connection = True


class Foreign(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.rig = county(people=PEOPLE)
        cls.rig.processes["sms-drill"].stop()
        secret = cls.rig.keys / "supplier.secret"
        secret.touch(0o600)
        secret.write_text(SECRET + "\n")

    @classmethod
    def tearDownClass(cls):
        cls.rig.stop()

    def supplier(self, behave, **extra):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Supplier)
        server.handle_error = lambda *_: None  # clients that hang up are what is tested
        server.daemon_threads, server.requests, server.lock, server.behave = True, [], threading.Lock(), behave
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.rig._point_receipts = lambda *_: None
        self.worker = self.rig.start_worker("sms", **{
            "gateway.kind": "http", "gateway.url": f"http://127.0.0.1:{server.server_port}/send?from={{sender}}",
            "gateway.timeout_ms": 1500, "gateway.access_key_id": "", "gateway.access_key_secret_file": "",
            "http.headers": "Content-Type: application/json\nAuthorization: Bearer {secret}",
            "http.secret_file": self.rig.keys / "supplier.secret",
            "http.body": '{"mobile":"{address}","content":"{text}","uid":"{reference}"}',
            "http.code": "/code", "http.id": "/data/id", "http.outcomes": "0 accepted; 1002 address; 1029 retry",
            "http.receipts": "id", "http.receipt_name": "/id", "http.receipt_code": "/status",
            "http.receipt_outcomes": "DELIVRD delivered; BLACK* blocked", **extra})
        self.addCleanup(self.worker.stop)
        return server

    def push(self, receipts):
        token = (self.rig.keys / "receipts.token").read_text().strip()
        url = f"http://{self.worker.facts['receipts']}/receipts?token={token}"
        request = urllib.request.Request(url, json.dumps(receipts).encode(), {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.loads(answer.read())

    def outcome(self):
        return finish(self.rig, send(self.rig, channels="sms"))["counts"]["sms"]

    def test_json_with_receipts_by_id_as_configured(self):
        server = self.supplier(accept)
        broadcast = send(self.rig, channels="sms")
        total = lambda: self.rig.ctl_json("operator", "status", broadcast)["counts"]["sms"]  # noqa: E731
        wait_until(lambda: len(server.requests) == total()["total"] - total()["suppressed"], "all to be submitted")
        path, headers, body = server.requests[0]
        self.assertRegex(urllib.parse.unquote(path), r"^/send\?from=\S+$")
        self.assertEqual(headers["Authorization"], f"Bearer {SECRET}")
        sent = json.loads(body)
        self.assertRegex(sent["mobile"], r"^1\d{10}$")
        self.assertIn("文化广场", sent["content"])
        self.assertRegex(sent["uid"], r"^[0-9A-Z]{8}\.s\.\d+\.1$")
        ids = range(1001, 1001 + len(server.requests))
        status, answer = self.push([{"id": str(n), "status": "BLACK1" if n % 5 == 0 else "DELIVRD"} for n in ids])
        self.assertEqual((status, answer), (200, {"code": 0}))
        counts = finish(self.rig, broadcast)["counts"]["sms"]
        blocked = sum(n % 5 == 0 for n in ids)
        self.assertEqual(counts["reasons"]["failed_blocked"], blocked)
        self.assertEqual(counts["delivered"] - counts["reasons"].get("unconfirmed", 0), len(ids) - blocked)

    def test_a_form_without_receipts_and_codes_that_refuse(self):
        def behave(request, number, body):
            fields = urllib.parse.parse_qs(body, strict_parsing=True)
            code = 1002 if fields["to"][0][-1] in "02468" else 0
            request.reply(200, json.dumps({"code": code}).encode())
        server = self.supplier(behave, **{
            "http.headers": "", "http.body_type": "form", "http.body": "to={address}&text={text}", "http.receipts": "none",
            "http.receipt_name": "", "http.receipt_code": ""})
        counts = self.outcome()
        even = sum(urllib.parse.parse_qs(body)["to"][0][-1] in "02468" for _, _, body in server.requests)
        self.assertGreater(even, 0)
        self.assertEqual(counts["reasons"]["failed_address"], even)
        self.assertEqual(counts["reasons"]["handed"], len(server.requests) - even)

    def test_compressed_answers_are_read(self):
        self.supplier(zipped, **{"http.receipts": "none"})
        counts = self.outcome()
        self.assertEqual(counts["reasons"]["handed"], counts["total"] - counts["suppressed"])

    def test_what_cannot_be_read_is_unknown_named_and_submitted_once(self):
        for behave, reason in ((html, "not_json"), (redirect, "redirect"), (bomb, "no_answer"), (drip, "no_answer")):
            with self.subTest(behave.__name__):
                server = self.supplier(behave)
                broadcast = send(self.rig, channels="sms")

                def counts():
                    return self.rig.ctl_json("operator", "status", broadcast)["counts"]["sms"]
                # One that never answers in time is left alone for a while after a window of 16.
                wait_until(lambda: counts()["unknown"] >= 16, "a window to be unknown")
                for reference, times in collections.Counter(json.loads(body)["uid"] for _, _, body in server.requests).items():
                    self.assertEqual(times, 1, reference)
                self.assertEqual(counts()["delivered"], 0)
                self.assertEqual({urllib.parse.urlsplit(path).path for path, _, _ in server.requests}, {"/send"})
                self.assertTrue(re.search(rf"event=answer_unread reason={reason}", self.worker.tail(200)))
                self.worker.stop()
                self.rig.ctl("operator", "cancel", broadcast, check=False)


if __name__ == "__main__":
    unittest.main()

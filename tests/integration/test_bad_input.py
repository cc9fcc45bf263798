"""Bad configuration, HTTP, CSV, wire and Redis: a clear error that names the place, and nothing is lost or half done."""
import os
import pathlib
import signal
import subprocess
import tempfile
import time
import unittest

import zmq
import zmq.auth

from county import county, finish, send
from rig import ROOT, Rig, wait_until


class Configuration(unittest.TestCase):
    CASES = {
        "unknown key": ('http: { prot = 1; };', "prot"),
        "wrong type": ('http: { port = "x"; };', "http.port"),
        "out of range": ('http: { port = 70000; };', "http.port"),
        "a number that wraps": ('http: { port = 4294967297; };', "http.port"),
        "broken syntax": ('http: { port = ', ":1"),
        "an include": ('@include "other.cfg"', "include"),
    }

    def check(self, text):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "x.cfg"
            path.write_text(text)
            binary = pathlib.Path(os.environ["CRIER_BIN"]) / "crierd"
            return subprocess.run([binary, "-c", path, "--check-config"], capture_output=True, text=True)

    def test_what_is_wrong_is_refused_with_file_line_and_key(self):
        for name, (text, place) in self.CASES.items():
            with self.subTest(name):
                refused = self.check(text)
                self.assertEqual(refused.returncode, 78, refused.stderr)
                self.assertIn("x.cfg", refused.stderr)
                self.assertIn(place, refused.stderr)

    def test_a_missing_file_is_refused_and_not_made(self):
        refused = subprocess.run([pathlib.Path(os.environ["CRIER_BIN"]) / "crierd", "-c", "/nonexistent/crierd.cfg"], capture_output=True, text=True)
        self.assertEqual(refused.returncode, 78)
        self.assertIn("/nonexistent/crierd.cfg", refused.stderr)


class Start(unittest.TestCase):
    def setUp(self):
        self.rig = Rig()
        self.addCleanup(self.rig.stop)
        self.rig.make_keys(["sms-drill"])

    def daemon(self, *args):
        config = self.rig.write_config("crierd", {
            "http.port": 0, "redis.url": f"unix://{self.rig.redis_socket()}", "wire.endpoint": "tcp://127.0.0.1:*",
            "redis.redo_file": "",
            "wire.secret_key_file": self.rig.keys / "crierd_secret", "wire.workers_dir": self.rig.keys / "workers",
            "directory.seal_key_file": self.rig.keys / "seal.key", "plan.admin_token_file": self.rig.keys / "admin.token",
            "directory.divisions_file": ROOT / "config/sample/divisions.csv"})
        return [self.rig.bin / "crierd", "-c", config, *args]

    def test_without_redis_it_says_so_in_one_line_and_exits_69(self):
        refused = subprocess.run(self.daemon(), capture_output=True, text=True, timeout=30)
        self.assertEqual(refused.returncode, 69, refused.stderr)
        self.assertEqual(len([line for line in refused.stderr.splitlines() if "redis" in line.lower()]), 1, refused.stderr)

    def test_with_wait_redis_it_starts_when_redis_comes(self):
        waiting = subprocess.Popen(self.daemon("--wait-redis"), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            self.rig.start_redis()
            self.assertTrue(waiting.stdout.readline().startswith("READY crierd"))
        finally:
            waiting.terminate()
            self.assertEqual(waiting.wait(20), 0)
            waiting.stdout.close()

    def test_a_secret_others_can_read_is_refused(self):
        self.rig.start_redis()
        for secret in ("crierd_secret", "seal.key", "admin.token"):
            with self.subTest(secret):
                (self.rig.keys / secret).chmod(0o644)
                refused = subprocess.run(self.daemon(), capture_output=True, text=True, timeout=30)
                (self.rig.keys / secret).chmod(0o600)
                self.assertEqual(refused.returncode, 78, refused.stderr)
                self.assertIn(secret, refused.stderr)


class Running(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.rig = county(people=100)

    @classmethod
    def tearDownClass(cls):
        cls.rig.stop()

    def test_http_refusals_are_problems_with_the_right_status(self):
        draft = {"template": "fzr-day", "to": "all", "variables": {"place": "a", "time": "b"}}
        cases = [
            ("no token", 401, dict(method="GET", path="/v1/me", user=None)),
            ("wrong role", 403, dict(method="POST", path="/v1/users", user="planner", body={"name": "x", "person": "x", "roles": ["planner"]})),
            ("not JSON", 400, dict(method="POST", path="/v1/broadcasts", user="planner", body=b"{")),
            ("doubled member", 400, dict(method="POST", path="/v1/broadcasts", user="planner", body=b'{"to":"a","to":"b"}')),
            ("unknown member", 400, dict(method="POST", path="/v1/broadcasts", user="planner", body={**draft, "chanels": ["sms"]})),
            ("wrong type", 400, dict(method="POST", path="/v1/broadcasts", user="planner", body={**draft, "channels": "sms"})),
            ("too large", 413, dict(method="POST", path="/v1/broadcasts", user="planner", body=b" " * (2 << 20))),
            ("media type", 415, dict(method="POST", path="/v1/broadcasts", user="planner", body=draft, content_type="text/plain")),
            ("no such path", 404, dict(method="GET", path="/v1/nothing", user="planner")),
            ("no such broadcast", 404, dict(method="GET", path="/v1/broadcasts/B-0000ZZZZ", user="planner")),
            ("method", 405, dict(method="DELETE", path="/v1/broadcasts", user="planner")),
            ("nesting", 400, dict(method="GET", path="/v1/audience?select=" + "(" * 200 + "all" + ")" * 200, user="planner")),
        ]
        for name, status, request in cases:
            with self.subTest(name):
                seen, headers, problem = self.rig.http(**request)
                self.assertEqual(seen, status, problem)
                self.assertEqual(headers["Content-Type"], "application/problem+json")
                self.assertEqual(problem["status"], status)
        self.assertIn("chanels", str(self.rig.http("POST", "/v1/broadcasts", "planner", {**draft, "chanels": ["sms"]})[2]))

    def import_csv(self, content, *args):
        path = self.rig.state / "bad.csv"
        path.write_bytes(content)
        return self.rig.ctl("operator", "recipients", "import", path, *args, check=False)

    def count(self):
        return self.rig.ctl_json("planner", "count", "all")["count"]

    def test_a_csv_that_is_wrong_changes_nothing_and_names_the_line(self):
        head = b"id,name,phone\n"
        cases = {
            "no id column": (b"name,phone\na,19931234567\n", "id"),
            "doubled column": (b"id,name,name\n1,a,b\n", "name"),
            "wrong encoding": (head + "N1,张,19931234567\n".encode("gbk"), "2"),
            "a huge field": (head + b"N1," + b"x" * (1 << 20) + b",\n", "2"),
            "NUL": (head + b"N1,a\0b,\n", "2"),
            "unterminated quote": (head + b'N1,"a,19931234567\n', ""),
            "doubled id": (head + b"N1,a,\nN1,b,\n", "3"),
            "no rows": (head, ""),
            "nothing": (b"", ""),
            "one bad row": (head + b"N1,a,19931234567\nN2,b,123\n", "3"),
        }
        before = self.count()
        for name, (content, place) in cases.items():
            with self.subTest(name):
                refused = self.import_csv(content)
                self.assertEqual(refused.returncode, 65, refused.stdout + refused.stderr)
                self.assertIn(place, refused.stderr)
                self.assertEqual(self.count(), before)
        self.assertNotEqual(self.rig.ctl("operator", "recipients", "import", "/dev/null", check=False).returncode, 0)
        self.assertNotEqual(self.rig.ctl("operator", "recipients", "import", "/tmp", check=False).returncode, 0)

    def test_skip_bad_imports_the_good_rows_and_writes_the_bad_ones(self):
        before = self.count()
        done = self.import_csv("\ufeffid,name,phone\nN8,甲,19931234567\nN9,乙,123\n".encode(), "--skip-bad")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.count(), before + 1)
        bad = (self.rig.state / "bad.csv.bad.csv").read_text()
        self.assertIn("3", bad)
        self.assertIn("phone", bad)

    def counter(self, name):
        for line in self.rig.http("GET", "/metrics", None)[2].splitlines():
            if line.startswith(name + " "):
                return int(line.split()[1])
        self.fail(f"no metric {name}")

    def connect(self, name, secret=None, public=None):
        context = zmq.Context.instance()
        dealer = context.socket(zmq.DEALER)
        dealer.linger = 0
        dealer.identity = name.encode()
        if secret is None:
            public, secret = zmq.curve_keypair()
        dealer.curve_secretkey, dealer.curve_publickey = secret, public
        server, _ = zmq.auth.load_certificate(str(self.rig.keys / "crierd"))
        dealer.curve_serverkey = server
        dealer.connect(self.rig.processes["crierd"].facts["wire"])
        self.addCleanup(dealer.close)
        return dealer

    def test_garbage_on_the_wire_is_counted_and_harms_nobody(self):
        public, secret = zmq.auth.load_certificate(str(self.rig.keys / "mail-real_secret"))
        dealer = self.connect("mail-real", secret, public)
        before = self.counter("crier_wire_garbage_total")
        for frame in (b"", b"\xff" * 100, os.urandom(1000), b"\x08\x63", b"x" * (1 << 20)):
            dealer.send(frame)
        dealer.send_multipart([b"a"] * 20)
        wait_until(lambda: self.counter("crier_wire_garbage_total") >= before + 5, "garbage to be counted")
        self.assertEqual(finish(self.rig, send(self.rig))["state"], "finished")

    def test_a_key_that_is_not_allowed_gets_no_answer(self):
        before = self.counter("crier_workers")
        stranger = self.connect("sms-drill")
        stranger.send(b"\x08\x01")
        self.assertEqual(stranger.poll(1000), 0)
        self.assertEqual(self.counter("crier_workers"), before)

    def test_an_allowed_key_under_another_workers_name_is_refused(self):
        public, secret = zmq.auth.load_certificate(str(self.rig.keys / "sms-real_secret"))
        before = self.counter("crier_wire_refused_total") + self.counter("crier_wire_garbage_total")
        thief = self.connect("wechat-real", secret, public)
        thief.send(b"\x08\x01\x52\x00")
        wait_until(lambda: self.counter("crier_wire_refused_total") + self.counter("crier_wire_garbage_total") > before, "the thief to be refused")
        self.assertEqual(finish(self.rig, send(self.rig, channels="wechat"))["state"], "finished")


class RedisAway(unittest.TestCase):
    def test_reads_answer_writes_get_503_and_all_goes_on_by_itself(self):
        rig = county(people=100)
        self.addCleanup(rig.stop)
        rig.processes["redis"].signal(signal.SIGSTOP)
        body = {"template": "fzr-day", "to": "all", "drill": True, "variables": {"place": "a", "time": "b"}}
        refused = wait_until(lambda: (lambda a: a if a[0] == 503 else None)(rig.http("POST", "/v1/broadcasts", "planner", body)), "503")
        self.assertTrue(refused[1]["Retry-After"])
        started = time.monotonic()
        self.assertEqual(rig.http("GET", "/v1/broadcasts", "planner")[0], 200)
        self.assertLess(time.monotonic() - started, 1)
        rig.processes["redis"].signal(signal.SIGCONT)
        wait_until(lambda: rig.http("POST", "/v1/broadcasts", "planner", body)[0] == 201, "writes to be taken again")


if __name__ == "__main__":
    unittest.main()

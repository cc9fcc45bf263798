"""Two daemons on one store: one is active, the other waits and takes over; addresses come before the store."""
import signal
import subprocess
import time
import unittest
import urllib.error
import urllib.request

from county import check_counts, check_truth, county, finish, load, send, state
from rig import ROOT, Rig, wait_until

LEASE_S = 5.0


def moving(rig, broadcast):
    counts = state(rig, broadcast).get("counts", {})
    return any(c["delivered"] + c["accepted"] > 0 for c in counts.values())


def accepted(rig):
    path = rig.state / "sandbox/accepted.log"
    return path.stat().st_size if path.exists() else 0


def page(process, path):
    try:
        with urllib.request.urlopen(f"http://{process.facts['http']}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode().strip()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()


def serves(process):
    try:
        return page(process, "/readyz")[0] == 200
    except OSError:
        return False


class Pair(unittest.TestCase):
    """An active daemon and a standby, and workers that know both."""

    def setUp(self):
        rig = self.rig = Rig()
        self.addCleanup(rig.stop)
        rig.make_keys(["sms-drill", "mail-drill"])
        rig.start_redis()
        rig.start_sandbox()
        self.first = rig.start_daemon()
        config = rig.write_config("second", {**rig.settings["crierd"], "redis.redo_file": rig.state / "second.redo",
                                          "wire.endpoint": "tcp://127.0.0.1:*", "http.port": 0})
        self.second = rig._start("second", [rig.bin / "crierd", "-c", config])
        both = f"{self.first.facts['wire']}, {self.second.facts['wire']}"
        for channel in ("sms", "mail"):
            rig.start_worker(channel, **{"daemon.endpoint": both})
        rig.add_users()
        load(rig, 1500)
        rig.ctl("planner", "template", "put", ROOT / "config/templates/fzr-day.json")
        rig.sandbox_control({"channel": "all", "latency_ms": 30})

    def use_second(self):
        """crierctl and the helpers speak to the second daemon from here on."""
        self.rig.processes["crierd"], self.rig.processes["second"] = self.second, self.first

    def begin(self):
        broadcast = send(self.rig, channels="sms,mail")
        wait_until(lambda: moving(self.rig, broadcast), "deliveries to flow")
        return broadcast

    def goes_on_within(self, seconds):
        before, began = accepted(self.rig), time.monotonic()
        wait_until(lambda: serves(self.second), "the standby to serve", seconds)
        before = accepted(self.rig)
        wait_until(lambda: accepted(self.rig) > before, "deliveries to go on", seconds - (time.monotonic() - began))

    def ends_well(self, broadcast, unknown=0):
        self.use_second()
        self.rig.sandbox_control({"channel": "all", "latency_ms": 0})
        shown = finish(self.rig, broadcast, 90)
        self.assertEqual(shown["state"], "finished")
        check_counts(self, shown)
        check_truth(self, self.rig, broadcast, shown, twice_allowed=("mail",))
        self.assertLessEqual(sum(c["unknown"] for c in shown["counts"].values()), unknown)

    def test_the_standby_waits_and_says_so(self):
        self.assertEqual(self.second.facts["state"], "standby")
        self.assertEqual(page(self.second, "/healthz"), (200, "standby"))
        status, text = page(self.second, "/readyz")
        self.assertEqual(status, 503)
        self.assertIn("standby", text)
        self.assertEqual(page(self.second, "/v1/queue")[0], 503)
        self.assertEqual(page(self.first, "/healthz"), (200, "ok"))
        self.assertTrue(serves(self.first))
        self.assertEqual(self.second.stop(), 0)
        self.assertTrue(serves(self.first))

    def test_a_clean_end_hands_over_at_once(self):
        broadcast = self.begin()
        self.assertEqual(self.first.stop(), 0)
        self.goes_on_within(3.0)
        self.ends_well(broadcast)

    def test_a_crash_is_taken_over_when_the_lease_is_over(self):
        broadcast = self.begin()
        self.first.kill()
        self.goes_on_within(LEASE_S + 2.0)
        self.ends_well(broadcast)

    def test_one_that_slept_is_fenced(self):
        broadcast = self.begin()
        self.first.signal(signal.SIGSTOP)
        self.goes_on_within(LEASE_S + 2.0)
        self.first.signal(signal.SIGCONT)
        wait_until(lambda: not self.first.running(), "the first to end")
        self.assertEqual(self.first.child.returncode, 69)
        self.ends_well(broadcast)


class SameAddress(unittest.TestCase):
    def setUp(self):
        self.rig = county(people=50)
        self.addCleanup(self.rig.stop)

    def test_a_second_on_the_same_address_harms_nobody(self):
        rig, first = self.rig, self.rig.processes["crierd"]
        host, _, port = first.facts["http"].rpartition(":")
        for taken, key in (({"wire.endpoint": first.facts["wire"]}, "wire.endpoint"), ({"http.port": int(port)}, "http.port")):
            config = rig.write_config("second", {**rig.settings["crierd"], "redis.redo_file": "", **taken})
            ended = subprocess.run([rig.bin / "crierd", "-c", config], capture_output=True, text=True, timeout=20)
            self.assertEqual(ended.returncode, 69, ended.stderr)
            self.assertIn(key, ended.stderr)
            self.assertIn("ddress already in use", ended.stderr)
        self.assertEqual(rig.redis("GET", "{p}:epoch"), "1")
        self.assertTrue(serves(first))

    def test_the_same_daemon_come_back_does_not_wait_for_its_own_lease(self):
        self.rig.processes["crierd"].kill()
        began = time.monotonic()
        self.rig.restart("crierd")
        wait_until(lambda: serves(self.rig.processes["crierd"]), "the daemon to serve", 3)
        self.assertLess(time.monotonic() - began, 3)
        self.assertNotIn("state", self.rig.processes["crierd"].facts)


if __name__ == "__main__":
    unittest.main()

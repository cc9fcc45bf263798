"""Nothing that residents would notice: workers restarted one after the other under a broadcast; Redis stopped and let go."""
import datetime
import os
import pathlib
import signal
import threading
import time
import unittest

from county import check_counts, check_truth, county, finish, send, state
from rig import wait_until

# A sanitizer keeps shadow memory for whatever is touched.
SHADOWED = "ASAN_OPTIONS" in os.environ or "TSAN_OPTIONS" in os.environ


def moving(rig, broadcast):
    return sum(c["delivered"] + c["accepted"] for c in state(rig, broadcast).get("counts", {}).values()) > 50


def submit_times(rig):
    """When the SMS gateway accepted each submit, in seconds."""
    lines = (rig.state / "sandbox/accepted.log").read_text().splitlines()
    return sorted(datetime.datetime.fromisoformat(line.split()[0]).timestamp() for line in lines if line.split()[1] == "sms")


class Rolling(unittest.TestCase):
    """Everything is ended in good order and started again while a campaign runs: nothing is lost, nothing is sent twice, and no
    pause is longer than a resident would notice."""

    PAUSE_S = 1.0  # of workers: the other one goes on
    DAEMON_PAUSE_S = 2.0  # of crierd, or until its standby has taken over

    def begin(self, second=False):
        rig = self.rig = county(people=2500)
        self.addCleanup(rig.stop)
        rig.make_keys(["sms-drill-2"])
        daemons = [rig.processes["crierd"], *([self.start_second()] if second else [])]
        endpoints = ", ".join(daemon.facts["wire"] for daemon in daemons)
        rig.processes["sms-drill"].stop()
        for name in ("sms-drill", "sms-drill-2"):
            rig.start_worker("sms", name=name, **{"daemon.endpoint": endpoints})
        rig.sandbox_control({"channel": "sms", "latency_ms": 150})
        self.broadcast = send(rig, channels="sms")
        wait_until(lambda: moving(rig, self.broadcast), "deliveries to flow")

    def start_second(self):
        config = self.rig.write_config("second", {**self.rig.settings["crierd"], "redis.redo_file": self.rig.state / "second.redo",
                                                  "wire.endpoint": f"tcp://{self.rig.address}:*", "http.port": 0})
        return self.rig._start("second", [self.rig.bin / "crierd", "-c", config])

    def works(self, name):
        wait_until(lambda: any(row["name"] == name and row["leases"] > 0 for row in self.rig.ctl_json("operator", "workers")["items"]),
                   f"{name} to work again")

    def restart_worker(self, name):
        self.assertEqual(self.rig.processes[name].stop(), 0)
        self.rig.restart(name)
        self.works(name)

    def restart_daemon(self, name, heir):
        """`heir` is the daemon that goes on: the same one, or the other."""
        self.assertEqual(self.rig.processes[name].stop(), 0)
        if heir == name:
            self.rig.restart(name)
        self.rig.active = heir
        before = len(self.rig.truth())
        wait_until(lambda: len(self.rig.truth()) > before + 64, "submits of a new lease")  # two windows of both may be older
        if heir != name:
            self.rig.restart(name)

    def ends_well(self, pause_s):
        self.assertEqual(state(self.rig, self.broadcast)["state"], "sending", "it was over before all had been restarted")
        shown = finish(self.rig, self.broadcast)
        check_counts(self, shown)
        check_truth(self, self.rig, self.broadcast, shown)
        self.assertEqual(shown["counts"]["sms"]["unknown"], 0)
        times = submit_times(self.rig)
        self.assertLess(max(later - earlier for earlier, later in zip(times, times[1:])), pause_s)

    def test_workers_restarted_in_turn_leave_no_gap_no_unknown_and_nothing_twice(self):
        self.begin()
        for name in ("sms-drill", "sms-drill-2"):
            self.restart_worker(name)
        self.ends_well(self.PAUSE_S)

    def test_so_does_the_daemon_between_them(self):
        self.begin()
        self.restart_worker("sms-drill")
        self.restart_daemon("crierd", heir="crierd")
        self.restart_worker("sms-drill-2")
        self.ends_well(self.DAEMON_PAUSE_S)

    def test_so_do_two_daemons_of_which_one_takes_over_from_the_other(self):
        self.begin(second=True)
        self.restart_daemon("crierd", heir="second")
        self.restart_worker("sms-drill")
        self.restart_daemon("second", heir="crierd")
        self.restart_worker("sms-drill-2")
        self.ends_well(self.DAEMON_PAUSE_S)


class Stopped(unittest.TestCase):
    """Redis hangs: SIGSTOP, not gone."""

    def setUp(self):
        self.rig = county(people=1500)
        self.addCleanup(self.rig.stop)

    def rss_kb(self):
        status = pathlib.Path(f"/proc/{self.rig.processes['crierd'].child.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])

    def metric(self, name):
        text = self.rig.http("GET", "/metrics", None)[2]
        return float(next(line for line in text.splitlines() if line.startswith(name + " ")).split()[1])

    def test_reads_answer_writes_get_503_in_time_and_all_goes_on_by_itself(self):
        self.rig.sandbox_control({"channel": "all", "latency_ms": 20})
        broadcast = send(self.rig)
        wait_until(lambda: moving(self.rig, broadcast), "deliveries to flow")
        redis = self.rig.processes["redis"]
        redis.signal(signal.SIGSTOP)
        try:
            wait_until(lambda: self.metric("crier_ledger_up") == 0, "crierd to notice")
            before_kb = self.rss_kb()
            waiting = self.metric("crier_deliveries_waiting") + self.metric("crier_receipts_due") + self.metric("crier_deliveries_retry")
            self.assertGreater(waiting, 100)
            self.check_writes(broadcast)
            threads = [threading.Thread(target=self.read_for_a_while, args=(broadcast,)) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertLess(self.rss_kb(), before_kb + (65536 if SHADOWED else 8192))
            row = next(r for r in self.rig.ctl_json("operator", "queue")["items"] if r["id"] == broadcast)
            self.assertIn(row["waits_for"], ("", "redis", "gateway"))
        finally:
            redis.signal(signal.SIGCONT)
        shown = finish(self.rig, broadcast)
        check_counts(self, shown)
        check_truth(self, self.rig, broadcast, shown)
        self.assertEqual(sum(c["unknown"] for c in shown["counts"].values()), 0)
        self.rig.ctl("planner", "template", "put", self.template())

    def template(self):
        return next(pathlib.Path(__file__).resolve().parents[2].glob("config/templates/*.json"))

    def check_writes(self, broadcast):
        for path in (f"/v1/broadcasts/{broadcast}/pause", f"/v1/broadcasts/{broadcast}/unknown"):
            body = {"action": "accept"} if path.endswith("unknown") else {}
            begun = time.monotonic()
            status, headers, problem = self.rig.http("POST", path, "operator", body)
            self.assertEqual(status, 503, problem)
            self.assertIn("Retry-After", headers)
            self.assertLess(time.monotonic() - begun, 10)

    def read_for_a_while(self, broadcast):
        for _ in range(50):
            begun = time.monotonic()
            status = self.rig.http("GET", f"/v1/broadcasts/{broadcast}", "operator")[0]
            assert status == 200 and time.monotonic() - begun < 1, (status, time.monotonic() - begun)


if __name__ == "__main__":
    unittest.main()

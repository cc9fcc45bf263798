"""kill -9 of any one process in the middle of a broadcast, and restart: the counts still add up, nothing is lost or sent twice."""
import unittest

from county import check_counts, check_truth, county, finish, send, state
from rig import wait_until

SLOW = {"channel": "all", "latency_ms": 30}


def moving(rig, broadcast):
    shown = state(rig, broadcast)
    done = sum(c["delivered"] + c["accepted"] for c in shown.get("counts", {}).values())
    return 0 < done and shown["state"] == "sending"


class Kill(unittest.TestCase):
    def setUp(self):
        self.rig = county(people=1500)
        self.addCleanup(self.rig.stop)
        self.rig.sandbox_control(SLOW)

    def kill_during_broadcast(self, victim, windows=0):
        broadcast = send(self.rig)
        wait_until(lambda: moving(self.rig, broadcast), "deliveries to flow")
        self.rig.processes[victim].kill()
        self.rig.restart(victim)
        self.rig.sandbox_control({"channel": "all", "latency_ms": 0})
        shown = finish(self.rig, broadcast, 90)
        self.assertEqual(shown["state"], "finished")
        check_counts(self, shown)
        # E-mail and WeChat may be submitted again: the fixed Message-ID and client_msg_id make that one message.
        check_truth(self, self.rig, broadcast, shown, twice_allowed=("mail", "wechat"))
        unknown = sum(c["unknown"] for c in shown["counts"].values())
        self.assertLessEqual(unknown, windows * 16, f"{victim}: more unknown than two windows per connection")

    def test_the_daemon(self):
        self.kill_during_broadcast("crierd")

    def test_redis(self):
        self.kill_during_broadcast("redis")

    def test_the_sms_worker(self):
        self.kill_during_broadcast("sms-drill", windows=2)

    def test_the_wechat_worker(self):
        self.kill_during_broadcast("wechat-drill", windows=2)

    def test_the_mail_worker(self):
        self.kill_during_broadcast("mail-drill", windows=2)


class Stopped(unittest.TestCase):
    def test_a_worker_that_gets_term_leaves_no_unknown(self):
        rig = county(people=1500)
        self.addCleanup(rig.stop)
        rig.sandbox_control(SLOW)
        broadcast = send(rig, channels="sms")
        wait_until(lambda: moving(rig, broadcast), "deliveries to flow")
        self.assertEqual(rig.processes["sms-drill"].stop(), 0)
        rig.restart("sms-drill")
        shown = finish(rig, broadcast)
        check_counts(self, shown)
        check_truth(self, rig, broadcast, shown)
        self.assertEqual(shown["counts"]["sms"]["unknown"], 0)


if __name__ == "__main__":
    unittest.main()

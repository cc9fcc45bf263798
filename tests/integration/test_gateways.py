"""Several gateways on one channel: who comes first, who takes over, rates, quotas and pauses, while everything runs."""
import time
import unittest

from county import check_counts, check_truth, county, finish, send, state
from rig import wait_until
from test_rolling import submit_times

DEAD = "http://127.0.0.1:9/sms/"


class Gateways(unittest.TestCase):
    def setUp(self):
        self.rig = county(people=400)
        self.addCleanup(self.rig.stop)
        self.rig.make_keys(["sms-second"])
        self.rig.start_worker("sms", name="sms-second", **{"gateway.name": "second"})
        wait_until(lambda: len(self.gateways()) == 4, "both gateways to be there")

    def gateways(self):
        return {item["name"]: item for item in self.rig.ctl_json("operator", "gateways")["items"]}

    def set(self, name, *args):
        return self.rig.ctl_json("operator", "gateways", "set", name, *args)

    def check(self, broadcast):
        shown = finish(self.rig, broadcast)
        check_counts(self, shown)
        check_truth(self, self.rig, broadcast, shown)
        self.assertEqual(shown["counts"]["sms"]["unknown"], 0)
        return shown

    def test_a_second_gateway_stands_by_and_takes_over_what_the_first_cannot(self):
        self.set("second", "--priority", "1")
        self.check(send(self.rig, channels="sms"))
        self.assertEqual(self.gateways()["second"]["accepted"], 0)
        self.assertEqual(self.gateways()["smtp-drill"]["receipts"], "none")
        self.rig.processes["sms-drill"].stop()
        self.rig.start_worker("sms", name="sms-drill", **{"gateway.url": DEAD})
        self.rig._point_receipts("sms", self.rig.processes["sms-second"])
        broadcast = send(self.rig, channels="sms")
        wait_until(lambda: self.gateways()["aliyun-drill"]["state"] == "away", "the first to be seen as away")
        shown = self.check(broadcast)
        self.assertGreater(shown["counts"]["sms"]["delivered"], 300)
        self.assertGreaterEqual(self.gateways()["second"]["accepted"], shown["counts"]["sms"]["delivered"])

    def test_a_pause_holds_until_it_is_lifted_and_survives_a_restart(self):
        for name in ("aliyun-drill", "second"):
            self.rig.ctl("operator", "gateways", "pause", name)
        broadcast = send(self.rig, channels="sms")
        wait_until(lambda: self.rig.ctl_json("operator", "queue")["items"][0]["waits_for"] == "paused gateway or its quota",
                   "the queue to say why")
        self.rig.restart("crierd")
        wait_until(lambda: len(self.gateways()) == 4, "the workers to be back")
        self.assertEqual(self.gateways()["second"]["state"], "paused")
        self.assertEqual(state(self.rig, broadcast)["counts"]["sms"]["waiting"], 400)
        self.rig.ctl("operator", "gateways", "resume", "second")
        self.check(broadcast)
        self.assertEqual(self.gateways()["aliyun-drill"]["accepted"], 0)
        audit = [line for line in self.rig.ctl_json("auditor", "audit")["items"] if line["what"] == "gateway_set"]
        self.assertEqual((audit[0]["object"], audit[0]["detail"]["paused"]), ("second", False))

    def test_a_quota_stops_at_its_number_and_the_rest_goes_when_it_is_raised(self):
        self.rig.ctl("operator", "gateways", "pause", "second")
        self.set("aliyun-drill", "--quota", "100")
        broadcast = send(self.rig, channels="sms")
        wait_until(lambda: self.gateways()["aliyun-drill"]["state"] == "quota", "the quota to be used up")
        self.assertEqual(self.gateways()["aliyun-drill"]["used_today"], 100)
        self.assertEqual(sum(1 for channel, _ in self.rig.truth() if channel == "sms"), 100)
        wait_until(lambda: '"used":100' in self.rig.redis("HGET", "{p}:doc:gateways", "aliyun-drill").replace(" ", ""),
                   "the count to be stored", 15)
        self.rig.processes["crierd"].kill()
        self.rig.restart("crierd")
        wait_until(lambda: self.gateways().get("aliyun-drill", {}).get("used_today") == 100, "the count to be known again")
        self.set("aliyun-drill", "--quota", "0")
        self.check(broadcast)

    def test_a_rate_holds_at_once_and_a_lease_may_wait_for_it_longer_than_a_silent_one(self):
        self.rig.ctl("operator", "gateways", "pause", "second")
        self.assertEqual(self.set("aliyun-drill", "--rate", "40")["per_second"], 40)
        began = time.time()
        self.check(send(self.rig, channels="sms"))
        times = [at for at in submit_times(self.rig) if at >= began - 1]
        rate = (len(times) - 4) / (times[-1] - times[0])  # less the burst
        self.assertLess(rate, 46)
        self.assertGreater(rate, 25)
        lost = next(line for line in self.rig.http("GET", "/metrics", None)[2].splitlines() if line.startswith("crier_leases_lost_total"))
        self.assertEqual(lost.split()[1], "0")

    def test_a_hint_at_carriers_is_kept_and_everybody_is_reached(self):
        self.assertEqual(self.set("second", "--carriers", "mobile,unicom")["carriers"], ["mobile", "unicom"])
        self.check(send(self.rig, channels="sms"))
        self.assertGreater(self.gateways()["second"]["accepted"], 0)
        self.assertEqual(self.set("second", "--carriers", "")["carriers"], [])

    def test_nonsense_is_refused_and_names_what_it_is(self):
        for path, body, status, words in (
                ("nobody", {"weight": 1}, 404, "no such gateway: nobody"),
                ("second", {"weight": 0}, 400, "weight: a number from 1 to 1000"),
                ("second", {"per_second": "many"}, 400, "per_second: a number from 0 to 100000"),
                ("second", {"priority": 2.5}, 400, "priority: a number from 0 to 9"),
                ("second", {"carriers": ["mobile", "acme"]}, 400, 'carriers: "acme" is none of mobile, unicom'),
                ("second", {"speed": 2}, 400, "speed")):
            answer = self.rig.http("PATCH", f"/v1/gateways/{path}", "operator", body)
            self.assertEqual(answer[0], status, answer)
            self.assertIn(words, str(answer[2]))
        self.assertEqual(self.rig.http("PATCH", "/v1/gateways/second", "planner", {"weight": 2})[0], 403)
        self.assertEqual(self.gateways()["second"]["weight"], 1)


if __name__ == "__main__":
    unittest.main()

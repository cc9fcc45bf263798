"""What an operator does by hand: unknown outcomes, broadcasts to those of another broadcast."""
import unittest

from county import check_counts, county, draft, finish, send, state
from rig import wait_until

LOSING = {"channel": "sms", "drop_percent": 30, "receipt_missing_percent": 100}
KIND = {"channel": "sms", "drop_percent": 0, "receipt_missing_percent": 0}


def settle_submits(rig, broadcast):
    wait_until(lambda: (lambda c: c and c["waiting"] + c["retry"] + c["leased"] == 0)(state(rig, broadcast)["counts"].get("sms")),
               "everything to be submitted")


def unknown_of(rig, broadcast):
    return rig.ctl_json("operator", "unknown", broadcast)["channels"]["sms"]


class Unknown(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.rig = county(people=300)

    @classmethod
    def tearDownClass(cls):
        cls.rig.stop()

    def lose(self, *args):
        """A broadcast of which some answers were never seen."""
        self.rig.sandbox_control(LOSING)
        broadcast = send(self.rig, *args, channels="sms")
        settle_submits(self.rig, broadcast)
        self.rig.sandbox_control(KIND)
        return broadcast

    def test_it_is_listed_by_worker_and_then_sent_again(self):
        broadcast = self.lose()
        listed = unknown_of(self.rig, broadcast)
        self.assertGreater(listed["unknown"], 20)
        self.assertEqual(listed["unknown"], state(self.rig, broadcast)["counts"]["sms"]["unknown"])
        self.assertEqual([(row["worker"], row["unknown"]) for row in listed["by"]], [("sms-drill", listed["unknown"])])
        self.assertRegex(listed["since"], r"^20\d\d-\d\d-\d\dT")
        table = self.rig.ctl("operator", "unknown", broadcast).stdout
        self.assertIn("sms-drill", table)
        done = self.rig.ctl_json("operator", "unknown", broadcast, "--resend", "--channel", "sms")
        self.assertEqual(done["changed"], listed["unknown"])
        self.assertEqual(self.rig.ctl_json("operator", "unknown", broadcast, "--resend")["changed"], 0)
        shown = finish(self.rig, broadcast)
        check_counts(self, shown)
        self.assertEqual(shown["counts"]["sms"]["unknown"], 0)
        late = self.rig.ctl("operator", "unknown", broadcast, "--resend", check=False)
        self.assertEqual(late.returncode, 1)
        self.assertIn("unknown:ID", late.stderr)
        orders = [line for line in self.rig.ctl_json("auditor", "audit")["items"] if line["what"] == "broadcast_unknown"]
        self.assertEqual((orders[-1]["object"], orders[-1]["detail"]["action"]), (broadcast, "resend"))

    def test_it_is_taken_as_sent_and_counted_apart(self):
        broadcast = self.lose()
        unknown = unknown_of(self.rig, broadcast)["unknown"]
        self.assertEqual(self.rig.ctl("planner", "unknown", broadcast, "--accept", check=False).returncode, 77)
        self.assertEqual(self.rig.ctl("operator", "unknown", broadcast, "--accept", "--resend", check=False).returncode, 65)
        wrong = self.rig.http("POST", f"/v1/broadcasts/{broadcast}/unknown", "operator", {"action": "forget"})
        self.assertEqual(wrong[0], 400, wrong)
        self.assertEqual(self.rig.ctl_json("operator", "unknown", broadcast, "--accept")["changed"], unknown)
        shown = finish(self.rig, broadcast)
        check_counts(self, shown)
        self.assertEqual(shown["counts"]["sms"]["unknown"], 0)
        self.assertEqual(shown["counts"]["sms"]["reasons"]["presumed"], unknown)
        self.assertIn("taken as sent", self.rig.ctl("operator", "status", broadcast).stdout)

    def test_the_policy_of_the_broadcast_sends_it_again_by_itself(self):
        broadcast = self.lose("--unknown", "resend")
        shown = finish(self.rig, broadcast)
        check_counts(self, shown)
        self.assertEqual(shown["unknown"], "resend")
        self.assertLess(shown["counts"]["sms"]["unknown"], 20)

    def test_a_new_broadcast_goes_to_those_that_another_did_not_reach(self):
        broadcast = finish(self.rig, self.lose())
        counts, number = broadcast["counts"]["sms"], broadcast["id"]
        for term, wanted in (("unknown", counts["unknown"]), ("delivered", counts["delivered"]), ("failed", counts["failed"]),
                             ("suppressed", counts["suppressed"]), ("expired", 0), ("sent", counts["delivered"])):
            self.assertEqual(self.rig.ctl_json("planner", "count", f"{term}:{number}")["count"], wanted, term)
        self.assertEqual(self.rig.ctl_json("planner", "count", f"unknown:{number}/mail")["count"], 0)
        again = finish(self.rig, send(self.rig, to=f"unknown:{number} & !failed:{number}", channels="sms"))
        self.assertEqual(again["audience"], counts["unknown"])
        check_counts(self, again)

    def test_an_unknown_broadcast_is_pointed_at(self):
        refused = self.rig.ctl("planner", "count", "all & failed:B-00ZZZZZZ", check=False)
        self.assertEqual(refused.returncode, 65)
        self.assertIn("no such broadcast: B-00ZZZZZZ", refused.stderr)
        status, _, problem = self.rig.http("GET", "/v1/audience?select=all%26failed%3Axyz", "planner")
        self.assertEqual((status, problem["column"]), (400, 12), problem)
        never = draft(self.rig)
        self.assertIn("nothing of it was ever sent", self.rig.ctl("planner", "count", f"sent:{never}", check=False).stderr)


if __name__ == "__main__":
    unittest.main()

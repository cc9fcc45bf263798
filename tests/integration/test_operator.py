"""What an operator does by hand: unknown outcomes, broadcasts to those of another broadcast."""
import csv
import json
import os
import subprocess
import unittest

from county import check_counts, county, draft, finish, send, state
from rig import wait_until

LOSING = {"channel": "sms", "drop_percent": 30, "receipt_missing_percent": 100}
KIND = {"channel": "sms", "drop_percent": 0, "receipt_missing_percent": 0}


def settle_submits(rig, broadcast):
    wait_until(lambda: (lambda c: c and c["waiting"] + c["retry"] + c["leased"] == 0)(state(rig, broadcast)["counts"].get("sms")),
               "everything to be submitted", 120)


def unknown_of(rig, broadcast):
    return rig.ctl_json("operator", "unknown", broadcast)["channels"]["sms"]


class Unknown(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.rig = county(people=300)

    @classmethod
    def tearDownClass(cls):
        cls.rig.stop()

    def without_service(self):
        """How many have a number that the gateway refuses."""
        with open(self.rig.state / "county.csv", encoding="utf-8", newline="") as file:
            return sum(row["phone"].endswith("0000") for row in csv.DictReader(file))

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
        # Who is refused the second time is unknown again: the first submit may have gone out.
        refused = self.without_service()
        self.assertLessEqual(self.rig.ctl_json("operator", "unknown", broadcast, "--resend")["changed"], refused)
        shown = finish(self.rig, broadcast)
        check_counts(self, shown)
        self.assertLessEqual(shown["counts"]["sms"]["unknown"], refused)
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

    def test_small_manners(self):
        self.assertIn("--resend", self.rig.ctl("operator", "help", "unknown").stdout)
        with open(self.rig.state / "county.csv", encoding="utf-8") as rows:
            next(rows)
            person = next(rows).split(",", 1)[0]
        self.assertIn("1 person:", self.rig.ctl("planner", "count", f"id:{person}").stdout)
        shown = self.rig.state / "shown.json"
        shown.write_text(json.dumps(self.rig.ctl_json("planner", "template", "show", "fzr-day")))
        self.rig.ctl("planner", "template", "put", shown)
        refused = self.rig.ctl("planner", "count", "all &\n(group:farmer |\n  group:农民x)", check=False).stderr.splitlines()
        self.assertEqual(refused[1:], ["    group:农民x)", "          ^"], refused)

    def test_a_watch_whose_reader_is_gone_ends(self):
        never = draft(self.rig)
        with subprocess.Popen([self.rig.bin / "crierctl", "--as", "operator", "watch", never], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, env={**os.environ, **self.rig.env()}) as watch:
            watch.stdout.readline()
            watch.stdout.close()
            self.assertEqual((watch.wait(20), watch.stderr.read()), (0, b""))


class Late(unittest.TestCase):
    def test_receipts_after_the_end_and_after_a_restart_correct_the_counts(self):
        rig = county(people=200)
        self.addCleanup(rig.stop)
        rig.sandbox_control({"channel": "sms", "receipt_delay_ms": 16000, "receipt_failed_percent": 20})
        broadcast = send(rig, channels="sms")
        unconfirmed = finish(rig, broadcast)["counts"]["sms"]["reasons"]["unconfirmed"]
        self.assertGreater(unconfirmed, 100)
        rig.restart("crierd")
        self.assertEqual(state(rig, broadcast)["counts"]["sms"]["reasons"]["unconfirmed"], unconfirmed)
        wait_until(lambda: "unconfirmed" not in state(rig, broadcast)["counts"]["sms"]["reasons"], "the receipts to come", 60)
        shown = state(rig, broadcast)
        check_counts(self, shown)
        self.assertGreater(shown["counts"]["sms"]["failed"], 10)
        self.assertIsNotNone(shown["counts"]["sms"]["ms_to_last"])
        rig.restart("crierd")
        wait_until(lambda: state(rig, broadcast)["counts"] == shown["counts"], "the counts to be those of the bytes")
        self.assertEqual(rig.ctl_json("planner", "count", f"failed:{broadcast}")["count"], shown["counts"]["sms"]["failed"])

    def test_what_ended_is_taken_as_sent_after_a_restart(self):
        rig = county(people=200)
        self.addCleanup(rig.stop)
        rig.sandbox_control(LOSING)
        broadcast = send(rig, channels="sms")
        unknown = finish(rig, broadcast)["counts"]["sms"]["unknown"]
        self.assertGreater(unknown, 10)
        rig.restart("crierd")
        self.assertEqual(rig.ctl_json("operator", "unknown", broadcast, "--accept")["changed"], unknown)
        wait_until(lambda: state(rig, broadcast)["counts"]["sms"]["unknown"] == 0, "the counts to follow")
        check_counts(self, state(rig, broadcast))


class Crew(unittest.TestCase):
    """Two SMS workers."""

    @classmethod
    def setUpClass(cls):
        cls.rig = county(people=1500)
        cls.rig.make_keys(["sms-drill-2"])
        cls.rig.start_worker("sms", name="sms-drill-2")

    @classmethod
    def tearDownClass(cls):
        cls.rig.stop()

    def setUp(self):
        self.rig.sandbox_control({"channel": "sms", "latency_ms": 0})

    def worker(self, name):
        return next(row for row in self.rig.ctl_json("operator", "workers")["items"] if row["name"] == name)

    def rows(self, broadcast):
        return {row["channel"]: row for row in self.rig.ctl_json("operator", "queue")["items"] if row["id"] == broadcast}

    def test_a_drained_worker_finishes_and_gets_nothing_more_until_it_is_undrained(self):
        self.rig.sandbox_control({"channel": "sms", "latency_ms": 50})
        broadcast = send(self.rig, channels="sms")
        wait_until(lambda: self.worker("sms-drill-2")["leases"] > 0, "a lease for the second worker")
        self.assertEqual(self.rig.ctl_json("operator", "workers", "drain", "sms-drill-2")["state"], "draining")
        wait_until(lambda: self.worker("sms-drill-2")["state"] == "drained", "it to be drained")
        done = self.worker("sms-drill-2")["outcomes"]
        self.rig.sandbox_control({"channel": "sms", "latency_ms": 0})
        check_counts(self, finish(self.rig, broadcast))
        self.rig.restart("sms-drill-2")
        self.rig.restart("crierd")
        wait_until(lambda: self.worker("sms-drill-2")["state"] == "drained", "both to be back")
        self.assertGreater(done, 0)
        finish(self.rig, send(self.rig, channels="sms"))
        self.assertEqual(self.worker("sms-drill-2")["outcomes"], 0)
        self.assertNotEqual(self.rig.ctl("operator", "workers", "drain", "sms-dril", check=False).returncode, 0)
        self.rig.ctl("operator", "workers", "drain", "sms-drill")
        alone = send(self.rig, channels="sms")
        wait_until(lambda: self.rows(alone)["sms"]["waits_for"] == "no drill worker for sms", "it to wait for a worker")
        self.assertEqual(self.rig.ctl("planner", "workers", "undrain", "sms-drill", check=False).returncode, 77)
        for name in ("sms-drill", "sms-drill-2"):
            self.assertEqual(self.rig.ctl_json("operator", "workers", "undrain", name)["state"], "ready")
        check_counts(self, finish(self.rig, alone))

    def test_the_queue_says_why_and_since_when_in_the_order_of_lanes(self):
        self.rig.sandbox_control({"channel": "sms", "latency_ms": 200})
        first = send(self.rig, "--lane", "urgent", channels="sms")
        slow = send(self.rig, "--lane", "bulk", channels="sms")
        wait_until(lambda: self.rows(slow)["sms"]["waits_for"] == f"behind {first}", "the lower lane to wait", 30)
        row = self.rows(slow)["sms"]
        self.assertRegex(row["since"], r"^20\d\d-\d\d-\d\dT")
        items = self.rig.ctl_json("operator", "queue")["items"]
        self.assertEqual([item["id"] for item in items], [first, slow])
        self.rig.ctl("operator", "pause", slow)
        wait_until(lambda: self.rows(slow)["sms"]["waits_for"] == "paused", "the pause to show", 30)
        self.assertEqual(self.rows(slow)["sms"]["paused_by"], "operator")
        self.assertIn("paused", self.rig.ctl("operator", "queue").stdout)
        self.rig.ctl("operator", "cancel", slow)
        self.rig.ctl("operator", "cancel", first)
        finish(self.rig, slow)
        finish(self.rig, first)


if __name__ == "__main__":
    unittest.main()

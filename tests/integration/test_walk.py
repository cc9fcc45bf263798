"""The walk of README by hand: import, count, preview, draft, approve, send, watch, explain, pause, resume, cancel."""
import json
import unittest

from county import check_counts, county, draft, finish, send, state
from rig import wait_until


class Walk(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.rig = county(people=600, real=True)

    @classmethod
    def tearDownClass(cls):
        cls.rig.stop()

    def test_a_selector_counts_the_same_people_as_the_towns_listed(self):
        audience = self.rig.ctl_json("planner", "count", "all")
        self.assertEqual(audience["count"], 600)
        self.assertEqual(sum(town["count"] for town in audience["towns"]), 600)
        one = self.rig.ctl_json("planner", "count", "town:孔村镇")
        self.assertIn(one["count"], [town["count"] for town in audience["towns"]])

    def test_an_unknown_town_is_refused_with_its_column_and_a_suggestion(self):
        refused = self.rig.ctl("planner", "count", "group:farmer & town:孔庄镇", check=False)
        self.assertEqual(refused.returncode, 65)
        self.assertIn("孔村镇", refused.stderr)
        status, _, problem = self.rig.http("GET", "/v1/audience?select=town%3A%E5%AD%94%E5%BA%84%E9%95%87", "planner")
        self.assertEqual((status, problem["column"]), (400, 6), problem)

    def test_the_author_can_never_approve(self):
        broadcast = draft(self.rig)
        for user in ("planner", "duty", "operator"):
            self.assertEqual(self.rig.ctl(user, "approve", broadcast, check=False).returncode, 77, user)
        refused = self.rig.ctl("admin", "user", "add", "planner2", "--person", "A. Prover", "--role", "planner", check=False)
        self.assertNotEqual(refused.returncode, 0)
        self.rig.ctl("planner", "cancel", broadcast)

    def test_a_broadcast_to_everybody_finishes_and_explains_each_person(self):
        broadcast = send(self.rig)
        self.rig.ctl("operator", "watch", broadcast)
        shown = finish(self.rig, broadcast)
        self.assertEqual((shown["state"], shown["audience"]), ("finished", 600))
        check_counts(self, shown)
        explained = self.rig.ctl_json("operator", "explain", broadcast, "--recipient", self.first_person())
        self.assertTrue(explained["in_audience"])
        for channel, told in explained["channels"].items():
            self.assertNotIn(told["status"], ("waiting", "accepted"), channel)
            if told["status"] in ("delivered", "handed"):
                self.assertGreaterEqual(len(told["attempts"]), 1, channel)
                self.assertRegex(told["attempts"][0]["at"], r"^20\d\d-\d\d-\d\dT")

    def first_person(self):
        with open(self.rig.state / "county.csv", encoding="utf-8") as rows:
            next(rows)
            return next(rows).split(",", 1)[0]

    def test_pause_holds_and_resume_goes_on_to_the_end(self):
        self.rig.sandbox_control({"channel": "all", "latency_ms": 40})
        broadcast = send(self.rig)
        wait_until(lambda: any(c["delivered"] + c["accepted"] for c in state(self.rig, broadcast).get("counts", {}).values()), "deliveries")
        self.rig.ctl("operator", "pause", broadcast)
        wait_until(lambda: all(c["leased"] == 0 for c in state(self.rig, broadcast)["counts"].values()), "leases to come back")
        before = len(self.rig.truth())
        self.assertEqual(state(self.rig, broadcast)["state"], "paused")
        self.assertIn("paused", json.dumps(self.rig.ctl_json("operator", "queue")))
        self.rig.sandbox_control({"channel": "all", "latency_ms": 0})
        self.assertEqual(len(self.rig.truth()), before)
        self.rig.ctl("operator", "resume", broadcast)
        check_counts(self, finish(self.rig, broadcast))

    def test_cancel_settles_what_was_not_sent(self):
        self.rig.sandbox_control({"channel": "all", "latency_ms": 40})
        broadcast = send(self.rig)
        wait_until(lambda: any(c["delivered"] + c["accepted"] for c in state(self.rig, broadcast).get("counts", {}).values()), "deliveries")
        self.rig.ctl("operator", "cancel", broadcast, "--reason", "wrong date")
        self.rig.sandbox_control({"channel": "all", "latency_ms": 0})
        settled = wait_until(lambda: (lambda s: all(c["waiting"] + c["retry"] + c["leased"] + c["accepted"] == 0 for c in s["counts"].values()) and s)(
            state(self.rig, broadcast)), "everything to settle")
        self.assertEqual(settled["state"], "cancelled")
        check_counts(self, settled)
        self.assertGreater(sum(c["cancelled"] for c in settled["counts"].values()), 0)

    def test_opting_out_is_effective_for_what_was_not_handed_out(self):
        person = self.first_person()
        self.rig.ctl("operator", "recipients", "opt-out", person, "--channel", "sms")
        broadcast = send(self.rig, to=f"id:{person}")
        shown = finish(self.rig, broadcast)
        self.assertEqual(shown["counts"]["sms"]["reasons"], {"suppressed_optout": 1})
        self.rig.ctl("operator", "recipients", "opt-in", person, "--channel", "sms")

    def test_a_missing_variable_and_an_empty_audience_are_refused_at_draft_time(self):
        base = ["broadcast", "draft", "--template", "fzr-day", "--drill"]
        missing = self.rig.ctl("planner", *base, "--to", "all", check=False)
        self.assertEqual(missing.returncode, 65)
        self.assertRegex(missing.stderr, r"variables\.(place|time): has no value")
        empty = [*base, "--to", "group:farmer & !group:farmer", "--var", "place=x", "--var", "time=y"]
        self.assertEqual(self.rig.ctl("planner", *empty, check=False).returncode, 65)
        self.assertEqual(self.rig.ctl("planner", *empty, "--allow-empty").returncode, 0)

    def test_a_real_broadcast_uses_only_real_workers(self):
        broadcast = send(self.rig, to=f"id:{self.first_person()}", channels="wechat,mail", drill=False)
        shown = finish(self.rig, broadcast)
        check_counts(self, shown)
        gateways = {(g["channel"], g["drill"]): g for g in self.rig.ctl_json("operator", "gateways")["items"]}
        self.assertIn(("sms", False), gateways)
        workers = {w["name"]: w["outcomes"] for w in self.rig.ctl_json("operator", "workers")["items"]}
        self.assertGreaterEqual(workers["mail-real"] + workers["wechat-real"], 1)

    def test_an_import_updates_by_id_and_keeps_ordinals(self):
        person = self.first_person()
        before = self.rig.ctl_json("operator", "recipients", "show", person)
        result = self.rig.ctl_json("operator", "recipients", "import", self.rig.state / "county.csv")
        self.assertEqual((result["added"], result["unchanged"]), (0, 600), result)
        self.assertEqual(self.rig.ctl_json("operator", "recipients", "show", person)["ordinal"], before["ordinal"])

    def test_an_answered_post_is_answered_the_same_again(self):
        body = {"template": "fzr-day", "to": "all", "drill": True, "variables": {"place": "a", "time": "b"}}
        first = self.rig.http("POST", "/v1/broadcasts", "planner", body, {"Idempotency-Key": "k-1"})
        again = self.rig.http("POST", "/v1/broadcasts", "planner", body, {"Idempotency-Key": "k-1"})
        other = self.rig.http("POST", "/v1/broadcasts", "planner", {**body, "to": "group:farmer"}, {"Idempotency-Key": "k-1"})
        self.assertEqual((first[0], again[0], other[0]), (201, 201, 422))
        self.assertEqual(first[2]["id"], again[2]["id"])
        self.assertEqual(again[1]["Idempotency-Replayed"], "true")

    def test_no_output_shows_a_whole_phone_number(self):
        with open(self.rig.state / "county.csv", encoding="utf-8") as rows:
            next(rows)
            phones = {row.split(",")[2] for row in list(rows)[:200]} - {""}
        texts = [path.read_text(errors="replace") for path in (self.rig.state / "log").glob("*.log")]
        texts.append(self.rig.http("GET", "/metrics", None)[2])
        texts.append(self.rig.ctl("operator", "recipients", "show", self.first_person()).stdout)
        texts.append((self.rig.state / "sandbox/accepted.log").read_text())
        for phone in phones:
            for text in texts:
                self.assertNotIn(phone, text)
        stored = b"".join(path.read_bytes() for path in (self.rig.state / "redis").rglob("*") if path.is_file())
        for phone in phones:
            self.assertNotIn(phone.encode(), stored)


if __name__ == "__main__":
    unittest.main()

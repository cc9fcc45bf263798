"""Why somebody gets nothing: each reason, as explain tells it, through real processes and their restart."""
import csv
import datetime
import io
import os
import signal
import unittest
import unittest.mock
import zoneinfo

from county import VARIABLES, draft, finish, state
from rig import ROOT, Rig, wait_until

PEOPLE = """id,name,phone,email,groups,guardian
N1,张无号,,n1@pingyin.test,reasons,
H1,王父,19930000001,h1@pingyin.test,reasons,
H2,王母,19930000001,h2@pingyin.test,reasons,
H3,王小明,,,reasons,H1
O1,李退,19930000002,o1@pingyin.test,reasons,
B1,赵坏,19930000003,bounce1@pingyin.test,bad,
D1,周疑,19930000008,bounce2@pingyin.test,doubted,
D2,吴疑,19930000009,bounce3@pingyin.test,doubted,
F1,钱频,19930000004,f1@pingyin.test,tired,
Q1,孙静,19930000005,q1@pingyin.test,night,
Q2,周急,19930000006,q2@pingyin.test,night,
E1,吴过,19930000007,e1@pingyin.test,late,
"""
ZONE = zoneinfo.ZoneInfo("Asia/Shanghai")


def clock(minutes):
    """HH:MM so many minutes from now."""
    return (datetime.datetime.now(ZONE) + datetime.timedelta(minutes=minutes)).strftime("%H:%M")


class Suppression(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.rig = Rig()
        cls.rig.overrides["crierd"] = {"frequency.max": 2, "frequency.days": 7}
        cls.addClassCleanup(cls.rig.stop)
        cls.rig.start(channels=("sms", "mail"), real=True)
        cls.rig.add_users()
        people = cls.rig.state / "people.csv"
        people.write_text(PEOPLE, encoding="utf-8")
        cls.rig.ctl("operator", "recipients", "import", people)
        cls.rig.ctl("planner", "template", "put", ROOT / "config/templates/fzr-day.json")

    def broadcast(self, to, *args, channels="mail", author="planner"):
        """A real one, drafted, approved and sent."""
        drafted = self.rig.ctl_json(author, "broadcast", "draft", "--template", "fzr-day", "--to", to, "--channels", channels,
                                    *VARIABLES["fzr-day"], *args)["id"]
        self.rig.ctl("approver", "approve", drafted)
        self.rig.ctl(author, "send", drafted)
        return drafted

    def explain(self, broadcast, person):
        return self.rig.ctl_json("operator", "explain", broadcast, "--recipient", person)["channels"]

    def told(self, broadcast, person, channel, status):
        """What explain says of one delivery once it has that status."""
        return wait_until(lambda: (lambda told: told["status"] == status and told)(self.explain(broadcast, person)[channel]),
                          f"{person} to be {status} in {broadcast}")

    def words(self, broadcast, person, chinese=False):
        locale = {"LC_ALL": "zh_CN.UTF-8" if chinese else "C.UTF-8"}
        with unittest.mock.patch.dict(os.environ, locale):
            return self.rig.ctl("operator", "explain", broadcast, "--recipient", person).stdout

    def shown(self, person):
        return self.rig.ctl_json("operator", "recipients", "show", person)

    def restart(self, **settings):
        self.rig.overrides["crierd"] = {"frequency.max": 2, "frequency.days": 7, "quiet.from": "", "quiet.until": "", **settings}
        self.rig.restart("crierd")
        wait_until(lambda: len([w for w in self.rig.ctl_json("operator", "workers")["items"] if w["state"] == "ready"]) == 4,
                   "the workers to come back", 30)

    def test_no_address_an_opt_out_and_a_doubled_address_are_named(self):
        self.rig.ctl("operator", "recipients", "opt-out", "O1", "--channel", "sms")
        sent = self.broadcast("group:reasons", "--unique-addresses", channels="sms")
        self.assertEqual(self.told(sent, "N1", "sms", "suppressed_address")["attempts"], [])
        opted = self.told(sent, "O1", "sms", "suppressed_optout")
        self.assertEqual([a["outcome"] for a in opted["attempts"]], ["suppressed_optout"])
        for person in ("H2", "H3"):
            doubled = self.told(sent, person, "sms", "suppressed_duplicate")
            self.assertEqual(doubled["same_as"]["recipient"], "H1")
            self.assertEqual(len(doubled["attempts"]), 1)
        wait_until(lambda: self.explain(sent, "H1")["sms"]["attempts"], "H1 to be tried")
        same = self.explain(sent, "H2")["sms"]["same_as"]
        self.assertEqual([(a["attempt"], a["worker"]) for a in same["attempts"] if "worker" in a], [(1, "sms-real")])
        self.assertIn("the same address as H1", self.words(sent, "H2"))
        self.assertIn("与 H1 地址相同", self.words(sent, "H2", chinese=True))
        shown = finish(self.rig, sent)
        self.assertEqual(shown["counts"]["sms"]["reasons"],
                         {"suppressed_address": 1, "suppressed_optout": 1, "suppressed_duplicate": 2})
        self.restart()  # told from the store now
        self.assertEqual(self.told(sent, "H2", "sms", "suppressed_duplicate")["same_as"]["recipient"], "H1")

    def test_without_the_option_everybody_gets_it(self):
        drill = draft(self.rig, to="id:H1 | id:H2", channels="sms", drill=False)
        self.rig.ctl("approver", "approve", drill)
        self.rig.ctl("planner", "send", drill)
        self.assertEqual(finish(self.rig, drill)["counts"]["sms"]["reasons"], {})

    def test_a_refused_address_is_learned_kept_and_forgotten(self):
        first = self.broadcast("group:bad", channels="mail")
        self.told(first, "B1", "mail", "failed_address")
        wait_until(lambda: self.shown("B1")["bad_addresses"] == ["mail"], "the address to be learned")
        wait_until(self.all_stored, "it to be stored")
        self.restart()
        second = self.broadcast("group:bad", channels="mail")
        self.assertEqual(len(self.told(second, "B1", "mail", "suppressed_bad_address")["attempts"]), 1)
        self.assertEqual(self.rig.ctl_json("operator", "count", "group:bad")["channels"]["mail"], 0)
        emergency = self.broadcast("group:bad", "--lane", "emergency", channels="mail", author="duty")
        self.told(emergency, "B1", "mail", "failed_address")  # tried all the same
        self.rig.ctl("operator", "recipients", "good-address", "B1", "--channel", "mail")
        self.assertEqual(self.shown("B1")["bad_addresses"], [])
        # An import that gives another address does the same.
        third = self.broadcast("group:bad", "--lane", "urgent", channels="mail")
        self.told(third, "B1", "mail", "failed_address")
        wait_until(lambda: self.shown("B1")["bad_addresses"] == ["mail"], "the address to be learned again")
        corrected = self.rig.state / "corrected.csv"
        corrected.write_text("id,phone\nB1,19930000093\n", encoding="utf-8")
        self.rig.ctl("operator", "recipients", "import", corrected)
        self.assertEqual(self.shown("B1")["bad_addresses"], ["mail"])
        corrected.write_text("id,email\nB1,b1@pingyin.test\n", encoding="utf-8")
        self.rig.ctl("operator", "recipients", "import", corrected)
        self.assertEqual(self.shown("B1")["bad_addresses"], [])
        fourth = self.broadcast("group:bad", "--lane", "urgent", channels="mail")
        self.told(fourth, "B1", "mail", "handed")

    def all_stored(self):
        """The store knows as many bad addresses as crierd does: those of other tests too."""
        metrics = self.rig.http("GET", "/metrics", None)[2].splitlines()
        known = next(line.split()[1] for line in metrics if line.startswith("crier_bad_addresses "))
        return self.rig.redis("BITCOUNT", "{d}:bad:mail") == known

    def test_a_refusal_of_what_began_before_an_address_was_called_good_is_not_believed(self):
        worker = self.rig.processes["mail-real"]
        worker.signal(signal.SIGSTOP)
        self.addCleanup(worker.signal, signal.SIGCONT)
        sent = self.broadcast("group:doubted", channels="mail")
        wait_until(lambda: state(self.rig, sent)["counts"]["mail"]["leased"] == 2, "both to be handed out")
        self.rig.ctl("operator", "recipients", "good-address", "D1", "--channel", "mail")
        worker.signal(signal.SIGCONT)
        wait_until(lambda: self.shown("D2")["bad_addresses"] == ["mail"], "the other's address to be learned")
        self.told(sent, "D1", "mail", "failed_address")
        self.assertEqual(self.shown("D1")["bad_addresses"], [])

    def test_a_gateway_that_refuses_everybody_teaches_nothing(self):
        crowd = self.rig.state / "crowd.csv"
        crowd.write_text("id,email,groups\n" + "".join(f"C{n},bounce{n + 100}@pingyin.test,crowd\n" for n in range(600)), encoding="utf-8")
        self.rig.ctl("operator", "recipients", "import", crowd)
        shown = finish(self.rig, self.broadcast("group:crowd"))
        self.assertEqual(shown["counts"]["mail"]["reasons"], {"failed_address": 600})
        log = self.rig.processes["crierd"].log_path
        wait_until(lambda: "event=refusals_doubted" in log.read_text(), "the refusals to be doubted")
        marked = 600 - self.rig.ctl_json("operator", "count", "group:crowd")["channels"]["mail"]
        self.assertLessEqual(marked, 32)

    def test_enough_is_enough_but_for_what_is_urgent(self):
        had = [self.broadcast("group:tired", channels="sms,mail") for _ in range(2)]
        for broadcast in had:
            self.told(broadcast, "F1", "mail", "handed")
        third = self.broadcast("group:tired", channels="mail")
        enough = self.told(third, "F1", "mail", "suppressed_frequency")
        self.assertEqual([notice["id"] for notice in enough["notices"]], had)
        self.assertEqual((enough["limit"], enough["days"]), (2, 7))
        self.assertIn("had 2 notices in 7 days, the limit is 2", self.words(third, "F1"))
        self.restart()
        self.told(self.broadcast("group:tired", channels="mail"), "F1", "mail", "suppressed_frequency")
        self.told(self.broadcast("group:tired", "--lane", "urgent", channels="mail"), "F1", "mail", "handed")

    def test_quiet_hours_hold_and_let_go_by_themselves(self):
        self.restart(**{"quiet.from": clock(-60), "quiet.until": clock(2 if datetime.datetime.now().second > 45 else 1)})
        held = self.broadcast("id:Q1")
        late = self.broadcast("group:late", "--expires", "+4s")
        told = wait_until(lambda: (lambda told: "held_until" in told and told)(self.explain(held, "Q1")["mail"]), "it to be held")
        self.assertEqual((told["status"], told["attempts"]), ("waiting", []))
        self.assertIn("held by quiet hours until", self.words(held, "Q1"))
        self.assertIn("静默时段", self.words(held, "Q1", chinese=True))
        queued = {row["id"]: row["waits_for"] for row in self.rig.ctl_json("operator", "queue")["items"]}
        self.assertRegex(queued[held], r"^quiet hours until \d\d:\d\d$")
        through = self.broadcast("id:Q2", "--through-quiet", "the dam is watched at night")
        alert = self.broadcast("id:Q2", "--lane", "emergency", author="duty")
        for broadcast in (through, alert):
            marked = self.told(broadcast, "Q2", "mail", "handed")
            self.assertTrue(marked["attempts"][0]["quiet_hours"])
            self.assertTrue(state(self.rig, broadcast)["sent_in_quiet"])
        self.assertEqual(state(self.rig, through)["through_quiet"], "the dam is watched at night")
        lines = self.rig.ctl_json("auditor", "audit")["items"]
        marked = {line["object"] for line in lines if line["what"] == "broadcast_send" and line["detail"].get("sent_in_quiet")}
        self.assertEqual(marked, {through, alert})
        self.assertFalse(state(self.rig, held)["sent_in_quiet"])
        self.assertIn("expired", self.told(late, "E1", "mail", "expired"))
        wait_until(lambda: self.explain(held, "Q1")["mail"]["status"] == "handed", "the quiet hours to end", 130, 0.2)
        self.assertNotIn("quiet_hours", self.explain(held, "Q1")["mail"]["attempts"][0])

    def test_opt_outs_are_exported_and_read_back(self):
        self.rig.ctl("operator", "recipients", "opt-out", "N1", "--channel", "sms", "--channel", "mail")
        exported = self.rig.ctl("admin", "recipients", "export").stdout
        rows = {row["id"]: row for row in csv.DictReader(io.StringIO(exported))}
        self.assertEqual((rows["N1"]["opt_out"], rows["Q2"]["opt_out"]), ("sms;mail", ""))
        again = self.rig.state / "again.csv"
        again.write_text(exported, encoding="utf-8")
        result = self.rig.ctl_json("operator", "recipients", "import", again)
        self.assertEqual((result["unchanged"], result["updated"]), (len(rows), 0), result)
        self.rig.ctl("operator", "recipients", "opt-in", "N1")


if __name__ == "__main__":
    unittest.main()

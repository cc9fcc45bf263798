"""What residents say back: opt-outs, people who leave and come, and that nothing is recorded twice whatever dies."""
import argparse
import csv
import json
import unittest
import urllib.request

from county import county, draft
from rig import ROOT, Rig, wait_until
from worker import Worker, pb

TEXT, LEFT, CAME = pb.Replies.TEXT, pb.Replies.LEFT, pb.Replies.CAME
HOME, OTHER, NOBODY = "19930000001", "19930000002", "19939999999"
OPENID = "oAbCdEfGhIjKlMnOpQrStUvWxYz0"
PEOPLE = f"""id,name,phone,openid,groups,guardian
H1,王父,{HOME},,family,
H2,王母,{HOME},,family,
H3,王小明,,,family,H1
O1,李四,{OTHER},{OPENID},others,
"""


class Gateway(Worker):
    """One that hears residents, and no more."""

    def __init__(self, rig, name, channel):
        keys = {"endpoint": rig.processes["crierd"].facts["wire"], "server_key_file": rig.keys / "crierd",
                "secret_key_file": rig.keys / f"{name}_secret"}
        super().__init__(argparse.Namespace(name=name, channel=channel, **{"class": name.rpartition("-")[2]}, **keys))
        self.batch = 1000
        self.connect()
        wait_until(self.hears_welcome, "the welcome")

    def hears_welcome(self):
        self.receive()
        return self.welcome

    def is_taken(self, batch):
        self.receive()
        self.keep_alive()
        return batch in self.replies_taken

    def tell(self, *replies):
        """Says them in a batch of their own, and waits until it is taken."""
        self.batch += 1
        self.say_replies(self.batch, *replies)
        wait_until(lambda: self.is_taken(self.batch), f"batch {self.batch} to be taken")
        return self.batch


class Replies(unittest.TestCase):
    def setUp(self):
        self.rig = Rig()
        self.addCleanup(self.rig.stop)
        self.rig.overrides["crierd"] = {"plan.opt_out_words": "停 STOP", "plan.tick_ms": 20}
        self.rig.start(channels=())
        self.rig.make_keys(["sms-real", "sms-drill", "wechat-real"])
        self.rig.add_users()
        people = self.rig.state / "people.csv"
        people.write_text(PEOPLE, encoding="utf-8")
        self.rig.ctl("operator", "recipients", "import", people)

    def gateway(self, name="sms-real"):
        gateway = Gateway(self.rig, name, name.partition("-")[0])
        self.addCleanup(lambda: gateway.socket.close())
        return gateway

    def shown(self, person):
        return self.rig.ctl_json("operator", "recipients", "show", person)

    def replies(self, query=""):
        status, _, body = self.rig.http("GET", f"/v1/replies{query}", user="operator")
        self.assertEqual(status, 200, body)
        return body["items"]

    def opt_outs(self):
        return [line for line in self.rig.ctl_json("auditor", "audit")["items"] if line["what"] == "opt_out"]

    def metric(self, name):
        text = self.rig.http("GET", "/metrics", user=None)[2]
        return next(float(line.split()[1]) for line in text.splitlines() if line.startswith(name + " "))

    def test_a_word_opts_everybody_out_whom_a_notice_reaches_there(self):
        self.gateway().tell((TEXT, HOME, " 退订。"), (TEXT, HOME, "R"), (TEXT, NOBODY, "T"))
        for person in ("H1", "H2", "H3"):
            shown = self.shown(person)
            self.assertEqual(shown["opted_out"], ["sms"])
            self.assertEqual((shown["opt_outs"]["sms"]["source"], shown["opt_outs"]["sms"]["detail"]), ("reply", "退订"))
        self.assertEqual(self.shown("O1")["opted_out"], [])
        line, = self.opt_outs()  # one for the batch, though it was said twice
        self.assertEqual((line["who"], line["object"], line["detail"]["recipients"]), ("resident", "H1", ["H1", "H2", "H3"]))
        newest, second, first = self.replies()
        self.assertEqual((newest["text"], newest["did"], newest["people"], newest["recipients"]), ("T", "kept", 0, []))
        self.assertEqual((first["did"], first["people"], first["address"]), ("opted_out", 3, "199****0001"))
        self.assertEqual(second["did"], "opted_out")
        self.assertEqual([self.metric(f"crier_replies{name}_total") for name in ("", "_unknown", "_opted_out")], [3, 1, 3])
        stored = b"".join(path.read_bytes() for path in (self.rig.state / "redis/appendonlydir").iterdir())
        self.assertIn("退订".encode(), stored)  # why somebody opted out is no personal data
        self.assertNotIn(HOME.encode(), stored)
        self.rig.restart("crierd")
        self.assertEqual(self.shown("H3")["opt_outs"]["sms"]["detail"], "退订")
        self.rig.ctl("operator", "recipients", "opt-in", "H3")
        self.assertEqual((self.shown("H3")["opted_out"], self.shown("H3")["opt_outs"]), ([], {}))

    def test_an_opt_out_holds_back_what_is_sent_and_explain_says_why(self):
        self.gateway().tell((TEXT, OTHER, "stop"))
        self.rig.start_worker("sms", real=True)
        self.rig.ctl("planner", "template", "put", ROOT / "config/templates/fzr-day.json")
        sent = draft(self.rig, to="id:O1", channels="sms", drill=False)
        self.rig.ctl("approver", "approve", sent)
        self.rig.ctl("planner", "send", sent)
        told = wait_until(lambda: (lambda t: t["status"] == "suppressed_optout" and t)(
            self.rig.ctl_json("operator", "explain", sent, "--recipient", "O1")["channels"]["sms"]), "the reason")
        self.assertEqual((told["opt_out"]["source"], told["opt_out"]["detail"]), ("reply", "STOP"))

    def test_texts_of_all_sorts_are_kept_and_change_nothing(self):
        hostile = b"\xff\x00\x1b[31m TD \xe2\x80\xae" + "别再发 TD 了，电话13812345678".encode()
        self.gateway().tell((TEXT, OTHER, hostile), (TEXT, b"\xff\xfe", "退订"), (TEXT, OTHER, "好" * 600), (TEXT, OTHER, ""))
        self.assertEqual(self.shown("O1")["opted_out"], [])
        shown = self.replies("?recipient=O1")
        self.assertEqual([reply["did"] for reply in shown], ["kept"] * 3)
        self.assertNotIn("13812345678", shown[2]["text"])
        self.assertNotIn("\x1b", shown[2]["text"])
        self.assertIn("别再发 TD 了", shown[2]["text"])
        self.assertEqual(len(shown[1]["text"]), 600)

    def test_whoever_leaves_is_not_reached_until_they_come_back(self):
        gateway = self.gateway("wechat-real")
        gateway.tell((CAME, OPENID, ""), (LEFT, OPENID, ""))
        self.assertEqual((self.shown("O1")["bad_addresses"], self.shown("O1")["opted_out"]), (["wechat"], []))
        gateway.tell((CAME, OPENID, ""))
        self.assertEqual(self.shown("O1")["bad_addresses"], [])
        self.assertEqual([reply["did"] for reply in self.replies()], ["address_returned", "address_left", "address_returned"])

    def test_what_comes_over_a_drill_gateway_is_nobodys_will(self):
        self.gateway("sms-drill").tell((TEXT, OTHER, "退订"))
        self.assertEqual(self.shown("O1")["opted_out"], [])
        reply, = self.replies()
        self.assertEqual((reply["drill"], reply["did"]), (True, "kept"))

    def stored_once(self):
        self.assertEqual(self.rig.redis("XLEN", "{d}:replies"), "1")
        self.assertEqual(len(self.opt_outs()), 1)
        self.assertEqual(self.shown("O1")["opted_out"], ["sms"])

    def test_a_repeated_batch_is_taken_again_and_recorded_once(self):
        gateway = self.gateway()
        gateway.say_replies(gateway.batch + 1, (TEXT, OTHER, "退订"))  # and again before the first is stored
        batch = gateway.tell((TEXT, OTHER, "退订"))
        for _ in range(3):
            gateway.replies_taken.clear()
            gateway.say_replies(batch, (TEXT, OTHER, "退订"))
            gateway.say_replies(batch, (TEXT, OTHER, "退订"))
            wait_until(lambda: gateway.is_taken(batch), "the repeated batch to be taken")
        self.stored_once()
        self.assertEqual(self.metric("crier_replies_total"), 1)

    def test_a_daemon_that_dies_before_it_says_so_records_nothing_twice(self):
        gateway = self.gateway()
        gateway.say_replies(7, (TEXT, OTHER, "退订"))
        wait_until(lambda: self.rig.redis("XLEN", "{d}:replies") == "1", "the reply to be stored")
        self.rig.processes["crierd"].kill()  # the gateway has heard nothing yet
        gateway.socket.close()
        self.rig.restart("crierd")
        self.stored_once()
        self.rig.ctl("operator", "recipients", "opt-in", "O1", "--channel", "sms")
        again = self.gateway()
        again.say_replies(7, (TEXT, OTHER, "退订"))
        wait_until(lambda: again.is_taken(7), "it to be taken")
        self.assertEqual(self.shown("O1")["opted_out"], [])  # it was said before that
        self.assertEqual((self.rig.redis("XLEN", "{d}:replies"), len(self.opt_outs())), ("1", 1))

    def test_while_redis_is_away_nothing_is_taken_and_then_it_is(self):
        gateway = self.gateway()
        self.rig.processes["redis"].kill()
        gateway.say_replies(8, (TEXT, OTHER, "退订"))
        wait_until(lambda: self.metric("crier_ledger_up") == 0, "the daemon to notice")
        wait_until(lambda: self.metric("crier_reply_batches") == 0, "the batch to be put off")
        self.assertFalse(gateway.is_taken(8))
        self.rig.restart("redis")
        wait_until(lambda: self.metric("crier_ledger_up") == 1, "the daemon to be back")
        self.assertFalse(gateway.is_taken(8))
        gateway.say_replies(8, (TEXT, OTHER, "退订"))
        wait_until(lambda: gateway.is_taken(8), "it to be taken")
        self.stored_once()

    def test_pages_go_back_in_time_and_what_is_malformed_is_refused(self):
        gateway = self.gateway()
        for first in (0, 200):
            gateway.tell(*((TEXT, NOBODY, f"第{number}条") for number in range(first, first + 200)))
        seen, query = [], "?limit=100"
        while query:
            page = self.rig.http("GET", f"/v1/replies{query}", user="auditor")[2]
            seen += [item["text"] for item in page["items"]]
            query = page.get("next") and f"?limit=100&cursor={page['next']}"
        self.assertEqual(seen, [f"第{number}条" for number in reversed(range(400))])
        self.assertEqual(self.replies("?since=2099-01-01T00:00:00%2B08:00"), [])
        for bad in ("?since=yesterday", "?cursor=1", "?limit=101"):
            self.assertEqual(self.rig.http("GET", f"/v1/replies{bad}", user="operator")[0], 400, bad)
        self.assertEqual(self.rig.http("GET", "/v1/replies", user="planner")[0], 403)

    def test_frames_that_lie_are_refused(self):
        gateway = self.gateway()
        before = self.metric("crier_wire_refused_total")
        gateway.send(replies=pb.Replies(batch=1, kinds=bytes([0])))
        gateway.say_replies(2, (3, OTHER, "退订"))
        gateway.say_replies(3, (TEXT, "", "退订"))
        gateway.say_replies(4)
        wait_until(lambda: self.metric("crier_wire_refused_total") == before + 4, "them to be refused")
        self.assertEqual(self.rig.redis("XLEN", "{d}:replies"), "0")


class Pushed(unittest.TestCase):
    def test_what_is_written_back_comes_by_the_aggregators_push_too(self):
        rig = county(people=30)
        self.addCleanup(rig.stop)
        with open(rig.state / "county.csv", encoding="utf-8") as rows:
            phone = next(row["phone"] for row in csv.DictReader(rows) if row["phone"])
        asked = urllib.request.Request(rig.sandbox_url() + "/inbox/reply", json.dumps({"address": phone, "text": "退订"}).encode(), method="POST")
        urllib.request.urlopen(asked, timeout=10).read()
        wait_until(lambda: rig.http("GET", "/v1/replies", user="operator")[2]["items"], "the reply")
        reply = rig.http("GET", "/v1/replies", user="operator")[2]["items"][0]
        self.assertEqual((reply["channel"], reply["text"], reply["drill"], reply["did"]), ("sms", "退订", True, "kept"))
        self.assertEqual(reply["people"] > 0, True)


if __name__ == "__main__":
    unittest.main()

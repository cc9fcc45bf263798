"""The link in a mail: who follows it gets no mails any more, and nobody else can do that to them."""
import hashlib
import hmac
import json
import unittest
import urllib.request

from county import finish, send
from rig import ROOT, Rig

KEY = bytes(range(32))
FORM, MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"
CLICK = b"List-Unsubscribe=One-Click"
CLICK_IN_PARTS = b'--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--x--\r\n'
PEOPLE = """id,name,phone,email,groups,guardian
H1,王父,19930000001,home@example.test,family,
H2,王母,19930000002,home@example.test,family,
H3,王小明,,,family,H1
O1,李四,19930000003,other@example.test,family,
"""


def token(reference, purpose="unsubscribe", key=KEY):
    mac = hmac.new(key, purpose.encode() + b"\0" + reference.encode(), hashlib.sha256).digest()
    return f"{reference}.{mac[:12].hex()}"


class Unsubscribe(unittest.TestCase):
    def setUp(self):
        self.rig = Rig()
        self.addCleanup(self.rig.stop)
        key = self.rig.keys / "mail.key"  # the rig keeps what is there
        key.parent.mkdir(mode=0o700)
        key.touch(0o600)
        key.write_text(KEY.hex() + "\n")
        self.rig.overrides["crierd"] = {"plan.tick_ms": 20}
        self.rig.start(channels=("mail",), real=True)
        self.rig.add_users()
        self.rig.ctl("planner", "template", "put", ROOT / "config/templates/fzr-day.json")
        people = self.rig.state / "people.csv"
        people.write_text(PEOPLE, encoding="utf-8")
        self.rig.ctl("operator", "recipients", "import", people)

    def send(self, **kwargs):
        broadcast = send(self.rig, channels="mail", **kwargs)
        return broadcast.removeprefix("B-"), finish(self.rig, broadcast)["counts"]["mail"]

    def click(self, token, body=CLICK, content_type=FORM, method="POST"):
        status, headers, page = self.rig.http(method, f"/u/{token}", user=None, body=body, content_type=content_type)
        self.assertNotIn("Location", headers)
        self.assertNotIn("Set-Cookie", headers)
        return status, page

    def opted_out(self):
        shown = {person: self.rig.ctl_json("operator", "recipients", "show", person) for person in ("H1", "H2", "H3", "O1")}
        return {person: view["opt_outs"]["mail"]["source"] for person, view in shown.items() if "mail" in view["opted_out"]}

    def test_a_click_opts_out_everybody_at_that_address_and_the_next_campaign_passes_them_by(self):
        number, counts = self.send(drill=False)
        self.assertEqual(counts["delivered"], 4)
        status, page = self.click(token(f"{number}.m.1"), body=None, method="GET")
        self.assertEqual(status, 200)
        self.assertIn("<button>", page)
        self.assertEqual(self.opted_out(), {}, "a program that looks into mails opens the links in them")
        for content_type, body in ((FORM, CLICK), (MULTIPART, CLICK_IN_PARTS)):
            status, page = self.click(token(f"{number}.m.1"), body=body, content_type=content_type)
            self.assertEqual(status, 200, page)
            self.assertIn("已退订", page)
            self.assertEqual(self.opted_out(), dict.fromkeys(("H1", "H2", "H3"), "unsubscribe"))
        lines = [line for line in self.rig.ctl_json("auditor", "audit")["items"] if line["what"] == "opt_out"]
        self.assertEqual([(line["who"], line["object"]) for line in lines], [("resident", "H2")])
        _, counts = self.send(drill=False)
        self.assertEqual((counts["delivered"], counts["suppressed"]), (1, 3))

    def test_the_link_in_a_mail_is_that_link(self):
        number, _ = self.send(drill=False)
        with urllib.request.urlopen(f"{self.rig.sandbox_url()}/inbox/recent", timeout=10) as answer:
            mails = [item for item in json.load(answer)["items"] if item["address"] == "other@example.test"]
        self.assertEqual([mail["unsubscribe"] for mail in mails], [f"{self.rig.url()}/u/" + token(f"{number}.m.3")])
        self.assertEqual(self.click(mails[0]["unsubscribe"].rpartition("/")[2])[0], 200)
        self.assertEqual(self.opted_out(), {"O1": "unsubscribe"})

    def test_no_other_link_opts_anybody_out(self):
        number, _ = self.send(drill=False)
        drill, _ = self.send(drill=True)
        good = token(f"{number}.m.0")
        forged = {"another person's": (good.replace(".m.0.", ".m.1."), 403), "cut": (good[:-1], 403), "none": ("x", 403),
                  "under another key": (token(f"{number}.m.0", key=b"k" * 32), 403),
                  "a return address": (token(f"{number}.m.0", purpose="bounce"), 403),
                  "of a drill": (token(f"{drill}.m.0"), 404), "of nobody": (token(f"{number}.m.4"), 404),
                  "of no broadcast": (token("0000ZZZZ.m.0"), 404)}
        for why, (link, expected) in forged.items():
            with self.subTest(why):
                self.assertEqual(self.click(link)[0], expected)
        self.assertEqual(self.click(good, body=b"List-Unsubscribe=")[0], 400)
        self.assertEqual(self.click(good, body=b"{}", content_type="application/json")[0], 415)
        self.assertEqual(self.opted_out(), {})
        self.assertEqual(self.click(good)[0], 200)
        self.assertEqual(self.opted_out(), {"H1": "unsubscribe", "H2": "unsubscribe", "H3": "unsubscribe"})


if __name__ == "__main__":
    unittest.main()

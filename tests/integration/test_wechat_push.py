"""What the WeChat platform pushes, down to what crierd keeps of it: plain and safe mode, replays, residents who write and leave."""
import base64
import hashlib
import struct
import subprocess
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request

from rig import Rig, wait_until

TOKEN = "sandbox-token"
AES_KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
OPENID = "oTestTestTestTestTestTest001"
CSV = f"id,name,phone,openid,email,division,groups,roles,language,guardian,opt_out\nO1,王,,{OPENID},,370124001001,farmer,,zh-CN,,\n"


def sign(*parts):
    return hashlib.sha1("".join(sorted(parts)).encode()).hexdigest()


def event(kind, number, content=""):
    return (f"<xml><ToUserName><![CDATA[gh_1]]></ToUserName><FromUserName><![CDATA[{OPENID}]]></FromUserName>"
            f"<CreateTime>{number}</CreateTime>{kind}{content}</xml>")


def text(number, words):
    return event("<MsgType><![CDATA[text]]></MsgType>", number, f"<Content><![CDATA[{words}]]></Content><MsgId>{number}</MsgId>")


def does(what, number):
    return event(f"<MsgType><![CDATA[event]]></MsgType><Event><![CDATA[{what}]]></Event>", number)


def seal(xml, receiver="wxsandbox"):
    """The safe mode's body, by openssl."""
    key = base64.b64decode(AES_KEY + "=")
    raw = b"0123456789abcdef" + struct.pack(">I", len(xml.encode())) + xml.encode() + receiver.encode()
    pad = 32 - len(raw) % 32
    raw += bytes([pad]) * pad
    return base64.b64encode(subprocess.run(["openssl", "enc", "-aes-256-cbc", "-nopad", "-K", key.hex(), "-iv", key[:16].hex()],
                                           input=raw, capture_output=True, check=True).stdout).decode()


class Pushes(unittest.TestCase):
    def setUp(self):
        self.rig = Rig()
        self.addCleanup(self.rig.stop)
        self.rig.start(channels=("wechat",))
        self.rig.add_users()
        csv = self.rig.state / "people.csv"
        csv.write_text(CSV)
        self.rig.ctl("operator", "recipients", "import", csv)
        self.nonce = 0

    def start_worker(self, **extra):
        return self.rig.start_worker("wechat", real=True, **extra)

    def url(self, worker, query):
        return f"http://{worker.facts['receipts']}/events?" + urllib.parse.urlencode(query)

    def post(self, url, body=None):
        try:
            with urllib.request.urlopen(urllib.request.Request(url, data=body and body.encode()), timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def stamp(self):
        self.nonce += 1
        return str(int(time.time())), f"n{self.nonce}"

    def plain(self, worker, xml):
        timestamp, nonce = self.stamp()
        url = self.url(worker, {"signature": sign(TOKEN, timestamp, nonce), "timestamp": timestamp, "nonce": nonce})
        return url, self.post(url, xml)

    def replies(self):
        status, _, body = self.rig.http("GET", "/v1/replies", user="operator")
        self.assertEqual(status, 200, body)
        return [reply["did"] for reply in body["items"]]

    def shown(self):
        return self.rig.ctl_json("operator", "recipients", "show", "O1")

    def test_residents_write_leave_and_come_back(self):
        worker = self.start_worker()
        self.assertEqual(self.plain(worker, text(1, "退订"))[1], (200, "success"))
        self.assertEqual(self.shown()["opted_out"], ["wechat"])
        self.assertEqual(self.plain(worker, does("unsubscribe", 2))[1], (200, "success"))
        self.assertEqual(self.shown()["bad_addresses"], ["wechat"])
        self.assertEqual(self.plain(worker, does("subscribe", 3))[1], (200, "success"))
        self.assertEqual(self.shown()["bad_addresses"], [])
        self.assertEqual(self.replies(), ["address_returned", "address_left", "opted_out"])

    def test_what_is_pushed_again_is_taken_once(self):
        worker = self.start_worker()
        url, answer = self.plain(worker, does("unsubscribe", 7))
        self.assertEqual(answer, (200, "success"))
        self.assertEqual(self.post(url, does("unsubscribe", 8))[0], 403)               # the same signature, another body
        self.assertEqual(self.plain(worker, does("unsubscribe", 7))[1], (200, "success"))  # the platform itself, once more
        self.assertEqual(self.replies(), ["address_left"])

    def test_the_safe_mode(self):
        key = self.rig.keys / "wechat.aes"
        key.touch(0o600)
        key.write_text(AES_KEY + "\n")
        worker = self.start_worker(**{"receipts.aes_key_file": key})
        for sealed, expected in ((seal(text(1, "hello")), 200), (seal(text(2, "stranger"), "wxanother"), 400)):
            timestamp, nonce = self.stamp()
            url = self.url(worker, {"signature": sign(TOKEN, timestamp, nonce), "timestamp": timestamp, "nonce": nonce,
                                    "encrypt_type": "aes", "msg_signature": sign(TOKEN, timestamp, nonce, sealed)})
            self.assertEqual(self.post(url, f"<xml><Encrypt><![CDATA[{sealed}]]></Encrypt></xml>")[0], expected)
        self.assertEqual(self.plain(worker, text(3, "plain"))[1][0], 403)
        self.assertEqual(self.replies(), ["kept"])

    def test_the_sandbox_plays_the_resident(self):
        url = f"{self.rig.sandbox_url()}/inbox/wechat"
        self.assertEqual(self.post(url, f'{{"address": "{OPENID}", "does": "text", "text": "几点开始？"}}')[0], 200)
        self.assertEqual(self.post(url, f'{{"address": "{OPENID}", "does": "unsubscribe"}}')[0], 200)
        self.assertEqual(self.post(url, f'{{"address": "{OPENID}", "does": "dance"}}')[0], 400)
        wait_until(lambda: len(self.replies()) == 2, "both to be kept")
        self.assertEqual(self.shown()["bad_addresses"], [])  # a drill gateway's word


if __name__ == "__main__":
    unittest.main()

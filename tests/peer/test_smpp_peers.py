"""SMPP against programs of others: our worker with the message centre of npm's smpp, and our message centre with its client and with
Kannel's bearerbox."""
import json
import pathlib
import shutil
import socket
import subprocess
import threading
import unittest
import urllib.parse
import urllib.request

from county import county, finish, send
from rig import wait_until

NODE = pathlib.Path(__file__).parent
LONG = "【平阴科普】" + "演练：明天停水，请提前储水。" * 8


def ask(rig, path):
    with urllib.request.urlopen(rig.sandbox_url() + path, timeout=10) as answer:
        return json.loads(answer.read())


def inbox(rig, phone):
    return ask(rig, f"/inbox/search?address={phone}")["items"]


class Node:
    """A script whose lines of JSON are kept."""

    def __init__(self, case, script, *args):
        self.lines = []
        self.child = subprocess.Popen(["node", NODE / script, *args], stdout=subprocess.PIPE, text=True)
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()
        case.addCleanup(self.stop)

    def read(self):
        for line in self.child.stdout:
            self.lines.append(json.loads(line))

    def stop(self):
        self.child.terminate()
        self.child.wait()
        self.thread.join()
        self.child.stdout.close()

    def events(self, name):
        return [line for line in list(self.lines) if line["event"] == name]


def whole_texts(submits):
    """By number: texts whose parts are joined."""
    texts, parts = {}, {}
    for submit in submits:
        if submit["part"] is None:
            texts.setdefault(submit["to"], []).append(submit["text"])
            continue
        header = bytes.fromhex(submit["part"][0])  # 00 03 RR TT SS
        reference, total, number = header[-3], header[-2], header[-1]
        pieces = parts.setdefault((submit["to"], reference), {})
        pieces[number] = submit["text"]
        if len(pieces) == total:
            texts.setdefault(submit["to"], []).append("".join(pieces[n] for n in sorted(pieces)))
    return texts


@unittest.skipUnless((NODE / "node_modules/smpp").is_dir(), "npm ci in tests/peer first, as scripts/test does")
class NpmCentre(unittest.TestCase):
    def test_our_worker_delivers_through_it_and_receipts_confirm_all(self):
        rig = county(people=120)
        self.addCleanup(rig.stop)
        rig.processes["sms-drill"].stop()
        for way in ("udh8", "payload"):
            with self.subTest(way):
                centre = Node(self, "smpp_centre.js")
                wait_until(lambda: centre.events("ready"), "the centre to listen")
                worker = rig.start_worker("sms", **{
                    "gateway.kind": "smpp", "gateway.url": f"smpp://127.0.0.1:{centre.events('ready')[0]['port']}",
                    "gateway.account": "crier", "gateway.password_file": rig.keys / "smpp.password",
                    "gateway.source_addr": "10690001", "gateway.long_sms": way, "receipts.token_file": "",
                    "gateway.access_key_id": "", "gateway.access_key_secret_file": ""})
                counts = finish(rig, send(rig, channels="sms"))["counts"]["sms"]
                reached = counts["total"] - counts["suppressed"]
                self.assertEqual(counts["delivered"] - counts["reasons"].get("unconfirmed", 0), reached)
                bound = centre.events("bind_transceiver")[0]
                self.assertEqual((bound["system_id"], bound["password"]), ("crier", "sandbox"))
                texts = whole_texts(centre.events("submit_sm"))
                self.assertEqual(sum(map(len, texts.values())), reached)
                for text in (t for of_one in texts.values() for t in of_one):
                    self.assertRegex(text, r"^【.+】.*文化广场")
                self.assertEqual({answer["status"] for answer in centre.events("deliver_sm_resp")}, {0})
                worker.stop()
                centre.stop()


@unittest.skipUnless((NODE / "node_modules/smpp").is_dir(), "npm ci in tests/peer first, as scripts/test does")
class NpmClient(unittest.TestCase):
    def test_it_submits_to_our_centre_and_reads_receipts_and_replies(self):
        rig = county(people=10)
        self.addCleanup(rig.stop)
        rig.sandbox_control({"channel": "sms", "confirm_percent": 100, "reply_delay_ms": 0, "receipt_failed_percent": 0})
        where = rig.processes["crier-sandbox"].facts["smpp"]
        client = Node(self, "smpp_client.js", f"smpp://{where}", "crier", "sandbox", "13900001234", LONG)
        wait_until(lambda: client.events("unbound"), "the client to unbind")
        self.assertEqual(client.events("bound"), [{"event": "bound", "status": 0, "by": "sandbox"}])
        answers = client.events("submit_sm_resp")
        self.assertEqual([answer["status"] for answer in answers], [0, 0, 0])
        receipts = [event for event in client.events("deliver_sm") if event["esm"] == 4]
        self.assertEqual({receipt["id"] for receipt in receipts}, {answer["id"] for answer in answers})
        self.assertEqual({receipt["state"] for receipt in receipts}, {2})
        replies = [event["text"] for event in client.events("deliver_sm") if event["esm"] == 0]
        self.assertEqual(len(replies), 2)  # one a message
        self.assertIn(replies[0], ("收到", "1", "收到，谢谢", "已收到"))
        shown = inbox(rig, "13900001234")
        self.assertEqual(["【平阴科普】" + item["text"] for item in shown], [LONG, LONG])


KANNEL = """group = core
admin-port = {admin}
smsbox-port = {box}
admin-password = none
admin-interface = "127.0.0.1"
log-file = "{folder}/bearerbox.log"
store-type = file
store-location = "{folder}/kannel.store"

group = smsc
smsc = smpp
host = {host}
port = {port}
smsc-username = crier-kannel
smsc-password = sandbox
system-type = ""
transceiver-mode = true
my-number = 10690001

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {http}
global-sender = 10690001
log-file = "{folder}/smsbox.log"

group = sendsms-user
username = k
password = k
max-messages = 10
concatenation = true

group = sms-service
keyword = default
get-url = "http://127.0.0.1:{sink}/mo?from=%p&text=%a"
max-messages = 0
accept-x-kannel-headers = true
"""


@unittest.skipUnless(shutil.which("bearerbox"), "needs the Debian package kannel")
class Kannel(unittest.TestCase):
    def start(self, program, config):
        child = subprocess.Popen([program, config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(child.wait)
        self.addCleanup(child.kill)

    def test_bearerbox_submits_to_our_centre_and_long_texts_arrive_whole(self):
        rig = county(people=10)
        self.addCleanup(rig.stop)
        rig.sandbox_control({"channel": "sms", "receipt_failed_percent": 0})
        host, port = rig.processes["crier-sandbox"].facts["smpp"].split(":")
        ports = dict(zip(("admin", "box", "http", "sink"), free_ports(4)))
        config = rig.state / "kannel.conf"
        config.write_text(KANNEL.format(folder=rig.state, host=host, port=port, **ports))
        self.start("bearerbox", config)
        wait_until(lambda: listens(ports["box"]), "bearerbox to listen", 20)  # smsbox does not try twice
        self.start("smsbox", config)
        query = urllib.parse.urlencode({"username": "k", "password": "k", "to": "13900005678", "text": LONG, "coding": 2,
                                        "charset": "UTF-8", "dlr-mask": 31, "dlr-url": f"http://127.0.0.1:{ports['sink']}/dlr"})

        def submitted():
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{ports['http']}/cgi-bin/sendsms?{query}", timeout=2) as answer:
                    return answer.status == 202
            except OSError:
                return False
        wait_until(submitted, "smsbox to take a message", 20)
        wait_until(lambda: inbox(rig, "13900005678"), "the message to arrive", 20)
        self.assertEqual(["【平阴科普】" + item["text"] for item in inbox(rig, "13900005678")], [LONG])
        # Kannel asks for the receipt of one part only.
        wait_until(lambda: ask(rig, "/inbox/counters")["channels"]["sms"]["receipts"] > 0, "Kannel to take the receipt")


def listens(port):
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


if __name__ == "__main__":
    unittest.main()

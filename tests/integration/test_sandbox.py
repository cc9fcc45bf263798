"""The sandbox alone, spoken to with nothing but Python's standard library: protocols, faults, receipts, truth, inbox."""
import hashlib
import hmac
import http.client
import http.server
import json
import os
import pathlib
import re
import smtplib
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from email.message import EmailMessage

from rig import ROOT, Process, wait_until

BIN = pathlib.Path(os.environ.get("CRIER_BIN") or ROOT / "build/release/bin")
TOKEN = "sandbox-token"


class Listener(http.server.BaseHTTPRequestHandler):
    """Keeps every push; answers the first `refusals` of them with 500, the others as the gateway's documentation asks."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with self.server.lock:
            self.server.pushes.append((self.path, self.headers, body))
            refused = self.server.refusals > 0
            self.server.refusals -= refused
        answer = b"no" if refused else b"success" if self.path.startswith("/events") else b'{"code":0,"msg":"ok"}'
        self.send_response(500 if refused else 200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


def listen(case, refusals=0):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Listener)
    server.pushes, server.refusals, server.lock = [], refusals, threading.Lock()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()

    def end():
        server.shutdown()
        thread.join()
        server.server_close()
    case.addCleanup(end)
    return server


def fetch(url, body=None, headers=None, method=None):
    """(status, headers, decoded JSON or text)."""
    request = urllib.request.Request(url, data=body, headers=headers or {}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            status, seen, text = answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as refused:
        with refused:
            status, seen, text = refused.code, refused.headers, refused.read().decode()
    return status, seen, json.loads(text) if "json" in (seen.get("Content-Type") or "") and text else text


class Case(unittest.TestCase):
    flags = ()
    extra = ""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        for name, text in (("aliyun.secret", "s3cret"), ("wechat.secret", "s3cret"), ("event.token", TOKEN),
                           ("smpp.password", "s3cret"), ("cmpp.secret", "s3cret")):
            (self.folder / name).touch(0o600)
            (self.folder / name).write_text(text + "\n")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                        "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", self.folder / "smtp.key",
                        "-out", self.folder / "smtp.pem"], check=True, capture_output=True)
        (self.folder / "smtp.key").chmod(0o600)
        config = self.folder / "crier-sandbox.cfg"
        config.write_text(self.configure(f"""
state_dir = "{self.folder}/state";
http: {{ port = 0L; }};
smtp: {{ port = 0L; size_max_bytes = 100000L; tls_cert = "{self.folder}/smtp.pem"; tls_key = "{self.folder}/smtp.key"; }};
sms: {{ access_key_id = "key"; access_key_secret_file = "{self.folder}/aliyun.secret"; }};
smpp: {{ port = 0L; system_id = "crier"; password_file = "{self.folder}/smpp.password"; }};
cmpp: {{ port = 0L; source_addr = "900001"; secret_file = "{self.folder}/cmpp.secret"; }};
wechat: {{ appid = "wx1"; secret_file = "{self.folder}/wechat.secret"; event_token_file = "{self.folder}/event.token"; {self.extra} }};
faults: {{ receipt_failed_percent = 0L; receipt_delay_ms = 0L; }};
"""))
        self.process = Process("crier-sandbox", [BIN / "crier-sandbox", "-c", config, *self.flags], self.folder).start()
        self.addCleanup(self.stop)
        self.url = f"http://{self.process.facts['http']}"

    def configure(self, config):
        return config

    def stop(self):
        self.assertEqual(self.process.stop(), 0, self.process.tail(60))

    def control(self, channel, **members):
        status, _, shown = fetch(self.url + "/control", json.dumps({"channel": channel, **members}).encode())
        self.assertEqual(status, 200, shown)
        return shown

    def truth(self):
        path = self.folder / "state/accepted.log"
        return [tuple(line.split()[1:3]) for line in path.read_text().splitlines()]

    # -- the three clients ------------------------------------------------------------------------------------

    def sms_request(self, phone="13800001234", reference="0000001K.s.7.1", secret="s3cret", tamper=None, **more):
        """Signed by the rules of ACS3-HMAC-SHA256."""
        fields = {"PhoneNumbers": phone, "SignName": "平阴科普", "TemplateCode": "SMS_1",
                  "TemplateParam": json.dumps({"content": "演练：明天停水"}, ensure_ascii=False), "OutId": reference, **more}
        body = urllib.parse.urlencode({k: v for k, v in fields.items() if v is not None}).encode()
        headers = {"host": self.process.facts["http"], "x-acs-action": "SendSms", "x-acs-version": "2017-05-25",
                   "x-acs-date": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
                   "x-acs-signature-nonce": uuid.uuid4().hex, "x-acs-content-sha256": hashlib.sha256(body).hexdigest()}
        names = ";".join(sorted(headers))
        canonical = "\n".join(["POST", "/sms/", "", *[f"{n}:{headers[n]}" for n in sorted(headers)], "", names,
                               headers["x-acs-content-sha256"]])
        text = "ACS3-HMAC-SHA256\n" + hashlib.sha256(canonical.encode()).hexdigest()
        signature = hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
        headers["Authorization"] = f"ACS3-HMAC-SHA256 Credential=key,SignedHeaders={names},Signature={signature}"
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        if tamper:
            body = tamper(body, headers) or body
        return body, headers

    def sms(self, *args, **kwargs):
        return fetch(self.url + "/sms/", *self.sms_request(*args, **kwargs))

    def token(self, secret="s3cret", force=False):
        return fetch(self.url + "/cgi-bin/stable_token", json.dumps(
            {"grant_type": "client_credential", "appid": "wx1", "secret": secret, "force_refresh": force}).encode())[2]

    def wechat(self, token, openid="oTEST0000000001", reference="0000001K.w.7", **more):
        message = {"touser": openid, "template_id": "TM00001", "client_msg_id": reference, "url": "https://kp.test/",
                   "data": {"thing1": {"value": "演练"}}, **more}
        return fetch(f"{self.url}/cgi-bin/message/template/send?access_token={token}",
                     json.dumps({k: v for k, v in message.items() if v is not None}, ensure_ascii=False).encode())[2]

    def smtp(self, tls=True):
        host, port = self.process.facts["smtp"].split(":")
        client = smtplib.SMTP(host, int(port), timeout=10)
        self.addCleanup(client.close)
        if tls:
            client.starttls(context=ssl.create_default_context(cafile=str(self.folder / "smtp.pem")))
        return client

    def mail(self, to="zhang@kongcun.test", rank=7):
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = "kp@pingyin.test", to, "演练：全国防灾减灾日"
        message["Message-ID"] = f"<0000001K.m.{rank}@crier.test>"
        message.set_content("您好\n.一行以点开头\n")
        message.add_alternative("<h1>您好</h1><script>alert(1)</script>", subtype="html")
        return message


class Sms(Case):
    def test_a_signed_submit_is_accepted_written_down_and_shown(self):
        status, _, answer = self.sms()
        self.assertEqual((status, answer["Code"]), (200, "OK"))
        self.assertTrue(answer["BizId"] and answer["RequestId"])
        self.assertEqual(self.truth(), [("sms", "0000001K.s.7.1")])
        item = fetch(self.url + "/inbox/search?address=13800001234")[2]["items"][0]
        self.assertEqual((item["signature"], item["text"], item["parts"]), ("平阴科普", "演练：明天停水", 1))

    def test_a_wrong_signature_is_refused_and_nothing_is_sent(self):
        def wrong_body(body, headers):
            return body + b"&Extra=1"

        def wrong_action(body, headers):
            headers["x-acs-action"] = "SendBatchSms"

        def old_date(body, headers):
            headers["x-acs-date"] = "2020-01-01T00:00:00Z"

        def unsigned(body, headers):
            del headers["Authorization"]
        cases = [({"secret": "other"}, 400, "SignatureDoesNotMatch"), ({"tamper": wrong_body}, 400, "SignatureDoesNotMatch"),
                 ({"tamper": wrong_action}, 400, "SignatureDoesNotMatch"), ({"tamper": old_date}, 400, "InvalidTimeStamp.Expired"),
                 ({"tamper": unsigned}, 400, "IncompleteSignature")]
        for arguments, status, code in cases:
            answer = self.sms(**arguments)
            self.assertEqual((answer[0], answer[2]["Code"]), (status, code))
        self.assertEqual(self.truth(), [])

    def test_a_replayed_request_is_refused(self):
        request = self.sms_request()
        self.assertEqual(fetch(self.url + "/sms/", *request)[2]["Code"], "OK")
        self.assertEqual(fetch(self.url + "/sms/", *request)[2]["Code"], "SignatureNonceUsed")

    def test_bad_fields_are_refused_in_aliyuns_words(self):
        cases = [({"phone": "13800000000"}, "isv.MOBILE_NUMBER_ILLEGAL"), ({"phone": "no number"}, "isv.MOBILE_NUMBER_ILLEGAL"),
                 ({"phone": "13800001234,13800000000"}, "isv.MOBILE_NUMBER_ILLEGAL"), ({"phone": "13800001234,"}, "isv.MOBILE_NUMBER_ILLEGAL"),
                 ({"phone": ",".join(["13800001234"] * 1001)}, "isv.MOBILE_COUNT_OVER_LIMIT"),
                 ({"SignName": None}, "isv.SMS_SIGNATURE_ILLEGAL"), ({"TemplateCode": ""}, "isv.SMS_TEMPLATE_ILLEGAL"),
                 ({"TemplateParam": "["}, "isv.INVALID_JSON_PARAM"), ({"TemplateParam": "{}"}, "isv.TEMPLATE_MISSING_PARAMETERS"),
                 ({"TemplateParam": json.dumps({"content": "长" * 1001}, ensure_ascii=False)}, "isv.PARAM_LENGTH_LIMIT")]
        for arguments, code in cases:
            status, _, answer = self.sms(**arguments)
            self.assertEqual((status, answer["Code"]), (200, code), arguments)
        self.assertEqual(self.truth(), [])

    def test_receipts_are_pushed_again_until_they_are_taken(self):
        server = listen(self, refusals=2)
        self.control("sms", receipt_url=f"http://127.0.0.1:{server.server_port}/receipts?token=t")
        sent = {self.sms(reference=f"0000001K.s.{n}.1", phone=f"1380000{1000 + n}",
                         TemplateParam=json.dumps({"content": "长" * 70}))[2]["BizId"]: n for n in range(20)}

        def reports():
            taken = server.pushes[2:]
            return {r["biz_id"]: r for _, _, body in taken for r in json.loads(body)}
        wait_until(lambda: reports().keys() == sent.keys(), "every receipt")
        for biz_id, report in reports().items():
            self.assertTrue(report["success"])
            self.assertEqual((report["out_id"], report["sms_size"]), (f"0000001K.s.{sent[biz_id]}.1", "2"))
            self.assertRegex(report["report_time"], r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$")
        self.assertEqual({path for path, _, _ in server.pushes}, {"/receipts?token=t"})


class Wechat(Case):
    extra = "token_ttl_s = 2L; daily_quota = 4L;"

    def test_tokens_are_given_only_for_the_right_secret_and_end(self):
        self.assertEqual(self.token(secret="other")["errcode"], 40125)
        token = self.token()["access_token"]
        self.assertEqual(self.token()["access_token"], token)
        self.assertEqual(self.wechat("")["errcode"], 41001)
        self.assertEqual(self.wechat("never-given")["errcode"], 40001)
        self.assertEqual(self.wechat(token)["errcode"], 0)
        wait_until(lambda: self.wechat(token)["errcode"] == 42001, "the token to end", every_s=0.2)
        fresh = self.token()["access_token"]
        self.token(force=True)
        self.assertEqual(self.wechat(fresh)["errcode"], 40001)

    def test_a_repeated_client_msg_id_is_one_message(self):
        token = self.token()["access_token"]
        first, again = self.wechat(token), self.wechat(token)
        self.assertEqual((first["errcode"], first["msgid"]), (0, again["msgid"]))
        self.assertNotEqual(self.wechat(token, reference="0000001K.w.8")["msgid"], first["msgid"])
        self.assertEqual(self.truth(), [("wechat", "0000001K.w.7"), ("wechat", "0000001K.w.8")])
        self.assertEqual(len(fetch(self.url + "/inbox/search?address=oTEST0000000001")[2]["items"]), 2)

    def test_errors_have_wechats_numbers(self):
        token = self.token()["access_token"]
        cases = [({"openid": "oGONE0000001"}, 43004), ({"openid": "short"}, 40003), ({"openid": "<xml>]]>aaaa"}, 40003),
                 ({"template_id": ""}, 40037), ({"data": {}}, 47003), ({"data": {"thing1": {"value": 5}}}, 47003)]
        for arguments, code in cases:
            self.assertEqual(self.wechat(token, **arguments)["errcode"], code, arguments)
        send = f"{self.url}/cgi-bin/message/template/send?access_token={token}"
        self.assertEqual(fetch(send, b"")[2]["errcode"], 44002)
        self.assertEqual(fetch(send, b"{")[2]["errcode"], 47001)
        self.assertEqual(self.truth(), [])
        answers = [self.wechat(token, reference=f"0000001K.w.{n}")["errcode"] for n in range(5)]
        self.assertEqual(answers, [0, 0, 0, 0, 45009])

    def test_the_result_event_is_signed_and_names_the_message(self):
        server = listen(self, refusals=1)
        self.control("wechat", event_url=f"http://127.0.0.1:{server.server_port}/events", receipt_failed_percent=100)
        message_id = self.wechat(self.token()["access_token"])["msgid"]
        wait_until(lambda: len(server.pushes) == 2, "the event and its repetition")
        path, headers, body = server.pushes[1]
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(path).query))
        expected = hashlib.sha1("".join(sorted([TOKEN, query["timestamp"], query["nonce"]])).encode()).hexdigest()
        self.assertEqual(query["signature"], expected)
        text = body.decode()
        self.assertIn(f"<MsgID>{message_id}</MsgID>", text)
        self.assertIn("TEMPLATESENDJOBFINISH", text)
        self.assertRegex(text, r"<Status><!\[CDATA\[failed: ?user block\]\]></Status>")


class Mail(Case):
    def test_a_mail_goes_in_by_starttls_and_is_shown_as_a_person_reads_it(self):
        client = self.smtp()
        client.ehlo()
        self.assertTrue(client.has_extn("pipelining"))
        client.send_message(self.mail())
        self.assertEqual(self.truth(), [("mail", "0000001K.m.7")])
        item = fetch(self.url + "/inbox/search?address=zhang@kongcun.test")[2]["items"][0]
        self.assertEqual((item["from"], item["subject"]), ("kp@pingyin.test", "演练：全国防灾减灾日"))
        self.assertEqual(item["text"].split(), ["您好", ".一行以点开头"])
        status, headers, html = fetch(f"{self.url}/inbox/mail?number={item['number']}")
        self.assertEqual(status, 200)
        self.assertIn("<h1>您好</h1>", html)
        self.assertIn("sandbox", headers["Content-Security-Policy"])
        self.assertIn("default-src 'none'", headers["Content-Security-Policy"])

    def test_a_repeated_mail_stands_twice_in_the_truth_and_once_in_the_mailbox(self):
        client = self.smtp(tls=False)
        client.send_message(self.mail())
        client.send_message(self.mail())
        self.assertEqual(len(self.truth()), 2)
        self.assertEqual(len(fetch(self.url + "/inbox/search?address=zhang@kongcun.test")[2]["items"]), 1)

    def test_bouncing_recipients_and_big_mails_are_refused(self):
        client = self.smtp()
        with self.assertRaises(smtplib.SMTPRecipientsRefused) as refused:
            client.sendmail("kp@pingyin.test", "bounce1@kongcun.test", "x")
        self.assertEqual(refused.exception.recipients["bounce1@kongcun.test"][0], 550)
        with self.assertRaises(smtplib.SMTPResponseException) as refused:
            client.sendmail("kp@pingyin.test", "a@kongcun.test", "x" * 200000)
        self.assertEqual(refused.exception.smtp_code, 552)
        self.assertEqual(self.truth(), [])

    def test_a_connection_that_has_lived_long_enough_ends_in_the_middle(self):
        self.control("mail", hang_up_after=1)
        client = self.smtp()
        client.send_message(self.mail())
        with self.assertRaises(smtplib.SMTPResponseException) as closed:
            client.send_message(self.mail())
        self.assertEqual(closed.exception.smtp_code, 421)
        with self.assertRaises(smtplib.SMTPServerDisconnected):
            client.noop()
        self.assertEqual(len(self.truth()), 1)

    def test_a_slow_mail_holds_up_nobody_else(self):
        self.control("mail", latency_ms=1500)
        slow = self.smtp()
        with ThreadPoolExecutor() as pool:
            waiting = pool.submit(slow.send_message, self.mail())
            wait_until(lambda: self.truth(), "the mail to be taken")
            start = time.monotonic()
            self.assertEqual(self.smtp(tls=False).noop()[0], 250)
            self.assertEqual(self.sms()[2]["Code"], "OK")
            self.assertLess(time.monotonic() - start, 1.0)
            self.assertFalse(waiting.done())
            waiting.result(10)

    def test_a_client_that_leaves_while_its_answer_is_under_way_harms_nobody(self):
        self.control("mail", latency_ms=300)
        host, port = self.process.facts["smtp"].split(":")
        with socket.create_connection((host, int(port))) as client:
            client.sendall(b"EHLO me\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\n.\r\n")
            wait_until(lambda: self.truth(), "the mail to be taken")
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.smtp().send_message(self.mail())
        self.assertEqual(self.truth(), [("mail", "-"), ("mail", "0000001K.m.7")])


class Faults(Case):
    def test_unknown_members_and_values_are_refused_by_name_and_change_nothing(self):
        before = fetch(self.url + "/control")[2]
        cases = [({"channel": "sms", "latency": 5}, "latency"), ({"channel": "sms", "drop_percent": 101}, "drop_percent"),
                 ({"channel": "sms", "latency_ms": "5"}, "latency_ms"), ({"channel": "fax"}, "channel"), ({"latency_ms": 1}, "channel"),
                 ({"channel": "mail", "receipt_url": "http://x/"}, "receipt_url"),
                 ({"channel": "sms", "receipt_url": "file:///etc/passwd"}, "receipt_url"),
                 ({"channel": "all", "latency_ms": 7, "nonsense": 1}, "nonsense")]
        for settings, member in cases:
            status, _, answer = fetch(self.url + "/control", json.dumps(settings).encode())
            self.assertEqual((status, answer["member"]), (400, member), settings)
        self.assertEqual(fetch(self.url + "/control", b"[]")[0], 400)
        self.assertEqual(fetch(self.url + "/control")[2], before)
        self.assertEqual(self.control("all", latency_ms=7)["channels"]["mail"]["latency_ms"], 7)

    def test_errors_and_throttling_are_told_in_each_protocols_way(self):
        token = self.token()["access_token"]
        self.control("all", error_percent=100)
        self.assertEqual(self.sms()[2]["Code"], "isp.SYSTEM_ERROR")
        self.assertEqual(self.wechat(token)["errcode"], -1)
        with self.assertRaises(smtplib.SMTPDataError) as refused:
            self.smtp().send_message(self.mail())
        self.assertEqual(refused.exception.smtp_code, 451)
        self.assertEqual(self.truth(), [])
        self.control("all", error_percent=0, throttle_per_s=1)
        answers = [self.sms() for _ in range(20)]
        throttled = [a for a in answers if a[0] == 429]
        self.assertTrue(throttled)
        self.assertEqual((throttled[0][1]["Retry-After"], throttled[0][2]["Code"]), ("1", "Throttling.User"))
        self.assertIn(45011, [self.wechat(token, reference=f"0000001K.w.{n}")["errcode"] for n in range(20)])
        counters = fetch(self.url + "/inbox/counters")[2]["channels"]["sms"]
        self.assertEqual((counters["accepted"], counters["refused"]), (20 - len(throttled), 1 + len(throttled)))

    def test_dropped_connections_were_half_of_the_time_accepted(self):
        self.control("sms", drop_percent=100, latency_ms=1)
        for n in range(40):
            with self.assertRaises((http.client.RemoteDisconnected, ConnectionResetError, urllib.error.URLError)):
                self.sms(reference=f"0000001K.s.{n}.1")
        self.assertTrue(5 < len(self.truth()) < 35, len(self.truth()))
        self.control("mail", drop_percent=100)
        with self.assertRaises(smtplib.SMTPServerDisconnected):
            self.smtp().send_message(self.mail())

    def test_latency_delays_the_answer_and_not_the_others(self):
        self.control("sms", latency_ms=300)
        start = time.monotonic()
        with ThreadPoolExecutor(20) as pool:
            answers = list(pool.map(lambda n: self.sms(reference=f"0000001K.s.{n}.1"), range(20)))
        spent = time.monotonic() - start
        self.assertTrue(all(a[2]["Code"] == "OK" for a in answers))
        self.assertGreaterEqual(spent, 0.3)
        self.assertLess(spent, 3)

    def test_receipts_come_doubled_or_never(self):
        server = listen(self)
        self.control("sms", receipt_url=f"http://127.0.0.1:{server.server_port}/receipts", receipt_duplicate_percent=100)
        twice = self.sms()[2]["BizId"]

        def seen():
            return [r["biz_id"] for _, _, body in server.pushes for r in json.loads(body)]
        wait_until(lambda: seen() == [twice, twice], "both receipts")
        self.control("sms", receipt_missing_percent=100)
        self.sms(reference="0000001K.s.8.1")
        self.control("sms", receipt_missing_percent=0, receipt_duplicate_percent=0)
        last = self.sms(reference="0000001K.s.9.1")[2]["BizId"]
        wait_until(lambda: last in seen(), "the last receipt")
        self.assertEqual(seen(), [twice, twice, last])


class Flags(Case):
    flags = ("--error-percent", "100", "--seed", "7")

    def test_the_command_line_goes_before_the_file(self):
        self.assertEqual(self.sms()[2]["Code"], "isp.SYSTEM_ERROR")
        refused = subprocess.run([BIN / "crier-sandbox", "--error-percent", "101"], capture_output=True, text=True)
        self.assertEqual(refused.returncode, 64, refused.stderr)


class Inbox(Case):
    def test_the_three_messages_of_a_resident_are_found_from_any_of_them(self):
        self.sms(phone="13800001234", reference="0000001K.s.7.1")
        self.sms(phone="13800005678", reference="0000001K.s.8.1")
        self.wechat(self.token()["access_token"], reference="0000001K.w.7")
        self.smtp().send_message(self.mail(rank=7))
        shown = [fetch(f"{self.url}/inbox/resident?address={a}")[2]["channels"]
                 for a in ("13800001234", "oTEST0000000001", "zhang@kongcun.test")]
        self.assertEqual(shown[0], shown[1])
        self.assertEqual(shown[0], shown[2])
        self.assertEqual({c: v["address"] for c, v in shown[0].items()},
                         {"sms": "13800001234", "wechat": "oTEST0000000001", "mail": "zhang@kongcun.test"})
        self.assertEqual(shown[0]["wechat"]["items"][0]["fields"], {"thing1": {"value": "演练"}})
        self.assertEqual(len(fetch(self.url + "/inbox/resident")[2]["channels"]), 3)
        self.assertEqual(list(fetch(f"{self.url}/inbox/resident?address=13800005678")[2]["channels"]), ["sms"])
        self.assertEqual(fetch(self.url + "/inbox/resident?address=nobody")[0], 404)
        recent = fetch(self.url + "/inbox/recent?limit=2")[2]["items"]
        self.assertEqual([item["channel"] for item in recent], ["mail", "wechat"])

    def test_the_page_runs_no_foreign_script(self):
        status, headers, page = fetch(self.url + "/")
        self.assertEqual(status, 200)
        self.assertIn("default-src 'none'", headers["Content-Security-Policy"])
        self.assertNotIn("unsafe", headers["Content-Security-Policy"])
        self.assertIsNone(re.search(r"<script(?![^>]*\bsrc=)|\son\w+=|style=", page))
        for path in ("/inbox.css", "/inbox.js"):
            self.assertEqual(fetch(self.url + path)[0], 200)
        self.assertEqual(fetch(self.url + "/nothing")[0], 404)
        self.assertEqual(fetch(self.url + "/control", method="DELETE")[0], 405)


if __name__ == "__main__":
    unittest.main()

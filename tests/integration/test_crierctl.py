"""crierctl alone: its command line, and its tables, exit codes and live bars against a small HTTP server of our own."""
import datetime
import fcntl
import json
import os
import pathlib
import pty
import re
import struct
import subprocess
import sys
import tempfile
import termios
import time
import unicodedata
import unittest
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from fake_crierd import FINISHED, Crierd, broadcast, counts  # noqa: E402

CTL = pathlib.Path(os.environ["CRIER_BIN"]) / "crierctl"
ENGLISH, CHINESE = {"LC_ALL": "C.UTF-8"}, {"LC_ALL": "zh_CN.UTF-8"}


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = pathlib.Path(self.folder.name)
        self.token("planner")

    def token(self, name, mode=0o600):
        path = self.path / f"{name}.token"
        path.write_text("s3cret\n")
        path.chmod(mode)

    def environment(self, language=ENGLISH, url="http://127.0.0.1:1"):
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("CRIER_URL", "CRIER_TOKEN", "LC_", "LANG"))}
        return {**inherited, "CRIER_URL": url, "CRIER_TOKENS": self.folder.name, **language}

    def ctl(self, *args, language=ENGLISH, url="http://127.0.0.1:1", **kwargs):
        return subprocess.run([CTL, *map(str, args)], capture_output=True, text=True, env=self.environment(language, url), timeout=60, **kwargs)


class CommandLine(Case):
    def test_a_wrong_command_line_is_refused_with_64_and_says_what_is_wrong(self):
        cases = [
            ([], "command"), (["frobnicate"], "frobnicate"), (["broadcast"], "draft, list, show, submit"), (["broadcast", "drft"], "draft"),
            (["count"], "SELECTOR"), (["count", "a", "b"], "b"), (["count", "all", "--nonsense"], "--nonsense"), (["watch", "X", "--json=1"], "json"),
            (["broadcast", "draft", "--to", "all"], "--template"), (["broadcast", "draft", "--template"], "--template"),
            (["broadcast", "draft", "--template", "t", "--template", "u", "--to", "all"], "twice"),
            (["broadcast", "draft", "--template", "t", "--to", "all", "--var", "a=1", "--var", "a=2"], "a=2 is the second text"),
            (["broadcast", "draft", "--template", "t", "--to", "all", "--var", "novalue"], "novalue"),
            (["broadcast", "draft", "--template", "t", "--to", "all", "--expires", "soon"], "soon"),
            (["broadcast", "draft", "--template", "t", "--to", "all", "--at", "+2x"], "+2x"),
            (["broadcast", "draft", "--template", "t", "--to", "all", "--at", "2026-02-30 09:00"], "2026-02-30"),
            (["reject", "B-0000001K"], "--reason"), (["audit", "--limit", "0"], "limit"), (["audit", "--limit", "7x"], "7x"),
            (["--as", "../x", "count", "all"], "../x"), (["help", "nothing"], "nothing"),
        ]
        for args, place in cases:
            with self.subTest(args):
                refused = self.ctl(*args)
                self.assertEqual(refused.returncode, 64, refused.stderr)
                self.assertIn(place, refused.stderr)
                self.assertTrue(refused.stderr.startswith("crierctl: "), refused.stderr)
                self.assertEqual(refused.stdout, "")

    def test_help_shows_every_command_and_one(self):
        overview = self.ctl("--help")
        self.assertEqual((overview.returncode, overview.stderr), (0, ""))
        for words in ("recipients import FILE", "broadcast draft", "watch ID", "keys curve FILE", "user add NAME"):
            self.assertIn(words, overview.stdout)
        one = self.ctl("help", "broadcast", "draft").stdout
        self.assertEqual(one, self.ctl("broadcast", "draft", "--help").stdout)
        self.assertIn("--template NAME", one)
        self.assertIn("起草", self.ctl("help", "broadcast", "draft", language=CHINESE).stdout)

    def test_the_language_follows_the_first_locale_variable_that_is_set(self):
        cases = [({"LC_ALL": "zh_CN.UTF-8", "LANG": "en_US.UTF-8"}, True), ({"LC_ALL": "", "LC_MESSAGES": "zh_TW", "LANG": "C"}, True),
                 ({"LC_ALL": "C", "LANG": "zh_CN.UTF-8"}, False), ({"LANG": "zh_CN"}, True), ({}, False)]
        for language, chinese in cases:
            with self.subTest(language):
                self.assertEqual("没有命令" in self.ctl("x", language=language).stderr, chinese)

    def test_a_daemon_that_is_not_there_is_69_in_one_line(self):
        refused = self.ctl("--as", "planner", "count", "all")
        self.assertEqual(refused.returncode, 69)
        self.assertEqual(len(refused.stderr.splitlines()), 1)
        self.assertIn("http://127.0.0.1:1", refused.stderr)

    def test_a_token_that_others_can_read_is_refused_and_never_shown(self):
        self.token("planner", 0o644)
        refused = self.ctl("--as", "planner", "count", "all")
        self.assertEqual(refused.returncode, 77)
        self.assertIn("planner.token", refused.stderr)
        self.assertNotIn("s3cret", refused.stderr)

    def test_missing_files_are_66(self):
        for args in (["--as", "nobody", "count", "all"], ["template", "put", self.path / "none.json"], ["recipients", "import", self.path / "none.csv"],
                     ["recipients", "import", self.path]):
            self.assertEqual(self.ctl(*args).returncode, 66, args)

    def test_a_template_that_is_not_json_is_refused_with_line_and_column(self):
        (self.path / "t.json").write_text('{"name": "x",\n "title" }')
        refused = self.ctl("template", "put", self.path / "t.json")
        self.assertEqual(refused.returncode, 65)
        self.assertRegex(refused.stderr, r"t\.json: 2:\d+: ")

    def test_keys_are_made_once_and_never_overwritten(self):
        self.assertEqual(self.ctl("keys", "secret", self.path / "k").returncode, 0)
        self.assertEqual((self.path / "k").stat().st_mode & 0o777, 0o600)
        before = (self.path / "k").read_text()
        self.assertRegex(before, r"^[0-9a-f]{64}\n$")
        self.assertEqual(self.ctl("keys", "secret", self.path / "k").returncode, 1)
        self.assertEqual((self.path / "k").read_text(), before)
        self.assertEqual(self.ctl("keys", "curve", self.path / "c", "--name", "sms-1").returncode, 0)
        self.assertIn("sms-1", (self.path / "c").read_text())
        self.assertEqual((self.path / "c_secret").stat().st_mode & 0o777, 0o600)

    def test_a_reader_that_leaves_early_is_no_crash_and_a_full_disk_is_said(self):
        early = subprocess.Popen([CTL, "--help"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.environment())
        early.stdout.close()
        self.assertEqual(early.wait(20), 0)
        self.assertEqual(early.stderr.read(), b"")
        early.stderr.close()
        with open("/dev/full", "w") as full:
            self.assertEqual(subprocess.run([CTL, "--help"], stdout=full, stderr=subprocess.PIPE, env=self.environment()).returncode, 74)


class Connected(Case):
    def setUp(self):
        super().setUp()
        self.crierd = Crierd()
        self.addCleanup(self.crierd.stop)

    def as_planner(self, *args, **kwargs):
        return self.ctl("--as", "planner", *args, url=self.crierd.url, **kwargs)

    def body(self, index=-1):
        return json.loads(self.crierd.requests[index][3])


class Answers(Connected):
    def test_each_status_has_its_exit_code_and_the_detail_is_shown(self):
        cases = {400: 65, 413: 65, 415: 65, 422: 65, 401: 77, 403: 77, 404: 1, 409: 1, 429: 75, 503: 75, 500: 1}
        for status, code in cases.items():
            with self.subTest(status):
                self.crierd.says("GET /v1/status", (status, {"status": status, "detail": "because of that", "member": "to"}))
                refused = self.as_planner("status")
                self.assertEqual(refused.returncode, code)
                self.assertIn("because of that", refused.stderr)
                self.assertIn("(to)", refused.stderr)
                self.assertEqual(len(refused.stderr.splitlines()), 1)

    def test_an_answer_that_is_not_json_is_said(self):
        self.crierd.says("GET /v1/status", (200, "<html>"))
        self.assertEqual(self.as_planner("status").returncode, 1)
        self.crierd.says("GET /v1/status", (502, "<html>"))
        self.assertIn("502", self.as_planner("status").stderr)

    def test_a_selector_error_has_a_mark_under_its_column_and_a_suggestion(self):
        selector = "group:farmer & town:孔庄镇"
        self.crierd.says("GET /v1/audience?select=" + urllib.parse.quote(selector, safe=""),
                         (400, {"status": 400, "detail": "no town 孔庄镇", "line": 1, "column": 21, "suggestion": "孔村镇"}))
        refused = self.as_planner("count", selector)
        self.assertEqual(refused.returncode, 65)
        line, shown, mark = refused.stderr.splitlines()
        self.assertEqual(line, "crierctl: no town 孔庄镇; did you mean 孔村镇?")
        self.assertEqual(shown.index("孔"), mark.index("^"))

    def test_a_mark_behind_han_characters_counts_them_as_two(self):
        self.crierd.says("GET /v1/audience?select=" + urllib.parse.quote("town:孔村镇 &", safe=""), (400, {"status": 400, "detail": "x", "column": 11}))
        mark = self.as_planner("count", "town:孔村镇 &").stderr.splitlines()[2]
        self.assertEqual(mark.index("^"), 2 + width("town:孔村镇 &"))

    def test_the_token_is_sent_and_every_post_has_its_own_idempotency_key(self):
        self.crierd.says("POST /v1/broadcasts/B-0000001K/send", broadcast())
        self.as_planner("send", "B-0000001K")
        self.as_planner("send", "B-0000001K")
        keys = [headers["Idempotency-Key"] for _, _, headers, _ in self.crierd.requests]
        self.assertEqual(len(set(keys)), 2)
        self.assertEqual(self.crierd.requests[0][2]["Authorization"], "Bearer s3cret")

    def test_a_post_whose_answer_is_lost_is_repeated_once_with_the_same_key(self):
        self.crierd.says("POST /v1/broadcasts/B-0000001K/send", "lost", broadcast())
        self.assertEqual(self.as_planner("send", "B-0000001K").returncode, 0)
        first, second = self.crierd.requests
        self.assertEqual(first[2]["Idempotency-Key"], second[2]["Idempotency-Key"])
        self.crierd.requests.clear()
        self.crierd.says("POST /v1/broadcasts/B-0000001K/send", "lost")
        self.assertEqual(self.as_planner("send", "B-0000001K").returncode, 69)
        self.assertEqual(len(self.crierd.requests), 2)

    def test_tables_align_columns_behind_wide_characters(self):
        self.crierd.says("GET /v1/templates", {"items": [
            {"name": "fzr-day", "title": "全国防灾减灾日", "channels": ["sms"], "languages": ["zh-CN"], "updated": "2026-05-12T09:00:00.000+08:00", "author": "p"},
            {"name": "x", "title": "short", "channels": ["sms", "mail"], "languages": ["en-US"], "updated": None, "author": "p"}]})
        for language in (ENGLISH, CHINESE):
            head, *rows = self.as_planner("template", "list", language=language).stdout.splitlines()
            self.assertEqual(len(rows), 2)
            columns = [width(line[:line.index(word)]) for line, word in zip((head, *rows), (head.split()[2], rows[0].split()[2], rows[1].split()[2]))]
            self.assertEqual(len(set(columns)), 1, (head, rows))
            self.assertIn("2026-05-12 09:00:00", rows[0])
            self.assertTrue(rows[0].startswith("fzr-day  全国防灾减灾日  "), rows[0])

    def test_lists_and_records_pass_json_through_untouched(self):
        answers = {"queue": "/v1/queue", "workers": "/v1/workers", "gateways": "/v1/gateways", "audit": "/v1/audit?limit=50", "status": "/v1/status",
                   "user list": "/v1/users", "template list": "/v1/templates", "broadcast list": "/v1/broadcasts?limit=50",
                   "recipients show P1": "/v1/recipients/P1", "explain B-1 --recipient P1": "/v1/broadcasts/B-1/deliveries/P1"}
        for words, path in answers.items():
            with self.subTest(words):
                document = {"items": [{"name": "n", "new": [1, None, {"b": "孔村镇"}]}], "next": "c"}
                self.crierd.says(f"GET {path}", document)
                shown = self.as_planner(*words.split(), "--json")
                self.assertEqual(json.loads(shown.stdout), document)
                self.assertEqual(self.as_planner(*words.split()).returncode, 0)

    def test_what_would_confuse_a_terminal_never_reaches_it(self):
        self.crierd.says("GET /v1/broadcasts?limit=50", {"items": [broadcast(title="a\u001b[31m\u202eb\nc")]})
        shown = self.as_planner("broadcast", "list").stdout
        self.assertNotIn("\u001b", shown)
        self.assertNotIn("\u202e", shown)
        self.assertEqual(len(shown.splitlines()), 2)
        self.crierd.says("GET /v1/status", (400, {"status": 400, "detail": "a\u001b[31m"}))
        self.assertNotIn("\u001b", self.as_planner("status").stderr)

    def test_details_of_the_audit_are_told_without_their_zeros(self):
        self.crierd.says("GET /v1/audit?limit=50", {"items": [{"n": 7, "at": "2026-05-12T09:00:00.123+08:00", "who": "crierd", "what": "broadcast_settled",
                                                                "object": "B-0000001K", "detail": {"audience": 3, "counts": {"sms": {"delivered": 2, "failed": 0}}}}]})
        self.assertIn("audience=3, counts=(SMS=(delivered=2))", self.as_planner("audit").stdout)

    def test_lists_in_details_of_the_audit_are_told(self):
        self.crierd.says("GET /v1/audit?limit=50", {"items": [{"n": 7, "at": "2026-05-12T09:00:00.123+08:00", "who": "resident", "what": "opt_out",
                                                                "object": "H1", "detail": {"channels": ["sms"], "recipients": ["H1", "H2"]}}]})
        self.assertIn("channels=(SMS), recipients=(H1, H2)", self.as_planner("audit").stdout)

    def reply(self, text):
        return {"id": "1-0", "at": "2026-05-12T09:00:00.123+08:00", "channel": "sms", "address": "138****1234", "kind": "text", "text": text, "did": "opted_out",
                "drill": False, "people": 1, "recipients": ["P1"]}

    def test_replies_are_read_page_by_page_until_there_are_enough(self):
        self.crierd.says("GET /v1/replies?limit=3&recipient=P1", {"items": [self.reply("退订")], "next": "9-0"})
        self.crierd.says("GET /v1/replies?limit=2&recipient=P1&cursor=9-0", {"items": [], "next": "7-0"})
        self.crierd.says("GET /v1/replies?limit=2&recipient=P1&cursor=7-0", {"items": [self.reply("TD"), self.reply("R")], "next": "5-0"})
        words = ("replies", "--recipient", "P1", "--limit", "3")
        for language, said in ((ENGLISH, "opted out"), (CHINESE, "已退订")):
            shown = self.as_planner(*words, language=language).stdout
            self.assertEqual(shown.count("2026-05-12 09:00:00"), 3, shown)
            self.assertIn(said, shown)
        document = json.loads(self.as_planner(*words, "--json").stdout)
        self.assertEqual(([item["text"] for item in document["items"]], document["next"]), (["退订", "TD", "R"], "5-0"))
        self.as_planner("replies", "--since", "2026-05-12T09:00:00+08:00")
        since = urllib.parse.parse_qs(self.crierd.requests[-1][1].partition("?")[2])["since"][0]
        self.assertEqual(datetime.datetime.fromisoformat(since).timestamp(), 1778547600)

    def test_since_when_and_why_somebody_opted_out_is_told(self):
        sources = {"reply": ("the person wrote 退订", "本人回复 退订"), "staff": ("entered by 退订", "由 退订 登记"),
                   "unsubscribe": ("by the link in a mail", "退订链接")}
        for source, said in sources.items():
            reason = {"at": "2026-05-12T09:00:00.123+08:00", "source": source, "detail": "退订"}
            self.crierd.says("GET /v1/recipients/P1", {"id": "P1", "opted_out": ["sms"], "opt_outs": {"sms": reason}})
            self.crierd.says("GET /v1/broadcasts/B-1/deliveries/P1", {"broadcast": "B-1", "recipient": "P1", "in_audience": True, "rank": 1, "channels": {
                "sms": {"status": "suppressed_optout", "address": "138****1234", "attempts": [], "opt_out": reason}}})
            for words in (("recipients", "show", "P1"), ("explain", "B-1", "--recipient", "P1")):
                for language, sentence in zip((ENGLISH, CHINESE), said):
                    shown = self.as_planner(*words, language=language).stdout
                    self.assertIn(sentence, shown)
                    self.assertIn("2026-05-12 09:00:00", shown)

    def test_values_are_escaped_in_paths(self):
        self.as_planner("recipients", "show", "a/b?c 张")
        self.assertEqual(self.crierd.requests[0][1], "/v1/recipients/a%2Fb%3Fc%20%E5%BC%A0")

    def test_explain_tells_a_story(self):
        self.crierd.says("GET /v1/broadcasts/B-0000001K/deliveries/P1", {
            "broadcast": "B-0000001K", "recipient": "P1", "in_audience": True, "rank": 17, "channels": {
                "sms": {"status": "delivered", "address": "138****1234", "attempts": [
                    {"at": "2026-05-12T09:00:00.123+08:00", "attempt": 1, "worker": "sms-1", "outcome": "accepted"},
                    {"at": "2026-05-12T09:00:03.000+08:00", "outcome": "delivered"}]},
                "mail": {"status": "suppressed_optout", "address": None, "attempts": []}}})
        story = self.as_planner("explain", "B-0000001K", "--recipient", "P1").stdout
        for words in ("rank 17", "138****1234", "2026-05-12 09:00:00  attempt 1 by sms-1", "delivered, confirmed by a receipt", "opted out of this channel"):
            self.assertIn(words, story)
        self.assertIn("已退订该渠道", self.as_planner("explain", "B-0000001K", "--recipient", "P1", language=CHINESE).stdout)


class Changes(Connected):
    def test_user_add_writes_the_token_for_its_owner_only_and_does_not_print_it(self):
        self.crierd.says("POST /v1/users", (201, {"name": "duty", "person": "D. Uty", "roles": ["duty"], "token": "t0ken"}))
        out = self.path / "duty.token"
        for extra in ([], ["--json"]):
            out.unlink(missing_ok=True)
            added = self.as_planner("user", "add", "duty", "--person", "D. Uty", "--role", "duty", "--role", "auditor", "--token-file", out, *extra)
            self.assertEqual(added.returncode, 0, added.stderr)
            self.assertNotIn("t0ken", added.stdout + added.stderr)
            self.assertEqual((out.read_text(), out.stat().st_mode & 0o777), ("t0ken\n", 0o600))
        self.assertEqual(self.body(), {"name": "duty", "person": "D. Uty", "roles": ["duty", "auditor"]})
        self.assertIn("t0ken", self.as_planner("user", "add", "duty", "--person", "x", "--role", "duty").stdout)

    def test_user_add_keeps_a_file_that_is_there_and_leaves_none_after_a_refusal(self):
        out = self.path / "kept"
        out.write_text("old")
        self.assertEqual(self.as_planner("user", "add", "x", "--person", "x", "--role", "duty", "--token-file", out).returncode, 73)
        self.assertEqual((out.read_text(), self.crierd.requests), ("old", []))
        self.crierd.says("POST /v1/users", (409, {"status": 409, "detail": "both roles"}))
        self.assertEqual(self.as_planner("user", "add", "x", "--person", "x", "--role", "duty", "--token-file", self.path / "none").returncode, 1)
        self.assertFalse((self.path / "none").exists())

    def test_an_import_sends_the_file_as_it_is_and_shows_what_changed(self):
        content = b"\xef\xbb\xbfid,name\r\n" + b"".join(b"N%d,\xe5\xbc\xa0\r\n" % i for i in range(200000))
        (self.path / "p.csv").write_bytes(content)
        self.crierd.says("POST /v1/recipients/import", {"rows": 2, "added": 2, "updated": 0, "unchanged": 0, "bad": 0, "bad_rows": [], "recipients": 2, "duration_ms": 420})
        done = self.as_planner("recipients", "import", self.path / "p.csv")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.crierd.requests[-1][3], content)
        self.assertEqual(self.crierd.requests[-1][2]["Content-Type"], "text/csv")
        self.assertIn("0.42 s", done.stdout)

    def test_a_broken_file_is_named_with_its_line(self):
        (self.path / "p.csv").write_text('id,name\nN1,"a\n')
        self.crierd.says("POST /v1/recipients/import", (422, {"status": 422, "detail": "an unterminated quote", "line": 2, "column": 4}))
        self.assertEqual(self.as_planner("recipients", "import", self.path / "p.csv").stderr, f"crierctl: {self.path}/p.csv: line 2: an unterminated quote\n")

    def test_an_import_whose_answer_is_lost_is_sent_again_from_its_start(self):
        (self.path / "p.csv").write_text("id,name\nN1,a\n")
        self.crierd.says("POST /v1/recipients/import", "lost", {"rows": 1})
        self.assertEqual(self.as_planner("recipients", "import", self.path / "p.csv").returncode, 0)
        first, second = self.crierd.requests
        self.assertEqual((first[3], first[2]["Idempotency-Key"]), (second[3], second[2]["Idempotency-Key"]))
        self.assertEqual(second[3], b"id,name\nN1,a\n")

    def test_bad_rows_are_named_and_with_skip_bad_written_beside_the_file(self):
        source = self.path / "p.csv"
        source.write_bytes('id,name,phone\nN1,a,1\nN2,"b\nc",2\nN3,"d ""e""",3\n'.encode())
        rows = [{"line": 3, "reason": 'phone: "2"'}, {"line": 5, "reason": "phone: too short"}]
        self.crierd.says("POST /v1/recipients/import", (422, {"status": 422, "detail": "2 bad rows", "bad_rows": rows}))
        refused = self.as_planner("recipients", "import", source)
        self.assertEqual(refused.returncode, 65)
        self.assertIn("p.csv: 2 bad rows", refused.stderr)
        self.assertIn("line 5: phone: too short", refused.stderr)
        self.crierd.says("POST /v1/recipients/import?skip_bad=1",
                         {"rows": 3, "added": 1, "updated": 0, "unchanged": 0, "bad": 2, "bad_rows": rows, "recipients": 1, "duration_ms": 1})
        done = self.as_planner("recipients", "import", source, "--skip-bad", "--json")
        self.assertEqual(json.loads(done.stdout)["bad"], 2)
        self.assertEqual((self.path / "p.csv.bad.csv").read_text(),
                         'line,reason,row\n3,"phone: ""2""","N2,""b\nc"",2"\n5,"phone: too short","N3,""d """"e"""""",3"\n')

    def test_an_export_is_whole_or_not_there_and_for_its_owner_only(self):
        out = self.path / "all.csv"
        self.crierd.says("GET /v1/recipients/export", (200, "id,name\nN1,a\n"))
        self.assertEqual(self.as_planner("recipients", "export").stdout, "id,name\nN1,a\n")
        self.assertEqual(self.as_planner("recipients", "export", "--output", out).returncode, 0)
        self.assertEqual((out.read_text(), out.stat().st_mode & 0o777), ("id,name\nN1,a\n", 0o600))
        out.unlink()
        self.crierd.says("GET /v1/recipients/export", (403, {"status": 403, "detail": "no"}))
        self.assertEqual(self.as_planner("recipients", "export", "--output", out).returncode, 77)
        self.assertEqual(sorted(path.name for path in self.path.iterdir()), ["planner.token"])

    def test_a_draft_is_submitted_at_once_and_shows_its_audience_before_approval(self):
        self.crierd.says("POST /v1/broadcasts", (201, broadcast("draft", {})))
        self.crierd.says("POST /v1/broadcasts/B-0000001K/submit", broadcast("submitted", {}))
        self.crierd.says("GET /v1/audience?select=all", {"select": "all", "count": 100, "channels": {"sms": 96, "mail": 50},
                                                         "towns": [{"code": "370124104000", "name": "孔村镇", "count": 100}]})
        self.crierd.says("GET /v1/templates/fzr-day", {"name": "fzr-day", "checks": [
            {"language": "zh-CN", "channel": "sms", "encoding": "UCS-2", "units": 64, "parts": 1}]})
        draft = ["broadcast", "draft", "--template", "fzr-day", "--to", "all", "--channels", "sms,mail", "--lane", "urgent", "--expires", "+2h",
                 "--drill", "--var", "place=广场", "--var", "time=5=6", "--note", "n", "--unknown", "resend"]
        shown = self.as_planner(*draft)
        self.assertEqual(shown.returncode, 0, shown.stderr)
        for words in ("孔村镇", "96", "UCS-2", "crierctl approve B-0000001K"):
            self.assertIn(words, shown.stdout)
        body = self.body(0)
        self.assertRegex(body.pop("expires"), r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d$")
        self.assertEqual(body, {"template": "fzr-day", "to": "all", "channels": ["sms", "mail"], "lane": "urgent", "drill": True, "note": "n",
                                "variables": {"place": "广场", "time": "5=6"}, "unknown": "resend"})
        self.assertEqual(json.loads(self.as_planner(*draft, "--json").stdout)["state"], "submitted")
        self.crierd.requests.clear()
        self.assertEqual(json.loads(self.as_planner(*draft, "--json", "--keep-draft").stdout)["state"], "draft")
        self.assertEqual(len(self.crierd.requests), 1)

    def test_moves_are_posts_under_their_own_names(self):
        for words, body in ((["approve", "--hash", "9f"], {"hash": "9f"}), (["reject", "--reason", "不对"], {"reason": "不对"}), (["send"], {}), (["pause"], {}),
                            (["resume"], {}), (["cancel"], {}), (["cancel", "--reason", "r"], {"reason": "r"})):
            with self.subTest(words):
                self.crierd.says(f"POST /v1/broadcasts/B-0000001K/{words[0]}", broadcast("paused"))
                done = self.as_planner(words[0], "B-0000001K", *words[1:])
                self.assertEqual((done.returncode, done.stdout), (0, "B-0000001K: paused\n"), done.stderr)
                self.assertEqual(self.body(), body)

    def test_opting_out_names_the_channels_or_all(self):
        self.crierd.says("POST /v1/recipients/P1/opt-out", {"id": "P1", "opted_out": ["sms"]})
        self.as_planner("recipients", "opt-out", "P1", "--channel", "sms", "--channel", "mail")
        self.as_planner("recipients", "opt-out", "P1")
        self.assertEqual([self.body(0), self.body(1)], [{"channels": ["sms", "mail"]}, {}])

    def test_a_revoked_user_is_answered_without_a_body(self):
        self.crierd.says("DELETE /v1/users/duty", (204, ""))
        self.assertEqual(self.as_planner("user", "revoke", "duty").returncode, 0)


def width(text):
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 0 if unicodedata.combining(c) else 1 for c in text)


class Screen:
    """As much of a terminal as the bars need: lines, the cursor, erase below."""

    def __init__(self, columns):
        self.columns, self.lines, self.row, self.overflowed = columns, [""], 0, []

    def feed(self, text):
        for up, erase, colour, newline, plain in re.findall(r"\x1b\[(\d+)F|(\x1b\[J)|(\x1b\[[\d;]*m)|(\r?\n)|([^\x1b\r\n]+)", text):
            if up:
                self.row -= int(up)
            elif erase:
                self.lines = self.lines[:self.row] + [""]
            elif newline:
                self.row += 1
                if self.row == len(self.lines):
                    self.lines.append("")
            elif plain:
                self.lines[self.row] += plain
                if width(self.lines[self.row]) >= self.columns:
                    self.overflowed.append(self.lines[self.row])


class Watch(Connected):
    LOOK = "GET /v1/broadcasts/B-0000001K"

    def test_plain_lines_and_a_summary_when_it_is_no_terminal(self):
        self.crierd.says(self.LOOK, broadcast("scheduled", {}), broadcast(), broadcast(), FINISHED)
        done = self.as_planner("watch", "B-0000001K")
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = done.stdout.splitlines()
        self.assertEqual(lines[0], "B-0000001K scheduled  SMS 0% 0/100  e-mail 0% 0/100")
        self.assertEqual(lines[1], "B-0000001K sending  SMS 60% 60/100  e-mail 20% 20/100")
        self.assertEqual(lines[2], "B-0000001K finished  SMS 100% 100/100  e-mail 100% 100/100")
        self.assertNotIn("\x1b", done.stdout)
        for words in ("device could not be reached", "opted out", "1.50 s", "2.50 s", "unknown"):
            self.assertIn(words, done.stdout)

    def test_it_is_0_only_when_finished_and_everything_adds_up(self):
        lost = json.loads(json.dumps(FINISHED))
        lost["counts"]["mail"]["delivered"] -= 1
        unexplained = json.loads(json.dumps(FINISHED))
        unexplained["counts"]["sms"]["reasons"] = {"failed_unreachable": 2, "suppressed_optout": 2}
        for name, shown in {"lost": lost, "unexplained": unexplained, **{s: broadcast(s) for s in ("cancelled", "expired", "rejected")}}.items():
            with self.subTest(name):
                self.crierd.says(self.LOOK, shown)
                done = self.as_planner("watch", "B-0000001K")
                self.assertEqual(done.returncode, 1)
                self.assertIn("B-0000001K", done.stderr)
        self.crierd.says(self.LOOK, FINISHED)
        self.assertEqual(json.loads(self.as_planner("watch", "B-0000001K", "--json").stdout), FINISHED)

    def test_a_broadcast_that_is_not_there_ends_at_once_and_a_daemon_that_is_away_for_a_moment_does_not(self):
        self.assertEqual(self.as_planner("watch", "B-0000ZZZZ").returncode, 1)
        self.crierd.says(self.LOOK, broadcast(), (503, {"status": 503, "detail": "Redis is away"}), FINISHED)
        self.assertEqual(self.as_planner("watch", "B-0000001K").returncode, 0)

    def test_a_reader_that_leaves_ends_the_watch(self):
        self.crierd.says(self.LOOK, *[broadcast("sending", {"sms": counts(100, n), "mail": counts(100, n)}) for n in range(100)])
        watch = subprocess.Popen([CTL, "--as", "planner", "watch", "B-0000001K"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                 env=self.environment(url=self.crierd.url))
        watch.stdout.readline()
        watch.stdout.close()
        watch.wait(20)
        self.assertGreaterEqual(watch.returncode, 0)
        watch.stderr.close()

    def on_terminal(self, columns, language):
        """Runs watch on a pty; what the screen showed after each look, and its final lines."""
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        watch = subprocess.Popen([CTL, "--as", "planner", "watch", "B-0000001K"], stdout=slave, stderr=slave, stdin=slave,
                                 env=self.environment(language, self.crierd.url), start_new_session=True)
        os.close(slave)
        screen, seen, end = Screen(columns), b"", time.monotonic() + 30
        while time.monotonic() < end:
            try:
                piece = os.read(master, 65536)
            except OSError:
                break
            if not piece:
                break
            seen += piece
        os.close(master)
        self.assertEqual(watch.wait(20), 0)
        screen.feed(seen.decode())
        return screen, seen.decode()

    def test_bars_are_redrawn_in_place_at_any_width_in_both_languages(self):
        for columns in (40, 41, 66, 100):
            for language, state, label in ((CHINESE, "已完成", "短信"), (ENGLISH, "finished", "SMS")):
                with self.subTest(columns=columns, language=label):
                    stuck = broadcast("sending", {"sms": counts(100, 40, failed=5, waiting=55, waits_for="no drill worker for sms, and this is a long explanation of it"),
                                                  "mail": counts(100, 20, accepted=10, waiting=70)}, title="全国防灾减灾日主题宣传活动" * 4)
                    self.crierd.says(self.LOOK, broadcast("scheduled", {}), broadcast(), stuck, broadcast(), FINISHED)
                    screen, seen = self.on_terminal(columns, language)
                    picture = screen.lines[:screen.lines.index("")]
                    self.assertEqual(sum(line.startswith("B-0000001K") for line in screen.lines), 1, screen.lines)
                    self.assertIn(state, picture[0])
                    self.assertTrue(picture[1].startswith(label), picture)
                    self.assertIn("100%", picture[1])
                    self.assertEqual([line for line in screen.overflowed if line in picture or line.startswith("B-")], [])
                    self.assertIn("短信等待：" if language is CHINESE else "SMS waits: ", seen)
                    self.assertIn("\x1b[42m", seen)
                    self.assertIn("\x1b[97;41mx", seen)

    def test_no_color_is_respected(self):
        self.crierd.says(self.LOOK, broadcast(), FINISHED)
        _, seen = self.on_terminal(80, {**ENGLISH, "NO_COLOR": "1"})
        self.assertNotRegex(seen, r"\x1b\[[\d;]*m")
        self.assertIn("####", seen)


if __name__ == "__main__":
    unittest.main()

"""A crierd that says what a test tells it to: just enough HTTP for crierctl, and broadcasts to show."""
import http.server
import json
import threading


def counts(total, settled, **more):
    base = dict.fromkeys(("waiting", "retry", "accepted", "unknown", "delivered", "failed", "suppressed", "expired", "cancelled", "leased"), 0)
    return {**base, "total": total, "waiting": total - settled, "delivered": settled, "reasons": {}, "ms_to_half": None, "ms_to_95": None,
            "ms_to_last": None, "waits_for": "", **more}


def broadcast(state="sending", channels=None, **more):
    channels = channels if channels is not None else {"sms": counts(100, 60), "mail": counts(100, 20)}
    return {"id": "B-0000001K", "state": state, "template": "fzr-day", "title": "全国防灾减灾日", "to": "all", "channels": ["sms", "mail"],
            "lane": "urgent", "drill": True, "variables": {"place": "广场"}, "hash": "9f", "author": "planner", "approver": None, "reason": None,
            "note": "", "created": "2026-05-12T09:00:00.000+08:00", "submitted": None, "approved": None, "at": None, "expires": None,
            "started": None, "finished": None, "audience": 100, "counts": channels, "moves": [], **more}


FINISHED = broadcast("finished", {
    "sms": counts(100, 95, waiting=0, failed=3, suppressed=2, ms_to_half=1500, ms_to_95=2000, ms_to_last=2500,
                  reasons={"failed_unreachable": 3, "suppressed_optout": 2}),
    "mail": counts(100, 99, waiting=0, unknown=1)})


class Crierd:
    """Answers what a test tells it to; `answers` maps "METHOD /path" to a list whose last entry stays."""

    def __init__(self):
        self.answers, self.requests = {}, []
        fake = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                length = self.headers.get("Content-Length")
                body = self.rfile.read(int(length)) if length else b""
                fake.requests.append((self.command, self.path, dict(self.headers), body))
                queue = fake.answers.get(f"{self.command} {self.path}")
                if queue is None:
                    queue = [(404, {"title": "Not Found", "status": 404, "detail": "no such thing"})]
                reply = queue.pop(0) if len(queue) > 1 else queue[0]
                if reply == "lost":
                    self.close_connection = True
                    return
                status, content = reply
                text = content.encode() if isinstance(content, str) else json.dumps(content).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json" if status < 400 else "application/problem+json")
                self.send_header("Content-Length", str(0 if status == 204 else len(text)))
                self.end_headers()
                if status != 204:
                    self.wfile.write(text)

            do_GET = do_POST = do_PUT = do_DELETE = answer

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def says(self, request, *replies):
        self.answers[request] = [reply if reply == "lost" or isinstance(reply, tuple) else (200, reply) for reply in replies]

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

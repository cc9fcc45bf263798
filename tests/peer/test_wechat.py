"""The WeChat worker against the sandbox behind nginx with TLS and HTTP/2, and against what nginx answers in its place."""
import gzip
import subprocess
import unittest

from county import check_counts, check_truth, county, finish, send, state
from rig import wait_until

SEND = "/cgi-bin/message/template/send"
CONF = """
daemon off; worker_processes 1; pid {dir}/nginx.pid; error_log {dir}/error.log;
events {{ worker_connections 512; }}
http {{
    log_format peer '$server_protocol $connection $uri $status';
    access_log {dir}/access.log peer;
    client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy; fastcgi_temp_path {dir}/f; uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;
    upstream sandbox {{ server {sandbox}; keepalive 64; }}
    server {{
        listen 127.0.0.1:{port} ssl http2;
        ssl_certificate {cert}; ssl_certificate_key {key};
        keepalive_requests 100000;
        location / {{ proxy_pass http://sandbox; proxy_http_version 1.1; proxy_set_header Connection ""; }}
        {more}
    }}
}}
"""
BOMB_BYTES = 64 << 20


def free_port():
    import socket
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Front:
    """nginx before the sandbox; `more` are locations that answer in its place."""

    def __init__(self, rig, name, more="", cert="smtp"):
        self.dir = rig.state / f"nginx-{name}"
        self.dir.mkdir()
        self.port = free_port()
        (self.dir / "nginx.conf").write_text(CONF.format(
            dir=self.dir, port=self.port, more=more.format(dir=self.dir), sandbox=rig.processes["crier-sandbox"].facts["http"],
            cert=rig.keys / f"{cert}.pem", key=rig.keys / f"{cert}.key"))
        self.child = subprocess.Popen(["/usr/sbin/nginx", "-p", self.dir, "-e", self.dir / "error.log", "-c", self.dir / "nginx.conf"])
        wait_until(lambda: (self.dir / "nginx.pid").exists() and (self.dir / "nginx.pid").read_text().strip(), "nginx")

    def requests(self):
        return [line.split() for line in (self.dir / "access.log").read_text().splitlines()]

    def stop(self):
        self.child.terminate()
        self.child.wait()


class BehindNginx(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.rig = county(people=400)
        cls.addClassCleanup(cls.rig.stop)
        subprocess.run(["openssl", "x509", "-req", "-in", "/dev/stdin", "-days", "-1", "-out", cls.rig.keys / "old.pem",
                        "-key", cls.rig.keys / "smtp.key"], check=True, capture_output=True,
                       input=subprocess.run(["openssl", "req", "-new", "-key", cls.rig.keys / "smtp.key", "-subj", "/CN=127.0.0.1",
                                             "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True).stdout)
        (cls.rig.keys / "old.key").write_bytes((cls.rig.keys / "smtp.key").read_bytes())

    def front(self, name, *args, **kwargs):
        front = Front(self.rig, name, *args, **kwargs)
        self.addCleanup(front.stop)
        return front

    def start_worker(self, front, **extra):
        self.rig.processes["wechat-drill"].stop()
        return self.rig.start_worker("wechat", **{"gateway.url": f"https://127.0.0.1:{front.port}", "gateway.window": 64,
                                                  "gateway.ca_file": self.rig.keys / "smtp.pem", **extra})

    def peak_kib(self):
        with open(f"/proc/{self.rig.processes['wechat-drill'].child.pid}/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))

    def log(self):
        return self.rig.processes["wechat-drill"].log_path.read_text()

    def finish_all(self, broadcast, most_unknown=0):
        shown = finish(self.rig, broadcast)
        check_counts(self, shown)
        self.assertLessEqual(shown["counts"]["wechat"]["unknown"], most_unknown)
        self.assertGreater(shown["counts"]["wechat"]["delivered"], 100)
        check_truth(self, self.rig, broadcast, shown)

    def test_one_connection_carries_all(self):
        front = self.front("plain")
        self.start_worker(front)
        self.finish_all(send(self.rig, channels="wechat"))
        sends = [request for request in front.requests() if request[2] == SEND]
        self.assertGreater(len(sends), 100)
        self.assertEqual({request[0] for request in sends}, {"HTTP/2.0"})
        self.assertLessEqual(len({request[1] for request in sends}), 2)

    def refuses(self, front, word, **extra):
        """Nobody fails while it lasts; a good front then gets everybody once. The worker's greatest size meanwhile, in KiB."""
        self.start_worker(front, **extra)
        broadcast = send(self.rig, channels="wechat")
        wait_until(lambda: word in self.log(), f"{word} in the worker's log")
        self.assertEqual(state(self.rig, broadcast)["counts"]["wechat"]["failed"], 0)
        peak = self.peak_kib()
        self.start_worker(self.front(f"{front.dir.name}-good"))
        # On a busy machine a few may have used up their attempts against what is no answer: they stay unknown.
        self.finish_all(broadcast, most_unknown=64)
        return peak

    def test_a_certificate_of_nobody_we_trust(self):
        self.refuses(self.front("untrusted"), "token_unreachable", **{"gateway.ca_file": ""})

    def test_a_certificate_that_is_over(self):
        self.refuses(self.front("over", cert="old"), "token_unreachable", **{"gateway.ca_file": self.rig.keys / "old.pem"})

    def test_a_redirect(self):
        self.refuses(self.front("redirect", f"location {SEND} {{{{ return 302 https://127.0.0.1:1/; }}}}"), "what=redirect")

    def test_html_in_place_of_json(self):
        self.refuses(self.front("html", f"location {SEND} {{{{ default_type text/html; return 200 '<html>log in</html>'; }}}}"), "what=not_json")

    def test_a_gzip_bomb_is_not_opened(self):
        front = self.front("bomb", f"location {SEND} {{{{ root {{dir}}; try_files /bomb =404; error_page 405 =200 $uri; add_header Content-Encoding gzip; }}}}")
        (front.dir / "bomb").write_bytes(gzip.compress(bytes(BOMB_BYTES), 9))
        self.assertLess(self.refuses(front, "what="), BOMB_BYTES // 1024)


if __name__ == "__main__":
    unittest.main()

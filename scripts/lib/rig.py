"""A whole Crier in one folder: private Redis, crierd, workers, sandbox. Used by scripts/run, benches and tests.

Everything listens on loopback or unix sockets with ports the kernel chose, and crierd on an address of its own in
127.0.0.0/8, where nobody takes its port while it is dead: any number of rigs run beside each other.
A rig stops exactly the processes it started.
"""
import itertools
import json
import os
import pathlib
import random
import re
import select
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
READY_DEADLINE_S = 20
SANITIZER = re.compile(r"(ERROR|WARNING): \w+Sanitizer|: runtime error: ")  # how a report begins; UBSan's is the second
REPORT_LINES = 40
CHANNELS = ("sms", "wechat", "mail")
USERS = {
    "planner": ("P. Lanner", ["planner"]),
    "approver": ("A. Prover", ["approver"]),
    "duty": ("D. Uty", ["duty"]),
    "operator": ("O. Perator", ["operator"]),
    "auditor": ("A. Uditor", ["auditor"]),
}


class RigError(Exception):
    pass


def wait_until(condition, what, deadline_s=60.0, every_s=0.02):
    """Polls `condition` until it is true; says what it waited for when it never was."""
    end = time.monotonic() + deadline_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise RigError(f"waited {deadline_s:.0f} s in vain for {what}")
        time.sleep(every_s)


def sanitizer_report(lines):
    """The beginning of the first report among the lines of a log, or an empty text."""
    lines = iter(lines)
    for line in lines:
        if SANITIZER.search(line):
            return line + "".join(itertools.islice(lines, REPORT_LINES))
    return ""


def programs():
    """The folder of the programs under test."""
    return pathlib.Path(os.environ.get("CRIER_BIN") or ROOT / "build/release/bin")


def options_of(program):
    """The keys of its configuration."""
    reference = subprocess.run([program, "--config-reference"], capture_output=True, text=True, check=True).stdout
    return re.findall(r"^\| `([a-z0-9_.]+)`", reference, re.MULTILINE)


class Process:
    """A child in its own session, its log in a file, its readiness line parsed into `facts`."""

    def __init__(self, name, argv, log_dir, env=None):
        self.name, self.argv, self.env = name, [str(a) for a in argv], env
        self.log_path = log_dir / f"{name}.log"
        self.child, self.facts = None, {}

    def start(self, ready=True):
        with open(self.log_path, "ab") as log:
            self.child = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log,
                                          start_new_session=True, env={**os.environ, **(self.env or {})})
        if ready:
            self._wait_ready()
        return self

    def _wait_ready(self):
        end, buffered = time.monotonic() + READY_DEADLINE_S, b""
        fd, poll = self.child.stdout.fileno(), select.poll()  # select() knows no more than 1,024 files
        poll.register(fd, select.POLLIN)
        while b"\n" not in buffered:
            left = end - time.monotonic()
            if left <= 0:
                raise RigError(f"{self.name} was not ready in {READY_DEADLINE_S} s; its log: {self.log_path}")
            if poll.poll(left * 1000):
                piece = os.read(fd, 4096)
                if not piece:
                    raise RigError(f"{self.name} ended with {self.child.wait()} before it was ready:\n{self.tail()}")
                buffered += piece
        line = buffered.split(b"\n", 1)[0].decode()
        words = line.split()
        if words[:1] != ["READY"]:
            raise RigError(f"{self.name} said {line!r} instead of READY")
        self.facts = dict(word.split("=", 1) for word in words[2:] if "=" in word)

    def tail(self, lines=15):
        try:
            return "\n".join(self.log_path.read_text(errors="replace").splitlines()[-lines:])
        except OSError:
            return ""

    def running(self):
        return self.child is not None and self.child.poll() is None

    def signal(self, number):
        if self.running():
            self.child.send_signal(number)

    def kill(self):
        """As a crash would."""
        self.signal(signal.SIGKILL)
        self.child.wait()
        self.child.stdout.close()

    def stop(self, deadline_s=15.0):
        """TERM, and KILL when that takes too long. Returns the exit code."""
        if self.child is None:
            return None
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        try:
            code = self.child.wait(deadline_s)
        except subprocess.TimeoutExpired:
            self.kill()
            return -signal.SIGKILL
        self.child.stdout.close()
        return code


class Rig:
    sms = "http"  # what SMS workers speak: or smpp, cmpp

    def __init__(self, state=None, bin_dir=None, keep=False, sms=None):
        self.sms = sms or Rig.sms
        self.bin = pathlib.Path(bin_dir or programs()).resolve()
        if not (self.bin / "crierd").exists():
            raise RigError(f"no programs in {self.bin}: build first")
        self.own_state = state is None
        self.keep = keep
        self.state = pathlib.Path(state or tempfile.mkdtemp(prefix="crier-")).resolve()
        for folder in ("log", "etc", "redis", "tokens", "sandbox"):
            (self.state / folder).mkdir(parents=True, exist_ok=True, mode=0o700)
        self.keys = self.state / "keys"
        self.address = "127." + ".".join(str(random.SystemRandom().randrange(1, 255)) for _ in range(3))
        self.redis_conf = ROOT / "config/redis.conf"
        self.active = "crierd"  # the daemon that is spoken to
        self.processes = {}
        self.order = []
        self.overrides = {}  # program -> {key: value}, before it is started
        self.builds = {}  # program -> the executable to start instead of it
        self.known = {}  # program of another release -> the only keys that it understands
        self.settings = {}  # program -> what its configuration holds

    # -- pieces -------------------------------------------------------------------------------------------------

    def _start(self, name, argv, ready=True, env=None):
        process = Process(name, argv, self.state / "log", env)
        if name in self.processes:  # until it says them again
            process.facts = self.processes[name].facts
        self.processes[name] = process
        if name not in self.order:
            self.order.append(name)
        return process.start(ready)

    def _build(self, program):
        return self.bin / self.builds.get(program, program)

    def restart(self, name):
        old = self.processes[name]
        if old.running():
            old.stop()
        if name == "redis":
            return self.start_redis()
        self._keep_addresses(name, old.facts)
        process = self._start(name, old.argv, env=old.env)
        channel, _, kind = name.partition("-")
        if kind == "drill":  # it listens for receipts on another port now
            self._point_receipts(channel, process)
        return process

    def _keep_addresses(self, name, facts):
        """The others were told where daemons and the sandbox listen: with another rig beside this one, the kernel would
        choose other ports the second time."""
        kept = {f"{fact}.port": int(facts[fact].rpartition(":")[2]) for fact in ("http", "smtp") if fact in facts}
        if "wire" in facts:
            kept["wire.endpoint"] = facts["wire"]
        if kept:
            self.write_config(name, {**self.settings[name], **kept})

    def write_config(self, name, settings):
        """A libconfig file from a flat dict of dotted keys."""
        settings = {**settings, **self.overrides.get(name, {})}
        self.settings[name] = settings
        groups, lines = {}, []
        known = self.known.get(name, settings)
        for key, value in ((key, value) for key, value in settings.items() if key in known):
            group, _, leaf = key.rpartition(".")
            text = ("true" if value else "false") if isinstance(value, bool) else \
                f"{value}L" if isinstance(value, int) else json.dumps(str(value), ensure_ascii=False)
            groups.setdefault(group, []).append(f"{leaf} = {text};")
        for group, entries in groups.items():
            lines += entries if not group else [f"{group}: {{", *("    " + e for e in entries), "};"]
        path = self.state / "etc" / f"{name}.cfg"
        path.write_text("\n".join(lines) + "\n")
        return path

    def make_keys(self, workers):
        subprocess.run([ROOT / "scripts/setup", self.keys, *workers], check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, env={**os.environ, "CRIER_BIN": str(self.bin)})
        for name, text in (("aliyun.secret", "sandbox-secret"), ("wechat.secret", "sandbox-secret"),
                           ("wechat-event.token", "sandbox-token"), ("receipts.token", "sandbox-token"),
                           ("mail.key", secrets.token_hex(32)), ("smpp.password", "sandbox"), ("cmpp.secret", "sandbox-secret")):
            path = self.keys / name
            if not path.exists():
                path.touch(0o600)
                path.write_text(text + "\n")
        if not (self.keys / "smtp.pem").exists():
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                            "-days", "30", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
                            "-keyout", str(self.keys / "smtp.key"), "-out", str(self.keys / "smtp.pem")],
                           check=True, capture_output=True)
            (self.keys / "smtp.key").chmod(0o600)

    def redis_socket(self):
        return self.state / "redis" / "redis.sock"

    def start_redis(self):
        self._start("redis", ["redis-server", self.redis_conf, "--port", "0", "--unixsocket", self.redis_socket(),
                              "--unixsocketperm", "700", "--dir", self.state / "redis", "--daemonize", "no",
                              "--logfile", self.state / "log/redis.log"], ready=False)
        wait_until(self._redis_answers, "Redis to answer")

    def _redis_answers(self):
        if not self.processes["redis"].running():
            raise RigError(f"Redis ended:\n{self.processes['redis'].tail()}")
        return self.redis("PING") == "PONG"

    def redis(self, *args):
        answer = subprocess.run(["redis-cli", "-s", str(self.redis_socket()), *map(str, args)], capture_output=True, text=True)
        return answer.stdout.strip()

    def status_bytes(self, broadcast, channel, total):
        """The stored status byte of every rank, as docs/redis.md has them."""
        number = 0
        for letter in broadcast.removeprefix("B-"):
            number = number * 32 + "0123456789ABCDEFGHJKMNPQRSTVWXYZ".index(letter)
        stored = b""
        for chunk in range(0, total, 61440):
            key = f"{{b:{number}}}:s:{channel[0]}:{chunk // 61440}"
            done = subprocess.run(["redis-cli", "-s", str(self.redis_socket()), "--raw", "GET", key], capture_output=True, check=True)
            stored += done.stdout[:-1].ljust(min(61440, total - chunk), b"\0")
        return stored

    def start_sandbox(self):
        config = self.write_config("crier-sandbox", {
            "http.port": 0, "smtp.port": 0, "smtp.tls_cert": self.keys / "smtp.pem", "smtp.tls_key": self.keys / "smtp.key",
            "state_dir": self.state / "sandbox",
            "sms.access_key_id": "sandbox", "sms.access_key_secret_file": self.keys / "aliyun.secret",
            "smpp.port": 0, "smpp.system_id": "crier", "smpp.password_file": self.keys / "smpp.password",
            "cmpp.port": 0, "cmpp.source_addr": "1069", "cmpp.secret_file": self.keys / "cmpp.secret",
            "wechat.appid": "wxsandbox", "wechat.secret_file": self.keys / "wechat.secret",
            "wechat.event_token_file": self.keys / "wechat-event.token"})
        # Gateways are of no release: beside the programs of another one they are today's.
        return self._start("crier-sandbox", [programs() / "crier-sandbox", "-c", config])

    def start_daemon(self, **extra):
        config = self.write_config("crierd", {
            "timezone": "Asia/Shanghai", "http.address": self.address, "http.port": 0,
            "redis.url": f"unix://{self.redis_socket()}", "redis.redo_file": self.state / "crierd.redo",
            "wire.endpoint": f"tcp://{self.address}:*", "wire.secret_key_file": self.keys / "crierd_secret",
            "wire.workers_dir": self.keys / "workers",
            "directory.seal_key_file": self.keys / "seal.key",
            "directory.divisions_file": ROOT / "config/sample/divisions.csv",
            "plan.token_key_file": self.keys / "mail.key", "plan.admin_token_file": self.keys / "admin.token", "plan.receipt_wait_s": 6,
            "quiet.from": "", "quiet.until": "",  # or what happens would depend on the hour
            "dispatch.retry_first_ms": 1000, **extra})
        self.write_env()
        process = self._start("crierd", [self._build("crierd"), "-c", config])
        self.write_env()
        return process

    def _sms_settings(self, sandbox, kind):
        if self.sms == "http":
            return {"gateway.url": f"http://{sandbox['http']}/sms/", "gateway.access_key_id": "sandbox",
                    "gateway.access_key_secret_file": self.keys / "aliyun.secret",
                    "receipts.token_file": self.keys / "receipts.token", "receipts.port": 0}
        account = {"smpp": f"crier-{kind}", "cmpp": {"drill": "106901", "real": "106902"}[kind]}[self.sms]
        secret = {"smpp": "smpp.password", "cmpp": "cmpp.secret"}[self.sms]
        return {"gateway.kind": self.sms, "gateway.url": f"{self.sms}://{sandbox[self.sms]}", "gateway.account": account,
                "gateway.password_file": self.keys / secret, "gateway.source_addr": "10690001", "gateway.reference": True}

    def start_worker(self, channel, real=False, name=None, **extra):
        sandbox = self.processes["crier-sandbox"].facts
        kind = "real" if real else "drill"
        name = name or f"{channel}-{kind}"
        settings = {
            "timezone": "Asia/Shanghai", "worker.name": name, "daemon.endpoint": self.processes["crierd"].facts["wire"],
            "daemon.public_key_file": self.keys / "crierd", "worker.secret_key_file": self.keys / f"{name}_secret",
            "gateway.class": kind}
        if channel == "sms":
            settings |= self._sms_settings(sandbox, kind)
        elif channel == "wechat":
            settings |= {"gateway.url": f"http://{sandbox['http']}", "gateway.appid": "wxsandbox",
                         "gateway.secret_file": self.keys / "wechat.secret",
                         "receipts.token_file": self.keys / "wechat-event.token", "receipts.port": 0}
        else:
            settings |= {"gateway.url": f"smtp://{sandbox['smtp']}", "gateway.ca_file": self.keys / "smtp.pem",
                         "gateway.unsubscribe_url": f"{self.url()}/u/", "gateway.token_key_file": self.keys / "mail.key",
                         "gateway.from": "kp@pingyin.test", "gateway.domain": "crier.test"}
        config = self.write_config(name, settings | extra)
        process = self._start(name, [self._build(f"crier-{channel}"), "-c", config])
        if not real:  # the sandbox pushes to one listener a channel: the drill's
            self._point_receipts(channel, process)
        return process

    def _point_receipts(self, channel, process):
        where = process.facts.get("receipts")
        if channel == "sms" and where:
            token = (self.keys / "receipts.token").read_text().strip()
            self.sandbox_control({"channel": "sms", "receipt_url": f"http://{where}/receipts?token={token}"})
        elif channel == "wechat":
            self.sandbox_control({"channel": "wechat", "event_url": f"http://{where}/events"})

    # -- the whole ----------------------------------------------------------------------------------------------

    def start(self, channels=CHANNELS, real=False):
        self.make_keys([f"{c}-{k}" for c in channels for k in ("drill", "real")])
        self.start_redis()
        self.start_sandbox()
        self.start_daemon()
        for channel in channels:
            self.start_worker(channel)
            if real:
                self.start_worker(channel, real=True)
        return self

    def add_users(self):
        for name, (person, roles) in USERS.items():
            self.ctl("admin", "user", "add", name, "--person", person, *[w for r in roles for w in ("--role", r)],
                     "--token-file", self.state / "tokens" / f"{name}.token")

    def url(self):
        daemon = self.processes.get(self.active)
        return f"http://{daemon.facts['http']}" if daemon and "http" in daemon.facts else ""

    def env(self):
        return {"PATH": f"{self.bin}:{os.environ['PATH']}", "CRIER_URL": self.url(), "CRIER_TOKENS": str(self.state / "tokens")}

    def write_env(self):
        token = self.state / "tokens/admin.token"
        if not token.exists():
            shutil.copy(self.keys / "admin.token", token)
            token.chmod(0o600)
        lines = [f'export PATH="{self.bin}:$PATH"', f"export CRIER_URL={self.url()}", f"export CRIER_TOKENS={self.state}/tokens",
                 f"export CRIER_STATE={self.state}"]
        if "http" in getattr(self.processes.get("crier-sandbox"), "facts", {}):
            lines.append(f"export CRIER_SANDBOX={self.sandbox_url()}")
        (self.state / "env").write_text("\n".join(lines) + "\n")

    def ctl(self, user, *args, check=True, **kwargs):
        """Runs crierctl as `user`; the completed process, or RigError with what it said."""
        done = subprocess.run([self.bin / "crierctl", "--as", user, *map(str, args)], capture_output=True, text=True,
                              env={**os.environ, **self.env()}, **kwargs)
        if sanitizer_report(done.stderr.splitlines(True)):
            raise RigError(f"crierctl {' '.join(map(str, args))}:\n{done.stderr}")
        if check and done.returncode != 0:
            raise RigError(f"crierctl {' '.join(map(str, args))} ended with {done.returncode}: {done.stderr}{done.stdout}")
        return done

    def ctl_json(self, user, *args):
        return json.loads(self.ctl(user, *args, "--json").stdout)

    def http(self, method, path, user="admin", body=None, headers=None, content_type="application/json"):
        """(status, headers, decoded JSON or text) straight from the API."""
        token = (self.state / "tokens" / f"{user}.token").read_text().strip() if user else None
        payload = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
        request = urllib.request.Request(self.url() + path, data=payload, method=method, headers=dict(headers or {}))
        if payload is not None:
            request.add_header("Content-Type", content_type)
        if token:
            request.add_header("Authorization", f"Bearer {token}")
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                status, seen, text = answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as refused:
            status, seen, text = refused.code, refused.headers, refused.read()
        is_json = "json" in (seen.get("Content-Type") or "")
        return status, seen, json.loads(text) if is_json and text else text.decode(errors="replace")

    def sandbox_url(self):
        return f"http://{self.processes['crier-sandbox'].facts['http']}"

    def sandbox_control(self, settings):
        request = urllib.request.Request(self.sandbox_url() + "/control", data=json.dumps(settings).encode(), method="POST",
                                         headers={"Content-Type": "application/json"})
        urllib.request.urlopen(request, timeout=10).read()

    def truth(self):
        """Every submit a gateway accepted: list of (channel, reference)."""
        path = self.state / "sandbox" / "accepted.log"
        if not path.exists():
            return []
        return [tuple(line.split()[1:3]) for line in path.read_text().splitlines()]

    def stop(self):
        codes = {}
        for name in reversed(self.order):
            codes[name] = self.processes[name].stop()
        self._check_logs()
        if self.own_state and not self.keep:
            shutil.rmtree(self.state, ignore_errors=True)
        return codes

    def _check_logs(self):
        """A sanitizer's report is a failure, whatever became of the process: many are killed or restarted on purpose."""
        for path in sorted((self.state / "log").glob("*.log")):
            with path.open(errors="replace") as log:
                report = sanitizer_report(log)
            if report:
                self.keep = True
                raise RigError(f"{path}:\n{report}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

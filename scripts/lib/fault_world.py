"""A private Crier under load: what a fault is made against, and what must be whole again at its end."""
import itertools
import signal
import time
import urllib.error

import fault_judge
from rig import CHANNELS, ROOT, Rig, RigError, wait_until

WINDOW = 16  # gateway.window's default: submits under way on a worker's connection
LANES = ("emergency", "urgent", "routine", "bulk")
LATENCY_MS = 20
HEAL_S = 60
SETTINGS = {"dispatch.lease_ms": 2000, "dispatch.heartbeat_ms": 500, "plan.receipt_wait_s": 3}


class World:
    """`people` in one town hall; each broadcast goes to all of them as a drill, so that the sandbox records every submit.

    Whether receipts come is thrown for each world: with them what is unknown settles itself, without it stays to be counted."""

    def __init__(self, run, people=300, channels=CHANNELS, settings=None, latency_ms=LATENCY_MS, faulty=()):
        self.run, self.people, self.channels, self.latency_ms = run, people, channels, latency_ms
        self.settings, self.faulty = SETTINGS | (settings or {}), faulty
        self.rig = Rig()
        self.truth = fault_judge.Truth(self.rig)
        self.numbers = itertools.count(1)
        self.open = []  # broadcasts that are sent and not judged
        self.receipts = run.random.random() < 0.5

    # -- begin and end ------------------------------------------------------------------------------------------

    def start(self):
        rig = self.rig
        rig.overrides["crierd"] = dict(self.settings)
        for program in self.faulty:  # the same program with named points to die at: tests/fault
            rig.builds[program] = f"{program}-faulty"
        rig.start(self.channels)
        rig.add_users()
        people = rig.state / "people.csv"
        people.write_text("id,name,phone,openid,email,division\n" + "".join(
            f"R-{n:06d},甲{n},1993{n:07d},oTestx{n:022d},r{n}@pingyin.test,370124104000\n" for n in range(1, self.people + 1)))
        rig.ctl("operator", "recipients", "import", people)
        rig.ctl("planner", "template", "put", ROOT / "config/templates/fire-day.json")
        rig.sandbox_control({"channel": "all", "latency_ms": self.latency_ms, "receipt_failed_percent": 0,
                             "receipt_missing_percent": 0 if self.receipts else 100})

    def stop(self, keep):
        self.rig.keep = keep
        if keep:
            self.run.kept.append(self.rig.state)
        for process in self.rig.processes.values():
            process.signal(signal.SIGCONT)
        self.rig.stop()

    # -- load ---------------------------------------------------------------------------------------------------

    def ask(self, user, path, body=None, deadline_s=HEAL_S):
        """A POST that is repeated with its key until it is answered: what a client of docs/http-api.md does."""
        key, end = f"{self.run.name}-{next(self.numbers)}", time.monotonic() + deadline_s
        while True:
            try:
                status, _, answer = self.rig.http("POST", path, user, body or {}, {"Idempotency-Key": key})
            except (urllib.error.URLError, ConnectionError, TimeoutError, OSError) as away:
                status, answer = 0, away
            if 200 <= status < 300:
                return answer
            if status not in (0, 503) or time.monotonic() > end:
                raise RigError(f"POST {path}: {status} {answer}")
            time.sleep(0.02)

    def send(self, lane="routine", channels=None):
        """A broadcast to everybody on its way; its id."""
        draft = {"template": "fire-day", "to": "all", "channels": list(channels or self.channels), "lane": lane,
                 "drill": True, "variables": {"place": "文化广场", "time": "10时"}}
        broadcast = self.ask("planner", "/v1/broadcasts", draft)["id"]
        for user, verb in (("planner", "submit"), ("approver", "approve"), ("planner", "send")):
            self.ask(user, f"/v1/broadcasts/{broadcast}/{verb}")
        self.open.append(broadcast)
        return broadcast

    def load(self, lanes=("routine", "bulk", "urgent")):
        for lane in lanes:
            self.send(lane)

    def flow(self, submits=10, deadline_s=HEAL_S):
        """Waits until the gateways have accepted some more."""
        start = self.truth.size()
        wait_until(lambda: self.truth.size() > start + submits * 30, "submits to flow", deadline_s, 0.002)

    def quiet(self, quiet_s=0.3):
        """Waits until no gateway accepts anything any more."""
        seen, since = self.truth.size(), time.monotonic()
        end = since + HEAL_S
        while time.monotonic() - since < quiet_s:
            if time.monotonic() > end:
                raise RigError("submits went on though nothing should drive them")
            time.sleep(0.01)
            if self.truth.size() != seen:
                seen, since = self.truth.size(), time.monotonic()

    # -- faults -------------------------------------------------------------------------------------------------

    def inject(self, unknown=0):
        """Counts a fault, and how many deliveries it may leave unknown."""
        self.run.sums["injected"] += 1
        self.run.sums["unknown_bound"] += unknown

    def kill(self, *names):
        """SIGKILL. A worker may leave two windows of each connection unknown."""
        for name in names:
            self.inject(2 * WINDOW if name.partition("-")[0] in CHANNELS else 0)
            self.rig.processes[name].kill()

    def pause(self, name, seconds):
        process = self.rig.processes[name]
        self.inject()
        process.signal(signal.SIGSTOP)
        time.sleep(seconds)
        process.signal(signal.SIGCONT)

    def restart(self, *names):
        for name in names:
            self.rig.restart(name)

    def recover(self, *names):
        """Restarts them, and says how long it takes until the next submit is accepted."""
        start, size = time.monotonic(), self.truth.size()
        self.restart(*names)
        wait_until(lambda: self.truth.size() > size, "the next accepted submit", HEAL_S, 0.001)
        self.run.took(round((time.monotonic() - start) * 1000))

    # -- the end ------------------------------------------------------------------------------------------------

    def shown(self, broadcast):
        return self.rig.http("GET", f"/v1/broadcasts/{broadcast}", "operator")[2]

    def finish(self, deadline_s=HEAL_S):
        """Everything that was sent comes to its end by itself, and is judged."""
        self.rig.sandbox_control({"channel": "all", "latency_ms": 0})
        for broadcast in self.open:
            wait_until(lambda: self.shown(broadcast)["state"] == "finished", f"{broadcast} to finish", deadline_s, 0.05)
        self.truth.read()
        for broadcast in self.open:
            self.run.sums.update(fault_judge.judge(self.truth, self.rig, self.shown(broadcast)))
        self.open.clear()
        self.rig.sandbox_control({"channel": "all", "latency_ms": self.latency_ms})
        self.run.judge()

"""A private Crier under load: what a fault is made against, and what must be whole again at its end."""
import contextlib
import itertools
import signal
import time
import urllib.error

import fault_judge
from rig import CHANNELS, ROOT, Rig, RigError, options_of, wait_until

WINDOW = 16  # gateway.window's default: submits under way on a worker's connection
PROGRAMS = ("crierd", *(f"crier-{channel}" for channel in CHANNELS))
DAEMONS = ("crierd", "standby")
POINTS = {"crierd": ("lease-sent", "before-ack", "report-received", "report-taken", "redis-answered"),
          "worker": ("before-submit", "submitted", "answered", "before-report", "acknowledged")}
LANES = ("emergency", "urgent", "routine", "bulk")
LATENCY_MS = 20
HEAL_S = 60
LINE_BYTES = 50  # of the sandbox's record
SETTINGS = {"dispatch.lease_ms": 2000, "dispatch.heartbeat_ms": 500, "plan.receipt_wait_s": 3}


class Skip(Exception):
    """This machine does not allow the fault; says why."""


class World:
    """`people` in one town hall; each broadcast goes to all of them as a drill, so that the sandbox records every submit.

    Whether receipts come is thrown for each world: with them what is unknown settles itself, without it stays to be counted."""

    def __init__(self, run, people=300, latency_ms=LATENCY_MS, settings=None, second=None, standby=False, store=None,
                 bin_dir=None):
        """`second`: settings of a second worker a channel. `standby`: two daemons. `store` starts Redis in its own way and returns settings of
        crierd. `bin_dir`: programs of another release."""
        self.run, self.people, self.latency_ms = run, people, latency_ms
        self.second, self.standby, self.store = second, standby, store
        self.settings = SETTINGS | (settings or {})
        self.rig = Rig(bin_dir=bin_dir)
        if bin_dir:
            self.rig.known["crierd"] = options_of(bin_dir / "crierd")
        else:  # the same programs with named points to die at: tests/fault
            self.rig.builds = {program: f"{program}-faulty" for program in PROGRAMS}
        self.truth = fault_judge.Truth(self.rig)
        self.ends = contextlib.ExitStack()  # what is to be undone when all processes have ended
        self.numbers = itertools.count(1)
        self.open = []  # broadcasts that are sent and not judged
        self.receipts = run.random.random() < 0.5

    # -- begin and end ------------------------------------------------------------------------------------------

    def start(self):
        rig = self.rig
        rig.overrides["crierd"] = dict(self.settings)
        self.start_processes()
        rig.add_users()
        people = rig.state / "people.csv"
        people.write_text("id,name,phone,openid,email,division\n" + "".join(
            f"R-{n:06d},甲{n},1993{n:07d},oTestx{n:022d},r{n}@pingyin.test,370124104000\n" for n in range(1, self.people + 1)))
        rig.ctl("operator", "recipients", "import", people)
        rig.ctl("planner", "template", "put", ROOT / "config/templates/fire-day.json")
        rig.sandbox_control({"channel": "all", "latency_ms": self.latency_ms, "receipt_failed_percent": 0,
                             "receipt_missing_percent": 0 if self.receipts else 100})

    def start_processes(self):
        rig = self.rig
        rig.make_keys(f"{channel}-{kind}" for channel in CHANNELS for kind in ("second", "drill"))
        if self.store:
            rig.overrides["crierd"] |= self.store(self)
        else:
            rig.start_redis()
        rig.start_sandbox()
        daemons = [rig.start_daemon()]
        if self.standby:
            config = rig.write_config("standby", {**rig.settings["crierd"], "wire.endpoint": f"tcp://{rig.address}:*",
                                                   "redis.redo_file": rig.state / "standby.redo"})
            daemons.append(rig._start("standby", [daemons[0].argv[0], "-c", config]))
        endpoints = ",".join(daemon.facts["wire"] for daemon in daemons)
        for channel in CHANNELS:
            if self.second is not None:
                rig.start_worker(channel, name=f"{channel}-second", **{"daemon.endpoint": endpoints, **self.second})
            rig.start_worker(channel, **{"daemon.endpoint": endpoints})  # the last one started gets the receipts

    def stop(self, keep):
        self.rig.keep = keep
        if keep:
            self.run.kept.append(self.rig.state)
        for process in self.rig.processes.values():
            process.signal(signal.SIGCONT)
        self.rig.stop()
        self.ends.close()

    # -- load ---------------------------------------------------------------------------------------------------

    def ask(self, user, path, body=None, refusals=()):
        """A POST that is repeated with its key until it is answered: what a client of docs/http-api.md does. None: refused."""
        key, end = f"{self.run.name}-{next(self.numbers)}", time.monotonic() + HEAL_S
        while True:
            try:
                status, _, answer = self.rig.http("POST", path, user, body or {}, {"Idempotency-Key": key})
            except (urllib.error.URLError, ConnectionError, TimeoutError, OSError) as away:
                status, answer = 0, away
            if 200 <= status < 300:
                return answer
            if status in refusals:
                return None
            if status not in (0, 503) or time.monotonic() > end:
                raise RigError(f"POST {path}: {status} {answer}")
            time.sleep(0.02)

    @staticmethod
    def draft(lane, channels=CHANNELS):
        return {"template": "fire-day", "to": "all", "channels": list(channels), "lane": lane, "drill": True,
                "variables": {"place": "文化广场", "time": "10时"}}

    def send(self, lane="routine", channels=CHANNELS):
        """A broadcast to everybody on its way; its id."""
        author = "duty" if lane == "emergency" else "planner"
        broadcast = self.ask(author, "/v1/broadcasts", self.draft(lane, channels))["id"]
        for user, verb in ((author, "submit"), ("approver", "approve"), (author, "send")):
            self.ask(user, f"/v1/broadcasts/{broadcast}/{verb}")
        self.open.append(broadcast)
        return broadcast

    def command(self, verb, broadcast=None):
        """A person pauses, resumes or cancels one of the broadcasts, if its state allows it (409)."""
        broadcast = broadcast or self.run.random.choice(self.open)
        self.inject()
        self.ask("operator", f"/v1/broadcasts/{broadcast}/{verb}", refusals=(409,))
        return broadcast

    def load(self, lanes=("routine", "bulk", "urgent")):
        for lane in lanes:
            self.send(lane)

    def left(self):
        """About how many submits the open broadcasts still need."""
        return len(self.open) * self.people * len(CHANNELS) - self.truth.deliveries()

    def flow(self, submits=10, deadline_s=HEAL_S):
        """Waits until the gateways have accepted some more; sends more broadcasts when there is little left to send."""
        wanted, end = self.truth.size() + submits * LINE_BYTES, time.monotonic() + deadline_s
        while self.truth.size() < wanted:
            if self.left() < self.people or not self.moves(wanted):
                self.send(self.run.random.choice(LANES))
            if time.monotonic() > end:
                raise RigError(f"waited {deadline_s:.0f} s in vain for submits to flow")

    def moves(self, wanted, patience_s=1):
        end = time.monotonic() + patience_s
        while self.truth.size() < wanted and time.monotonic() < end:
            time.sleep(0.002)
        return self.truth.size() >= wanted

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
        """SIGKILL, as a crash would."""
        for name in names:
            self.count_kill(name)
            self.rig.processes[name].kill()

    def count_kill(self, name):
        """A worker may leave two windows of its connection unknown, the daemon those of every connection."""
        self.run.sums["kills"] += 1
        connections = 1 if name in self.workers() else len(self.workers()) if name in DAEMONS else 0
        self.inject(2 * WINDOW * connections)

    def workers(self):
        return [name for name in self.rig.order if name.partition("-")[0] in CHANNELS]

    def arm(self, name, point, passing):
        """Starts it again so that it dies at the given passing of a named point."""
        process = self.rig.processes[name]
        if process.running():
            process.stop()
        process.env = {"CRIER_FAULT_POINT": f"{point}:{passing}"}
        try:
            self.restart(name)
        except RigError:  # it was there before it was ready
            if self.rig.processes[name].running():
                raise

    def die(self, name, deadline_s=10):
        """Waits for the death of an armed process, and disarms it. Where the point is not passed any more, it is killed."""
        process, end = self.rig.processes[name], time.monotonic() + deadline_s
        while process.running() and time.monotonic() < end:
            time.sleep(0.002)
        self.run.sums["at_points"] += not process.running()
        self.count_kill(name)
        process.kill()
        process.env = None

    def pause(self, name, seconds, unknown=0):
        """SIGSTOP, and SIGCONT after a while."""
        process = self.rig.processes[name]
        self.inject(unknown)
        process.signal(signal.SIGSTOP)
        time.sleep(seconds)
        process.signal(signal.SIGCONT)

    def restart(self, *names):
        for name in names:
            self.run.sums["restarts"] += 1
            self.rig.restart(name)

    def recover(self, *names):
        """Restarts them, and says how long it takes until the next submit is accepted."""
        start, size = time.monotonic(), self.truth.size()
        self.restart(*names)
        wait_until(lambda: self.truth.size() > size, "the next accepted submit", HEAL_S, 0.001)
        self.run.took(round((time.monotonic() - start) * 1000))

    # -- the end ------------------------------------------------------------------------------------------------

    def abandon(self):
        """What is open cannot come to an end here, and workers would wait for a daemon to report to."""
        self.open.clear()
        for name in self.workers():
            self.rig.processes[name].kill()

    def shown(self, broadcast):
        return self.rig.http("GET", f"/v1/broadcasts/{broadcast}", "operator")[2]

    def is_over(self, broadcast):
        """Finished; or cancelled, and every worker has told what it had submitted before it heard of that."""
        try:
            shown = self.shown(broadcast)
        except OSError:  # nobody serves at the moment
            return False
        moving = sum(counts[name] for counts in shown.get("counts", {}).values() for name in ("waiting", "retry", "accepted", "leased"))
        return shown.get("state") == "finished" or (shown.get("state") == "cancelled" and moving == 0)

    def finish(self, deadline_s=HEAL_S):
        """Everything that was sent comes to its end by itself, and is judged."""
        self.rig.sandbox_control({"channel": "all", "latency_ms": 0})
        for broadcast in self.open:
            wait_until(lambda: self.is_over(broadcast), f"{broadcast} to finish", deadline_s, 0.05)
        self.truth.read()
        for broadcast in self.open:
            self.run.sums.update(fault_judge.judge(self.truth, self.rig, self.shown(broadcast)))
        self.open.clear()
        self.rig.sandbox_control({"channel": "all", "latency_ms": self.latency_ms})
        self.run.judge()

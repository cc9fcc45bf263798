"""Faults of the machine: the wall clock steps, disks are full, file descriptors and memory run out."""
import contextlib
import http.client
import pathlib
import re
import resource
import subprocess
import time

from fault_gateways import metric
from fault_table import Skip, fault
from fault_world import WINDOW
from rig import CHANNELS, wait_until

FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"
HOUR, DAY = 3600, 86400
STEPS = (HOUR, -HOUR, DAY, -DAY)
FILES = 64
PEOPLE_MANY = 1000000
LEASES = "crier_leases_lost_total"


# ---- the wall clock -------------------------------------------------------------------------------------------------

class Clock:
    """The wall clock of some processes. Their monotonic clock stays true: libfaketime would fake that too."""

    def __init__(self, world):
        if not pathlib.Path(FAKETIME).exists():
            raise Skip("faketime is not installed")
        if re.search("lib[at]san", subprocess.run(["ldd", world.rig.bin / "crierd"], capture_output=True, text=True, check=True).stdout):
            raise Skip("a sanitizer must be loaded before everything else, and so must faketime")
        self.file = world.rig.state / "wall-clock"
        self.set(0)
        self.env = {"LD_PRELOAD": FAKETIME, "FAKETIME_TIMESTAMP_FILE": str(self.file), "FAKETIME_NO_CACHE": "1",
                    "DONT_FAKE_MONOTONIC": "1", "FAKETIME_DONT_RESET": "1"}

    def set(self, seconds):
        beside = self.file.with_suffix(".new")
        beside.write_text(f"{seconds:+d}s\n")
        beside.rename(self.file)


def text(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def plan(world, due):
    """An approved broadcast that is to go at that wall time."""
    draft = {"template": "fire-day", "to": "all", "channels": ["sms"], "lane": "routine", "drill": True, "at": text(due),
             "expires": text(due + 2 * DAY), "variables": {"place": "文化广场", "time": "10时"}}
    broadcast = world.ask("planner", "/v1/broadcasts", draft)["id"]
    for user, verb in (("planner", "submit"), ("approver", "approve")):
        world.ask(user, f"/v1/broadcasts/{broadcast}/{verb}")
    world.open.append(broadcast)
    return broadcast


def started(world, broadcast):
    return [move["at"] for move in world.shown(broadcast)["moves"] if move["state"] == "sending"]


@fault("clock", "the wall clock of crierd and the workers steps by an hour and a day, forth and back")
def clock(run):
    with run.world(people=300) as world:
        faked = Clock(world)
        for name in ("crierd", *world.workers()):
            world.rig.processes[name].env = faked.env
            world.restart(name)
        planned = {step: plan(world, time.time() + step + 5) for step in (HOUR, DAY)}
        lost = metric(world, LEASES)
        for step in STEPS:
            world.flow()
            world.inject()
            faked.set(step)
            world.flow(200)
            if step in planned:
                wait_until(lambda one=planned[step]: started(world, one), "a planned broadcast to start", 20)
            faked.set(0)
            world.flow(200)
        for step, broadcast in planned.items():
            if len(started(world, broadcast)) != 1:
                run.broken.append(f"the broadcast of +{step} s started {len(started(world, broadcast))} times")
        if metric(world, LEASES) > lost:
            run.broken.append("a step of the wall clock cost a lease")


# ---- full disks -----------------------------------------------------------------------------------------------------

@fault("disk-full", "the disk that crierd and the workers log to is full (of Redis: redis-disk-full)")
def disk_full(run):
    with run.world(people=600) as world:
        folder = world.rig.state / "log"
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", folder], capture_output=True, text=True)
        if done.returncode != 0:
            raise Skip(f"no tmpfs can be mounted here: {done.stderr.strip()}")
        world.ends.callback(subprocess.run, ["umount", folder], check=True)
        for name in ("crierd", *world.workers()):
            world.restart(name)  # its log is on the small disk now
        world.flow()
        world.inject()
        with contextlib.suppress(OSError), open(folder / "filler", "wb", buffering=0) as filler:
            while True:
                filler.write(bytes(512))
        world.flow(200)
        world.kill("crierd")
        world.restart("crierd")
        world.flow(200)
        (folder / "filler").unlink()


# ---- file descriptors and memory ------------------------------------------------------------------------------------

def limit(world, what, soft):
    resource.prlimit(world.rig.processes["crierd"].child.pid, what, (soft, resource.RLIM_INFINITY if what == resource.RLIMIT_AS else soft))


def connections(world, count):
    """As many as the kernel takes for the API, which say nothing. (With a request half said, libmicrohttpd would not see
    those go that left before they were accepted, until their time is over.)"""
    taken = []
    host, _, port = world.rig.processes["crierd"].facts["http"].rpartition(":")
    for _ in range(count):
        one = http.client.HTTPConnection(host, int(port), timeout=5)
        with contextlib.suppress(OSError):
            one.connect()
            taken.append(one)
    return taken


def log_of(world, name):
    return world.rig.processes[name].log_path.read_text(errors="replace")


@fault("fd-limit", f"crierd may open {FILES} files, and clients want more: what runs goes on, the others are refused")
def fd_limit(run):
    with run.world(people=600) as world:
        crierd = world.rig.processes["crierd"]
        crierd.argv = ["prlimit", f"--nofile={FILES}", *crierd.argv]
        world.restart("crierd")
        world.load()
        for worker in world.workers():
            world.flow()
            world.inject()
            held = connections(world, 3 * FILES)
            world.kill(worker)
            world.restart(worker)
            wait_until(lambda one=worker: log_of(world, one).rstrip().count("event=welcomed") > 1, "the worker to find a place", 20)
            for one in held:
                one.close()
            world.flow(100)
        if "http_connections_limited" not in log_of(world, "crierd"):
            run.broken.append("the log does not say that files are short")


@fault("malloc-fail", "crierd may map no more memory: an import of a million people is refused or it starts afresh, nothing is lost")
def malloc_fail(run):
    with run.world(people=600) as world:
        world.load()
        world.flow()
        pid = world.rig.processes["crierd"].child.pid
        used = int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[0]) * resource.getpagesize()
        world.inject()
        limit(world, resource.RLIMIT_AS, used)
        csv = world.rig.state / "many.csv"
        csv.write_text("id,name,phone,openid,email,division\n" + "".join(
            f"M-{n:06d},甲{n},1888{n:07d},,,370124104000\n" for n in range(PEOPLE_MANY)))
        refused = world.rig.ctl("operator", "recipients", "import", csv, check=False)
        if refused.returncode == 0:
            run.broken.append("an import that needs more memory than there is was taken")
        if world.rig.processes["crierd"].running():
            limit(world, resource.RLIMIT_AS, resource.RLIM_INFINITY)
        else:
            world.restart("crierd")
        world.flow(100)

"""Queues that people use today, each draining small jobs in a private server beside Crier's own run."""
import contextlib
import json
import pathlib
import shutil
import subprocess
import tempfile

from bench_common import BIN
from rig import ROOT, RigError, wait_until

PEERS = ROOT / "bench/peers"
DEADLINE_S = 300


@contextlib.contextmanager
def server(argv, folder, answers):
    child = subprocess.Popen([str(a) for a in argv], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder)
    try:
        wait_until(answers, f"{argv[0]} to answer")
        yield
    finally:
        child.kill()
        child.wait()


@contextlib.contextmanager
def folder():
    path = pathlib.Path(tempfile.mkdtemp(prefix="crier-peer-"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def redis():
    """As Crier's own: everything in the append-only file, synced before it is answered."""
    with folder() as place:
        socket = place / "redis.sock"
        ping = ["redis-cli", "-s", str(socket), "PING"]
        argv = ["redis-server", ROOT / "config/redis.conf", "--port", "0", "--unixsocket", socket, "--dir", place, "--daemonize", "no"]
        with server(argv, place, lambda: subprocess.run(ping, capture_output=True).stdout == b"PONG\n"):
            yield socket


@contextlib.contextmanager
def beanstalkd(log):
    with folder() as place:
        socket = place / "beanstalkd.sock"
        with server(["beanstalkd", "-l", f"unix:{socket}", *(["-b", place, "-f0"] if log else [])], place, socket.exists):
            yield socket


def crier_bench(name):
    return [BIN / "crier-bench", name]


def node(script):
    return ["node", PEERS / "bullmq" / script]


# metric of scripts/bench -> how many jobs, the server, the driver, its settings
DRAINS = {
    "bullmq": (40_000, redis, node("drain.js"), "appendfsync always; one worker process, concurrency 200, removeOnComplete"),
    "streams": (200_000, redis, crier_bench("streams"), "appendfsync always; one consumer, COUNT 256, XACK in the round trip of the next read"),
    "beanstalkd": (200_000, lambda: beanstalkd(False), crier_bench("beanstalkd"), "no log; unix socket, one connection, 128 reserves outstanding"),
    "beanstalkd_log": (10_000, lambda: beanstalkd(True), crier_bench("beanstalkd"), "-b -f0; unix socket, one connection, 128 reserves outstanding"),
    "celery": (2_000, redis, ["/usr/bin/python3", PEERS / "celery_drain.py"], "appendfsync always; solo pool, acks_late, prefetch 64, no results"),
}


def run(argv):
    """The rows that a driver prints."""
    done = subprocess.run([str(a) for a in argv], capture_output=True, text=True, timeout=DEADLINE_S)
    if done.returncode != 0:
        raise RigError(f"{argv[0]} ended with {done.returncode}: {done.stderr}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def drain(name):
    """Jobs a second, from the moment that all are enqueued until all are acknowledged."""
    jobs, start, driver, _ = DRAINS[name]
    with start() as socket:
        return run([*driver, socket, jobs])[0]["value"]

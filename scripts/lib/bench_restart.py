"""From the start of a new crierd, after kill -9, to the first submit that it let a worker make."""
import struct
import time

from bench_common import daemon_rig, load_people, show, start_broadcast, start_null_worker, sum_counts
from rig import CHANNELS, wait_until

BROADCASTS = 20
PEOPLE = 170_000  # times channels times broadcasts: 10.2 million deliveries in flight
HISTORY = 1000  # broadcasts that are over
SLOT_MS, WINDOW = 100, 16  # slow gateways: the backlog outlives the bench
STAMP = struct.Struct("<Qq")


class Stamps:
    """What the null workers write when a message comes."""

    def __init__(self, path):
        self.path, self.seen = path, 0

    def new(self):
        """Microseconds of the records since the last call."""
        data = self.path.read_bytes() if self.path.exists() else b""
        fresh, self.seen = data[self.seen:len(data) // STAMP.size * STAMP.size], len(data) // STAMP.size * STAMP.size
        return [at for _, at in STAMP.iter_unpack(fresh)]

    def wait_quiet(self):
        """The workers have submitted what they were allowed to and wait for the daemon."""
        last = [time.monotonic()]

        def quiet():
            if self.new():
                last[0] = time.monotonic()
            return time.monotonic() - last[0] > 3 * SLOT_MS / 1000
        wait_until(quiet, "the workers to have done what they may")


def start_workers(rig, **extra):
    for channel in CHANNELS:
        name = f"{channel}-drill"
        if name in rig.processes:
            rig.processes[name].stop()
        start_null_worker(rig, name, channel, **{"gateway.window": WINDOW, **extra})


def make_history(rig, count):
    start_workers(rig)
    made = [start_broadcast(rig, to="role:duty_officer") for _ in range(count)]
    for broadcast in made:
        wait_until(lambda: show(rig, broadcast)["state"] == "finished", f"{broadcast} to end", 120)


def start_backlog(rig, stamps):
    start_workers(rig, **{"null.delay_ms": SLOT_MS, "null.stamps_file": stamps.path})
    backlog = [start_broadcast(rig) for _ in range(BROADCASTS)]
    wait_until(stamps.new, "the first submits", 60)
    return backlog


def restart_once(rig, stamps):
    """Milliseconds from the new process to (its first submit, its readiness)."""
    rig.processes["crierd"].kill()
    stamps.wait_quiet()
    start = time.monotonic()
    rig.restart("crierd")
    ready = time.monotonic()
    first = wait_until(stamps.new, "a submit after the restart", 60)[0] / 1e6
    return (first - start) * 1000, (ready - start) * 1000


def measure(session, history):
    with daemon_rig() as rig:
        load_people(rig, session.reachable_county(session.people(PEOPLE)))
        make_history(rig, history)
        stamps = Stamps(rig.state / "stamps")
        backlog = start_backlog(rig, stamps)
        resumed, ready = zip(*(restart_once(rig, stamps) for _ in range(session.runs)))
        left = sum(sum_counts(show(rig, broadcast), "waiting", "leased") for broadcast in backlog)
    return resumed, ready, left


def run(session):
    history = HISTORY // 10 if session.quick else HISTORY
    for count, suffix in ((0, ""), (history, "_with_history")):
        resumed, ready, left = measure(session, count)
        session.median("restart", f"resume{suffix}_ms", resumed, "ms", in_flight=left, broadcasts=BROADCASTS, history=count)
        session.median("restart", f"ready{suffix}_ms", ready, "ms")

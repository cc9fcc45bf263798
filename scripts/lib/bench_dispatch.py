"""Deliveries a second through null gateways, beside the bare wire and beside other queues, taking turns in one run."""
import collections

import bench_peers
from bench_common import (cpu_ns, daemon_rig, load_people, prepare_broadcast, program, redis_bytes, resident_bytes,
                          send_broadcast, start_null_worker, sum_counts, timed, wait_finished)
from rig import RigError

CHANNELS = ("sms",)
PEOPLE = 2_000_000 // len(CHANNELS)
WORKERS = 2  # null workers a channel
WINDOW = 4096  # a gateway that answers at once is kept busy by a window as long as a synced write takes
RAW_SECONDS = 0.5
SLOW_PEER_RUNS = 3
SLOW_PEERS = ("beanstalkd_log", "celery")


def worker_names():
    return [(f"{channel}-null-{number}", channel) for channel in CHANNELS for number in range(WORKERS)]


def dispatch_rig(csv):
    rig = daemon_rig([name for name, _ in worker_names()])
    load_people(rig, csv)
    for name, channel in worker_names():
        start_null_worker(rig, name, channel, **{"gateway.window": WINDOW})
    return rig


def send_to_all(rig, channels=CHANNELS):
    """(deliveries handed over, seconds) from the request to send until the broadcast has ended."""
    broadcast = prepare_broadcast(rig, channels=list(channels))
    shown, seconds = timed(lambda: wait_finished(rig, send_broadcast(rig, broadcast)))
    handed = sum_counts(shown, "delivered")
    if handed != sum_counts(shown, "total"):
        raise RigError(f"not all were delivered: {shown['counts']}")
    return handed, seconds


def crier_once(rig, seen):
    stored, before = redis_bytes(rig), cpu_ns(rig)
    handed, seconds = send_to_all(rig)
    used = cpu_ns(rig)
    seen["rate"].append(handed / seconds)
    seen["stored"].append((redis_bytes(rig) - stored) / handed)
    for part in used:
        seen[part].append((used[part] - before[part]) / handed)
    seen["cpu"].append(sum((used - before).values()) / handed)


def measure(rig, rounds):
    """Everything takes its turn in every round, so that a slower minute of the machine hits all alike."""
    crier, raw, peers = collections.defaultdict(list), [], collections.defaultdict(list)
    for turn in range(rounds):
        raw.append(program("raw", RAW_SECONDS)[0]["value"])
        crier_once(rig, crier)
        for name in bench_peers.DRAINS:
            if name not in SLOW_PEERS or turn < SLOW_PEER_RUNS:
                peers[name].append(bench_peers.drain(name))
    return crier, raw, peers


def emit_peers(session, rate, peers):
    for name, rates in peers.items():
        jobs, _, _, settings = bench_peers.DRAINS[name]
        drained = session.median("dispatch", f"peer_{name}_per_s", rates, "1/s", jobs=jobs, settings=settings)
        session.emit("dispatch", "ratio_to_peer" if name == "bullmq" else f"ratio_to_{name}", rate / drained, "1", len(rates))


def run(session):
    people = session.people(PEOPLE)
    with dispatch_rig(session.reachable_county(people)) as rig:
        crier, raw, peers = measure(rig, session.runs)
        resident = resident_bytes(rig.processes["crierd"])
    rate = session.median("dispatch", "deliveries_per_s", crier.pop("rate"), "1/s", people=people, channels=len(CHANNELS), workers=len(worker_names()),
                          window=WINDOW)
    limit = session.median("dispatch", "raw_curve_deliveries_per_s", raw, "1/s")
    session.emit("dispatch", "share_of_limit", rate / limit, "1")
    emit_peers(session, rate, peers)
    session.median("dispatch", "cpu_ns_per_delivery", crier.pop("cpu"), "ns")
    session.median("dispatch", "redis_bytes_per_delivery", crier.pop("stored"), "B")
    session.emit("dispatch", "rss_bytes", resident, "B", 1)
    for part, costs in sorted(crier.items()):
        session.median("dispatch", f"cpu_ns_{part}", costs, "ns")

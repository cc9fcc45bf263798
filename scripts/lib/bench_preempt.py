"""How long something urgent takes to a worker that a campaign keeps busy: Crier's dispatch, beanstalkd and BullMQ in turn."""
import collections
import os

import bench_peers
from bench_common import rows_of, start_null_worker
from rig import Process, Rig

BACKLOG = 1_000_000
SHOTS = 1000
SLOW_SHOTS = 200
WORKERS = 2  # null workers of the one channel
WINDOW = 64
SLOT_MS = 20  # of a slow gateway
PEER_RUNS = 3
PEERS = {  # driver, server, backlog
    "beanstalkd": (bench_peers.crier_bench("beanstalkd-urgent"), lambda: bench_peers.beanstalkd(False), 1_000_000),
    "bullmq": (bench_peers.node("urgent.js"), bench_peers.redis, 150_000),
}


def crier_once(people, shots, slot_ms):
    """{p50_ms, p99_ms, max_ms} beyond the slot."""
    names = [f"sms-null-{number}" for number in range(WORKERS)]
    with Rig() as rig:
        rig.make_keys(names)
        rig.start_redis()
        stamps = rig.state / "stamps"
        os.mkfifo(stamps, 0o600)
        argv = [rig.bin / "crier-bench", "preempt", rig.redis_socket(), rig.keys, people, stamps, WORKERS, shots, slot_ms]
        engine = Process("crier-bench", argv, rig.state / "log").start()
        for name in names:
            start_null_worker(rig, name, "sms", engine.facts["wire"], **{
                "gateway.window": WINDOW, "null.delay_ms": slot_ms, "null.stamps_file": stamps, "null.stamps_from": 1 << 32})
        return by_metric(rows_of(engine))


def by_metric(rows):
    return {row["metric"]: row["value"] for row in rows}


def peer_once(name, backlog, shots, slot_ms):
    driver, server, _ = PEERS[name]
    with server() as socket:
        return by_metric(bench_peers.run([*driver, socket, backlog, shots, slot_ms]))


def measure(session, slot_ms, shots):
    people, seen = session.people(BACKLOG), collections.defaultdict(list)
    shots = shots // 10 if session.quick else shots
    for turn in range(session.runs):
        seen["urgent"].append(crier_once(people, shots, slot_ms))
        for name in PEERS if turn < PEER_RUNS else ():
            seen[f"peer_{name}"].append(peer_once(name, session.people(PEERS[name][2]), shots, slot_ms))
    return seen


def emit(session, seen, suffix, **extra):
    for who, results in seen.items():
        for metric in ("p50_ms", "p99_ms"):
            session.median("preempt", f"{who}{suffix}_{metric}", [result[metric] for result in results], "ms", **extra)
        session.emit("preempt", f"{who}{suffix}_max_ms", max(result["max_ms"] for result in results), "ms", len(results), **extra)


def run(session):
    emit(session, measure(session, 0, SHOTS), "", shots=SHOTS, backlog=session.people(BACKLOG))
    emit(session, measure(session, SLOT_MS, SLOW_SHOTS), "_beyond_slot", shots=SLOW_SHOTS, slot_ms=SLOT_MS)

"""Receipts a second, each stored before it is acknowledged: shuffled, doubled, early and late; and what one that is due occupies."""
import collections
import resource

from bench_common import (cpu_ns, daemon_rig, load_people, program, redis_bytes, show, start_broadcast, start_null_worker, sum_counts,
                          wait_finished)
from rig import wait_until

PEOPLE = 500_000
FEW = "role:duty_officer | division:370124102000 & group:farmer"  # who gets the early and the late ones
RECEIPT_WAIT_S = 5  # after it a receipt is late
DELIVERED = 32  # common/status.def
DOUBLED_EACH = 10  # bench/receipts.c
WORKER, PUSHER = "sms-null", "sms-receipts"


def start_worker(rig, receipts):
    if WORKER in rig.processes:
        rig.processes[WORKER].stop()
    start_null_worker(rig, WORKER, "sms", **{"gateway.window": 128, "null.receipts": receipts})


def send(rig, to="all"):
    """A broadcast by SMS, and to how many."""
    broadcast = start_broadcast(rig, to=to, channels=["sms"])
    return broadcast, sum_counts(wait_until(lambda: (lambda s: s if s.get("counts") else None)(show(rig, broadcast)), "counts"), "total")


def send_accepted(rig, to="all"):
    broadcast, total = send(rig, to)
    wait_until(lambda: sum_counts(show(rig, broadcast), "accepted", "delivered") == total, f"{broadcast} to be accepted", 300)
    return broadcast, total


def used_ns(rig):
    """CPU by part of the system, and of the program that pushes."""
    used, children = cpu_ns(rig), resource.getrusage(resource.RUSAGE_CHILDREN)
    used["pusher"] = int((children.ru_utime + children.ru_stime) * 1e9)
    return used


def push(rig, order, *broadcasts):
    """Receipts a second, and what each of them costs."""
    words = [f"{broadcast}:{total}" for broadcast, total in broadcasts]
    before = used_ns(rig)
    rate = program("receipts", rig.processes["crierd"].facts["wire"], rig.keys, PUSHER, order, *words)[0]["value"]
    after = used_ns(rig)
    receipts = sum(total + total // DOUBLED_EACH for _, total in broadcasts)
    return rate, {part: (after[part] - before[part]) / receipts for part in after}


def wait_confirmed(rig, *broadcasts):
    """Every receipt has become a status byte in Redis."""
    for broadcast, total in broadcasts:
        wait_until(lambda: rig.status_bytes(broadcast, "sms", total).count(DELIVERED) == total, f"the receipts of {broadcast}", 90, every_s=0.5)


def measure_bytes(rig):
    """What an outstanding receipt adds in Redis to a delivery."""
    costs = []
    for receipts in (False, True):
        start_worker(rig, receipts)
        before = redis_bytes(rig)
        _, total = send_accepted(rig)
        costs.append((redis_bytes(rig) - before) / total)
    return costs[1] - costs[0]


def mixed_once(rig):
    """Most are due; the first few come before their submits, others after the time in which they were waited for."""
    start_worker(rig, True)
    late = send_accepted(rig, FEW)
    wait_finished(rig, late[0])
    due = send_accepted(rig)
    rig.processes[WORKER].stop()
    early = send(rig, FEW)
    pushed = push(rig, "shuffled", early, due, late)
    start_worker(rig, True)
    wait_confirmed(rig, early, due, late)
    return pushed


def ordered_once(rig):
    start_worker(rig, True)
    due = send_accepted(rig)
    pushed = push(rig, "ordered", due)
    wait_confirmed(rig, due)
    return pushed


def emit_costs(session, rounds):
    session.median("receipts", "cpu_ns_per_receipt", [sum(costs.values()) for costs in rounds], "ns")
    parts = collections.defaultdict(list)
    for costs in rounds:
        for part, cost in costs.items():
            parts[part].append(cost)
    for part, costs in sorted(parts.items()):
        session.median("receipts", f"cpu_ns_{part}", costs, "ns")


def run(session):
    people = session.people(PEOPLE)
    with daemon_rig([WORKER, PUSHER], **{"plan.receipt_wait_s": RECEIPT_WAIT_S}) as rig:
        load_people(rig, session.reachable_county(people))
        occupied = measure_bytes(rig)
        mixed = [mixed_once(rig) for _ in range(session.runs)]
        ordered = [ordered_once(rig) for _ in range(session.runs)]
    session.median("receipts", "receipts_per_s", [rate for rate, _ in mixed], "1/s", people=people)
    session.median("receipts", "ordered_receipts_per_s", [rate for rate, _ in ordered], "1/s", people=people)
    emit_costs(session, [costs for _, costs in mixed])
    session.emit("receipts", "redis_bytes_per_outstanding_receipt", occupied, "B", 1, people=people)

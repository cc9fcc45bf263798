"""The same broadcast to 100 thousand, a million and ten million people: what a delivery costs at each size."""
import pathlib
import statistics

import bench_dispatch
from bench_common import daemon_rig, load_people, redis_bytes, resident_bytes, start_null_worker

SIZES = (100_000, 1_000_000, 10_000_000)
CHANNELS = ("sms",)
WORKERS = 3  # null workers of the one channel
DELIVERIES = 3_000_000  # sent at each size, in as many broadcasts as that takes
RECIPIENT_BYTES, BASE_BYTES = 100, 64 * 1024 * 1024  # what crierd may need


def forget_peak(process):
    pathlib.Path(f"/proc/{process.child.pid}/clear_refs").write_text("5")


def measure(session, people):
    names = [f"sms-null-{number}" for number in range(WORKERS)]
    with daemon_rig(names) as rig:
        load_people(rig, session.reachable_county(people))
        for name in names:
            start_null_worker(rig, name, "sms", **{"gateway.window": bench_dispatch.WINDOW})
        rig.restart("crierd")  # what an import needed for a while is given back
        forget_peak(rig.processes["crierd"])
        times, stored = [], []
        for _ in range(max(1, DELIVERIES // people)):
            before = redis_bytes(rig)
            handed, seconds = bench_dispatch.send_to_all(rig, CHANNELS)
            times.append(seconds * 1e9 / handed)
            stored.append((redis_bytes(rig) - before) / handed)
        return {"ns_per_delivery": statistics.median(times), "redis_bytes_per_delivery": statistics.median(stored),
                "rss_bytes": resident_bytes(rig.processes["crierd"], peak=True), "broadcasts": len(times)}


def show_table(session, rows):
    session.note(f"{'people':>12} {'broadcasts':>10} {'ns/delivery':>12} {'Redis B/delivery':>17} {'crierd B/person':>16} {'of allowance':>13}")
    for people, row in rows.items():
        session.note(f"{people:>12,} {row['broadcasts']:>10} {row['ns_per_delivery']:>12,.0f} {row['redis_bytes_per_delivery']:>17.2f} "
                     f"{row['rss_bytes'] / people:>16.1f} {row['rss_bytes'] / (RECIPIENT_BYTES * people + BASE_BYTES):>13.2f}")


def deviation_percent(values):
    """How far the farthest is from the middle of the smallest and the largest."""
    low, high = min(values), max(values)
    return 100 * (high - low) / (high + low)


def run(session):
    sizes = [session.people(size) for size in SIZES]
    rows = {people: measure(session, people) for people in sizes}
    for people, row in rows.items():
        for metric, unit in (("ns_per_delivery", "ns"), ("redis_bytes_per_delivery", "B"), ("rss_bytes", "B")):
            session.emit("scale", f"{metric}_{people}", row[metric], unit, row["broadcasts"])
        session.emit("scale", f"rss_share_of_allowance_{people}", row["rss_bytes"] / (RECIPIENT_BYTES * people + BASE_BYTES), "1", 1)
    for metric in ("ns_per_delivery", "redis_bytes_per_delivery"):
        session.emit("scale", f"{metric}_deviation", deviation_percent([row[metric] for row in rows.values()]), "%", 1)
    show_table(session, rows)

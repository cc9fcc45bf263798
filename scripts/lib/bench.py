"""The measurements of scripts/bench: a private rig for each, medians, one JSON line a metric."""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

from rig import CHANNELS, ROOT, Rig, RigError, wait_until

RUNS = 5
WINDOW = 128
SELECTOR = "(town:孔村镇 | group:farmer) & !role:informant"


def emit(bench, metric, value, unit, runs=RUNS, **extra):
    ROWS.append({"bench": bench, "metric": metric, "value": float(f"{value:.4g}"), "unit": unit, "runs": runs, **extra})
    row = ROWS[-1]
    if OPTIONS.json:
        print(json.dumps(row, ensure_ascii=False), flush=True)
    else:
        print(f"{bench:<10} {metric:<32} {row['value']:>14,.6g} {unit}", flush=True)
    return row["value"]


def program(*args):
    """Runs crier-bench and hands its lines on."""
    binary = pathlib.Path(os.environ.get("CRIER_BIN") or ROOT / "build/release/bin") / "crier-bench"
    done = subprocess.run([binary, *map(str, args)], capture_output=True, text=True)
    if done.returncode != 0:
        raise RigError(done.stderr)
    return {row["metric"]: emit(row["bench"], row["metric"], row["value"], row["unit"], row["runs"])
            for row in map(json.loads, done.stdout.splitlines())}


def make_county(folder, people):
    path = pathlib.Path(folder) / f"county-{people}.csv"
    subprocess.run([ROOT / "scripts/make-county", "--people", str(people), "--output", path], check=True)
    return path


def resident_bytes(process):
    for line in pathlib.Path(f"/proc/{process.child.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0


def cpu_seconds(rig, only=None):
    """User and system time of every process of the rig, or of one."""
    ticks = 0
    for name, process in rig.processes.items():
        if process.running() and only in (None, name):
            fields = pathlib.Path(f"/proc/{process.child.pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def daemon_rig():
    rig = Rig()
    rig.make_keys([f"{channel}-drill" for channel in CHANNELS])
    rig.start_redis()
    rig.start_daemon()
    rig.add_users()
    return rig


def bench_import(folder):
    csv, rates, walls, cpus = make_county(folder, OPTIONS.people), [], [], []
    for _ in range(RUNS):
        with daemon_rig() as rig:
            before = resident_bytes(rig.processes["crierd"])
            start, cpu = time.monotonic(), cpu_seconds(rig, "crierd")
            result = rig.ctl_json("operator", "recipients", "import", csv)
            cpus.append(result["rows"] / (cpu_seconds(rig, "crierd") - cpu))
            walls.append(result["rows"] / (time.monotonic() - start))
            rates.append(result["rows"] / (result["duration_ms"] / 1000))
            grown = resident_bytes(rig.processes["crierd"]) - before
    emit("import", "rows_per_s", statistics.median(walls), "1/s", people=OPTIONS.people)
    emit("import", "rows_per_core_s", statistics.median(cpus), "1/s", people=OPTIONS.people)
    emit("import", "rows_per_s_after_upload", statistics.median(rates), "1/s", people=OPTIONS.people)
    emit("import", "rss_bytes_per_recipient", grown / OPTIONS.people, "B", 1)


def bench_select(folder):
    program("select", make_county(folder, OPTIONS.people), ROOT / "config/sample/divisions.csv", SELECTOR)


def load_people(rig, folder, people):
    rig.ctl("operator", "recipients", "import", make_county(folder, people))
    for template in sorted((ROOT / "config/templates").glob("*.json")):
        rig.ctl("planner", "template", "put", template)


DRAFT = {"template": "fzr-day", "to": "all", "channels": list(CHANNELS), "lane": "bulk", "drill": True,
         "variables": {"place": "文化广场", "time": "5月12日10时"}}


def post(rig, user, path, body=None):
    status, _, answer = rig.http("POST", path, user, body or {})
    if status >= 300:
        raise RigError(f"POST {path}: {status} {answer}")
    return answer


def start_broadcast(rig):
    broadcast = post(rig, "planner", "/v1/broadcasts", DRAFT)["id"]
    for user, move in (("planner", "submit"), ("approver", "approve"), ("planner", "send")):
        post(rig, user, f"/v1/broadcasts/{broadcast}/{move}")
    return broadcast


def bench_lifecycle(folder):
    times = []
    with daemon_rig() as rig:
        load_people(rig, folder, 20000)
        for _ in range(50):
            start = time.monotonic()
            start_broadcast(rig)
            times.append(time.monotonic() - start)
    emit("lifecycle", "draft_to_sending_ms", statistics.median(times) * 1000, "ms", len(times), audience=20000)
    emit("lifecycle", "moves_per_s", 4 / statistics.median(times), "1/s", len(times))


def start_null_worker(rig, channel):
    """A worker whose gateway accepts at once: everything but the gateway is real."""
    name = f"{channel}-drill"
    config = rig.write_config(name, {
        "timezone": "Asia/Shanghai", "worker.name": name, "worker.channel": channel, "gateway.class": "drill", "gateway.url": "null:", "gateway.window": WINDOW,
        "daemon.endpoint": rig.processes["crierd"].facts["wire"], "daemon.public_key_file": rig.keys / "crierd",
        "worker.secret_key_file": rig.keys / f"{name}_secret"})
    rig._start(name, [rig.bin / "crier-null", "-c", config])


def dispatch_once(rig):
    """Deliveries a second from the send to the end, CPU of all processes a delivery, bytes in Redis a delivery."""
    used, cpu = int(rig.redis("INFO", "memory").split("used_memory:")[1].split()[0]), cpu_seconds(rig)
    start = time.monotonic()
    broadcast = start_broadcast(rig)
    shown = wait_until(lambda: (lambda s: s if s["state"] == "finished" else None)(rig.http("GET", f"/v1/broadcasts/{broadcast}", "planner")[2]),
                       "the broadcast to end", 300)
    seconds = time.monotonic() - start
    cpu = cpu_seconds(rig) - cpu
    handed = sum(counts["delivered"] for counts in shown["counts"].values())
    if any(counts["unknown"] or counts["failed"] for counts in shown["counts"].values()):
        raise RigError(f"not all were delivered: {shown['counts']}")
    used = int(rig.redis("INFO", "memory").split("used_memory:")[1].split()[0]) - used
    total = sum(counts["total"] for counts in shown["counts"].values())
    return handed / seconds, cpu / handed, used / total


def bench_dispatch(folder):
    raw = program("raw", 2)["raw_curve_deliveries_per_s"]
    with daemon_rig() as rig:
        load_people(rig, folder, OPTIONS.people)
        for channel in CHANNELS:
            start_null_worker(rig, channel)
        rates, cpus, stored = zip(*(dispatch_once(rig) for _ in range(RUNS)))
        resident = resident_bytes(rig.processes["crierd"])
    rate = emit("dispatch", "deliveries_per_s", statistics.median(rates), "1/s", people=OPTIONS.people)
    emit("dispatch", "share_of_limit", rate / raw, "1")
    emit("dispatch", "cpu_ns_per_delivery", statistics.median(cpus) * 1e9, "ns")
    emit("dispatch", "redis_bytes_per_delivery", statistics.median(stored), "B")
    emit("dispatch", "rss_bytes", resident, "B", 1)


def bench_drill(folder):
    times = []
    for _ in range(3):
        start = time.monotonic()
        subprocess.run([ROOT / "scripts/run", "--once"], check=True, capture_output=True)
        times.append(time.monotonic() - start)
    emit("drill", "run_once_s", statistics.median(times), "s", len(times), people=20000)


BENCHES = {"import": bench_import, "select": bench_select, "lifecycle": bench_lifecycle, "dispatch": bench_dispatch, "drill": bench_drill}
ROWS = []


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench")
    parser.add_argument("names", nargs="*", choices=[*BENCHES, []], metavar="NAME")
    parser.add_argument("--people", type=int, default=1000000)
    parser.add_argument("--json", action="store_true")
    global OPTIONS
    OPTIONS = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="crier-bench-") as folder:
        for name in OPTIONS.names or BENCHES:
            BENCHES[name](folder)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except RigError as error:
        print(f"scripts/bench: {error}", file=sys.stderr)
        sys.exit(1)

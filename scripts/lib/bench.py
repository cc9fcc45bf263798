"""The measurements of scripts/bench: a private rig for each, medians, one JSON line a metric."""
import argparse
import subprocess
import sys
import tempfile

import bench_dispatch
import bench_preempt
import bench_receipts
import bench_restart
import bench_scale
import bench_sms
import bench_smtp
import bench_wechat
from bench_common import Session, cpu_ns, daemon_rig, load_people, program, resident_bytes, start_broadcast, timed
from rig import ROOT, RigError

PEOPLE = 1_000_000
SELECTOR = "(town:孔村镇 | group:farmer) & !role:informant"


def daemon_cpu_s(rig):
    return sum(ns for part, ns in cpu_ns(rig).items() if part.startswith("crierd")) / 1e9


def bench_import(session):
    people, walls, cpus, rates, grown = session.people(PEOPLE), [], [], [], []
    csv = session.county(people)
    for _ in range(session.runs):
        with daemon_rig() as rig:
            daemon = rig.processes["crierd"]
            before, cpu = resident_bytes(daemon), daemon_cpu_s(rig)
            result, seconds = timed(lambda: rig.ctl_json("operator", "recipients", "import", csv))
            cpus.append(result["rows"] / (daemon_cpu_s(rig) - cpu))
            walls.append(result["rows"] / seconds)
            rates.append(result["rows"] / (result["duration_ms"] / 1000))
            grown.append((resident_bytes(daemon) - before) / people)
    session.median("import", "rows_per_s", walls, "1/s", people=people)
    session.median("import", "rows_per_core_s", cpus, "1/s", people=people)
    session.median("import", "rows_per_s_after_upload", rates, "1/s", people=people)
    session.median("import", "rss_bytes_per_recipient", grown, "B")


def bench_select(session):
    session.pass_on(program("select", session.county(session.people(PEOPLE)), ROOT / "config/sample/divisions.csv", SELECTOR))


def bench_lifecycle(session):
    times = []
    with daemon_rig() as rig:
        load_people(rig, session.county(20_000))
        for _ in range(50):
            times.append(timed(lambda: start_broadcast(rig))[1] * 1000)
    shown = session.median("lifecycle", "draft_to_sending_ms", times, "ms", audience=20_000)
    session.emit("lifecycle", "moves_per_s", 4000 / shown, "1/s", len(times))


def bench_drill(session):
    times = [timed(lambda: subprocess.run([ROOT / "scripts/run", "--once"], check=True, capture_output=True))[1] for _ in range(3)]
    session.median("drill", "run_once_s", times, "s", people=20_000)


BENCHES = {"import": bench_import, "select": bench_select, "lifecycle": bench_lifecycle, "dispatch": bench_dispatch.run,
           "preempt": bench_preempt.run, "receipts": bench_receipts.run, "restart": bench_restart.run, "scale": bench_scale.run,
           "smtp": bench_smtp.run, "wechat": bench_wechat.run, "smpp": bench_sms.smpp, "cmpp": bench_sms.cmpp, "drill": bench_drill}


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench")
    parser.add_argument("names", nargs="*", choices=[*BENCHES, []], metavar="NAME")
    parser.add_argument("--people", type=int, help="how many, instead of what each bench means")
    parser.add_argument("--runs", type=int, help="rounds (5)")
    parser.add_argument("--quick", action="store_true", help="one round with a tenth of the people: shows that it works, not how fast")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="crier-bench-") as folder:
        session = Session(options, folder)
        for name in options.names or BENCHES:
            BENCHES[name](session)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except RigError as error:
        print(f"scripts/bench: {error}", file=sys.stderr)
        sys.exit(1)

"""scripts/fault: makes the faults of the table one after the other, and prints a line for each."""
import argparse
import importlib
import importlib.util
import json
import secrets
import sys

from fault_table import TABLE, Run
from fault_world import Skip
from rig import Rig

MODULES = ("fault_processes", "fault_redis", "fault_releases", "fault_people", "fault_net", "fault_gateways", "fault_wire", "fault_machine", "fault_sim", "fault_soak")
COLUMNS = ("fault", "runs", "injected", "deliveries", "lost", "sent_twice", "unknown", "unknown_bound", "repeated", "resent",
           "recovered_ms", "seconds")


def load_table():
    for module in MODULES:
        if importlib.util.find_spec(module):
            importlib.import_module(module)


def options():
    parser = argparse.ArgumentParser(prog="scripts/fault")
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1 << 32))
    parser.add_argument("--sms", choices=("http", "smpp", "cmpp"), default="http")
    parser.add_argument("--list", action="store_true")
    chosen = parser.parse_args()
    Rig.sms = chosen.sms
    if chosen.seconds:
        chosen.minutes = chosen.seconds / 60
    unknown = [name for name in chosen.names if name not in TABLE]
    if unknown:
        parser.error(f"no such fault: {', '.join(unknown)} (--list shows them)")
    return chosen


def show(row, as_json):
    if as_json:
        print(json.dumps(row, ensure_ascii=False), flush=True)
    elif "skipped" in row:
        print(f"{row['fault']:<20} skipped: {row['skipped']}", flush=True)
    else:
        print(f"{row['fault']:<20}" + "".join(f"{'-' if row[name] is None else row[name]:>14}" for name in COLUMNS[1:]), flush=True)


def make(name, chosen):
    """True when every promise held, or the machine does not allow the fault."""
    run = Run(name, chosen.seed, chosen.minutes)
    try:
        TABLE[name]["make"](run)
    except Skip as why:
        show({"fault": name, "skipped": str(why)}, chosen.json)
        return True
    except Exception as broken:  # whatever it is, the next fault still gets its turn
        run.broken.append(f"{type(broken).__name__}: {broken}")
    show(run.row() | ({"broken": sorted(set(run.broken))} if run.broken else {}), chosen.json)
    for folder in run.kept:
        print(f"{name}: --seed {chosen.seed}: kept {folder}", file=sys.stderr)
    for promise in sorted(set(run.broken)):
        print(f"{name}: BROKEN: {promise}", file=sys.stderr)
    return not run.broken


def main():
    load_table()
    chosen = options()
    if chosen.list:
        for name, entry in TABLE.items():
            print(f"{name:<20} {entry['summary']}{' (only by name)' if entry['long'] else ''}")
        return 0
    if not chosen.json:
        print(f"{'fault':<20}" + "".join(f"{name:>14}" for name in COLUMNS[1:]) + f"    --seed {chosen.seed}")
    names = chosen.names or [name for name, entry in TABLE.items() if not entry["long"]]
    return 0 if all([make(name, chosen) for name in names]) else 1


if __name__ == "__main__":
    sys.exit(main())

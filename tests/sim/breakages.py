#!/usr/bin/env python3
"""Breaks the dispatch core on purpose, one promise at a time, and demands that crier-sim sees it within 20 s.

    tests/sim/breakages.py [--build DIR] [--seconds N] [NAME...]

Each breakage is a replacement in one file of a copy of the core. One whose text is not there any more is an error: the
core has changed, and the breakage must follow it.
"""
import argparse
import pathlib
import re
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
CORE = ROOT / "daemon/dispatch"

# name: file, what it says, what it is made to say
BREAKAGES = {
    "a report is acknowledged before it is stored": (
        "report.c",
        "    write_send(core, &write, &ticket);\n",
        "    core->act.ack(core->act.context, lease->worker->shown.name, lease->id, lease->sequence, ticket.intent);\n"
        "    write_send(core, &write, &ticket);\n"),
    "a lease leaves before its record is stored": (
        "lease.c",
        "    lease->unsent = !lease->free_running;\n",
        "    lease->unsent = false;\n"),
    "intents are not limited": (
        "report.c",
        "uint32_t reach = lease_reach(lease), granted = wanted < reach ? wanted : reach;",
        "uint32_t granted = wanted;"),
    "unknown is a retry for gateways that double": (
        "policy.c",
        "return self->resend ? again(self, attempt, CR_STATUS_UNKNOWN) : CR_STATUS_UNKNOWN;",
        "return again(self, attempt, CR_STATUS_UNKNOWN);"),
    "lanes the other way round": (
        "core.c",
        "for (int lane = 0; lane < CR_LANE_COUNT; lane++) {\n        if (!core->lanes[lane]",
        "for (int lane = CR_LANE_COUNT - 1; lane >= 0; lane--) {\n        if (!core->lanes[lane]"),
    "a paused gateway gets leases": (
        "gateways.c",
        "    return !worker->gateway->rule.paused &&\n",
        "    return\n"),
    "what a lost lease returns is forgotten": (
        "cursor.c",
        "    if (at->waiting > 0 && block < self->scan)\n        self->scan = block;\n",
        ""),
    "expiry is ignored": (
        "settle.c",
        "return broadcast->spec.expires_us > 0 && core->now.wall_us >= broadcast->spec.expires_us;",
        "return false;"),
    "a lease is handed out after expiry": (
        "core.c",
        "(expires_us == 0 || core->now.wall_us < expires_us)",
        "(expires_us == 0 || expires_us > 0)"),
    "the report of an older lease is taken for the one that is out": (
        "report.c",
        "    lease_t *lease = roster_lease(worker, report->lease);\n",
        "    lease_t *lease = worker->leases;\n"),
    "outcomes twice in one report": (
        "report.c",
        "            return \"a position twice\";\n",
        "            continue;\n"),
    "positions outside the lease": (
        "report.c",
        "        if (sorted->at[i] != NONE)\n            return false;\n    return sorted->report->intent <= lease->count;",
        "        if (false)\n            return false;\n    return true;"),
    "a stopped lease goes on": (
        "write.c",
        "        if (!lease->stopped)\n            lease->intent = intent;\n",
        "        lease->intent = intent;\n"),
    "pause hands on": (
        "core.c",
        "           !broadcast->spec.paused && !core_is_held",
        "           !core_is_held"),
    "a crashed worker's submits count as never sent": (
        "loss.c",
        "        if (i >= lease->intent) {\n",
        "        if (i >= lease->intent || !lease->free_running) {\n"),
    "done is said while writes are under way": (
        "settle.c",
        "bool done = broadcast->writes_out == 0 &&",
        "bool done ="),
    "receipts are acknowledged before they are stored": (
        "receipts.c",
        "        if (core->receipt_writes == 0)\n            end_round(core);\n",
        "        end_round(core);\n"),
    "a failure hides an earlier submit without an end": (
        "policy.c",
        "return self->doubtful && cr_status_class(outcome) == CR_STATUS_CLASS_FAILED",
        "return false && cr_status_class(outcome) == CR_STATUS_CLASS_FAILED"),
    "what one gateway may have sent is given to another": (
        "lease.c",
        "if (doubter == 0 || doubter == gateway_key(lease->gateway) ||",
        "if (doubter >= 0 || doubter == gateway_key(lease->gateway) ||"),
    "a cancelled rest ends as expired": (
        "policy.c",
        "    case CR_STATUS_EXPIRED: /*",
        "    case CR_STATUS_EXPIRED:\n        if (self->expired)\n            return policy_leftover(CR_STATUS_EXPIRED, self->doubtful); /*"),
    "a doubt is forgotten with the lease": (
        "write.c",
        "return self->lease && (!self->lease_over || doubtful);",
        "return self->lease && (!self->lease_over || (doubtful && false));"),
}


def build(name, build_dir, work):
    """A simulator with this breakage; its path."""
    file, old, new = BREAKAGES[name]
    text = (CORE / file).read_text()
    if text.count(old) != 1:
        sys.exit(f"breakages: {name}: its text is {text.count(old)} times in {file}")
    sources = re.search(r"cr_dispatch_core STATIC\s+([^)]*)\)", (CORE / "CMakeLists.txt").read_text()).group(1).split()
    (work / file).write_text(text.replace(old, new))
    core = [work / s if s == file else CORE / s for s in sources]
    sim = [s for s in sorted((ROOT / "tests/sim").glob("*.c"))]
    program = work / "crier-sim"
    subprocess.run(["cc", "-O1", "-std=gnu11", "-D_GNU_SOURCE", "-w", f"-I{CORE}", f"-I{ROOT}/common",
                    f"-I{ROOT}/tests/sim", "-o", program, *core, *sim, build_dir / "common/libcr_common.a"], check=True)
    return program


def try_one(name, options):
    """Whether it was seen; prints how."""
    with tempfile.TemporaryDirectory() as work:
        program = build(name, options.build, pathlib.Path(work))
        start = time.monotonic()
        argv = [program, "--seconds", str(options.seconds)] + (["--seed", str(options.seed)] if options.seed else [])
        done = subprocess.run(argv, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
                              timeout=options.seconds + 60, check=False)
        seconds = time.monotonic() - start
    lines = (done.stderr.splitlines() or [""])
    said = next((line for line in lines if line.startswith("seed ") or "assertion" in line), "NOT SEEN")
    print(f"{seconds:6.1f} s  {name}: {said}", flush=True)
    return done.returncode != 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/release")
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0, help="the first seed; 0: from the time of day")
    parser.add_argument("name", nargs="*")
    options = parser.parse_args()
    names = options.name or list(BREAKAGES)
    missed = [name for name in names if not try_one(name, options)]
    if missed:
        sys.exit(f"breakages: {len(missed)} of {len(names)} were not seen")


if __name__ == "__main__":
    main()

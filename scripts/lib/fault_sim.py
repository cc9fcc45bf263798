"""The dispatch core alone in crier-sim, through more faults in a second than processes see in a day: docs/simulation.md."""
import json
import os
import pathlib
import subprocess

from fault_table import fault
from rig import ROOT

PROGRAM = pathlib.Path(os.environ.get("CRIER_BIN") or ROOT / "build/release/bin") / "crier-sim"
SECONDS = 20


@fault("sim", "the core in a simulated world, fresh seeds (--seconds 20)")
def sim(run):
    seconds = 60 * run.minutes if run.minutes else SECONDS
    done = subprocess.run([PROGRAM, "--seed", str(run.seed), "--seconds", str(seconds), "--json"],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=seconds + 120, check=False)
    said = json.loads(done.stdout)
    for name in ("runs", "lost", "sent_twice", "unknown", "deliveries"):
        run.sums[name] = said[name]
    run.sums["injected"] = said["faults"]
    run.sums["kills"] = said["faults_by_kind"]["daemon_crash"] + said["faults_by_kind"]["worker_crash"]
    run.sums["unknown_bound"] = None  # the simulator judges each loss by itself
    run.took(0)  # its time is not ours
    run.more = {name: said[name] for name in ("steps", "steps_per_s", "core_events", "states", "hash")}
    if done.returncode != 0:
        run.broken.append(done.stderr.strip() or f"crier-sim ended with {done.returncode}")

"""What the benches share: the session with its rows, a private daemon with people, null workers, CPU by thread."""
import collections
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

from rig import CHANNELS, ROOT, Rig, RigError, wait_until

BIN = pathlib.Path(os.environ.get("CRIER_BIN") or ROOT / "build/release/bin").resolve()
DRAFT = {"template": "fzr-day", "to": "all", "channels": list(CHANNELS), "lane": "bulk", "drill": True,
         "variables": {"place": "文化广场", "time": "5月12日10时"}}


class Session:
    """One run of scripts/bench: what was asked for, a folder, the rows so far."""

    def __init__(self, options, folder):
        self.folder, self.json = pathlib.Path(folder), options.json
        self.quick, self.runs, self.asked_people = options.quick, options.runs or (1 if options.quick else 5), options.people

    def people(self, usual):
        """How many: as asked, or as many as the bench means, a tenth of it when it is to be quick."""
        return self.asked_people or (usual // 10 if self.quick else usual)

    def emit(self, bench, metric, value, unit, runs=None, **extra):
        row = {"bench": bench, "metric": metric, "value": float(f"{value:.4g}"), "unit": unit, "runs": runs or self.runs, **extra}
        if self.json:
            print(json.dumps(row, ensure_ascii=False), flush=True)
        else:
            print(f"{bench:<10} {metric:<36} {row['value']:>14,.6g} {unit}", flush=True)
        return row["value"]

    def note(self, text):
        """For people, beside the rows."""
        print(text, file=sys.stderr, flush=True)

    def median(self, bench, metric, values, unit, **extra):
        return self.emit(bench, metric, statistics.median(values), unit, len(values), **extra)

    def pass_on(self, rows):
        for row in rows:
            self.emit(row.pop("bench"), row.pop("metric"), row.pop("value"), row.pop("unit"), **row)

    def county(self, people):
        """A county as it is: many cannot be reached on every channel."""
        path = self.folder / f"county-{people}.csv"
        if not path.exists():
            subprocess.run([ROOT / "scripts/make-county", "--people", str(people), "--output", path], check=True)
        return path

    def reachable_county(self, people):
        """Everybody can be reached on every channel, so that deliveries are people times channels."""
        path = self.folder / f"reachable-{people}.csv"
        if not path.exists():
            with open(path, "wb") as out:
                subprocess.run([BIN / "crier-bench", "county", str(people)], stdout=out, check=True)
        return path


def program(*args):
    """Runs crier-bench; its rows."""
    done = subprocess.run([BIN / "crier-bench", *map(str, args)], capture_output=True, text=True)
    if done.returncode != 0:
        raise RigError(f"crier-bench {args[0]}: {done.stderr}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def rows_of(process):
    """What a crier-bench that was READY prints until it ends."""
    out, _ = process.child.communicate(timeout=300)
    if process.child.returncode != 0:
        raise RigError(f"{process.name} ended with {process.child.returncode}: {process.tail()}")
    return [json.loads(line) for line in out.splitlines()]


# -- a daemon -----------------------------------------------------------------------------------------------------

def daemon_rig(workers=(), **settings):
    """Redis and crierd, with keys for `workers`."""
    rig = Rig()
    rig.make_keys([*(f"{channel}-drill" for channel in CHANNELS), *workers])
    rig.start_redis()
    rig.start_daemon(**settings)
    rig.add_users()
    return rig


def load_people(rig, csv):
    rig.ctl("operator", "recipients", "import", csv)
    for template in sorted((ROOT / "config/templates").glob("*.json")):
        rig.ctl("planner", "template", "put", template)


def start_null_worker(rig, name, channel, endpoint=None, **extra):
    """A worker of which only the gateway is not real."""
    endpoint = endpoint or rig.processes["crierd"].facts["wire"]
    config = rig.write_config(name, {
        "timezone": "Asia/Shanghai", "worker.name": name, "worker.channel": channel, "gateway.class": "drill", "gateway.url": "null:",
        "daemon.endpoint": endpoint, "daemon.public_key_file": rig.keys / "crierd", "worker.secret_key_file": rig.keys / f"{name}_secret",
        **extra})
    rig._start(name, [rig.bin / "crier-null", "-c", config])


# -- broadcasts ---------------------------------------------------------------------------------------------------

def post(rig, user, path, body=None):
    status, _, answer = rig.http("POST", path, user, body or {})
    if status >= 300:
        raise RigError(f"POST {path}: {status} {answer}")
    return answer


def prepare_broadcast(rig, **draft):
    """All but the sending."""
    broadcast = post(rig, "planner", "/v1/broadcasts", {**DRAFT, **draft})["id"]
    post(rig, "planner", f"/v1/broadcasts/{broadcast}/submit")
    post(rig, "approver", f"/v1/broadcasts/{broadcast}/approve")
    return broadcast


def send_broadcast(rig, broadcast):
    post(rig, "planner", f"/v1/broadcasts/{broadcast}/send")
    return broadcast


def start_broadcast(rig, **draft):
    return send_broadcast(rig, prepare_broadcast(rig, **draft))


def show(rig, broadcast):
    return rig.http("GET", f"/v1/broadcasts/{broadcast}", "planner")[2]


def wait_finished(rig, broadcast, deadline_s=600):
    return wait_until(lambda: (lambda shown: shown if shown["state"] == "finished" else None)(show(rig, broadcast)),
                      f"{broadcast} to end", deadline_s, every_s=0.01)


def sum_counts(shown, *names):
    return sum(counts[name] for counts in shown["counts"].values() for name in names)


# -- what it costs ------------------------------------------------------------------------------------------------

def resident_bytes(process, peak=False):
    key = "VmHWM:" if peak else "VmRSS:"
    for line in pathlib.Path(f"/proc/{process.child.pid}/status").read_text().splitlines():
        if line.startswith(key):
            return int(line.split()[1]) * 1024
    return 0


def redis_bytes(rig):
    return int(rig.redis("INFO", "memory").split("used_memory:")[1].split()[0])


THREADS = {"dispatch": "crierd_dispatch", "ledger": "crierd_ledger", "ZMQbg/IO/0": "crierd_io"}


def part_of(process, thread):
    if process == "crierd":
        return THREADS.get(thread, "crierd_rest")
    if process == "redis":
        return "redis"
    return "workers_io" if thread.startswith("ZMQbg") else "workers"


def cpu_ns(rig):
    """Nanoseconds on a CPU so far, by part of the system; the kernel's own account of each thread."""
    used = collections.Counter()
    for name, process in rig.processes.items():
        if not process.running():
            continue
        for task in pathlib.Path(f"/proc/{process.child.pid}/task").iterdir():
            try:
                thread, account = (task / "comm").read_text().strip(), (task / "schedstat").read_text()
            except (FileNotFoundError, ProcessLookupError):
                continue  # it has just ended
            used[part_of(name, thread)] += int(account.split()[0])
    return used


def timed(action):
    start = time.monotonic()
    result = action()
    return result, time.monotonic() - start

"""Short messages a second through a whole Crier to a bare message centre, over SMPP and CMPP, beside what a bare client reaches with it."""
import json
import signal
import statistics

import bench_kannel
from bench_common import BIN, cpu_ns, daemon_rig, load_people, prepare_broadcast, program, send_broadcast
from rig import ROOT, Rig, wait_until

PEOPLE = 100_000
NPM_PEOPLE = 40_000
WINDOW = 100  # messages without an answer on a connection
AHEAD = 4096  # gateway.window: what may be under way in the worker, so that it goes on while Redis syncs
PACED_WINDOW, PACED_MS, PACED_SECONDS = 16, 50, 5
LIMIT_SUBMITS = 300_000
TEMPLATE = {"name": "bench-sms", "title": "短信", "sender": "平阴科普", "wordings": {"zh-CN": {"sms": {
    "text": "【平阴科普】{name}您好，今天下午有暴雨，请不要靠近河边，低洼处的住户请到村委会集合。"}}}}  # one part


class Smsc:
    """A message centre as a process of the rig: the bare one, or another's."""

    def __init__(self, rig, protocol, answer_ms=0, argv=None, env=None):
        self.protocol = protocol
        self.process = rig._start("smsc", argv or [BIN / "crier-bench", "smsc", protocol, "receipts", answer_ms], env=env)
        self.address = f"127.0.0.1:{self.process.facts['port']}"

    def rows(self):
        """What it saw, when it is ended."""
        self.process.child.send_signal(signal.SIGTERM)
        out, _ = self.process.child.communicate(timeout=30)
        return {row["metric"]: row["value"] for row in map(json.loads, out.splitlines())}


def start_worker(rig, smsc, window, binds, ahead):
    password = rig.keys / "smsc.password"
    password.write_text("secret\n")
    password.chmod(0o600)
    name = "sms-drill"
    config = rig.write_config(name, {
        "timezone": "Asia/Shanghai", "worker.name": name, "gateway.class": "drill", "gateway.kind": smsc.protocol,
        "gateway.url": f"{smsc.protocol}://{smsc.address}", "gateway.account": "900001", "gateway.password_file": password,
        "gateway.source_addr": "10690001", "gateway.window": ahead or window * binds, "gateway.binds": binds,
        "gateway.bind_window": window,
        "daemon.endpoint": rig.processes["crierd"].facts["wire"], "daemon.public_key_file": rig.keys / "crierd",
        "worker.secret_key_file": rig.keys / f"{name}_secret"})
    rig._start(name, [BIN / "crier-sms", "-c", config])
    wait_until(lambda: rig.processes[name].tail().count("line_up") == binds, "the connections")


def settled(rig, broadcast, state):
    counts = rig.http("GET", f"/v1/broadcasts/{broadcast}", "planner")[2]["counts"]["sms"]
    return counts[state] == counts["total"]


def once(csv, protocol, window=WINDOW, binds=1, ahead=0, state="delivered", **centre):
    """(submits a second as the message centre saw them, CPU of the worker a message)."""
    with daemon_rig(["sms-drill"]) as rig:
        load_people(rig, csv)
        template = rig.state / "bench-sms.json"
        template.write_text(json.dumps(TEMPLATE, ensure_ascii=False))
        rig.ctl("planner", "template", "put", template)
        smsc = Smsc(rig, protocol, **centre)
        start_worker(rig, smsc, window, binds, ahead)
        broadcast = prepare_broadcast(rig, channels=["sms"], template="bench-sms", variables={})
        before = cpu_ns(rig)
        send_broadcast(rig, broadcast)
        wait_until(lambda: settled(rig, broadcast, state), "the end", 120, every_s=0.05)
        used = cpu_ns(rig) - before
        seen = smsc.rows()
        return seen["submits_per_s"], (used["workers"] + used["workers_io"]) / seen["submits"]


def measure(session, protocol, csv):
    """Everything takes its turn in every round, so that a slower minute of the machine hits all alike."""
    strict, one, four, cpu, limits, peer = [], [], [], [], [], []
    for _ in range(session.runs):
        limits.append(program("smsc-limit", protocol, WINDOW, LIMIT_SUBMITS)[0]["value"])
        if protocol == "smpp":
            peer.append(bench_kannel.submits_per_s())
        strict.append(once(csv, protocol)[0])
        one.append(once(csv, protocol, ahead=AHEAD)[0])
        rate, worker_ns = once(csv, protocol, binds=4, ahead=AHEAD)
        four.append(rate)
        cpu.append(worker_ns)
    shown = session.median(protocol, "submits_per_s", four, "1/s", binds=4, bind_window=WINDOW, window=AHEAD)
    session.median(protocol, "worker_cpu_ns_per_message", cpu, "ns", binds=4, bind_window=WINDOW, window=AHEAD)
    single = session.median(protocol, "one_connection_submits_per_s", one, "1/s", bind_window=WINDOW, window=AHEAD)
    session.median(protocol, "one_connection_strict_submits_per_s", strict, "1/s", bind_window=WINDOW, window=WINDOW)
    limit = session.median(protocol, "limit_submits_per_s", limits, "1/s", bind_window=WINDOW)
    session.emit(protocol, "share_of_limit", single / limit, "")
    if peer:
        session.median(protocol, "kannel_submits_per_s", peer, "1/s", settings=bench_kannel.SETTINGS)
        session.emit(protocol, "ratio_to_peer", shown / statistics.median(peer), "", peer="kannel")


def measure_paced(session, protocol):
    """A window of 16 and answers after 50 ms: what a real operator is like."""
    for binds in (1, 4):
        most = binds * PACED_WINDOW * 1000 / PACED_MS
        csv = session.reachable_county(int(most * PACED_SECONDS))
        rate, _ = once(csv, protocol, PACED_WINDOW, binds, answer_ms=PACED_MS)
        session.emit(protocol, f"paced_{binds}_submits_per_s", rate, "1/s", 1, window=PACED_WINDOW, answer_ms=PACED_MS)
        session.emit(protocol, f"paced_{binds}_share", rate / most, "", 1)


def measure_npm(session):
    """npm's smpp, which is slower than both: what Crier gets out of it, beside the bare client."""
    argv, env = ["node", ROOT / "bench/peers/smpp_centre.js"], {"NODE_PATH": str(ROOT / "tests/peer/node_modules")}
    csv, bare, ours = session.reachable_county(NPM_PEOPLE), [], []
    for _ in range(session.runs):
        with Rig() as rig:
            centre = Smsc(rig, "smpp", argv=argv, env=env)
            bare.append(program("smpp-client", centre.process.facts["port"], WINDOW, NPM_PEOPLE)[0]["value"])
        ours.append(once(csv, "smpp", ahead=AHEAD, state="accepted", argv=argv, env=env)[0])
    reached = session.median("smpp", "npm_bare_client_submits_per_s", bare, "1/s", bind_window=WINDOW)
    shown = session.median("smpp", "npm_submits_per_s", ours, "1/s", bind_window=WINDOW, window=AHEAD)
    session.emit("smpp", "npm_share", shown / reached, "")


def bench(session, protocol):
    csv = session.reachable_county(session.people(PEOPLE))
    measure(session, protocol, csv)
    measure_paced(session, protocol)


def smpp(session):
    bench(session, "smpp")
    measure_npm(session)


def cmpp(session):
    bench(session, "cmpp")

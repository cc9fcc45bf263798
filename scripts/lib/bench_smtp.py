"""Mails a second to Postfix's smtp-sink over eight connections, the whole way from a broadcast's start to its end, beside smtp-source."""
import contextlib
import json
import shutil
import socket
import statistics
import subprocess

from bench_common import cpu_ns, daemon_rig, load_people, show, start_broadcast, sum_counts, timed, wait_finished
from rig import RigError, wait_until

PEOPLE = 100_000
SAMPLE = "role:duty_officer"  # few, whose mails are kept and weighed
CONNECTIONS = 8
WORKER = "mail-drill"
PATH = "/usr/sbin:/usr/bin"
LINE = "暴雨天不走河沟、桥洞和低洼路，看不见路面就不蹚水；山坡下的住户听到转移通知马上走。"
WORDING = {
    "subject": "5月12日全国防灾减灾日：来学几招能保命的本领",
    "text": "{name}，您好：\n\n时间：{time}\n地点：{place}\n\n" + f"{LINE}\n" * 2,
    "html": "<!DOCTYPE html>\n<html lang=\"zh-CN\"><head><meta charset=\"utf-8\"></head>\n<body><p>{name}，您好：</p>\n"
            "<table><tr><td>时间</td><td>{time}</td></tr><tr><td>地点</td><td>{place}</td></tr></table>\n" + f"<p>{LINE}</p>\n" * 3 + "</body></html>\n",
}
TEMPLATE = {"name": "bench-mail", "title": "防灾减灾日", "variables": ["place", "time"], "sender": "平阴科普",
            "wordings": {"zh-CN": {"mail": WORDING}}}


def postfix_tool(name):
    found = shutil.which(name, path=PATH)
    if not found:
        raise RigError(f"{name} (package postfix) is needed")
    return found


def answers(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


@contextlib.contextmanager
def sink(*options):
    """A server that throws mails away; its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    child = subprocess.Popen([postfix_tool("smtp-sink"), "-u", "nobody", *options, f"127.0.0.1:{port}", "256"],
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        wait_until(lambda: answers(port), "smtp-sink to answer")
        yield port
    finally:
        child.kill()
        child.wait()


def start_worker(rig, port):
    if WORKER in rig.processes:
        rig.processes[WORKER].stop()
    config = rig.write_config(WORKER, {
        "timezone": "Asia/Shanghai", "worker.name": WORKER, "daemon.endpoint": rig.processes["crierd"].facts["wire"],
        "daemon.public_key_file": rig.keys / "crierd", "worker.secret_key_file": rig.keys / f"{WORKER}_secret",
        "gateway.class": "drill", "gateway.url": f"smtp://127.0.0.1:{port}", "gateway.tls": "off", "gateway.window": 128,
        "gateway.connections": CONNECTIONS, "gateway.from": "kp@pingyin.test", "gateway.domain": "crier.test"})
    rig._start(WORKER, [rig.bin / "crier-mail", "-c", config])


def send(rig, to="all"):
    """A broadcast of mails and how many were taken, when it has ended."""
    broadcast = start_broadcast(rig, template="bench-mail", to=to, channels=["mail"])
    shown = wait_finished(rig, broadcast)
    total = sum_counts(shown, "total")
    if sum_counts(shown, "delivered") != total:
        raise RigError(f"of {total} mails not all were taken: {show(rig, broadcast)['counts']}")
    return total


def mail_bytes(rig):
    """What smtp-sink gets of one mail."""
    box = rig.state / "sink"
    box.mkdir()
    box.chmod(0o777)
    rig.state.chmod(0o711)
    with sink("-R", str(box), "-d", "%M.") as port:
        start_worker(rig, port)
        count = send(rig, SAMPLE)
        files = wait_until(lambda: (lambda f: f if len(f) == count else None)([p for p in box.rglob("*") if p.is_file()]), "all mails")
        return statistics.median(path.stat().st_size for path in files)


def crier_once(rig):
    """Mails a second, and CPU a mail by part of the system."""
    before = cpu_ns(rig)
    count, seconds = timed(lambda: send(rig))
    after = cpu_ns(rig)
    return count / seconds, {part: (after[part] - before[part]) / count for part in after}


def source_once(port, size, count):
    argv = [postfix_tool("smtp-source"), "-d", "-s", CONNECTIONS, "-m", count, "-l", int(size), "-f", "kp@pingyin.test", "-t", "r@pingyin.test",
            f"127.0.0.1:{port}"]
    return count / timed(lambda: subprocess.run([str(a) for a in argv], check=True, timeout=300))[1]


def run(session):
    people = session.people(PEOPLE)
    ours, theirs = [], []
    with daemon_rig() as rig:
        load_people(rig, session.reachable_county(people))
        template = session.folder / "bench-mail.json"
        template.write_text(json.dumps(TEMPLATE, ensure_ascii=False))
        rig.ctl("planner", "template", "put", template)
        size = mail_bytes(rig)
        with sink() as port:
            start_worker(rig, port)
            for _ in range(session.runs):  # taking turns
                ours.append(crier_once(rig))
                theirs.append(source_once(port, size, people))
    rates = [rate for rate, _ in ours]
    session.median("smtp", "mails_per_s", rates, "1/s", people=people, connections=CONNECTIONS, mail_bytes=int(size))
    session.median("smtp", "smtp_source_per_s", theirs, "1/s", connections=CONNECTIONS, mail_bytes=int(size))
    session.median("smtp", "ratio_to_peer", [mine / peer for mine, peer in zip(rates, theirs)], "")
    session.median("smtp", "cpu_ns_per_mail", [sum(costs.values()) for _, costs in ours], "ns")
    for part in sorted(ours[0][1]):
        session.median("smtp", f"cpu_ns_{part}", [costs[part] for _, costs in ours], "ns")

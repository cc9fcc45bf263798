"""Template messages a second to nginx over TLS and HTTP/2, from a broadcast's start until all are accepted, beside a bare libcurl loop."""
import contextlib
import json
import shutil
import socket
import subprocess

from bench_common import cpu_ns, daemon_rig, load_people, show, start_broadcast, sum_counts, timed
from rig import RigError, wait_until

PEOPLE = 50_000
IN_FLIGHT = 64
WORKER = "wechat-drill"
WORDING = {"template_id": "bench-template", "fields": {"thing1": "防灾减灾日", "time2": "{time}", "thing3": "{place}"}}
TEMPLATE = {"name": "bench-wechat", "title": "防灾减灾日", "variables": ["place", "time"], "sender": "平阴科普", "wordings": {"zh-CN": {"wechat": WORDING}}}
CONF = """
daemon off; worker_processes 1; pid {dir}/nginx.pid; error_log {dir}/error.log;
events {{ worker_connections 512; }}
http {{
    access_log off; default_type application/json;
    client_body_temp_path {dir}/b; proxy_temp_path {dir}/p; fastcgi_temp_path {dir}/f; uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;
    server {{
        listen 127.0.0.1:{port} ssl http2;
        ssl_certificate {keys}/smtp.pem; ssl_certificate_key {keys}/smtp.key;
        keepalive_requests 100000000;
        location /cgi-bin/stable_token {{ return 200 '{{"access_token":"bench","expires_in":7200}}'; }}
        location / {{ return 200 '{{"errcode":0,"errmsg":"ok","msgid":$connection$connection_requests}}'; }}
    }}
}}
"""


@contextlib.contextmanager
def front(rig):
    """nginx, which answers by itself; its port."""
    nginx = shutil.which("nginx", path="/usr/sbin:/usr/bin")
    if not nginx:
        raise RigError("nginx is needed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = rig.state / "nginx"
    folder.mkdir()
    (folder / "nginx.conf").write_text(CONF.format(dir=folder, port=port, keys=rig.keys))
    child = subprocess.Popen([nginx, "-p", folder, "-e", folder / "error.log", "-c", folder / "nginx.conf"], start_new_session=True)
    try:
        wait_until(lambda: (folder / "nginx.pid").exists(), "nginx")
        yield port
    finally:
        child.terminate()
        child.wait()


def start_worker(rig, port):
    config = rig.write_config(WORKER, {
        "timezone": "Asia/Shanghai", "worker.name": WORKER, "daemon.endpoint": rig.processes["crierd"].facts["wire"],
        "daemon.public_key_file": rig.keys / "crierd", "worker.secret_key_file": rig.keys / f"{WORKER}_secret", "gateway.class": "drill",
        "gateway.url": f"https://127.0.0.1:{port}", "gateway.ca_file": rig.keys / "smtp.pem", "gateway.window": IN_FLIGHT,
        "gateway.quota_per_day": 0, "gateway.appid": "wxsandbox", "gateway.secret_file": rig.keys / "wechat.secret",
        "receipts.token_file": rig.keys / "wechat-event.token", "receipts.port": 0})
    rig._start(WORKER, [rig.bin / "crier-wechat", "-c", config])


def send(rig):
    """A broadcast of template messages and how many were accepted, when all are."""
    broadcast = start_broadcast(rig, template="bench-wechat", to="all", channels=["wechat"])

    def accepted():
        shown = show(rig, broadcast)
        taken = sum_counts(shown, "accepted") + sum_counts(shown, "delivered")
        return taken if taken and taken == sum_counts(shown, "total") else None
    return wait_until(accepted, "all to be accepted", 120)


def crier_once(rig):
    before = cpu_ns(rig)
    count, seconds = timed(lambda: send(rig))
    after = cpu_ns(rig)
    return count / seconds, {part: (after[part] - before[part]) / count for part in after}


def peer_once(rig, port, count):
    url = f"https://127.0.0.1:{port}/cgi-bin/message/template/send?access_token=bench"
    out = subprocess.run([rig.bin / "crier-https", url, rig.keys / "smtp.pem", str(count), str(IN_FLIGHT)], check=True, capture_output=True, text=True)
    rate, cpu = out.stdout.split()
    return float(rate), float(cpu)


def run(session):
    people = session.people(PEOPLE)
    ours, theirs = [], []
    with daemon_rig() as rig, front(rig) as port:
        load_people(rig, session.reachable_county(people))
        template = session.folder / "bench-wechat.json"
        template.write_text(json.dumps(TEMPLATE, ensure_ascii=False))
        rig.ctl("planner", "template", "put", template)
        start_worker(rig, port)
        for _ in range(session.runs):  # taking turns
            ours.append(crier_once(rig))
            theirs.append(peer_once(rig, port, people))
    rates = [rate for rate, _ in ours]
    session.median("wechat", "messages_per_s", rates, "1/s", people=people, in_flight=IN_FLIGHT)
    session.median("wechat", "libcurl_per_s", [rate for rate, _ in theirs], "1/s", in_flight=IN_FLIGHT)
    session.median("wechat", "ratio_to_peer", [mine / peer for mine, (peer, _) in zip(rates, theirs)], "")
    session.median("wechat", "libcurl_cpu_ns", [cpu for _, cpu in theirs], "ns")
    session.median("wechat", "cpu_ns_per_message", [sum(costs.values()) for _, costs in ours], "ns")
    for part in sorted(ours[0][1]):
        session.median("wechat", f"cpu_ns_{part}", [costs[part] for _, costs in ours], "ns")

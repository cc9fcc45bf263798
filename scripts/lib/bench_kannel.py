"""Kannel as a peer: its bearerbox with a file store between its own HTTP intake and the same bare message centre."""
import contextlib
import json
import pathlib
import signal
import socket
import subprocess
import tempfile
import urllib.parse

from bench_common import BIN
from rig import RigError, wait_until

SECONDS, CONNECTIONS = 5, 32
SETTINGS = "store-type file; sendsms over HTTP by wrk with 32 connections; SMPP transceiver, max-pending-submits 100; no receipts"
TEXT = "【平阴科普】王小明您好，今天下午有暴雨，请不要靠近河边，低洼处的住户请到村委会集合。"
CONFIG = """group = core
admin-port = {admin}
admin-password = bench
smsbox-port = {box}
log-level = 4
store-type = file
store-location = {folder}/store
dlr-storage = internal

group = smsc
smsc = smpp
smsc-id = stub
host = 127.0.0.1
port = {smsc}
smsc-username = 900001
smsc-password = secret
system-type = ""
transceiver-mode = true
max-pending-submits = 100

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {http}
log-level = 4

group = sendsms-user
username = bench
password = bench
max-messages = 1
"""


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextlib.contextmanager
def process(argv, **options):
    child = subprocess.Popen([str(a) for a in argv], start_new_session=True, stderr=subprocess.DEVNULL, **options)
    try:
        yield child
    finally:
        child.send_signal(signal.SIGTERM)
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def submits_per_s():
    """As the message centre saw them, while wrk keeps the intake busy."""
    with tempfile.TemporaryDirectory(prefix="crier-kannel-") as place:
        with process([BIN / "crier-bench", "smsc", "smpp", "none", 0], stdout=subprocess.PIPE, text=True) as centre:
            ports = {"smsc": int(centre.stdout.readline().split("port=")[1]), "admin": free_port(), "box": free_port(), "http": free_port()}
            config = pathlib.Path(place) / "kannel.conf"
            config.write_text(CONFIG.format(folder=place, **ports))
            with process(["bearerbox", config], cwd=place, stdout=subprocess.DEVNULL):
                wait_until(lambda: listens(ports["box"]), "bearerbox", 15)
                with process(["smsbox", config], cwd=place, stdout=subprocess.DEVNULL):
                    wait_until(lambda: listens(ports["http"]), "smsbox", 15)
                    query = urllib.parse.urlencode({"username": "bench", "password": "bench", "to": "13800001234", "from": "10690001",
                                                    "coding": 2, "charset": "UTF-8", "text": TEXT})
                    subprocess.run(["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", f"http://127.0.0.1:{ports['http']}/cgi-bin/sendsms?{query}"],
                                   check=True, capture_output=True)
                    centre.send_signal(signal.SIGTERM)
                    rows = {row["metric"]: row["value"] for row in map(json.loads, centre.communicate(timeout=30)[0].splitlines())}
    if rows["submits"] < 1000:
        raise RigError(f"Kannel submitted {rows['submits']:.0f} messages only")
    return rows["submits_per_s"]

"""Peers of crierd's wire port: a thousand workers in one process, and those that do not play by the rules."""
import pathlib
import secrets
import sys
import time

import zmq
import zmq.auth

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests/support"))
import crier_pb  # noqa: E402

pb = crier_pb.load()
VERSION = 1
SMS = 0
BEAT_S = 0.5


def make_key(keys, name):
    """A pair whose public half lies in the folder of allowed workers; as crierctl's own keys do."""
    public, secret = zmq.curve_keypair()
    (keys / "workers" / name).write_text(f'metadata\n    name = "{name}"\ncurve\n    public-key = "{public.decode()}"\n')
    return public, secret


def frame(**body):
    return pb.Frame(version=VERSION, **body).SerializeToString()


class Peer:
    """A DEALER under `name` with whatever key pair."""

    def __init__(self, rig, name, pair, context=None):
        self.name, self.welcomed = name, 0.0
        self.socket = (context or zmq.Context.instance()).socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.immediate = True
        self.socket.identity = name.encode()
        self.socket.reconnect_ivl = 100 + secrets.randbelow(100)  # as workers/runtime/link.c does
        self.socket.reconnect_ivl_max = 1500 + secrets.randbelow(1500)
        self.socket.curve_publickey, self.socket.curve_secretkey = pair
        self.socket.curve_serverkey = zmq.auth.load_certificate(str(rig.keys / "crierd"))[0]
        self.socket.connect(rig.processes["crierd"].facts["wire"])

    def send(self, *parts):
        """False when there is no connection that takes it."""
        try:
            self.socket.send_multipart(list(parts), zmq.DONTWAIT)
        except zmq.Again:
            return False
        return True

    def hello(self, channel=SMS, drill=False):
        """As a worker for real SMS, unless told otherwise: drills are not given to it."""
        gateway = pb.Gateway(name="peer", drill=drill, window=16)
        return self.send(frame(hello=pb.Hello(worker=self.name, channel=channel, gateway=gateway, credit=1, urgent_credit=1, version="peer")))

    def ping(self):
        return self.send(frame(ping=pb.Ping(stamp=1)))

    def hear(self):
        """Takes what has come: a Welcome, or the word that Hello is due."""
        while self.socket.poll(0):
            said = pb.Frame.FromString(self.socket.recv())
            if said.WhichOneof("body") == "welcome":
                self.welcomed = time.monotonic()
            elif said.WhichOneof("body") == "refusal" and said.refusal.reason == pb.Refusal.UNKNOWN_WORKER:
                self.welcomed = 0.0
                self.hello()

    def close(self):
        self.socket.close()


class Crowd:
    """`count` workers that do nothing but be there."""

    def __init__(self, rig, count):
        self.context = zmq.Context(io_threads=1)
        self.context.max_sockets = 2 * count + 100
        self.rig, self.poller = rig, zmq.Poller()
        self.pairs = {f"crowd-{n}": make_key(rig.keys, f"crowd-{n}") for n in range(count)}
        self.peers, self.beat = {}, 0.0

    def connect(self):
        for name, pair in self.pairs.items():
            peer = Peer(self.rig, name, pair, self.context)
            self.peers[peer.socket] = peer
            self.poller.register(peer.socket, zmq.POLLIN)

    def live(self, seconds=0.05):
        """One turn of all of them."""
        now = time.monotonic()
        if now - self.beat > BEAT_S:
            self.beat = now
            for peer in self.peers.values():
                peer.ping() if peer.welcomed else peer.hello()
        for socket, _ in self.poller.poll(seconds * 1000):
            self.peers[socket].hear()

    def all_ready(self, since, deadline_s):
        """Seconds from `since` until every one of them was welcomed; None when that took too long."""
        while time.monotonic() < since + deadline_s:
            self.live()
            if all(peer.welcomed > since for peer in self.peers.values()):
                return max(peer.welcomed for peer in self.peers.values()) - since
        return None

    def close(self):
        for peer in self.peers.values():
            peer.close()
        self.context.term()

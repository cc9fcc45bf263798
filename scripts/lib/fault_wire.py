"""Faults at crierd's wire port: peers that send what no worker sends, and too many workers at once."""
import contextlib
import random
import resource
import secrets
import socket
import threading
import time

import zmq

from fault_gateways import metric
from fault_table import Skip, fault
from fault_world import WINDOW
from peers import Crowd, Peer, frame, make_key, pb
from rig import ROOT, wait_until

CROWD = 1000
READY_S = 5
URGENT_MS = 1000
GOLDEN = sorted((ROOT / "tests/data/wire").glob("*.bin"))
OVERSIZE = 5 << 20  # more than the 4 MiB of a frame
GARBAGE = 20  # more than the 16 that shut a peer out


def expect(world, name, before, at_least, what):
    """The metric counted it."""
    try:
        wait_until(lambda: metric(world, name) >= before + at_least, what, 10)
    except Exception:
        world.run.broken.append(f"{name} did not count {what}")


def plain_tcp(world, _):
    """Bytes that are no ZMTP at all."""
    before = metric(world, "crier_wire_handshakes_failed_total")
    host, _, port = world.rig.processes["crierd"].facts["wire"].removeprefix("tcp://").rpartition(":")
    for length in (0, 1, 64, 65536):
        with contextlib.suppress(OSError), socket.create_connection((host, int(port)), timeout=2) as raw:
            raw.sendall(secrets.token_bytes(length))
    expect(world, "crier_wire_handshakes_failed_total", before, 1, "bytes that are no handshake")


def unknown_key(world, _):
    before = metric(world, "crier_wire_handshakes_failed_total")
    with contextlib.closing(Peer(world.rig, "stranger", zmq.curve_keypair())) as peer:
        expect(world, "crier_wire_handshakes_failed_total", before, 1, "a key that nobody allowed")
        if peer.ping():
            world.run.broken.append("a key that nobody allowed was let in")


def connected(world, name, key=None):
    """A peer that was welcomed under its own name, or just connected under another's."""
    pair = make_key(world.rig.keys, key or name)
    peer = Peer(world.rig, name, pair)
    wait_until(peer.ping if key else lambda: peer.hello() and (time.sleep(0.05), peer.hear(), peer.welcomed)[2], f"{name} to connect", 10, 0.05)
    return peer


def shut_out(world, peer, pieces, what):
    """What it sends is counted, and costs it the connection."""
    garbage, shut = metric(world, "crier_wire_garbage_total"), metric(world, "crier_wire_shut_out_total")
    for parts in pieces:
        peer.send(*parts)
    expect(world, "crier_wire_garbage_total", garbage, min(len(pieces), 16), what)
    expect(world, "crier_wire_shut_out_total", shut, 1, what)
    peer.close()


def random_frames(world, dice):
    peer = connected(world, "mad-random")
    shut_out(world, peer, [[dice.randbytes(dice.randrange(1, 2000))] for _ in range(GARBAGE)], "random frames")


def truncated_frames(world, dice):
    whole = [path.read_bytes() for path in GOLDEN]
    pieces = [[one[:dice.randrange(1, max(2, len(one) - 1))]] for one in dice.choices([one for one in whole if len(one) > 8], k=3 * GARBAGE)]
    shut_out(world, connected(world, "mad-short"), pieces, "truncated frames")


def several_frames(world, _):
    shut_out(world, connected(world, "mad-many"), [[b"x"] * 2000] * GARBAGE, "messages of many frames")


def foreign_version(world, _):
    old = pb.Frame(version=9, ping=pb.Ping(stamp=1)).SerializeToString()
    shut_out(world, connected(world, "mad-version"), [[old]] * GARBAGE, "frames of another version")


def what_the_daemon_says(world, _):
    shut_out(world, connected(world, "mad-daemon"), [[(ROOT / "tests/data/wire/lease.bin").read_bytes()]] * GARBAGE, "the daemon's own frames")


def replayed_reports(world, _):
    """About leases of others, of no epoch, again and again."""
    replay = [[frame(report=pb.Report(lease=world.run.random.choice((1, 300, 1 << 40 | 1, 2 << 40 | 7)), sequence=1, intent=9,
                                      positions=bytes([0, 1]), outcomes=bytes([33, 33])))] for _ in range(300)]
    peer = connected(world, "mad-replay")
    shut = metric(world, "crier_wire_shut_out_total")
    for parts in replay:
        wait_until(lambda one=parts: peer.send(*one), "a replayed report to leave", 5, 0.01)
    expect(world, "crier_wire_shut_out_total", shut, 1, "replayed reports")
    peer.close()


def oversize(world, _):
    """libzmq itself ends such a connection."""
    peer = connected(world, "mad-large")
    before = metric(world, "crier_wire_connections")
    peer.send(bytes(OVERSIZE))
    wait_until(lambda: metric(world, "crier_wire_connections") <= before, "a frame over the limit to end its connection", 10)
    peer.close()


def anothers_name(world, _):
    """With a key that is allowed, under the name of a worker that is at work: it loses its connection, and nothing else."""
    shut = metric(world, "crier_wire_shut_out_total")
    world.inject(unknown=2 * WINDOW)
    peer = connected(world, "sms-drill", key="mad-thief")
    end = time.monotonic() + 20
    while metric(world, "crier_wire_shut_out_total") == shut and time.monotonic() < end:
        peer.ping()
        time.sleep(0.02)
    expect(world, "crier_wire_shut_out_total", shut, 1, "another worker's name")
    peer.close()


ABUSES = (plain_tcp, unknown_key, random_frames, truncated_frames, several_frames, foreign_version, what_the_daemon_says,
          replayed_reports, oversize, anothers_name)


@fault("wire-garbage", "random, cut, oversize, replayed and foreign frames, wrong keys and stolen names while broadcasts run")
def wire_garbage(run):
    with run.world(people=600) as world:
        world.load()
        dice = random.Random(run.seed)
        for abuse in ABUSES:
            world.flow()
            world.inject()
            abuse(world, dice)
        world.flow(100)


# ---- a thousand workers ---------------------------------------------------------------------------------------------

def need_files(count):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < count:
        raise Skip(f"{count} open files are needed, {hard} allowed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count), hard))


def urgent_ms(world):
    """From the draft of an urgent broadcast over its approval to its first submit: five requests of the API."""
    before = world.truth.size()
    start = time.monotonic()
    world.send("urgent", channels=("sms",))
    wait_until(lambda: world.truth.size() > before, "an urgent submit", 30, 0.0005)
    return round((time.monotonic() - start) * 1000)


def storm(world, crowd, since, what):
    """All are welcomed in time, and an urgent broadcast goes its way meanwhile."""
    taken = []
    beside = threading.Thread(target=lambda: taken.append(urgent_ms(world)))
    beside.start()
    ready = crowd.all_ready(since, 3 * READY_S)
    while beside.is_alive():
        crowd.live()
    beside.join()
    world.run.took(round((ready or 3 * READY_S) * 1000))
    if not taken or taken[0] > URGENT_MS:
        world.run.broken.append(f"{what}: an urgent submit took {taken} ms")


@fault("worker-storm", f"{CROWD} workers connect at once, and again after crierd was killed")
def worker_storm(run):
    need_files(8 * CROWD)
    with run.world(people=300, settings={"dispatch.lease_ms": 10000}) as world:
        crowd = Crowd(world.rig, CROWD)
        time.sleep(0.3)  # the folder of keys has come to rest
        start = time.monotonic()
        crowd.connect()
        storm(world, crowd, start, "first")
        world.kill("crierd")
        world.restart("crierd")
        storm(world, crowd, time.monotonic(), "after the kill")
        run.within(READY_S * 1000)
        crowd.close()

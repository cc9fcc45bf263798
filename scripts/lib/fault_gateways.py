"""Faults of the gateways, and of what they tell later."""
import contextlib
import json
import time
import urllib.request

from fault_net import Paths
from fault_table import fault
from fault_world import WINDOW
from proxy import Proxy
from rig import CHANNELS, wait_until

FAULT_S = 6
EMERGENCY_S = 60  # a lease of it may wait for the broken gateway's time-out, or for the slow one's pace
AWAY_MS = 20000  # a submit's own time, then the breaker's longest wait


def metric(world, name):
    text = world.rig.http("GET", "/metrics", None)[2]
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith(name + " "))


def credit(world, worker):
    shown = world.rig.http("GET", "/v1/workers", "operator")[2]["items"]
    return next(one["credit"] for one in shown if one["name"] == worker)


@contextlib.contextmanager
def two_gateways(run):
    """Two workers a channel: the way of the first to its gateway can be spoilt, the second's cannot."""
    with Paths() as paths, run.world(people=600, second={"gateway.name": "other"}) as world:
        paths.lead(world, [f"{channel}-drill" for channel in CHANNELS])
        world.load()
        world.flow()
        yield world, paths


def spoil(world, paths, how):
    """While one gateway of each channel is away the other takes over, an emergency ends; the broken one's credit shrinks."""
    # A window, nearly another one when an answer comes in between, and the probes.
    world.inject(unknown=len(CHANNELS) * (2 * WINDOW + FAULT_S))
    proxies = paths.between("gateway")
    for proxy in proxies:
        how(proxy)
    wait_until(lambda: credit(world, "sms-drill") < 2, "the credit to shrink", 2 * AWAY_MS / 1000)
    world.flow(100)
    emergency = world.send("emergency")
    wait_until(lambda: world.shown(emergency)["state"] == "finished", "an emergency to end over the other gateway", EMERGENCY_S)
    start = time.monotonic()
    for proxy in proxies:
        proxy.heal()
    keep_busy(world, lambda: credit(world, "sms-drill") > 0)
    world.run.took(round((time.monotonic() - start) * 1000))


def keep_busy(world, condition):
    """A probe needs something to send."""
    end = time.monotonic() + AWAY_MS / 1000
    while not condition() and time.monotonic() < end:
        world.flow(5)


@fault("gateway-slow", "one gateway of two answers after a second: its worker holds less")
def gateway_slow(run):
    with two_gateways(run) as (world, paths):
        spoil(world, paths, lambda proxy: proxy.slow(0.1 if proxy is paths.proxies["mail"] else 1))  # a mail takes ten pieces


@fault("gateway-silent", "one gateway of two never answers")
def gateway_silent(run):
    with two_gateways(run) as (world, paths):
        spoil(world, paths, Proxy.hold)
    run.within(AWAY_MS)


@fault("gateway-garbage", "one gateway of two answers with random bytes")
def gateway_garbage(run):
    with two_gateways(run) as (world, paths):
        spoil(world, paths, lambda proxy: proxy.garble("down"))
    run.within(AWAY_MS)


@fault("gateway-close", "one gateway of two closes every connection, and refuses new ones")
def gateway_close(run):
    with two_gateways(run) as (world, paths):
        spoil(world, paths, Proxy.cut)
    run.within(AWAY_MS)


@fault("gateway-throttle", "the gateways take 100 submits a second and refuse the others; then one of ten ends in an error of theirs")
def gateway_throttle(run):
    with run.world(people=600, latency_ms=0) as world:
        for trouble in ({"throttle_per_s": 100}, {"error_percent": 10}):
            world.load()
            world.inject()
            world.rig.sandbox_control({"channel": "all", **trouble})
            world.flow(50)
            emergency = world.send("emergency")
            wait_until(lambda number=emergency: world.shown(number)["state"] == "finished", "the emergency to end", 60)
            world.rig.sandbox_control({"channel": "all", **{name: 0 for name in trouble}})


# ---- receipts -----------------------------------------------------------------------------------------------------

def push(world, items):
    """What a gateway says later, from somebody who makes it up. Its answer comes when crierd has it."""
    where = world.rig.processes["sms-drill"].facts["receipts"]
    token = (world.rig.keys / "receipts.token").read_text().strip()
    request = urllib.request.Request(f"http://{where}/receipts?token={token}", data=json.dumps(items).encode(), method="POST",
                                     headers={"Content-Type": "application/json"})
    with contextlib.suppress(OSError):  # answered when all of it is known: never
        urllib.request.urlopen(request, timeout=1).read()


def receipt(reference, biz_id="1^0"):
    return {"phone_number": "19930000001", "send_time": "2026-05-12 09:00:00", "report_time": "2026-05-12 09:00:01", "success": True,
            "err_code": "DELIVERED", "err_msg": "", "sms_size": "3", "biz_id": biz_id, "out_id": reference}


UNKNOWN = (
    "0000ZZZZ.s.1.1",       # a broadcast that never was
    "00000001.s.99999.1",   # a rank beyond the audience
    "00000001.s.0x1F.1",    # hexadecimal for decimal
    "00000001.q.1.1",       # no such channel
    "1^0",                  # the gateway's own id instead
    "",
)


@fault("receipts", "doubled, before the submit's answer, late, never, and for deliveries that nobody knows")
def receipts(run):
    with run.world(people=600) as world:
        for trouble in ({"receipt_duplicate_percent": 100}, {"receipt_delay_ms": 0, "latency_ms": 200},
                        {"receipt_delay_ms": 2500}, {"receipt_missing_percent": 50}):
            world.inject()
            world.rig.sandbox_control({"channel": "all", **trouble})
            world.send()
            if world.rig.sms == "http":
                push(world, [receipt(reference) for reference in UNKNOWN])
            world.flow(100)
            world.rig.sandbox_control({"channel": "all", "receipt_duplicate_percent": 0, "receipt_delay_ms": 150,
                                       "receipt_missing_percent": 0, "latency_ms": world.latency_ms})
        if world.rig.sms == "http":  # nobody but the message centre itself could make them up elsewhere
            wait_until(lambda: metric(world, "crier_receipts_unknown_total") > 0, "unknown receipts to be counted after a minute", 90)

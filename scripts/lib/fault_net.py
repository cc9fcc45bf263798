"""Faults of the paths between a worker, crierd and the gateway: a proxy stands in each."""
import contextlib
import time

from fault_table import fault
from fault_world import WINDOW
from proxy import Proxy
from rig import CHANNELS

ROUNDS = 3
SILENCE_S = 3  # longer than a lease
HEALED_MS = 15000  # the longest back-off of a reconnect, a lease, and a gateway's next probe


class Paths:
    """Leads every worker's way to crierd and to its gateway through proxies."""

    def __init__(self):
        self.proxies = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for proxy in self.proxies.values():
            proxy.close()

    def lead(self, world, workers=None):
        facts = {name: process.facts for name, process in world.rig.processes.items()}
        sandbox = facts["crier-sandbox"]
        for name, target in (("crierd", facts["crierd"]["wire"]), ("sms", sandbox[world.rig.sms]), ("wechat", sandbox["http"]),
                             ("mail", sandbox["smtp"])):
            self.proxies[name] = Proxy(target)
        for name in workers or world.workers():
            old = world.rig.settings[name]
            gateway = self.gateway(name)
            scheme, _, rest = old["gateway.url"].partition("://")
            _, slash, path = rest.partition("/")
            world.rig.write_config(name, old | {
                "daemon.endpoint": f"tcp://{self.proxies['crierd'].address}",
                "gateway.url": f"{scheme}://{gateway.address}{slash}{path}"})
            world.rig.restart(name)

    def gateway(self, worker):
        return self.proxies[worker.partition("-")[0]]

    def between(self, hop):
        """The proxies of one hop: the workers' to crierd, or to their gateways."""
        return [self.proxies["crierd"]] if hop == "crierd" else [self.proxies[channel] for channel in CHANNELS]


@contextlib.contextmanager
def spoilt(run, **settings):
    with Paths() as paths, run.world(people=600, **settings) as world:
        paths.lead(world)
        world.load()
        yield world, paths


def heal(world, proxies):
    """Heals them, and says how long it takes until the next submit is accepted."""
    start = time.monotonic()
    for proxy in proxies:
        proxy.heal()
    world.flow(1)
    world.run.took(round((time.monotonic() - start) * 1000))


def spoil(world, paths, hop, how):
    """One round on one hop: `how` spoils a proxy and returns after a while."""
    world.flow()
    world.inject(unknown=2 * WINDOW * len(CHANNELS))
    proxies = paths.between(hop)
    for proxy in proxies:
        how(proxy)
    time.sleep(world.run.random.choice((0.3, 1, SILENCE_S)))
    heal(world, proxies)


@fault("net-cut", "the paths to crierd and to the gateways are cut and come back")
def net_cut(run):
    with spoilt(run) as (world, paths):
        for _ in range(ROUNDS):
            for hop in ("crierd", "gateway"):
                spoil(world, paths, hop, Proxy.cut)
    run.within(HEALED_MS)


@fault("net-slow", "every piece on the paths to crierd and to the gateways comes 50 to 400 ms late")
def net_slow(run):
    with spoilt(run) as (world, paths):
        for hop in ("crierd", "gateway"):
            for seconds in (0.05, 0.2, 0.4):
                spoil(world, paths, hop, lambda proxy, late=seconds: proxy.slow(late))
    run.within(HEALED_MS)


@fault("net-half-open", "one direction of the paths is held, or closed, and nobody is told")
def net_half_open(run):
    with spoilt(run) as (world, paths):
        for hop in ("crierd", "gateway"):
            for direction in ("up", "down"):
                spoil(world, paths, hop, lambda proxy, way=direction: proxy.hold(way))
                spoil(world, paths, hop, lambda proxy, way=direction: proxy.half_close(way))
            spoil(world, paths, hop, Proxy.hold)
    run.within(HEALED_MS)

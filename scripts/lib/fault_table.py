"""The table of faults, and what one run of a fault has found so far."""
import collections
import contextlib
import random
import time

from fault_world import Skip, World

TABLE = {}
BRIEFS = []  # (weight, function of a World): what soak chooses from


class Run:
    """One fault being made: its dice, the worlds it was made in, and the sums over them."""

    def __init__(self, name, seed, minutes):
        self.name, self.seed, self.minutes = name, seed, minutes
        self.random = random.Random(f"{name} {seed}")
        self.sums = collections.Counter()
        self.recovered_ms = None
        self.more = {}  # figures that only this fault has
        self.broken = []  # promises, in words
        self.kept = []  # folders of the worlds in which they broke
        self.started = time.monotonic()

    @contextlib.contextmanager
    def world(self, **settings):
        """A World under no load yet; at the end of the block everything must have healed, and is judged."""
        world = World(self, **settings)
        try:
            world.start()
            yield world
            world.finish()
            self.sums["runs"] += 1
        except BaseException as fault:
            world.stop(keep=not isinstance(fault, Skip))
            raise
        world.stop(keep=bool(self.broken))

    def took(self, recovered_ms):
        self.recovered_ms = max(self.recovered_ms or 0, recovered_ms)

    def within(self, limit_ms):
        if self.recovered_ms > limit_ms:
            self.broken.append(f"recovered after {self.recovered_ms} ms, more than {limit_ms}")

    def row(self):
        """What scripts/fault --json prints of it."""
        sums = self.sums
        return {"fault": self.name, "runs": sums["runs"], "lost": sums["lost"], "sent_twice": sums["sent_twice"],
                "unknown": sums["unknown"], "unknown_bound": sums["unknown_bound"],
                "recovered_ms": self.recovered_ms, "seed": self.seed, "injected": sums["injected"],
                "kills": sums["kills"], "restarts": sums["restarts"], "deliveries": sums["deliveries"],
                "repeated": sums["repeated"], "resent": sums["resent"],
                "seconds": round(time.monotonic() - self.started, 1), **self.more}

    def judge(self):
        """Adds what the sums themselves break."""
        for name in ("lost", "sent_twice"):
            if self.sums[name]:
                self.broken.append(f"{name} {self.sums[name]}")
        uncertain = self.sums["unknown"] + self.sums["repeated"]
        if uncertain > self.sums["unknown_bound"]:
            self.broken.append(f"unknown and repeated {uncertain}, more than {self.sums['unknown_bound']}")


def fault(name, summary, long=False):
    """Puts a function of one Run into the table. `long`: only when it is asked for by name."""
    def enter(function):
        TABLE[name] = {"summary": summary, "long": long, "make": function}
        return function
    return enter


def brief(weight):
    """Puts a function of one World among those that soak chooses from: it does its fault and undoes it within seconds."""
    def enter(function):
        BRIEFS.append((weight, function))
        return function
    return enter

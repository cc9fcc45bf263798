"""Every brief fault at random, for minutes or for a night."""
import sys
import time

from fault_table import BRIEFS, fault

MINUTES = 10
PEOPLE = 150
BETWEEN_JUDGEMENTS = 25  # faults
BETWEEN_WORLDS = 8  # judgements


@fault("soak", "all of the above at random, for --minutes N", long=True)
def soak(run):
    end = time.monotonic() + 60 * (run.minutes or MINUTES)
    while time.monotonic() < end:
        with run.world(people=PEOPLE) as world:
            for _ in range(BETWEEN_WORLDS):
                trouble(world, end)
                world.finish()
                tell(run)
                if run.broken or time.monotonic() > end:
                    break
        if run.broken:
            return


def trouble(world, end):
    """Some faults, with always something left to send."""
    weights, faults = zip(*BRIEFS)
    for _ in range(BETWEEN_JUDGEMENTS):
        if time.monotonic() > end:
            return
        world.flow(world.run.random.randrange(1, 20))
        world.run.random.choices(faults, weights)[0](world)


def tell(run):
    minutes = (time.monotonic() - run.started) / 60
    sums = run.sums
    print(f"soak: seed {run.seed}: {minutes:.1f} min, {sums['kills']} kills ({sums['kills'] / minutes:.0f}/min), "
          f"{sums['injected']} faults, {sums['restarts']} restarts, {sums['deliveries']} deliveries, lost {sums['lost']}, "
          f"sent twice {sums['sent_twice']}, unknown {sums['unknown']} of {sums['unknown_bound']}", file=sys.stderr, flush=True)

"""Faults of our own processes: killed, stopped, asked to end."""
import signal
from concurrent.futures import ThreadPoolExecutor

from fault_table import brief, fault
from fault_world import POINTS, WINDOW
from rig import CHANNELS

KILLS = 4
PASSINGS = 12
SILENCE_S = 3  # longer than a lease
RECOVERED_MS = 2000


def point_of(world, name):
    return world.run.random.choice(POINTS["worker" if name in world.workers() else name])


@fault("kill-daemon", "SIGKILL of crierd at random times and at named points")
def kill_daemon(run):
    with run.world(people=600) as world:
        world.load()
        for _ in range(KILLS):
            world.flow(run.random.randrange(1, 60))
            world.kill("crierd")
            world.quiet()
            world.recover("crierd")
        run.within(RECOVERED_MS)
        for point in POINTS["crierd"]:
            world.arm("crierd", point, run.random.randrange(1, PASSINGS))
            world.die("crierd")
            world.restart("crierd")
        for point in ("before-answer", "audience-frozen"):
            send_through_death(world, point)


def send_through_death(world, point):
    """The daemon dies within one of the four questions of a broadcast; the client repeats it with its key."""
    passing = 1 if point == "audience-frozen" else world.run.random.randrange(1, 5)
    world.arm("crierd", point, passing)
    with ThreadPoolExecutor(1) as beside:
        sent = beside.submit(world.send)
        world.die("crierd")
        world.restart("crierd")
        sent.result()
    world.kill("crierd")  # after the 2xx of the last one
    world.restart("crierd")


@fault("kill-worker", "SIGKILL of one worker and of all, at random times and at named points")
def kill_worker(run):
    with run.world(people=600, second={}) as world:
        world.load()
        for point in POINTS["worker"]:
            one = run.random.choice(world.workers())
            world.arm(one, point, run.random.randrange(1, PASSINGS))
            world.die(one)
            world.restart(one)
        for _ in range(KILLS):
            one = run.random.choice(world.workers())
            world.flow()
            world.kill(one)
            world.restart(one)
        kill_at_the_end_of_intents(world)
        world.flow()
        world.kill(*world.workers())
        world.quiet(SILENCE_S)  # now the leases are lost by silence
        world.recover(*world.workers())


def kill_at_the_end_of_intents(world):
    """Nothing can be acknowledged: what the workers went on to submit is all that they may have submitted."""
    world.flow()
    world.rig.processes["redis"].signal(signal.SIGSTOP)
    world.quiet()
    world.kill(*world.workers())
    world.rig.processes["redis"].signal(signal.SIGCONT)
    world.restart(*world.workers())


@fault("stop-worker", "SIGSTOP of a worker for longer than its lease, then SIGCONT")
def stop_worker(run):
    with run.world(people=600) as world:
        world.load()
        for channel in CHANNELS:
            world.flow()
            world.pause(f"{channel}-drill", SILENCE_S, unknown=2 * WINDOW)


@fault("sigterm", "TERM to every process, idle and in the middle: exit 0 and nothing unknown")
def sigterm(run):
    with run.world(people=600) as world:
        names = ["crierd", *world.workers(), "redis"]
        for name in names:
            end_well(world, name)
        world.load()
        for name in run.random.sample(names, len(names)):
            world.flow()
            end_well(world, name)


def end_well(world, name):
    world.inject()
    code = world.rig.processes[name].stop()
    if code != 0:
        world.run.broken.append(f"{name} ended with {code} after TERM")
    world.restart(name)


# -- for soak --------------------------------------------------------------------------------------------------------

@brief(6)
def kill_any(world):
    name = world.run.random.choice(["crierd", "crierd", "redis", *world.workers()])
    world.kill(name)
    world.restart(name)


@brief(3)
def kill_several(world):
    random = world.run.random
    names = random.sample(["redis", "crierd", *world.workers()], random.randrange(2, 5))
    world.kill(*names)
    world.restart(*sorted(names, key=world.rig.order.index))


@brief(3)
def die_at_point(world):
    name = world.run.random.choice(["crierd", "crierd", *world.workers()])
    world.arm(name, point_of(world, name), world.run.random.randrange(1, PASSINGS))
    world.die(name, deadline_s=1)
    world.restart(name)


@brief(1)
def kill_while_starting(world):
    """A second death before the first is mended."""
    world.kill("crierd")
    world.arm("crierd", "redis-answered", world.run.random.randrange(1, 4))
    world.die("crierd", deadline_s=0.5)
    world.restart("crierd")


@brief(1)
def stop_any(world):
    random = world.run.random
    name = random.choice(["crierd", "redis", *world.workers()])
    world.pause(name, random.choice((0.2, 0.5, SILENCE_S)), unknown=2 * WINDOW if name in world.workers() else 0)


@brief(1)
def end_any(world):
    end_well(world, world.run.random.choice(["crierd", "redis", *world.workers()]))

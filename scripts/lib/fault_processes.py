"""Faults of our own processes."""
from fault_table import fault

KILLS = 5


@fault("kill-daemon", "SIGKILL of crierd at random times")
def kill_daemon(run):
    with run.world(people=600) as world:
        world.load()
        for _ in range(KILLS):
            world.flow(run.random.randrange(1, 60))
            world.kill("crierd")
            world.quiet()
            world.recover("crierd")

"""People who change their mind while processes die."""
from fault_processes import kill_any
from fault_table import brief, fault

ROUNDS = 4


@fault("commands", "pause, resume and cancel while processes are killed")
def commands(run):
    with run.world(people=600) as world:
        for _ in range(ROUNDS):
            world.flow()
            pause_and_resume(world)
        world.flow()
        world.command("cancel")
        kill_any(world)


@brief(1)
def pause_and_resume(world):
    """What was answered is stored: paused stays paused over the death, until the word to go on."""
    world.flow(1)
    paused = world.command("pause")
    kill_any(world)
    world.command("resume", paused)


@brief(1)
def cancel_one(world):
    world.flow(1)
    world.command("cancel")

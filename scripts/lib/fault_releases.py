"""Faults of who is in charge: two daemons at once, and a daemon of the release before."""
import signal
import subprocess
import time

from fault_table import fault
from fault_world import CHANNELS, PROGRAMS, WINDOW, Skip
from rig import ROOT, programs, wait_until

LEASE_S = 5  # of being the active daemon
TAKE_OVER_MS = 1000 * (LEASE_S + 2)
COMMITS_BACK = 30  # where no release has a tag yet


# -- two at once -----------------------------------------------------------------------------------------------------

def taken_over(world, other, since):
    """Waits until the other daemon drives the workers."""
    world.rig.active = other
    world.flow(1)
    world.run.took(round((time.monotonic() - since) * 1000))


@fault("two-daemons", "SIGSTOP, SIGKILL and TERM of the active daemon beside a standby")
def two_daemons(run):
    with run.world(people=600, standby=True) as world:
        first, second = (world.rig.processes[name] for name in ("crierd", "standby"))
        world.flow()
        world.inject(unknown=2 * WINDOW * len(CHANNELS))
        first.signal(signal.SIGSTOP)
        since = time.monotonic()
        world.quiet()
        taken_over(world, "standby", since)
        first.signal(signal.SIGCONT)
        wait_until(lambda: not first.running(), "the one that slept to end")
        if first.child.returncode != 69:
            run.broken.append(f"the one that slept ended with {first.child.returncode}")
        world.restart("crierd")
        world.flow()
        world.kill("standby")
        since = time.monotonic()
        world.quiet()
        taken_over(world, "crierd", since)
        run.within(TAKE_OVER_MS)
        world.restart("standby")
        world.flow()
        world.inject()
        if world.rig.processes["crierd"].stop() != 0:
            run.broken.append("the active daemon did not end with 0 after TERM")
        taken_over(world, "standby", time.monotonic())


# -- the release before ----------------------------------------------------------------------------------------------

def git(*args):
    done = subprocess.run(["git", "-C", ROOT, *args], capture_output=True, text=True)
    if done.returncode != 0:
        raise Skip(f"no history to build the release before from: {done.stderr.strip()}")
    return done.stdout.strip()


def release_before():
    """The newest tag, or some commits back; what it is built from, and its name."""
    tags = git("tag", "--merged", "HEAD^", "--sort=-creatordate").splitlines()
    return tags[0] if tags else git("rev-parse", "--short", f"HEAD~{COMMITS_BACK}")


def build(release):
    """The folder of its programs; built once."""
    folder = ROOT / "build/before" / release
    made = folder / "build/bin"
    if not (made / ".complete").exists():
        folder.mkdir(parents=True, exist_ok=True)
        with subprocess.Popen(["git", "-C", ROOT, "archive", release], stdout=subprocess.PIPE) as archive:
            subprocess.run(["tar", "-x", "-C", folder], stdin=archive.stdout, check=True)
        log = open(folder / "build.log", "wb")
        for command in (["cmake", "-S", folder, "-B", folder / "build", "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release", "-DBUILD_TESTING=OFF"],
                        ["ninja", "-C", folder / "build", *PROGRAMS, "crierctl", "crier-sandbox"]):
            if subprocess.run(command, stdout=log, stderr=log).returncode != 0:
                raise Skip(f"{release} cannot be built ({folder}/build.log)")
        (made / ".complete").touch()
    return made


@fault("upgrade", "state and reports of the release before, killed in the middle, go on with this one")
def upgrade(run):
    with run.world(people=600, bin_dir=build(release_before())) as world:
        world.flow()
        names = ["crierd", *world.workers()]
        world.kill(*names)
        replace_programs(world, names)
        world.quiet()
        world.recover(*names)


def replace_programs(world, names):
    world.rig.bin = programs()
    world.rig.known.clear()
    for name in names:
        process = world.rig.processes[name]
        process.argv[0] = str(world.rig.bin / process.argv[0].rpartition("/")[2])

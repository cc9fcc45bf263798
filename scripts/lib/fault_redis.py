"""Faults of the store: gone, stopped, full, forgetful."""
import contextlib
import pathlib
import shutil
import signal
import subprocess
import time

from fault_table import brief, fault
from fault_world import Skip
from rig import RigError, wait_until

ROUNDS = 3
STOPPED_S = 5  # longer than redis.timeout_ms
GROWTH_BYTES = 16 << 20
DISK_BYTES = 24 << 20
CUT_BYTES = 40  # of the log's last command


def refuses_writes(world):
    """503 with Retry-After, and nothing else: while the store is away nothing that cannot be kept is taken."""
    status, headers, _ = world.rig.http("POST", "/v1/broadcasts", "planner", world.draft("routine"))
    return status == 503 and "Retry-After" in headers


def expect_reads_only(world):
    wait_until(lambda: refuses_writes(world), "the API to refuse writes")
    status = world.rig.http("GET", "/v1/queue", "operator")[0]
    if status != 200:
        world.run.broken.append(f"without Redis a read answers {status}")


def resident_bytes(world):
    pid = world.rig.processes["crierd"].child.pid
    return int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


def redis_ends(world):
    process = world.rig.processes["redis"]
    wait_until(lambda: not process.running(), "Redis to end")


# -- gone and stopped ------------------------------------------------------------------------------------------------

@fault("kill-redis", "SIGKILL of Redis, and a restart with its log")
def kill_redis(run):
    with run.world(people=600) as world:
        for _ in range(ROUNDS):
            world.flow(run.random.randrange(1, 60))
            world.kill("redis")
            expect_reads_only(world)
            world.quiet()
            world.recover("redis")


@fault("stop-redis", "SIGSTOP of Redis for longer than crierd waits for it")
def stop_redis(run):
    with run.world(people=600) as world:
        world.flow()
        before = resident_bytes(world)
        with stopped(world):
            expect_reads_only(world)
            world.quiet()
        world.flow()
        if resident_bytes(world) > before + GROWTH_BYTES:
            run.broken.append(f"crierd grew from {before} to {resident_bytes(world)} bytes")


@contextlib.contextmanager
def stopped(world):
    process = world.rig.processes["redis"]
    world.inject()
    process.signal(signal.SIGSTOP)
    end = time.monotonic() + STOPPED_S
    yield
    time.sleep(max(0, end - time.monotonic()))
    process.signal(signal.SIGCONT)


# -- a disk that fails, and one that is full -------------------------------------------------------------------------

@contextlib.contextmanager
def failing_sync(world):
    """Every fdatasync of Redis answers EIO."""
    pid = world.rig.processes["redis"].child.pid
    log = world.rig.state / "log/strace.log"
    strace = subprocess.Popen(["strace", "-f", "-o", log, "-e", "trace=fdatasync", "-e", "inject=fdatasync:error=EIO", "-p", str(pid)],
                              stderr=subprocess.DEVNULL)
    world.inject()
    try:
        yield strace
    finally:
        strace.terminate()
        strace.wait()


@fault("redis-fsync-error", "fdatasync of Redis answers EIO: it ends (always) or refuses writes (everysec)")
def redis_fsync_error(run):
    if not shutil.which("strace"):
        raise Skip("strace is not installed")
    with run.world(people=600) as world:
        world.flow()
        with failing_sync(world) as strace:
            wait_until(lambda: strace.poll() is not None or not world.rig.processes["redis"].running(), "Redis to end")
            if strace.poll() is not None and world.rig.processes["redis"].running():
                raise Skip("strace may not attach to a process here")
        expect_reads_only(world)
        world.recover("redis")
        world.flow()
        world.rig.redis("CONFIG", "SET", "appendfsync", "everysec")
        with failing_sync(world):
            expect_reads_only(world)
        world.flow()
        world.rig.redis("CONFIG", "SET", "appendfsync", "always")


@fault("redis-disk-full", "the disk of the log is full: Redis ends")
def redis_disk_full(run):
    with run.world(people=600, redis_disk_bytes=DISK_BYTES) as world:
        world.flow()
        filler = world.rig.state / "redis/filler"
        world.inject()
        with contextlib.suppress(OSError), open(filler, "wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))
        redis_ends(world)
        expect_reads_only(world)
        filler.unlink()
        world.recover("redis")


@fault("redis-oom", "maxmemory just above what is used: Redis refuses writes")
def redis_oom(run):
    with run.world(people=600) as world:
        for _ in range(ROUNDS):
            world.flow()
            used = next(line for line in world.rig.redis("INFO", "memory").splitlines() if line.startswith("used_memory:"))
            world.inject()
            world.rig.redis("CONFIG", "SET", "maxmemory", int(used.partition(":")[2]) + 1024)
            expect_reads_only(world)
            world.rig.redis("CONFIG", "SET", "maxmemory", 0)
            world.flow()


# -- what it forgets -------------------------------------------------------------------------------------------------

@fault("redis-truncated", "SIGKILL of Redis, and the end of its log is lost")
def redis_truncated(run):
    with run.world(people=600) as world:
        for _ in range(ROUNDS):
            world.flow(run.random.randrange(1, 60))
            world.kill("redis")
            cut_log(world, run.random.randrange(1, CUT_BYTES))
            world.recover("redis")


def cut_log(world, count):
    log = max((world.rig.state / "redis/appendonlydir").glob("*.incr.aof"), key=lambda path: path.stat().st_mtime)
    with open(log, "rb+") as file:
        file.truncate(log.stat().st_size - count)


@fault("redis-flushed", "FUNCTION FLUSH: the functions come back")
def redis_flushed(run):
    with run.world(people=600) as world:
        for _ in range(ROUNDS):
            world.flow()
            world.inject()
            if world.rig.redis("FUNCTION", "FLUSH") != "OK":
                raise RigError("Redis does not flush its functions")
            world.flow()


# -- for soak --------------------------------------------------------------------------------------------------------

@brief(1)
def flush_functions(world):
    world.inject()
    world.rig.redis("FUNCTION", "FLUSH")

"""Faults of the store: gone, stopped, full, forgetful."""
import contextlib
import pathlib
import shutil
import signal
import socket
import subprocess
import time

from fault_table import brief, fault
from fault_world import Skip
from rig import wait_until

ROUNDS = 3
STOPPED_S = 5  # longer than redis.timeout_ms
GROWTH_BYTES = 16 << 20
DISK_BYTES = 24 << 20
CUT_BYTES = 20000
EPOCH_BYTES = 2000  # of the log: a new daemon takes its epoch
STORE_LOST = 65


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
        with contextlib.suppress(subprocess.TimeoutExpired):
            strace.wait(STOPPED_S)
        strace.kill()  # what it traced goes on
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
        # Redis syncs again with its next write, which it refuses until it has synced: it must be started anew.
        world.restart("redis")
        world.flow()


def on_small_disk(world):
    """Redis with its log on a tmpfs of its own."""
    folder = world.rig.state / "redis"
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "none", folder], capture_output=True, text=True)
    if done.returncode != 0:
        raise Skip(f"no tmpfs can be mounted here: {done.stderr.strip()}")
    world.ends.callback(subprocess.run, ["umount", folder], check=True)
    world.rig.start_redis()
    return {}


@fault("redis-disk-full", "the disk of the log is full: Redis ends")
def redis_disk_full(run):
    with run.world(people=600, store=on_small_disk) as world:
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

@fault("redis-truncated", "SIGKILL of Redis, and of crierd too or not, and the end of its log is lost")
def redis_truncated(run):
    with run.world(people=600) as world:
        for also in ((), ("crierd",), (), ("crierd",)):
            world.flow(run.random.randrange(1, 60))
            forget(world, run.random.randrange(1, CUT_BYTES), *also)
            world.quiet()
            world.recover("redis", *also)


def forget(world, count, *also):
    """Cuts the log, but nothing of what was there before the present daemon: its ring of the newest writes begins with it."""
    world.kill("redis", *also)
    log = max((world.rig.state / "redis/appendonlydir").glob("*.incr.aof"), key=lambda path: path.stat().st_mtime)
    with open(log, "rb+") as file:
        text = file.read()
        began = text.rfind(b"{p}:epoch") + EPOCH_BYTES
        file.truncate(min(len(text), max(len(text) - count, began)))


@fault("redis-flushed", "FUNCTION FLUSH: the functions come back; FLUSHALL: an emergency stop, not a fresh start")
def redis_flushed(run):
    with run.world(people=600) as world:
        for _ in range(ROUNDS):
            world.flow()
            flush_functions(world)
            world.flow()
    with run.world(people=600) as world:
        world.flow()
        world.inject()
        world.rig.redis("FLUSHALL")
        daemon = world.rig.processes["crierd"]
        wait_until(lambda: not daemon.running(), "crierd to end")
        expect_code(run, "after FLUSHALL", daemon.child.returncode)
        world.quiet()
        expect_code(run, "started on an empty store", subprocess.run(daemon.argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=30).returncode)
        world.abandon()


def expect_code(run, when, code):
    if code != STORE_LOST:
        run.broken.append(f"{when} crierd ended with {code}")


# -- a replica that takes over ---------------------------------------------------------------------------------------

def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def said_by(port, *words):
    return subprocess.run(["redis-cli", "-p", str(port), *words], capture_output=True, text=True).stdout


SENTINEL = """port {sentinel}
bind 127.0.0.1
dir {folder}
sentinel monitor crier 127.0.0.1 {master} 1
sentinel down-after-milliseconds crier 500
sentinel failover-timeout crier 3000
"""


def with_replica(world):
    """A master, its replica and a Sentinel, whom crierd asks for the master."""
    rig, folder = world.rig, world.rig.state / "replica"
    master, replica, sentinel = (free_port() for _ in range(3))
    folder.mkdir()
    rig.redis_conf, replica_conf = (shutil.copy(rig.redis_conf, folder / f"{name}.conf") for name in ("master", "replica"))
    rig.start_redis()  # its own copy: Sentinel has it written anew
    rig.redis("CONFIG", "SET", "port", master)
    rig._start("replica", ["redis-server", replica_conf, "--port", replica, "--dir", folder, "--replicaof", "127.0.0.1", master,
                           "--unixsocket", folder / "redis.sock", "--logfile", rig.state / "log/replica.log"], ready=False)
    wait_until(lambda: "master_link_status:up" in said_by(replica, "INFO", "replication"), "the replica to follow")
    (folder / "sentinel.conf").write_text(SENTINEL.format(folder=folder, master=master, sentinel=sentinel))
    rig._start("sentinel", ["redis-server", folder / "sentinel.conf", "--sentinel", "--logfile", rig.state / "log/sentinel.log"], ready=False)
    wait_until(lambda: ",slaves=1," in said_by(sentinel, "INFO", "sentinel"), "Sentinel to know the replica")
    return {"redis.sentinels": f"127.0.0.1:{sentinel}"}


@fault("redis-failover", "SIGKILL of the master under load: Sentinel promotes the replica")
def redis_failover(run):
    with run.world(people=600, store=with_replica) as world:
        world.flow(run.random.randrange(10, 60))
        replica = world.rig.processes["replica"]
        replica.signal(signal.SIGSTOP)
        world.rig.redis("CLIENT", "KILL", "TYPE", "replica")  # what is written from here on it will lack
        world.flow(60)
        world.kill("redis")
        replica.signal(signal.SIGCONT)
        world.quiet()
        (world.rig.state / "replica/redis.sock").rename(world.rig.redis_socket())  # the judge asks the new master
        start = time.monotonic()
        wait_until(lambda: "role:master" in world.rig.redis("INFO", "replication"), "Sentinel to choose the replica")
        world.flow(1)
        run.took(round((time.monotonic() - start) * 1000))
        world.flow()
        world.kill("crierd")  # what it knows now is what the new master knows
        world.restart("crierd")


# -- for soak --------------------------------------------------------------------------------------------------------

@brief(1)
def flush_functions(world):
    world.inject()
    world.rig.redis("FUNCTION", "FLUSH")


@brief(1)
def forget_the_newest(world):
    also = world.run.random.choice(((), ("crierd",)))
    forget(world, world.run.random.randrange(1, CUT_BYTES), *also)
    world.restart("redis", *also)

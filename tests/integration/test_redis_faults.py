"""Redis loses what it acknowledged, its functions, its memory or everything: what is noticed, and what heals by itself."""
import pathlib
import shutil
import signal
import socket
import subprocess
import unittest

from county import check_counts, check_truth, county, finish, load, send, state
from rig import ROOT, Rig, wait_until


def moving(rig, broadcast):
    return state(rig, broadcast).get("counts", {}).get("sms", {}).get("delivered", 0) > 100


def metric(rig, name):
    text = rig.http("GET", "/metrics", user=None)[2]
    return next(float(line.split()[1]) for line in text.splitlines() if line.startswith(name + " "))


class RedisFault(unittest.TestCase):
    def setUp(self):
        self.rig = county(people=1500)
        self.addCleanup(self.rig.stop)
        self.rig.sandbox_control({"channel": "all", "latency_ms": 20})

    def begin(self):
        broadcast = send(self.rig, channels="sms")
        wait_until(lambda: moving(self.rig, broadcast), "deliveries to flow")
        return broadcast

    def ends_well(self, broadcast, unknown=0):
        self.rig.sandbox_control({"channel": "all", "latency_ms": 0})
        shown = finish(self.rig, broadcast, 90)
        self.assertEqual(shown["state"], "finished")
        check_counts(self, shown)
        check_truth(self, self.rig, broadcast, shown)
        self.assertLessEqual(shown["counts"]["sms"]["unknown"], unknown)

    def log(self):
        return self.rig.processes["crierd"].log_path.read_text()

    def daemon_ends(self):
        daemon = self.rig.processes["crierd"]
        wait_until(lambda: not daemon.running(), "the daemon to end")
        return daemon.child.returncode

    def start_refused(self):
        refused = subprocess.run(self.rig.processes["crierd"].argv, capture_output=True, text=True, timeout=30)
        return refused.returncode, refused.stderr

    def restart_without_the_last(self, bytes_gone):
        """Redis dies, and its log lacks the end when it comes back."""
        self.rig.processes["redis"].kill()
        log = max((self.rig.state / "redis/appendonlydir").glob("*.incr.aof"), key=lambda path: path.stat().st_mtime)
        with open(log, "r+b") as file:
            file.truncate(log.stat().st_size - bytes_gone)
        self.rig.restart("redis")


class Forgotten(RedisFault):
    def test_a_living_daemon_writes_again_what_the_log_lost(self):
        broadcast = self.begin()
        self.restart_without_the_last(20000)
        wait_until(lambda: metric(self.rig, "crier_ledger_restored_total") > 0, "writes to be restored")
        self.assertIn("event=writes_restored", self.log())
        self.ends_well(broadcast)

    def test_the_next_daemon_writes_again_what_the_dead_one_had_stored(self):
        broadcast = self.begin()
        self.rig.processes["crierd"].kill()
        self.restart_without_the_last(20000)
        self.rig.restart("crierd")
        self.assertGreater(metric(self.rig, "crier_ledger_restored_total"), 0)
        self.ends_well(broadcast)

    def test_what_cannot_be_had_back_stops_the_daemon_and_the_next(self):
        self.begin()
        aof = sum(path.stat().st_size for path in (self.rig.state / "redis/appendonlydir").glob("*.incr.aof"))
        redo = pathlib.Path(self.rig.settings["crierd"]["redis.redo_file"])
        self.rig.processes["crierd"].kill()
        with open(redo, "r+b") as file:  # as if the ring had been too small: the highest mark dropped
            file.seek(32)
            file.write((1 << 40).to_bytes(8, "little"))
        self.restart_without_the_last(min(20000, aof // 2))
        code, text = self.start_refused()
        self.assertEqual(code, 65, text)
        self.assertIn(f"remove {redo}", text)


class Damaged(RedisFault):
    def test_what_is_over_is_read_whole_before_anybody_is_answered(self):
        self.rig.sandbox_control({"channel": "all", "latency_ms": 0})
        broadcast = send(self.rig, to="role:duty_officer", channels="sms")
        shown = finish(self.rig, broadcast, 30)
        self.rig.processes["crierd"].kill()
        self.rig.restart("crierd")
        self.assertEqual(state(self.rig, broadcast), shown)
        self.rig.processes["crierd"].kill()
        key = self.rig.redis("KEYS", "{b:*}:doc")
        text = self.rig.redis("--raw", "GET", key)
        self.assertIn('"settled":true', text)
        self.rig.redis("SET", key, text[:-1])
        code, text = self.start_refused()
        self.assertEqual(code, 65, text)
        self.assertIn("broadcast 1 is damaged", text)


class Emptied(RedisFault):
    def test_a_flushed_store_is_an_emergency_stop_and_no_fresh_start(self):
        self.begin()
        self.rig.redis("FLUSHALL")
        self.assertEqual(self.daemon_ends(), 65)
        self.assertIn("event=store_lost", self.log())
        code, text = self.start_refused()
        self.assertEqual(code, 65)
        self.assertIn("the store is empty", text)
        pathlib.Path(self.rig.settings["crierd"]["redis.redo_file"]).unlink()
        self.rig.restart("crierd")
        self.assertEqual(self.rig.ctl_json("admin", "status")["recipients"], 0)

    def test_flushed_functions_are_loaded_again_at_once(self):
        broadcast = self.begin()
        self.rig.redis("FUNCTION", "FLUSH")
        put = self.rig.ctl("planner", "template", "put", ROOT / "config/templates/fire-day.json", check=False)
        self.assertEqual(put.returncode, 0, put.stderr)
        self.assertEqual(metric(self.rig, "crier_ledger_reconnects_total"), 0)
        self.ends_well(broadcast)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Failover(unittest.TestCase):
    """A master, a replica and a Sentinel. The replica is the rig's own Redis, so that the helpers read it afterwards."""

    def setUp(self):
        rig = self.rig = Rig()
        self.addCleanup(rig.stop)
        rig.make_keys(["sms-drill"])
        self.ports = ports = {name: free_port() for name in ("master", "replica", "sentinel")}
        for name in ("master", "replica"):
            folder = rig.state / name
            folder.mkdir()
            shutil.copy(ROOT / "config/redis.conf", folder)  # Sentinel has it rewritten
            with open(folder / "redis.conf", "a") as config:
                config.write(f"port {ports[name]}\ndir {folder}\nrepl-diskless-sync-delay 0\n")
        self.master = rig._start("redis-master", ["redis-server", rig.state / "master/redis.conf"], ready=False)
        self.replica = rig._start("redis", ["redis-server", rig.state / "replica/redis.conf", "--unixsocket", rig.redis_socket(),
                                            "--replicaof", "127.0.0.1", ports["master"]], ready=False)
        config = rig.state / "etc/sentinel.conf"
        config.write_text(f"port {ports['sentinel']}\nbind 127.0.0.1\nsentinel monitor crier 127.0.0.1 {ports['master']} 1\n"
                          "sentinel down-after-milliseconds crier 500\nsentinel failover-timeout crier 3000\n")
        wait_until(lambda: "master_link_status:up" in rig.redis("INFO", "replication"), "the replica to follow")
        rig._start("redis-sentinel", ["redis-server", config, "--sentinel"], ready=False)
        ask = ["redis-cli", "-p", str(ports["sentinel"]), "SENTINEL", "REPLICAS", "crier"]
        wait_until(lambda: str(ports["replica"]) in subprocess.run(ask, capture_output=True, text=True).stdout, "Sentinel to know the replica")
        rig.start_sandbox()
        rig.start_daemon(**{"redis.sentinels": f"127.0.0.1:1, 127.0.0.1:{ports['sentinel']}", "redis.master": "crier"})
        rig.start_worker("sms")
        rig.add_users()
        load(rig, 1500)
        rig.ctl("planner", "template", "put", ROOT / "config/templates/fzr-day.json")
        rig.sandbox_control({"channel": "all", "latency_ms": 20})

    def test_what_the_replica_lacked_is_written_again(self):
        broadcast = send(self.rig, channels="sms")
        wait_until(lambda: moving(self.rig, broadcast), "deliveries to flow")
        # Stopped it would still find the last writes in its socket, so its line is cut as well.
        self.replica.signal(signal.SIGSTOP)
        subprocess.run(["redis-cli", "-p", str(self.ports["master"]), "CLIENT", "KILL", "TYPE", "replica"], check=True, stdout=subprocess.DEVNULL)
        before = len(self.rig.truth())
        wait_until(lambda: len(self.rig.truth()) > before + 100, "deliveries that the replica does not hear of")
        self.master.kill()
        self.replica.signal(signal.SIGCONT)
        wait_until(lambda: metric(self.rig, "crier_ledger_restored_total") > 0, "writes to be restored", 30)
        self.assertTrue(self.rig.redis("INFO", "replication").splitlines()[1].startswith("role:master"))
        self.rig.sandbox_control({"channel": "all", "latency_ms": 0})
        shown = finish(self.rig, broadcast, 90)
        self.assertEqual(shown["state"], "finished")
        check_counts(self, shown)
        check_truth(self, self.rig, broadcast, shown)
        self.assertEqual(shown["counts"]["sms"]["unknown"], 0)


class Refused(RedisFault):
    def test_without_memory_nothing_is_lost_and_all_goes_on_when_there_is_some(self):
        broadcast = self.begin()
        self.rig.redis("CONFIG", "SET", "maxmemory", "1mb")
        wait_until(lambda: metric(self.rig, "crier_ledger_up") == 0, "refused writes to be noticed")
        put = self.rig.ctl("planner", "template", "put", ROOT / "config/templates/fire-day.json", check=False)
        self.assertNotEqual(put.returncode, 0)
        self.rig.redis("CONFIG", "SET", "maxmemory", "0")
        wait_until(lambda: metric(self.rig, "crier_ledger_up") == 1, "the ledger to go on")
        self.ends_well(broadcast)

    def test_a_server_that_would_forget_is_refused_with_the_line_to_change(self):
        self.rig.processes["crierd"].stop()
        for key, bad, good in (("maxmemory-policy", "allkeys-lru", "noeviction"), ("appendfsync", "no", "always"), ("appendonly", "no", "yes")):
            with self.subTest(key):
                self.rig.redis("CONFIG", "SET", key, bad)
                code, text = self.start_refused()
                self.assertEqual(code, 78, text)
                self.assertIn(f'"{key} {good}"', text)
                self.rig.redis("CONFIG", "SET", key, good)


if __name__ == "__main__":
    unittest.main()

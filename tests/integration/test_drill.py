"""scripts/run --once as a user would run it: the counts add up, two copies do not disturb each other, it cleans up."""
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import unittest

from rig import ROOT, wait_until

COUNTY = ["/usr/bin/python3", ROOT / "scripts/lib/county.py"]


def start(*args):
    return subprocess.Popen([*map(str, COUNTY), *args], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                            env={**os.environ, "LANG": "C.UTF-8"})


def processes_in(state):
    """Pids whose command line names the state folder."""
    found = []
    for entry in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if str(state).encode() in entry.read_bytes():
                found.append(int(entry.parent.name))
        except OSError:
            continue
    return [pid for pid in found if pid != os.getpid()]


class Drill(unittest.TestCase):
    def test_two_drills_beside_each_other_both_succeed_and_leave_nothing_behind(self):
        with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
            drills = [start("--once", "--people", "2000", "--seed", seed, "--state", folder) for seed, folder in (("1", one), ("2", two))]
            for drill in drills:
                output = drill.communicate(timeout=120)[0]
                self.assertEqual(drill.returncode, 0, output)
                self.assertRegex(output, r"2000")
            for folder in (one, two):
                self.assertEqual(processes_in(folder), [])

    def test_term_stops_exactly_what_was_started(self):
        with tempfile.TemporaryDirectory() as folder:
            drill = start("--people", "200", "--state", folder)
            seen = ""
            while "Ctrl-C" not in seen:
                line = drill.stdout.readline()
                self.assertTrue(line, f"it ended early:\n{seen}")
                seen += line
            self.assertTrue(re.search(r"http://127\.0\.0\.1:\d+/", seen), seen)
            self.assertGreaterEqual(len(processes_in(folder)), 6)
            drill.send_signal(signal.SIGTERM)
            self.assertEqual(drill.wait(60), 0)
            drill.stdout.close()
            wait_until(lambda: processes_in(folder) == [], "every process to end")

    def test_a_reader_that_goes_away_leaves_nothing_behind(self):
        with tempfile.TemporaryDirectory() as folder:
            drill = start("--people", "200", "--state", folder)
            drill.stdout.readline()
            drill.stdout.close()
            self.assertEqual(drill.wait(60), 1)
            self.assertEqual(processes_in(folder), [])


if __name__ == "__main__":
    unittest.main()

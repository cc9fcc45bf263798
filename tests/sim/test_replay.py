"""The simulator is a function of its seed: what it prints is the same every time, alone or among other runs, watched or not."""
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

SIM = pathlib.Path(os.environ["CRIER_BIN"]) / "crier-sim"
SEEDS = range(4711, 4723)
STEPS = 12000


def hash_of(*options):
    done = subprocess.run([SIM, "--json", "--steps", str(STEPS), *options], stdout=subprocess.PIPE, check=True, timeout=60)
    return int(json.loads(done.stdout)["hash"], 16)


class Replay(unittest.TestCase):
    def test_two_runs_of_one_seed_agree(self):
        hashes = {seed: hash_of("--seed", str(seed)) for seed in SEEDS}
        self.assertEqual(hashes, {seed: hash_of("--seed", str(seed)) for seed in SEEDS})
        self.assertEqual(len(set(hashes.values())), len(hashes), "different seeds, the same run")

    def test_a_run_does_not_depend_on_the_runs_before_it(self):
        alone = sum(hash_of("--seed", str(seed)) for seed in SEEDS)
        together = hash_of("--seed", str(SEEDS[0]), "--runs", str(len(SEEDS)))
        self.assertEqual(alone % 2**64, together)

    def test_being_watched_changes_nothing(self):
        with tempfile.NamedTemporaryFile() as log:
            watched = hash_of("--seed", str(SEEDS[0]), "--log", log.name)
            self.assertGreater(os.stat(log.name).st_size, 0)
        self.assertEqual(watched, hash_of("--seed", str(SEEDS[0])))


if __name__ == "__main__":
    unittest.main()

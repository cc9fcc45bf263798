"""The second judge, model.py, over a handful of runs; and that it is no judge who nods at everything."""
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
SIM = pathlib.Path(os.environ["CRIER_BIN"]) / "crier-sim"
KEPT, FRESH = range(1, 11), 10


def log_of(seed):
    with tempfile.NamedTemporaryFile("r") as log:
        subprocess.run([SIM, "--seed", str(seed), "--log", log.name], stdout=subprocess.DEVNULL, check=True, timeout=60)
        return log.read()


def judge(text):
    with tempfile.NamedTemporaryFile("w") as log:
        log.write(text)
        log.flush()
        return subprocess.run([sys.executable, HERE / "model.py", log.name], stdout=subprocess.PIPE, text=True, timeout=60, check=False)


class Model(unittest.TestCase):
    def test_runs_are_as_the_documents_say(self):
        fresh = int(time.time())
        for seed in [*KEPT, *range(fresh, fresh + FRESH)]:
            with self.subTest(seed=seed):
                verdict = judge(log_of(seed))
                self.assertEqual(verdict.returncode, 0, verdict.stdout)

    def test_a_log_that_was_tampered_with_is_seen(self):
        logs = [log_of(seed) for seed in KEPT]
        for what, old, new in (("an accepted one is lost", r"(\* end .* statuses=(?:..)*?)2[012]", r"\g<1>c0"),
                               ("one is left waiting", r"(\* end .* statuses=)..", r"\g<1>00"),
                               ("an acknowledgement nobody asked for", r"(< ack .* sequence=)\d+", r"\g<1>99"),
                               ("a submit beyond the intent", r"(\* submit .* position=)\d+", r"\g<1>255"),
                               ("an intent without limit", r"(< lease .* count=([12]\d\d) intent=)\d+", r"\g<1>\2")):
            with self.subTest(what):
                text = next(log for log in logs if re.search(old, log))
                self.assertNotEqual(judge(re.sub(old, new, text, count=1)).returncode, 0)


if __name__ == "__main__":
    unittest.main()

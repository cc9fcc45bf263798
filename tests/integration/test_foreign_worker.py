"""A worker written from docs/protocol.md alone, in another language, does a broadcast: the protocol is public."""
import subprocess
import unittest

from county import check_counts, county, finish, send
from rig import ROOT, Process


class ForeignWorker(unittest.TestCase):
    def test_it_finishes_a_broadcast_alone(self):
        rig = county(people=700)
        self.addCleanup(rig.stop)
        self.assertEqual(rig.processes["mail-drill"].stop(), 0)
        argv = ["/usr/bin/python3", ROOT / "tests/integration/worker.py", "--name", "mail-drill", "--channel", "mail", "--class", "drill",
                "--endpoint", rig.processes["crierd"].facts["wire"], "--server-key-file", rig.keys / "crierd",
                "--secret-key-file", rig.keys / "mail-drill_secret"]
        foreign = Process("foreign", argv, rig.state / "log").start(ready=False)
        self.addCleanup(foreign.stop)
        shown = finish(rig, send(rig, channels="mail"))
        check_counts(self, shown)
        self.assertGreater(shown["counts"]["mail"]["delivered"], 0)
        self.assertEqual(shown["counts"]["mail"]["unknown"], 0)


if __name__ == "__main__":
    unittest.main()

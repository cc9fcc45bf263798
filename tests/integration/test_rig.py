"""The rig does not let a sanitizer's report pass, whatever became of the process that made it."""
import unittest

from rig import Rig, RigError

REPORTS = {
    "race": "WARNING: ThreadSanitizer: data race (pid=1)\n  Write of size 8 at 0x7b04 by thread T14:\n",
    "leak": "==1==ERROR: LeakSanitizer: detected memory leaks\n",
    "overflow": "../../common/cr_id.c:7:3: runtime error: signed integer overflow\n",
}


class Reports(unittest.TestCase):
    def stop_after(self, text):
        rig = Rig()
        log = rig.state / "log/crierd.log"
        log.write_text(f"<6>event=started\n{text}<6>event=stopped\n")
        try:
            rig.stop()
        finally:
            log.unlink(missing_ok=True)
            rig.keep = False
            rig.stop()

    def test_a_report_in_a_log_is_raised_at_the_end(self):
        for name, text in REPORTS.items():
            with self.subTest(name), self.assertRaisesRegex(RigError, text.splitlines()[0].split(": ", 1)[1][:20]):
                self.stop_after(text)

    def test_an_ordinary_error_in_a_log_is_not(self):
        self.stop_after("<3>event=redis_away reason=\"ERROR: Redis: runtime error\"\n")


if __name__ == "__main__":
    unittest.main()

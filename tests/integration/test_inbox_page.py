"""The inbox page in a real browser: the three messages of one resident as that person would read them."""
import json
import os
import shutil
import subprocess
import tempfile
import unittest
import urllib.request

from county import county, finish, send

BROWSER = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
           "--disable-component-update", "--disable-sync", "--virtual-time-budget=8000", "--window-size=1280,900"]


def dump(url):
    with tempfile.TemporaryDirectory() as profile:
        done = subprocess.run(["chromium", *BROWSER, f"--user-data-dir={profile}", "--dump-dom", url], capture_output=True, text=True, timeout=90)
    return done.stdout


class InboxPage(unittest.TestCase):
    def test_a_resident_sees_sms_card_and_mail(self):
        self.assertTrue(shutil.which("chromium"), "chromium is needed")
        rig = county(people=150)
        self.addCleanup(rig.stop)
        finish(rig, send(rig))
        recent = json.loads(urllib.request.urlopen(rig.sandbox_url() + "/inbox/recent?limit=200").read())
        items = recent["items"] if isinstance(recent, dict) else recent
        self.assertGreater(len(items), 50)
        page = dump(rig.sandbox_url() + "/?lang=zh")
        self.assertIn("【平阴科普】", page)
        self.assertIn("演练", page)
        self.assertIn("防灾减灾", page)
        if os.environ.get("CRIER_SCREENSHOT"):
            with tempfile.TemporaryDirectory() as profile:
                subprocess.run(["chromium", *BROWSER, f"--user-data-dir={profile}", f"--screenshot={os.environ['CRIER_SCREENSHOT']}",
                                rig.sandbox_url() + "/?lang=zh"], check=True, capture_output=True, timeout=90)


if __name__ == "__main__":
    unittest.main()

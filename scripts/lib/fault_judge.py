"""The gateways' own record against the ledger's bytes, rank by rank."""
import collections
import re

from rig import ROOT

STATUS = {int(value): (name, group) for value, name, group in re.findall(
    r'^STATUS\((\d+), \w+, "(\w+)", (\w+),', (ROOT / "common/status.def").read_text(), re.MULTILINE)}
CHANNEL_OF = {"s": "sms", "w": "wechat", "m": "mail"}
UNSENT = {"WAITING", "RETRY", "SUPPRESSED", "EXPIRED", "CANCELLED"}
MOVING = {"WAITING", "RETRY", "ACCEPTED"}


class Truth:
    """Reads what the gateways accepted since the last look; broadcasts that were judged are forgotten."""

    def __init__(self, rig):
        self.path = rig.state / "sandbox/accepted.log"
        self.at = 0
        self.accepted = collections.defaultdict(collections.Counter)  # (broadcast, channel) -> rank -> times

    def size(self):
        return self.path.stat().st_size if self.path.exists() else 0

    def deliveries(self):
        """How many deliveries were accepted of broadcasts that were not judged yet."""
        self.read()
        return sum(len(ranks) for ranks in self.accepted.values())

    def read(self):
        if not self.size():
            return
        with open(self.path, "rb") as log:
            log.seek(self.at)
            whole, newline, _ = log.read().rpartition(b"\n")
        self.at += len(whole) + len(newline)
        for line in whole.decode().splitlines():
            reference = line.split()[2]
            if reference != "-":
                number, letter, rank, *_ = reference.split(".")
                self.accepted[number, CHANNEL_OF[letter]][int(rank)] += 1


def second_time(channel, lane):
    """What it is when a gateway accepts a delivery again. In the emergency lane all that is unknown is sent again; elsewhere
    only through gateways that recognise the repetition, and there it counts against the bound of what may be unknown."""
    return "resent" if lane == "emergency" else "sent_twice" if channel == "sms" else "repeated"


def judge_channel(accepted, stored, second):
    """Counts of what broke, and of what was allowed, on one channel of one finished broadcast. A lease of the emergency lane waits for
    no intent: what is in doubt of it has no bound, is sent again, or is unknown when it cannot be any more."""
    unknown = "resent" if second == "resent" else "unknown"
    found = collections.Counter(deliveries=len(stored))
    for rank, byte in enumerate(stored):
        group = STATUS[byte][1] if byte in STATUS else "DAMAGED"
        times = accepted.get(rank, 0)
        wrong = (group in MOVING or group == "DAMAGED" or (times > 0 and group in UNSENT | {"FAILED"})
                 or (times == 0 and group == "DELIVERED"))
        found["lost"] += wrong
        found[unknown] += group == "UNKNOWN"
        found[second] += max(0, times - 1)
    return found


def judge(truth, rig, shown):
    """The same over all channels of a broadcast as the API shows it; G2 is checked on the way."""
    found, number = collections.Counter(), shown["id"].removeprefix("B-")
    for channel, counts in shown["counts"].items():
        total = shown["audience"]
        stored = rig.status_bytes(shown["id"], channel, total)
        one = judge_channel(truth.accepted.pop((number, channel), {}), stored, second_time(channel, shown["lane"]))
        groups = collections.Counter(STATUS[byte][1].lower() for byte in stored if byte in STATUS)
        wrong_sum = counts["total"] != total or any(counts[name] != groups[name] for name in
                                                    ("delivered", "failed", "suppressed", "expired", "cancelled", "unknown"))
        one["lost"] += wrong_sum
        found += one
    return found

#!/usr/bin/env python3
"""A slow second judge of what crier-sim did: model.py LOG

It is written from docs/guarantees.md and docs/protocol.md and knows nothing of the core's code. It reads the log of one run
(crier-sim --seed N --log FILE), keeps every fact about every delivery, judges leases, acknowledgements and submits as they come,
and at the end which statuses the facts allow. Exit code 1 and a line for each contradiction.
"""
import collections
import pathlib
import re
import sys

STATUS_DEF = pathlib.Path(__file__).resolve().parents[2] / "common/status.def"
NAMES = dict((int(value), name) for value, name in re.findall(r'^STATUS\((\d+), (\w+),', STATUS_DEF.read_text(), re.M))
CODES = {name: value for value, name in NAMES.items()}
ACCEPTED, UNKNOWN, WAITING, EXPIRED = CODES["ACCEPTED"], CODES["UNKNOWN"], CODES["WAITING"], CODES["EXPIRED"]
DELIVERED, HANDED, UNCONFIRMED, PRESUMED = (CODES[n] for n in ("DELIVERED", "HANDED", "UNCONFIRMED", "PRESUMED"))
RETRY, ATTEMPTS, CANCELLED = CODES["RETRY_1"], CODES["FAILED_ATTEMPTS"], CODES["CANCELLED"]
FAILED = {value for value, name in NAMES.items() if name.startswith("FAILED_")}
SUPPRESSED = {value for value, name in NAMES.items() if name.startswith("SUPPRESSED_")}
OPEN = {value for value, name in NAMES.items() if name == "WAITING" or name.startswith("RETRY_")}
BLOCK, EMERGENCY = 256, 0


class Delivery:
    def __init__(self):
        self.submits = self.accepted = self.reported_ends = 0
        self.said, self.proven, self.receipts, self.proven_receipts = set(), set(), set(), set()
        self.copies = set()  # submits whose acceptance was acknowledged, as the gateway tells them apart
        self.intended = self.lied = self.opted_out = False


class Lease:
    def __init__(self, worker, broadcast, channel, first, offsets, attempts, intent, free, life):
        self.worker, self.broadcast, self.channel, self.free = worker, broadcast, channel, free
        self.ranks = [first + offset for offset in offsets]
        self.block = first // BLOCK
        self.attempts, self.allowed, self.life = attempts, intent, life
        self.asked, self.told, self.outcomes, self.copies = {}, {}, {}, {}  # by sequence; by position
        self.proven, self.last_said, self.lost = 0, False, False


class Broadcast:
    def __init__(self, facts):
        self.lane, self.total, self.channels = int(facts["lane"]), int(facts["total"]), int(facts["channels"])
        self.resend, self.expires = facts["resend"] == "1", int(facts["expires"])
        self.paused = facts["paused"] == "1"
        self.cancelled = self.resent = self.presumed = self.done = False
        self.deliveries = collections.defaultdict(Delivery)  # by (channel, rank)


class Model:
    def __init__(self):
        self.broadcasts, self.leases, self.holders, self.grants = {}, {}, {}, {}
        self.workers, self.batches, self.told = {}, collections.defaultdict(list), set()
        self.wall = self.life = self.crashes = self.judged = 0
        self.last = None  # the lease or report whose next line is due
        self.wrong = []
        self.where = ""

    def demand(self, holds, text):
        if not holds:
            self.wrong.append(f"{self.where}: {text}")

    # ---- the daemon and its users

    def on_daemon(self, facts, flags):
        self.life += 1
        self.holders = {}

    def on_crash(self, facts, flags):
        self.crashes += 1

    def on_tick(self, facts, flags):
        self.wall = max(self.wall, int(facts["wall"]))

    def on_start(self, facts, flags):
        number = int(facts["broadcast"])
        if number in self.broadcasts:  # taken up again
            self.broadcasts[number].done = False
        else:
            self.broadcasts[number] = Broadcast(facts)

    def on_pause(self, facts, flags):
        self.broadcasts[int(facts["broadcast"])].paused = True

    def on_resume(self, facts, flags):
        self.broadcasts[int(facts["broadcast"])].paused = False

    def on_cancelled(self, facts, flags):
        self.broadcasts[int(facts["broadcast"])].cancelled = True

    def on_order(self, facts, flags):
        broadcast = self.broadcasts[int(facts["broadcast"])]
        broadcast.resent |= "resend" in flags
        broadcast.presumed |= "accept" in flags

    def on_opt_out(self, facts, flags):
        self.broadcasts[int(facts["broadcast"])].deliveries[int(facts["channel"]), int(facts["rank"])].opted_out = True

    def on_done(self, facts, flags):
        broadcast = self.broadcasts[int(facts["broadcast"])]
        self.demand(not broadcast.done, "done is said twice")
        broadcast.done = True

    # ---- leases: protocol section 3

    def on_hello(self, facts, flags):
        self.workers[facts["worker"]] = (int(facts["window"]), facts["idempotent"] == "1")

    def on_grant(self, facts, flags):
        """Decided on, not yet sent; known only to who looks into the daemon."""
        self.grants[facts["lease"]] = facts

    def on_lease(self, facts, flags):
        self.last = facts, "free" in flags
        # The stored intent covers those that found no room in the frame, until the shorter record is stored.
        granted = self.grants.get(facts["lease"])
        for offset in bytes.fromhex(granted["offsets"])[:int(facts["intent"])] if granted else ():
            key = int(facts["channel"]), int(facts["first"]) + offset
            self.broadcasts[int(facts["broadcast"])].deliveries[key].intended = True

    def on_offsets(self, facts, flags):
        self.last += (bytes.fromhex(flags[0] if flags else ""),)

    def on_attempts(self, facts, flags):
        (facts, free, offsets), attempts = self.last, bytes.fromhex(flags[0] if flags else "")
        if not offsets:
            return  # it did not leave
        number, channel = int(facts["broadcast"]), int(facts["channel"])
        lease = Lease(facts["worker"], number, channel, int(facts["first"]), offsets, attempts,
                      min(int(facts["intent"]), len(offsets)), free, self.life)
        broadcast = self.broadcasts[number]
        self.demand(facts["lease"] not in self.leases, "a lease number is used again")
        self.demand(not (broadcast.cancelled or broadcast.paused or broadcast.done), "leased although it is stopped")
        self.demand(list(offsets) == sorted(set(offsets)), "positions do not ascend")
        self.demand(max(lease.ranks) < broadcast.total, "a rank beyond the audience")
        self.demand(free == (broadcast.lane == EMERGENCY), "only the emergency lane runs freely")
        self.demand(lease.allowed <= 2 * self.workers[lease.worker][0], "a first intent of more than two windows")
        holder = self.holders.get((number, channel, lease.block))
        self.demand(not holder or holder.last_said or holder.lost, "a block is out twice")
        for rank, attempt in zip(lease.ranks, attempts):
            delivery = broadcast.deliveries[channel, rank]
            known = delivery.proven & {ACCEPTED, HANDED}
            self.demand(not known, f"rank {rank} is known to be accepted and leased again")
            self.demand(1 <= attempt <= 1 + delivery.reported_ends + broadcast.resent, f"rank {rank} has attempt {attempt}")
        self.leases[facts["lease"]] = self.holders[number, channel, lease.block] = lease
        self.intend(lease, len(offsets) if free else lease.allowed)

    def on_restore(self, facts, flags):
        if facts["lease"] in self.leases:
            self.intend(self.leases[facts["lease"]], int(facts["intent"]))
        for delivery in self.granted(facts["lease"])[:int(facts["intent"])]:
            delivery.intended = True  # the daemon cannot know that it never left

    def on_lost(self, facts, flags):
        lease = self.leases.get(facts["lease"])
        if lease:
            lease.lost = True
            uncertain = int(facts["unknown"]) + int(facts["resent"])
            self.demand(lease.free or uncertain <= 2 * self.workers[lease.worker][0], "more unknown than two windows")
            for position in range(len(lease.ranks)):  # where what is unknown is sent again, the attempt counts
                self.delivery(lease, position).reported_ends += 1
        for delivery in self.granted(facts["lease"]):
            delivery.reported_ends += 1

    def granted(self, number):
        """Deliveries of a lease that was decided on and never seen to leave."""
        grant = None if number in self.leases else self.grants.get(number)
        if not grant:
            return []
        deliveries = self.broadcasts[int(grant["broadcast"])].deliveries
        return [deliveries[int(grant["channel"]), int(grant["first"]) + offset] for offset in bytes.fromhex(grant["offsets"])]

    def intend(self, lease, until):
        for rank in lease.ranks[:until]:
            self.broadcasts[lease.broadcast].deliveries[lease.channel, rank].intended = True

    # ---- submits and reports: protocol section 4

    def delivery(self, lease, position):
        return self.broadcasts[lease.broadcast].deliveries[lease.channel, lease.ranks[position]]

    def on_submit(self, facts, flags):
        lease, position = self.leases[facts["lease"]], int(facts["position"])
        self.demand(position < len(lease.ranks), "submitted what is not in the lease")
        if position >= len(lease.ranks):
            return
        broadcast, delivery = self.broadcasts[lease.broadcast], self.delivery(lease, position)
        heard, accepted = int(facts["heard"]), facts["accepted"] == "1"
        self.demand(lease.free or position < lease.allowed, "submitted beyond the intent")
        delivery.submits += 1
        lease.copies[position] = facts["copy"]
        delivery.lied |= heard == RETRY and accepted
        delivery.accepted += accepted
        forgotten = broadcast.lane == EMERGENCY
        self.demand(delivery.accepted <= 1 or broadcast.resend or broadcast.resent or forgotten or delivery.lied,
                    f"rank {lease.ranks[position]} is accepted twice")

    def on_report(self, facts, flags):
        self.last = facts, "last" in flags

    def on_outcomes(self, facts, flags):
        (facts, last), outcomes = self.last, bytes.fromhex(flags[0] if flags else "")
        lease, sequence = self.leases[facts["lease"]], int(facts["sequence"])
        first = sequence not in lease.told
        lease.asked[sequence], lease.told[sequence] = int(facts["intent"]), int(facts["until"])
        lease.last_said |= last
        self.intend(lease, int(facts["intent"]))
        for position, outcome in enumerate(outcomes, int(facts["from"])):
            delivery = self.delivery(lease, position)
            delivery.said.add(outcome)
            delivery.reported_ends += first and outcome in (RETRY, UNKNOWN, EXPIRED)
            lease.outcomes[position] = outcome

    def on_ack(self, facts, flags):
        lease, sequence, intent = self.leases[facts["lease"]], int(facts["sequence"]), int(facts["intent"])
        self.demand(sequence in lease.told, "acknowledges what nobody reported")
        told, ended = lease.told.get(sequence, 0), lease.last_said
        self.demand(ended or intent <= max([lease.allowed, *lease.asked.values()]), "grants more than anybody asked for")
        self.demand(ended or intent <= max(lease.allowed, told + 2 * self.workers[lease.worker][0]), "grants more than two windows")
        lease.allowed = max(lease.allowed, intent)
        for position in range(lease.proven, told):
            delivery = self.delivery(lease, position)
            delivery.proven.add(lease.outcomes[position])
            if lease.outcomes[position] == ACCEPTED:
                delivery.copies.add(lease.copies[position])
        lease.proven = max(lease.proven, told)

    # ---- receipts: protocol section 5

    def on_receipt(self, facts, flags):
        broadcast = self.broadcasts.get(int(facts["broadcast"]))
        if not broadcast:
            return
        delivery, outcome = broadcast.deliveries[int(facts["channel"]), int(facts["rank"])], int(facts["outcome"])
        delivery.receipts.add(outcome)
        # One that overtook its submit's answer is acknowledged although it is only kept.
        if (facts["batch"], delivery) not in self.told and facts["copy"] in delivery.copies:
            self.batches[facts["batch"]].append((broadcast, delivery, outcome))
        self.told.add((facts["batch"], delivery))

    def on_receipts_ack(self, facts, flags):
        for broadcast, delivery, outcome in self.batches.pop(facts["batch"], ()):
            if broadcast.done:  # a daemon that started later does not know it
                continue
            delivery.proven_receipts.add(outcome)

    # ---- the end: guarantees G2, G3

    def on_end(self, facts, flags):
        number, channel, statuses = int(facts["broadcast"]), int(facts["channel"]), bytes.fromhex(facts["statuses"])
        broadcast = self.broadcasts[number]
        self.demand(len(statuses) == broadcast.total, "the counts do not add up to the audience")
        for rank, status in enumerate(statuses):
            self.judged += 1
            wrong = self.contradiction(broadcast, broadcast.deliveries[channel, rank], status)
            self.demand(not wrong, f"broadcast {number} channel {channel} rank {rank} is {NAMES.get(status, status)}: {wrong}")

    def contradiction(self, broadcast, delivery, status):
        """None, or why the facts do not allow it."""
        forgotten = broadcast.lane == EMERGENCY and self.crashes > 0
        excused = delivery.lied or forgotten
        unsent = None if not delivery.accepted or excused else "but a gateway accepted it"
        sent_well = {DELIVERED, HANDED, UNCONFIRMED}
        if status not in NAMES or status in OPEN or status == ACCEPTED:
            return "which is no end"
        if delivery.proven & {ACCEPTED, HANDED} and status not in sent_well | (FAILED & delivery.receipts):
            return "but its acceptance was acknowledged"
        if DELIVERED in delivery.proven_receipts and status != DELIVERED:
            return "but the receipt of its delivery was acknowledged"
        if status == DELIVERED:
            return None if DELIVERED in delivery.receipts else "but no receipt said so"
        if status in (HANDED, UNCONFIRMED):
            return None if delivery.said & {HANDED if status == HANDED else ACCEPTED} else "but no worker reported so"
        if status == PRESUMED:
            return None if broadcast.presumed else "but nobody ordered it"
        if status == UNKNOWN:
            return None if delivery.submits or delivery.intended or broadcast.lane == EMERGENCY else "but it was never to be submitted"
        if status == ATTEMPTS:
            return unsent if delivery.said & {RETRY, EXPIRED, UNKNOWN} else "but no attempt was reported"
        if status in FAILED & delivery.receipts:
            return None
        if status in FAILED:
            return unsent if status in delivery.said else "but nobody said so"
        if status in SUPPRESSED:
            return unsent if delivery.opted_out else "but nobody opted out"
        if status == EXPIRED:
            return unsent if 0 < broadcast.expires <= self.wall else "but it has not expired"
        return unsent if broadcast.cancelled else "but nobody cancelled it"

    def read(self, line):
        step, _, mark, word, *rest = line.split()
        handler = getattr(self, f"on_{word}", None) if mark in "><*" else None
        if handler and not (mark == "*" and word == "crash"):
            self.where = f"step {step}"
            facts = dict(item.split("=", 1) for item in rest if "=" in item)
            handler(facts, [item for item in rest if "=" not in item])


def main():
    model = Model()
    with open(sys.argv[1], encoding="ascii") as log:
        for line in log:
            model.read(line)
    for wrong in model.wrong[:20]:
        print(wrong)
    print(f"{model.judged} deliveries in {len(model.leases)} leases judged, {len(model.wrong)} contradictions")
    return 1 if model.wrong or model.judged == 0 else 0


if __name__ == "__main__":
    sys.exit(main())

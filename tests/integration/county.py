"""What several integration tests need: a rig with a small county loaded, and broadcasts that finish."""
import subprocess

from rig import ROOT, USERS, Rig, wait_until

VARIABLES = {"fzr-day": ["--var", "place=文化广场", "--var", "time=5月12日10时"]}
FINAL = ("delivered", "failed", "suppressed", "expired", "cancelled")


def county(people=300, real=False, **kwargs):
    """A started rig with users, templates and people; the caller stops it."""
    rig = Rig(**kwargs)
    try:
        rig.start(real=real)
        rig.add_users()
        load(rig, people)
        for template in sorted((ROOT / "config/templates").glob("*.json")):
            rig.ctl("planner", "template", "put", template)
    except BaseException:
        rig.keep = True
        rig.stop()
        raise
    return rig


def load(rig, people, seed=1):
    csv = rig.state / "county.csv"
    subprocess.run([ROOT / "scripts/make-county", "--people", str(people), "--seed", str(seed), "--output", csv], check=True)
    return rig.ctl_json("operator", "recipients", "import", csv)


def draft(rig, *args, to="all", template="fzr-day", channels="sms,wechat,mail", drill=True):
    return rig.ctl_json("planner", "broadcast", "draft", "--template", template, "--to", to, "--channels", channels,
                        *(["--drill"] if drill else []), *VARIABLES.get(template, []), *args)["id"]


def send(rig, *args, **kwargs):
    """Drafts, approves and sends; the id."""
    broadcast = draft(rig, *args, **kwargs)
    rig.ctl("approver", "approve", broadcast)
    rig.ctl("planner", "send", broadcast)
    return broadcast


def state(rig, broadcast):
    return rig.ctl_json("operator", "status", broadcast)


def finish(rig, broadcast, deadline_s=60):
    """Waits for the end; the broadcast as the API shows it."""
    wait_until(lambda: state(rig, broadcast)["state"] in ("finished", "cancelled", "expired"), f"{broadcast} to end", deadline_s)
    return state(rig, broadcast)


def settled(counts):
    return sum(counts[name] for name in FINAL) + counts["unknown"]


def check_counts(case, shown):
    """G2: every channel adds up to the audience, every reason to its class."""
    for channel, counts in shown["counts"].items():
        case.assertEqual(counts["total"], shown["audience"], channel)
        case.assertEqual(settled(counts), counts["total"], f"{channel}: {counts}")
        for name in ("failed", "suppressed"):
            reasons = sum(n for reason, n in counts["reasons"].items() if reason.startswith(name + "_"))
            case.assertEqual(reasons, counts[name], f"{channel}: {counts}")


UNSENT = (*range(0, 8), *range(128, 134), 192, 193)  # waiting, retry, suppressed, expired, cancelled
DELIVERED = (32, 33, 34)


def check_truth(case, rig, broadcast, shown, twice_allowed=()):
    """The gateways' own record against the stored bytes, rank by rank: nothing accepted twice on channels without an
    idempotency key, nothing accepted that the ledger calls unsent, nothing delivered that no gateway accepted."""
    accepted = {channel: [] for channel in shown["counts"]}
    letters = {channel[0]: channel for channel in accepted}
    for _, reference in rig.truth():
        number, letter, rank, *_ = reference.split(".")
        if number == broadcast.removeprefix("B-"):
            accepted[letters[letter]].append(int(rank))
    for channel, ranks in accepted.items():
        stored = rig.status_bytes(broadcast, channel, shown["counts"][channel]["total"])
        if channel not in twice_allowed:
            case.assertEqual(len(ranks), len(set(ranks)), f"{channel}: accepted twice")
        lost = [rank for rank in set(ranks) if stored[rank] in UNSENT]
        case.assertEqual(lost, [], f"{channel}: accepted by the gateway, unsent in the ledger")
        invented = {rank for rank, status in enumerate(stored) if status in DELIVERED} - set(ranks)
        case.assertEqual(invented, set(), f"{channel}: delivered in the ledger, never accepted by the gateway")

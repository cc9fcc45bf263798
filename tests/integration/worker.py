"""A second worker, written from docs/protocol.md and common/crier.proto alone: the protocol is public.

Its gateway is a list in memory that takes everything and gives no receipts.
"""
import argparse
import html
import pathlib
import re
import signal
import sys
import time

import zmq
import zmq.auth

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import crier_pb  # noqa: E402

pb = crier_pb.load()
VERSION = 1
CHANNELS = ("sms", "wechat", "mail")
WAITING, HANDED, EXPIRED = 0, 33, 192  # common/status.def
WINDOW = 16
REPEAT_S = 1.0
DRAIN_S = 10.0
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def say(text):
    print(f"worker.py: {text}", file=sys.stderr, flush=True)


def values_of(pool):
    """The values of a Pool: the bytes one after the other, cut by their lengths."""
    at, values = 0, []
    for length in pool.lengths:
        values.append(pool.bytes[at:at + length].decode())
        at += length
    return values


def pool(values):
    """A Pool of texts, or of bytes."""
    values = [value.encode() if isinstance(value, str) else value for value in values]
    return pb.Pool(lengths=[len(value) for value in values], bytes=b"".join(values))


def fill(text, values, escape=lambda value: value):
    """{name} becomes its value; {{ and }} stand for braces."""
    return re.sub(r"\{\{|\}\}|\{([^{}]*)\}",
                  lambda m: m[0][0] if m[1] is None else escape(values[m[1]]), text)


def reference(lease, position):
    digits, number = "", lease.broadcast
    for _ in range(8):
        digits, number = CROCKFORD[number % 32] + digits, number // 32
    rank = lease.first_rank + lease.offsets[position]
    return f"{digits}.{CHANNELS[lease.channel][0]}.{rank}.{lease.attempts[position]}"


class Lease:
    """One lease: what was submitted, what was reported, how far the daemon lets us go."""

    def __init__(self, message, others):
        self.message = message
        self.others = others   # how many of the other leases are exposed
        self.size = len(message.offsets)
        self.addresses = values_of(message.addresses)
        self.columns = {column.name: values_of(column.values) for column in message.columns}
        self.next = 0          # the position that is submitted next
        self.allowed = message.intent  # positions below this may be submitted
        self.outcomes = []     # (position, status) not reported yet
        self.first_unreported = 0.0
        self.reported = 0      # outcomes in reports so far
        self.intent = message.intent  # the last one reported, or as much of it as was granted
        self.sequence = 0
        self.outstanding = None  # the report that waits for its Ack, and when it was sent
        self.sent_at = 0.0
        self.stopped = False   # nothing more is submitted

    def may_submit(self):
        limit = self.size if self.message.free_running else self.allowed
        return not self.stopped and self.next < min(limit, self.size)

    def note(self, status, now):
        if not self.outcomes:
            self.first_unreported = now
        self.outcomes.append((self.next, status))
        self.next += 1

    def is_complete(self):
        return self.stopped or self.next == self.size

    def exposed(self):
        """How many of it a crash would leave in doubt."""
        return max(0, self.intent - self.reported)

    def wanted_intent(self):
        """All leases together at most two windows beyond the outcomes reported."""
        limit = self.reported + len(self.outcomes) + max(0, 2 * WINDOW - self.others())
        return self.intent if self.stopped else max(self.intent, min(self.size, limit))

    def is_due(self, now, welcome):
        if self.outstanding:
            return False
        late = self.outcomes and now - self.first_unreported >= welcome.report_ms / 1000
        must_grow = self.wanted_intent() > self.intent and self.allowed - self.next < WINDOW
        return self.is_complete() or must_grow or late or len(self.outcomes) >= welcome.report_outcomes

    def report(self, now):
        self.intent = self.wanted_intent()
        self.sequence += 1
        self.outstanding = pb.Report(
            lease=self.message.lease, sequence=self.sequence, intent=self.intent, last=self.is_complete(),
            positions=bytes(position for position, _ in self.outcomes), outcomes=bytes(status for _, status in self.outcomes))
        self.reported += len(self.outcomes)
        self.outcomes = []
        self.sent_at = now
        return self.outstanding


class Worker:
    def __init__(self, options):
        self.options = options
        self.drill = getattr(options, "class") == "drill"
        self.leases = {}
        self.mailbox = []      # what the "gateway" took
        self.welcome = None
        self.leaving = 0.0     # when TERM came
        self.socket = None
        self.heard = self.spoke = 0.0
        self.replies_taken = set()  # numbers of batches

    # -- transport --------------------------------------------------------------------------------

    def connect(self):
        if self.socket:
            self.socket.close()
        public, secret = zmq.auth.load_certificate(self.options.secret_key_file)
        self.socket = zmq.Context.instance().socket(zmq.DEALER)
        self.socket.linger = 1000
        self.socket.identity = self.options.name.encode()
        self.socket.curve_publickey, self.socket.curve_secretkey = public, secret
        self.socket.curve_serverkey = zmq.auth.load_certificate(self.options.server_key_file)[0]
        self.socket.connect(self.options.endpoint)
        self.heard = time.monotonic()
        self.hello()

    def send(self, **body):
        self.spoke = time.monotonic()
        self.socket.send(pb.Frame(version=VERSION, **body).SerializeToString())

    def hello(self):
        gateway = pb.Gateway(name=f"list-{self.options.channel}", drill=self.drill, window=WINDOW)
        self.send(hello=pb.Hello(worker=self.options.name, channel=CHANNELS.index(self.options.channel), gateway=gateway,
                                 credit=2, urgent_credit=1, held=list(self.leases), version="worker.py"))

    # -- what the daemon says ---------------------------------------------------------------------

    def on_welcome(self, welcome):
        self.welcome = welcome
        for lease in welcome.dropped:
            if lease in self.leases:
                self.leases[lease].stopped = True

    def on_lease(self, message):
        lease = self.leases.setdefault(
            message.lease, Lease(message, lambda: sum(other.exposed() for other in self.leases.values() if other.message.lease != message.lease)))
        if self.leaving:
            lease.stopped = True

    def on_ack(self, ack):
        lease = self.leases.get(ack.lease)
        if not lease or not lease.outstanding or ack.sequence != lease.outstanding.sequence:
            return
        lease.allowed = lease.intent = max(lease.allowed, ack.intent)
        if lease.outstanding.last:
            del self.leases[ack.lease]
        lease.outstanding = None

    def on_revoke(self, revoke):
        if revoke.lease in self.leases:
            self.leases[revoke.lease].stopped = True

    def on_ping(self, ping):
        self.send(pong=pb.Pong(stamp=ping.stamp))

    def on_refusal(self, refusal):
        say(f"refused: {pb.Refusal.Reason.Name(refusal.reason)} {refusal.text}")
        if refusal.reason == pb.Refusal.UNKNOWN_WORKER:
            self.hello()
        elif refusal.reason == pb.Refusal.UNKNOWN_LEASE:
            self.leases.pop(refusal.lease, None)
        elif refusal.reason in (pb.Refusal.WRONG_NAME, pb.Refusal.BAD_VERSION):
            sys.exit(1)

    def receive(self):
        while self.socket.poll(0):
            frame = pb.Frame.FromString(self.socket.recv())
            self.heard = time.monotonic()
            body = frame.WhichOneof("body")
            handler = getattr(self, f"on_{body}", None)
            if frame.version == VERSION and handler:
                handler(getattr(frame, body))

    # -- what residents say -----------------------------------------------------------------------

    def say_replies(self, batch, *replies):
        """Each reply is (kind, address, text); the whole is repeated by whoever waits for it."""
        self.send(replies=pb.Replies(batch=batch, kinds=bytes(kind for kind, _, _ in replies),
                                     addresses=pool(address for _, address, _ in replies),
                                     texts=pool(text for _, _, text in replies)))

    def on_replies_ack(self, ack):
        self.replies_taken.add(ack.batch)

    # -- work -------------------------------------------------------------------------------------

    def message_for(self, lease, position):
        message = lease.message
        wording = message.wordings[message.wording[position] if message.wording else 0]
        values = {name: column[position] for name, column in lease.columns.items()}
        return {"to": lease.addresses[position], "subject": fill(wording.subject, values), "text": fill(wording.text, values),
                "html": fill(wording.html, values, html.escape)}

    def submit(self, lease):
        """To the gateway, which takes everything."""
        if lease.message.drill != self.drill:
            say(f"lease {lease.message.lease} is not for a {'drill' if self.drill else 'real'} gateway")
            return WAITING
        if time.time() * 1e6 > lease.message.expires_us:
            return EXPIRED
        self.mailbox.append((reference(lease.message, lease.next), self.message_for(lease, lease.next)))
        return HANDED

    def work(self):
        """One submit of the most urgent lane. True: there may be more."""
        ready = [lease for lease in self.leases.values() if lease.may_submit()]
        if not ready:
            return False
        lease = min(ready, key=lambda one: one.message.lane)
        lease.note(self.submit(lease), time.monotonic())
        return True

    def report(self):
        now = time.monotonic()
        for lease in self.leases.values():
            if lease.is_due(now, self.welcome):
                self.send(report=lease.report(now))
            elif lease.outstanding and now - lease.sent_at >= REPEAT_S:
                lease.sent_at = now
                self.send(report=lease.outstanding)

    def keep_alive(self):
        now = time.monotonic()
        if now - self.heard > self.welcome.lease_ms / 1000:
            self.connect()
        elif now - self.spoke > self.welcome.heartbeat_ms / 2000:
            self.send(ping=pb.Ping(stamp=int(now * 1e6)))

    def leave(self, *_):
        if not self.leaving:
            self.leaving = time.monotonic()
            self.send(bye=pb.Bye())
            for lease in self.leases.values():
                lease.stopped = True

    def is_done(self):
        return self.leaving and (not self.leases or time.monotonic() - self.leaving > DRAIN_S)

    def run(self):
        self.connect()
        signal.signal(signal.SIGTERM, self.leave)
        while not self.is_done():
            self.receive()
            if not self.welcome:
                if not self.socket.poll(1000):
                    self.hello()
                continue
            busy = self.work()
            self.report()
            self.keep_alive()
            if not busy:
                self.socket.poll(5)
        say(f"{len(self.mailbox)} messages were taken")
        return 0 if not self.leases else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("--name", "--endpoint", "--server-key-file", "--secret-key-file"):
        parser.add_argument(name, required=True)
    parser.add_argument("--channel", required=True, choices=CHANNELS)
    parser.add_argument("--class", required=True, choices=("drill", "real"))
    return Worker(parser.parse_args()).run()


if __name__ == "__main__":
    sys.exit(main())

"""Mail relays that misbehave: each mail that counts as delivered has arrived, under one Message-ID however often."""
import asyncio
import email
import email.policy
import threading
import unittest

from county import county, finish, send, state
from rig import wait_until

EHLO = b"250-relay.test\r\n250-PIPELINING\r\n250 ENHANCEDSTATUSCODES\r\n"
HUGE = b"".join(b"250-%06d %s\r\n" % (i, b"x" * 1000) for i in range(10_000))
MAILS_BEFORE_421 = 3


class HangUp(Exception):
    pass


class Relay:
    """A mail server in a thread; `says` is asked before each reply and may give another one."""

    def __init__(self, says=lambda session, verb, reply: reply, bytewise=False):
        self.says, self.bytewise = says, bytewise
        self.identifiers, self.connections = [], 0
        self.loop = asyncio.new_event_loop()
        self.server = self.loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0, limit=1 << 20))
        self.port = self.server.sockets[0].getsockname()[1]
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()

    def stop(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.server.close()
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        self.loop.run_until_complete(asyncio.sleep(0))
        self.loop.close()

    async def _say(self, session, writer, verb, reply):
        reply = self.says(session, verb, reply)
        for at in range(0, len(reply), 1 if self.bytewise else len(reply)):
            writer.write(reply[at:at + 1] if self.bytewise else reply)
            await writer.drain()
            if self.bytewise:
                await asyncio.sleep(0.0005)
        if reply.startswith(b"421"):
            raise HangUp

    async def _serve(self, reader, writer):
        self.connections += 1
        session = {"mails": 0}
        replies = {b"EHLO": EHLO, b"DATA": b"354 go on\r\n", b"QUIT": b"221 2.0.0 bye\r\n"}
        try:
            await self._say(session, writer, b"", b"220 relay.test\r\n")
            while line := await reader.readline():
                verb = line[:4].upper()
                await self._say(session, writer, verb, replies.get(verb, b"250 2.0.0 ok\r\n"))
                if verb == b"DATA":
                    self._keep(await reader.readuntil(b"\r\n.\r\n"))
                    session["mails"] += 1
                    await self._say(session, writer, b".", b"250 2.0.0 taken\r\n")
        except (HangUp, ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    def _keep(self, mail):
        self.identifiers.append(email.message_from_bytes(mail, policy=email.policy.default)["Message-ID"])


def closes_in_the_middle(session, verb, reply):
    return b"421 4.3.2 closing\r\n" if session["mails"] >= MAILS_BEFORE_421 and verb == b"RCPT" else reply


def hangs_up_after_the_dot(session, verb, reply):
    if verb == b"." and session["mails"] == MAILS_BEFORE_421:
        raise HangUp
    return reply


class Relays(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.rig = county(people=150)
        cls.addClassCleanup(cls.rig.stop)

    def relay(self, *args, **kwargs):
        relay = Relay(*args, **kwargs)
        self.addCleanup(relay.stop)
        self.rig.processes["mail-drill"].stop()
        self.rig.start_worker("mail", **{"gateway.url": f"smtp://127.0.0.1:{relay.port}", "gateway.tls": "off", "gateway.timeout_ms": 3000})
        return relay

    def finish_all(self, broadcast):
        counts = finish(self.rig, broadcast)["counts"]["mail"]
        self.assertGreater(counts["delivered"], 30)
        self.assertEqual(counts["failed"] + counts["unknown"] + counts["expired"], 0)
        return counts["delivered"]

    def test_a_relay_that_closes_in_the_middle(self):
        relay = self.relay(closes_in_the_middle)
        delivered = self.finish_all(send(self.rig, channels="mail"))
        self.assertEqual(len(relay.identifiers), delivered)
        self.assertEqual(len(set(relay.identifiers)), delivered)
        self.assertGreaterEqual(relay.connections, delivered // MAILS_BEFORE_421)

    def test_a_relay_that_hangs_up_after_the_dot(self):
        relay = self.relay(hangs_up_after_the_dot)
        delivered = self.finish_all(send(self.rig, channels="mail"))
        self.assertEqual(len(set(relay.identifiers)), delivered)
        self.assertGreater(len(relay.identifiers), delivered)

    def test_a_relay_that_speaks_byte_by_byte(self):
        relay = self.relay(bytewise=True)
        delivered = self.finish_all(send(self.rig, channels="mail"))
        self.assertEqual(sorted(relay.identifiers), sorted(set(relay.identifiers)))
        self.assertEqual(len(relay.identifiers), delivered)

    def test_a_reply_without_end(self):
        mad = self.relay(lambda session, verb, reply: HUGE if verb == b"EHLO" else reply)
        broadcast = send(self.rig, channels="mail")
        wait_until(lambda: mad.connections >= 3, "the worker to try again")
        self.assertEqual(state(self.rig, broadcast)["counts"]["mail"]["failed"], 0)
        relay = self.relay()
        delivered = self.finish_all(broadcast)
        self.assertEqual((len(relay.identifiers), mad.identifiers), (delivered, []))


if __name__ == "__main__":
    unittest.main()

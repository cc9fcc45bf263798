"""The proxy that the fault tests spoil paths with does what it says."""
import socket
import socketserver
import threading
import time
import unittest

from proxy import Proxy


class Echo(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True

    class Handler(socketserver.BaseRequestHandler):
        def handle(self):
            while piece := self.request.recv(4096):
                self.request.sendall(piece)

    def __init__(self):
        super().__init__(("127.0.0.1", 0), self.Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Path(unittest.TestCase):
    def setUp(self):
        server = Echo()
        self.path = Proxy("127.0.0.1:%d" % server.server_address[1])
        self.client = self.connect()
        for end in (self.path.close, server.server_close, server.shutdown, self.client.close):
            self.addCleanup(end)

    def connect(self):
        client = socket.create_connection(("127.0.0.1", self.path.port), timeout=5)
        client.settimeout(5)
        return client

    def echo(self, text):
        self.client.sendall(text)
        return self.client.recv(4096)

    def is_quiet(self):
        self.client.settimeout(0.2)
        with self.assertRaises(TimeoutError):
            self.client.recv(1)
        self.client.settimeout(5)

    def test_passes_everything_on(self):
        self.assertEqual(self.echo(b"hello"), b"hello")

    def test_a_cut_path_ends_connections_and_refuses_new_ones_until_healed(self):
        self.echo(b"1")
        self.path.cut()
        self.assertEqual(self.client.recv(1), b"")
        with self.connect() as refused:
            self.assertEqual(refused.recv(1), b"")
        self.path.heal()
        with self.connect() as self.client:
            self.assertEqual(self.echo(b"2"), b"2")

    def test_a_slow_path_delays(self):
        self.path.slow(0.1)
        before = time.monotonic()
        self.assertEqual(self.echo(b"3"), b"3")
        self.assertGreaterEqual(time.monotonic() - before, 0.2)

    def test_what_is_held_in_either_direction_arrives_after_healing(self):
        for direction in ("up", "down"):
            self.path.hold(direction)
            self.client.sendall(b"4")
            self.is_quiet()
            self.path.heal()
            self.assertEqual(self.client.recv(1), b"4")

    def test_garbled_bytes_are_others(self):
        self.path.garble("down")
        self.assertNotEqual(self.echo(b"a sentence that chance will not write again"), b"a sentence that chance will not write again")

    def test_closing_half_leaves_the_other_half(self):
        self.echo(b"5")
        self.path.half_close("down")
        self.assertEqual(self.client.recv(1), b"")
        self.client.sendall(b"6")  # still taken


if __name__ == "__main__":
    unittest.main()

"""A TCP proxy that spoils the path: cuts, delays, holds one direction, closes half, garbles.

    with Proxy("127.0.0.1:1234") as path:
        connect_to(path.address)
        path.hold("up")     # what the client sends does not arrive; nobody is told
        path.heal()

"up" is from the client to the server, "down" the other way.
"""
import contextlib
import os
import queue
import socket
import threading
import time

PIECE = 65536
DIRECTIONS = ("up", "down")
HELD_MAX = 256  # pieces on their way in one direction: then the sender feels the back pressure


class _Pump:
    """One direction of one connection: a thread that reads and one that writes `delay_s` later."""

    def __init__(self, path, name, source, target):
        self.path, self.name, self.source, self.target = path, name, source, target
        self.pieces = queue.Queue(HELD_MAX)
        for run in (self._read, self._write):
            threading.Thread(target=run, daemon=True).start()

    def _read(self):
        piece = b"?"
        while piece:
            try:
                piece = self.source.recv(PIECE)
            except OSError:
                piece = b""
            self.pieces.put((time.monotonic() + self.path.delay_s, piece))

    def _write(self):
        with contextlib.suppress(OSError):
            while True:
                due, piece = self.pieces.get()
                time.sleep(max(0.0, due - time.monotonic()))
                self.path.open[self.name].wait()
                if not piece:
                    break
                self.target.sendall(os.urandom(len(piece)) if self.name == self.path.garbled else piece)
        with contextlib.suppress(OSError):
            self.target.shutdown(socket.SHUT_WR)


class Proxy:
    def __init__(self, target):
        host, _, port = target.removeprefix("tcp://").rpartition(":")
        self.target = (host, int(port))
        self.delay_s, self.refuses, self.garbled = 0.0, False, None
        self.open = {name: threading.Event() for name in DIRECTIONS}
        self.pairs, self.lock = [], threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.port = self.listener.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self.heal()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client = self.listener.accept()[0]
            except OSError:
                return
            if self.refuses:
                client.close()
                continue
            try:
                server = socket.create_connection(self.target, timeout=5)
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            with self.lock:
                self.pairs.append((client, server))
            _Pump(self, "up", client, server)
            _Pump(self, "down", server, client)

    # -- what can happen to the path ------------------------------------------------------------------------------

    def cut(self):
        """Ends every connection and refuses new ones."""
        self.refuses = True
        with self.lock:
            pairs, self.pairs = self.pairs, []
        for end in (end for pair in pairs for end in pair):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def slow(self, seconds):
        """Each piece arrives that much later, in its order."""
        self.delay_s = seconds

    def hold(self, *directions):
        """Nothing arrives any more in these directions; neither end hears of it. Both: a black hole."""
        for name in directions or DIRECTIONS:
            self.open[name].clear()

    def half_close(self, direction):
        """Each receiver in this direction sees the end of the stream; the other direction goes on."""
        with self.lock:
            for client, server in self.pairs:
                with contextlib.suppress(OSError):
                    (server if direction == "up" else client).shutdown(socket.SHUT_WR)

    def garble(self, direction):
        """What goes this way arrives as as many random bytes."""
        self.garbled = direction

    def heal(self):
        self.delay_s, self.refuses, self.garbled = 0.0, False, None
        for name in DIRECTIONS:
            self.open[name].set()

    # -- its life -------------------------------------------------------------------------------------------------

    def close(self):
        self.listener.close()
        self.cut()
        self.heal()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

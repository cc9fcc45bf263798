"""Clients of SMPP 3.4 and CMPP 2.0/3.0, written from the specifications with nothing but struct and hashlib."""
import hashlib
import socket
import struct
import time


class Client:
    """Frames in and out. `header` packs (length, command, status or nothing, sequence)."""

    def __init__(self, where, timeout=5):
        host, port = where.split(":")
        self.socket = socket.create_connection((host, int(port)), timeout=timeout)
        self.buffer = b""
        self.sequence = 0
        self.kept = []  # frames that came while another was awaited

    def close(self):
        self.socket.close()

    def _fill(self, count):
        while len(self.buffer) < count:
            got = self.socket.recv(65536)
            if not got:
                raise ConnectionError("hung up")
            self.buffer += got

    def frame(self):
        """The next frame as a whole."""
        self._fill(4)
        length = struct.unpack(">I", self.buffer[:4])[0]
        self._fill(length)
        frame, self.buffer = self.buffer[:length], self.buffer[length:]
        return frame

    def next(self, command):
        """The next PDU of this command; others are kept."""
        for kept in self.kept:
            if kept[0] == command:
                self.kept.remove(kept)
                return kept
        while True:
            pdu = self.read()
            if pdu[0] == command:
                return pdu
            self.kept.append(pdu)


def cstring(text):
    return text.encode() + b"\0"


class Smpp(Client):
    BINDS = {"receiver": 1, "transmitter": 2, "transceiver": 9}

    def read(self):
        frame = self.frame()
        _, command, status, sequence = struct.unpack(">IIII", frame[:16])
        return command, status, sequence, frame[16:]

    def send(self, command, body=b"", status=0, sequence=None):
        if sequence is None:
            self.sequence += 1
            sequence = self.sequence
        self.socket.sendall(struct.pack(">IIII", 16 + len(body), command, status, sequence) + body)
        return sequence

    def bind(self, how="transceiver", account="crier", password="s3cret"):
        """The status."""
        body = cstring(account) + cstring(password) + cstring("") + bytes([0x34, 0, 0]) + cstring("")
        command = self.BINDS[how]
        self.send(command, body)
        return self.next(command | 0x80000000)[1]

    def submit(self, phone, text, coding=8, esm=0, header=b"", tlvs=(), source="106900", receipt=1):
        """Sends and returns the sequence. Text is UTF-16 or, with coding 0, ASCII octets."""
        octets = header + text.encode("utf-16-be" if coding == 8 else "ascii")
        short = b"" if any(tag == 0x0424 for tag, _ in tlvs) else octets
        body = (cstring("") + bytes([1, 1]) + cstring(source) + bytes([1, 1]) + cstring(phone) + bytes([esm, 0, 0]) + cstring("")
                + cstring("") + bytes([receipt, 0, coding, 0, len(short)]) + short)
        for tag, value in tlvs:
            body += struct.pack(">HH", tag, len(value)) + value
        return self.send(4, body)

    def answer(self):
        """(status, sequence, message_id) of the next submit_sm_resp."""
        _, status, sequence, body = self.next(0x80000004)
        return status, sequence, body.split(b"\0")[0].decode()

    def deliver(self, status=0):
        """The next deliver_sm, answered: source, destination, esm_class, text, TLVs."""
        _, _, sequence, body = self.next(5)
        self.send(0x80000005, b"\0", status, sequence)
        _, rest = body.split(b"\0", 1)
        source, rest = rest[2:].split(b"\0", 1)
        destination, rest = rest[2:].split(b"\0", 1)
        esm, rest = rest[0], rest[3:]
        _, rest = rest.split(b"\0", 1)
        _, rest = rest.split(b"\0", 1)
        coding, length = rest[2], rest[4]
        text, rest = rest[5:5 + length], rest[5 + length:]
        tlvs = {}
        while rest:
            tag, size = struct.unpack(">HH", rest[:4])
            tlvs[tag], rest = rest[4:4 + size], rest[4 + size:]
        return source.decode(), destination.decode(), esm, text.decode("utf-16-be" if coding == 8 else "ascii"), tlvs


class Cmpp(Client):
    def __init__(self, where, version=0x30, account="900001", secret="s3cret", timeout=5):
        super().__init__(where, timeout)
        self.version, self.account, self.secret = version, account, secret
        self.new = version >= 0x30
        self.width = 32 if self.new else 21

    def read(self):
        frame = self.frame()
        _, command, sequence = struct.unpack(">III", frame[:12])
        return command, sequence, frame[12:]

    def send(self, command, body=b"", sequence=None):
        if sequence is None:
            self.sequence += 1
            sequence = self.sequence
        self.socket.sendall(struct.pack(">III", 12 + len(body), command, sequence) + body)
        return sequence

    def result(self, body):
        return struct.unpack(">I", body[:4])[0] if self.new else body[0]

    def connect(self):
        """(status, whether the gateway proved that it knows the secret)."""
        stamp = time.strftime("%m%d%H%M%S")
        proof = hashlib.md5(self.account.encode() + bytes(9) + self.secret.encode() + stamp.encode()).digest()
        self.send(1, self.account.encode().ljust(6, b"\0") + proof + bytes([self.version]) + struct.pack(">I", int(stamp)))
        _, _, body = self.next(0x80000001)
        size = 4 if self.new else 1
        theirs = hashlib.md5(body[:size] + proof + self.secret.encode()).digest()
        return self.result(body), body[size:size + 16] == theirs

    def submit(self, phone, text, header=b"", total=1, number=1, link=""):
        octets = header + text.encode("utf-16-be")

        def fixed(value, size):
            return value.encode().ljust(size, b"\0")
        body = (bytes(8) + bytes([total, number, 1, 0]) + fixed("KP", 10) + bytes([2]) + fixed("", self.width)
                + (b"\0" if self.new else b"") + bytes([0, 1 if header else 0, 8]) + fixed(self.account, 6) + fixed("01", 2)
                + fixed("0", 6) + fixed("", 17) + fixed("", 17) + fixed("106900123", 21) + bytes([1]) + fixed(phone, self.width)
                + (b"\0" if self.new else b"") + bytes([len(octets)]) + octets + fixed(link, 20 if self.new else 8))
        assert 12 + len(body) == (163 + 32 if self.new else 138 + 21) + len(octets)  # the specification's own sums
        return self.send(4, body)

    def answer(self):
        """(result, sequence, Msg_Id)."""
        _, sequence, body = self.next(0x80000004)
        return self.result(body[8:]), sequence, body[:8]

    def deliver(self):
        """The next DELIVER, answered: (resident, is a report, content octets, format)."""
        _, sequence, body = self.next(5)
        self.send(0x80000005, body[:8] + (bytes(4) if self.new else b"\0"), sequence)
        form = body[8 + 21 + 10 + 2]
        at = 8 + 21 + 10 + 3
        phone = body[at:at + self.width].rstrip(b"\0").decode()
        at += self.width + (1 if self.new else 0)
        report, length = body[at], body[at + 1]
        return phone, report == 1, body[at + 2:at + 2 + length], form

"""A message centre that does as it is told: SMPP 3.4 and CMPP 2.0/3.0, written from the specifications and not from Crier's code.

Every submit is kept; `plan(n, submit)` may say what to do with the n-th (from 0): None (accept), a status, "silent", "close",
"receipt_first". Receipts follow each accepted submit unless `receipts` is false; `stat(submit)` names their state.
"""
import hashlib
import itertools
import socket
import ssl
import struct
import threading

THROTTLED = {"smpp": 0x58, "cmpp": 8}


def cstring(data, at):
    end = data.index(b"\0", at)
    return data[at:end].decode(), end + 1


class Submit:
    """One part as it came: address, header, text, coding, and the id it was given."""

    def __init__(self, **fields):
        self.__dict__.update(fields)
        joined = self.header[3:-2] or self.tlvs.get(0x020C) or id(self)
        self.joined_by = (self.address, joined)
        self.number = self.header[-1] if self.header else self.tlvs.get(0x020F, b"\1")[0]


class Connection(threading.Thread):
    def __init__(self, centre, sock):
        super().__init__(daemon=True)
        self.centre, self.sock, self.lock, self.sequence = centre, sock, threading.Lock(), itertools.count(1000)
        self.role = None

    def run(self):
        data = b""
        try:
            while chunk := self.sock.recv(65536):
                data += chunk
                while len(data) >= 4 and len(data) >= (length := struct.unpack(">I", data[:4])[0]):
                    self.frame(data[:length])
                    data = data[length:]
        except (OSError, ssl.SSLError):
            pass
        finally:
            self.close()

    def close(self):
        with self.centre.changed:
            self.centre.connections.discard(self)
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()

    def send(self, frame):
        with self.lock:
            try:
                self.sock.sendall(frame)
            except OSError:
                pass

    def logged_in(self, role):
        with self.centre.changed:
            self.role = role
            self.centre.logins.append(role)
            self.centre.changed.notify_all()

    def decide(self, submit):
        """Keeps the submit; the status to answer with, or None when nothing is to be answered."""
        centre = self.centre
        with centre.lock:
            n = len(centre.seen)
            centre.seen.append(submit)
        order = centre.plan(n, submit)
        if order == "close":
            self.close()
        if order in ("close", "silent"):
            return None
        if isinstance(order, int) and order:
            return order
        with centre.lock:
            submit.id = next(centre.ids)
            centre.accepted.append(submit)
        if order == "receipt_first":
            self.receipt(submit)
        elif centre.receipts:
            timer = threading.Timer(centre.receipt_s, self.receipt, [submit])
            timer.daemon = True
            timer.start()
        return 0

    def receipt(self, submit):
        hearer = self.centre.hearer()
        if hearer:
            hearer.deliver_receipt(submit, self.centre.stat(submit))


class Smpp(Connection):
    header = 16

    def pdu(self, command, sequence, body=b"", status=0):
        return struct.pack(">IIII", 16 + len(body), command, status, sequence) + body

    def frame(self, frame):
        _, command, status, sequence = struct.unpack(">IIII", frame[:16])
        body = frame[16:]
        if command in (1, 2, 9):
            system_id, at = cstring(body, 0)
            password, _ = cstring(body, at)
            good = (system_id, password) == self.centre.account
            self.send(self.pdu(command | 0x80000000, sequence, b"CENTRE\0", 0 if good else 0x0E))
            self.logged_in({1: "receive", 2: "send", 9: "both"}[command])
        elif command == 4:
            self.submit(sequence, body)
        elif command == 0x15:
            self.centre.tests += 1
            self.send(self.pdu(0x80000015, sequence))
        elif command == 6:
            self.send(self.pdu(0x80000006, sequence))
        elif command == 0x80000005:
            self.centre.answered.append(status)

    def submit(self, sequence, body):
        _, at = cstring(body, 0)
        source, at = cstring(body, at + 2)
        address, at = cstring(body, at + 2)
        esm, _, priority = body[at:at + 3]
        _, at = cstring(body, at + 3)
        validity, at = cstring(body, at)
        registered, _, coding, _, length = body[at:at + 5]
        text, at = body[at + 5:at + 5 + length], at + 5 + length
        tlvs = {}
        while at < len(body):
            tag, size = struct.unpack(">HH", body[at:at + 4])
            tlvs[tag], at = body[at + 4:at + 4 + size], at + 4 + size
        header = b""
        if esm & 0x40:
            header, text = text[:text[0] + 1], text[text[0] + 1:]
        submit = Submit(source=source, address=address, header=header, text=tlvs.get(0x0424, text), coding=coding, priority=priority,
                        validity=validity, registered=registered, tlvs=tlvs, reference=tlvs.get(0x1400, b"").decode(), length=length)
        status = self.decide(submit)
        if status is not None:
            name = self.centre.answer_id % submit.id if status == 0 else ""
            self.send(self.pdu(0x80000004, sequence, name.encode() + b"\0" if status == 0 else b"", status))

    def deliver(self, source, esm, coding, text, tlvs=b""):
        body = (b"\0\1\1" + source.encode() + b"\0\1\1" + b"10690001\0" + bytes([esm, 0, 0]) + b"\0\0" + bytes([0, 0, coding, 0, len(text)])
                + text + tlvs)
        self.send(self.pdu(5, next(self.sequence), body))

    def deliver_receipt(self, submit, stat):
        name = self.centre.receipt_id % submit.id
        text = f"id:{name} sub:001 dlvrd:001 submit date:2611251200 done date:2611251201 stat:{stat} err:000 Text:"
        self.deliver(submit.address, 4, 0, text.encode())

    def reply(self, source, text):
        self.deliver(source, 0, 8, text.encode("utf-16-be"))


class Cmpp(Connection):
    header = 12

    def pdu(self, command, sequence, body=b""):
        return struct.pack(">III", 12 + len(body), command, sequence) + body

    @property
    def three(self):
        return self.centre.version == 3

    def frame(self, frame):
        _, command, sequence = struct.unpack(">III", frame[:12])
        body = frame[12:]
        if command == 1:
            user, secret = (word.encode() for word in self.centre.account)
            (stamp,) = struct.unpack(">I", body[23:27])
            proof = hashlib.md5(user + bytes(9) + secret + b"%010d" % stamp).digest()
            status = 0 if (body[:6], body[6:22]) == (user, proof) else 3
            wide = struct.pack(">I", status) if self.three else bytes([status])
            self.send(self.pdu(0x80000001, sequence, wide + hashlib.md5(wide + proof + secret).digest() + bytes([self.centre.version * 16])))
            self.logged_in("both")
        elif command == 4:
            self.submit(sequence, body)
        elif command == 8:
            self.centre.tests += 1
            self.send(self.pdu(0x80000008, sequence, b"\0"))
        elif command == 2:
            self.send(self.pdu(0x80000002, sequence))
        elif command == 0x80000005:
            self.centre.answered.append(struct.unpack(">I", body[8:12])[0] if self.three else body[8])

    def submit(self, sequence, body):
        number = 32 if self.three else 21
        total, part, registered, level = body[8:12]
        at = 23 + number + (1 if self.three else 0)
        udhi, coding = body[at + 1:at + 3]
        at += 3 + 6 + 2 + 6
        validity = body[at:at + 17].rstrip(b"\0").decode()
        at += 34
        source = body[at:at + 21].rstrip(b"\0").decode()
        assert body[at + 21] == 1
        at += 22
        address = body[at:at + number].rstrip(b"\0").decode()
        at += number + (1 if self.three else 0)
        text = body[at + 1:at + 1 + body[at]]
        link = body[at + 1 + body[at]:]
        assert len(link) == (20 if self.three else 8)
        header = b""
        if udhi:
            header, text = text[:text[0] + 1], text[text[0] + 1:]
        submit = Submit(source=source, address=address, header=header, text=text, coding=coding, priority=level, validity=validity,
                        registered=registered, tlvs={}, reference=link.rstrip(b"\0").decode(), total=total, part=part)
        status = self.decide(submit)
        if status is not None:
            answer = struct.pack(">Q", getattr(submit, "id", 0))
            self.send(self.pdu(0x80000004, sequence, answer + (struct.pack(">I", status) if self.three else bytes([status]))))

    def deliver(self, source, registered, coding, text):
        number = 32 if self.three else 21
        body = (struct.pack(">Q", 7) + b"10690001".ljust(21, b"\0") + bytes(10) + bytes([0, 0, coding]) + source.encode().ljust(number, b"\0")
                + (b"\0" if self.three else b"") + bytes([registered, len(text)]) + text + bytes(20 if self.three else 8))
        self.send(self.pdu(5, next(self.sequence), body))

    def deliver_receipt(self, submit, stat):
        number = 32 if self.three else 21
        self.deliver(submit.address, 1, 0, struct.pack(">Q", submit.id) + stat.encode().ljust(7, b"\0") + b"2611251200" * 2
                     + submit.address.encode().ljust(number, b"\0") + bytes(4))

    def reply(self, source, text):
        self.deliver(source, 0, 8, text.encode("utf-16-be"))


class Centre:
    ids = itertools.count(0xABC000)  # no two centres of a test give the same id

    def __init__(self, protocol="smpp", version=3, tls=None):
        self.protocol, self.version = (protocol, version)
        self.account = ("crier", "secret") if protocol == "smpp" else ("900001", "888888")
        self.plan, self.stat = (lambda n, submit: None), (lambda submit: "DELIVRD")
        self.receipts, self.receipt_s = True, 0.0
        self.answer_id = self.receipt_id = "%x"
        self.seen, self.accepted, self.answered, self.logins, self.connections = [], [], [], [], set()
        self.tests, self.lock, self.changed = 0, threading.Lock(), threading.Condition()
        self.tls, self.listener = tls, socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        while True:
            try:
                sock, _ = self.listener.accept()
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if self.tls:
                    sock = self.tls.wrap_socket(sock, server_side=True)
            except ssl.SSLError:
                continue
            except OSError:
                return
            connection = (Smpp if self.protocol == "smpp" else Cmpp)(self, sock)
            with self.changed:
                self.connections.add(connection)
            connection.start()

    def stop(self):
        self.listener.close()
        with self.changed:
            connections = list(self.connections)
        for connection in connections:
            connection.close()

    def hearer(self):
        """A connection that takes what the centre has to say. A receipt waits until there is one."""
        def found():
            return next((c for c in self.connections if c.role in ("both", "receive")), None)
        with self.changed:
            return self.changed.wait_for(found, 60)

    def texts(self):
        """Each text, put together from the accepted parts in their order."""
        parts = {}
        for submit in self.accepted:
            parts.setdefault(submit.joined_by, {})[submit.number] = submit.text.decode("utf-16-be" if submit.coding == 8 else "latin-1")
        return ["".join(text for _, text in sorted(found.items())) for found in parts.values()]

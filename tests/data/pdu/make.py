#!/usr/bin/env python3
"""Golden frames of SMPP 3.4 and CMPP, computed from the specifications and from nothing in this repository.

Run in this folder to write *.bin again. The text is "【平阴科普】木铎🌾" where a text is needed.
"""
import hashlib
import pathlib
import struct

TEXT = "【平阴科普】木铎🌾".encode("utf-16-be")
PHONE, SOURCE = b"13800001234", b"10690001"


def tlv(tag, value):
    return struct.pack(">HH", tag, len(value)) + value


def smpp(command, sequence, body=b"", status=0):
    return struct.pack(">IIII", 16 + len(body), command, status, sequence) + body


def sm(source, destination, esm, priority, validity, registered, coding, text, tlvs=b""):
    return (b"\0" + b"\0\0" + source + b"\0" + b"\1\1" + destination + b"\0" + bytes([esm, 0, priority]) + b"\0" + validity + b"\0"
            + bytes([registered, 0, coding, 0, len(text)]) + text + tlvs)


RECEIPT = b"id:5A3F sub:001 dlvrd:001 submit date:2611251200 done date:2611251201 stat:DELIVRD err:000 text:"


def fixed(text, size):
    return text.ljust(size, b"\0")


def cmpp(command, sequence, body=b""):
    return struct.pack(">III", 12 + len(body), command, sequence) + body


def cmpp_submit(version, text):
    three = version == 3
    number = 32 if three else 21
    return (struct.pack(">QBBBB", 0, 2, 1, 1, 1) + fixed(b"CRIER", 10) + b"\2" + fixed(b"", number) + (b"\0" if three else b"")
            + bytes([0, 1, 8]) + fixed(b"900001", 6) + b"01" + fixed(b"0", 6) + fixed(b"261125120000032+", 17) + fixed(b"", 17)
            + fixed(SOURCE, 21) + b"\1" + fixed(PHONE, number) + (b"\0" if three else b"") + bytes([len(text)]) + text
            + bytes(20 if three else 8))


def cmpp_deliver(version, registered, text):
    three = version == 3
    return (struct.pack(">Q", 0xbc09eb41e2400001) + fixed(SOURCE, 21) + fixed(b"CRIER", 10) + bytes([0, 0, 0 if registered else 8])
            + fixed(PHONE, 32 if three else 21) + (b"\0" if three else b"") + bytes([registered, len(text)]) + text
            + bytes(20 if three else 8))


def cmpp_report(version):
    return (struct.pack(">Q", 0xbc09eb41e2400001) + b"DELIVRD" + b"2611251200" + b"2611251201" + fixed(PHONE, 32 if version == 3 else 21)
            + struct.pack(">I", 7))


UDH8, UDH16 = bytes.fromhex("050003a50201"), bytes.fromhex("060804a55a0201")
AUTH = hashlib.md5(b"900001" + bytes(9) + b"888888" + b"1021080510").digest()
FRAMES = {
    "smpp_bind_transceiver": smpp(9, 1, b"crier\0secret\0sms\0\x34\0\0\0"),
    "smpp_bind_transceiver_resp": smpp(0x80000009, 1, b"SMSC\0" + tlv(0x0210, b"\x34")),
    "smpp_submit_sm": smpp(4, 2, sm(SOURCE, PHONE, 0x40, 3, b"000000010000000R", 1, 8, UDH8 + TEXT)),
    "smpp_submit_sm_sar": smpp(4, 3, sm(SOURCE, PHONE, 0, 0, b"", 1, 8, TEXT, tlv(0x020C, b"\xa5\x5a") + tlv(0x020E, b"\2") + tlv(0x020F, b"\1"))),
    "smpp_submit_sm_payload": smpp(4, 4, sm(SOURCE, PHONE, 0, 0, b"", 1, 8, b"", tlv(0x0424, TEXT * 10))),
    "smpp_submit_sm_resp": smpp(0x80000004, 2, b"5A3F\0"),
    "smpp_submit_sm_resp_throttled": smpp(0x80000004, 2, b"", 0x58),
    "smpp_deliver_sm_receipt": smpp(5, 9, sm(PHONE, SOURCE, 4, 0, b"", 0, 0, RECEIPT, tlv(0x001E, b"5A3F\0") + tlv(0x0427, b"\2")
                                             + tlv(0x1403, b"\1\2\3"))),
    "smpp_deliver_sm_reply": smpp(5, 10, sm(PHONE, SOURCE, 0, 0, b"", 0, 8, "退订".encode("utf-16-be"))),
    "smpp_deliver_sm_resp": smpp(0x80000005, 9, b"\0"),
    "smpp_enquire_link": smpp(0x15, 11),
    "smpp_generic_nack": smpp(0x80000000, 12, b"", 3),
    # The connect frame of gocmpp's own test: source 900001, secret 888888, version 2.1, sequence 0x17.
    "cmpp_connect": cmpp(1, 0x17, b"900001" + AUTH + b"\x21" + struct.pack(">I", 1021080510)),
    "cmpp_connect_resp_20": cmpp(0x80000001, 0x17, b"\0" + hashlib.md5(b"\0" + AUTH + b"888888").digest() + b"\x20"),
    "cmpp_connect_resp_30": cmpp(0x80000001, 0x17, bytes(4) + hashlib.md5(bytes(4) + AUTH + b"888888").digest() + b"\x30"),
    "cmpp_submit_20": cmpp(4, 2, cmpp_submit(2, UDH8 + TEXT)),
    "cmpp_submit_30": cmpp(4, 2, cmpp_submit(3, UDH16 + TEXT)),
    "cmpp_submit_resp_20": cmpp(0x80000004, 2, struct.pack(">QB", 0xbc09eb41e2400001, 8)),
    "cmpp_submit_resp_30": cmpp(0x80000004, 2, struct.pack(">QI", 0xbc09eb41e2400001, 0)),
    "cmpp_deliver_report_20": cmpp(5, 3, cmpp_deliver(2, 1, cmpp_report(2))),
    "cmpp_deliver_report_30": cmpp(5, 3, cmpp_deliver(3, 1, cmpp_report(3))),
    "cmpp_deliver_reply_30": cmpp(5, 4, cmpp_deliver(3, 0, "退订".encode("utf-16-be"))),
    "cmpp_deliver_resp_30": cmpp(0x80000005, 3, struct.pack(">QI", 0xbc09eb41e2400001, 0)),
    "cmpp_active_test": cmpp(8, 5),
    "cmpp_active_test_resp": cmpp(0x80000008, 5, b"\0"),
    "cmpp_terminate": cmpp(2, 6),
}

if __name__ == "__main__":
    connect = "00000027000000010000001739303030303190d00c1d517abd0b4f65f6bcf8535d16213cdc73be"
    assert FRAMES["cmpp_connect"].hex() == connect
    for version, text, size in ((2, UDH8 + TEXT, 138 + 21), (3, UDH16 + TEXT, 163 + 32)):
        assert len(FRAMES[f"cmpp_submit_{version}0"]) == size + len(text)
    for name, frame in FRAMES.items():
        pathlib.Path(name + ".bin").write_bytes(frame)

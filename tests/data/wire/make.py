#!/usr/bin/env python3
"""Makes the golden frames: one of each message, encoded by Google's protobuf, byte for byte what the protocol means.

A change of these files is a change of the protocol: it needs a new Frame.version (docs/protocol.md).
"""
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "support"))
import crier_pb  # noqa: E402

pb = crier_pb.load()


def pool(*values):
    encoded = [value.encode() for value in values]
    return pb.Pool(lengths=[len(value) for value in encoded], bytes=b"".join(encoded))


WORDING = pb.Wording(language="zh-CN", text="【平阴科普】{name}您好", subject="防灾减灾日", html="<p>{name}</p>", template_id="TM00001",
                     fields=[pb.Field(name="thing1", value="防灾减灾日"), pb.Field(name="time2", value="10时")],
                     url="https://kp.pingyin.test/fzr")

FRAMES = {
    "hello": dict(hello=pb.Hello(
        worker="sms-1", channel=0, credit=2, urgent_credit=1, held=[7, 300], version="1.0",
        gateway=pb.Gateway(name="aliyun", drill=True, window=16, per_second=100, gives_receipts=True, idempotent=True))),
    "welcome": dict(welcome=pb.Welcome(epoch=5, heartbeat_ms=1000, lease_ms=5000, report_outcomes=32, report_ms=20, dropped=[7])),
    "lease": dict(lease=pb.Lease(
        lease=300, broadcast=51, channel=2, lane=1, drill=True, first_rank=256, offsets=bytes([0, 3, 255]), attempts=bytes([1, 1, 2]),
        expires_us=1778547600000000, free_running=True, sender="平阴科普", wordings=[WORDING, pb.Wording(language="en-US", text="Hello")],
        wording=bytes([0, 1, 0]), addresses=pool("a@pingyin.test", "b@pingyin.test", ""),
        columns=[pb.Column(name="name", values=pool("张三", "", "李四"))])),
    "report": dict(report=pb.Report(
        lease=300, sequence=2, positions=bytes([0, 1]), outcomes=bytes([16, 64]), intent=34, gateway_ids=pool("900619746936498440"),
        retry_after_ms=1500, last=True)),
    "ack": dict(ack=pb.Ack(lease=300, sequence=2, intent=34)),
    "receipts": dict(receipts=pb.Receipts(
        batch=1778547600000001, references=pool("0000001K.s.4711.1", ""), gateway_ids=pool("", "900619746936498440"),
        outcomes=bytes([32, 65]))),
    "receipts_ack": dict(receipts_ack=pb.ReceiptsAck(batch=1778547600000001)),
    "replies": dict(replies=pb.Replies(
        batch=1778547600000002, addresses=pool("13800000001", "oABCDEFG"), texts=pool("退订", ""), kinds=bytes([0, 1]))),
    "replies_ack": dict(replies_ack=pb.RepliesAck(batch=1778547600000002)),
    "revoke": dict(revoke=pb.Revoke(lease=300, reason=2)),
    "ping": dict(ping=pb.Ping(stamp=123456789)),
    "pong": dict(pong=pb.Pong(stamp=123456789)),
    "bye": dict(bye=pb.Bye()),
    "credit": dict(credit=pb.Credit(credit=1, urgent_credit=2)),
    "tune": dict(tune=pb.Tune(per_second=250)),
    "refusal": dict(refusal=pb.Refusal(reason=pb.Refusal.UNKNOWN_LEASE, lease=300, text="no such lease")),
}


def main():
    for name, body in FRAMES.items():
        (HERE / f"{name}.bin").write_bytes(pb.Frame(version=1, **body).SerializeToString(deterministic=True))


if __name__ == "__main__":
    main()

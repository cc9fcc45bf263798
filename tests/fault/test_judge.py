"""The judge of the fault tests against records that are known to be wrong: a judge who sees nothing proves nothing."""
import collections
import pathlib
import tempfile
import types
import unittest

from fault_judge import STATUS, Truth, judge_channel, second_time

BYTE = {name: byte for byte, (name, _) in STATUS.items()}


def judged(status, times, second="sent_twice"):
    """Counts that are not zero, of one delivery that the gateway accepted so many times."""
    found = judge_channel({0: times} if times else {}, bytes([BYTE[status]]), second)
    return {name: count for name, count in found.items() if count and name != "deliveries"}


class Judge(unittest.TestCase):
    def test_what_both_records_say_alike_is_well(self):
        for status, times in (("delivered", 1), ("handed", 1), ("unconfirmed", 1), ("failed_address", 0), ("suppressed_optout", 0),
                              ("expired", 0), ("cancelled", 0)):
            self.assertEqual(judged(status, times), {}, status)

    def test_accepted_by_the_gateway_and_not_sent_in_the_ledger_is_lost(self):
        for status in ("waiting", "retry_1", "failed_attempts", "suppressed_address", "expired", "cancelled"):
            self.assertEqual(judged(status, 1), {"lost": 1}, status)

    def test_delivered_in_the_ledger_and_never_accepted_is_lost(self):
        self.assertEqual(judged("delivered", 0), {"lost": 1})

    def test_what_is_still_moving_at_the_end_is_lost(self):
        for status in ("waiting", "retry_7", "accepted"):
            self.assertEqual(judged(status, 0), {"lost": 1}, status)

    def test_a_byte_that_no_table_knows_is_lost(self):
        self.assertEqual(judge_channel({}, bytes([255]), "sent_twice")["lost"], 1)

    def test_unknown_is_counted_whatever_the_gateway_says(self):
        for times in (0, 1):
            self.assertEqual(judged("unknown", times), {"unknown": 1})
        self.assertEqual(judged("unknown", 1, "resent"), {"resent": 1})  # of an emergency: it has no bound

    def test_accepted_twice_is_what_channel_and_lane_make_of_it(self):
        self.assertEqual(judged("delivered", 3), {"sent_twice": 2})
        self.assertEqual(judged("unknown", 2), {"sent_twice": 1, "unknown": 1})
        self.assertEqual([second_time(*where) for where in (("sms", "bulk"), ("sms", "emergency"), ("mail", "bulk"), ("wechat", "urgent"))],
                         ["sent_twice", "resent", "repeated", "repeated"])


class Record(unittest.TestCase):
    def test_lines_are_read_once_and_only_when_they_are_whole(self):
        with tempfile.TemporaryDirectory() as folder:
            log = pathlib.Path(folder, "sandbox/accepted.log")
            log.parent.mkdir()
            truth = Truth(types.SimpleNamespace(state=pathlib.Path(folder)))
            self.assertEqual(truth.deliveries(), 0)
            log.write_text("2026-05-12T10:00:00+08:00 sms 0000001K.s.7.1\n2026-05-12T10:00:00+08:00 mail -\n2026-05-12T10:00:00+08:00 sms 0000001K.s.7")
            self.assertEqual(truth.deliveries(), 1)
            with open(log, "a", encoding="ascii") as file:
                file.write(".2\n2026-05-12T10:00:01+08:00 mail 0000001K.m.7\n")
            self.assertEqual(truth.deliveries(), 2)
            self.assertEqual(dict(truth.accepted), {("0000001K", "sms"): collections.Counter({7: 2}), ("0000001K", "mail"): collections.Counter({7: 1})})


if __name__ == "__main__":
    unittest.main()

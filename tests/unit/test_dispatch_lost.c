/* The dispatch core: what is left when a lease is lost, by silence, Hello or restart. */
#include <string.h>

#include "core_world.h"
#include "cr_test.h"

/* ---- lost leases ------------------------------------------------------------------------------ */

/* "w" has reported 4 of 20 intended, then it is silent for too long. */
static uint64_t
begin_lost(void)
{
    uint64_t lease = begin_windowed(256, 10);
    say("w", (said_t){.lease = lease,
                      .sequence = 1,
                      .intent = 20,
                      .count = 4,
                      .outcome = CR_STATUS_ACCEPTED});
    rig_settle(&rig);
    rig_forget(&rig);
    rig_pass(&rig, 11 * CR_US_PER_S);
    return lease;
}

static void
a_silent_worker_loses_its_lease_and_only_what_was_intended_is_unknown(void)
{
    uint64_t lease = begin_lost();
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_GONE), 1);
    CU_ASSERT_EQUAL_FATAL(rig_count(&rig, RIG_LOST), 1);
    const rig_event_t *lost = rig_last(&rig, RIG_LOST);
    CU_ASSERT_EQUAL(lost->number, lease);
    CU_ASSERT_EQUAL(lost->loss.unknown, 16);
    CU_ASSERT_EQUAL(lost->loss.returned, 256 - 20);
    CU_ASSERT_EQUAL(count_of(CR_STATUS_UNKNOWN), 16);
    CU_ASSERT_EQUAL(count_of(CR_STATUS_ACCEPTED), 4);
    CU_ASSERT_EQUAL(count_of(CR_STATUS_WAITING), 236);
    join("v");
    hand_out();
    CU_ASSERT_EQUAL(rig_last(&rig, RIG_LEASE)->lease.count, 236);
    CU_ASSERT_EQUAL(rig_last(&rig, RIG_LEASE)->offsets[0], 20);
    rig_settle(&rig);
    CU_ASSERT_EQUAL(rig_stored(&rig, 1, SMS, 19), CR_STATUS_UNKNOWN);
    finish();
}

static void
a_late_report_corrects_unknown_within_its_intent(void)
{
    uint64_t lease = begin_lost();
    say("w", (said_t){.lease = lease,
                      .sequence = 2,
                      .intent = 40,
                      .from = 4,
                      .count = 20,
                      .outcome = CR_STATUS_ACCEPTED});
    CU_ASSERT_EQUAL(count_of(CR_STATUS_UNKNOWN), 0);
    CU_ASSERT_EQUAL(count_of(CR_STATUS_ACCEPTED), 20);
    CU_ASSERT_EQUAL(count_of(CR_STATUS_WAITING), 236);
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_REFUSE), 0); /* not before it is stored */
    rig_settle(&rig);
    CU_ASSERT_EQUAL(rig_last(&rig, RIG_REFUSE)->reason, CORE_UNKNOWN_LEASE);
    CU_ASSERT_EQUAL(rig_stored(&rig, 1, SMS, 19), CR_STATUS_ACCEPTED);
    finish();
}

static void
a_late_report_takes_back_nothing_that_is_known(void)
{
    const cr_status_t outcomes[] = {CR_STATUS_RETRY_1, CR_STATUS_UNKNOWN, CR_STATUS_EXPIRED,
                                    CR_STATUS_WAITING};
    for (size_t i = 0; i < CR_COUNT(outcomes); i++) {
        uint64_t lease = begin_lost();
        say("w", (said_t){.lease = lease, .sequence = 2, .count = 4, .outcome = outcomes[i]});
        CU_ASSERT_EQUAL(count_of(CR_STATUS_ACCEPTED), 4);
        CU_ASSERT_EQUAL(rig_last(&rig, RIG_REFUSE)->reason, CORE_UNKNOWN_LEASE);
        finish();
    }
}

static void
pass_both(int64_t us)
{
    core_heard(rig.core, rig.now, "w");
    core_heard(rig.core, rig.now, "v");
    rig_pass(&rig, us);
    rig_settle(&rig);
}

static void
what_may_be_sent_twice_is_sent_again(void)
{
    for (int i = 0; i < 4; i++) {
        bool idempotent = i % 2 > 0, restart = i / 2 > 0;
        rig_init(&rig);
        core_broadcast_t spec = rig_spec(&rig, 1, 256);
        core_hello_t w = rig_hello("w"), v = rig_hello("v");
        w.gateway.idempotent = v.gateway.idempotent = idempotent;
        if (!idempotent) {
            spec.lane = CR_LANE_EMERGENCY;
            spec.resend_unknown = true;
        }
        rig_start(&rig, &spec);
        rig_say_hello(&rig, &w);
        hand_out();
        say("w", (said_t){.lease = rig_last(&rig, RIG_LEASE)->number, .sequence = 1, .intent = 32});
        rig_settle(&rig);
        rig_pass(&rig, 11 * CR_US_PER_S);
        CU_ASSERT_EQUAL(rig_last(&rig, RIG_LOST)->loss.resent, 32);
        CU_ASSERT_EQUAL(count_of(CR_STATUS_UNKNOWN), 0);
        rig_say_hello(&rig, &v);
        hand_out();
        CU_ASSERT_EQUAL(rig_last(&rig, RIG_LEASE)->lease.count, 256);
        CU_ASSERT_STRING_EQUAL(rig_last(&rig, RIG_LEASE)->worker, "v");
        /* The same reference where the gateway knows it again, another one elsewhere. */
        CU_ASSERT_EQUAL(rig_last(&rig, RIG_LEASE)->attempts[0], idempotent ? 1 : 2);
        /* It may have been sent: it never ends as if it had not, whoever crashes. */
        rig_settle(&rig);
        if (restart)
            rig_restart(&rig, 0);
        CU_ASSERT_EQUAL(core_cancel(rig.core, 1), CR_OK);
        rig_pass(&rig, 11 * CR_US_PER_S);
        CU_ASSERT_EQUAL(rig_status(&rig, 1, SMS, 0), CR_STATUS_UNKNOWN);
        finish();
    }
}

static void
what_ran_without_waiting_may_have_been_sent_beyond_its_intent(void)
{
    begin(0);
    core_broadcast_t spec = rig_spec(&rig, 1, 100);
    spec.lane = CR_LANE_EMERGENCY;
    spec.resend_unknown = true;
    rig_start(&rig, &spec);
    join("w");
    rig_settle(&rig);
    rig_pass(&rig, 11 * CR_US_PER_S);
    CU_ASSERT_EQUAL(rig_last(&rig, RIG_LOST)->loss.returned, 100);
    CU_ASSERT_EQUAL(core_cancel(rig.core, 1), CR_OK);
    rig_settle(&rig);
    CU_ASSERT_EQUAL(count_of(CR_STATUS_UNKNOWN), 100);
    finish();
}

static void
a_lease_that_its_worker_never_speaks_of_is_given_up(void)
{
    uint64_t lease = begin_leased(256);
    pass_alive("w", 9 * CR_US_PER_S);
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_LOST), 0);
    pass_alive("w", 2 * CR_US_PER_S);
    CU_ASSERT_EQUAL_FATAL(rig_count(&rig, RIG_LOST), 1);
    CU_ASSERT_EQUAL(rig_last(&rig, RIG_LOST)->number, lease);
    CU_ASSERT_EQUAL(rig_last(&rig, RIG_REVOKE)->reason, CORE_STOP_LOST);
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_LEASE), 2);
    finish();
}

/* What "w" says each second of its lease, which workers there are beside it, and whether it loses the
 * lease after five seconds. */
static const struct {
    bool other_gateway; /* that of "v" */
    bool moves_other;   /* meanwhile "v" gets something of another broadcast through */
    cr_status_t says;   /* WAITING: nothing */
    bool loses;
} stuck[] = {
    {false, false, CR_STATUS_WAITING, false}, {true, false, CR_STATUS_WAITING, true},
    {true, false, CR_STATUS_RETRY_1, true},   {true, false, CR_STATUS_UNKNOWN, true},
    {true, false, CR_STATUS_ACCEPTED, false}, {true, false, CR_STATUS_FAILED_ADDRESS, false},
    {false, true, CR_STATUS_WAITING, true},   {false, true, CR_STATUS_RETRY_1, true},
};

static uint64_t
start_emergency(uint64_t id)
{
    core_broadcast_t spec = rig_spec(&rig, id, 200);
    spec.lane = CR_LANE_EMERGENCY;
    spec.resend_unknown = true;
    rig_start(&rig, &spec);
    hand_out();
    return rig_last(&rig, RIG_LEASE)->number;
}

static void
join_beside(bool other_gateway)
{
    core_hello_t hello = rig_hello("v");
    if (other_gateway)
        memcpy(hello.gateway.name, "other", sizeof "other");
    rig_say_hello(&rig, &hello);
}

static void
an_emergency_does_not_wait_for_a_gateway_that_takes_nothing_while_another_is_free(void)
{
    for (size_t i = 0; i < CR_COUNT(stuck); i++) {
        rig_init(&rig);
        join("w");
        uint64_t lease = start_emergency(1), second = 0;
        say("w", (said_t){.lease = lease, .sequence = 1, .intent = 32});
        rig_settle(&rig);
        join_beside(stuck[i].other_gateway);
        if (stuck[i].moves_other)
            second = start_emergency(2);
        for (uint32_t second_s = 0; second_s < 6; second_s++) {
            if (second_s < 5)
                CU_ASSERT_EQUAL(rig_count(&rig, RIG_LOST), 0);
            if (stuck[i].says != CR_STATUS_WAITING)
                say("w", (said_t){.lease = lease,
                                  .sequence = second_s + 2,
                                  .intent = 32,
                                  .from = second_s,
                                  .count = 1,
                                  .outcome = stuck[i].says});
            if (second && second_s == 2)
                say("v", (said_t){.lease = second,
                                  .sequence = 1,
                                  .intent = 200,
                                  .count = 200,
                                  .last = true,
                                  .outcome = CR_STATUS_HANDED});
            pass_both(CR_US_PER_S);
        }
        CU_ASSERT_EQUAL(rig_count(&rig, RIG_LOST), (size_t)stuck[i].loses);
        if (stuck[i].loses) {
            hand_out();
            CU_ASSERT_EQUAL(rig_last(&rig, RIG_LOST)->number, lease);
            CU_ASSERT_STRING_EQUAL(rig_last(&rig, RIG_LEASE)->worker, "v");
        }
        finish();
    }
}

/* Everything of its newest lease ends like that. Who it was. */
static const char *
end_newest(cr_status_t outcome)
{
    const rig_event_t *lease = rig_last(&rig, RIG_LEASE);
    const char *worker = strcmp(lease->worker, "w") == 0 ? "w" : "v";
    say(worker, (said_t){.lease = lease->number,
                         .sequence = 1,
                         .intent = 200,
                         .count = 200,
                         .last = true,
                         .outcome = outcome});
    rig_settle(&rig);
    return worker;
}

static void
what_a_gateway_did_not_take_of_an_emergency_goes_by_another_that_is_free(void)
{
    static const cr_status_t said[] = {CR_STATUS_RETRY_1, CR_STATUS_UNKNOWN};
    for (size_t i = 0; i < 2 * CR_COUNT(said); i++) {
        rig_init(&rig);
        join("w");
        join_beside(true);
        start_emergency(1);
        const char *refuser = end_newest(said[i / 2]);
        if (i % 2) { /* the turn is the refuser's again */
            start_emergency(2);
            CU_ASSERT_STRING_NOT_EQUAL(end_newest(CR_STATUS_HANDED), refuser);
        }
        size_t leases = rig_count(&rig, RIG_LEASE);
        for (int s = 0; s < 60 && rig_count(&rig, RIG_LEASE) == leases; s++)
            pass_both(CR_US_PER_S);
        CU_ASSERT_EQUAL_FATAL(rig_count(&rig, RIG_LEASE), leases + 1);
        CU_ASSERT_STRING_NOT_EQUAL(rig_last(&rig, RIG_LEASE)->worker, refuser);
        finish();
    }
}

static void
hello_keeps_the_leases_it_names_and_loses_the_others(void)
{
    begin(1000);
    join("w");
    hand_out();
    uint64_t held[] = {rig_last(&rig, RIG_LEASE)->number, 4711};
    core_hello_t hello = rig_hello("w");
    hello.held = held;
    hello.held_count = 2;
    rig_forget(&rig);
    rig_say_hello(&rig, &hello);
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_LOST), 1);
    CU_ASSERT_EQUAL(rig_channel(&rig, 1, SMS).leased, 256);
    CU_ASSERT_EQUAL_FATAL(rig_last(&rig, RIG_WELCOME)->dropped_count, 1);
    CU_ASSERT_EQUAL(rig_last(&rig, RIG_WELCOME)->dropped[0], 4711);
    say("w", (said_t){.lease = held[0], .sequence = 1, .intent = 16});
    rig_store(&rig);
    rig_store(&rig);
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_ACK), 1);
    finish();
}

static void
who_did_not_say_hello_is_told_to(void)
{
    begin(256);
    CU_ASSERT_FALSE(core_heard(rig.core, rig.now, "w"));
    CU_ASSERT_EQUAL(rig_last(&rig, RIG_REFUSE)->reason, CORE_UNKNOWN_WORKER);
    say("w", (said_t){.lease = 1, .sequence = 1});
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_REFUSE), 2);
    finish();
}

static void
a_lease_that_never_left_returns_whole(void)
{
    begin(256);
    join("w");
    rig_tick(&rig);
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_LEASE), 0);
    rig_pass(&rig, 11 * CR_US_PER_S); /* "w" is silent, the store is away */
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_GONE), 1);
    rig_settle(&rig);
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_LEASE), 0);
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_LOST), 0);
    CU_ASSERT_EQUAL(count_of(CR_STATUS_WAITING), 256);
    join("v");
    hand_out();
    CU_ASSERT_EQUAL(rig_last(&rig, RIG_LEASE)->lease.count, 256);
    finish();
}

static void
a_stopped_lease_that_never_left_returns_whole(void)
{
    begin(256);
    join("w");
    rig_tick(&rig);
    CU_ASSERT_EQUAL(core_cancel(rig.core, 1), CR_OK);
    rig_settle(&rig);
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_LEASE), 0);
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_REVOKE), 0);
    CU_ASSERT_EQUAL(count_of(CR_STATUS_CANCELLED), 256);
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_DONE), 1);
    finish();
}

/* ---- restart ---------------------------------------------------------------------------------- */

static void
after_a_restart_the_stored_state_goes_on(void)
{
    uint64_t lease = begin_leased(600);
    say("w", (said_t){.lease = lease,
                      .sequence = 1,
                      .intent = 20,
                      .count = 4,
                      .outcome = CR_STATUS_ACCEPTED});
    rig_settle(&rig);
    const said_t second = {.lease = lease,
                           .sequence = 2,
                           .intent = 30,
                           .from = 4,
                           .count = 2,
                           .outcome = CR_STATUS_HANDED};
    say("w", second);
    rig_restart(&rig, 0); /* the second report is lost */
    CU_ASSERT_EQUAL(count_of(CR_STATUS_ACCEPTED), 4);
    CU_ASSERT_EQUAL(count_of(CR_STATUS_HANDED), 0);
    CU_ASSERT_EQUAL(rig_channel(&rig, 1, SMS).leased, 252 + 256); /* both leases */
    core_hello_t hello = rig_hello("w");
    hello.held = &lease;
    hello.held_count = 1;
    rig_say_hello(&rig, &hello);
    hand_out();
    CU_ASSERT_EQUAL(rig_last(&rig, RIG_WELCOME)->dropped_count, 0);
    CU_ASSERT_EQUAL(rig_last(&rig, RIG_LEASE)->lease.first_rank, 256);
    CU_ASSERT(rig_last(&rig, RIG_LEASE)->number > lease);
    say("w", second);
    rig_settle(&rig);
    CU_ASSERT_EQUAL(rig_last(&rig, RIG_ACK)->sequence, 2);
    CU_ASSERT_EQUAL(rig_stored(&rig, 1, SMS, 5), CR_STATUS_HANDED);
    finish();
}

static void
a_worker_that_does_not_come_back_after_a_restart_loses_its_lease(void)
{
    uint64_t lease = begin_windowed(256, 10);
    say("w", (said_t){.lease = lease, .sequence = 1, .intent = 20});
    rig_settle(&rig);
    rig_restart(&rig, 0);
    rig_pass(&rig, 9 * CR_US_PER_S);
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_LOST), 0);
    rig_pass(&rig, 2 * CR_US_PER_S);
    CU_ASSERT_EQUAL(rig_last(&rig, RIG_LOST)->loss.unknown, 20);
    finish();
}

/* The worker was told 40 and has reported 12; the store remembers the first 4. */
static void
a_lease_of_which_the_store_forgot_reports_is_lost_and_nothing_of_it_is_sent_again(void)
{
    uint64_t lease = begin_leased(256);
    const said_t said[] = {
        {.lease = lease, .sequence = 1, .intent = 20, .count = 4, .outcome = CR_STATUS_ACCEPTED},
        {.lease = lease,
         .sequence = 3,
         .intent = 40,
         .from = 8,
         .count = 4,
         .outcome = CR_STATUS_ACCEPTED},
    };
    say("w", said[0]);
    rig_settle(&rig);
    rig_restart(&rig, 0);
    core_hello_t hello = rig_hello("w");
    hello.held = &lease;
    hello.held_count = 1;
    rig_say_hello(&rig, &hello);
    say("w", said[1]);
    rig_settle(&rig);
    CU_ASSERT_EQUAL(rig_last(&rig, RIG_REFUSE)->reason, CORE_UNKNOWN_LEASE);
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_LOST), 1);
    CU_ASSERT_EQUAL(count_of(CR_STATUS_ACCEPTED), 8);
    CU_ASSERT_EQUAL(count_of(CR_STATUS_UNKNOWN), 32);
    CU_ASSERT_EQUAL(rig_stored(&rig, 1, SMS, 4), CR_STATUS_UNKNOWN);
    hand_out();
    CU_ASSERT_EQUAL(rig_last(&rig, RIG_LEASE)->lease.count, 216);
    CU_ASSERT_EQUAL(rig_last(&rig, RIG_LEASE)->offsets[0], 40);
    finish();
}

static void
a_damaged_record_is_refused(void)
{
    uint64_t lease = begin_leased(256);
    say("w", (said_t){.lease = lease, .sequence = 1, .intent = 20});
    rig_settle(&rig);
    rig_record_t record = rig.records[0];
    rig.records[0].lease = 0;
    rig_restart(&rig, 0);
    const struct {
        uint32_t at;
        uint8_t value;
        int cut;
    } damages[] = {{0, 2, 0}, {10, 9, 0}, {7, 2, 0}, {0, 1, 1}, {0, 1, -1}, {0, 1, 90}};
    for (size_t i = 0; i < CR_COUNT(damages); i++) {
        uint8_t bytes[CORE_RECORD_MAX + 1] = {0};
        memcpy(bytes, record.record, record.bytes);
        bytes[damages[i].at] = damages[i].value;
        size_t length = (size_t)((int)record.bytes - damages[i].cut);
        CU_ASSERT_EQUAL(core_restore(rig.core, rig.now, &record.place, lease,
                                     (cr_slice_t){(const char *)bytes, length}),
                        CR_CORRUPT);
    }
    const cr_slice_t whole = {(const char *)record.record, record.bytes};
    CU_ASSERT_EQUAL(core_restore(rig.core, rig.now, &record.place, lease, whole), CR_OK);
    CU_ASSERT_EQUAL(core_restore(rig.core, rig.now, &record.place, lease, whole), CR_CORRUPT);
    finish();
}

#define TEST(name)                                                                                 \
    {                                                                                              \
#name, name                                                                                \
    }
const char cr_suite[] = "dispatch_lost";
CU_TestInfo cr_tests[] = {
    TEST(a_silent_worker_loses_its_lease_and_only_what_was_intended_is_unknown),
    TEST(a_late_report_corrects_unknown_within_its_intent),
    TEST(a_late_report_takes_back_nothing_that_is_known),
    TEST(what_may_be_sent_twice_is_sent_again),
    TEST(what_ran_without_waiting_may_have_been_sent_beyond_its_intent),
    TEST(a_lease_that_its_worker_never_speaks_of_is_given_up),
    TEST(an_emergency_does_not_wait_for_a_gateway_that_takes_nothing_while_another_is_free),
    TEST(what_a_gateway_did_not_take_of_an_emergency_goes_by_another_that_is_free),
    TEST(hello_keeps_the_leases_it_names_and_loses_the_others),
    TEST(who_did_not_say_hello_is_told_to),
    TEST(a_lease_that_never_left_returns_whole),
    TEST(a_stopped_lease_that_never_left_returns_whole),
    TEST(after_a_restart_the_stored_state_goes_on),
    TEST(a_worker_that_does_not_come_back_after_a_restart_loses_its_lease),
    TEST(a_lease_of_which_the_store_forgot_reports_is_lost_and_nothing_of_it_is_sent_again),
    TEST(a_damaged_record_is_refused),
    CU_TEST_INFO_NULL,
};

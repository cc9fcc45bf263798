/* The dispatch core: receipts that come faster than they are stored, and again. */
#include <stdio.h>

#include "core_world.h"
#include "cr_test.h"

enum { DELIVERIES = 8 };

static const cr_slice_t ids[DELIVERIES] = {{"id0", 3}, {"id1", 3}, {"id2", 3}, {"id3", 3},
                                           {"id4", 3}, {"id5", 3}, {"id6", 3}, {"id7", 3}};

/* All of a block are accepted under ids of the gateway. */
static void
begin_accepted(void)
{
    begin(0);
    core_broadcast_t spec = rig_spec(&rig, 1, DELIVERIES);
    spec.receipt_wait_us = 60 * CR_US_PER_S;
    rig_start(&rig, &spec);
    join("w");
    hand_out();
    say("w", (said_t){.lease = rig_last(&rig, RIG_LEASE)->number,
                      .sequence = 1,
                      .intent = DELIVERIES,
                      .count = DELIVERIES,
                      .outcome = CR_STATUS_ACCEPTED,
                      .last = true,
                      .ids = ids,
                      .id_count = DELIVERIES});
    rig_settle(&rig);
    rig_forget(&rig);
}

static void
tell_id(uint64_t number, cr_slice_t id)
{
    const core_receipt_t receipt = {.gateway_id = id, .outcome = CR_STATUS_DELIVERED};
    core_receipts(rig.core, rig.now, "w", &(core_receipts_t){number, &receipt, 1});
}

static void
tell_rank(uint64_t number, uint32_t rank)
{
    const core_receipt_t receipt = {.delivery = {1, SMS, rank, 1}, .outcome = CR_STATUS_DELIVERED};
    core_receipts(rig.core, rig.now, "w", &(core_receipts_t){number, &receipt, 1});
}

static void
what_comes_while_a_write_is_under_way_shares_the_next_one(void)
{
    begin_accepted();
    for (uint32_t rank = 0; rank < DELIVERIES; rank++)
        tell_rank(rank + 1, rank);
    CU_ASSERT_EQUAL(rig.write_count, 1);
    CU_ASSERT(rig_store(&rig));
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_RECEIPTS_ACK), 1);
    CU_ASSERT_EQUAL(rig.write_count, 1);
    CU_ASSERT(rig_store(&rig));
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_RECEIPTS_ACK), DELIVERIES);
    for (uint32_t rank = 0; rank < DELIVERIES; rank++)
        CU_ASSERT_EQUAL(rig_stored(&rig, 1, SMS, rank), CR_STATUS_DELIVERED);
    finish();
}

static void
receipts_are_taken_while_the_ledger_is_busy(void)
{
    begin_accepted();
    for (uint32_t i = 0; i < CORE_WRITES_BUSY; i++)
        tell_rank(i + 1, i % DELIVERIES);
    rig_settle(&rig);
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_RECEIPTS_ACK), CORE_WRITES_BUSY);
    finish();
}

static void
a_repeated_receipt_is_known(void)
{
    begin_accepted();
    tell_id(1, ids[3]);
    rig_settle(&rig);
    tell_id(2, ids[3]);
    tell_id(3, CR_SLICE("never heard of"));
    rig_settle(&rig);
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_RECEIPTS_ACK), 3);
    for (int seconds = 0; seconds < 70; seconds += 5) {
        pass_alive("w", 5 * CR_US_PER_S);
        rig_settle(&rig);
    }
    CU_ASSERT_EQUAL(core_stats(rig.core).receipts_unknown, 1);
    finish();
}

static void
what_is_not_known_makes_room_for_what_is(void)
{
    char id[32];
    begin_accepted();
    for (uint64_t number = 1; number <= CORE_BATCHES_MAX; number++) {
        snprintf(id, sizeof id, "unknown %d", (int)number);
        tell_id(number, cr_slice_of(id));
        rig_settle(&rig);
    }
    tell_rank(CORE_BATCHES_MAX + 1, 0);
    rig_settle(&rig);
    CU_ASSERT_EQUAL(rig_count(&rig, RIG_RECEIPTS_ACK), CORE_BATCHES_MAX + 1);
    CU_ASSERT_EQUAL(core_stats(rig.core).receipts_unknown, 1);
    CU_ASSERT_EQUAL(rig_stored(&rig, 1, SMS, 0), CR_STATUS_DELIVERED);
    finish();
}

const char cr_suite[] = "dispatch_receipts";
CU_TestInfo cr_tests[] = {
    {"what comes while a write is under way shares the next one",
     what_comes_while_a_write_is_under_way_shares_the_next_one},
    {"receipts are taken while the ledger is busy", receipts_are_taken_while_the_ledger_is_busy},
    {"a repeated receipt is known", a_repeated_receipt_is_known},
    {"what is not known makes room for what is", what_is_not_known_makes_room_for_what_is},
    CU_TEST_INFO_NULL,
};

#include "core_world.h"

#include <CUnit/CUnit.h>

rig_t rig;

void
begin(uint32_t total)
{
    rig_init(&rig);
    core_broadcast_t spec = rig_spec(&rig, 1, total);
    if (total > 0)
        rig_start(&rig, &spec);
}

void
finish(void)
{
    rig_check(&rig);
    CU_ASSERT_EQUAL(rig.broken, 0);
    if (rig.rule)
        CU_FAIL(rig.rule);
    rig_fini(&rig);
}

void
hand_out(void)
{
    rig_tick(&rig);
    while (rig_store(&rig))
        ;
}

void
join(const char *worker)
{
    core_hello_t hello = rig_hello(worker);
    rig_say_hello(&rig, &hello);
}

void
say(const char *worker, said_t said)
{
    uint8_t positions[CORE_BLOCK], outcomes[CORE_BLOCK];
    for (uint32_t i = 0; i < said.count; i++) {
        positions[i] = (uint8_t)(said.from + i);
        outcomes[i] = said.outcome;
    }
    const core_report_t report = {.lease = said.lease,
                                  .sequence = said.sequence,
                                  .intent = said.intent,
                                  .positions = positions,
                                  .outcomes = outcomes,
                                  .count = said.count,
                                  .gateway_ids = said.ids,
                                  .gateway_id_count = said.id_count,
                                  .retry_after_ms = said.retry_after_ms,
                                  .last = said.last};
    core_report(rig.core, rig.now, worker, &report);
    rig_check(&rig);
}

uint64_t
begin_leased(uint32_t total)
{
    return begin_windowed(total, 16);
}

uint64_t
begin_windowed(uint32_t total, uint32_t window)
{
    begin(total);
    core_hello_t hello = rig_hello("w");
    hello.gateway.window = window;
    rig_say_hello(&rig, &hello);
    hand_out();
    CU_ASSERT_FATAL(rig_count(&rig, RIG_LEASE) > 0);
    for (size_t i = 0; i < rig.event_count; i++)
        if (rig.events[i].kind == RIG_LEASE && rig.events[i].lease.first_rank == 0)
            return rig.events[i].number;
    return 0;
}

uint32_t
count_of(cr_status_t status)
{
    return rig_channel(&rig, 1, SMS).by_status[status];
}

void
pass_alive(const char *worker, int64_t us)
{
    for (; us > 0; us -= CR_US_PER_S) {
        rig_pass(&rig, us < CR_US_PER_S ? us : CR_US_PER_S);
        CU_ASSERT(core_heard(rig.core, rig.now, worker));
    }
    rig_tick(&rig);
    while (rig_store(&rig))
        ;
    rig_check(&rig);
}

/*
 * What the clock does: scheduled broadcasts go at their time (after a stop, when we are back, if
 * they have not expired), what nobody sent expires, and an end that could not be stored is stored
 * again.
 */
#include "../metrics.h"
#include "cr_clock.h"
#include "metrics.h"
#include "verbs.h"

static void
on_expired(plan_t *self, ask_t *ask, ledger_op_t *op)
{
    move_adopt(ask, op);
    ask_answer(self, ask, 200, NULL);
}

static void
expire(plan_t *self, broadcast_t *broadcast)
{
    ask_t *ask = ask_errand(self, broadcast);
    json_t *document = move_begin(ask, broadcast, LIFECYCLE_MOVE_EXPIRE);
    json_object_set_new(document, "finished", json_integer(cr_clock_wall_us()));
    move_store(self, ask, "broadcast_expire", document, NULL, on_expired);
}

static void
fire(plan_t *self, broadcast_t *broadcast)
{
    ask_t *ask = ask_errand(self, broadcast);
    sending_start(self, ask, broadcast);
}

/* What may be done by the clock is what the lifecycle and its checks permit now. */
static bool
is_possible(plan_t *self, const broadcast_t *broadcast, lifecycle_move_t move)
{
    static const ask_t nobody = {.who = "", .person = ""};
    return move_check(self, &nobody, broadcast, move, NULL) == CR_OK;
}

static void
look_at(plan_t *self, broadcast_t *broadcast)
{
    if (broadcast->move || cr_clock_mono_us() < broadcast->rest_until_us)
        return;
    if (broadcast->done)
        sending_settle(self, broadcast);
    else if (broadcast->settled && broadcast->counts)
        late_recount(self, broadcast);
    else if (broadcast->settled && !broadcast->counted)
        late_count(self, broadcast);
    else if (lifecycle_is_end(broadcast->state) || broadcast->started_us > 0)
        return;
    else if (is_possible(self, broadcast, LIFECYCLE_MOVE_EXPIRE))
        expire(self, broadcast);
    else if (broadcast->state == LIFECYCLE_SCHEDULED &&
             is_possible(self, broadcast, LIFECYCLE_MOVE_SEND))
        fire(self, broadcast);
}

static void
show_queues(const plan_t *self)
{
    metrics_set(METRIC_PLAN_ASKS, (int64_t)zlistx_size(self->open));
    metrics_set(METRIC_PLAN_WRITES, (int64_t)(self->ops_out + zlist_size(self->ops)));
}

int
schedule_on_tick(zloop_t *loop, int timer, void *plan)
{
    plan_t *self = plan;
    (void)loop;
    (void)timer;
    marks_tick(self);
    replies_tick(self);
    unsubscribe_tick(self);
    show_queues(self);
    metrics_set(METRIC_REQUESTS_WAITING, (int64_t)zlistx_size(self->open));
    for (size_t i = 0; i < self->broadcast_count && !self->halted && !self->stopping; i++)
        look_at(self, self->broadcasts[i]);
    return 0;
}

/*
 * From approved to sending and to the end: the audience is frozen and stored, then the state, then
 * dispatch is told. After a restart dispatch gets what the ledger has.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "../audience/duplicates.h"
#include "arguments.h"
#include "audience.h"
#include "cr_clock.h"
#include "cr_log.h"
#include "verbs.h"

/* -- what dispatch needs to know ---------------------------------------------------------------- */

static cr_err_t
fill_content(dispatch_broadcast_t *out, const broadcast_t *broadcast, const template_t *template,
             cr_fault_t *fault)
{
    const json_t *variables = json_object_get(broadcast->document, "variables");
    for (int channel = 0; channel < CR_CHANNEL_COUNT; channel++) {
        if (!(broadcast->channels & (1u << channel)))
            continue;
        cr_err_t err = template_content(template, (cr_channel_t)channel, variables,
                                        broadcast->drill, &out->content[channel]);
        if (err != CR_OK)
            return cr_fault_set(fault, err, "template: no text for %s",
                                cr_channel_name((cr_channel_t)channel));
    }
    return CR_OK;
}

static cr_err_t
fill(const plan_t *self, const broadcast_t *broadcast, dispatch_broadcast_t *out, cr_fault_t *fault)
{
    template_t *template;
    json_t *document = json_object_get(broadcast->document, "template");
    cr_err_t err = template_parse(document, self->config.sms_signature, &template, fault);
    if (err != CR_OK)
        return err;
    const char *sender = template_sender(template);
    out->sender = sender ? strdup(sender) : NULL;
    err = fill_content(out, broadcast, template, fault);
    template_destroy(&template);
    return err;
}

/* -- who is left out ---------------------------------------------------------------------------- */

static cr_err_t
find_doubled(const plan_t *self, dispatch_broadcast_t *out, cr_channel_t channel)
{
    roaring_bitmap_t *barred = marks_barred(self, channel);
    const duplicates_t asked = {
        .directory = self->directory,
        .audience = out->audience,
        .barred = barred,
        .status = out->status[channel],
        .channel = channel,
    };
    cr_err_t err = duplicates_find(&asked, &out->doubled[channel]);
    roaring_bitmap_free(barred);
    return err;
}

typedef struct {
    const cr_status_t *const *status; /* of each channel, or NULL */
    roaring_bitmap_t *reached;
    uint32_t rank;
} reach_t;

static bool
add_reached(uint32_t ordinal, void *context)
{
    reach_t *self = context;
    bool tried = false;
    for (int channel = 0; channel < CR_CHANNEL_COUNT; channel++)
        if (self->status[channel])
            tried |= cr_status_is_tried(self->status[channel][self->rank]);
    if (tried)
        roaring_bitmap_add(self->reached, ordinal);
    self->rank++;
    return true;
}

roaring_bitmap_t *
sending_reached(const roaring_bitmap_t *audience, cr_status_t *const status[CR_CHANNEL_COUNT])
{
    reach_t reach = {.status = (const cr_status_t *const *)status,
                     .reached = roaring_bitmap_create()};
    CR_ASSERT(reach.reached);
    roaring_iterate(audience, add_reached, &reach);
    return reach.reached;
}

cr_err_t
sending_screen(const plan_t *self, const broadcast_t *broadcast, dispatch_broadcast_t *out)
{
    cr_err_t err = CR_OK;
    for (int channel = 0; broadcast->unique_addresses && channel < CR_CHANNEL_COUNT; channel++)
        if (err == CR_OK && broadcast->channels & (1u << channel))
            err = find_doubled(self, out, (cr_channel_t)channel);
    return err;
}

cr_err_t
sending_build(const plan_t *self, const broadcast_t *broadcast, roaring_bitmap_t *audience,
              dispatch_broadcast_t **out_p, cr_fault_t *fault)
{
    lifecycle_state_t state = broadcast->state;
    dispatch_broadcast_t *out = calloc(1, sizeof *out);
    CR_ASSERT(out);
    *out = (dispatch_broadcast_t){
        .id = broadcast->id,
        .lane = broadcast->lane,
        .drill = broadcast->drill,
        .paused = state == LIFECYCLE_PAUSED || state == LIFECYCLE_CANCELLED,
        .through_quiet = broadcast->through_quiet,
        .resend_unknown = broadcast->resend_unknown,
        .channels = broadcast->channels,
        .started_us = broadcast->started_us,
        .expires_us = broadcast->expires_us,
        .receipt_wait_us = self->config.receipt_wait_s * CR_US_PER_S,
        .audience = audience,
    };
    cr_err_t err = fill(self, broadcast, out, fault);
    if (err != CR_OK) {
        dispatch_broadcast_destroy(&out);
        return err;
    }
    *out_p = out;
    return CR_OK;
}

/* -- freezing ----------------------------------------------------------------------------------- */

static void
tell_start(plan_t *self, broadcast_t *broadcast, dispatch_broadcast_t **starting_p)
{
    dispatch_message_t *message = dispatch_message_new(DISPATCH_START);
    CR_ASSERT(message);
    broadcast_count(broadcast, *starting_p);
    message->id = broadcast->id;
    message->broadcast = *starting_p;
    *starting_p = NULL;
    ports_tell(self, message);
}

static void
on_sending_stored(plan_t *self, ask_t *ask, ledger_op_t *op)
{
    move_adopt(ask, op);
    tell_start(self, ask->broadcast, &ask->starting);
    ask_answer(self, ask, 200, broadcast_view(ask->broadcast));
}

static void
on_audience_stored(plan_t *self, ask_t *ask, ledger_op_t *op)
{
    json_t *document = json_incref(ask->kept);
    json_int_t count = json_integer_value(json_object_get(document, "audience"));
    json_t *detail = json_pack("{s:I}", "audience", count);
    (void)op;
    if (json_object_get(document, "sent_in_quiet"))
        json_object_set_new(detail, "sent_in_quiet", json_true());
    move_store(self, ask, "broadcast_send", document, detail, on_sending_stored);
}

static ledger_op_t *
audience_op(const dispatch_broadcast_t *starting)
{
    ledger_op_t *op = ask_op(LEDGER_AUDIENCE_PUT);
    op->broadcast = starting->id;
    roaring_bitmap_run_optimize(starting->audience);
    op->bytes_length = roaring_bitmap_portable_size_in_bytes(starting->audience);
    op->bytes = malloc(op->bytes_length);
    CR_ASSERT(op->bytes);
    roaring_bitmap_portable_serialize(starting->audience, (char *)op->bytes);
    return op;
}

static const char lost_audience[] = "to: the audience cannot be found any more";

/* An audience that became empty is a matter for a person; at its time it ends with nobody. */
static cr_err_t
freeze(plan_t *self, ask_t *ask, roaring_bitmap_t **audience, cr_fault_t *fault)
{
    const broadcast_t *broadcast = ask->broadcast;
    bool asked = ask->route_length > 0;
    if (audience_select(self, ask, broadcast->select, audience, fault) != CR_OK)
        return cr_fault_set(fault, CR_CONFLICT, "%s", lost_audience);
    if (!asked || broadcast->allow_empty || !roaring_bitmap_is_empty(*audience))
        return CR_OK;
    roaring_bitmap_free(*audience);
    return cr_fault_set(fault, CR_CONFLICT, "to: nobody is meant any more");
}

/* What goes out though it is night says so for good. */
static void
mark_quiet(const plan_t *self, const broadcast_t *broadcast, json_t *document, int64_t now_us)
{
    bool held = quiet_holds(&self->quiet, broadcast->lane, false, broadcast->through_quiet);
    if (!broadcast->drill && !held && quiet_until(&self->quiet, now_us) > 0)
        json_object_set_new(document, "sent_in_quiet", json_true());
}

static void
on_selected(plan_t *self, ask_t *ask)
{
    roaring_bitmap_t *audience;
    cr_fault_t fault;
    cr_err_t err = freeze(self, ask, &audience, &fault);
    if (err == CR_OK)
        err = sending_build(self, ask->broadcast, audience, &ask->starting, &fault);
    if (err == CR_OK && sending_screen(self, ask->broadcast, ask->starting) != CR_OK)
        err = cr_fault_set(&fault, CR_NOMEM, "out of memory");
    if (err != CR_OK) {
        ask_refuse(self, ask, &fault, NULL);
        return;
    }
    ask->kept = move_begin(ask, ask->broadcast, LIFECYCLE_MOVE_SEND);
    ask->starting->started_us = cr_clock_wall_us();
    json_object_set_new(ask->kept, "started", json_integer(ask->starting->started_us));
    mark_quiet(self, ask->broadcast, ask->kept, ask->starting->started_us);
    json_object_set_new(
        ask->kept, "audience",
        json_integer((json_int_t)roaring_bitmap_get_cardinality(ask->starting->audience)));
    ask_store(self, ask, audience_op(ask->starting), on_audience_stored);
}

void
sending_start(plan_t *self, ask_t *ask, broadcast_t *broadcast)
{
    cr_fault_t fault;
    move_hold(ask, broadcast);
    if (audience_prepare(self, ask, broadcast->select, &fault) == CR_OK) {
        audience_read(self, ask, on_selected);
    } else {
        cr_fault_set(&fault, CR_CONFLICT, "%s", lost_audience);
        ask_refuse(self, ask, &fault, NULL);
    }
}

/* -- what dispatch says ------------------------------------------------------------------------- */

void
sending_counts(plan_t *self, dispatch_message_t *news)
{
    broadcast_t *broadcast = broadcasts_find(self, news->id);
    if (!broadcast || broadcast->started_us == 0)
        return;
    if (news->counts) {
        free(broadcast->counts);
        broadcast->counts = news->counts;
        news->counts = NULL;
    }
    broadcast->done |= news->kind == DISPATCH_DONE;
    if (broadcast->done)
        sending_settle(self, broadcast);
}

static void
on_settled(plan_t *self, ask_t *ask, ledger_op_t *op)
{
    move_adopt(ask, op); /* counts that were corrected meanwhile are kept next */
    ask->broadcast->done = false;
    ask->broadcast->counted = true;
    ask_answer(self, ask, 200, NULL);
}

/* What was cancelled stays so; only its counts are kept. */
static json_t *
settled_document(ask_t *ask, broadcast_t *broadcast)
{
    if (broadcast->state != LIFECYCLE_CANCELLED) {
        json_t *document = move_begin(ask, broadcast, LIFECYCLE_MOVE_FINISH);
        json_object_set_new(document, "finished", json_integer(cr_clock_wall_us()));
        return document;
    }
    broadcast->move = ask;
    return json_deep_copy(broadcast->document);
}

void
sending_settle(plan_t *self, broadcast_t *broadcast)
{
    if (broadcast->move)
        return; /* the clock comes back to it */
    ask_t *ask = ask_errand(self, broadcast);
    json_t *document = settled_document(ask, broadcast);
    json_t *counts = broadcast_counts(broadcast);
    json_object_set(document, "counts", counts);
    json_object_set_new(document, "settled", json_true());
    move_store(self, ask, "broadcast_settled", document, counts, on_settled);
}

/* -- after a restart ---------------------------------------------------------------------------- */

static void
tell_reached(plan_t *self, broadcast_t *broadcast)
{
    dispatch_message_t *message = dispatch_message_new(DISPATCH_REACHED);
    CR_ASSERT(message);
    message->id = broadcast->id;
    message->started_us = broadcast->started_us;
    message->people = broadcast->reached;
    broadcast->reached = NULL;
    ports_tell(self, message);
}

void
sending_restart(plan_t *self)
{
    for (size_t i = 0; i < self->broadcast_count; i++) {
        broadcast_t *broadcast = self->broadcasts[i];
        if (broadcast->reached)
            tell_reached(self, broadcast);
        if (!broadcast->restart)
            continue;
        char id[CR_ID_TEXT_MAX];
        cr_log(CR_LOG_INFO, "broadcast_taken_up", "broadcast=%s state=%s",
               cr_id_format(broadcast->id, id), lifecycle_state_name(broadcast->state));
        tell_start(self, broadcast, &broadcast->restart);
        if (broadcast->state != LIFECYCLE_CANCELLED)
            continue;
        dispatch_message_t *message = dispatch_message_new(DISPATCH_CANCEL);
        CR_ASSERT(message);
        message->id = broadcast->id;
        ports_tell(self, message);
    }
}

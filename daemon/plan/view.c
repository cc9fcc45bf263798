/* A broadcast as people see it: docs/http-api.md, "Broadcast". */
#include <stdlib.h>
#include <string.h>

#include "arguments.h"
#include "broadcast.h"
#include "cr_clock.h"

static const double micros = 1e6; /* of a yuan */

static json_t *
time_json(int64_t wall_us)
{
    char text[CR_TIME_TEXT_MAX];
    return wall_us > 0 ? json_string(cr_time_format(wall_us, text)) : json_null();
}

/* Members shown as they are stored; absent ones as null. */
static const char *const shown_members[] = {"state",         "to",        "channels",     "lane",
                                            "drill",         "variables", "hash",         "author",
                                            "author_person", "submitter", "approver",     "reason",
                                            "note",          "audience",  "through_quiet"};
/* Those that a document has only when they are true. */
static const char *const shown_flags[] = {"unique_addresses", "sent_in_quiet"};
static const char *const shown_times[] = {"created", "submitted", "approved", "at",
                                          "expires", "started",   "finished"};

static json_t *
moves_view(const json_t *moves)
{
    json_t *view = json_array();
    for (size_t i = 0; i < json_array_size(moves); i++) {
        const json_t *move = json_array_get(moves, i);
        json_t *shown = json_object();
        json_object_set(shown, "state", json_object_get(move, "state"));
        json_object_set_new(shown, "at",
                            time_json(json_integer_value(json_object_get(move, "at"))));
        json_object_set(shown, "by", json_object_get(move, "by"));
        json_array_append_new(view, shown);
    }
    return view;
}

json_t *
broadcast_view(const broadcast_t *self)
{
    char id[CR_ID_TEXT_MAX];
    const json_t *document = self->document, *template = json_object_get(document, "template");
    json_t *view =
        json_pack("{s:s,s:s}", "id", cr_id_format(self->id, id), "template", self->template_name);
    json_object_set(view, "title", json_object_get(template, "title"));
    for (size_t i = 0; i < CR_COUNT(shown_members); i++) {
        json_t *value = json_object_get(document, shown_members[i]);
        json_object_set(view, shown_members[i], value ? value : json_null());
    }
    for (size_t i = 0; i < CR_COUNT(shown_flags); i++)
        json_object_set_new(view, shown_flags[i],
                            json_boolean(argument_flag(document, shown_flags[i])));
    for (size_t i = 0; i < CR_COUNT(shown_times); i++) {
        const json_t *value = json_object_get(document, shown_times[i]);
        json_object_set_new(view, shown_times[i], time_json(json_integer_value(value)));
    }
    json_object_set_new(view, "unknown", json_string(broadcast_policy(self)));
    json_object_set_new(view, "counts", broadcast_counts(self));
    json_object_set_new(view, "moves", moves_view(json_object_get(document, "moves")));
    return view;
}

static json_t *
elapsed(const broadcast_t *self, int64_t wall_us)
{
    if (wall_us == 0)
        return json_null();
    return json_integer(wall_us > self->started_us ? (wall_us - self->started_us) / CR_US_PER_MS
                                                   : 0);
}

/* Statuses with a count of their own: reasons, and what is delivered without proof. */
static bool
is_told(cr_status_t status)
{
    cr_status_class_t kind = cr_status_class(status);
    return kind == CR_STATUS_CLASS_FAILED || kind == CR_STATUS_CLASS_SUPPRESSED ||
           (kind == CR_STATUS_CLASS_DELIVERED && status != CR_STATUS_DELIVERED);
}

/* By class, and by status for those of is_told. */
static void
add_classes(json_t *view, const dispatch_counts_t *counts)
{
    uint32_t classes[CR_STATUS_CLASS_COUNT] = {0};
    json_t *reasons = json_object();
    for (unsigned status = 0; status < CR_COUNT(counts->by_status); status++) {
        uint32_t count = counts->by_status[status];
        if (count == 0 || !cr_status_is_known((cr_status_t)status))
            continue;
        classes[cr_status_class((cr_status_t)status)] += count;
        if (is_told((cr_status_t)status))
            json_object_set_new(reasons, cr_status_name((cr_status_t)status), json_integer(count));
    }
    for (int i = 0; i < CR_STATUS_CLASS_COUNT; i++)
        json_object_set_new(view, cr_status_class_name((cr_status_class_t)i),
                            json_integer(classes[i]));
    json_object_set_new(view, "reasons", reasons);
}

static json_t *
channel_view(const broadcast_t *self, const dispatch_counts_t *counts)
{
    json_t *view =
        json_pack("{s:i,s:i}", "total", (int)counts->total, "leased", (int)counts->leased);
    add_classes(view, counts);
    json_object_set_new(view, "parts", json_integer((json_int_t)counts->bill.parts));
    json_object_set_new(view, "cost", json_real((double)counts->bill.price / micros));
    json_object_set_new(view, "ms_to_half", elapsed(self, counts->half_us));
    json_object_set_new(view, "ms_to_95", elapsed(self, counts->most_us));
    json_object_set_new(view, "ms_to_last", elapsed(self, counts->last_us));
    json_object_set_new(view, "waits_for", json_string(counts->waits_for));
    return view;
}

/* After the end dispatch need not know any more when it happened. */
static void
keep_times(json_t *counts, const json_t *before)
{
    static const char *const times[] = {"ms_to_half", "ms_to_95", "ms_to_last"};
    const char *name;
    json_t *channel;
    json_object_foreach(counts, name, channel)
    {
        for (size_t i = 0; i < CR_COUNT(times); i++)
            json_object_set(channel, times[i],
                            json_object_get(json_object_get(before, name), times[i]));
    }
}

json_t *
broadcast_counts(const broadcast_t *self)
{
    json_t *stored = json_object_get(self->document, "counts");
    if (!self->counts)
        return stored ? json_deep_copy(stored) : json_object();
    json_t *view = json_object();
    for (int channel = 0; channel < CR_CHANNEL_COUNT; channel++)
        if (self->channels & (1u << channel))
            json_object_set_new(view, cr_channel_name((cr_channel_t)channel),
                                channel_view(self, &self->counts[channel]));
    if (stored)
        keep_times(view, stored);
    return view;
}

/* What was billed until the end is in the record. */
void
broadcast_bill(const broadcast_t *self, cr_channel_t channel, cr_bill_t *bill)
{
    const json_t *counts =
        json_object_get(json_object_get(self->document, "counts"), cr_channel_name(channel));
    bill->parts = (uint64_t)json_integer_value(json_object_get(counts, "parts"));
    bill->price = (uint64_t)(json_number_value(json_object_get(counts, "cost")) * micros + 0.5);
}

static void
count_channel(dispatch_counts_t *counts, const cr_status_t *status, uint32_t total)
{
    counts->total = total;
    if (!status)
        counts->by_status[CR_STATUS_WAITING] = total;
    for (uint32_t rank = 0; status && rank < total; rank++)
        counts->by_status[status[rank]]++;
}

void
broadcast_count(broadcast_t *self, const dispatch_broadcast_t *started)
{
    uint32_t total = (uint32_t)roaring_bitmap_get_cardinality(started->audience);
    free(self->counts);
    self->counts = calloc(CR_CHANNEL_COUNT, sizeof *self->counts);
    CR_ASSERT(self->counts);
    for (int channel = 0; channel < CR_CHANNEL_COUNT; channel++)
        if (self->channels & (1u << channel)) {
            count_channel(&self->counts[channel], started->status[channel], total);
            self->counts[channel].bill = started->bill[channel];
        }
}

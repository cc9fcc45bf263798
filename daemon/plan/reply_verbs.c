/* What residents said, newest first. It lies sealed in the store, and leaves it masked. */
#include <string.h>

#include "arguments.h"
#include "cr_clock.h"
#include "cr_text.h"
#include "metrics.h"
#include "reply.h"
#include "reply_record.h"
#include "verbs.h"

enum { LIMIT_DEFAULT = 50, LIMIT_MAX = 100, PAGE = 256, CURSOR_MAX = 40 };

static json_t *
masked_address(const json_t *record, cr_channel_t channel)
{
    char text[80];
    return json_string(
        address_masked(cr_slice_of(argument_text(record, "address")), channel, text));
}

static json_t *
masked_text(const json_t *record)
{
    cr_str_t masked;
    cr_str_init(&masked, 64 << 10);
    reply_mask(cr_slice_of(argument_text(record, "text")), &masked);
    json_t *text = json_string(cr_str_text(&masked));
    cr_str_fini(&masked);
    return text;
}

/* As docs/http-api.md shows one. NULL: the record is none of ours. */
static json_t *
view_of(json_t *record, cr_slice_t number)
{
    static const char *const same[] = {"channel", "worker", "drill",     "kind",
                                       "did",     "people", "recipients"};
    cr_channel_t channel;
    char at[CR_TIME_TEXT_MAX];
    if (!argument_text(record, "channel") || !argument_text(record, "address") ||
        cr_channel_parse(argument_text(record, "channel"), &channel) != CR_OK)
        return NULL;
    json_t *shown = json_pack("{s:s%}", "id", number.text, number.length);
    json_object_set_new(
        shown, "at",
        json_string(cr_time_format(json_integer_value(json_object_get(record, "at")), at)));
    for (size_t i = 0; i < CR_COUNT(same); i++)
        json_object_set(shown, same[i], json_object_get(record, same[i]));
    json_object_set_new(shown, "address", masked_address(record, channel));
    json_object_set_new(shown, "text", masked_text(record));
    return shown;
}

static bool
is_asked_for(const json_t *arguments, const json_t *record)
{
    size_t index;
    json_t *id;
    const char *wanted = argument_text(arguments, "recipient");
    json_array_foreach(json_object_get(record, "recipients"), index, id)
    {
        if (wanted && strcmp(json_string_value(id), wanted) == 0)
            return true;
    }
    return !wanted;
}

static void
add(const plan_t *self, const ask_t *ask, cr_slice_t number, cr_slice_t sealed, json_t *items)
{
    json_t *record = reply_record_open(sealed, self->importer_config.seal_key);
    if (!record)
        metrics_add(METRIC_REPLIES_UNREADABLE, 1);
    else if (is_asked_for(ask->arguments, record))
        json_array_append_new(items, view_of(record, number));
    json_decref(record);
}

/* A page ends with as many as were wanted, or when so many were looked at. */
static void
on_read(plan_t *self, ask_t *ask, ledger_op_t *op)
{
    json_t *items = json_array();
    cr_slice_t rest = {(const char *)op->bytes, op->bytes_length}, number, sealed;
    size_t looked_at = 0, limit = (size_t)json_integer_value(ask->kept);
    char next[CURSOR_MAX] = "";
    while (json_array_size(items) < limit && ledger_next_text(&rest, &number) &&
           ledger_next_text(&rest, &sealed)) {
        add(self, ask, number, sealed, items);
        snprintf(next, sizeof next, "%.*s", (int)number.length, number.text);
        looked_at++;
    }
    bool is_last = rest.length == 0 && looked_at < PAGE;
    ask_answer_items(self, ask, items, is_last ? NULL : next);
}

/* "1234-5", or none. */
static bool
is_cursor(const char *text)
{
    size_t high = text ? strspn(text, "0123456789") : 0;
    size_t low = high > 0 && text[high] == '-' ? strspn(text + high + 1, "0123456789") : 0;
    return !text || (low > 0 && text[high + 1 + low] == '\0' && strlen(text) < CURSOR_MAX);
}

static cr_err_t
read_question(ask_t *ask, ledger_op_t *op, cr_fault_t *fault)
{
    uint64_t limit;
    int64_t since_us = 0;
    const char *cursor = argument_text(ask->arguments, "cursor");
    const char *since = argument_text(ask->arguments, "since");
    cr_err_t err =
        argument_number(ask->arguments, "limit", LIMIT_MAX, LIMIT_DEFAULT, &limit, fault);
    if (err != CR_OK)
        return err;
    if (!is_cursor(cursor))
        return cr_fault_set(fault, CR_INVAL, "cursor: give back what `next` was");
    if (since && (cr_time_parse(since, &since_us) != CR_OK || since_us < 0))
        return cr_fault_set(fault, CR_INVAL, "since: a time like 2026-11-25T08:00:00+08:00");
    ask->kept = json_integer((json_int_t)limit);
    op->cursor = (uint64_t)(since_us / CR_US_PER_MS);
    op->key = cursor ? strdup(cursor) : NULL;
    return CR_OK;
}

void
verb_replies(plan_t *self, ask_t *ask)
{
    cr_fault_t fault;
    ledger_op_t *op = ask_op(LEDGER_REPLIES_READ);
    if (read_question(ask, op, &fault) == CR_OK) {
        ask_store(self, ask, op, on_read);
        return;
    }
    ledger_op_destroy(&op);
    ask_refuse(self, ask, &fault, NULL);
}

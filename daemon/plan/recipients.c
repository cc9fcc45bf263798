/* People of the directory: shown masked, counted, exported. */
#include <string.h>

#include "arguments.h"
#include "audience.h"
#include "cr_clock.h"
#include "cr_text.h"
#include "verbs.h"

bool
ask_recipient(plan_t *self, ask_t *ask, const char *argument, recipient_t *recipient)
{
    const char *id = argument_text(ask->arguments, argument);
    uint32_t ordinal = directory_find(self->directory, cr_slice_of(id));
    if (ordinal != DIRECTORY_NONE && directory_get(self->directory, ordinal, recipient))
        return true;
    cr_fault_t fault;
    cr_fault_set(&fault, CR_NOTFOUND, "no such recipient: %.64s", id);
    ask_refuse(self, ask, &fault, NULL);
    return false;
}

const char *
recipient_suppressed(const plan_t *self, uint32_t ordinal, cr_channel_t channel)
{
    if (roaring_bitmap_contains(self->marks[LEDGER_MARK_OPTOUT][channel], ordinal))
        return cr_status_name(CR_STATUS_SUPPRESSED_OPTOUT);
    if (directory_address(self->directory, ordinal, channel).length == 0)
        return cr_status_name(CR_STATUS_SUPPRESSED_ADDRESS);
    if (roaring_bitmap_contains(self->marks[LEDGER_MARK_BAD][channel], ordinal))
        return cr_status_name(CR_STATUS_SUPPRESSED_BAD_ADDRESS);
    return NULL;
}

static const char *
mask_phone(cr_slice_t address, char out[80])
{
    return cr_mask_phone(address, out);
}

static const char *
mask_openid(cr_slice_t address, char out[80])
{
    return cr_mask_openid(address, out);
}

const char *
address_masked(cr_slice_t address, cr_channel_t channel, char out[80])
{
    static const char *(*const masks[CR_CHANNEL_COUNT])(cr_slice_t, char *) = {
        [CR_CHANNEL_SMS] = mask_phone,
        [CR_CHANNEL_WECHAT] = mask_openid,
        [CR_CHANNEL_MAIL] = cr_mask_email,
    };
    return address.length > 0 ? masks[channel](address, out) : "";
}

const char *
recipient_masked(const plan_t *self, uint32_t ordinal, cr_channel_t channel, char out[80])
{
    return address_masked(directory_address(self->directory, ordinal, channel), channel, out);
}

static json_t *
text_json(cr_slice_t text)
{
    return json_stringn(text.text, text.length);
}

/* "a;b" as ["a","b"] */
static json_t *
names_json(const directory_t *directory, uint32_t ordinal,
           void (*append)(const directory_t *directory, uint32_t ordinal, cr_str_t *out))
{
    cr_str_t joined;
    cr_str_init(&joined, 64 << 10);
    append(directory, ordinal, &joined);
    json_t *names = json_array();
    for (const char *at = cr_str_text(&joined); *at != '\0';) {
        size_t length = strcspn(at, ";");
        json_array_append_new(names, json_stringn(at, length));
        at += length + (at[length] == ';');
    }
    cr_str_fini(&joined);
    return names;
}

static json_t *
attributes_json(const directory_t *directory, uint32_t ordinal)
{
    json_t *attributes = json_object();
    for (uint32_t i = 0; i < directory_attribute_count(directory); i++) {
        cr_slice_t key = directory_attribute(directory, i);
        cr_slice_t value = directory_value(directory, ordinal, key);
        if (value.length > 0)
            json_object_setn_new(attributes, key.text, key.length, text_json(value));
    }
    return attributes;
}

static json_t *
guardian_json(const directory_t *directory, uint32_t ordinal)
{
    recipient_t guardian;
    if (ordinal == DIRECTORY_NONE || !directory_get(directory, ordinal, &guardian))
        return json_null();
    return text_json(guardian.id);
}

static json_t *
marked_json(const plan_t *self, ledger_mark_t mark, uint32_t ordinal)
{
    unsigned channels = 0;
    for (int channel = 0; channel < CR_CHANNEL_COUNT; channel++)
        if (roaring_bitmap_contains(self->marks[mark][channel], ordinal))
            channels |= 1u << channel;
    return channels_json(channels);
}

/* Of each channel that the recipient opted out of: since when and why, where it is known. */
static json_t *
reasons_json(const plan_t *self, uint32_t ordinal)
{
    json_t *reasons = json_object();
    for (int channel = 0; channel < CR_CHANNEL_COUNT; channel++) {
        json_t *reason = marks_reason(self, ordinal, (cr_channel_t)channel);
        if (reason)
            json_object_set_new(reasons, cr_channel_name((cr_channel_t)channel), reason);
    }
    return reasons;
}

json_t *
recipient_view(const plan_t *self, const recipient_t *recipient)
{
    const directory_t *directory = self->directory;
    uint32_t ordinal = recipient->ordinal;
    char text[80];
    json_t *shown = json_object();
    json_object_set_new(shown, "id", text_json(recipient->id));
    json_object_set_new(shown, "name", json_string(cr_mask_name(recipient->name, text)));
    json_object_set_new(shown, "phone",
                        json_string(address_masked(recipient->phone, CR_CHANNEL_SMS, text)));
    json_object_set_new(shown, "openid",
                        json_string(address_masked(recipient->openid, CR_CHANNEL_WECHAT, text)));
    json_object_set_new(shown, "email",
                        json_string(address_masked(recipient->email, CR_CHANNEL_MAIL, text)));
    json_object_set_new(shown, "division", text_json(recipient->division));
    json_object_set_new(shown, "town",
                        text_json(directory_value(directory, ordinal, CR_SLICE("town"))));
    json_object_set_new(shown, "groups", names_json(directory, ordinal, directory_append_groups));
    json_object_set_new(shown, "roles", names_json(directory, ordinal, directory_append_roles));
    json_object_set_new(shown, "language", text_json(recipient->language));
    json_object_set_new(shown, "attributes", attributes_json(directory, ordinal));
    json_object_set_new(shown, "guardian", guardian_json(directory, recipient->guardian));
    json_object_set_new(shown, "opted_out", marked_json(self, LEDGER_MARK_OPTOUT, ordinal));
    json_object_set_new(shown, "opt_outs", reasons_json(self, ordinal));
    json_object_set_new(shown, "bad_addresses", marked_json(self, LEDGER_MARK_BAD, ordinal));
    json_object_set_new(shown, "ordinal", json_integer(ordinal));
    return shown;
}

void
verb_recipient_show(plan_t *self, ask_t *ask)
{
    recipient_t recipient;
    if (ask_recipient(self, ask, "id", &recipient))
        ask_answer(self, ask, 200, recipient_view(self, &recipient));
}

/* -- counting ----------------------------------------------------------------------------------- */

static json_t *
reach_json(const plan_t *self, const roaring_bitmap_t *members)
{
    json_t *reach = json_object();
    for (int channel = 0; channel < CR_CHANNEL_COUNT; channel++) {
        roaring_bitmap_t *reached = roaring_bitmap_and(
            members, directory_reachable(self->directory, (cr_channel_t)channel));
        for (int mark = 0; mark < LEDGER_MARK_COUNT; mark++)
            roaring_bitmap_andnot_inplace(reached, self->marks[mark][channel]);
        json_object_set_new(reach, cr_channel_name((cr_channel_t)channel),
                            json_integer((json_int_t)roaring_bitmap_get_cardinality(reached)));
        roaring_bitmap_free(reached);
    }
    return reach;
}

enum { TOWN_DIGITS = 9, CODE_DIGITS = 12 };

typedef struct {
    const directory_t *directory;
    const roaring_bitmap_t *members;
    json_t *towns; /* code of the town -> row */
} towns_t;

/* Villages are counted with their town, whose code is theirs with three zeros at the end. */
static void
on_division(void *context, cr_slice_t name, const roaring_bitmap_t *inhabitants)
{
    towns_t *self = context;
    if (name.length != CODE_DIGITS)
        return;
    roaring_bitmap_t *here = roaring_bitmap_and(self->members, inhabitants);
    uint64_t count = roaring_bitmap_get_cardinality(here);
    char code[CODE_DIGITS + 1] = "000000000000";
    memcpy(code, name.text, TOWN_DIGITS);
    json_t *row = json_object_get(self->towns, code);
    if (count > 0 && !row) {
        uint32_t anyone = roaring_bitmap_minimum(here);
        row = json_pack("{s:s,s:o,s:i}", "code", code, "name",
                        text_json(directory_value(self->directory, anyone, CR_SLICE("town"))),
                        "count", 0);
        json_object_set_new(self->towns, code, row);
    }
    if (count > 0) {
        json_int_t before = json_integer_value(json_object_get(row, "count"));
        json_object_set_new(row, "count", json_integer(before + (json_int_t)count));
    }
    roaring_bitmap_free(here);
}

static json_t *
towns_json(const plan_t *self, const roaring_bitmap_t *members)
{
    towns_t context = {self->directory, members, json_object()};
    json_t *rows = json_array();
    const char *code;
    json_t *row;
    directory_each_tag(self->directory, DIRECTORY_TAG_DIVISION, on_division, &context);
    json_object_foreach(context.towns, code, row) json_array_append(rows, row);
    json_decref(context.towns);
    return rows;
}

static void
refuse_selector(plan_t *self, ask_t *ask, const cr_fault_t *fault)
{
    ask->answer.http_status = 400;
    ask_refuse(self, ask, fault, NULL);
}

static void
on_selected(plan_t *self, ask_t *ask)
{
    const char *select = argument_text(ask->arguments, "select");
    roaring_bitmap_t *members;
    cr_fault_t fault;
    if (audience_select(self, ask, select, &members, &fault) != CR_OK) {
        refuse_selector(self, ask, &fault);
        return;
    }
    ask_answer(self, ask, 200,
               json_pack("{s:s,s:I,s:o,s:o}", "select", select, "count",
                         (json_int_t)roaring_bitmap_get_cardinality(members), "channels",
                         reach_json(self, members), "towns", towns_json(self, members)));
    roaring_bitmap_free(members);
}

void
verb_audience_count(plan_t *self, ask_t *ask)
{
    cr_fault_t fault;
    if (audience_prepare(self, ask, argument_text(ask->arguments, "select"), &fault) == CR_OK)
        audience_read(self, ask, on_selected);
    else
        refuse_selector(self, ask, &fault);
}

/* -- export ------------------------------------------------------------------------------------- */

/* Nothing leaves before the audit says so. */
static void
on_export_audited(plan_t *self, ask_t *ask, ledger_op_t *op)
{
    (void)op;
    ask->answer.listing = listing_of(self->directory, self->marks[LEDGER_MARK_OPTOUT]);
    ask_answer(self, ask, 200, NULL);
}

void
verb_recipient_export(plan_t *self, ask_t *ask)
{
    ledger_op_t *op = ask_op(LEDGER_AUDIT_PUT);
    op->audit = ask_audit(ask, "recipient_export", "directory",
                          json_pack("{s:i}", "recipients", (int)directory_size(self->directory)));
    ask_store(self, ask, op, on_export_audited);
}

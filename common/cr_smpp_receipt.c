#include "cr_smpp_receipt.h"

#include <string.h>
#include <strings.h>

#include "cr_smpp.h"

/* In the order in which they are written. The last takes all that follows it. */
static const struct {
    const char *key;
    size_t offset;
} fields[] = {
    {"id:", offsetof(cr_smpp_receipt_t, id)},
    {"sub:", offsetof(cr_smpp_receipt_t, sub)},
    {"dlvrd:", offsetof(cr_smpp_receipt_t, dlvrd)},
    {"submit date:", offsetof(cr_smpp_receipt_t, submit_date)},
    {"done date:", offsetof(cr_smpp_receipt_t, done_date)},
    {"stat:", offsetof(cr_smpp_receipt_t, stat)},
    {"err:", offsetof(cr_smpp_receipt_t, err)},
    {"text:", offsetof(cr_smpp_receipt_t, text)},
};
enum { TEXT = CR_COUNT(fields) - 1 };

static cr_slice_t *
member(cr_smpp_receipt_t *receipt, size_t field)
{
    return (cr_slice_t *)((char *)receipt + fields[field].offset);
}

/* Which field's key stands at the head of `text`; CR_COUNT(fields): none. */
static size_t
key_at(cr_slice_t text)
{
    for (size_t i = 0; i < CR_COUNT(fields); i++) {
        size_t length = strlen(fields[i].key);
        if ((text.text[0] | 0x20) != fields[i].key[0]) /* both cases of a letter */
            continue;
        if (text.length >= length && strncasecmp(text.text, fields[i].key, length) == 0)
            return i;
    }
    return CR_COUNT(fields);
}

static void
skip(cr_slice_t *text, size_t length)
{
    *text = (cr_slice_t){text->text + length, text->length - length};
}

static size_t
word_length(cr_slice_t text)
{
    const char *space = text.length > 0 ? memchr(text.text, ' ', text.length) : NULL;
    return space ? (size_t)(space - text.text) : text.length;
}

cr_err_t
cr_smpp_receipt_read(cr_slice_t text, cr_smpp_receipt_t *receipt)
{
    *receipt = (cr_smpp_receipt_t){0};
    while (text.length > 0) {
        size_t field = key_at(text);
        if (field < CR_COUNT(fields))
            skip(&text, strlen(fields[field].key));
        size_t length = field == TEXT ? text.length : word_length(text);
        if (field < CR_COUNT(fields))
            *member(receipt, field) = (cr_slice_t){text.text, length};
        skip(&text, length < text.length ? length + 1 : length);
    }
    return receipt->id.length > 0 && receipt->stat.length > 0 ? CR_OK : CR_INVAL;
}

void
cr_smpp_receipt_write(const cr_smpp_receipt_t *receipt, cr_str_t *out)
{
    for (size_t i = 0; i < CR_COUNT(fields); i++) {
        if (i > 0)
            cr_str_append_char(out, ' ');
        cr_str_append_text(out, fields[i].key);
        cr_str_append_slice(out, *member((cr_smpp_receipt_t *)receipt, i));
    }
}

static const char *const states[] = {
    [CR_SMPP_STATE_ENROUTE] = "ENROUTE",       [CR_SMPP_STATE_DELIVERED] = "DELIVRD",
    [CR_SMPP_STATE_EXPIRED] = "EXPIRED",       [CR_SMPP_STATE_DELETED] = "DELETED",
    [CR_SMPP_STATE_UNDELIVERABLE] = "UNDELIV", [CR_SMPP_STATE_ACCEPTED] = "ACCEPTD",
    [CR_SMPP_STATE_UNKNOWN] = "UNKNOWN",       [CR_SMPP_STATE_REJECTED] = "REJECTD",
};

uint32_t
cr_smpp_state_of(cr_slice_t stat)
{
    for (uint32_t i = CR_SMPP_STATE_ENROUTE; i < CR_COUNT(states); i++)
        if (stat.length == strlen(states[i]) && strncasecmp(stat.text, states[i], stat.length) == 0)
            return i;
    return 0;
}

const char *
cr_smpp_state_name(uint32_t state)
{
    bool known = state >= CR_SMPP_STATE_ENROUTE && state < CR_COUNT(states);
    return states[known ? state : CR_SMPP_STATE_UNKNOWN];
}

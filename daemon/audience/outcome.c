#include "outcome.h"

#include <stdlib.h>
#include <string.h>

#include "cr_str.h"

enum { RANKS_AT_ONCE = 4096, VALUE_MAX = 40 };

#define C(name) (1u << CR_STATUS_CLASS_##name)
static const struct {
    const char *key;
    unsigned classes;
    cr_status_t only; /* 0: any of the classes */
} kinds[] = {
    {"delivered", C(DELIVERED), 0},
    {"sent", C(ACCEPTED) | C(DELIVERED), 0},
    {"unconfirmed", C(DELIVERED), CR_STATUS_UNCONFIRMED},
    {"failed", C(FAILED), 0},
    {"unknown", C(UNKNOWN), 0},
    {"suppressed", C(SUPPRESSED), 0},
    {"expired", C(EXPIRED), 0},
    {"cancelled", C(CANCELLED), 0},
};
#undef C

void
outcome_fini(outcome_t *self)
{
    if (self->audience)
        roaring_bitmap_free(self->audience);
    for (int i = 0; i < CR_CHANNEL_COUNT; i++)
        free(self->status[i]);
    *self = (outcome_t){0};
}

const char *
outcome_key(size_t kind)
{
    return kind < CR_COUNT(kinds) ? kinds[kind].key : NULL;
}

static cr_err_t
parse_channel(const char *name, unsigned *channels, cr_fault_t *fault)
{
    cr_channel_t channel;
    if (cr_channel_parse(name, &channel) != CR_OK)
        return cr_fault_set(fault, CR_INVAL, "behind / stands sms, wechat or mail");
    *channels = 1u << channel;
    return CR_OK;
}

static cr_err_t
parse_value(cr_slice_t value, outcome_term_t *out, cr_fault_t *fault)
{
    char text[VALUE_MAX];
    if (value.length >= sizeof text)
        return cr_fault_set(fault, CR_INVAL, "not the id of a broadcast, as in B-0000001K");
    memcpy(text, value.text, value.length);
    text[value.length] = '\0';
    char *slash = strchr(text, '/');
    if (slash)
        *slash = '\0';
    if (cr_id_parse(text, &out->broadcast) != CR_OK)
        return cr_fault_set(fault, CR_INVAL, "not the id of a broadcast, as in B-0000001K");
    return slash ? parse_channel(slash + 1, &out->channels, fault) : CR_OK;
}

cr_err_t
outcome_parse(cr_slice_t key, cr_slice_t value, outcome_term_t *out, cr_fault_t *fault)
{
    for (size_t kind = 0; kind < CR_COUNT(kinds); kind++) {
        if (!cr_slice_equal(key, cr_slice_of(kinds[kind].key)))
            continue;
        outcome_term_t term = {.kind = kind, .channels = (1u << CR_CHANNEL_COUNT) - 1};
        cr_err_t err = parse_value(value, &term, fault);
        if (err == CR_OK)
            *out = term;
        return err;
    }
    return CR_NOTFOUND;
}

static bool
is_meant(size_t kind, cr_status_t status)
{
    if (!cr_status_is_known(status) || (kinds[kind].only != 0 && status != kinds[kind].only))
        return false;
    return (kinds[kind].classes >> cr_status_class(status) & 1u) != 0;
}

typedef struct {
    bool meant[256];
    const cr_status_t *status[CR_CHANNEL_COUNT];
    size_t channel_count;
} test_t;

static void
prepare(test_t *test, const outcome_t *self, const outcome_term_t *term)
{
    *test = (test_t){0};
    for (int status = 0; status < 256; status++)
        test->meant[status] = is_meant(term->kind, (cr_status_t)status);
    for (int i = 0; i < CR_CHANNEL_COUNT; i++)
        if ((term->channels >> i & 1) && self->status[i])
            test->status[test->channel_count++] = self->status[i];
}

/* Of the ordinals of `count` ranks from `first` on those that are meant; how many. */
static uint32_t
sift(const test_t *test, uint32_t first, uint32_t *ordinals, uint32_t count)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        bool meant = false;
        for (size_t channel = 0; channel < test->channel_count; channel++)
            meant |= test->meant[test->status[channel][first + i]];
        ordinals[kept] = ordinals[i];
        kept += meant;
    }
    return kept;
}

roaring_bitmap_t *
outcome_members(const outcome_t *self, const outcome_term_t *term)
{
    test_t test;
    uint32_t ordinals[RANKS_AT_ONCE];
    roaring_bitmap_t *members = roaring_bitmap_create();
    if (!members)
        return NULL;
    prepare(&test, self, term);
    roaring_uint32_iterator_t at;
    roaring_init_iterator(self->audience, &at);
    for (uint32_t rank = 0, count;; rank += count) {
        count = roaring_read_uint32_iterator(&at, ordinals, RANKS_AT_ONCE);
        if (count == 0)
            return members;
        roaring_bitmap_add_many(members, sift(&test, rank, ordinals, count), ordinals);
    }
}

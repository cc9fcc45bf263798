#include "details.h"

#include <stdio.h>
#include <stdlib.h>

#include "hash.h"
#include "map.h"

enum { REFERENCE_MAX = 64, PHONE_MAX = 24, UNDER_WAY = 1, FAILED, DELIVERED };

typedef struct {
    char phone[PHONE_MAX], reference[REFERENCE_MAX];
    const char *failure;
    int64_t final_us;
    uint64_t key, before; /* hash of the phone; number of the one before it, plus 1 */
} entry_t;

struct details {
    entry_t *entries; /* a ring */
    map_t *newest;    /* hash of a phone -> number of its newest, plus 1 */
    uint64_t count;   /* that were ever added */
};

details_t *
details_new(void)
{
    details_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->entries = calloc(DETAILS_MAX, sizeof *self->entries);
    self->newest = map_new(DETAILS_MAX);
    if (!self->entries || !self->newest)
        details_destroy(&self);
    return self;
}

void
details_destroy(details_t **self_p)
{
    details_t *self = *self_p;
    if (!self)
        return;
    map_destroy(&self->newest);
    free(self->entries);
    free(self);
    *self_p = NULL;
}

static bool
is_kept(const details_t *self, uint64_t number)
{
    return number < self->count && self->count - number <= DETAILS_MAX;
}

/* The one that its place belonged to is forgotten. */
static void
make_room(details_t *self, const entry_t *entry, uint64_t number)
{
    uint64_t newest;
    if (number >= DETAILS_MAX && map_find(self->newest, entry->key, &newest) &&
        newest == number - DETAILS_MAX + 1)
        map_remove(self->newest, entry->key);
}

void
details_add(details_t *self, const detail_t *detail)
{
    uint64_t number = self->count, before = 0;
    entry_t *entry = &self->entries[number % DETAILS_MAX];
    make_room(self, entry, number);
    uint64_t key = hash_text(detail->phone, 0);
    map_find(self->newest, key, &before);
    *entry = (entry_t){
        .failure = detail->failure, .final_us = detail->final_us, .key = key, .before = before};
    snprintf(entry->phone, sizeof entry->phone, "%.*s", (int)detail->phone.length,
             detail->phone.text);
    snprintf(entry->reference, sizeof entry->reference, "%.*s", (int)detail->reference.length,
             detail->reference.text);
    self->count++;
    map_put(self->newest, key, number + 1);
}

static json_t *
view(const entry_t *entry, int64_t now_us)
{
    int status = now_us < entry->final_us ? UNDER_WAY : entry->failure ? FAILED : DELIVERED;
    const char *code = status == UNDER_WAY ? "" : entry->failure ? entry->failure : "DELIVERED";
    return json_pack("{s:i,s:s,s:s,s:s}", "SendStatus", status, "ErrCode", code, "PhoneNum",
                     entry->phone, "OutId", entry->reference);
}

json_t *
details_of(const details_t *self, cr_slice_t phone, int64_t now_us)
{
    uint64_t key = hash_text(phone, 0), number = 0;
    json_t *list = json_array();
    map_find(self->newest, key, &number);
    while (number > 0 && is_kept(self, number - 1) && json_array_size(list) < DETAILS_SHOWN) {
        const entry_t *entry = &self->entries[(number - 1) % DETAILS_MAX];
        if (entry->key != key)
            break;
        json_array_append_new(list, view(entry, now_us));
        number = entry->before;
    }
    return list;
}

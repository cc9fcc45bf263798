#include "pull.h"

#include <czmq.h>
#include <stdlib.h>

typedef struct entry {
    struct entry *previous, *next;
    pull_item_t item;
    int64_t due_us;
} entry_t;

/* Those that were asked for equally often, the first that is due first. */
typedef struct {
    entry_t *first, *last;
} queue_t;

struct pull {
    size_t most;
    int64_t after_us;
    queue_t queues[PULL_TIMES];
    zhashx_t *by_reference; /* entries, borrowed */
    uint64_t forgotten;
};

pull_t *
pull_new(size_t most, int64_t after_us)
{
    pull_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    *self = (pull_t){.most = most, .after_us = after_us, .by_reference = zhashx_new()};
    if (self->by_reference) { /* keys are in the entries */
        zhashx_set_key_duplicator(self->by_reference, NULL);
        zhashx_set_key_destructor(self->by_reference, NULL);
        return self;
    }
    free(self);
    return NULL;
}

static void
take_out(pull_t *self, entry_t *entry)
{
    queue_t *queue = &self->queues[entry->item.asked];
    if (entry->previous)
        entry->previous->next = entry->next;
    else
        queue->first = entry->next;
    if (entry->next)
        entry->next->previous = entry->previous;
    else
        queue->last = entry->previous;
    zhashx_delete(self->by_reference, entry->item.reference);
}

static entry_t *
first_due(const pull_t *self)
{
    entry_t *found = NULL;
    for (size_t i = 0; i < PULL_TIMES; i++) {
        entry_t *first = self->queues[i].first;
        if (first && (!found || first->due_us < found->due_us))
            found = first;
    }
    return found;
}

void
pull_destroy(pull_t **self_p)
{
    pull_t *self = *self_p;
    if (!self)
        return;
    for (entry_t *entry; (entry = first_due(self));) {
        take_out(self, entry);
        free(entry);
    }
    zhashx_destroy(&self->by_reference);
    free(self);
    *self_p = NULL;
}

void
pull_add(pull_t *self, const pull_item_t *item, int64_t now_us)
{
    if (item->asked >= PULL_TIMES)
        return;
    pull_told(self, item->reference); /* one entry each */
    if (zhashx_size(self->by_reference) == self->most) {
        pull_item_t oldest;
        self->forgotten += pull_next(self, INT64_MAX, &oldest);
    }
    entry_t *entry = calloc(1, sizeof *entry);
    if (!entry)
        return;
    queue_t *queue = &self->queues[item->asked];
    *entry = (entry_t){.previous = queue->last, .item = *item};
    entry->due_us = now_us + (self->after_us << item->asked);
    if (queue->last)
        queue->last->next = entry;
    else
        queue->first = entry;
    queue->last = entry;
    zhashx_insert(self->by_reference, entry->item.reference, entry);
}

void
pull_told(pull_t *self, const char *reference)
{
    entry_t *entry = zhashx_lookup(self->by_reference, reference);
    if (!entry)
        return;
    take_out(self, entry);
    free(entry);
}

bool
pull_next(pull_t *self, int64_t now_us, pull_item_t *item)
{
    entry_t *entry = first_due(self);
    if (!entry || entry->due_us > now_us)
        return false;
    take_out(self, entry);
    *item = entry->item;
    item->asked++;
    free(entry);
    return true;
}

size_t
pull_count(const pull_t *self)
{
    return zhashx_size(self->by_reference);
}

uint64_t
pull_forgotten(const pull_t *self)
{
    return self->forgotten;
}

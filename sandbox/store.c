#include "store.h"

#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "map.h"
#include "reference.h"

typedef struct {
    uint64_t address_key, person_key; /* 0: no person */
    uint64_t before_of_address, before_of_person;
    int64_t time_us;
    const char *failure;
    char *text; /* address, reference, title, content, one after the other */
    uint32_t content_bytes;
    uint16_t address_bytes, reference_bytes, title_bytes;
    uint8_t parts;
    uint8_t channel;
} entry_t;

struct store {
    entry_t *ring;
    size_t capacity;
    uint64_t first, next; /* numbers of the oldest entry and of the one to come */
    size_t bytes, bytes_max;
    map_t *addresses, *persons; /* key -> number of the newest entry */
};

store_t *
store_new(size_t messages_max, size_t bytes_max)
{
    store_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    *self = (store_t){.ring = calloc(messages_max, sizeof(entry_t)),
                      .capacity = messages_max,
                      .first = 1,
                      .next = 1,
                      .bytes_max = bytes_max,
                      .addresses = map_new(messages_max),
                      .persons = map_new(messages_max)};
    if (!self->ring || !self->addresses || !self->persons)
        store_destroy(&self);
    return self;
}

static entry_t *
entry_at(const store_t *self, uint64_t number)
{
    return number >= self->first && number < self->next ? &self->ring[number % self->capacity]
                                                        : NULL;
}

static size_t
entry_bytes(const entry_t *entry)
{
    return (size_t)entry->address_bytes + entry->reference_bytes + entry->title_bytes +
           entry->content_bytes;
}

/* A chain's newest entry is known by the map; when it goes, the whole chain has gone. */
static void
unmap(map_t *map, uint64_t key, uint64_t number)
{
    uint64_t newest;
    if (key != 0 && map_find(map, key, &newest) && newest == number)
        map_remove(map, key);
}

static void
evict_oldest(store_t *self)
{
    entry_t *entry = entry_at(self, self->first);
    unmap(self->addresses, entry->address_key, self->first);
    unmap(self->persons, entry->person_key, self->first);
    self->bytes -= entry_bytes(entry);
    free(entry->text);
    entry->text = NULL;
    self->first++;
}

void
store_destroy(store_t **self_p)
{
    store_t *self = *self_p;
    if (!self)
        return;
    while (self->first < self->next)
        evict_oldest(self);
    map_destroy(&self->addresses);
    map_destroy(&self->persons);
    free(self->ring);
    free(self);
    *self_p = NULL;
}

static uint64_t
person_key(cr_slice_t reference)
{
    cr_delivery_t delivery;
    if (reference_read(reference, &delivery) != CR_OK)
        return 0;
    return hash_pair(delivery.broadcast, delivery.rank);
}

static uint64_t
chain(map_t *map, uint64_t key, uint64_t number)
{
    uint64_t before = 0;
    if (key == 0)
        return 0;
    map_find(map, key, &before);
    map_put(map, key, number);
    return before;
}

static char *
texts_copy(const store_message_t *message)
{
    const cr_slice_t texts[] = {message->address, message->reference, message->title,
                                message->content};
    size_t length = 0;
    for (size_t i = 0; i < CR_COUNT(texts); i++)
        length += texts[i].length;
    char *copy = malloc(length + 1), *at = copy;
    for (size_t i = 0; copy && i < CR_COUNT(texts); at += texts[i++].length)
        memcpy(at, texts[i].text, texts[i].length);
    return copy;
}

static bool
fits(const store_t *self, const store_message_t *message)
{
    return message->address.length <= UINT16_MAX && message->reference.length <= UINT16_MAX &&
           message->title.length <= UINT16_MAX && message->content.length <= UINT32_MAX &&
           message->address.length + message->reference.length + message->title.length +
                   message->content.length <=
               self->bytes_max;
}

static void
entry_add(store_t *self, const entry_t *entry)
{
    while (self->next - self->first == self->capacity ||
           (self->first < self->next && self->bytes + entry_bytes(entry) > self->bytes_max))
        evict_oldest(self);
    entry_t *added = &self->ring[self->next % self->capacity];
    *added = *entry;
    added->before_of_address = chain(self->addresses, entry->address_key, self->next);
    added->before_of_person = chain(self->persons, entry->person_key, self->next);
    self->bytes += entry_bytes(entry);
    self->next++;
}

cr_err_t
store_add(store_t *self, const store_message_t *message)
{
    if (!fits(self, message))
        return CR_TOOBIG;
    entry_t entry = {
        .address_key = hash_text(message->address, 0),
        .person_key = person_key(message->reference),
        .time_us = message->time_us,
        .failure = message->failure,
        .text = texts_copy(message),
        .content_bytes = (uint32_t)message->content.length,
        .address_bytes = (uint16_t)message->address.length,
        .reference_bytes = (uint16_t)message->reference.length,
        .title_bytes = (uint16_t)message->title.length,
        .parts = (uint8_t)(message->parts > UINT8_MAX ? UINT8_MAX : message->parts),
        .channel = (uint8_t)message->channel,
    };
    if (!entry.text)
        return CR_NOMEM;
    entry_add(self, &entry);
    return CR_OK;
}

static cr_slice_t
text_take(const char **at, size_t length)
{
    cr_slice_t taken = {*at, length};
    *at += length;
    return taken;
}

bool
store_at(const store_t *self, uint64_t number, store_message_t *message)
{
    const entry_t *entry = entry_at(self, number);
    if (!entry)
        return false;
    const char *at = entry->text;
    *message = (store_message_t){.channel = (cr_channel_t)entry->channel,
                                 .parts = entry->parts,
                                 .time_us = entry->time_us,
                                 .failure = entry->failure};
    message->address = text_take(&at, entry->address_bytes);
    message->reference = text_take(&at, entry->reference_bytes);
    message->title = text_take(&at, entry->title_bytes);
    message->content = text_take(&at, entry->content_bytes);
    return true;
}

uint64_t
store_oldest(const store_t *self)
{
    return self->first < self->next ? self->first : 0;
}

uint64_t
store_newest(const store_t *self)
{
    return self->first < self->next ? self->next - 1 : 0;
}

uint64_t
store_of_address(const store_t *self, cr_slice_t address)
{
    uint64_t number;
    if (!map_find(self->addresses, hash_text(address, 0), &number))
        return 0;
    return number;
}

uint64_t
store_before_of_address(const store_t *self, uint64_t number)
{
    const entry_t *entry = entry_at(self, number);
    return entry && entry_at(self, entry->before_of_address) ? entry->before_of_address : 0;
}

uint64_t
store_of_person(const store_t *self, uint64_t number)
{
    const entry_t *entry = entry_at(self, number);
    uint64_t newest;
    return entry && entry->person_key && map_find(self->persons, entry->person_key, &newest)
               ? newest
               : 0;
}

uint64_t
store_before_of_person(const store_t *self, uint64_t number)
{
    const entry_t *entry = entry_at(self, number);
    return entry && entry_at(self, entry->before_of_person) ? entry->before_of_person : 0;
}

bool
store_holds(const store_t *self, const store_message_t *message)
{
    uint64_t number = store_of_address(self, message->address);
    for (store_message_t held; store_at(self, number, &held);
         number = store_before_of_address(self, number))
        if (held.channel == message->channel && cr_slice_equal(held.address, message->address) &&
            cr_slice_equal(held.reference, message->reference))
            return true;
    return false;
}

#include "finds.h"

#include <stdlib.h>
#include <string.h>

#include "../metrics.h"
#include "prints.h"

/* A broadcast that has ended takes receipts for seven days; one more for clocks that differ. */
enum { DAY_S = 86400, LATE_S = 8 * DAY_S, WAIT_S_MAX = 30 * DAY_S };
enum { READ_EACH_MS = 1000, SOUGHT_MOST = 1 << 20 };

/* In `sought`: not found yet. No broadcast has this number. */
static const cr_delivery_t unfound = {.broadcast = CR_BROADCAST_MAX};

typedef struct {
    uint32_t batch;
    size_t count;
    cr_delivery_t *found;
    uint64_t prints[];
} find_t;

struct finds {
    finds_send_fn *send;
    void *context;
    prints_t *ids;
    bool displaced; /* some that are stored are not in memory */

    ledger_book_t *books; /* by broadcast */
    size_t book_count, book_capacity;
    uint32_t sweeps; /* tables in which ids of a broadcast that is over may be left */

    zlist_t *ready, *waiting, *sharing; /* finds: answered; for the next reading; for this one */
    bool reads, complete; /* a reading is under way; one was, and took in all there is */
    uint64_t at;          /* the broadcast that is read; newer ones have been */
    prints_t *sought;     /* what this reading is for; NULL: for all there is */
    int64_t next_us;      /* when another may begin */
};

finds_t *
finds_new(size_t most, finds_send_fn *send, void *context)
{
    finds_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->send = send;
    self->context = context;
    self->ids = prints_new(most);
    self->ready = zlist_new();
    self->waiting = zlist_new();
    self->sharing = zlist_new();
    if (!self->ids || !self->ready || !self->waiting || !self->sharing)
        finds_destroy(&self);
    return self;
}

static void
find_free(find_t *find)
{
    free(find->found);
    free(find);
}

static void
drop_finds(zlist_t **finds_p)
{
    for (find_t *find; *finds_p && (find = zlist_pop(*finds_p)) != NULL;)
        find_free(find);
    zlist_destroy(finds_p);
}

void
finds_destroy(finds_t **self_p)
{
    finds_t *self = *self_p;
    if (!self)
        return;
    drop_finds(&self->ready);
    drop_finds(&self->waiting);
    drop_finds(&self->sharing);
    prints_destroy(&self->ids);
    prints_destroy(&self->sought);
    free(self->books);
    free(self);
    *self_p = NULL;
}

/* -- which broadcasts have ids ------------------------------------------------------------------ */

/* Where the broadcast is or would be. */
static size_t
place_of(const finds_t *self, uint64_t broadcast)
{
    size_t low = 0, high = self->book_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (self->books[middle].broadcast < broadcast)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool
has_book(const void *context, uint64_t broadcast)
{
    const finds_t *self = context;
    size_t at = place_of(self, broadcast);
    return at < self->book_count && self->books[at].broadcast == broadcast;
}

static ledger_book_t *
book_of(finds_t *self, uint64_t broadcast)
{
    size_t at = place_of(self, broadcast);
    if (has_book(self, broadcast))
        return &self->books[at];
    if (self->book_count == self->book_capacity) {
        self->book_capacity = self->book_capacity * 2 + 16;
        self->books = realloc(self->books, self->book_capacity * sizeof *self->books);
        CR_ASSERT(self->books);
    }
    memmove(self->books + at + 1, self->books + at, (self->book_count - at) * sizeof *self->books);
    self->book_count++;
    self->books[at] = (ledger_book_t){.broadcast = broadcast};
    return &self->books[at];
}

static void
close_books(finds_t *self, int64_t now_s)
{
    size_t kept = 0;
    for (size_t i = 0; i < self->book_count; i++)
        if (self->books[i].until_s > now_s)
            self->books[kept++] = self->books[i];
    if (kept < self->book_count)
        self->sweeps = PRINTS_TABLES;
    self->book_count = kept;
}

/* -- ids come ----------------------------------------------------------------------------------- */

static void
put(finds_t *self, uint64_t print, const cr_delivery_t *delivery)
{
    if (prints_put(self->ids, print, delivery))
        return;
    self->displaced = true;
    metrics_add(METRIC_RECEIPT_IDS_DISPLACED, 1);
}

static void
encode(uint64_t print, const cr_delivery_t *delivery, uint8_t out[LEDGER_ID_BYTES])
{
    uint32_t rank = delivery->rank % LEDGER_CHUNK;
    for (int i = 0; i < 8; i++)
        out[i] = (uint8_t)(print >> 8 * i);
    out[8] = (uint8_t)rank;
    out[9] = (uint8_t)(rank >> 8);
    out[10] = (uint8_t)(delivery->attempt < UINT8_MAX ? delivery->attempt : UINT8_MAX);
}

/* Kept for a day longer than need be, so that this is not said with every write. */
static void
keep_book(finds_t *self, int64_t wait_us, ledger_op_t *op)
{
    int64_t wait_s = wait_us > 0 ? wait_us / CR_US_PER_S : WAIT_S_MAX;
    int64_t until_s = cr_clock_wall_us() / CR_US_PER_S + wait_s + LATE_S;
    ledger_book_t *book = book_of(self, op->broadcast);
    op->announces = book->until_s < until_s;
    if (op->announces)
        book->until_s = until_s + DAY_S;
    op->ids_until_s = book->until_s;
}

void
finds_keep(finds_t *self, const core_write_t *write, int64_t wait_us, ledger_op_t *op)
{
    if (write->index_count == 0)
        return;
    op->bytes = malloc(write->index_count * LEDGER_ID_BYTES);
    CR_ASSERT(op->bytes);
    for (size_t i = 0; i < write->index_count; i++) {
        const core_gateway_id_t *id = &write->index[i];
        const cr_delivery_t delivery = {write->broadcast, write->channel, id->rank, id->attempt};
        if (id->id.length == 0)
            continue;
        uint64_t print = prints_of(id->id);
        put(self, print, &delivery);
        encode(print, &delivery, op->bytes + op->bytes_length);
        op->bytes_length += LEDGER_ID_BYTES;
    }
    keep_book(self, wait_us, op);
}

/* -- and are looked for ------------------------------------------------------------------------- */

/* False: something is missing. */
static bool
look_up(const prints_t *ids, find_t *find)
{
    bool all = true;
    for (size_t i = 0; i < find->count; i++) {
        bool known = find->found[i].broadcast != 0;
        all &= known || prints_get(ids, find->prints[i], &find->found[i]);
    }
    return all;
}

static void
add(zlist_t *finds, find_t *find)
{
    int added = zlist_append(finds, find);
    CR_ASSERT(added == 0);
}

void
finds_ask(finds_t *self, uint32_t batch, const cr_slice_t *ids, size_t count)
{
    find_t *find = malloc(sizeof *find + count * sizeof *find->prints);
    CR_ASSERT(find);
    find->batch = batch;
    find->count = count;
    find->found = calloc(count, sizeof *find->found);
    CR_ASSERT(find->found);
    for (size_t i = 0; i < count; i++)
        find->prints[i] = prints_of(ids[i]);
    bool all = look_up(self->ids, find);
    add(all || (self->complete && !self->displaced) ? self->ready : self->waiting, find);
}

void
finds_answer(finds_t *self, finds_found_fn *found)
{
    for (find_t *find; (find = zlist_pop(self->ready)) != NULL; find_free(find))
        found(self->context, find->batch, find->found, find->count);
}

bool
finds_has_answers(const finds_t *self)
{
    return zlist_size(self->ready) > 0;
}

/* -- reading what is stored --------------------------------------------------------------------- */

static void
ask_for_ids(finds_t *self, cr_channel_t channel, uint32_t first_rank, uint64_t from)
{
    ledger_op_t *op = ledger_op_new(LEDGER_IDS_READ);
    CR_ASSERT(op);
    op->broadcast = self->at;
    op->channel = channel;
    op->first_rank = first_rank;
    op->cursor = from;
    self->send(self->context, op);
}

/* What was looked for and is not there is of no delivery, as far as anybody knows. */
static void
end_reading(finds_t *self)
{
    for (find_t *find; (find = zlist_pop(self->sharing)) != NULL; add(self->ready, find)) {
        look_up(self->ids, find);
        look_up(self->sought, find);
        for (size_t i = 0; i < find->count; i++)
            if (find->found[i].broadcast == unfound.broadcast)
                find->found[i].broadcast = 0;
    }
    prints_destroy(&self->sought);
    self->reads = false;
    self->complete = true;
    size_t left = self->displaced ? 0 : zlist_size(self->waiting);
    for (; left > 0; left--) {
        find_t *find = zlist_pop(self->waiting);
        look_up(self->ids, find);
        add(self->ready, find);
    }
}

static void
read_older(finds_t *self)
{
    size_t at = place_of(self, self->at);
    if (at == 0) {
        end_reading(self);
        return;
    }
    self->at = self->books[at - 1].broadcast;
    ask_for_ids(self, (cr_channel_t)0, 0, 0);
}

void
finds_take_books(finds_t *self, ledger_op_t *op)
{
    for (size_t i = 0; i < op->book_count; i++) {
        ledger_book_t *book = book_of(self, op->books[i].broadcast);
        if (book->until_s < op->books[i].until_s)
            book->until_s = op->books[i].until_s;
    }
    self->at = CR_BROADCAST_MAX;
    read_older(self);
}

static void
take_id(finds_t *self, const ledger_op_t *op, const uint8_t *bytes)
{
    uint64_t print = 0;
    cr_delivery_t delivery = {.broadcast = op->broadcast,
                              .channel = op->channel,
                              .rank = op->first_rank + (bytes[8] | (uint32_t)bytes[9] << 8),
                              .attempt = bytes[10]};
    cr_delivery_t known;
    for (int i = 0; i < 8; i++)
        print |= (uint64_t)bytes[i] << 8 * i;
    if (!self->sought)
        put(self, print, &delivery);
    else if (prints_get(self->sought, print, &known))
        prints_put(self->sought, print, &delivery);
}

/* Then the rest of the chunk, the next chunk, the next channel, the next broadcast. */
void
finds_take_ids(finds_t *self, const ledger_op_t *op)
{
    size_t whole = op->bytes_length / LEDGER_ID_BYTES * LEDGER_ID_BYTES;
    for (size_t at = 0; at < whole; at += LEDGER_ID_BYTES)
        take_id(self, op, op->bytes + at);
    if (whole == (size_t)LEDGER_IDS_PAGE * LEDGER_ID_BYTES)
        ask_for_ids(self, op->channel, op->first_rank, op->cursor + whole);
    else if (op->on)
        ask_for_ids(self, op->channel, op->first_rank + LEDGER_CHUNK, 0);
    else if (op->channel + 1 < CR_CHANNEL_COUNT)
        ask_for_ids(self, (cr_channel_t)(op->channel + 1), 0, 0);
    else
        read_older(self);
}

/* All finds that wait share this reading. */
static void
seek(finds_t *self)
{
    self->sought = prints_new(SOUGHT_MOST);
    CR_ASSERT(self->sought);
    for (find_t *find; (find = zlist_pop(self->waiting)) != NULL; add(self->sharing, find))
        for (size_t i = 0; i < find->count; i++)
            if (find->found[i].broadcast == 0)
                prints_put(self->sought, find->prints[i], &unfound);
    self->at = CR_BROADCAST_MAX;
    read_older(self);
}

static void
begin_reading(finds_t *self, core_time_t now)
{
    self->reads = true;
    self->next_us = now.mono_us + READ_EACH_MS * CR_US_PER_MS;
    if (self->complete) {
        seek(self);
        return;
    }
    ledger_op_t *op = ledger_op_new(LEDGER_BOOKS_READ);
    CR_ASSERT(op);
    self->send(self->context, op);
}

void
finds_tick(finds_t *self, core_time_t now)
{
    bool wanted = !self->complete || zlist_size(self->waiting) > 0;
    if (!self->reads && wanted && now.mono_us >= self->next_us)
        begin_reading(self, now);
    close_books(self, now.wall_us / CR_US_PER_S);
    if (self->sweeps > 0) {
        self->sweeps--;
        prints_sweep(self->ids, has_book, self);
    }
    metrics_set(METRIC_RECEIPT_IDS, (int64_t)prints_count(self->ids));
}

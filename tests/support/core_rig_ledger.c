#include "core_rig_ledger.h"

#include <stdlib.h>
#include <string.h>

void
rig_broken(rig_t *self, const char *rule)
{
    if (self->broken++ == 0)
        self->rule = rule;
}

/* Room for one more at the end of an array. */
void *
rig_grown(void *array, size_t count, size_t size)
{
    if ((count & (count - 1)) != 0)
        return array; /* it grows at the powers of two */
    void *larger = realloc(array, (count > 0 ? 2 * count : 1) * size);
    CR_ASSERT(larger);
    return larger;
}

void *
rig_copy_of(const void *bytes, size_t length)
{
    void *copy = malloc(length + 1);
    CR_ASSERT(copy);
    if (length > 0)
        memcpy(copy, bytes, length);
    return copy;
}

rig_broadcast_t *
rig_broadcast_of(rig_t *self, uint64_t id)
{
    CR_ASSERT(id > 0 && id <= RIG_BROADCASTS && self->broadcasts[id - 1].spec.id == id);
    return &self->broadcasts[id - 1];
}

rig_record_t *
rig_record_of(const rig_t *self, uint64_t lease)
{
    for (size_t i = 0; i < self->record_count; i++)
        if (self->records[i].lease == lease)
            return &self->records[i];
    return NULL;
}

uint32_t
rig_number_at(const uint8_t *bytes)
{
    return bytes[0] | (uint32_t)bytes[1] << 8;
}

/* ---- the ledger ------------------------------------------------------------------------------- */

/* Deleted, or kept for what may have been sent: bit 2 of byte 1. */
static bool
is_over(const rig_write_t *kept)
{
    return kept->write.lease_ends || (kept->write.record_bytes > 0 && (kept->record[1] & 4) != 0);
}

void
rig_on_store(void *context, const core_write_t *write)
{
    rig_t *self = context;
    self->writes = rig_grown(self->writes, self->write_count, sizeof *self->writes);
    rig_write_t *kept = &self->writes[self->write_count++];
    CR_ASSERT(write->length <= CORE_BLOCK && write->record_bytes <= CORE_RECORD_MAX);
    *kept = (rig_write_t){.write = *write};
    memcpy(kept->status, write->status, write->length);
    memcpy(kept->record, write->record, write->record_bytes);
    memcpy(kept->trail, write->trail, write->trail_bytes);
    kept->index = rig_copy_of(write->index, write->index_count * sizeof *write->index);
    for (size_t i = 0; i < write->index_count; i++)
        kept->index[i].id.text = rig_copy_of(write->index[i].id.text, write->index[i].id.length);
    if (!is_over(kept))
        return;
    uint64_t *owner = rig_broadcast_of(self, write->broadcast)->owner[write->channel];
    for (uint32_t i = 0; i <= rig_broadcast_of(self, write->broadcast)->spec.total / CORE_BLOCK;
         i++)
        if (owner[i] == write->lease)
            owner[i] = 0;
}

static void
free_write(rig_write_t *kept)
{
    for (size_t i = 0; i < kept->write.index_count; i++)
        free((char *)kept->index[i].id.text);
    free(kept->index);
}

void
rig_on_find(void *context, uint32_t batch, const cr_slice_t *ids, size_t count)
{
    rig_t *self = context;
    self->finds = rig_grown(self->finds, self->find_count, sizeof *self->finds);
    rig_find_t *find = &self->finds[self->find_count++];
    *find = (rig_find_t){batch, count, rig_copy_of(ids, count * sizeof *ids)};
    for (size_t i = 0; i < count; i++)
        find->ids[i].text = rig_copy_of(ids[i].text, ids[i].length);
}

static void
free_find(rig_find_t *find)
{
    for (size_t i = 0; i < find->count; i++)
        free((char *)find->ids[i].text);
    free(find->ids);
}

static rig_id_t *
id_of(const rig_t *self, cr_slice_t id)
{
    for (size_t i = 0; i < self->id_count; i++)
        if (cr_slice_equal(cr_slice_of(self->ids[i].id), id))
            return &self->ids[i];
    return NULL;
}

static void
put_id(rig_t *self, const core_write_t *write, const core_gateway_id_t *index)
{
    rig_id_t *at = id_of(self, index->id);
    if (!at) {
        self->ids = rig_grown(self->ids, self->id_count, sizeof *self->ids);
        at = &self->ids[self->id_count++];
    }
    *at = (rig_id_t){.delivery = {write->broadcast, write->channel, index->rank, index->attempt}};
    memcpy(at->id, index->id.text, index->id.length);
}

static void
put_record(rig_t *self, const rig_write_t *kept)
{
    const core_write_t *write = &kept->write;
    rig_record_t *at = rig_record_of(self, write->lease);
    if (is_over(kept)) {
        self->ended = rig_grown(self->ended, self->ended_count, sizeof *self->ended);
        self->ended[self->ended_count++] = write->lease;
    }
    if (write->lease_ends) {
        if (at)
            at->lease = 0;
        return;
    }
    if (!at)
        at = rig_record_of(self, 0);
    if (!at) {
        self->records = rig_grown(self->records, self->record_count, sizeof *self->records);
        at = &self->records[self->record_count++];
    }
    *at = (rig_record_t){.lease = write->lease,
                         .place = {.broadcast = write->broadcast, .channel = write->channel},
                         .bytes = write->record_bytes};
    memcpy(at->record, kept->record, write->record_bytes);
}

static void
put(rig_t *self, const rig_write_t *kept)
{
    self->billed.parts += kept->write.bill.parts;
    self->billed.price += kept->write.bill.price;
    const core_write_t *write = &kept->write;
    cr_status_t *image = rig_broadcast_of(self, write->broadcast)->status[write->channel];
    for (uint32_t i = 0; i < write->length; i++) {
        cr_status_t *at = &image[write->first_rank + i];
        if (*at != kept->status[i] && !cr_status_may(*at, kept->status[i]))
            rig_broken(self, "a stored byte moved as the table forbids");
        *at = kept->status[i];
    }
    if (write->lease != 0)
        put_record(self, kept);
    for (size_t i = 0; i < write->index_count; i++)
        put_id(self, write, &kept->index[i]);
}

uint32_t
rig_put_in_image(rig_t *self)
{
    rig_write_t kept = self->writes[0];
    memmove(self->writes, self->writes + 1, --self->write_count * sizeof *self->writes);
    put(self, &kept);
    free_write(&kept);
    return kept.write.ticket;
}

bool
rig_store(rig_t *self)
{
    if (self->write_count == 0)
        return false;
    core_stored(self->core, self->now, rig_put_in_image(self));
    return true;
}

bool
rig_find(rig_t *self)
{
    if (self->find_count == 0)
        return false;
    rig_find_t find = self->finds[0];
    memmove(self->finds, self->finds + 1, --self->find_count * sizeof *self->finds);
    cr_delivery_t found[CORE_RECEIPTS_MAX] = {0};
    for (size_t i = 0; i < find.count; i++) {
        const rig_id_t *at = id_of(self, find.ids[i]);
        if (at)
            found[i] = at->delivery;
    }
    core_found(self->core, self->now, find.batch, found, find.count);
    free_find(&find);
    return true;
}

void
rig_drop_pending(rig_t *self)
{
    for (size_t i = 0; i < self->write_count; i++)
        free_write(&self->writes[i]);
    for (size_t i = 0; i < self->find_count; i++)
        free_find(&self->finds[i]);
    self->write_count = self->find_count = 0;
}

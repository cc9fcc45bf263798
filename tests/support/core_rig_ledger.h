/*
 * core_rig_ledger - the rig's ledger: writes that wait, and the image of what is stored
 *
 * Shared by core_rig.c and core_rig_ledger.c only; tests use core_rig.h.
 */
#ifndef CORE_RIG_LEDGER_H
#define CORE_RIG_LEDGER_H

#include "core_rig.h"

/* The core's actions. */
void rig_on_store(void *context, const core_write_t *write);
void rig_on_find(void *context, uint32_t batch, const cr_slice_t *ids, size_t count);

/* Puts the oldest write into the image; its ticket. */
uint32_t rig_put_in_image(rig_t *self);
void rig_drop_pending(rig_t *self);

void rig_broken(rig_t *self, const char *rule);
rig_broadcast_t *rig_broadcast_of(rig_t *self, uint64_t id);
rig_record_t *rig_record_of(const rig_t *self, uint64_t lease);
/* Two bytes of a record. */
uint32_t rig_number_at(const uint8_t *bytes);
/* Room for one more at the end of an array. */
void *rig_grown(void *array, size_t count, size_t size);
void *rig_copy_of(const void *bytes, size_t length);

#endif

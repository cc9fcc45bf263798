/*
 * cr_lease - leases for tests of the worker: the few facts a test cares about, the rest made up
 *
 * Delivery i has rank i, attempt 1, the address "address-i" and the name "name-i".
 */
#ifndef CR_LEASE_H
#define CR_LEASE_H

#include "runtime/batch.h"

typedef struct {
    uint64_t lease;
    cr_channel_t channel;
    cr_lane_t lane;
    size_t count;
    bool drill, free_running;
    int64_t expires_us;
    const char *sender, *text, *subject, *html, *url;
    const char *template_id, *field_name, *field_value; /* one field, or none when NULL */
    size_t first_rank, broadcast;
} lease_spec_t;

Crier__V1__Frame *lease_frame(const lease_spec_t *spec);
batch_t *lease_batch(const lease_spec_t *spec);

#endif

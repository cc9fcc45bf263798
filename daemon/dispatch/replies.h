/*
 * replies - what residents said or did, as a worker's frame brings it
 *
 * Checked and copied out of the frame here, so that plan reads what it knows to be sound: plan
 * decides what it means (../plan/reply.h).
 *
 * Source     docs/protocol.md section 6.
 * Ownership  one block of memory with its texts.
 * Threads    whoever holds it.
 */
#ifndef REPLIES_H
#define REPLIES_H

#include "cr_id.h"
#include "cr_str.h"
#include "crier.pb-c.h"

enum { REPLIES_MAX = 256, REPLIES_ADDRESS_MAX = 254, REPLIES_TEXT_MAX = 2000 };

typedef struct {
    Crier__V1__Replies__Kind kind;
    cr_slice_t address, text; /* any bytes; the address has some */
} replies_item_t;

typedef struct {
    char worker[32];
    uint64_t batch;
    cr_channel_t channel;
    bool drill; /* came over a gateway that reaches no resident */
    size_t count;
    replies_item_t items[];
} replies_t;

/* CR_INVAL: columns differ, or a value is over its limit; CR_NOMEM. Of whom and over which channel
 * is left to the caller. */
cr_err_t replies_read(const Crier__V1__Replies *message, replies_t **self_p) CR_MUST_USE;
void replies_destroy(replies_t **self_p);

#endif

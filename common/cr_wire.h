/*
 * cr_wire - packing and unpacking of crier.proto, and Pools
 *
 * Source     docs/protocol.md; protobuf encoding by protobuf-c.
 * Limits     a frame over CR_WIRE_FRAME_MAX is refused before it is parsed.
 * Ownership  an unpacked frame is freed by cr_wire_free; everything in it lives as long.
 */
#ifndef CR_WIRE_H
#define CR_WIRE_H

#include <zmq.h>

#include "cr_base.h"
#include "crier.pb-c.h"

enum { CR_WIRE_VERSION = 1, CR_WIRE_FRAME_MAX = 4 * 1024 * 1024, CR_WIRE_BLOCK = 256 };

/* Sets version and packs `frame` into a fresh message that the caller sends or closes. CR_TOOBIG,
 * CR_NOMEM. */
cr_err_t cr_wire_pack(Crier__V1__Frame *frame, zmq_msg_t *out) CR_MUST_USE;

/* CR_INVAL malformed or no body, CR_TOOBIG, CR_CONFLICT for a version we do not speak. */
cr_err_t cr_wire_unpack(const void *bytes, size_t length, Crier__V1__Frame **frame) CR_MUST_USE;
void cr_wire_free(Crier__V1__Frame **frame_p);

/* True when there are `count` lengths and they add up to the bytes. An absent pool has count 0. */
bool cr_wire_pool_is_sound(const Crier__V1__Pool *pool, size_t count);

/* Walks a sound pool: start at {0}; each call gives the next value. */
typedef struct {
    size_t index;
    size_t offset;
} cr_wire_cursor_t;
cr_slice_t cr_wire_pool_next(const Crier__V1__Pool *pool, cr_wire_cursor_t *cursor);

/* Builds a pool; grow-only memory that is kept between uses. `pool` points into it. */
typedef struct {
    uint32_t *lengths;
    size_t count, lengths_capacity;
    uint8_t *bytes;
    size_t length, bytes_capacity;
    bool failed; /* memory ran out; set once, cleared by reset */
    Crier__V1__Pool pool;
} cr_wire_pool_t;
void cr_wire_pool_init(cr_wire_pool_t *self);
void cr_wire_pool_fini(cr_wire_pool_t *self);
void cr_wire_pool_reset(cr_wire_pool_t *self);
void cr_wire_pool_add(cr_wire_pool_t *self, cr_slice_t value);
/* The message to hang into a Lease or Report; lives until the next add or reset. */
Crier__V1__Pool *cr_wire_pool_message(cr_wire_pool_t *self);

#endif

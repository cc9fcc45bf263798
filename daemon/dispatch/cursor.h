/*
 * cursor - the status bytes of one channel of a broadcast, and where its next work is
 *
 * There is no queue: what is still to do follows from the bytes. Ranks are grouped in blocks of 256;
 * at most one lease is out for a block. A scan position finds fresh blocks; retries come in waves,
 * one due time per block, so that ten million deliveries need no timer.
 *
 * Invariants every byte moves by cr_status_may; counts equal a recount of the bytes at any time; no
 *            free block before `scan` has a WAITING byte, none before `sweep` an open one.
 * Memory     1 byte a delivery and 64 bytes a block of 256.
 */
#ifndef CURSOR_H
#define CURSOR_H

#include "core.h"

#define CURSOR_NEVER INT64_MAX

/* Instead of the key of one gateway. */
enum { CURSOR_SEVERAL = 1 };

struct lease;

typedef struct {
    int64_t due_us;                      /* its RETRY bytes may be tried again */
    struct lease *lease;                 /* the one that is out, or NULL */
    uint64_t uncertain[CORE_BLOCK / 64]; /* bit per rank: an earlier submit has no known end */
    uint16_t waiting, retry;
    uint32_t doubter; /* key of the gateway that has those; 0 when none is set */
    uint16_t grants;  /* leases of it so far, modulo 65536 */
    uint8_t left;     /* bits of gateways that left some of its ranks to others */
    uint32_t refuser; /* key of the gateway that said "later" of its RETRY bytes; 0: none */
} cursor_block_t;

typedef struct {
    cr_status_t *status;
    cursor_block_t *blocks;
    uint32_t total, block_count;
    uint32_t by_status[256];
    uint32_t open, settled; /* WAITING and RETRY bytes; final ones */
    bool anywhere;          /* what one gateway may have sent may go out by another */
    uint32_t scan, sweep, wave;
    int64_t next_due_us,
        wave_due_us; /* of free blocks: known so far; found by the wave under way */
} cursor_t;

/* Takes `status` over (NULL: all waiting). CR_NOMEM, CR_CORRUPT for a byte the table does not know. */
cr_err_t cursor_init(cursor_t *self, uint32_t total, cr_status_t *status) CR_MUST_USE;
void cursor_fini(cursor_t *self);

/* False, and nothing is changed, when the table does not allow it. */
bool cursor_move(cursor_t *self, uint32_t rank, cr_status_t to);
uint32_t cursor_block_length(const cursor_t *self, uint32_t block);

/* The next free block with something to send now; retries of what the gateway `avoid` (0: nobody)
 * refused are left to others, and blocks of which `bit` left some already come after others. */
bool cursor_next(cursor_t *self, int64_t now_us, uint32_t avoid, uint8_t bit, uint32_t *block);
/* The next free block with due retries that another gateway than `key` refused. */
bool cursor_next_refused(const cursor_t *self, int64_t now_us, uint32_t key, uint32_t *block);
/* Ranks of the block (as offsets, ascending) that may be sent now. */
uint32_t cursor_ready(const cursor_t *self, uint32_t block, int64_t now_us,
                      uint8_t offsets[CORE_BLOCK]);
/* The next free block with an open byte, due or not. */
bool cursor_next_open(cursor_t *self, uint32_t *block);
/* The block's lease is over. */
void cursor_release(cursor_t *self, uint32_t block);
/* Its RETRY bytes wait until `due_us`, or longer if they do so already. */
void cursor_back_off(cursor_t *self, uint32_t block, int64_t due_us);
/* The gateway of this key (not 0) said "later" of some. */
void cursor_refuse(cursor_t *self, uint32_t block, uint32_t key);
/* No RETRY byte waits longer than `from_us` and a part of `spread_us`, each block another part. */
void cursor_pull(cursor_t *self, int64_t from_us, int64_t spread_us);
/* Its RETRY bytes are due at once. */
void cursor_hurry(cursor_t *self, uint32_t block);

/* An earlier submit of this rank may have gone out, by the gateway of this key (not 0): it never ends
 * as if nothing had been sent. */
void cursor_doubt(cursor_t *self, uint32_t rank, uint32_t gateway);
bool cursor_is_doubtful(const cursor_t *self, uint32_t rank);

#endif

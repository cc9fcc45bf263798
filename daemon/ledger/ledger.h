/*
 * ledger - the one writer to Redis: what is acknowledged is stored here first
 *
 * One thread, one blocking and pipelined hiredis connection. A client (dispatch, plan) sends a
 * ledger_op_t over its own PAIR socket and gets the same op back with its result, in order per
 * client; whoever holds the pointer owns it.
 *
 * Writes     are Redis Functions of daemon/ledger/crier.lua: idempotent (each carries a number that
 *            only grows per broadcast) and fenced by the daemon's epoch. A write of dispatch that
 *            Redis refuses or does not answer is repeated, in order, until it is stored: it is never
 *            answered with failure, only late. Writes of plan are answered CR_AGAIN at once while
 *            Redis is away, so that the API can say 503. CR_CONFLICT: another daemon has taken over.
 * Limits     a client has at most LEDGER_INFLIGHT_MAX ops out; the clients keep to it.
 * Keys       docs/redis.md.
 */
#ifndef LEDGER_H
#define LEDGER_H

#include <czmq.h>
#include <jansson.h>

#include "cr_bill.h"
#include "cr_id.h"
#include "cr_status.h"
#include "cr_str.h"
#include "replies.h"

enum { LEDGER_INFLIGHT_MAX = 256, LEDGER_CHUNK = 61440 };
/* A gateway's id as it is stored, little-endian: its hash (8), the rank in the chunk (2), the attempt. */
enum { LEDGER_ID_BYTES = 11, LEDGER_IDS_PAGE = 1024 };

typedef struct {
    const char *redis_url; /* "unix:///path/redis.sock" or "tcp://host:port" */
    const char *sentinels; /* "host:port, host:port": they name the server; "" or NULL: the url */
    const char *master;    /* its name there */
    const char *password_file; /* "" for none */
    int64_t timeout_ms;        /* of one pipeline */
    const char *redo_file;     /* keeps the newest writes over our end; "" or NULL: in memory */
} ledger_config_t;

/* What is known of a person on a channel beside the directory, a bit each: no personal data. */
#define LEDGER_MARK_LIST(X)                                                                        \
    X(OPTOUT, "optout") /* does not want it */                                                     \
    X(BAD, "bad")       /* a gateway said that the address is none */

typedef enum {
#define X(name, text) LEDGER_MARK_##name,
    LEDGER_MARK_LIST(X)
#undef X
        LEDGER_MARK_COUNT
} ledger_mark_t;

#define LEDGER_OP_LIST(X)                                                                          \
    X(BLOCK) /* dispatch: status bytes of a run of ranks, with lease, trail and gateways' ids */   \
    X(BOOKS_READ)        /* dispatch: broadcasts that have ids, the older first */                 \
    X(IDS_READ)          /* dispatch: a page of the ids of one chunk of ranks */                   \
    X(TRAIL)             /* dispatch or plan: read the trail of one chunk of ranks */              \
    X(BROADCAST_NEW)     /* plan: `broadcast` receives a new id, its document is stored */         \
    X(BROADCAST_PUT)     /* plan: document of a broadcast (state included), with an audit line */  \
    X(AUDIENCE_PUT)      /* plan: frozen audience of a broadcast (portable Roaring) */             \
    X(AUDIENCE_GET)      /* plan: it back, for what dispatch does not hold any more */             \
    X(STATUS_GET)        /* plan: `status[0]` of `first_rank` */                                   \
    X(STATUS_READ)       /* plan: the first `bytes_length` ranks of a channel, into `bytes` */     \
    X(DOCUMENT_PUT)      /* plan: template or user; NULL document deletes */                       \
    X(MARK_PUT)          /* plan: one bit per mark, channel and ordinal */                         \
    X(REPLIES_SEEN)      /* plan: `cursor` receives the newest batch of the worker `key` */        \
    X(REPLIES_PUT)       /* plan: all that a batch of replies changes and leaves */                \
    X(REPLIES_READ)      /* plan: newest first, older than `key`, not before ms `cursor` */        \
    X(IDEMPOTENCY_BEGIN) /* plan: claim a key, or learn what was answered */                       \
    X(IDEMPOTENCY_END)   /* plan: keep the answer for 24 h */                                      \
    X(AUDIT_PUT)         /* plan: an audit line alone */                                           \
    X(AUDIT_READ)        /* plan: newest lines */

typedef enum {
#define X(name) LEDGER_##name,
    LEDGER_OP_LIST(X)
#undef X
        LEDGER_OP_COUNT
} ledger_kind_t;

/* A broadcast of which ids are kept, and until when. */
typedef struct {
    uint64_t broadcast;
    int64_t until_s;
} ledger_book_t;

typedef struct ledger_op ledger_op_t;
struct ledger_op {
    ledger_kind_t kind;
    void *cookie;     /* the client's own */
    cr_err_t err;     /* result */
    cr_fault_t fault; /* result, when err is not CR_OK */
    uint64_t broadcast;
    cr_channel_t channel;

    /* BLOCK: all optional parts in one atomic call */
    uint32_t first_rank; /* of `status`; the run lies inside one chunk of LEDGER_CHUNK ranks */
    uint32_t length;     /* 0: no status bytes */
    cr_status_t status[256];
    uint64_t lease;            /* 0: none */
    bool lease_ends;           /* delete its record */
    uint8_t lease_record[352]; /* opaque to the ledger; given back at load */
    uint32_t lease_record_bytes;
    uint8_t trail[512]; /* one record to append to the trail of the chunk (opaque, length-prefixed
                           by the ledger) */
    uint32_t trail_bytes;
    /* BLOCK: ids of gateways for ranks of the chunk, LEDGER_ID_BYTES each, are in `bytes` */
    int64_t ids_until_s; /* BLOCK: how long they are kept */
    cr_bill_t bill;      /* BLOCK: added to what is stored of the channel */
    bool announces;      /* BLOCK: the broadcast had none, or not for so long */

    ledger_book_t *books; /* BOOKS_READ: out, owned */
    size_t book_count;

    /* IDS_READ: of the chunk of `first_rank`, from byte `cursor` on, into `bytes`; a page that is
     * not full is the last. `on`: something was written about the chunk */

    /* the rest: plan */
    const char *collection; /* "templates", "users" */
    char *key;              /* document name, idempotency key; freed by ledger_op_destroy */
    json_t *document; /* owned; in and out (IDEMPOTENCY_BEGIN out: {"status":..,"body":..} or NULL
                         when claimed now) */
    json_t *audit;  /* owned; {"who","what","object",...}; time and chain are added by the ledger */
    uint8_t *bytes; /* owned: audience in or out; trail, statuses and ids out; ids of BLOCK in */
    size_t bytes_length;
    ledger_mark_t mark; /* MARK_PUT: of all `ordinals`, owned */
    bool on;            /* MARK_PUT */
    uint32_t *ordinals;
    size_t ordinal_count;
    char reason[80]; /* MARK_PUT of an opt-out that is set: since when and why; "": not kept */
    ledger_replies_t *replies; /* REPLIES_PUT: owned */
    uint64_t cursor;           /* AUDIT_READ, REPLIES_SEEN, REPLIES_READ */

    /* the ledger's own */
    char *commands, *audit_line; /* what a command in flight points to */
    char audit_hash[65];
};

ledger_op_t *ledger_op_new(ledger_kind_t kind);
void ledger_op_destroy(ledger_op_t **self_p);

typedef struct ledger ledger_t;

/*
 * Connects, checks the server (version, noeviction, appendonly), loads the function library.
 * CR_AGAIN when Redis is away (the caller decides whether to wait), CR_CONFLICT for a server that
 * cannot be used.
 */
cr_err_t ledger_open(const ledger_config_t *config, ledger_t **self, cr_fault_t *fault) CR_MUST_USE;
/*
 * Takes the next epoch and with it the lease on being the one active daemon, which the ledger's
 * thread keeps renewing and ledger_destroy gives back. `name` says which daemon this is; the holder
 * of that very name is taken for dead. CR_EXISTS: another daemon is active, the fault's text is its
 * name. CR_AGAIN: Redis is away, open again.
 */
cr_err_t ledger_take(ledger_t *self, const char *name, cr_fault_t *fault) CR_MUST_USE;
uint64_t ledger_epoch(const ledger_t *self);

/* Loading, after ledger_take and before ledger_start: each calls back for what is stored. The callback's pointers live
 * until it returns. */
typedef cr_err_t ledger_document_fn(void *context, const char *key, json_t *document);
cr_err_t ledger_load_documents(ledger_t *self, const char *collection, ledger_document_fn *callback,
                               void *context, cr_fault_t *fault) CR_MUST_USE;
/* Gets the document as it is stored. */
typedef cr_err_t ledger_broadcast_fn(void *context, uint64_t id, cr_slice_t text);
cr_err_t ledger_load_broadcasts(ledger_t *self, ledger_broadcast_fn *callback, void *context,
                                cr_fault_t *fault) CR_MUST_USE;
/* Caller frees. CR_NOTFOUND when none is stored. */
cr_err_t ledger_load_audience(ledger_t *self, uint64_t id, uint8_t **bytes, size_t *length,
                              cr_fault_t *fault) CR_MUST_USE;
/* Fills `status` (length ranks; missing bytes are WAITING). */
cr_err_t ledger_load_status(ledger_t *self, uint64_t id, cr_channel_t channel, cr_status_t *status,
                            size_t length, cr_fault_t *fault) CR_MUST_USE;
/* What gateways billed on the channel; none for what was never billed. */
cr_err_t ledger_load_bill(ledger_t *self, uint64_t id, cr_channel_t channel, cr_bill_t *bill,
                          cr_fault_t *fault) CR_MUST_USE;
typedef cr_err_t ledger_lease_fn(void *context, cr_channel_t channel, uint64_t lease,
                                 const uint8_t *record, size_t length);
cr_err_t ledger_load_leases(ledger_t *self, uint64_t id, ledger_lease_fn *callback, void *context,
                            cr_fault_t *fault) CR_MUST_USE;
/* A bit string per channel (Redis bitmap): bit of ordinal n is bytes[n / 8] & (0x80 >> n % 8).
 * Caller frees. */
cr_err_t ledger_load_mark(ledger_t *self, ledger_mark_t mark, cr_channel_t channel, uint8_t **bytes,
                          size_t *length, cr_fault_t *fault) CR_MUST_USE;

/* Since when and why people opted out of the channel, as it was stored. */
typedef cr_err_t ledger_reason_fn(void *context, uint32_t ordinal, cr_slice_t reason);
cr_err_t ledger_load_reasons(ledger_t *self, cr_channel_t channel, ledger_reason_fn *callback,
                             void *context, cr_fault_t *fault) CR_MUST_USE;

/* The directory: sealed segments under a manifest that is switched at once (docs/redis.md). Used by
 * the intake actor on its own connection. */
typedef struct ledger_segments ledger_segments_t;
/* `epoch` is the daemon's: CR_CONFLICT, also later, when another one has taken over. */
cr_err_t ledger_segments_open(const ledger_config_t *config, uint64_t epoch,
                              ledger_segments_t **self, cr_fault_t *fault) CR_MUST_USE;
void ledger_segments_close(ledger_segments_t **self_p);
typedef cr_err_t ledger_segment_fn(void *context, uint32_t segment, uint32_t generation,
                                   const uint8_t *blob, size_t length);
cr_err_t ledger_segments_load(ledger_segments_t *self, ledger_segment_fn *callback, void *context,
                              cr_fault_t *fault) CR_MUST_USE;
/* Begins a generation (number out); put any number; commit switches the manifest and deletes what
 * it replaced. Not committed: nothing changed. */
cr_err_t ledger_segments_begin(ledger_segments_t *self, uint32_t *generation,
                               cr_fault_t *fault) CR_MUST_USE;
cr_err_t ledger_segments_put(ledger_segments_t *self, uint32_t segment, const uint8_t *blob,
                             size_t length, cr_fault_t *fault) CR_MUST_USE;
cr_err_t ledger_segments_commit(ledger_segments_t *self, uint32_t segment_count,
                                cr_fault_t *fault) CR_MUST_USE;

/* Starts the thread. Clients connect a PAIR to "inproc://ledger-dispatch" and
 * "inproc://ledger-plan" afterwards. */
cr_err_t ledger_start(ledger_t *self, cr_fault_t *fault) CR_MUST_USE;
/* An op over a PAIR: ownership goes with it. Receive gives NULL when interrupted. */
void ledger_send(zsock_t *socket, ledger_op_t **op_p);
ledger_op_t *ledger_receive(zsock_t *socket);
/* CR_OK; or why nothing can be written any more: CR_CONFLICT, another daemon has taken the store
 * over; CR_CORRUPT, the store has lost what it had. From any thread. */
cr_err_t ledger_over(const ledger_t *self);
/* Stops the thread after what it holds is stored, or after `timeout_ms`. */
void ledger_destroy(ledger_t **self_p);

#endif

/*
 * dispatch - the actor that owns the status bytes and hands work to workers
 *
 * Decisions are in the pure core (core.h); this is the thread with the ROUTER, the ledger's PAIR
 * and plan's PAIR around it. Nothing that a person asks makes it work for more than a millisecond.
 *
 * Plan speaks to it by dispatch_message_t over "inproc://dispatch"; ownership goes with the
 * pointer. Answers and news come back the same way.
 */
#ifndef DISPATCH_H
#define DISPATCH_H

#include "../audience/directory.h"
#include "../ledger/ledger.h"
#include "core.h"
#include "cr_status.h"
#include "crier.pb-c.h"
#include "frequency.h"
#include "quiet.h"
#include "replies.h"

typedef struct {
    const char *endpoint;        /* "tcp://127.0.0.1:*" to let the kernel choose */
    const char *secret_key_file; /* the daemon's CURVE certificate */
    const char *workers_dir;     /* public certificates of allowed workers */
    int64_t heartbeat_ms, lease_ms, report_outcomes, report_ms;
    int64_t retry_first_ms, retry_max_ms; /* back-off 2^n with jitter */
    int64_t attempts_max;                 /* 1..8 */
    size_t ids_most;                      /* gateways' ids in memory; 0: as usual */
    quiet_config_t quiet;
    frequency_config_t frequency;
} dispatch_config_t;

/* A wording per language for one channel; broadcast-wide variables are filled in, recipient
 * placeholders {x} are left. */
typedef struct {
    char *language;
    char *text, *subject, *html, *template_id, *url; /* NULL where the channel has none */
    size_t field_count;
    char **field_names, **field_values;
} dispatch_wording_t;

typedef struct {
    size_t wording_count;
    dispatch_wording_t *wordings; /* the first is the default language */
    size_t column_count;
    char **columns; /* placeholders to fill per recipient: directory_value keys */
} dispatch_content_t;

/* All that dispatch needs to know of a broadcast. */
typedef struct {
    uint64_t id;
    cr_lane_t lane;
    bool drill;
    bool paused;
    bool over;           /* it ended: held for late receipts and orders */
    bool resend_unknown; /* emergency lane, or the broadcast's policy */
    bool through_quiet;  /* quiet hours do not hold it */
    unsigned channels;   /* bit per cr_channel_t */
    int64_t started_us, expires_us;
    int64_t receipt_wait_us;    /* ACCEPTED becomes UNCONFIRMED this long after the last submit; 0:
                                   never */
    char *sender;               /* SMS signature without brackets, mail From name */
    roaring_bitmap_t *audience; /* rank -> ordinal */
    roaring_bitmap_t *reached;  /* of a restarted broadcast: who was tried; NULL: nobody */
    uint64_t *doubled[CR_CHANNEL_COUNT]; /* somebody else gets it for them, by rank; NULL: nobody */
    dispatch_content_t *content[CR_CHANNEL_COUNT];
    cr_bill_t bill[CR_CHANNEL_COUNT]; /* of a restarted broadcast: so far */
    cr_status_t
        *status[CR_CHANNEL_COUNT]; /* of a restarted broadcast, audience-many; NULL: all waiting */
    struct dispatch_lease {        /* of a restarted broadcast */
        cr_channel_t channel;
        uint64_t lease;
        uint8_t record[352];
        uint32_t record_bytes;
    } * leases;
    size_t lease_count;
} dispatch_broadcast_t;

void dispatch_broadcast_destroy(dispatch_broadcast_t **self_p);

/* Counters of one channel of a broadcast, as published. */
typedef struct {
    uint32_t total;
    uint32_t by_status[256];
    uint32_t leased;
    cr_bill_t bill;
    int64_t first_us, half_us, most_us,
        last_us;        /* wall clock: first outcome, 50 %, 95 %, 100 % settled; 0: not yet */
    char waits_for[64]; /* why nothing is being handed out: "", "no worker", "retry at ...",
                           "paused", "receipts" */
} dispatch_counts_t;

typedef enum {
    DISPATCH_START, /* broadcast: begin or take up again */
    DISPATCH_PAUSE,
    DISPATCH_RESUME,
    DISPATCH_CANCEL,    /* id; answered when it holds, with the same kind */
    DISPATCH_ORDER,     /* id, channels, to: core_order; answered with `moved` when it is stored */
    DISPATCH_DIRECTORY, /* directory: a reference to the new version */
    DISPATCH_MARK,      /* mark, channel, people, on; also news: bad addresses that were learned */
    DISPATCH_REACHED,   /* id, started_us, people: a broadcast that is over counts for frequency */
    DISPATCH_SERVE,   /* all that was under way has been started: workers are heard from here on */
    DISPATCH_EXPLAIN, /* id, ordinal -> json: per channel rank, status, attempts with times from the
                         trail */
    DISPATCH_DRAIN,   /* name, on: core_drain; answered like WORKERS */
    DISPATCH_RULE,    /* name, rule, day, used: core_rule, core_used; answered like GATEWAYS */
    DISPATCH_WORKERS,
    DISPATCH_GATEWAYS,
    DISPATCH_QUEUE,   /* -> json array as in docs/http-api.md */
    DISPATCH_COUNTS,  /* news: id, counts (at most every 100 ms per broadcast, when they changed) */
    DISPATCH_USED,    /* news: name, day, used: submits of a gateway that has a quota */
    DISPATCH_WANT,    /* news: id: a receipt is for this broadcast, which is not held */
    DISPATCH_REPLIES, /* news: replies; plan answers with name, id (the batch) and err when they
                         are stored, or cannot be now */
    DISPATCH_DONE,    /* news: every delivery of id is final; counts */
    DISPATCH_STOP     /* drain: no new leases; answered when no write is outstanding */
} dispatch_kind_t;

typedef struct {
    dispatch_kind_t kind;
    void *cookie; /* plan's own, comes back with the answer */
    cr_err_t err;
    uint64_t id;
    dispatch_broadcast_t *broadcast;
    directory_t *directory;
    ledger_mark_t mark;
    cr_channel_t channel;
    uint32_t ordinal;
    bool on;
    char name[32]; /* of a worker, or of a gateway */
    core_rule_t rule;
    int64_t day;   /* local, since 1970 */
    uint32_t used; /* submits of that day */
    roaring_bitmap_t *people;
    uint64_t pardons; /* of news of bad addresses: how often they had been said to be good before */
    int64_t started_us;
    json_t *json;
    unsigned channels; /* which of `counts`, or of an order, are meant */
    cr_status_t to;
    uint32_t moved;
    replies_t *replies;
    dispatch_counts_t *counts; /* array of CR_CHANNEL_COUNT */
} dispatch_message_t;

dispatch_message_t *dispatch_message_new(dispatch_kind_t kind);
void dispatch_message_destroy(dispatch_message_t **self_p);
void dispatch_send(zsock_t *socket, dispatch_message_t **message_p);
dispatch_message_t *dispatch_receive(zsock_t *socket);

/* Binds the ROUTER, on which nobody is let in yet; `endpoint` receives the bound address (free with
 * zstr_free). CR_AGAIN: the address is in use. */
typedef struct dispatch dispatch_t;
cr_err_t dispatch_open(const dispatch_config_t *config, dispatch_t **self, char **endpoint,
                       cr_fault_t *fault) CR_MUST_USE;
/* From now on known workers may connect; they are welcomed by the thread. Once. */
cr_err_t dispatch_let_in(dispatch_t *self, cr_fault_t *fault) CR_MUST_USE;
/* Starts the thread, which takes `self` over. The ledger must be started. */
cr_err_t dispatch_start(dispatch_t **self_p, uint64_t epoch, zactor_t **actor,
                        cr_fault_t *fault) CR_MUST_USE;
/* Of one that was not started. */
void dispatch_close(dispatch_t **self_p);

#endif

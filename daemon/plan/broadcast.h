/*
 * broadcast - the record of one firing: what is said to whom, in which state, decided by whom
 *
 * The stored JSON document is the record; what the daemon works with is read from it. A change is
 * made by amending a copy of the document, storing the copy, and adopting it when the ledger has
 * it: memory never knows more than the store.
 *
 * The document holds the template as it was when the broadcast was submitted, so that what was
 * approved is what is sent, whatever becomes of the template.
 *
 * broadcast.c reads and amends, draft.c checks a draft, view.c shows it to people.
 *
 * Ownership  strings and JSON of a broadcast_t are borrowed from its document.
 * Time       callers pass it; stored times are UTC microseconds.
 * Threads    none: the records belong to plan.
 * Limits     note and reason 500 characters.
 */
#ifndef BROADCAST_H
#define BROADCAST_H

#include <jansson.h>

#include "../dispatch/dispatch.h"
#include "lifecycle.h"
#include "template.h"

enum { BROADCAST_FORMAT = 1, BROADCAST_HASH_TEXT = 65, BROADCAST_NOTE_MAX = 500 };

struct ask;

typedef struct {
    uint64_t id;
    json_t *document;

    /* Read from the document. */
    lifecycle_state_t state;
    cr_lane_t lane;
    unsigned channels;
    bool drill, allow_empty, resend_unknown, unique_addresses;
    bool through_quiet; /* quiet hours do not hold it; the document has the reason */
    bool settled;       /* its counts are in the document for good */
    const char *select, *template_name, *hash, *author_person, *submitter_person;
    int64_t at_us, expires_us, started_us; /* 0: none */

    /* While dispatch has it. */
    dispatch_counts_t *counts;     /* CR_CHANNEL_COUNT, the latest news; NULL: none */
    dispatch_broadcast_t *restart; /* loaded at start, on its way to dispatch */
    roaring_bitmap_t *reached;     /* the same, of one that is over and counts for the cap */
    bool counted;                  /* the kept counts are those of the bytes, as far as we know */
    bool done;                     /* dispatch says that every delivery is final */
    struct ask *move;              /* a change on its way to the ledger; one at a time */
    int64_t rest_until_us; /* monotonic: what the clock does for it has failed; not before */
} broadcast_t;

/* Takes the document over. CR_CORRUPT names the member. */
cr_err_t broadcast_new(uint64_t id, json_t *document, broadcast_t **self,
                       cr_fault_t *fault) CR_MUST_USE;
void broadcast_destroy(broadcast_t **self_p);
/* Takes a stored amendment over; the document must have come from broadcast_amend. */
void broadcast_adopt(broadcast_t *self, json_t *document);

/* Who makes a change, and when. */
typedef struct {
    const char *name, *person;
    int64_t now_us;
} broadcast_actor_t;

/* How many the frozen audience has; before sending starts, how many it had at submission. */
uint32_t broadcast_size(const broadcast_t *self);

/* What becomes of unknown outcomes: "resend" or "wait". */
const char *broadcast_policy(const broadcast_t *self);

/* A copy of the document in which the state is `to` and the move is recorded; caller frees. */
json_t *broadcast_amend(const broadcast_t *self, lifecycle_state_t to,
                        const broadcast_actor_t *actor);

/* Puts a state and its move into a document. */
void broadcast_record(json_t *document, lifecycle_state_t to, const broadcast_actor_t *actor);

/* What a draft is checked against. */
typedef struct {
    const template_t *template;
    broadcast_actor_t author;
    bool may_emergency;
    int64_t expires_default_us;
} broadcast_draft_t;

/* The document of a new draft, its audience still 0. CR_INVAL names the member; CR_DENIED for a
 * lane the author may not use. */
cr_err_t broadcast_draft(const broadcast_draft_t *draft, const json_t *arguments, json_t **document,
                         cr_fault_t *fault) CR_MUST_USE;
/* Puts the template as it is now into the document and renews the hash. CR_INVAL when its variables
 * or channels do not fit the broadcast any more. */
cr_err_t broadcast_refresh(json_t *document, const template_t *template,
                           cr_fault_t *fault) CR_MUST_USE;

/* SHA-256 in hex over all that an approval covers. */
const char *broadcast_hash(const json_t *document, char out[BROADCAST_HASH_TEXT]);

/* As docs/http-api.md shows a broadcast, and its counts. NULL: memory. */
json_t *broadcast_view(const broadcast_t *self);
json_t *broadcast_counts(const broadcast_t *self);
/* Of one that ended: what its record says was billed. */
void broadcast_bill(const broadcast_t *self, cr_channel_t channel, cr_bill_t *bill);
/* All waiting, or counted from the bytes of a restarted one. */
void broadcast_count(broadcast_t *self, const dispatch_broadcast_t *started);

#endif

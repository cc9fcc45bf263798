/*
 * board - the leases a worker holds, and every decision about them
 *
 * Which delivery is submitted next, how far the worker may go, what is reported and when, what is
 * repeated, what goes back. docs/protocol.md sections 3 and 4 are its specification.
 *
 * Lanes      strict: while a higher lane has deliveries left to submit, a lower one waits, and goes
 *            on at its next position afterwards.
 * Intents    all leases together are at most two windows ahead of their acknowledged outcomes, so
 *            that a crash leaves no more unknown; what an overtaken lane holds counts as one window
 *            at most, or a higher lane would wait for it. Free-running leases do not count: their
 *            unknowns are sent again anyway.
 * Class      a lease of the other class (drill or real) is taken and given back as WAITING.
 * Time       arguments; nothing is read here.
 * Threads    none.
 * Limits     as many leases as the credit of the worker, and as many lost ones that still have
 *            something to prove; each of 256 deliveries.
 */
#ifndef BOARD_H
#define BOARD_H

#include "runtime/batch.h"
#include "runtime/outcome.h"

typedef struct board board_t;

typedef struct {
    uint32_t window;
    uint32_t
        reserved; /* submits of the window that only the emergency lane may use; less than it */
    bool drill;   /* class of the gateway */
    bool by_id;   /* its receipts carry its own id, not our reference */
    uint32_t credit, urgent_credit;
} board_rules_t;

typedef struct {
    int64_t mono_us, wall_us;
} board_time_t;

/* One delivery to submit. The batch lives until board_settle was called for it. */
typedef struct {
    uint64_t lease;
    size_t position;
    const batch_t *batch;
} board_slot_t;

board_t *board_new(const board_rules_t *rules);
void board_destroy(board_t **self_p);
/* What the Welcome says: when reports are due, and that everything outstanding must be repeated. */
void board_welcome(board_t *self, uint32_t report_outcomes, int64_t report_us);

/* Takes the batch in any case. CR_EXISTS: held already; CR_TOOBIG: over the credit; CR_DENIED: of
 * the other class, it will be given back. */
cr_err_t board_add(board_t *self, batch_t **batch_p, int64_t now_us) CR_MUST_USE;
/* The next delivery that may be submitted now; it is in flight from here on. What has expired
 * before it is settled as EXPIRED. */
bool board_next(board_t *self, board_time_t now, board_slot_t *slot);
void board_settle(board_t *self, const board_slot_t *slot, const outcome_t *outcome,
                  int64_t now_us);

/* The next report to send, new or repeated; false when none is due. The message borrows from the
 * board until its next call. */
bool board_report(board_t *self, int64_t now_us, Crier__V1__Report *report);
/* When board_report must be asked again at the latest; INT64_MAX: not before something happens. */
int64_t board_due_us(const board_t *self);
void board_acknowledge(board_t *self, uint64_t lease, uint32_t sequence, uint32_t intent);

/* Submit nothing more of it; what was submitted is still reported, the rest goes back. */
void board_stop(board_t *self, uint64_t lease);
void board_stop_all(board_t *self);
/* It is not ours any more: as board_stop, and what is left unreported is sent once as proof. */
void board_lose(board_t *self, uint64_t lease);
/* The daemon refused its report: as board_lose, and the report is not repeated. */
void board_refuse(board_t *self, uint64_t lease);

size_t board_count(const board_t *self);
/* Numbers of the leases that are ours, for Hello; returns how many. */
size_t board_held(const board_t *self, uint64_t *leases, size_t max);

#endif

/*
 * policy - what an outcome makes of a delivery, and how long a retry waits
 *
 * The one place that decides what becomes of an unknown outcome: it is never treated as a failure,
 * and it is sent again only where a duplicate is better than silence (emergency lane, the
 * broadcast's own policy) or impossible (a gateway with an idempotency key).
 */
#ifndef POLICY_H
#define POLICY_H

#include "core.h"

typedef struct {
    unsigned attempts_max;
    bool resend;   /* of unknown ones: lane, broadcast or gateway say so */
    bool expired;  /* nothing is sent any more */
    bool doubtful; /* an earlier submit has no known end */
} policy_t;

/* Whether a worker may report it. */
bool policy_is_outcome(cr_status_t outcome);
/* Whether a gateway may count the submit that ended so: it took it, or may have. */
bool policy_may_have_gone(cr_status_t outcome);
/* Whether a receipt may say it. */
bool policy_is_receipt(cr_status_t outcome);
/* The status after attempt number `attempt` ended so; WAITING: not submitted, as before. */
cr_status_t policy_after(const policy_t *self, cr_status_t outcome, unsigned attempt);
/* Whether a verdict belongs to its moment. That somebody has no address, or no language that there is
 * a text in, is no event, and there are too many of them to put each on record. */
bool policy_is_timed(cr_status_t verdict);
/* The status of what is left at the end: EXPIRED or CANCELLED, unless it may have been sent. */
cr_status_t policy_leftover(cr_status_t end, bool doubtful);

/* first * 2^(attempt - 1), at most `max`, give or take a quarter. Advances `seed`. */
int64_t policy_back_off(const core_config_t *config, unsigned attempt, uint64_t *seed);

#endif

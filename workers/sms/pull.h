/*
 * pull - which receipts are to be asked for, because nobody has pushed them
 *
 * What was accepted waits for its receipt; when none has come after a while it is due to be asked
 * for, and again after twice as long, PULL_TIMES times in all. Who is told by a push, or by an
 * answer, is asked for no more.
 *
 * Lost       with the worker: what it had accepted before ends as unconfirmed if nothing is pushed.
 * Time       arguments, monotonic.
 * Threads    none.
 * Limits     as many as pull_new was told; beyond that the oldest is forgotten, and counted.
 */
#ifndef PULL_H
#define PULL_H

#include "cr_id.h"

enum { PULL_TIMES = 7, PULL_PHONE_MAX = 24, PULL_DAY_MAX = 12 };

typedef struct pull pull_t;

/* What has to be said to ask for one. */
typedef struct {
    char reference[CR_REFERENCE_TEXT_MAX];
    char phone[PULL_PHONE_MAX];
    char day[PULL_DAY_MAX]; /* of the submit */
    unsigned asked;         /* how often */
} pull_item_t;

/* NULL: memory. */
pull_t *pull_new(size_t most, int64_t after_us);
void pull_destroy(pull_t **self_p);

/* It was accepted, or is asked for again because the answer was "not yet". */
void pull_add(pull_t *self, const pull_item_t *item, int64_t now_us);
/* Its receipt is there. */
void pull_told(pull_t *self, const char *reference);
/* The next that is due; it is taken out. */
bool pull_next(pull_t *self, int64_t now_us, pull_item_t *item);

size_t pull_count(const pull_t *self);
uint64_t pull_forgotten(const pull_t *self);

#endif

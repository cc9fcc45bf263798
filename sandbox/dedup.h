/*
 * dedup - what was seen within a window of time
 *
 * WeChat answers a repeated client_msg_id with the first answer's msgid for ten minutes; the SMS
 * gateway refuses a signature nonce it has seen. Both ask here.
 *
 * Time       callers pass `now_us`, never going back.
 * Limits     remembers the newest `capacity` keys; an older one is forgotten before its time.
 */
#ifndef DEDUP_H
#define DEDUP_H

#include "cr_base.h"

typedef struct dedup dedup_t;

dedup_t *dedup_new(size_t capacity, int64_t window_us) CR_MUST_USE;
void dedup_destroy(dedup_t **self_p);

/* Whether the key was added within the window, and with which value. */
bool dedup_find(dedup_t *self, uint64_t key, int64_t now_us, uint64_t *value);
/* The key must not be held: ask first. */
void dedup_add(dedup_t *self, uint64_t key, uint64_t value, int64_t now_us);

#endif

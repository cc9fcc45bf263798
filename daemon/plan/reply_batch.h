/*
 * reply_batch - one batch of what residents said, on its way into the store (replies.c)
 */
#ifndef PLAN_REPLY_BATCH_H
#define PLAN_REPLY_BATCH_H

#include "../audience/holders.h"
#include "consent.h"
#include "reply.h"

typedef struct reply_batch reply_batch_t;
void reply_batch_destroy(reply_batch_t **self_p);

#endif

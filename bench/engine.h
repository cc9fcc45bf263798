/*
 * engine - dispatch and ledger as crierd runs them, with a bench in plan's place
 *
 * The same threads, sockets, keys and Redis; only HTTP and plan are missing, so that a bench can
 * stamp the moment in which plan would give an order. What fails here ends the bench.
 */
#ifndef ENGINE_H
#define ENGINE_H

#include "dispatch/dispatch.h"

typedef struct {
    ledger_t *ledger;
    zactor_t *dispatch;
    zsock_t *plan;
    char *endpoint; /* where workers connect */
} engine_t;

/* Redis at `socket`; `keys` as scripts/setup makes them; a directory of `people`. */
void engine_open(engine_t *self, const char *socket, const char *keys, uint32_t people);
void engine_close(engine_t *self);
void engine_wait_workers(const engine_t *self, int64_t count);

/* A drill by SMS; takes the audience over. */
void engine_start(const engine_t *self, uint64_t id, cr_lane_t lane, roaring_bitmap_t *audience);
/* The next piece of news, if there is one; the caller destroys it. */
dispatch_message_t *engine_news(const engine_t *self);

#endif

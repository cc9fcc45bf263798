/*
 * answer - what a request will be told: status, body, the header fields that go with it
 *
 * Filled by whoever knows the answer, sent once, by the connection's thread.
 *
 * Ownership  the answer owns its text and its directory; answer_fini frees what was not sent.
 */
#ifndef ANSWER_H
#define ANSWER_H

#include <microhttpd.h>

#include "../audience/directory.h"
#include "../plan/plan.h"

typedef struct {
    unsigned status;        /* 0: there is no answer yet */
    const char *media_type; /* a literal */
    char *text;             /* NULL: no body */
    size_t length;
    listing_t listing; /* instead of text: streamed as CSV */
    bool replayed;     /* from an idempotency record */
    bool closes;       /* the connection is not to be used again */
    char allow[48];    /* of a 405 */
} answer_t;

/* Takes over the reference to `body`; NULL: memory ran out, which becomes a 503. */
void answer_json(answer_t *self, unsigned status, json_t *body);
/* Takes over the text of `body`. */
void answer_text(answer_t *self, const char *media_type, cr_str_t *body);
void answer_problem(answer_t *self, unsigned status, const cr_fault_t *fault, const char *member);
/* What plan said; `success` stands for its plain 200. Leaves plan's answer without body and
 * listing. */
void answer_plan(answer_t *self, unsigned success, plan_answer_t *plan);

/* Queues the response; the answer keeps only its status. */
enum MHD_Result answer_send(answer_t *self, struct MHD_Connection *connection);
void answer_fini(answer_t *self);

#endif

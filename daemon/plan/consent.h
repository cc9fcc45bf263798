/*
 * consent - since when, and through what, somebody does not want a channel any more
 *
 * Whether they do not is a mark (marks.c); this is what is told about it. Somebody who changed their
 * mind and opted in again may still be found here: look only at those who are marked.
 *
 * Stored     "TIME SOURCE DETAIL" a person and channel (docs/redis.md), time in microseconds.
 * Threads    none.
 * Memory     some 60 bytes an opt-out.
 */
#ifndef PLAN_CONSENT_H
#define PLAN_CONSENT_H

#include "../audience/index.h"
#include "cr_str.h"

/* name, as it is stored and shown. Stored: never re-used for something else. */
#define CONSENT_SOURCE_LIST(X)                                                                     \
    X(STAFF, "staff")             /* detail: the account that entered it */                        \
    X(IMPORT, "import")           /* detail: the account that imported the list */                 \
    X(REPLY, "reply")             /* detail: the word that was written */                          \
    X(UNSUBSCRIBE, "unsubscribe") /* by the link in a mail */

typedef enum {
#define X(name, text) CONSENT_##name,
    CONSENT_SOURCE_LIST(X)
#undef X
        CONSENT_SOURCE_COUNT
} consent_source_t;

enum { CONSENT_DETAIL_MAX = 32, CONSENT_TEXT_MAX = 80 };

typedef struct {
    int64_t at_us;
    consent_source_t source;
    char detail[CONSENT_DETAIL_MAX]; /* cut at a character */
} consent_reason_t;

const char *consent_source_name(consent_source_t source);
consent_reason_t consent_reason(int64_t at_us, consent_source_t source, const char *detail);
const char *consent_format(const consent_reason_t *reason, char out[CONSENT_TEXT_MAX]);
/* CR_CORRUPT. */
cr_err_t consent_parse(cr_slice_t text, consent_reason_t *out) CR_MUST_USE;

/* Of one channel; {0} is empty. */
typedef struct {
    index_t index; /* ordinal -> place */
    struct consent_entry {
        uint32_t ordinal;
        consent_reason_t reason;
    } * entries;
    uint32_t count, capacity;
} consent_t;

void consent_fini(consent_t *self);
/* The newest reason holds. CR_NOMEM. */
cr_err_t consent_note(consent_t *self, uint32_t ordinal,
                      const consent_reason_t *reason) CR_MUST_USE;
/* NULL: it is not known. Until the next is noted. */
const consent_reason_t *consent_find(const consent_t *self, uint32_t ordinal);

#endif

/*
 * cr_status - the one state machine of a delivery, one byte each
 *
 * The table is status.def. Bytes change only by cr_status_may; final states change only when later
 * proof (a receipt, a late report) shows more than we knew. "Leased" and "intended" are facts about
 * a lease and not states.
 *
 * In a report from a worker the same bytes say what the gateway answered: RETRY_1 means "try later"
 * (the daemon counts the attempts), WAITING means "not submitted, take it back".
 */
#ifndef CR_STATUS_H
#define CR_STATUS_H

#include "cr_base.h"

typedef uint8_t cr_status_t;

enum {
#define STATUS(value, code, name, class_name, english, chinese) CR_STATUS_##code = (value),
#include "status.def"
#undef STATUS
};

#define CR_STATUS_CLASS_LIST(X)                                                                    \
    X(WAITING, "waiting")                                                                          \
    X(RETRY, "retry")                                                                              \
    X(ACCEPTED, "accepted")                                                                        \
    X(UNKNOWN, "unknown")                                                                          \
    X(DELIVERED, "delivered")                                                                      \
    X(FAILED, "failed")                                                                            \
    X(SUPPRESSED, "suppressed")                                                                    \
    X(EXPIRED, "expired")                                                                          \
    X(CANCELLED, "cancelled")

typedef enum {
#define X(name, text) CR_STATUS_CLASS_##name,
    CR_STATUS_CLASS_LIST(X)
#undef X
        CR_STATUS_CLASS_COUNT
} cr_status_class_t;

enum { CR_STATUS_RETRY_MAX = CR_STATUS_RETRY_7 };

/* False for a value that the table does not know. */
bool cr_status_is_known(cr_status_t status);
cr_status_class_t cr_status_class(cr_status_t status); /* asserts cr_status_is_known */
const char *cr_status_class_name(cr_status_class_t status_class);
/* Machine name in lower case ("failed_address"). */
const char *cr_status_name(cr_status_t status);
cr_err_t cr_status_parse(const char *name, cr_status_t *status) CR_MUST_USE;
const char *cr_status_words(cr_status_t status, bool chinese);
/* Nothing more will be done for it. ACCEPTED and UNKNOWN are not final. */
bool cr_status_is_final(cr_status_t status);
/* It has been at a gateway, or may have been. */
bool cr_status_is_tried(cr_status_t status);
/* Whether the table allows the move; a move to itself is not one. */
bool cr_status_may(cr_status_t from, cr_status_t to);

#endif

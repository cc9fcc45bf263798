#include "lifecycle.h"

#include <string.h>

#include "cr_str.h"
#include "person.h"

static const char *const state_names[LIFECYCLE_STATE_COUNT] = {
#define X(name, text) text,
    LIFECYCLE_STATE_LIST(X)
#undef X
};

static const struct {
    const char *name;
    bool by_person;
    unsigned checks;
} moves[LIFECYCLE_MOVE_COUNT] = {
#define X(name, text, person, needs) {text, person, needs},
    LIFECYCLE_MOVE_LIST(X)
#undef X
};

/* from, move, to. What is not here is not possible. */
#define TRANSITION_LIST(X)                                                                         \
    X(DRAFT, SUBMIT, SUBMITTED)                                                                    \
    X(DRAFT, CANCEL, CANCELLED)                                                                    \
    X(DRAFT, EXPIRE, EXPIRED)                                                                      \
    X(SUBMITTED, APPROVE, APPROVED)                                                                \
    X(SUBMITTED, REJECT, REJECTED)                                                                 \
    X(SUBMITTED, CANCEL, CANCELLED)                                                                \
    X(SUBMITTED, EXPIRE, EXPIRED)                                                                  \
    X(APPROVED, SCHEDULE, SCHEDULED)                                                               \
    X(APPROVED, SEND, SENDING)                                                                     \
    X(APPROVED, CANCEL, CANCELLED)                                                                 \
    X(APPROVED, EXPIRE, EXPIRED)                                                                   \
    X(SCHEDULED, SEND, SENDING)                                                                    \
    X(SCHEDULED, CANCEL, CANCELLED)                                                                \
    X(SCHEDULED, EXPIRE, EXPIRED)                                                                  \
    X(SENDING, PAUSE, PAUSED)                                                                      \
    X(SENDING, CANCEL, CANCELLED)                                                                  \
    X(SENDING, FINISH, FINISHED)                                                                   \
    X(PAUSED, RESUME, SENDING)                                                                     \
    X(PAUSED, CANCEL, CANCELLED)                                                                   \
    X(PAUSED, FINISH, FINISHED)

static const struct {
    bool possible;
    lifecycle_state_t to;
} table[LIFECYCLE_STATE_COUNT][LIFECYCLE_MOVE_COUNT] = {
#define X(from, move, to) [LIFECYCLE_##from][LIFECYCLE_MOVE_##move] = {true, LIFECYCLE_##to},
    TRANSITION_LIST(X)
#undef X
};

/* "pause, cancel": what a person may ask for now. */
static void
append_possible(lifecycle_state_t from, cr_str_t *out)
{
    for (size_t move = 0; move < LIFECYCLE_MOVE_COUNT; move++)
        if (table[from][move].possible && moves[move].by_person)
            cr_str_appendf(out, "%s%s", out->length > 0 ? ", " : "", moves[move].name);
}

static cr_err_t
refuse(lifecycle_state_t from, lifecycle_move_t move, cr_fault_t *fault)
{
    cr_str_t possible;
    cr_str_init(&possible, 128);
    append_possible(from, &possible);
    cr_err_t err = cr_fault_set(fault, CR_CONFLICT, "the broadcast is %s: %s is not possible; %s%s",
                                state_names[from], moves[move].name,
                                possible.length > 0 ? "possible now: " : "this is its end",
                                cr_str_text(&possible));
    cr_str_fini(&possible);
    return err;
}

cr_err_t
lifecycle_next(lifecycle_state_t from, lifecycle_move_t move, lifecycle_state_t *to,
               cr_fault_t *fault)
{
    CR_ASSERT(from < LIFECYCLE_STATE_COUNT && move < LIFECYCLE_MOVE_COUNT);
    if (!table[from][move].possible)
        return refuse(from, move, fault);
    *to = table[from][move].to;
    return CR_OK;
}

unsigned
lifecycle_checks(lifecycle_move_t move)
{
    CR_ASSERT(move < LIFECYCLE_MOVE_COUNT);
    return moves[move].checks;
}

bool
lifecycle_is_end(lifecycle_state_t state)
{
    CR_ASSERT(state < LIFECYCLE_STATE_COUNT);
    for (size_t move = 0; move < LIFECYCLE_MOVE_COUNT; move++)
        if (table[state][move].possible)
            return false;
    return true;
}

bool
lifecycle_may_approve(const char *author, const char *submitter, const char *approver)
{
    return !person_is_same(author, approver) && !(submitter && person_is_same(submitter, approver));
}

const char *
lifecycle_state_name(lifecycle_state_t state)
{
    CR_ASSERT(state < LIFECYCLE_STATE_COUNT);
    return state_names[state];
}

cr_err_t
lifecycle_state_parse(const char *text, lifecycle_state_t *state)
{
    for (size_t i = 0; i < LIFECYCLE_STATE_COUNT; i++) {
        if (strcmp(text, state_names[i]) == 0) {
            *state = (lifecycle_state_t)i;
            return CR_OK;
        }
    }
    return CR_INVAL;
}

const char *
lifecycle_move_name(lifecycle_move_t move)
{
    CR_ASSERT(move < LIFECYCLE_MOVE_COUNT);
    return moves[move].name;
}

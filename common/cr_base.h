/*
 * cr_base - errors, assertions and the few macros every module needs
 *
 * One list of errors serves logs, HTTP answers and retry policy, so that they cannot
 * drift apart. A delivery's outcome is not an error: see cr_status.h.
 *
 * Convention  every fallible function returns cr_err_t (0 is CR_OK) and leaves its results
 *             untouched when it fails; constructors return a pointer or NULL.
 */
#ifndef CR_BASE_H
#define CR_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CR_MUST_USE __attribute__((warn_unused_result))
#define CR_PRINTF(pattern, first) __attribute__((format(printf, pattern, first)))
#define CR_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* code, name in logs and JSON, text for people, whether trying the same again later can help */
#define CR_ERR_LIST(X)                                                                             \
    X(OK, "ok", "no error", false)                                                                 \
    X(INVAL, "inval", "malformed input", false)                                                    \
    X(RANGE, "range", "value out of range", false)                                                 \
    X(NOTFOUND, "notfound", "not found", false)                                                    \
    X(EXISTS, "exists", "exists already", false)                                                   \
    X(CONFLICT, "conflict", "not possible in the present state", false)                            \
    X(DENIED, "denied", "not permitted", false)                                                    \
    X(TOOBIG, "toobig", "over a configured limit", false)                                          \
    X(CORRUPT, "corrupt", "stored state is damaged", false)                                        \
    X(AGAIN, "again", "temporarily unavailable", true)                                             \
    X(TIMEOUT, "timeout", "timed out", true)                                                       \
    X(CLOSED, "closed", "the other side is gone", true)                                            \
    X(NOMEM, "nomem", "out of memory", true)                                                       \
    X(IO, "io", "input or output failed", true)

typedef enum {
#define X(code, name, text, transient) CR_##code,
    CR_ERR_LIST(X)
#undef X
        CR_ERR_COUNT
} cr_err_t;

const char *cr_err_name(cr_err_t err);
const char *cr_err_text(cr_err_t err);
bool cr_err_is_transient(cr_err_t err);

/*
 * What went wrong and where, for people. `line` and `column` count from 1, 0 means "no place".
 * The text never holds a secret or an unmasked address; overlong text ends in "...".
 */
typedef struct {
    cr_err_t code;
    size_t line;
    size_t column;
    char text[256];
} cr_fault_t;

/* Fills `fault` (may be NULL) and returns `code`, so that `return cr_fault_set(...)` reads well. */
cr_err_t cr_fault_set(cr_fault_t *fault, cr_err_t code, const char *format, ...) CR_PRINTF(3, 4);
cr_err_t cr_fault_set_at(cr_fault_t *fault, cr_err_t code, size_t line, size_t column,
                         const char *format, ...) CR_PRINTF(5, 6);

/* Our own mistake, never input, network, Redis or configuration. Always on: prints and aborts. */
#define CR_ASSERT(condition)                                                                       \
    do {                                                                                           \
        if (!(condition))                                                                          \
            cr_assert_failed(#condition, __FILE__, __LINE__);                                      \
    } while (0)
void cr_assert_failed(const char *condition, const char *file, int line) __attribute__((noreturn));

/* A run of bytes that someone else owns; not NUL-terminated. */
typedef struct {
    const char *text;
    size_t length;
} cr_slice_t;

#define CR_SLICE(literal) ((cr_slice_t){(literal), sizeof(literal) - 1})
cr_slice_t cr_slice_of(const char *text);
bool cr_slice_equal(cr_slice_t a, cr_slice_t b);

/* Exit codes of every program, the ones of sysexits(3) that we use. */
enum {
    CR_EXIT_OK = 0,
    CR_EXIT_FAILED = 1,
    CR_EXIT_USAGE = 64,
    CR_EXIT_DATA = 65,
    CR_EXIT_NOINPUT = 66,
    CR_EXIT_UNAVAILABLE = 69,
    CR_EXIT_SOFTWARE = 70,
    CR_EXIT_CANTCREAT = 73,
    CR_EXIT_IO = 74,
    CR_EXIT_TEMPFAIL = 75,
    CR_EXIT_NOPERM = 77,
    CR_EXIT_CONFIG = 78
};

#endif

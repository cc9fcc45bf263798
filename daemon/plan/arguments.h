/*
 * arguments - the members a question may have, checked against a table
 *
 * Unknown members and wrong types are refused by name before a verb sees them, so that a verb reads
 * what it knows to be there.
 *
 * Ownership  everything is borrowed from the JSON it was read from.
 */
#ifndef ARGUMENTS_H
#define ARGUMENTS_H

#include <jansson.h>

#include "cr_base.h"

enum { ARGUMENTS_MEMBER_MAX = 64 };

typedef enum {
    ARGUMENT_TEXT,   /* a string */
    ARGUMENT_FLAG,   /* true or false */
    ARGUMENT_TEXTS,  /* an array of strings */
    ARGUMENT_OBJECT, /* an object; what is in it is the verb's to check */
    ARGUMENT_ANY     /* checked where it is read */
} argument_type_t;

typedef struct {
    const char *name; /* NULL ends a table */
    argument_type_t type;
    bool required;
} argument_t;

/* CR_INVAL: `member` is the one that is wrong or missing. `arguments` may be NULL: none. */
cr_err_t arguments_check(const json_t *arguments, const argument_t *table,
                         char member[ARGUMENTS_MEMBER_MAX], cr_fault_t *fault) CR_MUST_USE;

/* The same, other members allowed. */
cr_err_t arguments_have(const json_t *arguments, const argument_t *table,
                        char member[ARGUMENTS_MEMBER_MAX], cr_fault_t *fault) CR_MUST_USE;

/* NULL when it is absent. */
const char *argument_text(const json_t *arguments, const char *name);
bool argument_flag(const json_t *arguments, const char *name);
/* A decimal text of 1 to `most`; `otherwise` when absent. CR_INVAL names the member. */
cr_err_t argument_number(const json_t *arguments, const char *name, uint64_t most,
                         uint64_t otherwise, uint64_t *out, cr_fault_t *fault) CR_MUST_USE;
/* Free text of a person: at most `most` characters, none that must not be sent; "" when absent. */
cr_err_t argument_note(const json_t *arguments, const char *name, size_t most, const char **out,
                       cr_fault_t *fault) CR_MUST_USE;
/* Bits of the channels an array of names holds; `otherwise` when absent. CR_INVAL: unknown, double
 * or none. */
cr_err_t argument_channels(const json_t *arguments, const char *name, unsigned otherwise,
                           unsigned *out, cr_fault_t *fault) CR_MUST_USE;

/* ["sms","mail"] */
json_t *channels_json(unsigned channels);

#endif

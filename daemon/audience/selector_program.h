/*
 * selector_program - a parsed selector: terms and operators in the order they are computed
 *
 * `a & (b | !c)` is a b c ! | &. Evaluation is a loop with a stack of bitmaps; only parsing nests.
 */
#ifndef SELECTOR_PROGRAM_H
#define SELECTOR_PROGRAM_H

#include "selector.h"

typedef enum { SELECTOR_TERM, SELECTOR_NOT, SELECTOR_AND, SELECTOR_OR } selector_step_kind_t;

typedef struct {
    selector_step_kind_t kind;
    /* of a term; key "all" has no value, attributes have a subkey: attr:SUBKEY=VALUE */
    cr_slice_t key, subkey, value;
    size_t key_column, subkey_column, value_column; /* in characters, from 1 */
} selector_step_t;

struct selector {
    char *text; /* the slices point into it */
    selector_step_t *steps;
    size_t count, capacity;
};

#endif

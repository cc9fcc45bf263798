#include <stdlib.h>

#include "selector_terms.h"

static void
drop(selector_set_t *set)
{
    if (set->owned)
        roaring_bitmap_free(set->owned);
    *set = (selector_set_t){0};
}

static cr_err_t
replace(selector_set_t *set, roaring_bitmap_t *computed)
{
    drop(set);
    *set = (selector_set_t){computed, computed};
    return computed ? CR_OK : CR_NOMEM;
}

static cr_err_t
combine(selector_step_kind_t kind, selector_set_t *left, selector_set_t *right)
{
    roaring_bitmap_t *computed = kind == SELECTOR_AND
                                     ? roaring_bitmap_and(left->members, right->members)
                                     : roaring_bitmap_or(left->members, right->members);
    drop(right);
    return replace(left, computed);
}

static cr_err_t
complement(const selector_scope_t *scope, selector_set_t *set)
{
    return replace(set, roaring_bitmap_andnot(directory_everyone(scope->directory), set->members));
}

/* `top` is the number of sets on the stack; a failing term leaves what it made there. */
static cr_err_t
run(const selector_scope_t *scope, const selector_step_t *step, selector_set_t *stack, size_t *top)
{
    switch (step->kind) {
    case SELECTOR_TERM:
        return selector_resolve(scope, step, &stack[(*top)++]);
    case SELECTOR_NOT:
        return complement(scope, &stack[*top - 1]);
    default:
        (*top)--;
        return combine(step->kind, &stack[*top - 1], &stack[*top]);
    }
}

static cr_err_t
take(selector_set_t *set, roaring_bitmap_t **members)
{
    roaring_bitmap_t *taken = set->owned ? set->owned : roaring_bitmap_copy(set->members);
    *set = (selector_set_t){0};
    if (!taken)
        return CR_NOMEM;
    *members = taken;
    return CR_OK;
}

cr_err_t
selector_evaluate(const selector_t *self, const directory_t *directory,
                  selector_resolve_fn *resolve, void *context, roaring_bitmap_t **members,
                  cr_fault_t *fault)
{
    cr_fault_t why = {.text = "out of memory"};
    selector_scope_t scope = {directory, resolve, context, &why};
    selector_set_t *stack = calloc(self->count, sizeof *stack);
    size_t top = 0;
    cr_err_t err = stack ? CR_OK : CR_NOMEM;
    for (size_t i = 0; i < self->count && err == CR_OK; i++)
        err = run(&scope, &self->steps[i], stack, &top);
    if (err == CR_OK)
        err = take(&stack[0], members);
    for (size_t i = 0; i < top; i++)
        drop(&stack[i]);
    free(stack);
    if (err != CR_OK)
        cr_fault_set_at(fault, err, why.line, why.column, "%s", why.text);
    return err;
}

cr_err_t
selector_select(const char *text, const directory_t *directory, roaring_bitmap_t **members,
                cr_fault_t *fault)
{
    selector_t *self;
    cr_err_t err = selector_parse(text, &self, fault);
    if (err != CR_OK)
        return err;
    err = selector_evaluate(self, directory, NULL, NULL, members, fault);
    selector_destroy(&self);
    return err;
}

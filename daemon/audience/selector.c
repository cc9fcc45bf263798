#include <stdlib.h>
#include <string.h>

#include "cr_text.h"
#include "selector_program.h"

enum { TEXT_MAX = 4096, NESTING_MAX = 64 };

typedef struct {
    selector_t *out;
    const char *at; /* in out->text */
    size_t depth;
    cr_fault_t *fault;
} parser_t;

/* Every sign may be typed full-width, as Chinese input methods do. */
typedef enum { SIGN_AND, SIGN_OR, SIGN_NOT, SIGN_OPEN, SIGN_CLOSE, SIGN_COLON, SIGN_COUNT } sign_t;
static const char *const signs[SIGN_COUNT][2] = {
    [SIGN_AND] = {"&", "＆"},  [SIGN_OR] = {"|", "｜"},    [SIGN_NOT] = {"!", "！"},
    [SIGN_OPEN] = {"(", "（"}, [SIGN_CLOSE] = {")", "）"}, [SIGN_COLON] = {":", "："},
};

static const struct {
    const char *open, *close;
} quotes[] = {{"\"", "\""}, {"“", "”"}};

static const char ideographic_space[] = "\xE3\x80\x80";

static size_t
column_of(const parser_t *self, const char *at)
{
    return 1 + cr_text_length((cr_slice_t){self->out->text, (size_t)(at - self->out->text)});
}

static cr_err_t
fail(const parser_t *self, const char *at, const char *what)
{
    return cr_fault_set_at(self->fault, CR_INVAL, 1, column_of(self, at), "%s", what);
}

/* Bytes of `word` when the text goes on with it, else 0. */
static size_t
matches(const char *at, const char *word)
{
    size_t length = strlen(word);
    return strncmp(at, word, length) == 0 ? length : 0;
}

static size_t
match_sign(const char *at, sign_t sign)
{
    size_t length = matches(at, signs[sign][0]);
    return length > 0 ? length : matches(at, signs[sign][1]);
}

static size_t
match_space(const char *at)
{
    return *at == ' ' || *at == '\t' || *at == '\n' ? 1 : matches(at, ideographic_space);
}

static void
skip_spaces(parser_t *self)
{
    for (size_t length; (length = match_space(self->at)) > 0;)
        self->at += length;
}

static bool
take_sign(parser_t *self, sign_t sign)
{
    skip_spaces(self);
    size_t length = match_sign(self->at, sign);
    self->at += length;
    return length > 0;
}

static cr_err_t
add_step(parser_t *self, selector_step_t step)
{
    selector_t *out = self->out;
    if (out->count == out->capacity) {
        size_t capacity = out->capacity ? out->capacity * 2 : 8;
        selector_step_t *steps = realloc(out->steps, capacity * sizeof *steps);
        if (!steps)
            return cr_fault_set(self->fault, CR_NOMEM, "out of memory");
        out->steps = steps;
        out->capacity = capacity;
    }
    out->steps[out->count++] = step;
    return CR_OK;
}

/* Where a word without quotes ends: a space, a sign, a quote or, in the key of an attribute, '='. */
static bool
ends_word(const char *at, bool at_equals)
{
    if (*at == '\0' || match_space(at) > 0 || (at_equals && *at == '='))
        return true;
    for (sign_t sign = 0; sign < SIGN_COUNT; sign++)
        if (match_sign(at, sign) > 0)
            return true;
    for (size_t i = 0; i < CR_COUNT(quotes); i++)
        if (matches(at, quotes[i].open) > 0)
            return true;
    return false;
}

static cr_slice_t
bare_word(parser_t *self, bool at_equals)
{
    const char *start = self->at;
    while (!ends_word(self->at, at_equals))
        self->at++;
    return (cr_slice_t){start, (size_t)(self->at - start)};
}

/* A word, in quotes or not; `column` is where it begins. */
static cr_err_t
word(parser_t *self, bool at_equals, cr_slice_t *out, size_t *column)
{
    skip_spaces(self);
    const char *start = self->at;
    *column = column_of(self, start);
    for (size_t i = 0; i < CR_COUNT(quotes); i++) {
        size_t length = matches(start, quotes[i].open);
        if (length == 0)
            continue;
        const char *end = strstr(start + length, quotes[i].close);
        if (!end)
            return fail(self, start, "the quote is never closed");
        *out = (cr_slice_t){start + length, (size_t)(end - start) - length};
        self->at = end + strlen(quotes[i].close);
        return out->length > 0 ? CR_OK : fail(self, start, "a value is missing");
    }
    *out = bare_word(self, at_equals);
    return out->length > 0 ? CR_OK : fail(self, start, "a value is missing");
}

static cr_err_t
attribute(parser_t *self, selector_step_t *step)
{
    cr_err_t err = word(self, true, &step->subkey, &step->subkey_column);
    if (err != CR_OK)
        return err;
    skip_spaces(self);
    if (*self->at != '=')
        return fail(self, self->at, "= and a value must follow the attribute");
    self->at++;
    return word(self, false, &step->value, &step->value_column);
}

static cr_err_t
term(parser_t *self)
{
    const char *start = self->at;
    selector_step_t step = {.kind = SELECTOR_TERM, .key_column = column_of(self, start)};
    step.key = bare_word(self, false);
    if (step.key.length == 0)
        return fail(self, start,
                    *start ? "a term is expected here" : "a term is missing at the end");
    bool is_all = cr_slice_equal(step.key, CR_SLICE("all"));
    const char *after_key = self->at;
    cr_err_t err = CR_OK;
    if (is_all)
        step.value = (cr_slice_t){"", 0};
    else if (!take_sign(self, SIGN_COLON))
        return fail(self, after_key, ": and a value must follow, as in group:farmer");
    else if (cr_slice_equal(step.key, CR_SLICE("attr")))
        err = attribute(self, &step);
    else
        err = word(self, false, &step.value, &step.value_column);
    return err == CR_OK ? add_step(self, step) : err;
}

static cr_err_t disjunction(parser_t *self);

static cr_err_t
factor(parser_t *self)
{
    skip_spaces(self);
    const char *start = self->at;
    bool is_not = take_sign(self, SIGN_NOT), is_open = !is_not && take_sign(self, SIGN_OPEN);
    if (!is_not && !is_open)
        return term(self);
    if (self->depth == NESTING_MAX)
        return fail(self, start, "nested deeper than 64");
    self->depth++;
    cr_err_t err = is_not ? factor(self) : disjunction(self);
    self->depth--;
    if (err != CR_OK)
        return err;
    if (is_not)
        return add_step(self, (selector_step_t){.kind = SELECTOR_NOT});
    return take_sign(self, SIGN_CLOSE) ? CR_OK : fail(self, self->at, "& | or ) is expected here");
}

static cr_err_t
conjunction(parser_t *self)
{
    cr_err_t err = factor(self);
    while (err == CR_OK && take_sign(self, SIGN_AND)) {
        err = factor(self);
        if (err == CR_OK)
            err = add_step(self, (selector_step_t){.kind = SELECTOR_AND});
    }
    return err;
}

static cr_err_t
disjunction(parser_t *self)
{
    cr_err_t err = conjunction(self);
    while (err == CR_OK && take_sign(self, SIGN_OR)) {
        err = conjunction(self);
        if (err == CR_OK)
            err = add_step(self, (selector_step_t){.kind = SELECTOR_OR});
    }
    return err;
}

static cr_err_t
whole(parser_t *self)
{
    cr_err_t err = disjunction(self);
    if (err != CR_OK)
        return err;
    skip_spaces(self);
    return *self->at == '\0' ? CR_OK : fail(self, self->at, "& or | is expected here");
}

/* The same text may be typed in two normalisation forms; the directory holds one. */
static cr_err_t
take_text(selector_t *self, const char *text, cr_fault_t *fault)
{
    size_t at;
    uint32_t code;
    cr_slice_t raw = {text, strnlen(text, TEXT_MAX + 1)};
    if (raw.length > TEXT_MAX)
        return cr_fault_set_at(fault, CR_INVAL, 1, 1, "longer than 4,096 bytes");
    if (!cr_text_is_utf8(raw))
        return cr_fault_set_at(fault, CR_INVAL, 1, 1, "not UTF-8");
    if (cr_text_find_forbidden(raw, &at, &code))
        return cr_fault_set_at(fault, CR_INVAL, 1, 1 + cr_text_length((cr_slice_t){text, at}),
                               "control or invisible character U+%04X", (unsigned)code);
    cr_str_t normal;
    cr_str_init(&normal, 4 * (size_t)TEXT_MAX);
    cr_err_t err = cr_text_normalise(raw, &normal);
    self->text = cr_str_take(&normal);
    if (err == CR_OK && !self->text)
        err = CR_NOMEM;
    return err == CR_OK ? CR_OK : cr_fault_set(fault, err, "%s", cr_err_text(err));
}

cr_err_t
selector_parse(const char *text, selector_t **self_p, cr_fault_t *fault)
{
    selector_t *self = calloc(1, sizeof *self);
    if (!self)
        return cr_fault_set(fault, CR_NOMEM, "out of memory");
    cr_err_t err = take_text(self, text, fault);
    if (err == CR_OK) {
        parser_t parser = {.out = self, .at = self->text, .fault = fault};
        err = whole(&parser);
    }
    if (err == CR_OK)
        *self_p = self;
    else
        selector_destroy(&self);
    return err;
}

void
selector_destroy(selector_t **self_p)
{
    selector_t *self = *self_p;
    if (!self)
        return;
    free(self->text);
    free(self->steps);
    free(self);
    *self_p = NULL;
}

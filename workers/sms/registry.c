#include "registry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cr_text.h"

#define OPENS "\xe3\x80\x90"  /* U+3010 */
#define CLOSES "\xe3\x80\x91" /* U+3011 */
#define ANYTHING "{}"

enum { FILE_BYTES_MAX = 256 * 1024 };

struct registry {
    char *text; /* of the file; entries lie in it */
    cr_slice_t *signatures, *templates;
    size_t signature_count, template_count;
};

/* ---- reading -------------------------------------------------------------------------------- */

static bool
begins(cr_slice_t text, const char *head)
{
    size_t length = strlen(head);
    return text.length >= length && memcmp(text.text, head, length) == 0;
}

static cr_slice_t
from(cr_slice_t text, size_t at)
{
    return (cr_slice_t){text.text + at, text.length - at};
}

/* Where `needle` begins in `text`; text.length + 1: nowhere. */
static size_t
find(cr_slice_t text, cr_slice_t needle)
{
    const char *at =
        needle.length == 0 ? text.text : memmem(text.text, text.length, needle.text, needle.length);
    return at ? (size_t)(at - text.text) : text.length + 1;
}

/* 【…】 at the head of a text, brackets included; 0: none. */
static size_t
signature_length(cr_slice_t text)
{
    size_t close = begins(text, OPENS) ? find(text, CR_SLICE(CLOSES)) : text.length + 1;
    return close > text.length ? 0 : close + strlen(CLOSES);
}

static cr_slice_t
next_line(cr_slice_t *rest)
{
    size_t end = find(*rest, CR_SLICE("\n"));
    cr_slice_t line = {rest->text, end < rest->length ? end : rest->length};
    *rest = from(*rest, end < rest->length ? end + 1 : rest->length);
    return line;
}

static cr_err_t
read_line(registry_t *self, cr_slice_t line, size_t number, cr_fault_t *fault)
{
    static const char *const states[] = {"registered ", "pending ", "refused "};
    for (size_t i = 0; i < CR_COUNT(states); i++) {
        if (!begins(line, states[i]))
            continue;
        cr_slice_t entry = from(line, strlen(states[i]));
        if (i > 0)
            return CR_OK;
        if (signature_length(entry) == entry.length && entry.length > 0)
            self->signatures[self->signature_count++] = entry;
        else
            self->templates[self->template_count++] = entry;
        return CR_OK;
    }
    return cr_fault_set_at(fault, CR_INVAL, number, 0,
                           "not \"registered\", \"pending\" or \"refused\" and a text");
}

static cr_err_t
read_lines(registry_t *self, cr_slice_t rest, cr_fault_t *fault)
{
    cr_err_t err = CR_OK;
    for (size_t number = 1; err == CR_OK && rest.length > 0; number++) {
        cr_slice_t line = next_line(&rest);
        if (line.length > 0 && line.text[0] != '#')
            err = read_line(self, line, number, fault);
    }
    return err;
}

cr_err_t
registry_read(cr_slice_t text, registry_t **registry, cr_fault_t *fault)
{
    size_t lines = 1;
    if (!cr_text_is_utf8(text))
        return cr_fault_set(fault, CR_INVAL, "not UTF-8");
    for (size_t i = 0; i < text.length; i++)
        lines += text.text[i] == '\n';
    registry_t *self = calloc(1, sizeof *self);
    if (!self)
        return cr_fault_set(fault, CR_NOMEM, "out of memory");
    self->text = malloc(text.length + 1);
    self->signatures = calloc(lines, sizeof *self->signatures);
    self->templates = calloc(lines, sizeof *self->templates);
    cr_err_t err = CR_NOMEM;
    if (self->text && self->signatures && self->templates) {
        memcpy(self->text, text.text, text.length);
        err = read_lines(self, (cr_slice_t){self->text, text.length}, fault);
    }
    if (err == CR_OK)
        *registry = self;
    else
        registry_destroy(&self);
    return err;
}

cr_err_t
registry_load(const char *file, registry_t **registry, cr_fault_t *fault)
{
    FILE *stream = fopen(file, "r");
    char *text = stream ? malloc(FILE_BYTES_MAX) : NULL;
    size_t length = text ? fread(text, 1, FILE_BYTES_MAX, stream) : 0;
    bool failed = !text || ferror(stream) || length == FILE_BYTES_MAX;
    if (stream)
        fclose(stream);
    cr_err_t err = failed ? cr_fault_set(fault, CR_IO, "cannot be read, or is too long")
                          : registry_read((cr_slice_t){text, length}, registry, fault);
    free(text);
    return err;
}

void
registry_destroy(registry_t **self_p)
{
    registry_t *self = *self_p;
    if (!self)
        return;
    free(self->text);
    free(self->signatures);
    free(self->templates);
    free(self);
    *self_p = NULL;
}

/* ---- asking --------------------------------------------------------------------------------- */

/* Whether `text` is the template: what stands between its {} comes in this order, the first piece at
 * the head and the last at the end. */
static bool
is_of(cr_slice_t text, cr_slice_t template)
{
    for (bool head = true;; head = false) {
        size_t gap = find(template, CR_SLICE(ANYTHING));
        bool last = gap > template.length;
        cr_slice_t piece = {template.text, last ? template.length : gap};
        if (last && piece.length > text.length)
            return false;
        size_t at = last ? text.length - piece.length : find(text, piece);
        bool here = at <= text.length && memcmp(text.text + at, piece.text, piece.length) == 0;
        if (!here || (head && at != 0))
            return false;
        if (last)
            return true;
        text = from(text, at + piece.length);
        template = from(template, gap + strlen(ANYTHING));
    }
}

bool
registry_has(const registry_t *self, cr_slice_t text)
{
    size_t length = signature_length(text);
    bool known = false;
    for (size_t i = 0; i < self->signature_count && !known; i++)
        known = cr_slice_equal(self->signatures[i], (cr_slice_t){text.text, length});
    if (!known || self->template_count == 0)
        return known;
    for (size_t i = 0; i < self->template_count; i++)
        if (is_of(from(text, length), self->templates[i]))
            return true;
    return false;
}

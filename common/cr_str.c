#include "cr_str.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
cr_str_init(cr_str_t *self, size_t limit)
{
    *self = (cr_str_t){.limit = limit};
}

void
cr_str_fini(cr_str_t *self)
{
    free(self->text);
    cr_str_init(self, self->limit);
}

void
cr_str_clear(cr_str_t *self)
{
    self->length = 0;
    self->err = CR_OK;
    if (self->text)
        self->text[0] = '\0';
}

static bool
reserve(cr_str_t *self, size_t more)
{
    if (self->err != CR_OK)
        return false;
    if (more > self->limit - self->length) {
        self->err = CR_TOOBIG;
        return false;
    }
    size_t needed = self->length + more + 1;
    if (needed <= self->capacity)
        return true;
    size_t capacity = self->capacity < 64 ? 64 : self->capacity * 2;
    if (capacity < needed)
        capacity = needed;
    char *text = realloc(self->text, capacity);
    if (!text) {
        self->err = CR_NOMEM;
        return false;
    }
    self->text = text;
    self->capacity = capacity;
    return true;
}

void
cr_str_append(cr_str_t *self, const void *bytes, size_t length)
{
    if (!reserve(self, length))
        return;
    if (length > 0)
        memcpy(self->text + self->length, bytes, length);
    self->length += length;
    self->text[self->length] = '\0';
}

void
cr_str_append_text(cr_str_t *self, const char *text)
{
    cr_str_append(self, text, strlen(text));
}

void
cr_str_append_slice(cr_str_t *self, cr_slice_t slice)
{
    cr_str_append(self, slice.text, slice.length);
}

void
cr_str_append_char(cr_str_t *self, char c)
{
    cr_str_append(self, &c, 1);
}

void
cr_str_appendf(cr_str_t *self, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    CR_ASSERT(length >= 0);
    if (reserve(self, (size_t)length)) {
        vsnprintf(self->text + self->length, (size_t)length + 1, format, again);
        self->length += (size_t)length;
    }
    va_end(again);
    va_end(arguments);
}

cr_err_t
cr_str_err(const cr_str_t *self)
{
    return self->err;
}

const char *
cr_str_text(const cr_str_t *self)
{
    return self->text ? self->text : "";
}

cr_slice_t
cr_str_slice(const cr_str_t *self)
{
    return (cr_slice_t){cr_str_text(self), self->length};
}

char *
cr_str_take(cr_str_t *self)
{
    cr_str_append(self, "", 0); /* so that an empty string has its NUL */
    if (self->err != CR_OK) {
        cr_str_fini(self);
        return NULL;
    }
    char *text = self->text;
    cr_str_init(self, self->limit);
    return text;
}

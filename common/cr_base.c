#include "cr_base.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    const char *text;
    bool transient;
} errors[CR_ERR_COUNT] = {
#define X(code, name, text, transient) {name, text, transient},
    CR_ERR_LIST(X)
#undef X
};

const char *
cr_err_name(cr_err_t err)
{
    CR_ASSERT(err < CR_ERR_COUNT);
    return errors[err].name;
}

const char *
cr_err_text(cr_err_t err)
{
    CR_ASSERT(err < CR_ERR_COUNT);
    return errors[err].text;
}

bool
cr_err_is_transient(cr_err_t err)
{
    CR_ASSERT(err < CR_ERR_COUNT);
    return errors[err].transient;
}

static void
fault_write(cr_fault_t *fault, const char *format, va_list arguments)
{
    int length = vsnprintf(fault->text, sizeof fault->text, format, arguments);
    if (length < (int)sizeof fault->text)
        return;
    size_t end = sizeof fault->text - 4;
    while (end > 0 && ((unsigned char)fault->text[end] & 0xC0) == 0x80)
        end--; /* do not cut a character in two */
    memcpy(fault->text + end, "...", 4);
}

cr_err_t
cr_fault_set(cr_fault_t *fault, cr_err_t code, const char *format, ...)
{
    if (!fault)
        return code;
    va_list arguments;
    va_start(arguments, format);
    fault->code = code;
    fault->line = fault->column = 0;
    fault_write(fault, format, arguments);
    va_end(arguments);
    return code;
}

cr_err_t
cr_fault_set_at(cr_fault_t *fault, cr_err_t code, size_t line, size_t column, const char *format,
                ...)
{
    if (!fault)
        return code;
    va_list arguments;
    va_start(arguments, format);
    fault->code = code;
    fault->line = line;
    fault->column = column;
    fault_write(fault, format, arguments);
    va_end(arguments);
    return code;
}

void
cr_assert_failed(const char *condition, const char *file, int line)
{
    fprintf(stderr, "<2>event=assertion condition=\"%s\" file=%s line=%d\n", condition, file, line);
    abort();
}

cr_slice_t
cr_slice_of(const char *text)
{
    return (cr_slice_t){text ? text : "", text ? strlen(text) : 0};
}

bool
cr_slice_equal(cr_slice_t a, cr_slice_t b)
{
    return a.length == b.length && (a.length == 0 || memcmp(a.text, b.text, a.length) == 0);
}

#include "bad_rows.h"

#include <stdlib.h>
#include <string.h>

#include "cr_str.h"

enum { ROW_BYTES_MAX = 256 << 10 };

/* The source, read forward; `line` is the number of the last one read. */
typedef struct {
    FILE *file;
    char *text;
    size_t capacity;
    json_int_t line;
} reader_t;

static ssize_t
line_next(reader_t *reader)
{
    ssize_t length = getline(&reader->text, &reader->capacity, reader->file);
    if (length > 0)
        reader->line++;
    return length;
}

static size_t
count_quotes(const char *text, size_t length)
{
    size_t quotes = 0;
    for (size_t i = 0; i < length; i++)
        quotes += text[i] == '"';
    return quotes;
}

/* The row that starts at `line`: more than one line while a quote is open. */
static void
read_row(reader_t *reader, json_int_t line, cr_str_t *row)
{
    size_t quotes = 0;
    if (line <= reader->line) {
        rewind(reader->file);
        reader->line = 0;
    }
    for (ssize_t length; (length = line_next(reader)) > 0;) {
        if (reader->line < line)
            continue;
        size_t room = row->limit - row->length;
        cr_str_append(row, reader->text, (size_t)length < room ? (size_t)length : room);
        quotes += count_quotes(reader->text, (size_t)length);
        if (quotes % 2 == 0 || row->length == row->limit)
            return;
    }
}

static void
write_field(FILE *out, const char *text, size_t length)
{
    putc('"', out);
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '"')
            putc('"', out);
        putc(text[i], out);
    }
    putc('"', out);
}

static void
write_row(const json_t *bad, reader_t *reader, cr_str_t *row, FILE *out)
{
    json_int_t line = json_integer_value(json_object_get(bad, "line"));
    const char *reason = json_string_value(json_object_get(bad, "reason"));
    cr_str_clear(row);
    read_row(reader, line, row);
    size_t length = row->length;
    while (length > 0 && strchr("\r\n", row->text[length - 1]))
        length--;
    fprintf(out, "%" JSON_INTEGER_FORMAT ",", line);
    write_field(out, reason ? reason : "", reason ? strlen(reason) : 0);
    putc(',', out);
    write_field(out, cr_str_text(row), length);
    putc('\n', out);
}

cr_err_t
bad_rows_write(const json_t *rows, FILE *source, FILE *out)
{
    reader_t reader = {.file = source};
    cr_str_t row;
    cr_str_init(&row, ROW_BYTES_MAX);
    rewind(source);
    fputs("line,reason,row\n", out);
    size_t index;
    json_t *bad;
    json_array_foreach(rows, index, bad)
    {
        write_row(bad, &reader, &row, out);
    }
    cr_str_fini(&row);
    free(reader.text);
    return ferror(out) ? CR_IO : CR_OK;
}

#include "table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cr_text.h"
#include "terminal.h"

enum { GAP = 2, CELL_BYTES_MAX = 64 << 10 };

typedef struct {
    const char *title;
    bool right;
    size_t width;
} column_t;

struct table {
    column_t columns[TABLE_COLUMNS_MAX];
    size_t column_count;
    char **cells;
    size_t cell_count, capacity;
    bool failed;
};

table_t *
table_new(void)
{
    return calloc(1, sizeof(table_t));
}

void
table_destroy(table_t **self_p)
{
    table_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < self->cell_count; i++)
        free(self->cells[i]);
    free(self->cells);
    free(self);
    *self_p = NULL;
}

void
table_column(table_t *self, const char *title, bool right)
{
    if (!self)
        return;
    CR_ASSERT(self->column_count < TABLE_COLUMNS_MAX && self->cell_count == 0);
    self->columns[self->column_count++] =
        (column_t){title, right, cr_text_width(cr_slice_of(title))};
}

static bool
reserve(table_t *self)
{
    if (self->cell_count < self->capacity)
        return true;
    size_t capacity = self->capacity > 0 ? self->capacity * 2 : 64;
    char **cells = realloc(self->cells, capacity * sizeof *cells);
    if (!cells)
        return false;
    self->cells = cells;
    self->capacity = capacity;
    return true;
}

void
table_cell(table_t *self, const char *text)
{
    if (!self || self->failed)
        return;
    cr_str_t cell;
    cr_str_init(&cell, CELL_BYTES_MAX);
    terminal_append(&cell, text);
    char *copy = reserve(self) ? cr_str_take(&cell) : NULL;
    cr_str_fini(&cell);
    if (!copy) {
        self->failed = true;
        return;
    }
    column_t *column = &self->columns[self->cell_count % self->column_count];
    size_t width = cr_text_width(cr_slice_of(copy));
    if (width > column->width)
        column->width = width;
    self->cells[self->cell_count++] = copy;
}

void
table_number(table_t *self, int64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, number);
    table_cell(self, text);
}

static void
print_cell(const table_t *self, size_t index, const char *text)
{
    const column_t *column = &self->columns[index];
    bool last = index + 1 == self->column_count;
    int space = (int)(column->width - cr_text_width(cr_slice_of(text)));
    if (column->right)
        printf("%*s%s", space, "", text);
    else
        printf("%s%*s", text, last ? 0 : space, "");
    printf("%*s", last ? 0 : GAP, "");
    if (last)
        putchar('\n');
}

static bool
has_titles(const table_t *self)
{
    for (size_t i = 0; i < self->column_count; i++)
        if (self->columns[i].title[0] != '\0')
            return true;
    return false;
}

cr_err_t
table_finish(table_t **self_p)
{
    table_t *self = *self_p;
    if (!self)
        return CR_NOMEM;
    CR_ASSERT(self->column_count > 0);
    for (size_t i = 0; has_titles(self) && i < self->column_count; i++)
        print_cell(self, i, self->columns[i].title);
    for (size_t i = 0; i < self->cell_count; i++)
        print_cell(self, i % self->column_count, self->cells[i]);
    cr_err_t err = self->failed ? CR_NOMEM : CR_OK;
    table_destroy(self_p);
    return err;
}

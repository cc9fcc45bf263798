#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "intake_rows.h"

enum { BAD_ROWS_MAX = 10000, VALUES_MAX = 2 * CSV_ROW_MAX };

/* What is wrong with a row; `column` NULL when it is no single column. */
typedef struct {
    const char *column, *why;
} complaint_t;

static cr_err_t
add_bad(intake_t *self, size_t line, const char *reason, cr_fault_t *fault)
{
    if (self->bad_count == BAD_ROWS_MAX)
        return cr_fault_set_at(fault, CR_TOOBIG, self->bad[0].line, 0,
                               "%s; more than %d rows are bad", self->bad[0].reason, BAD_ROWS_MAX);
    if (self->bad_count == self->bad_capacity) {
        size_t capacity = self->bad_capacity ? self->bad_capacity * 2 : 16;
        intake_bad_row_t *bad = realloc(self->bad, capacity * sizeof *bad);
        if (!bad)
            return cr_fault_set(fault, CR_NOMEM, "out of memory");
        self->bad = bad;
        self->bad_capacity = capacity;
    }
    intake_bad_row_t *row = &self->bad[self->bad_count++];
    row->line = line;
    snprintf(row->reason, sizeof row->reason, "%s", reason);
    return CR_OK;
}

static cr_slice_t
trim(cr_slice_t text)
{
    while (text.length > 0 && (text.text[0] == ' ' || text.text[0] == '\t'))
        text = (cr_slice_t){text.text + 1, text.length - 1};
    while (text.length > 0 &&
           (text.text[text.length - 1] == ' ' || text.text[text.length - 1] == '\t'))
        text.length--;
    return text;
}

/* Fills self->values and `lengths`. */
static complaint_t
check_values(intake_t *self, const cr_slice_t *fields, uint16_t lengths[CSV_COLUMNS_MAX])
{
    cr_str_clear(&self->values);
    for (size_t i = 0; i < self->columns.count; i++) {
        const intake_column_t *column = &self->columns.column[i];
        cr_slice_t raw = trim(fields[i]);
        size_t before = self->values.length;
        const char *why = raw.length > 0 ? column->check(raw, &self->values) : NULL;
        if (!why && column->target == FIELD_ID && raw.length == 0)
            why = "empty";
        if (!why && self->values.length - before > UINT16_MAX)
            why = "too long";
        if (why)
            return (complaint_t){column->name, why};
        lengths[i] = (uint16_t)(self->values.length - before);
    }
    cr_err_t err = cr_str_err(&self->values);
    return (complaint_t){NULL, err == CR_OK ? NULL : cr_err_text(err)};
}

static cr_slice_t
value_of(const intake_t *self, const uint16_t *lengths, size_t column)
{
    size_t start = 0;
    for (size_t i = 0; i < column; i++)
        start += lengths[i];
    return (cr_slice_t){cr_str_text(&self->values) + start, lengths[column]};
}

static bool
is_own_guardian(const intake_t *self, const uint16_t *lengths)
{
    uint32_t guardian = intake_columns_find(&self->columns, FIELD_GUARDIAN);
    return guardian != INDEX_NONE && cr_slice_equal(value_of(self, lengths, guardian),
                                                    value_of(self, lengths, self->columns.id));
}

static complaint_t
check_row(intake_t *self, const cr_slice_t *fields, size_t count, uint16_t *lengths)
{
    if (count != self->columns.count)
        return (complaint_t){NULL, count < self->columns.count ? "fewer fields than the header"
                                                               : "more fields than the header"};
    complaint_t complaint = check_values(self, fields, lengths);
    if (!complaint.why && is_own_guardian(self, lengths))
        return (complaint_t){"guardian", "the same as id"};
    return complaint;
}

static cr_err_t
add_doubled(intake_t *self, size_t line, cr_slice_t id, cr_fault_t *fault)
{
    uint32_t first = intake_rows_find(&self->good, id);
    char reason[sizeof self->bad->reason];
    snprintf(reason, sizeof reason, "id: doubled, it stands on line %u already",
             (unsigned)self->good.rows[first]->line);
    return add_bad(self, line, reason, fault);
}

static cr_err_t
read_header(intake_t *self, const cr_slice_t *fields, size_t count, cr_fault_t *fault)
{
    cr_err_t err = intake_columns_read(&self->columns, fields, count, fault);
    self->good.columns = self->columns.count;
    self->good.id = self->columns.id;
    return err;
}

static cr_err_t
on_row(void *context, size_t line, const cr_slice_t *fields, size_t count, cr_fault_t *fault)
{
    intake_t *self = context;
    if (self->columns.count == 0)
        return read_header(self, fields, count, fault);
    self->row_count++;
    uint16_t lengths[CSV_COLUMNS_MAX] = {0};
    complaint_t complaint = check_row(self, fields, count, lengths);
    if (complaint.why) {
        char reason[sizeof self->bad->reason];
        snprintf(reason, sizeof reason, "%s%s%s", complaint.column ? complaint.column : "",
                 complaint.column ? ": " : "", complaint.why);
        return add_bad(self, line, reason, fault);
    }
    cr_err_t err = intake_rows_add(&self->good, line, cr_str_slice(&self->values), lengths);
    if (err == CR_EXISTS)
        return add_doubled(self, line, value_of(self, lengths, self->columns.id), fault);
    return err == CR_OK ? CR_OK : cr_fault_set_at(fault, err, line, 0, "%s", cr_err_text(err));
}

intake_t *
intake_new(void)
{
    intake_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    cr_str_init(&self->values, VALUES_MAX);
    self->csv = intake_csv_new(on_row, self);
    if (!self->csv)
        intake_destroy(&self);
    return self;
}

void
intake_destroy(intake_t **self_p)
{
    intake_t *self = *self_p;
    if (!self)
        return;
    intake_csv_destroy(&self->csv);
    intake_rows_fini(&self->good);
    cr_str_fini(&self->values);
    free(self->bad);
    free(self);
    *self_p = NULL;
}

cr_err_t
intake_feed(intake_t *self, const void *bytes, size_t length, cr_fault_t *fault)
{
    return intake_csv_feed(self->csv, bytes, length, fault);
}

cr_err_t
intake_finish(intake_t *self, cr_fault_t *fault)
{
    cr_err_t err = intake_csv_finish(self->csv, fault);
    if (err != CR_OK)
        return err;
    if (self->columns.count == 0)
        return cr_fault_set(fault, CR_INVAL, "empty, not even a header");
    if (self->row_count == 0)
        return cr_fault_set_at(fault, CR_INVAL, 2, 0, "no rows after the header");
    return CR_OK;
}

size_t
intake_rows(const intake_t *self)
{
    return self->row_count;
}

size_t
intake_bad_count(const intake_t *self)
{
    return self->bad_count;
}

const intake_bad_row_t *
intake_bad_row(const intake_t *self, size_t index)
{
    CR_ASSERT(index < self->bad_count);
    return &self->bad[index];
}

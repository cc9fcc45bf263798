#include "upload.h"

#include <stdlib.h>

struct upload {
    intake_t *intake;
    cr_err_t err;
    cr_fault_t fault;
};

upload_t *
upload_new(void)
{
    upload_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->intake = intake_new();
    if (!self->intake)
        upload_destroy(&self);
    return self;
}

void
upload_destroy(upload_t **self_p)
{
    upload_t *self = *self_p;
    if (!self)
        return;
    intake_destroy(&self->intake);
    free(self);
    *self_p = NULL;
}

void
upload_feed(upload_t *self, const void *bytes, size_t length)
{
    if (self->err == CR_OK)
        self->err = intake_feed(self->intake, bytes, length, &self->fault);
}

static json_t *
bad_row(const intake_bad_row_t *row)
{
    return json_pack("{s:i, s:s}", "line", (int)row->line, "reason", row->reason);
}

static json_t *
bad_rows_of(const intake_t *intake)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < intake_bad_count(intake); i++)
        if (json_array_append_new(rows, bad_row(intake_bad_row(intake, i))) != 0)
            break; /* memory: the count is told all the same */
    return rows;
}

cr_err_t
upload_finish(upload_t *self, bool skip_bad, json_t **bad_rows, cr_fault_t *fault)
{
    if (self->err == CR_OK)
        self->err = intake_finish(self->intake, &self->fault);
    *fault = self->fault;
    if (self->err != CR_OK)
        return self->err;
    size_t bad = intake_bad_count(self->intake);
    if (bad == 0 || skip_bad)
        return CR_OK;
    *bad_rows = bad_rows_of(self->intake);
    const intake_bad_row_t *first = intake_bad_row(self->intake, 0);
    return cr_fault_set_at(fault, CR_INVAL, first->line, 0,
                           "%zu bad rows, the first in line %zu: %s; nothing was imported", bad,
                           first->line, first->reason);
}

intake_t *
upload_take(upload_t *self)
{
    intake_t *intake = self->intake;
    self->intake = NULL;
    return intake;
}

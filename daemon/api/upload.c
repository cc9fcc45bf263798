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

cr_err_t
upload_finish(upload_t *self, cr_fault_t *fault)
{
    if (self->err == CR_OK)
        self->err = intake_finish(self->intake, &self->fault);
    *fault = self->fault;
    return self->err;
}

intake_t *
upload_take(upload_t *self)
{
    intake_t *intake = self->intake;
    self->intake = NULL;
    return intake;
}

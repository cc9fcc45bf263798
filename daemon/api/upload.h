/*
 * upload - the CSV body of an import, fed to intake as it arrives
 *
 * The body is never held; the first fault is kept and what follows it is dropped, so that the client
 * gets an answer and not a reset connection.
 *
 * Ownership  upload_take passes the intake on. Threads    one at a time.
 */
#ifndef UPLOAD_H
#define UPLOAD_H

#include <jansson.h>

#include "../audience/intake.h"

typedef struct upload upload_t;

upload_t *upload_new(void);
void upload_destroy(upload_t **self_p);
void upload_feed(upload_t *self, const void *bytes, size_t length);
/* All was fed. The first fault, if there was one; CR_INVAL with `bad_rows` (the caller's, an array
 * as in docs/http-api.md) when rows are bad and are not to be skipped. */
cr_err_t upload_finish(upload_t *self, bool skip_bad, json_t **bad_rows,
                       cr_fault_t *fault) CR_MUST_USE;
/* After a finish without fault. */
intake_t *upload_take(upload_t *self);

#endif

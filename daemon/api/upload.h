/*
 * upload - the CSV body of an import, fed to intake as it arrives
 *
 * The body is never held; the first fault is kept and what follows it is dropped, so that the client
 * gets an answer and not a reset connection.
 *
 * Ownership  upload_take passes the intake on.
 * Threads    one at a time.
 */
#ifndef UPLOAD_H
#define UPLOAD_H

#include "../audience/intake.h"

typedef struct upload upload_t;

upload_t *upload_new(void);
void upload_destroy(upload_t **self_p);
void upload_feed(upload_t *self, const void *bytes, size_t length);
/* All was fed: the first fault, if there was one. Rows that are bad are plan's to judge. */
cr_err_t upload_finish(upload_t *self, cr_fault_t *fault) CR_MUST_USE;
/* After a finish without fault. */
intake_t *upload_take(upload_t *self);

#endif

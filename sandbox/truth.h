/*
 * truth - the file of every submit a gateway accepted
 *
 * `STATE_DIR/accepted.log`, one line each: time, channel, reference. A line is written before the
 * submit is answered, so whatever a worker or the daemon loses can be compared with what really
 * went out. It names no address and no text; a reference that is not ours is written as "-".
 */
#ifndef TRUTH_H
#define TRUTH_H

#include "cr_id.h"

typedef struct truth truth_t;

/* Makes the folder if it is missing; appends to a file that is there. CR_IO, CR_NOMEM. */
cr_err_t truth_open(const char *state_dir, truth_t **self, cr_fault_t *fault) CR_MUST_USE;
void truth_close(truth_t **self_p);

/* CR_IO when the line could not be written whole: then the submit must not be accepted. */
cr_err_t truth_append(truth_t *self, int64_t wall_us, cr_channel_t channel,
                      cr_slice_t reference) CR_MUST_USE;

#endif

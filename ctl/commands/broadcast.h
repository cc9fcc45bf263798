/*
 * broadcast - what other commands show of a broadcast
 */
#ifndef BROADCAST_H
#define BROADCAST_H

#include "../ctl.h"

/* Its members, and its counts by channel once it has an audience. CR_NOMEM. */
cr_err_t broadcast_print(const json_t *broadcast) CR_MUST_USE;
/* GET of one, printed; also what `status ID` does. */
cr_err_t broadcast_show(ctl_t *ctl) CR_MUST_USE;

#endif

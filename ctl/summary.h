/*
 * summary - a broadcast's counts as a table: one column a channel, reasons in words
 */
#ifndef SUMMARY_H
#define SUMMARY_H

#include "progress.h"

/* CR_NOMEM. */
cr_err_t summary_print(const progress_t *progress) CR_MUST_USE;

#endif

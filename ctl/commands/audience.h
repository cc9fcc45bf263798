/*
 * audience - how many people a selector means, by channel and town
 */
#ifndef AUDIENCE_H
#define AUDIENCE_H

#include "../ctl.h"

/* Asks for the count of `selector`; a fault points into it. The caller frees the answer. */
cr_err_t audience_count(ctl_t *ctl, const char *selector, json_t **answer) CR_MUST_USE;
cr_err_t audience_print(const json_t *count) CR_MUST_USE;

#endif

/*
 * template - what other commands show of templates
 */
#ifndef TEMPLATE_H
#define TEMPLATE_H

#include "../ctl.h"

/* The table of SMS lengths, if the answer has one. CR_NOMEM. */
cr_err_t template_print_checks(const json_t *template) CR_MUST_USE;
/* The --var options as an object; NULL when one is not UTF-8. Caller frees. */
json_t *template_variables(const ctl_t *ctl);

#endif

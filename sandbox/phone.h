/*
 * phone - which numbers the SMS gateways of the sandbox know
 */
#ifndef PHONE_H
#define PHONE_H

#include "cr_base.h"

/* Eight to fifteen digits, perhaps after a '+', that do not end in 0000: those do not exist. */
bool phone_exists(cr_slice_t phone);

#endif

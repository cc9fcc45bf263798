/*
 * trunk - short messages through an operator's gateway: the kinds smpp and cmpp
 *
 * Several lines to one gateway share its window; each piece goes over the line that has most room.
 * Receipts and replies are answered when the daemon has stored what they say, so that a gateway
 * repeats what a crash swallowed.
 *
 * Away       while no line is up or coming, submits are RETRY_1 and say so; a line that is on its way
 *            is waited for.
 * Throttled  the delivery is RETRY_1 and the runtime keeps quiet; a later part of a long text is
 *            submitted again by itself.
 */
#ifndef TRUNK_H
#define TRUNK_H

#include "sms_config.h"

extern const gateway_kind_t smpp_gateway, cmpp_gateway; /* their config is an sms_config_t */

#endif

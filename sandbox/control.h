/*
 * control - changes faults and push addresses while the sandbox runs
 *
 * POST /control {"channel":"sms"|"wechat"|"mail"|"all", MEMBER: NUMBER, ...} with the members of
 * FAULT_LIST (faults.h), "receipt_url" for sms and "event_url" for wechat. A change is made whole
 * or not at all; a member that is not known is refused by name. GET /control shows what holds.
 */
#ifndef CONTROL_H
#define CONTROL_H

#include "gateway.h"
#include "web.h"

typedef struct {
    gateway_t *gateways; /* one per channel */
} control_t;

/* The context is the control_t. */
void control_answer_get(void *context, const web_request_t *request, web_answer_t *answer);
void control_answer_post(void *context, const web_request_t *request, web_answer_t *answer);

#endif

/*
 * acs - checks the signature of a request to Alibaba Cloud
 *
 * The sandbox refuses what the real gateway would refuse, so that a wrong signature is found here
 * and not on the day of an alert. Business parameters are not looked at.
 *
 * Source     Alibaba Cloud "V3 request structure and signature", ACS3-HMAC-SHA256; the page's own
 *            example is a unit test.
 */
#ifndef ACS_H
#define ACS_H

#include "cr_base.h"

typedef struct {
    const char *method;
    const char *path; /* as it was sent */
    cr_slice_t query; /* as it was sent, without '?' */
    cr_slice_t body;
    const char *(*header)(const void *context, const char *name); /* NULL when absent */
    const void *context;
} acs_request_t;

typedef struct {
    const char *id, *secret;
} acs_key_t;

typedef struct {
    unsigned status;
    const char *code, *message;
} acs_refusal_t;

/* NULL when the signature is right and its time within 15 minutes of `wall_us`; else the answer
 * that the real gateway gives. */
const acs_refusal_t *acs_check(const acs_request_t *request, const acs_key_t *key, int64_t wall_us);

#endif

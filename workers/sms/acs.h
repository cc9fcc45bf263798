/*
 * acs - the signature of an Aliyun OpenAPI request, version 3 (ACS3-HMAC-SHA256)
 *
 * Pure: the time and the nonce are arguments, so that a published example can be a test.
 *
 * Source     Alibaba Cloud, "V3 request structure and signature".
 */
#ifndef ACS_H
#define ACS_H

#include "cr_str.h"

enum { ACS_HASH_TEXT_MAX = 65 };

/* Headers that are signed, in the order of their names; the content type only when there is one. */
typedef struct {
    const char *method, *path, *query;
    const char *host, *content_type; /* content_type may be NULL */
    const char *action, *version;
    const char *date;  /* "2023-10-26T10:22:32Z" */
    const char *nonce; /* of this request alone */
    const char *content_hash;
} acs_request_t;

/* The SHA-256 of a body in hex; returns `out`. */
const char *acs_hash(cr_slice_t body, char out[ACS_HASH_TEXT_MAX]);
/* Appends the value of the Authorization header. */
void acs_authorize(const acs_request_t *request, const char *key_id, const char *secret,
                   cr_str_t *out);

#endif

/*
 * http_gateway - short messages through any HTTP interface that configuration can describe
 *
 * One request a message; what it holds, and what answers and pushed receipts mean, is data
 * (http_template.h, http_mapping.h). Redirects are not followed, and an answer that is not what was
 * described is UNKNOWN: it may have been taken.
 *
 * Limits     answers of 1 MiB, also after decompression; gateway.timeout_ms for a whole answer,
 *            however slowly it drips.
 */
#ifndef HTTP_GATEWAY_H
#define HTTP_GATEWAY_H

#include "sms_config.h"

/* One kind for each way to get receipts: none, by our reference, by the gateway's id. */
extern const gateway_kind_t http_plain_gateway, http_reference_gateway, http_id_gateway;

#endif

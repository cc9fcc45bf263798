/*
 * cr_id - names of broadcasts and deliveries
 *
 * A broadcast is a number that only grows (given by Redis), shown as "B-" and eight letters of
 * Crockford's base 32
 * ("B-0000001K"). A delivery is (broadcast, channel, rank) and, towards a gateway, the attempt: the
 * reference "0000001K.s.4711.1". References are what a gateway gets as our id and gives back in a
 * receipt.
 *
 * Source     Crockford base 32 (no I L O U; read case-insensitively, I and L as 1, O as 0).
 */
#ifndef CR_ID_H
#define CR_ID_H

#include "cr_base.h"

/* Values are wire and storage format: never renumber. */
#define CR_CHANNEL_LIST(X)                                                                         \
    X(0, SMS, "sms", 's')                                                                          \
    X(1, WECHAT, "wechat", 'w')                                                                    \
    X(2, MAIL, "mail", 'm')

typedef enum {
#define X(value, name, text, letter) CR_CHANNEL_##name = (value),
    CR_CHANNEL_LIST(X)
#undef X
        CR_CHANNEL_COUNT
} cr_channel_t;

/* Strict priority, the first first. */
#define CR_LANE_LIST(X)                                                                            \
    X(0, EMERGENCY, "emergency")                                                                   \
    X(1, URGENT, "urgent")                                                                         \
    X(2, ROUTINE, "routine")                                                                       \
    X(3, BULK, "bulk")

typedef enum {
#define X(value, name, text) CR_LANE_##name = (value),
    CR_LANE_LIST(X)
#undef X
        CR_LANE_COUNT
} cr_lane_t;

enum { CR_ID_TEXT_MAX = 16, CR_REFERENCE_TEXT_MAX = 48 };
#define CR_BROADCAST_MAX ((UINT64_C(1) << 40) - 1)

typedef struct {
    uint64_t broadcast;
    cr_channel_t channel;
    uint32_t rank;
    uint32_t attempt; /* counts from 1 */
} cr_delivery_t;

const char *cr_id_format(uint64_t broadcast, char out[CR_ID_TEXT_MAX]);
cr_err_t cr_id_parse(const char *text, uint64_t *broadcast) CR_MUST_USE;

const char *cr_reference_format(const cr_delivery_t *delivery, char out[CR_REFERENCE_TEXT_MAX]);
cr_err_t cr_reference_parse(cr_slice_t text, cr_delivery_t *delivery) CR_MUST_USE;

const char *cr_channel_name(cr_channel_t channel);
cr_err_t cr_channel_parse(const char *text, cr_channel_t *channel) CR_MUST_USE;
const char *cr_lane_name(cr_lane_t lane);
cr_err_t cr_lane_parse(const char *text, cr_lane_t *lane) CR_MUST_USE;

#endif

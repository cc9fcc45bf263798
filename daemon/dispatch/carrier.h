/*
 * carrier - which operator a mobile number was given out by
 *
 * A hint only: numbers move between operators (携号转网) and keep their prefix.
 *
 * Source     the number segments of 工业和信息化部, as of March 2023.
 */
#ifndef CARRIER_H
#define CARRIER_H

#include "cr_base.h"

#define CARRIER_LIST(X)                                                                            \
    X(UNKNOWN, "unknown")   /* no mainland mobile number, or a segment of nobody */                \
    X(MOBILE, "mobile")     /* 中国移动 */                                                     \
    X(UNICOM, "unicom")     /* 中国联通 */                                                     \
    X(TELECOM, "telecom")   /* 中国电信 */                                                     \
    X(BROADNET, "broadnet") /* 中国广电 */

typedef enum {
#define X(name, text) CARRIER_##name,
    CARRIER_LIST(X)
#undef X
        CARRIER_COUNT
} carrier_t;

/* Of a number as the directory keeps it: eleven digits, with or without +86 before them. */
carrier_t carrier_of(cr_slice_t phone);
const char *carrier_name(carrier_t carrier);
/* CR_INVAL: no such carrier; "unknown" is none that can be asked for. */
cr_err_t carrier_parse(const char *name, carrier_t *carrier) CR_MUST_USE;

#endif

/*
 * details - what became of the newest short messages, by phone: for those who ask instead of waiting
 *
 * Time       callers pass `now_us`, monotonic.
 * Limits     DETAILS_MAX; older ones are forgotten.
 * Source     Dysmsapi 2017-05-25, QuerySendDetails.
 */
#ifndef DETAILS_H
#define DETAILS_H

#include <jansson.h>

#include "cr_str.h"

enum { DETAILS_MAX = 1 << 16, DETAILS_SHOWN = 50 };

typedef struct details details_t;

typedef struct {
    cr_slice_t phone, reference;
    const char *failure; /* NULL: delivered; lives for ever */
    int64_t final_us;    /* when it is known */
} detail_t;

details_t *details_new(void) CR_MUST_USE;
void details_destroy(details_t **self_p);

void details_add(details_t *self, const detail_t *detail);
/* The newest of this phone: [{"SendStatus","ErrCode","PhoneNum","OutId"}]. NULL: memory. */
json_t *details_of(const details_t *self, cr_slice_t phone, int64_t now_us);

#endif

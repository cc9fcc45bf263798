/*
 * offenders - peers that send what no worker sends
 *
 * After OFFENDERS_LIMIT offences in a minute a peer is shut out for a minute: what it sends is
 * dropped unread.
 *
 * Time       monotonic, an argument. Threads none.
 * Limits     remembers the OFFENDERS_MAX newest; peers have passed CURVE, so there are few.
 */
#ifndef OFFENDERS_H
#define OFFENDERS_H

#include "core.h"

enum { OFFENDERS_MAX = 64, OFFENDERS_LIMIT = 16 };
#define OFFENDERS_WINDOW_US (60 * CR_US_PER_S)

typedef struct {
    struct {
        char name[CORE_NAME_MAX];
        uint32_t count;
        int64_t since_us;
        int64_t shut_until_us;
    } peers[OFFENDERS_MAX];
} offenders_t;

/* Counts an offence; true when this one shuts the peer out. */
bool offenders_note(offenders_t *self, const char *name, int64_t now_us);
bool offenders_is_shut(const offenders_t *self, const char *name, int64_t now_us);

#endif

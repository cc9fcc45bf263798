/*
 * offenders - peers that send what no worker sends
 *
 * Offences have a weight: what no honest worker sends weighs more than what one may send after a
 * crash of ours. A peer that reaches OFFENDERS_LIMIT within a minute is shut out for a minute.
 * Names are those bound to keys, so that nobody can have another one shut out.
 *
 * Time       monotonic, an argument. Threads none.
 * Limits     remembers the OFFENDERS_MAX newest; peers have passed CURVE, so there are few.
 */
#ifndef OFFENDERS_H
#define OFFENDERS_H

#include "core.h"

enum { OFFENDERS_MAX = 64, OFFENDERS_LIMIT = 256 };

typedef enum {
    OFFENCE_STRAY = 1, /* about a lease that is not its own, or older than what is known */
    OFFENCE_LIE = 16,  /* garbage, another's name, what was never leased */
} offence_t;

#define OFFENDERS_WINDOW_US (60 * CR_US_PER_S)

typedef struct {
    struct {
        char name[CORE_NAME_MAX];
        uint32_t weight;
        int64_t since_us;
        int64_t shut_until_us;
    } peers[OFFENDERS_MAX];
} offenders_t;

/* Weighs an offence; true when this one shuts the peer out. */
bool offenders_note(offenders_t *self, const char *name, offence_t offence, int64_t now_us);
bool offenders_is_shut(const offenders_t *self, const char *name, int64_t now_us);

#endif

/*
 * smsc_join - long messages put together again, as a handset does
 *
 * Parts come in any order and over any connection; the last one that was missing gives the whole.
 *
 * Ownership  octets are copied.
 * Limits     4,096 messages wait for parts; the oldest goes first.
 */
#ifndef SMSC_JOIN_H
#define SMSC_JOIN_H

#include "cr_sms.h"

typedef struct smsc_join smsc_join_t;

smsc_join_t *smsc_join_new(void) CR_MUST_USE;
void smsc_join_destroy(smsc_join_t **self_p);

/* `message` names the message (a hash of numbers and reference). True when it is whole: its octets
 * are appended to `whole`. A part that is there already is taken as a repetition. */
bool smsc_join_add(smsc_join_t *self, uint64_t message, const cr_sms_part_t *part,
                   cr_slice_t octets, cr_str_t *whole);

#endif

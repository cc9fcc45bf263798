/*
 * story - one delivery told to people: its status in words, and its attempts from the trail
 *
 * Dispatch tells it from its bytes, plan from the stored ones of a broadcast that dispatch does not
 * hold any more.
 *
 * Ownership  answers are the caller's.
 * Threads    none.
 */
#ifndef STORY_H
#define STORY_H

#include <jansson.h>

#include "cr_status.h"
#include "quiet.h"

/* {"rank","status","words","words_zh","attempts":[]} */
json_t *story_new(uint32_t rank, cr_status_t status);
/* Adds the attempts that the chunk of trail names for the rank; the ledger puts two bytes of length
 * before each record. Records of an unknown version are left out, those within quiet hours marked.
 */
void story_add_trail(json_t *story, uint32_t rank, const quiet_t *quiet, const uint8_t *bytes,
                     size_t length);

#endif

/*
 * record - a stored lease, read by somebody who did not write it
 *
 * Source     the head comment of daemon/dispatch/record.c, version 1.
 */
#ifndef RECORD_H
#define RECORD_H

#include "core.h"

typedef struct {
    bool free_running, over;
    uint32_t intent, block, count;
    uint8_t offsets[CORE_BLOCK];
    char worker[CORE_NAME_MAX]; /* "": nobody's */
} record_t;

/* Asserts that it is a record. */
void record_read(const uint8_t *bytes, uint32_t length, record_t *out);

#endif

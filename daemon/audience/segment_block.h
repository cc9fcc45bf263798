/*
 * segment_block - how the values of a segment lie in its block; for segment*.c
 *
 * The block is a head, a column_t for each column and one more for the names of the attributes,
 * then the bytes of each in that order, from a multiple of four:
 *
 *   end[strings]   where each string ends in the pool; left out when all are equally long
 *   code[rows]     which string a row has, from 1; 0: empty; left out when the n-th row has the n-th
 *                  string, or all rows have the only one
 *   pool           the strings, one after the other
 *
 * So an id, a phone or an openid costs its own bytes and none beside, a village one byte, and a
 * language that all have nothing.
 */
#ifndef AUDIENCE_SEGMENT_BLOCK_H
#define AUDIENCE_SEGMENT_BLOCK_H

#include <stdatomic.h>

#include "segment.h"

/* Strings of a column are numbered from 1 in 16 bits. */
typedef struct {
    uint32_t at; /* of its bytes in the block */
    uint32_t strings;
    uint32_t width;     /* of each string when there are no ends */
    uint8_t end_bytes;  /* 0, 2 or 4 */
    uint8_t code_bytes; /* 0, 1 or 2 */
    uint16_t unused;    /* 0 */
} column_t;

typedef struct {
    uint32_t format, rows, columns;
} block_head_t;

struct segment {
    atomic_uint references;
    size_t length; /* of the block */
    block_head_t head;
};

/* One reference; the block is not filled. NULL: memory. */
segment_t *segment_allocate(size_t length);
/* How many rows the column has: the last one holds the attributes' names. */
static inline uint32_t
segment_column_rows(const block_head_t *head, uint32_t column)
{
    return column < head->columns ? head->rows : head->columns - FIELD_COUNT;
}

/* What the column needs before its pool. */
static inline size_t
column_pool_at(const column_t *self, uint32_t rows)
{
    return (size_t)self->strings * self->end_bytes + (size_t)rows * self->code_bytes;
}

static inline size_t
column_padded(size_t bytes)
{
    return (bytes + 3) & ~(size_t)3;
}

/* segment_first.c: reads a block of format 1. CR_CORRUPT. */
cr_err_t segment_decode_first(const uint8_t *block, size_t length, segment_t **self) CR_MUST_USE;

#endif

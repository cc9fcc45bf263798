/*
 * segment - 1,024 recipients as columns of strings
 *
 * Each column lies in the way that takes the least room: what all have alike once, what few have in
 * common as codes, what is everybody's own one after the other. A segment is one block of memory
 * without pointers, so what is sealed and stored is that block itself; segment_block.h says how it
 * lies. The first columns are the fields below, the others are attributes.
 *
 * Ownership  immutable once built; segment_ref / segment_unref count atomically, strings live as
 *            long as the segment.
 * Threads    any may read.
 * Limits     50 attributes; all values together 8 MiB.
 * Upgrade    a change of the block's layout takes a new SEGMENT_FORMAT; segment_decode reads those
 *            before, too, and refuses what it does not know.
 */
#ifndef AUDIENCE_SEGMENT_H
#define AUDIENCE_SEGMENT_H

#include "directory.h"
#include "index.h"

/* Stored order: never re-order, add at the end with a new SEGMENT_FORMAT. */
#define FIELD_LIST(X)                                                                              \
    X(ID, "id")                                                                                    \
    X(NAME, "name")                                                                                \
    X(PHONE, "phone")                                                                              \
    X(OPENID, "openid")                                                                            \
    X(EMAIL, "email")                                                                              \
    X(DIVISION, "division")                                                                        \
    X(GROUPS, "groups")                                                                            \
    X(ROLES, "roles")                                                                              \
    X(LANGUAGE, "language")                                                                        \
    X(GUARDIAN, "guardian")

typedef enum {
#define X(name, text) FIELD_##name,
    FIELD_LIST(X)
#undef X
        FIELD_COUNT
} field_t;

/* The strings of a builder: SEGMENT_COLUMNS_MAX * 1,024 values and the names of attributes. */
enum {
    SEGMENT_FORMAT_FIRST = 1,
    SEGMENT_FORMAT = 2,
    SEGMENT_ATTRIBUTES_MAX = 50,
    SEGMENT_COLUMNS_MAX = FIELD_COUNT + SEGMENT_ATTRIBUTES_MAX,
    SEGMENT_STRINGS_MAX = SEGMENT_COLUMNS_MAX * (DIRECTORY_SEGMENT + 1) + 1,
    SEGMENT_POOL_MAX = 8 << 20
};

typedef struct segment segment_t;

segment_t *segment_ref(segment_t *self);
void segment_unref(segment_t **self_p);

uint32_t segment_rows(const segment_t *self);
uint32_t segment_columns(const segment_t *self);
cr_slice_t segment_value(const segment_t *self, uint32_t column, uint32_t row);
/* Those of many rows, of which each is an ordinal modulo DIRECTORY_SEGMENT. */
void segment_values(const segment_t *self, uint32_t column, const uint32_t *ordinals, size_t count,
                    cr_slice_t *out);
/* A number for the value of each row: 0 is the empty string, rows with the same number have the same
 * value; others may have it, too. */
void segment_codes(const segment_t *self, uint32_t column, uint16_t codes[DIRECTORY_SEGMENT]);
/* Name of an attribute's column (FIELD_COUNT and on), and back; INDEX_NONE: not here. */
cr_slice_t segment_attribute(const segment_t *self, uint32_t column);
uint32_t segment_find_attribute(const segment_t *self, cr_slice_t key);
size_t segment_bytes(const segment_t *self);

/* The block as it is stored; lives as long as the segment. */
const uint8_t *segment_block(const segment_t *self, size_t *length);
/* Checks every length and code, so that no later read can leave the block. CR_CORRUPT. */
cr_err_t segment_decode(const uint8_t *block, size_t length, segment_t **self) CR_MUST_USE;

/* Builds one segment after the other, row by row. Strings are copied. */
typedef struct segment_builder segment_builder_t;
segment_builder_t *segment_builder_new(void);
void segment_builder_destroy(segment_builder_t **self_p);
/* Forgets the rows and columns of the last segment. */
void segment_builder_clear(segment_builder_t *self);
/* Column of the attribute, made if need be; CR_TOOBIG when there are too many. */
cr_err_t segment_builder_attribute(segment_builder_t *self, cr_slice_t key,
                                   uint32_t *column) CR_MUST_USE;
/* A new row, all empty. */
void segment_builder_row(segment_builder_t *self);
/* Sets a value of the newest row, once. */
cr_err_t segment_builder_set(segment_builder_t *self, uint32_t column,
                             cr_slice_t value) CR_MUST_USE;
/* Leaves attributes out that nobody has. */
cr_err_t segment_builder_take(segment_builder_t *self, segment_t **out) CR_MUST_USE;

#endif

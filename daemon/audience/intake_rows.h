/*
 * intake_rows - the inside of an intake: the columns of the file and the rows that are good
 *
 * Rows are kept packed, one after the other in large blocks: 1 M rows cost no allocation each and
 * nothing is moved when there are more.
 */
#ifndef INTAKE_ROWS_H
#define INTAKE_ROWS_H

#include "index.h"
#include "intake.h"
#include "intake_csv.h"
#include "intake_value.h"
#include "segment.h"

enum { COLUMN_NAME_MAX = 64, COLUMN_ATTRIBUTE = FIELD_COUNT, COLUMN_OPT_OUT };

typedef struct {
    char name[COLUMN_NAME_MAX + 1];
    uint32_t target; /* field_t, COLUMN_ATTRIBUTE or COLUMN_OPT_OUT */
    intake_value_fn *check;
} intake_column_t;

typedef struct {
    size_t count; /* 0: the header was not read yet */
    intake_column_t column[CSV_COLUMNS_MAX];
    size_t id; /* which one is the id */
} intake_columns_t;

/* Reads the header. CR_INVAL with the place and the column's name. */
cr_err_t intake_columns_read(intake_columns_t *self, const cr_slice_t *fields, size_t count,
                             cr_fault_t *fault) CR_MUST_USE;
/* The file's column for the target (attributes have many), or INDEX_NONE. */
uint32_t intake_columns_find(const intake_columns_t *self, uint32_t target);

typedef struct {
    uint32_t line;
    uint16_t length[]; /* of each column's value; the values follow */
} intake_row_t;

typedef struct {
    size_t columns, id;
    char **blocks;
    size_t block_count, block_capacity, used; /* `used` of the last block */
    intake_row_t **rows;
    uint32_t count, capacity;
    index_t ids; /* id -> number of the row */
} intake_rows_t;

/* `values`: the columns' values one after the other. CR_EXISTS when the id is there already. */
cr_err_t intake_rows_add(intake_rows_t *self, size_t line, cr_slice_t values,
                         const uint16_t *lengths) CR_MUST_USE;
void intake_rows_fini(intake_rows_t *self);
cr_slice_t intake_rows_value(const intake_rows_t *self, uint32_t row, size_t column);
/* Number of the row with that id, or INDEX_NONE. */
uint32_t intake_rows_find(const intake_rows_t *self, cr_slice_t id);

struct intake {
    intake_csv_t *csv;
    intake_columns_t columns;
    intake_rows_t good;
    size_t row_count; /* bad ones included */
    cr_str_t values;  /* of the row being checked */
    intake_bad_row_t *bad;
    size_t bad_count, bad_capacity;
};

#endif

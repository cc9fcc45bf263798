/*
 * table - rows of text in aligned columns
 *
 * Columns are as wide as their widest cell on a terminal, where Han characters take two. Cells are
 * filled row by row, from left to right.
 *
 * Ownership  cells are copied; table_finish prints and frees.
 */
#ifndef TABLE_H
#define TABLE_H

#include "cr_base.h"

enum { TABLE_COLUMNS_MAX = 16 };

typedef struct table table_t;

/* NULL: memory. */
table_t *table_new(void);
/* Before the first cell. A right-aligned column holds numbers. */
void table_column(table_t *self, const char *title, bool right);
void table_cell(table_t *self, const char *text);
void table_number(table_t *self, int64_t number);
/* Prints to standard output, without the line of titles when all are empty. CR_NOMEM when a cell
 * was lost; accepts a pointer to NULL, which is CR_NOMEM too. */
cr_err_t table_finish(table_t **self_p) CR_MUST_USE;
void table_destroy(table_t **self_p);

#endif

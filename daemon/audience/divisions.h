/*
 * divisions - names of administrative divisions by code
 *
 * A code has 12 digits, two for the province, two for the city, two for the county, three for the
 * township and three for the village; what lies inside a division begins with the same digits, so a
 * name stands for a prefix.
 *
 * Ownership  immutable once loaded; ref / unref count atomically.
 * Limits     a file of 1 MiB.
 * Source     GB/T 2260, GB/T 10114; config/sample/divisions.csv: code,name,kind,english.
 */
#ifndef DIVISIONS_H
#define DIVISIONS_H

#include "cr_base.h"

enum { DIVISION_DIGITS = 12, TOWNSHIP_DIGITS = 9 };

typedef struct {
    cr_slice_t code, name, english; /* "370124104000", "孔村镇", "Kongcun"; english may be empty */
} division_t;

typedef struct divisions divisions_t;

bool division_is_code(cr_slice_t text);
/* The digits that all codes inside have in common: "370124104" of "370124104000". */
cr_slice_t division_prefix(cr_slice_t code);

cr_err_t divisions_load(const char *file, divisions_t **self, cr_fault_t *fault) CR_MUST_USE;
divisions_t *divisions_ref(divisions_t *self); /* NULL stays NULL */
void divisions_unref(divisions_t **self_p);

size_t divisions_count(const divisions_t *self); /* 0 of NULL, as below */
const division_t *divisions_at(const divisions_t *self, size_t index);
/* By code of 12 or 9 digits, by name in either language; NULL: not known. */
const division_t *divisions_find(const divisions_t *self, cr_slice_t name);
/* Of the division or else of its township; an empty slice when neither is known. */
cr_slice_t divisions_name(const divisions_t *self, cr_slice_t code);
cr_slice_t divisions_town(const divisions_t *self, cr_slice_t code);
size_t divisions_bytes(const divisions_t *self);

#endif

/*
 * cr_config - one table of options per program, over libconfig
 *
 * Parsing, range check, default, --print-config, the generated reference and the error text all
 * derive from the table. Unknown key, wrong type, out of range, missing file: refused with file,
 * line and key. Numbers are checked on the text of the file, because libconfig 1.5 wraps large ones
 * silently. @include is refused. A missing file is never written.
 *
 * Ownership  text values belong to the loaded struct until cr_config_free.
 * Secrets    are never values: an option of kind CR_OPT_SECRET_FILE names a file (mode 0600), or a
 * credential of the service (`credential:NAME`); printed as the file's path.
 */
#ifndef CR_CONFIG_H
#define CR_CONFIG_H

#include <stdio.h>

#include "cr_base.h"

typedef enum { CR_OPT_INT, CR_OPT_BOOL, CR_OPT_TEXT, CR_OPT_SECRET_FILE } cr_opt_kind_t;

typedef struct {
    const char *key;    /* dotted path, units in the name: "dispatch.lease_ms" */
    cr_opt_kind_t kind; /* member type: int64_t, bool, char *, char * */
    size_t offset;      /* offsetof in the program's config struct */
    int64_t min, max;   /* value of an int, length of a text in bytes (min 1: must not be empty) */
    const char *fallback; /* default as text; NULL: must be given in the file */
    const char *choices;  /* "a|b|c" for texts with a closed set, else NULL */
    const char *help;
} cr_option_t;

/* A table ends with an entry whose key is NULL. The caller zeroes `config` and frees it also after a
 * failure. */
cr_err_t cr_config_load(const cr_option_t *table, const char *file, void *config,
                        cr_fault_t *fault) CR_MUST_USE;
void cr_config_free(const cr_option_t *table, void *config);
/* The effective configuration as a file that cr_config_load reads back. */
void cr_config_print(const cr_option_t *table, const void *config, FILE *out);
/* Markdown table rows for docs/config-reference.md. */
void cr_config_reference(const cr_option_t *table, FILE *out);

#endif

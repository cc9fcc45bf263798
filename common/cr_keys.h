/*
 * cr_keys - key files: CURVE certificates and 32-byte secrets
 *
 * A secret file that others can read is refused (CZMQ would load it silently). Files are made with
 * mode 0600 and never overwritten. CURVE files are CZMQ certificates (ZPL, RFC 4/ZPL): FILE holds
 * the public half, FILE_secret both.
 */
#ifndef CR_KEYS_H
#define CR_KEYS_H

#include <czmq.h>

#include "cr_base.h"

enum { CR_KEY_BYTES = 32 };

/* Makes FILE and FILE_secret with the metadata "name". CR_EXISTS, CR_IO. */
cr_err_t cr_keys_make_curve(const char *file, const char *name, cr_fault_t *fault) CR_MUST_USE;
/* Loads FILE_secret given as `file`; caller destroys. CR_DENIED when group or others may read it.
 */
cr_err_t cr_keys_load_curve(const char *file, zcert_t **cert, cr_fault_t *fault) CR_MUST_USE;
/* Loads a public certificate; the name is its metadata "name". Caller destroys. */
cr_err_t cr_keys_load_public(const char *file, zcert_t **cert, cr_fault_t *fault) CR_MUST_USE;

/* 32 random bytes as 64 hex digits and a newline. CR_EXISTS, CR_IO. */
cr_err_t cr_keys_make_secret(const char *file, cr_fault_t *fault) CR_MUST_USE;
cr_err_t cr_keys_load_secret(const char *file, uint8_t key[CR_KEY_BYTES],
                             cr_fault_t *fault) CR_MUST_USE;

/* The first line of a file with mode 0600 or stricter (a token, a gateway's password). Caller
 * frees. */
cr_err_t cr_keys_load_line(const char *file, char **line, cr_fault_t *fault) CR_MUST_USE;

#endif

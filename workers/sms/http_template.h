/*
 * http_template - a message as the request that a supplier's HTTP interface wants
 *
 * Configuration holds a template with {address}, {text}, {sender}, {reference} and {secret}; what a
 * value may contain decides nothing: it is escaped for where it stands. In JSON the placeholders
 * stand in the template's texts, so that its own braces need no doubling.
 *
 * Ownership  the template's text is borrowed; the secret too.
 */
#ifndef HTTP_TEMPLATE_H
#define HTTP_TEMPLATE_H

#include <jansson.h>

#include "cr_str.h"
#include "runtime/render.h"

typedef enum { HTTP_JSON, HTTP_FORM, HTTP_LINE } http_form_t;

typedef struct {
    http_form_t form;
    cr_slice_t text;
    json_t *json; /* of HTTP_JSON */
} http_template_t;

/* HTTP_FORM escapes as URLs do, also in one; HTTP_LINE (a header) refuses line breaks in values.
 * CR_INVAL: not JSON, a brace too many, or an unknown placeholder. */
cr_err_t http_template_init(http_template_t *self, http_form_t form, const char *text,
                            cr_fault_t *fault) CR_MUST_USE;
void http_template_fini(http_template_t *self);

/* Appends the filled text. CR_INVAL, CR_TOOBIG, CR_NOMEM. */
cr_err_t http_template_fill(const http_template_t *self, const message_t *message,
                            const char *secret, cr_str_t *out) CR_MUST_USE;

#endif

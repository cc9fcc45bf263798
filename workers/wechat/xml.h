/*
 * xml - the flat XML that the platforms push
 *
 * From outside: no document type (so no entities), no network, and no more than the children of the
 * root.
 *
 * Source     libxml2.
 */
#ifndef XML_H
#define XML_H

#include <libxml/tree.h>

#include "cr_str.h"

/* NULL: not such a document. Free it with xmlFreeDoc. */
xmlDoc *xml_read(cr_slice_t text);
/* Copies the text of the root's first child of this name, cut at `size` less one. False when there is
 * none. */
bool xml_child(const xmlDoc *document, const char *name, char *out, size_t size);
/* Appends it instead. CR_NOTFOUND, or the error of `out`. */
cr_err_t xml_append_child(const xmlDoc *document, const char *name, cr_str_t *out) CR_MUST_USE;

#endif

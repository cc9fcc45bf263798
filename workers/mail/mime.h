/*
 * mime - text as the lines of a mail
 *
 * A hundred thousand mails a campaign differ in a name each; a library that builds a tree of objects
 * for each of them takes longer than the relay. What a notification needs of MIME is three encodings.
 *
 * Source     RFC 5322, 2045 (base64, quoted-printable), 2047 (encoded words).
 * Limits     lines of at most 76 bytes, all ASCII; encoded words and quoted characters are cut only
 *            between UTF-8 characters.
 * Threads    none; pure.
 */
#ifndef MIME_H
#define MIME_H

#include "cr_str.h"

/* A header line of one value without line breaks: as it is if it is short ASCII, else encoded words. */
void mime_append_header(cr_str_t *out, const char *name, cr_slice_t value);
/* From or the like: "name <address>"; the name may be empty. */
void mime_append_mailbox(cr_str_t *out, const char *name, cr_slice_t person, cr_slice_t address);

/* The header lines that describe a text of this subtype in UTF-8, an empty line, and the text, in
 * whichever of quoted-printable and base64 is shorter. No boundary that begins with "=_" is in it. */
void mime_append_part(cr_str_t *out, const char *subtype, cr_slice_t text);

#endif

/*
 * mail - what a person sees of an e-mail
 *
 * Mails are kept as they came and taken apart by GMime only when somebody looks.
 */
#ifndef MAIL_H
#define MAIL_H

#include <jansson.h>

#include "cr_base.h"

/* Call once at start, before any thread. */
void mail_library_init(void);

/* {"from","subject","date","unsubscribe" (a link),"text","html"}, each a text or null; null when it is no mail. */
json_t *mail_view(cr_slice_t mail);

#endif

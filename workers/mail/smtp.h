/*
 * smtp - mails to a relay, by libcurl
 *
 * One recipient a mail, and a courier with its own kept connection for each slot of the window. The relay's word is final (HANDED): what
 * it finds out later comes as a bounce to the office's mailbox.
 *
 * Source     RFC 5321, 3207 (STARTTLS).
 */
#ifndef SMTP_H
#define SMTP_H

#include "runtime/runtime.h"

typedef struct {
    runtime_config_t runtime;
    char *from, *domain;
    char *tls, *ca_file;
    char *user, *password_file; /* "" for a relay that asks for none */
} smtp_config_t;

extern const gateway_kind_t smtp_gateway; /* its config is an smtp_config_t */

#endif

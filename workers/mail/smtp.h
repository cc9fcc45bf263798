/*
 * smtp - mails to a relay, over a few connections of our own
 *
 * One recipient a mail. Each connection has two mails under way, so that the envelope of the next goes
 * out with the body of the one before. The relay's word is final (HANDED): what it finds out later
 * comes as a bounce (bounces.h).
 *
 * Away       while no connection can be made, or the relay refuses us (its greeting, STARTTLS, the
 *            log-in), submits are RETRY_1 and say so: nobody's mail fails for our mistake.
 * Source     RFC 5321 and those that smtp_session.h names.
 */
#ifndef SMTP_H
#define SMTP_H

#include "runtime/runtime.h"

typedef struct {
    runtime_config_t runtime;
    char *from, *domain;
    char *unsubscribe_url, *bounce_domain, *token_key_file; /* mail_message.h; "" for none */
    char *bounce_maildir;                                   /* bounces.h; "" for none */
    char *tls, *ca_file;
    char *user, *password_file, *auth; /* user "" for a relay that asks for none */
    int64_t connections, mails_per_connection;
} smtp_config_t;

extern const gateway_kind_t smtp_gateway; /* its config is an smtp_config_t */

#endif

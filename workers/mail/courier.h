/*
 * courier - a thread that takes one mail at a time to the relay, over one connection that it keeps
 *
 * libcurl waits for the reply to a mail's last dot inside the call, also in its multi interface: on
 * the worker's loop one slow relay would stop leases, heartbeats and every other mail. So each slot
 * of the window has a courier, a CZMQ actor around the call that blocks.
 *
 * Ownership  a parcel belongs to the courier from courier_send until courier_receive gives it back.
 * Threads    everything here is called from the loop's thread; the parcel is all that is handed over.
 * Source     RFC 5321, 3207 (STARTTLS); libcurl, smtp_done.
 */
#ifndef COURIER_H
#define COURIER_H

#include <curl/curl.h>
#include <czmq.h>
#include <glib.h>

#include "cr_base.h"

typedef struct {
    const char *url; /* smtp(s)://HOST:PORT/NAME, NAME is what we greet with */
    const char *from;
    bool starttls;
    const char *ca_file;         /* "" for the system's certificates */
    const char *user, *password; /* user "" for a relay that asks for none */
    long timeout_ms;
} courier_config_t;

enum { COURIER_REPLY_MAX = 512 };

/* A mail on its way there, and what became of it on its way back. */
typedef struct {
    GByteArray *mail;
    char *recipient;
    size_t sent; /* bytes that left */
    bool answered;
    long status; /* last reply code */
    size_t reply_length;
    char reply[COURIER_REPLY_MAX]; /* the relay's last line */
} parcel_t;

typedef struct courier courier_t;

/* Starts the thread; `config` is borrowed until courier_destroy. NULL: no thread, no memory. */
courier_t *courier_new(const courier_config_t *config);
/* Asks it to break off; returns at once. */
void courier_stop(courier_t *self);
/* Waits for its end: at most a second after courier_stop. */
void courier_destroy(courier_t **self_p);

void courier_send(courier_t *self, parcel_t *parcel);
/* Readable when a parcel is back. */
zsock_t *courier_socket(courier_t *self);
/* NULL when none is back yet. */
parcel_t *courier_receive(courier_t *self);

#endif

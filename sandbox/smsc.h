/*
 * smsc - plays a message centre: what SMPP and CMPP have in common
 *
 * Connections log in, submit within a window, and get receipts and replies. One centre a protocol;
 * a table of functions says how it speaks (smsc_smpp.c, smsc_cmpp.c). Behind it is one counter for
 * both (smsc_desk.h).
 *
 * Ownership  options are copied, what they point to is borrowed; the delay must still be there when
 *            the centre stops and must not run afterwards.
 * Limits     256 connections of 64 accounts, 1,000,000 receipts and replies that wait for somebody to take them,
 *            256 of them on their way a connection, 4 MiB of output a connection.
 */
#ifndef SMSC_H
#define SMSC_H

#include <czmq.h>

#include "delay.h"
#include "smsc_desk.h"

typedef struct smsc smsc_t;
typedef struct smsc_protocol smsc_protocol_t;

extern const smsc_protocol_t smsc_smpp, smsc_cmpp;

typedef struct {
    const smsc_protocol_t *protocol;
    zloop_t *loop;
    delay_t *delay;
    smsc_desk_t *desk;
    const char *address;          /* IPv4 */
    int64_t port;                 /* 0: the kernel chooses */
    const char *account, *secret; /* accounts begin with the one, all have the other */
} smsc_options_t;

/* CR_INVAL for an address that cannot be used, CR_IO, CR_NOMEM. */
cr_err_t smsc_start(const smsc_options_t *options, smsc_t **self, cr_fault_t *fault) CR_MUST_USE;
void smsc_stop(smsc_t **self_p);
unsigned smsc_port(const smsc_t *self);

/* Whether somebody is connected who takes receipts and replies. */
bool smsc_has_receiver(const smsc_t *self);
/* What a resident says; delivered `delay_us` later. CR_TOOBIG, CR_NOMEM. */
cr_err_t smsc_reply(smsc_t *self, cr_slice_t phone, cr_slice_t text, int64_t delay_us) CR_MUST_USE;

#endif

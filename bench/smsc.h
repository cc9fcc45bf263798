/*
 * smsc - the barest message centre: it answers each submit with an id and reads nothing else in it
 *
 * Protocols  SMPP 3.4 and CMPP 3.0; log-ins are never refused, whatever the password.
 * Threads    one thread serves all connections.
 */
#ifndef SMSC_H
#define SMSC_H

#include "cr_pdu.h"

typedef struct {
    const char *name;
    size_t header, sequence_at, answer_bytes;
    uint32_t submit, log_in, receipt;
    /* Each appends a frame. */
    void (*answer)(uint32_t sequence, uint64_t id, cr_pdu_buffer_t *out);
    void (*log_in_answer)(const uint8_t *request, cr_pdu_buffer_t *out);
    void (*receipt_frame)(uint64_t id, uint32_t sequence, cr_pdu_buffer_t *out);
} smsc_protocol_t;

/* NULL: none of that name. */
const smsc_protocol_t *smsc_protocol(const char *name);

typedef struct {
    const smsc_protocol_t *protocol;
    int listener;
    bool receipts;
    int64_t answer_us; /* how long an answer takes */
    volatile const bool *stop;
    /* what was seen */
    uint64_t submits;
    int64_t first_us, last_us;
} smsc_t;

/* A listener on a free port of loopback; its port, 0: none. */
uint16_t smsc_listen(smsc_t *self);
/* Serves until `stop`. */
void smsc_serve(smsc_t *self);

#endif

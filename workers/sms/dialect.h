/*
 * dialect - what SMPP and CMPP have in common, as a table of functions
 *
 * The session and everything above it speak of pieces (one short message to submit) and of what the
 * gateway said; a dialect turns one into frames and frames into the other. Nothing else differs
 * between the protocols.
 *
 * Ownership  what was said borrows from the frame.
 * Threads    none; pure.
 */
#ifndef DIALECT_H
#define DIALECT_H

#include "contract.h"
#include "cr_id.h"
#include "cr_status.h"

enum { SAID_ID_MAX = 68 };

/* What a connection is for: SMPP can have one for each direction. */
typedef enum { ROLE_BOTH, ROLE_SEND, ROLE_RECEIVE } role_t;

/* One short message: a text, or a part of one. */
typedef struct {
    cr_slice_t address, reference;
    cr_sms_coding_t coding;
    cr_slice_t octets;  /* without a header */
    cr_sms_part_t part; /* total 1: the whole text */
    cr_lane_t lane;
    int64_t expires_us;
} piece_t;

typedef enum {
    SAID_NOTHING, /* to us */
    SAID_LOGGED_IN,
    SAID_REFUSED,  /* the log-in */
    SAID_ANSWER,   /* to a submit: status, id */
    SAID_RECEIPT,  /* status, id */
    SAID_REPLY,    /* of a resident: address, coding, octets */
    SAID_PROGRESS, /* an intermediate receipt: to be answered and forgotten */
    SAID_GARBLED,  /* a receipt that cannot be read: likewise, but it is noticed */
    SAID_TEST,     /* asks whether we are there */
    SAID_ALIVE,    /* answers that it is */
    SAID_LEAVE,    /* asks us to go */
    SAID_LEFT,     /* takes note that we go */
    SAID_UNKNOWN   /* a request that nobody knows */
} said_kind_t;

typedef struct {
    said_kind_t kind;
    uint32_t command, sequence;
    uint64_t number; /* CMPP's Msg_Id, which its answer repeats */
    cr_status_t status;
    const char *code; /* the gateway's own word, for logs */
    char id_text[SAID_ID_MAX];
    cr_slice_t id; /* in id_text */
    cr_slice_t address, octets;
    cr_sms_coding_t coding;
} said_t;

typedef struct {
    const char *name;
    size_t header, frame_max;
    uint32_t sequence_max;
    bool has_roles;

    /* CR_INVAL: garbage. */
    cr_err_t (*read)(const contract_t *contract, cr_slice_t frame, said_t *said, cr_fault_t *fault);
    /* The others append a frame; CR_TOOBIG: no room, CR_INVAL: a text that a field cannot hold. */
    cr_err_t (*log_in)(const contract_t *contract, role_t role, uint32_t timestamp,
                       cr_pdu_buffer_t *out);
    cr_err_t (*submit)(const contract_t *contract, const piece_t *piece, uint32_t sequence,
                       cr_pdu_buffer_t *out);
    cr_err_t (*test)(const contract_t *contract, uint32_t sequence, cr_pdu_buffer_t *out);
    cr_err_t (*leave)(const contract_t *contract, uint32_t sequence, cr_pdu_buffer_t *out);
    /* `taken` false: say it again later. */
    cr_err_t (*answer)(const contract_t *contract, const said_t *said, bool taken,
                       cr_pdu_buffer_t *out);
} dialect_t;

extern const dialect_t dialect_smpp, dialect_cmpp;

/* Helpers of both. */

/* "YYMMDDhhmmss032+", the absolute time of both protocols, in Beijing's zone. */
enum { DIALECT_TIME_MAX = 16 };
cr_slice_t dialect_time(int64_t wall_us, char out[DIALECT_TIME_MAX]);
/* The header that joins parts, if there are parts and the contract says so, and the octets of a
 * piece; returned in `out`, which holds at least 160. */
cr_slice_t dialect_content(const contract_t *contract, const piece_t *piece, uint8_t *out);
/* What is in a message from a resident without its header. */
cr_slice_t dialect_text(cr_slice_t content, bool has_header);
/* A number without the country's prefix, as residents' numbers are kept. */
cr_slice_t dialect_number(cr_slice_t address);

#endif

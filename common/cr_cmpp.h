/*
 * cr_cmpp - the messages of CMPP 2.0 and 3.0 (China Mobile peer to peer)
 *
 * As cr_smpp: one struct for all messages, both directions. The two versions differ in the width of
 * fields; a message means the same in both.
 *
 * Source     China Mobile, CMPP 2.0 and 3.0.1.
 * Ownership  decoded slices borrow from the frame.
 */
#ifndef CR_CMPP_H
#define CR_CMPP_H

#include "cr_pdu.h"

enum {
    CR_CMPP_HEADER = 12,
    CR_CMPP_FRAME_MAX = 8 * 1024,
    CR_CMPP_AUTHENTICATOR = 16,
    CR_CMPP_CONTENT_MAX = 160,
    CR_CMPP_REPORT_MAX = 71
};
#define CR_CMPP_RESPONSE UINT32_C(0x80000000)

typedef enum {
    CR_CMPP_CONNECT = 0x01,
    CR_CMPP_TERMINATE = 0x02,
    CR_CMPP_SUBMIT = 0x04,
    CR_CMPP_DELIVER = 0x05,
    CR_CMPP_ACTIVE_TEST = 0x08,
} cr_cmpp_command_t;

/* As CONNECT carries them; 2.1 has the layouts of 2.0. */
typedef enum { CR_CMPP_20 = 0x20, CR_CMPP_30 = 0x30 } cr_cmpp_version_t;

/* Result of SUBMIT_RESP: value, constant, name in logs */
#define CR_CMPP_RESULT_LIST(X)                                                                     \
    X(0, OK, "ok")                                                                                 \
    X(1, STRUCTURE, "structure")                                                                   \
    X(2, COMMAND, "command")                                                                       \
    X(3, SEQUENCE, "duplicate_sequence")                                                           \
    X(4, LENGTH, "length")                                                                         \
    X(5, FEE_CODE, "fee_code")                                                                     \
    X(6, TOO_LONG, "too_long")                                                                     \
    X(7, SERVICE, "service_id")                                                                    \
    X(8, FLOW, "flow_control")                                                                     \
    X(9, FEE_NUMBER, "fee_number_not_served")                                                      \
    X(10, SOURCE, "src_id")                                                                        \
    X(11, MESSAGE_SOURCE, "msg_src")                                                               \
    X(12, FEE_TERMINAL, "fee_terminal_id")                                                         \
    X(13, DESTINATION, "dest_terminal_id")

enum {
#define X(value, constant, name) CR_CMPP_##constant = (value),
    CR_CMPP_RESULT_LIST(X)
#undef X
};

/* Status of CONNECT_RESP, and Msg_Fmt. */
enum {
    CR_CMPP_CONNECT_STRUCTURE = 1,
    CR_CMPP_CONNECT_SOURCE = 2,
    CR_CMPP_CONNECT_AUTH = 3,
    CR_CMPP_CONNECT_VERSION = 4,
    CR_CMPP_FORMAT_ASCII = 0,
    CR_CMPP_FORMAT_BINARY = 4,
    CR_CMPP_FORMAT_UCS2 = 8,
    CR_CMPP_FORMAT_GBK = 15
};

typedef struct {
    uint32_t command, sequence;
    /* CONNECT and its answer */
    cr_slice_t source_addr, authenticator;
    uint32_t version, timestamp;
    uint32_t status; /* Status of CONNECT_RESP, Result of the other answers */
    /* SUBMIT, DELIVER and their answers */
    uint64_t msg_id;
    uint32_t pk_total, pk_number, registered_delivery, msg_level;
    cr_slice_t service_id;
    uint32_t fee_user_type, fee_terminal_type;
    cr_slice_t fee_terminal_id;
    uint32_t tp_pid, tp_udhi, msg_fmt;
    cr_slice_t msg_src, fee_type, fee_code, valid_time, at_time;
    cr_slice_t src_id;           /* SUBMIT: our number */
    cr_slice_t dest_terminal_id; /* SUBMIT: a group of cr_cmpp_number_size each */
    uint32_t dest_terminal_type;
    cr_slice_t dest_id;         /* DELIVER: our number */
    cr_slice_t src_terminal_id; /* DELIVER: the resident's */
    uint32_t src_terminal_type;
    cr_slice_t msg_content, reserve, link_id;
    uint32_t reserved; /* of ACTIVE_TEST_RESP */
} cr_cmpp_t;

/* What the Msg_Content of a DELIVER with Registered_Delivery 1 holds. */
typedef struct {
    uint64_t msg_id; /* of the SUBMIT_RESP */
    cr_slice_t stat, submit_time, done_time, dest_terminal_id;
    uint32_t smsc_sequence;
} cr_cmpp_report_t;

/* Of a frame whose length is told. CR_NOTFOUND: a command of which no layout is known; command and
 * sequence are set, as they are with CR_INVAL unless the frame is shorter than a header. A
 * CONNECT_RESP is read in either width: a gateway may refuse a version in its own. */
cr_err_t cr_cmpp_decode(cr_slice_t frame, cr_cmpp_version_t version, cr_cmpp_t *pdu,
                        cr_fault_t *fault) CR_MUST_USE;
/* Appends one frame; nothing on failure. */
cr_err_t cr_cmpp_encode(const cr_cmpp_t *pdu, cr_cmpp_version_t version, cr_pdu_buffer_t *out,
                        cr_fault_t *fault) CR_MUST_USE;

/* Reports of 60 and of 71 octets are read whatever the version: gateways mix them. */
cr_err_t cr_cmpp_report_decode(cr_slice_t content, cr_cmpp_report_t *report,
                               cr_fault_t *fault) CR_MUST_USE;
cr_err_t cr_cmpp_report_encode(const cr_cmpp_report_t *report, cr_cmpp_version_t version,
                               cr_pdu_buffer_t *out, cr_fault_t *fault) CR_MUST_USE;

/* Octets of a terminal's number in a SUBMIT: 21 or 32. */
size_t cr_cmpp_number_size(cr_cmpp_version_t version);

/* MD5(source, nine NULs, secret, MMDDHHMMSS), what a CONNECT proves itself with. */
void cr_cmpp_authenticate(cr_slice_t source, cr_slice_t secret, uint32_t timestamp,
                          uint8_t out[CR_CMPP_AUTHENTICATOR]);
/* MD5(status, the CONNECT's authenticator, secret), what its answer proves itself with. */
void cr_cmpp_authenticate_gateway(uint32_t status, cr_cmpp_version_t version,
                                  const uint8_t connect_authenticator[CR_CMPP_AUTHENTICATOR],
                                  cr_slice_t secret, uint8_t out[CR_CMPP_AUTHENTICATOR]);

/* "SUBMIT_RESP", "flow_control"; "?" for what is unknown. */
const char *cr_cmpp_command_name(uint32_t command);
const char *cr_cmpp_result_name(uint32_t result);

#endif

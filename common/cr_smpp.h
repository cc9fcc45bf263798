/*
 * cr_smpp - the messages of SMPP 3.4 (short message peer to peer)
 *
 * One struct holds what any of them may carry; the command says which members count. Both sides of
 * the conversation use it: the worker that submits and the sandbox that plays the message centre.
 *
 * Source     SMPP v3.4 issue 1.2: sections 4 (PDUs), 5.1.3 (status), 5.3 (optional parameters).
 * Ownership  decoded slices borrow from the frame.
 */
#ifndef CR_SMPP_H
#define CR_SMPP_H

#include "cr_pdu.h"

enum { CR_SMPP_HEADER = 16, CR_SMPP_FRAME_MAX = 70 * 1024, CR_SMPP_ADDRESS_MAX = 20 };
enum { CR_SMPP_REFERENCE_TAG = 0x1400 };
#define CR_SMPP_RESPONSE UINT32_C(0x80000000)
#define CR_SMPP_SEQUENCE_MAX UINT32_C(0x7FFFFFFF)

typedef enum {
    CR_SMPP_BIND_RECEIVER = 0x01,
    CR_SMPP_BIND_TRANSMITTER = 0x02,
    CR_SMPP_SUBMIT_SM = 0x04,
    CR_SMPP_DELIVER_SM = 0x05,
    CR_SMPP_UNBIND = 0x06,
    CR_SMPP_BIND_TRANSCEIVER = 0x09,
    CR_SMPP_ENQUIRE_LINK = 0x15,
    CR_SMPP_ALERT_NOTIFICATION = 0x102,
    CR_SMPP_DATA_SM = 0x103,
} cr_smpp_command_t;
#define CR_SMPP_GENERIC_NACK CR_SMPP_RESPONSE

/* value, constant, name as the specification has it */
#define CR_SMPP_STATUS_LIST(X)                                                                     \
    X(0x00, OK, "ESME_ROK")                                                                        \
    X(0x01, INVMSGLEN, "ESME_RINVMSGLEN")                                                          \
    X(0x02, INVCMDLEN, "ESME_RINVCMDLEN")                                                          \
    X(0x03, INVCMDID, "ESME_RINVCMDID")                                                            \
    X(0x04, INVBNDSTS, "ESME_RINVBNDSTS")                                                          \
    X(0x05, ALYBND, "ESME_RALYBND")                                                                \
    X(0x06, INVPRTFLG, "ESME_RINVPRTFLG")                                                          \
    X(0x07, INVREGDLVFLG, "ESME_RINVREGDLVFLG")                                                    \
    X(0x08, SYSERR, "ESME_RSYSERR")                                                                \
    X(0x0A, INVSRCADR, "ESME_RINVSRCADR")                                                          \
    X(0x0B, INVDSTADR, "ESME_RINVDSTADR")                                                          \
    X(0x0C, INVMSGID, "ESME_RINVMSGID")                                                            \
    X(0x0D, BINDFAIL, "ESME_RBINDFAIL")                                                            \
    X(0x0E, INVPASWD, "ESME_RINVPASWD")                                                            \
    X(0x0F, INVSYSID, "ESME_RINVSYSID")                                                            \
    X(0x11, CANCELFAIL, "ESME_RCANCELFAIL")                                                        \
    X(0x13, REPLACEFAIL, "ESME_RREPLACEFAIL")                                                      \
    X(0x14, MSGQFUL, "ESME_RMSGQFUL")                                                              \
    X(0x15, INVSERTYP, "ESME_RINVSERTYP")                                                          \
    X(0x40, INVDESTFLAG, "ESME_RINVDESTFLAG")                                                      \
    X(0x42, INVSUBREP, "ESME_RINVSUBREP")                                                          \
    X(0x43, INVESMCLASS, "ESME_RINVESMCLASS")                                                      \
    X(0x44, CNTSUBDL, "ESME_RCNTSUBDL")                                                            \
    X(0x45, SUBMITFAIL, "ESME_RSUBMITFAIL")                                                        \
    X(0x48, INVSRCTON, "ESME_RINVSRCTON")                                                          \
    X(0x49, INVSRCNPI, "ESME_RINVSRCNPI")                                                          \
    X(0x50, INVDSTTON, "ESME_RINVDSTTON")                                                          \
    X(0x51, INVDSTNPI, "ESME_RINVDSTNPI")                                                          \
    X(0x53, INVSYSTYP, "ESME_RINVSYSTYP")                                                          \
    X(0x54, INVREPFLAG, "ESME_RINVREPFLAG")                                                        \
    X(0x55, INVNUMMSGS, "ESME_RINVNUMMSGS")                                                        \
    X(0x58, THROTTLED, "ESME_RTHROTTLED")                                                          \
    X(0x61, INVSCHED, "ESME_RINVSCHED")                                                            \
    X(0x62, INVEXPIRY, "ESME_RINVEXPIRY")                                                          \
    X(0x63, INVDFTMSGID, "ESME_RINVDFTMSGID")                                                      \
    X(0x64, RX_T_APPN, "ESME_RX_T_APPN")                                                           \
    X(0x65, RX_P_APPN, "ESME_RX_P_APPN")                                                           \
    X(0x66, RX_R_APPN, "ESME_RX_R_APPN")                                                           \
    X(0x67, QUERYFAIL, "ESME_RQUERYFAIL")                                                          \
    X(0xC0, INVOPTPARSTREAM, "ESME_RINVOPTPARSTREAM")                                              \
    X(0xC1, OPTPARNOTALLWD, "ESME_ROPTPARNOTALLWD")                                                \
    X(0xC2, INVPARLEN, "ESME_RINVPARLEN")                                                          \
    X(0xC3, MISSINGOPTPARAM, "ESME_RMISSINGOPTPARAM")                                              \
    X(0xC4, INVOPTPARAMVAL, "ESME_RINVOPTPARAMVAL")                                                \
    X(0xFE, DELIVERYFAILURE, "ESME_RDELIVERYFAILURE")                                              \
    X(0xFF, UNKNOWNERR, "ESME_RUNKNOWNERR")

enum {
#define X(value, constant, name) CR_SMPP_##constant = (value),
    CR_SMPP_STATUS_LIST(X)
#undef X
};

/* esm_class: a user data header stands before the text; what a deliver_sm is. data_coding. */
enum {
    CR_SMPP_ESM_UDHI = 0x40,
    CR_SMPP_ESM_TYPE = 0x3C,
    CR_SMPP_ESM_RECEIPT = 0x04,
    CR_SMPP_ESM_INTERMEDIATE = 0x20,
    CR_SMPP_CODING_DEFAULT = 0,
    CR_SMPP_CODING_LATIN1 = 3,
    CR_SMPP_CODING_UCS2 = 8,
};

/* message_state of a receipt. */
enum {
    CR_SMPP_STATE_ENROUTE = 1,
    CR_SMPP_STATE_DELIVERED,
    CR_SMPP_STATE_EXPIRED,
    CR_SMPP_STATE_DELETED,
    CR_SMPP_STATE_UNDELIVERABLE,
    CR_SMPP_STATE_ACCEPTED,
    CR_SMPP_STATE_UNKNOWN,
    CR_SMPP_STATE_REJECTED
};

typedef struct {
    uint32_t command, status, sequence;
    /* bind and its answer */
    cr_slice_t system_id, password, system_type, address_range;
    uint32_t interface_version, addr_ton, addr_npi;
    /* submit_sm, deliver_sm, data_sm */
    cr_slice_t service_type, source_addr, destination_addr;
    uint32_t source_addr_ton, source_addr_npi, dest_addr_ton, dest_addr_npi;
    uint32_t esm_class, protocol_id, priority_flag, registered_delivery;
    uint32_t replace_if_present_flag, data_coding, sm_default_msg_id;
    cr_slice_t schedule_delivery_time, validity_period, short_message;
    cr_slice_t message_id; /* of the answers to them */
    /* optional */
    cr_pdu_option_t sc_interface_version, user_message_reference, message_state;
    cr_pdu_option_t sar_msg_ref_num, sar_total_segments, sar_segment_seqnum;
    cr_slice_t receipted_message_id, network_error_code, message_payload;
    cr_slice_t
        client_reference; /* of the vendors' range: our reference, where the gateway logs it */
} cr_smpp_t;

/* Of a frame whose length is told. CR_NOTFOUND: a command of which no layout is known; command,
 * status and sequence are set, as they are with CR_INVAL unless the frame is shorter than a header.
 * An answer with a status other than 0 may end after its header. */
cr_err_t cr_smpp_decode(cr_slice_t frame, cr_smpp_t *pdu, cr_fault_t *fault) CR_MUST_USE;
/* Appends one frame; nothing on failure. */
cr_err_t cr_smpp_encode(const cr_smpp_t *pdu, cr_pdu_buffer_t *out, cr_fault_t *fault) CR_MUST_USE;

/* "submit_sm_resp", "ESME_RTHROTTLED"; "?" for what is unknown. */
const char *cr_smpp_command_name(uint32_t command);
const char *cr_smpp_status_name(uint32_t status);

#endif

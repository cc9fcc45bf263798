#include "cr_smpp.h"

#include <string.h>

#define FIELD(kind, member, size)                                                                  \
    {                                                                                              \
#member, CR_PDU_##kind, (size), offsetof(cr_smpp_t, member), 0                             \
    }
#define OPTION(kind, member, size, tag)                                                            \
    {                                                                                              \
#member, CR_PDU_##kind, (size), offsetof(cr_smpp_t, member), (tag)                         \
    }

#define ADDRESSES                                                                                  \
    FIELD(CSTRING, service_type, 6), FIELD(U8, source_addr_ton, 1), FIELD(U8, source_addr_npi, 1), \
        FIELD(CSTRING, source_addr, 65), FIELD(U8, dest_addr_ton, 1), FIELD(U8, dest_addr_npi, 1), \
        FIELD(CSTRING, destination_addr, 65)

#define OPTIONS                                                                                    \
    OPTION(U16, user_message_reference, 2, 0x0204), OPTION(U16, sar_msg_ref_num, 2, 0x020C),       \
        OPTION(U8, sar_total_segments, 1, 0x020E), OPTION(U8, sar_segment_seqnum, 1, 0x020F),      \
        OPTION(CSTRING, receipted_message_id, 65, 0x001E), OPTION(U8, message_state, 1, 0x0427),   \
        OPTION(OCTETS, network_error_code, 3, 0x0423),                                             \
        OPTION(OCTETS, message_payload, UINT16_MAX, 0x0424),                                       \
        OPTION(OCTETS, client_reference, 64, CR_SMPP_REFERENCE_TAG)

static const cr_pdu_field_t bind[] = {
    FIELD(CSTRING, system_id, 16),     FIELD(CSTRING, password, 9), FIELD(CSTRING, system_type, 13),
    FIELD(U8, interface_version, 1),   FIELD(U8, addr_ton, 1),      FIELD(U8, addr_npi, 1),
    FIELD(CSTRING, address_range, 41),
};
static const cr_pdu_field_t bind_answer[] = {
    FIELD(CSTRING, system_id, 16),
    OPTION(U8, sc_interface_version, 1, 0x0210),
};
static const cr_pdu_field_t sm[] = {
    ADDRESSES,
    FIELD(U8, esm_class, 1),
    FIELD(U8, protocol_id, 1),
    FIELD(U8, priority_flag, 1),
    FIELD(CSTRING, schedule_delivery_time, 17),
    FIELD(CSTRING, validity_period, 17),
    FIELD(U8, registered_delivery, 1),
    FIELD(U8, replace_if_present_flag, 1),
    FIELD(U8, data_coding, 1),
    FIELD(U8, sm_default_msg_id, 1),
    FIELD(COUNTED, short_message, 254),
    OPTIONS,
};
static const cr_pdu_field_t data_sm[] = {
    ADDRESSES,
    FIELD(U8, esm_class, 1),
    FIELD(U8, registered_delivery, 1),
    FIELD(U8, data_coding, 1),
    OPTIONS,
};
/* Gateways add optional fields to their answers; a layout with one lets them pass. */
static const cr_pdu_field_t sm_answer[] = {
    FIELD(CSTRING, message_id, 65),
    OPTION(OCTETS, network_error_code, 3, 0x0423),
};
static const cr_pdu_field_t alert[] = {
    FIELD(U8, source_addr_ton, 1),
    FIELD(U8, source_addr_npi, 1),
    FIELD(CSTRING, source_addr, 65),
    FIELD(U8, dest_addr_ton, 1),
    FIELD(U8, dest_addr_npi, 1),
    FIELD(CSTRING, destination_addr, 65),
    OPTION(OCTETS, message_payload, UINT16_MAX, 0x0424),
};

#define REQUEST(command, name, fields)                                                             \
    {                                                                                              \
        CR_SMPP_##command, name, fields, CR_COUNT(fields)                                          \
    }
#define ANSWER(command, name, fields)                                                              \
    {                                                                                              \
        CR_SMPP_RESPONSE | CR_SMPP_##command, name, fields, CR_COUNT(fields)                       \
    }
#define EMPTY(command, name)                                                                       \
    {CR_SMPP_##command, name, NULL, 0},                                                            \
    {                                                                                              \
        CR_SMPP_RESPONSE | CR_SMPP_##command, name "_resp", NULL, 0                                \
    }

/* The frequent ones first: they are searched in order. */
static const cr_pdu_layout_t layouts[] = {
    REQUEST(SUBMIT_SM, "submit_sm", sm),
    ANSWER(SUBMIT_SM, "submit_sm_resp", sm_answer),
    REQUEST(DELIVER_SM, "deliver_sm", sm),
    ANSWER(DELIVER_SM, "deliver_sm_resp", sm_answer),
    REQUEST(DATA_SM, "data_sm", data_sm),
    ANSWER(DATA_SM, "data_sm_resp", sm_answer),
    EMPTY(ENQUIRE_LINK, "enquire_link"),
    REQUEST(BIND_RECEIVER, "bind_receiver", bind),
    ANSWER(BIND_RECEIVER, "bind_receiver_resp", bind_answer),
    REQUEST(BIND_TRANSMITTER, "bind_transmitter", bind),
    ANSWER(BIND_TRANSMITTER, "bind_transmitter_resp", bind_answer),
    REQUEST(BIND_TRANSCEIVER, "bind_transceiver", bind),
    ANSWER(BIND_TRANSCEIVER, "bind_transceiver_resp", bind_answer),
    EMPTY(UNBIND, "unbind"),
    REQUEST(ALERT_NOTIFICATION, "alert_notification", alert),
    {CR_SMPP_GENERIC_NACK, "generic_nack", NULL, 0},
};

/* A bare header is all that many gateways send with an error. */
static bool
may_be_empty(const cr_smpp_t *pdu, size_t body)
{
    return body == 0 && (pdu->command & CR_SMPP_RESPONSE) && pdu->status != CR_SMPP_OK;
}

cr_err_t
cr_smpp_decode(cr_slice_t frame, cr_smpp_t *pdu, cr_fault_t *fault)
{
    *pdu = (cr_smpp_t){0};
    if (frame.length < CR_SMPP_HEADER)
        return cr_fault_set(fault, CR_INVAL, "command_length is less than a header");
    pdu->command = cr_pdu_get_u32(frame.text + 4);
    pdu->status = cr_pdu_get_u32(frame.text + 8);
    pdu->sequence = cr_pdu_get_u32(frame.text + 12);
    const cr_pdu_layout_t *layout = cr_pdu_find(layouts, CR_COUNT(layouts), pdu->command);
    if (!layout)
        return cr_fault_set(fault, CR_NOTFOUND, "command_id 0x%08x is unknown",
                            (unsigned)pdu->command);
    cr_slice_t body = {frame.text + CR_SMPP_HEADER, frame.length - CR_SMPP_HEADER};
    return may_be_empty(pdu, body.length) ? CR_OK : cr_pdu_decode(layout, body, pdu, fault);
}

cr_err_t
cr_smpp_encode(const cr_smpp_t *pdu, cr_pdu_buffer_t *out, cr_fault_t *fault)
{
    const cr_pdu_layout_t *layout = cr_pdu_find(layouts, CR_COUNT(layouts), pdu->command);
    CR_ASSERT(layout);
    size_t start = out->length;
    if (out->capacity - start < CR_SMPP_HEADER)
        return cr_fault_set(fault, CR_TOOBIG, "the header does not fit the buffer");
    uint8_t *header = out->bytes + start;
    out->length += CR_SMPP_HEADER;
    cr_err_t err = cr_pdu_encode(layout, pdu, out, fault);
    if (err != CR_OK) {
        out->length = start;
        return err;
    }
    cr_pdu_put_u32(header, (uint32_t)(out->length - start));
    cr_pdu_put_u32(header + 4, pdu->command);
    cr_pdu_put_u32(header + 8, pdu->status);
    cr_pdu_put_u32(header + 12, pdu->sequence);
    return CR_OK;
}

const char *
cr_smpp_command_name(uint32_t command)
{
    const cr_pdu_layout_t *layout = cr_pdu_find(layouts, CR_COUNT(layouts), command);
    return layout ? layout->name : "?";
}

const char *
cr_smpp_status_name(uint32_t status)
{
    static const struct {
        uint32_t value;
        const char *name;
    } names[] = {
#define X(value, constant, name) {value, name},
        CR_SMPP_STATUS_LIST(X)
#undef X
    };
    for (size_t i = 0; i < CR_COUNT(names); i++)
        if (names[i].value == status)
            return names[i].name;
    return "?";
}

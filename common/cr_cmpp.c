#include "cr_cmpp.h"

#include <gnutls/crypto.h>
#include <stdio.h>
#include <string.h>

enum { NUMBER_20 = 21, NUMBER_30 = 32, REPORT_20 = 60, CONNECT_ANSWER_20 = 30 };

#define FIELD(kind, member, size)                                                                  \
    {                                                                                              \
#member, CR_PDU_##kind, (size), offsetof(cr_cmpp_t, member), 0                             \
    }
#define REPORT_FIELD(kind, member, size)                                                           \
    {                                                                                              \
#member, CR_PDU_##kind, (size), offsetof(cr_cmpp_report_t, member), 0                      \
    }

static const cr_pdu_field_t connect[] = {
    FIELD(TEXT, source_addr, 6),
    FIELD(OCTETS, authenticator, CR_CMPP_AUTHENTICATOR),
    FIELD(U8, version, 1),
    FIELD(U32, timestamp, 4),
};
static const cr_pdu_field_t active_answer[] = {FIELD(U8, reserved, 1)};

#define CONNECT_ANSWER(number)                                                                     \
    FIELD(number, status, 4), FIELD(OCTETS, authenticator, CR_CMPP_AUTHENTICATOR),                 \
        FIELD(U8, version, 1)
static const cr_pdu_field_t connect_answer_20[] = {CONNECT_ANSWER(U8)};
static const cr_pdu_field_t connect_answer_30[] = {CONNECT_ANSWER(U32)};
static const cr_pdu_field_t answer_20[] = {FIELD(U64, msg_id, 8), FIELD(U8, status, 1)};
static const cr_pdu_field_t answer_30[] = {FIELD(U64, msg_id, 8), FIELD(U32, status, 4)};

#define SUBMIT_HEAD                                                                                \
    FIELD(U64, msg_id, 8), FIELD(U8, pk_total, 1), FIELD(U8, pk_number, 1),                        \
        FIELD(U8, registered_delivery, 1), FIELD(U8, msg_level, 1), FIELD(TEXT, service_id, 10),   \
        FIELD(U8, fee_user_type, 1)
#define SUBMIT_MIDDLE                                                                              \
    FIELD(U8, tp_pid, 1), FIELD(U8, tp_udhi, 1), FIELD(U8, msg_fmt, 1), FIELD(TEXT, msg_src, 6),   \
        FIELD(TEXT, fee_type, 2), FIELD(TEXT, fee_code, 6), FIELD(TEXT, valid_time, 17),           \
        FIELD(TEXT, at_time, 17), FIELD(TEXT, src_id, 21)
#define CONTENT FIELD(COUNTED, msg_content, UINT8_MAX)

/* In 2.0 the eight octets after the content are reserved; in 3.0 the LinkID's twenty are there. */
static const cr_pdu_field_t submit_20[] = {
    SUBMIT_HEAD,   FIELD(TEXT, fee_terminal_id, NUMBER_20),
    SUBMIT_MIDDLE, FIELD(GROUP, dest_terminal_id, NUMBER_20),
    CONTENT,       FIELD(TEXT, reserve, 8),
};
static const cr_pdu_field_t submit_30[] = {
    SUBMIT_HEAD,
    FIELD(TEXT, fee_terminal_id, NUMBER_30),
    FIELD(U8, fee_terminal_type, 1),
    SUBMIT_MIDDLE,
    FIELD(GROUP, dest_terminal_id, NUMBER_30),
    FIELD(U8, dest_terminal_type, 1),
    CONTENT,
    FIELD(TEXT, link_id, 20),
};

#define DELIVER_HEAD                                                                               \
    FIELD(U64, msg_id, 8), FIELD(TEXT, dest_id, 21), FIELD(TEXT, service_id, 10),                  \
        FIELD(U8, tp_pid, 1), FIELD(U8, tp_udhi, 1), FIELD(U8, msg_fmt, 1)
static const cr_pdu_field_t deliver_20[] = {
    DELIVER_HEAD,
    FIELD(TEXT, src_terminal_id, NUMBER_20),
    FIELD(U8, registered_delivery, 1),
    CONTENT,
    FIELD(TEXT, reserve, 8),
};
static const cr_pdu_field_t deliver_30[] = {
    DELIVER_HEAD,
    FIELD(TEXT, src_terminal_id, NUMBER_30),
    FIELD(U8, src_terminal_type, 1),
    FIELD(U8, registered_delivery, 1),
    CONTENT,
    FIELD(TEXT, link_id, 20),
};

#define REPORT(number)                                                                             \
    REPORT_FIELD(U64, msg_id, 8), REPORT_FIELD(TEXT, stat, 7),                                     \
        REPORT_FIELD(TEXT, submit_time, 10), REPORT_FIELD(TEXT, done_time, 10),                    \
        REPORT_FIELD(TEXT, dest_terminal_id, number), REPORT_FIELD(U32, smsc_sequence, 4)
static const cr_pdu_field_t report_20[] = {REPORT(NUMBER_20)};
static const cr_pdu_field_t report_30[] = {REPORT(NUMBER_30)};

#define REQUEST(command, fields)                                                                   \
    {                                                                                              \
        CR_CMPP_##command, #command, fields, CR_COUNT(fields)                                      \
    }
#define ANSWER(command, fields)                                                                    \
    {                                                                                              \
        CR_CMPP_RESPONSE | CR_CMPP_##command, #command "_RESP", fields, CR_COUNT(fields)           \
    }
#define LAYOUTS(version)                                                                           \
    {                                                                                              \
        REQUEST(SUBMIT, submit_##version), ANSWER(SUBMIT, answer_##version),                       \
            REQUEST(DELIVER, deliver_##version), ANSWER(DELIVER, answer_##version),                \
            {CR_CMPP_ACTIVE_TEST, "ACTIVE_TEST", NULL, 0}, ANSWER(ACTIVE_TEST, active_answer),     \
            REQUEST(CONNECT, connect), ANSWER(CONNECT, connect_answer_##version),                  \
            {CR_CMPP_TERMINATE, "TERMINATE", NULL, 0},                                             \
            {CR_CMPP_RESPONSE | CR_CMPP_TERMINATE, "TERMINATE_RESP", NULL, 0},                     \
    }
static const cr_pdu_layout_t layouts_20[] = LAYOUTS(20);
static const cr_pdu_layout_t layouts_30[] = LAYOUTS(30);

static const cr_pdu_layout_t *
find(uint32_t command, cr_cmpp_version_t version)
{
    return cr_pdu_find(version == CR_CMPP_30 ? layouts_30 : layouts_20, CR_COUNT(layouts_20),
                       command);
}

/* The width in which the frame is, for the one message that may come in another than was asked. */
static cr_cmpp_version_t
width_of(cr_slice_t frame, uint32_t command, cr_cmpp_version_t version)
{
    if (command != (CR_CMPP_RESPONSE | CR_CMPP_CONNECT))
        return version;
    return frame.length == CONNECT_ANSWER_20 ? CR_CMPP_20 : CR_CMPP_30;
}

cr_err_t
cr_cmpp_decode(cr_slice_t frame, cr_cmpp_version_t version, cr_cmpp_t *pdu, cr_fault_t *fault)
{
    *pdu = (cr_cmpp_t){0};
    if (frame.length < CR_CMPP_HEADER)
        return cr_fault_set(fault, CR_INVAL, "Total_Length is less than a header");
    pdu->command = cr_pdu_get_u32(frame.text + 4);
    pdu->sequence = cr_pdu_get_u32(frame.text + 8);
    const cr_pdu_layout_t *layout = find(pdu->command, width_of(frame, pdu->command, version));
    if (!layout)
        return cr_fault_set(fault, CR_NOTFOUND, "Command_Id 0x%08x is unknown",
                            (unsigned)pdu->command);
    cr_slice_t body = {frame.text + CR_CMPP_HEADER, frame.length - CR_CMPP_HEADER};
    return cr_pdu_decode(layout, body, pdu, fault);
}

cr_err_t
cr_cmpp_encode(const cr_cmpp_t *pdu, cr_cmpp_version_t version, cr_pdu_buffer_t *out,
               cr_fault_t *fault)
{
    const cr_pdu_layout_t *layout = find(pdu->command, version);
    CR_ASSERT(layout);
    size_t start = out->length;
    if (out->capacity - start < CR_CMPP_HEADER)
        return cr_fault_set(fault, CR_TOOBIG, "the header does not fit the buffer");
    uint8_t *header = out->bytes + start;
    out->length += CR_CMPP_HEADER;
    cr_err_t err = cr_pdu_encode(layout, pdu, out, fault);
    if (err != CR_OK) {
        out->length = start;
        return err;
    }
    cr_pdu_put_u32(header, (uint32_t)(out->length - start));
    cr_pdu_put_u32(header + 4, pdu->command);
    cr_pdu_put_u32(header + 8, pdu->sequence);
    return CR_OK;
}

static const cr_pdu_layout_t report_layouts[] = {
    {CR_CMPP_20, "report", report_20, CR_COUNT(report_20)},
    {CR_CMPP_30, "report", report_30, CR_COUNT(report_30)},
};

cr_err_t
cr_cmpp_report_decode(cr_slice_t content, cr_cmpp_report_t *report, cr_fault_t *fault)
{
    *report = (cr_cmpp_report_t){0};
    return cr_pdu_decode(&report_layouts[content.length != REPORT_20], content, report, fault);
}

cr_err_t
cr_cmpp_report_encode(const cr_cmpp_report_t *report, cr_cmpp_version_t version,
                      cr_pdu_buffer_t *out, cr_fault_t *fault)
{
    return cr_pdu_encode(&report_layouts[version == CR_CMPP_30], report, out, fault);
}

size_t
cr_cmpp_number_size(cr_cmpp_version_t version)
{
    return version == CR_CMPP_30 ? NUMBER_30 : NUMBER_20;
}

/* MD5 of three pieces. */
static void
digest(const cr_slice_t pieces[3], uint8_t out[CR_CMPP_AUTHENTICATOR])
{
    gnutls_hash_hd_t hash;
    int failed = gnutls_hash_init(&hash, GNUTLS_DIG_MD5);
    CR_ASSERT(failed == 0); /* only where the library was built without it */
    for (size_t i = 0; i < 3; i++)
        gnutls_hash(hash, pieces[i].text, pieces[i].length);
    gnutls_hash_deinit(hash, out);
}

void
cr_cmpp_authenticate(cr_slice_t source, cr_slice_t secret, uint32_t timestamp,
                     uint8_t out[CR_CMPP_AUTHENTICATOR])
{
    char head[32] = {0}, tail[16];
    CR_ASSERT(source.length <= 6);
    memcpy(head, source.text, source.length);
    int digits = snprintf(tail, sizeof tail, "%010u", (unsigned)timestamp);
    const cr_slice_t pieces[3] = {{head, source.length + 9}, secret, {tail, (size_t)digits}};
    digest(pieces, out);
}

void
cr_cmpp_authenticate_gateway(uint32_t status, cr_cmpp_version_t version,
                             const uint8_t connect_authenticator[CR_CMPP_AUTHENTICATOR],
                             cr_slice_t secret, uint8_t out[CR_CMPP_AUTHENTICATOR])
{
    uint8_t wide[4];
    cr_pdu_put_u32(wide, status);
    size_t width = version == CR_CMPP_30 ? 4 : 1;
    const cr_slice_t pieces[3] = {{(const char *)wide + 4 - width, width},
                                  {(const char *)connect_authenticator, CR_CMPP_AUTHENTICATOR},
                                  secret};
    digest(pieces, out);
}

const char *
cr_cmpp_command_name(uint32_t command)
{
    const cr_pdu_layout_t *layout = find(command, CR_CMPP_20);
    return layout ? layout->name : "?";
}

const char *
cr_cmpp_result_name(uint32_t result)
{
    static const char *const names[] = {
#define X(value, constant, name) [value] = name,
        CR_CMPP_RESULT_LIST(X)
#undef X
    };
    return result < CR_COUNT(names) ? names[result] : "?";
}

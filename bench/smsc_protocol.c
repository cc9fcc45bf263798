#include <stdio.h>
#include <string.h>

#include "cr_cmpp.h"
#include "cr_smpp.h"
#include "smsc.h"

/* ---- SMPP ----------------------------------------------------------------------------------- */

enum { SMPP_ANSWER = CR_SMPP_HEADER + 9, CMPP_ANSWER = CR_CMPP_HEADER + 12 };

static void
smpp_answer(uint32_t sequence, uint64_t id, cr_pdu_buffer_t *out)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t *frame = out->bytes + out->length;
    cr_pdu_put_u32(frame, SMPP_ANSWER);
    cr_pdu_put_u32(frame + 4, CR_SMPP_RESPONSE | CR_SMPP_SUBMIT_SM);
    cr_pdu_put_u32(frame + 8, CR_SMPP_OK);
    cr_pdu_put_u32(frame + 12, sequence);
    for (int i = 7; i >= 0; i--, id >>= 4)
        frame[CR_SMPP_HEADER + i] = (uint8_t)digits[id & 15];
    frame[SMPP_ANSWER - 1] = 0;
    out->length += SMPP_ANSWER;
}

static void
smpp_log_in_answer(const uint8_t *request, cr_pdu_buffer_t *out)
{
    const cr_smpp_t pdu = {.command = CR_SMPP_RESPONSE | cr_pdu_get_u32(request + 4),
                           .sequence = cr_pdu_get_u32(request + 12)};
    cr_err_t err = cr_smpp_encode(&pdu, out, NULL);
    CR_ASSERT(err == CR_OK);
}

static void
smpp_receipt(uint64_t id, uint32_t sequence, cr_pdu_buffer_t *out)
{
    char text[96];
    int length = snprintf(text, sizeof text,
                          "id:%08llx sub:001 dlvrd:001 submit date:2611251200 done "
                          "date:2611251201 stat:DELIVRD err:000",
                          (unsigned long long)id);
    const cr_smpp_t pdu = {.command = CR_SMPP_DELIVER_SM,
                           .sequence = sequence,
                           .source_addr = CR_SLICE("13800001234"),
                           .destination_addr = CR_SLICE("10690001"),
                           .esm_class = CR_SMPP_ESM_RECEIPT,
                           .short_message = {text, (size_t)length}};
    cr_err_t err = cr_smpp_encode(&pdu, out, NULL);
    CR_ASSERT(err == CR_OK);
}

/* ---- CMPP ----------------------------------------------------------------------------------- */

static void
cmpp_answer(uint32_t sequence, uint64_t id, cr_pdu_buffer_t *out)
{
    uint8_t *frame = out->bytes + out->length;
    cr_pdu_put_u32(frame, CMPP_ANSWER);
    cr_pdu_put_u32(frame + 4, CR_CMPP_RESPONSE | CR_CMPP_SUBMIT);
    cr_pdu_put_u32(frame + 8, sequence);
    cr_pdu_put_u32(frame + 12, (uint32_t)(id >> 32));
    cr_pdu_put_u32(frame + 16, (uint32_t)id);
    cr_pdu_put_u32(frame + 20, CR_CMPP_OK);
    out->length += CMPP_ANSWER;
}

static void
cmpp_log_in_answer(const uint8_t *request, cr_pdu_buffer_t *out)
{
    const cr_cmpp_t pdu = {.command = CR_CMPP_RESPONSE | CR_CMPP_CONNECT,
                           .sequence = cr_pdu_get_u32(request + 8),
                           .version = CR_CMPP_30};
    cr_err_t err = cr_cmpp_encode(&pdu, CR_CMPP_30, out, NULL);
    CR_ASSERT(err == CR_OK);
}

static void
cmpp_receipt(uint64_t id, uint32_t sequence, cr_pdu_buffer_t *out)
{
    uint8_t content[CR_CMPP_REPORT_MAX];
    const cr_cmpp_report_t report = {.msg_id = id,
                                     .stat = CR_SLICE("DELIVRD"),
                                     .submit_time = CR_SLICE("2611251200"),
                                     .done_time = CR_SLICE("2611251201"),
                                     .dest_terminal_id = CR_SLICE("13800001234")};
    cr_pdu_buffer_t inner = {content, 0, sizeof content};
    cr_err_t err = cr_cmpp_report_encode(&report, CR_CMPP_30, &inner, NULL);
    CR_ASSERT(err == CR_OK);
    const cr_cmpp_t pdu = {.command = CR_CMPP_DELIVER,
                           .sequence = sequence,
                           .msg_id = id,
                           .registered_delivery = 1,
                           .msg_content = {(const char *)content, inner.length}};
    err = cr_cmpp_encode(&pdu, CR_CMPP_30, out, NULL);
    CR_ASSERT(err == CR_OK);
}

const smsc_protocol_t *
smsc_protocol(const char *name)
{
    static const smsc_protocol_t protocols[] = {
        {"smpp", CR_SMPP_HEADER, 12, SMPP_ANSWER, CR_SMPP_SUBMIT_SM, CR_SMPP_BIND_TRANSCEIVER,
         CR_SMPP_DELIVER_SM, smpp_answer, smpp_log_in_answer, smpp_receipt},
        {"cmpp", CR_CMPP_HEADER, 8, CMPP_ANSWER, CR_CMPP_SUBMIT, CR_CMPP_CONNECT, CR_CMPP_DELIVER,
         cmpp_answer, cmpp_log_in_answer, cmpp_receipt},
    };
    for (size_t i = 0; i < CR_COUNT(protocols); i++)
        if (strcmp(protocols[i].name, name) == 0)
            return &protocols[i];
    return NULL;
}

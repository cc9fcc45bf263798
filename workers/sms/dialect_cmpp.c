#include <inttypes.h>
#include <stdio.h>

#include "dialect.h"
#include "sms_codes.h"

enum { FEE_OF_THE_SENDER = 2, REPORT_WANTED = 1 };

/* ---- what the gateway says ------------------------------------------------------------------ */

static void
keep_id(said_t *said, uint64_t msg_id)
{
    int length = snprintf(said->id_text, sizeof said->id_text, "%016" PRIx64, msg_id);
    said->id = (cr_slice_t){said->id_text, (size_t)length};
}

static void
read_log_in(const cr_cmpp_t *pdu, said_t *said)
{
    static const char *const words[] = {"ok", "structure", "source", "authentication", "version"};
    said->kind = pdu->status == 0 ? SAID_LOGGED_IN : SAID_REFUSED;
    said->code = pdu->status < CR_COUNT(words) ? words[pdu->status] : "?";
}

static void
read_answer(const cr_cmpp_t *pdu, said_t *said)
{
    said->kind = SAID_ANSWER;
    said->status = sms_code_cmpp(pdu->status);
    keep_id(said, pdu->msg_id);
}

static void
read_report(const cr_cmpp_t *pdu, said_t *said)
{
    cr_cmpp_report_t report;
    said->kind = SAID_GARBLED;
    if (cr_cmpp_report_decode(pdu->msg_content, &report, NULL) != CR_OK)
        return;
    said->status = sms_code_receipt(report.stat);
    keep_id(said, report.msg_id);
    said->kind = said->status == CR_STATUS_ACCEPTED ? SAID_PROGRESS : SAID_RECEIPT;
}

static void
read_delivery(const cr_cmpp_t *pdu, said_t *said)
{
    said->number = pdu->msg_id;
    if (pdu->registered_delivery == 1) {
        read_report(pdu, said);
        return;
    }
    said->kind = SAID_REPLY;
    said->address = dialect_number(pdu->src_terminal_id);
    said->octets = dialect_text(pdu->msg_content, pdu->tp_udhi == 1);
    said->coding = pdu->msg_fmt == CR_CMPP_FORMAT_UCS2 ? CR_SMS_UCS2 : CR_SMS_ASCII;
}

typedef void read_fn(const cr_cmpp_t *pdu, said_t *said);
static const struct {
    uint32_t command;
    said_kind_t kind; /* where that is all */
    read_fn *read;
} heard[] = {
    {CR_CMPP_RESPONSE | CR_CMPP_SUBMIT, SAID_ANSWER, read_answer},
    {CR_CMPP_DELIVER, SAID_REPLY, read_delivery},
    {CR_CMPP_ACTIVE_TEST, SAID_TEST, NULL},
    {CR_CMPP_RESPONSE | CR_CMPP_ACTIVE_TEST, SAID_ALIVE, NULL},
    {CR_CMPP_RESPONSE | CR_CMPP_CONNECT, SAID_LOGGED_IN, read_log_in},
    {CR_CMPP_TERMINATE, SAID_LEAVE, NULL},
    {CR_CMPP_RESPONSE | CR_CMPP_TERMINATE, SAID_LEFT, NULL},
};

/* An unknown request has no answer in CMPP: it is passed over. */
static cr_err_t
cmpp_read(const contract_t *contract, cr_slice_t frame, said_t *said, cr_fault_t *fault)
{
    cr_cmpp_t pdu;
    cr_err_t err = cr_cmpp_decode(frame, contract->version, &pdu, fault);
    if (err == CR_INVAL)
        return err;
    said->kind = SAID_NOTHING;
    said->command = pdu.command;
    said->sequence = pdu.sequence;
    said->code = cr_cmpp_result_name(pdu.status);
    for (size_t i = 0; err == CR_OK && i < CR_COUNT(heard); i++)
        if (heard[i].command == pdu.command) {
            said->kind = heard[i].kind;
            if (heard[i].read)
                heard[i].read(&pdu, said);
            break;
        }
    return CR_OK;
}

/* ---- what we say ---------------------------------------------------------------------------- */

static cr_err_t
cmpp_log_in(const contract_t *contract, role_t role, uint32_t timestamp, cr_pdu_buffer_t *out)
{
    (void)role;
    uint8_t proof[CR_CMPP_AUTHENTICATOR];
    cr_cmpp_authenticate(contract->account, contract->password, timestamp, proof);
    const cr_cmpp_t pdu = {
        .command = CR_CMPP_CONNECT,
        .sequence = 1,
        .source_addr = contract->account,
        .authenticator = {(const char *)proof, sizeof proof},
        .version = contract->version,
        .timestamp = timestamp,
    };
    return cr_cmpp_encode(&pdu, contract->version, out, NULL);
}

/* The coding's number; a text of 7 bits goes as ASCII. */
static uint32_t
format_of(cr_sms_coding_t coding)
{
    return coding == CR_SMS_UCS2 ? CR_CMPP_FORMAT_UCS2 : CR_CMPP_FORMAT_ASCII;
}

static cr_err_t
cmpp_submit(const contract_t *contract, const piece_t *piece, uint32_t sequence,
            cr_pdu_buffer_t *out)
{
    static const uint8_t levels[CR_LANE_COUNT] = {
        [CR_LANE_EMERGENCY] = 9, [CR_LANE_URGENT] = 6, [CR_LANE_ROUTINE] = 3, [CR_LANE_BULK] = 0};
    char until[DIALECT_TIME_MAX];
    uint8_t content[CR_CMPP_CONTENT_MAX + CR_SMS_HEADER_16BIT];
    cr_cmpp_t pdu = {
        .command = CR_CMPP_SUBMIT,
        .sequence = sequence,
        .pk_total = piece->part.total,
        .pk_number = piece->part.number,
        .registered_delivery = REPORT_WANTED,
        .msg_level = levels[piece->lane],
        .service_id = contract->service,
        .fee_user_type = FEE_OF_THE_SENDER,
        .tp_udhi = piece->part.total > 1,
        .msg_fmt = format_of(piece->coding),
        .msg_src = contract->account,
        .fee_type = contract->fee_type,
        .fee_code = contract->fee_code,
        .valid_time = dialect_time(piece->expires_us, until),
        .src_id = contract->source,
        .dest_terminal_id = piece->address,
        .msg_content = dialect_content(contract, piece, content),
    };
    if (contract->reference && piece->reference.length <= 20)
        pdu.link_id = piece->reference;
    return cr_cmpp_encode(&pdu, contract->version, out, NULL);
}

static cr_err_t
say(const contract_t *contract, const cr_cmpp_t *pdu, cr_pdu_buffer_t *out)
{
    return cr_cmpp_encode(pdu, contract->version, out, NULL);
}

static cr_err_t
cmpp_test(const contract_t *contract, uint32_t sequence, cr_pdu_buffer_t *out)
{
    return say(contract, &(cr_cmpp_t){.command = CR_CMPP_ACTIVE_TEST, .sequence = sequence}, out);
}

static cr_err_t
cmpp_leave(const contract_t *contract, uint32_t sequence, cr_pdu_buffer_t *out)
{
    return say(contract, &(cr_cmpp_t){.command = CR_CMPP_TERMINATE, .sequence = sequence}, out);
}

static cr_err_t
cmpp_answer(const contract_t *contract, const said_t *said, bool taken, cr_pdu_buffer_t *out)
{
    const cr_cmpp_t pdu = {
        .command = CR_CMPP_RESPONSE | said->command,
        .sequence = said->sequence,
        .msg_id = said->number,
        .status = taken ? CR_CMPP_OK : CR_CMPP_FLOW,
    };
    return say(contract, &pdu, out);
}

const dialect_t dialect_cmpp = {
    .name = "cmpp",
    .header = CR_CMPP_HEADER,
    .frame_max = CR_CMPP_FRAME_MAX,
    .sequence_max = UINT32_MAX,
    .has_roles = false,
    .read = cmpp_read,
    .log_in = cmpp_log_in,
    .submit = cmpp_submit,
    .test = cmpp_test,
    .leave = cmpp_leave,
    .answer = cmpp_answer,
};

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cr_smpp.h"
#include "cr_smpp_receipt.h"
#include "dialect.h"
#include "sms_codes.h"

enum { VERSION_34 = 0x34, RECEIPT_AT_THE_END = 1 };

/* ---- ids ------------------------------------------------------------------------------------ */

/* Reads a number in `base`; false when the text is none. */
static bool
read_number(cr_slice_t text, int base, unsigned long long *number)
{
    char digits[24], *end;
    if (text.length == 0 || text.length >= sizeof digits || text.text[0] == '-')
        return false;
    memcpy(digits, text.text, text.length);
    digits[text.length] = '\0';
    errno = 0;
    *number = strtoull(digits, &end, base);
    return *end == '\0' && errno == 0;
}

/* Keeps an id; with a base its number is kept in decimal, so that both forms of it are equal. */
static void
keep_id(said_t *said, cr_slice_t id, int base)
{
    unsigned long long number;
    size_t length = id.length < SAID_ID_MAX ? id.length : SAID_ID_MAX - 1;
    if (base != 0 && read_number(id, base, &number))
        length = (size_t)snprintf(said->id_text, sizeof said->id_text, "%llu", number);
    else if (length > 0)
        memcpy(said->id_text, id.text, length);
    said->id = (cr_slice_t){said->id_text, length};
}

static int
answer_base(id_form_t form)
{
    static const int bases[] = {[IDS_EQUAL] = 0, [IDS_HEX_DECIMAL] = 16, [IDS_DECIMAL_HEX] = 10};
    return bases[form];
}

static int
receipt_base(id_form_t form)
{
    static const int bases[] = {[IDS_EQUAL] = 0, [IDS_HEX_DECIMAL] = 10, [IDS_DECIMAL_HEX] = 16};
    return bases[form];
}

/* ---- what the gateway says ------------------------------------------------------------------ */

static void
read_log_in(const contract_t *contract, const cr_smpp_t *pdu, said_t *said)
{
    (void)contract;
    said->kind = pdu->status == CR_SMPP_OK ? SAID_LOGGED_IN : SAID_REFUSED;
}

static void
read_answer(const contract_t *contract, const cr_smpp_t *pdu, said_t *said)
{
    said->kind = SAID_ANSWER;
    said->status = sms_code_smpp(pdu->status);
    keep_id(said, pdu->message_id, answer_base(contract->id_form));
}

static cr_slice_t
content_of(const cr_smpp_t *pdu)
{
    return pdu->message_payload.text ? pdu->message_payload : pdu->short_message;
}

/* The text counts where the optional parameters are missing. */
static void
read_receipt(const contract_t *contract, const cr_smpp_t *pdu, said_t *said)
{
    cr_smpp_receipt_t text;
    cr_err_t err = cr_smpp_receipt_read(content_of(pdu), &text);
    cr_slice_t id = pdu->receipted_message_id.length > 0 ? pdu->receipted_message_id : text.id;
    cr_slice_t stat = text.stat;
    if (pdu->message_state.given && (err != CR_OK || stat.length == 0))
        stat = cr_slice_of(cr_smpp_state_name(pdu->message_state.value));
    said->kind = SAID_GARBLED;
    if (id.length == 0 || stat.length == 0)
        return;
    said->status = sms_code_receipt(stat);
    keep_id(said, id, receipt_base(contract->id_form));
    said->kind = said->status == CR_STATUS_ACCEPTED ? SAID_PROGRESS : SAID_RECEIPT;
}

static cr_sms_coding_t
coding_of(uint32_t data_coding)
{
    if (data_coding == CR_SMPP_CODING_UCS2)
        return CR_SMS_UCS2;
    return data_coding == CR_SMPP_CODING_LATIN1 ? CR_SMS_LATIN1 : CR_SMS_GSM;
}

static void
read_delivery(const contract_t *contract, const cr_smpp_t *pdu, said_t *said)
{
    uint32_t type = pdu->esm_class & CR_SMPP_ESM_TYPE;
    if (type == CR_SMPP_ESM_RECEIPT) {
        read_receipt(contract, pdu, said);
        return;
    }
    said->kind = type == 0 ? SAID_REPLY : SAID_PROGRESS;
    said->address = dialect_number(pdu->source_addr);
    said->octets = dialect_text(content_of(pdu), pdu->esm_class & CR_SMPP_ESM_UDHI);
    said->coding = coding_of(pdu->data_coding);
}

/* A refusal of what we sent, in a general form: the sequence says of what. */
static void
read_nack(const contract_t *contract, const cr_smpp_t *pdu, said_t *said)
{
    (void)contract;
    said->kind = SAID_ANSWER;
    said->status =
        pdu->status == CR_SMPP_OK ? CR_STATUS_FAILED_CONTENT : sms_code_smpp(pdu->status);
}

typedef void read_fn(const contract_t *contract, const cr_smpp_t *pdu, said_t *said);
static const struct {
    uint32_t command;
    said_kind_t kind; /* where that is all */
    read_fn *read;
} heard[] = {
    {CR_SMPP_RESPONSE | CR_SMPP_SUBMIT_SM, SAID_ANSWER, read_answer},
    {CR_SMPP_DELIVER_SM, SAID_REPLY, read_delivery},
    {CR_SMPP_DATA_SM, SAID_REPLY, read_delivery},
    {CR_SMPP_ENQUIRE_LINK, SAID_TEST, NULL},
    {CR_SMPP_RESPONSE | CR_SMPP_ENQUIRE_LINK, SAID_ALIVE, NULL},
    {CR_SMPP_RESPONSE | CR_SMPP_BIND_TRANSCEIVER, SAID_LOGGED_IN, read_log_in},
    {CR_SMPP_RESPONSE | CR_SMPP_BIND_TRANSMITTER, SAID_LOGGED_IN, read_log_in},
    {CR_SMPP_RESPONSE | CR_SMPP_BIND_RECEIVER, SAID_LOGGED_IN, read_log_in},
    {CR_SMPP_UNBIND, SAID_LEAVE, NULL},
    {CR_SMPP_RESPONSE | CR_SMPP_UNBIND, SAID_LEFT, NULL},
    {CR_SMPP_ALERT_NOTIFICATION, SAID_NOTHING, NULL},
    {CR_SMPP_GENERIC_NACK, SAID_ANSWER, read_nack},
};

static cr_err_t
smpp_read(const contract_t *contract, cr_slice_t frame, said_t *said, cr_fault_t *fault)
{
    cr_smpp_t pdu;
    cr_err_t err = cr_smpp_decode(frame, &pdu, fault);
    if (err == CR_INVAL)
        return err;
    said->kind = pdu.command & CR_SMPP_RESPONSE ? SAID_NOTHING : SAID_UNKNOWN;
    said->command = pdu.command;
    said->sequence = pdu.sequence;
    said->code = cr_smpp_status_name(pdu.status);
    for (size_t i = 0; err == CR_OK && i < CR_COUNT(heard); i++)
        if (heard[i].command == pdu.command) {
            said->kind = heard[i].kind;
            if (heard[i].read)
                heard[i].read(contract, &pdu, said);
            break;
        }
    return CR_OK;
}

/* ---- what we say ---------------------------------------------------------------------------- */

static cr_err_t
smpp_log_in(const contract_t *contract, role_t role, uint32_t timestamp, cr_pdu_buffer_t *out)
{
    static const uint32_t commands[] = {
        [ROLE_BOTH] = CR_SMPP_BIND_TRANSCEIVER,
        [ROLE_SEND] = CR_SMPP_BIND_TRANSMITTER,
        [ROLE_RECEIVE] = CR_SMPP_BIND_RECEIVER,
    };
    (void)timestamp;
    const cr_smpp_t pdu = {
        .command = commands[role],
        .sequence = 1,
        .system_id = contract->account,
        .password = contract->password,
        .system_type = contract->system_type,
        .interface_version = VERSION_34,
    };
    return cr_smpp_encode(&pdu, out, NULL);
}

static uint32_t
data_coding_of(cr_sms_coding_t coding)
{
    static const uint8_t values[] = {
        [CR_SMS_ASCII] = CR_SMPP_CODING_DEFAULT,
        [CR_SMS_GSM] = CR_SMPP_CODING_DEFAULT,
        [CR_SMS_LATIN1] = CR_SMPP_CODING_LATIN1,
        [CR_SMS_UCS2] = CR_SMPP_CODING_UCS2,
    };
    return values[coding];
}

/* Where the text goes, and what says that it is a part. */
static void
put_content(const contract_t *contract, const piece_t *piece, uint8_t *content, cr_smpp_t *pdu)
{
    bool joined = piece->part.total > 1;
    if (contract->long_way == LONG_PAYLOAD &&
        piece->octets.length > cr_sms_room(piece->coding, 0)) {
        pdu->message_payload = piece->octets;
        return;
    }
    pdu->short_message = dialect_content(contract, piece, content);
    if (joined && contract->long_way <= LONG_UDH16)
        pdu->esm_class = CR_SMPP_ESM_UDHI;
    if (joined && contract->long_way == LONG_SAR) {
        pdu->sar_msg_ref_num = (cr_pdu_option_t){true, piece->part.reference};
        pdu->sar_total_segments = (cr_pdu_option_t){true, piece->part.total};
        pdu->sar_segment_seqnum = (cr_pdu_option_t){true, piece->part.number};
    }
}

static cr_err_t
smpp_submit(const contract_t *contract, const piece_t *piece, uint32_t sequence,
            cr_pdu_buffer_t *out)
{
    static const uint8_t priorities[CR_LANE_COUNT] = {
        [CR_LANE_EMERGENCY] = 3, [CR_LANE_URGENT] = 2, [CR_LANE_ROUTINE] = 1, [CR_LANE_BULK] = 0};
    char until[DIALECT_TIME_MAX];
    uint8_t content[CR_CMPP_CONTENT_MAX + CR_SMS_HEADER_16BIT];
    cr_smpp_t pdu = {
        .command = CR_SMPP_SUBMIT_SM,
        .sequence = sequence,
        .service_type = contract->service,
        .source_addr = contract->source,
        .source_addr_ton = contract->source_ton,
        .source_addr_npi = contract->source_npi,
        .destination_addr = piece->address,
        .dest_addr_ton = contract->dest_ton,
        .dest_addr_npi = contract->dest_npi,
        .priority_flag = priorities[piece->lane],
        .validity_period = dialect_time(piece->expires_us, until),
        .registered_delivery = RECEIPT_AT_THE_END,
        .data_coding = data_coding_of(piece->coding),
    };
    if (contract->reference)
        pdu.client_reference = piece->reference;
    put_content(contract, piece, content, &pdu);
    return cr_smpp_encode(&pdu, out, NULL);
}

static cr_err_t
say(uint32_t command, uint32_t sequence, uint32_t status, cr_pdu_buffer_t *out)
{
    const cr_smpp_t pdu = {.command = command, .sequence = sequence, .status = status};
    return cr_smpp_encode(&pdu, out, NULL);
}

static cr_err_t
smpp_test(const contract_t *contract, uint32_t sequence, cr_pdu_buffer_t *out)
{
    (void)contract;
    return say(CR_SMPP_ENQUIRE_LINK, sequence, CR_SMPP_OK, out);
}

static cr_err_t
smpp_leave(const contract_t *contract, uint32_t sequence, cr_pdu_buffer_t *out)
{
    (void)contract;
    return say(CR_SMPP_UNBIND, sequence, CR_SMPP_OK, out);
}

static cr_err_t
smpp_answer(const contract_t *contract, const said_t *said, bool taken, cr_pdu_buffer_t *out)
{
    (void)contract;
    if (said->kind == SAID_UNKNOWN)
        return say(CR_SMPP_GENERIC_NACK, said->sequence, CR_SMPP_INVCMDID, out);
    return say(CR_SMPP_RESPONSE | said->command, said->sequence,
               taken ? CR_SMPP_OK : CR_SMPP_RX_T_APPN, out);
}

const dialect_t dialect_smpp = {
    .name = "smpp",
    .header = CR_SMPP_HEADER,
    .frame_max = CR_SMPP_FRAME_MAX,
    .sequence_max = CR_SMPP_SEQUENCE_MAX,
    .has_roles = true,
    .read = smpp_read,
    .log_in = smpp_log_in,
    .submit = smpp_submit,
    .test = smpp_test,
    .leave = smpp_leave,
    .answer = smpp_answer,
};

/* How a message centre speaks SMPP 3.4. */
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "cr_clock.h"
#include "cr_smpp_receipt.h"
#include "smsc_session.h"

enum { ID_MAX = 24, RECEIPT_MAX = 200, OCTETS_MAX = 254, VERSION_34 = 0x34 };

static void
send_pdu(smsc_session_t *self, const cr_smpp_t *pdu)
{
    cr_fault_t ignored;
    cr_pdu_buffer_t out = {self->house->frame, 0, sizeof self->house->frame};
    if (cr_smpp_encode(pdu, &out, &ignored) == CR_OK)
        smsc_session_send(self, out.bytes, out.length);
}

static void
respond(smsc_session_t *self, const cr_smpp_t *pdu, uint32_t status)
{
    send_pdu(self, &(cr_smpp_t){.command = pdu->command | CR_SMPP_RESPONSE,
                                .status = status,
                                .sequence = pdu->sequence});
}

static void
nack(smsc_session_t *self, uint32_t sequence, uint32_t status)
{
    send_pdu(self,
             &(cr_smpp_t){.command = CR_SMPP_GENERIC_NACK, .status = status, .sequence = sequence});
}

/* An id as it stands in the answer to a submit, or in its receipt. */
static const char *
id_text(const smsc_session_t *self, uint64_t id, bool in_receipt, char out[ID_MAX])
{
    int64_t form = self->house->options.desk->gateway->faults.settings.receipt_ids;
    bool hex = in_receipt ? form == 2 : form == 1;
    snprintf(out, ID_MAX, hex ? "%" PRIx64 : "%" PRIu64, id);
    return out;
}

/* ---- log-in --------------------------------------------------------------------------------- */

static bool
is_known(cr_slice_t given, const char *wanted)
{
    return given.length == strlen(wanted) && sodium_memcmp(given.text, wanted, given.length) == 0;
}

static uint32_t
judge_bind(const smsc_session_t *self, const cr_smpp_t *pdu)
{
    const smsc_options_t *options = &self->house->options;
    if (self->may_submit || self->may_receive)
        return CR_SMPP_ALYBND;
    if (!smsc_session_knows(self, pdu->system_id))
        return CR_SMPP_INVSYSID;
    return is_known(pdu->password, options->secret) ? CR_SMPP_OK : CR_SMPP_INVPASWD;
}

static void
on_bind(smsc_session_t *self, const cr_smpp_t *pdu)
{
    uint32_t status = judge_bind(self, pdu);
    bool submits = pdu->command != CR_SMPP_BIND_RECEIVER;
    bool receives = pdu->command != CR_SMPP_BIND_TRANSMITTER;
    send_pdu(self, &(cr_smpp_t){.command = pdu->command | CR_SMPP_RESPONSE,
                                .status = status,
                                .sequence = pdu->sequence,
                                .system_id = CR_SLICE("sandbox"),
                                .sc_interface_version = {true, VERSION_34}});
    bool stays = status == CR_SMPP_OK ? smsc_session_let_in(self, pdu->system_id, submits, receives)
                                      : status == CR_SMPP_ALYBND;
    if (!stays)
        smsc_session_leave(self);
}

static void
on_unbind(smsc_session_t *self, const cr_smpp_t *pdu)
{
    respond(self, pdu, CR_SMPP_OK);
    smsc_session_leave(self);
}

static void
on_enquire(smsc_session_t *self, const cr_smpp_t *pdu)
{
    respond(self, pdu, CR_SMPP_OK);
}

/* ---- submit --------------------------------------------------------------------------------- */

static cr_sms_coding_t
coding_of(uint32_t data_coding)
{
    static const cr_sms_coding_t codings[] = {[CR_SMPP_CODING_DEFAULT] = CR_SMS_GSM,
                                              [1] = CR_SMS_ASCII,
                                              [CR_SMPP_CODING_LATIN1] = CR_SMS_LATIN1,
                                              [CR_SMPP_CODING_UCS2] = CR_SMS_UCS2};
    return data_coding < CR_COUNT(codings) ? codings[data_coding] : CR_SMS_LATIN1;
}

/* The three ways to say which part this is; CR_INVAL: a broken header. */
static cr_err_t
read_part(const cr_smpp_t *pdu, smsc_submit_t *submit)
{
    if (pdu->sar_total_segments.given) {
        submit->part = (cr_sms_part_t){(uint16_t)pdu->sar_msg_ref_num.value,
                                       (uint8_t)pdu->sar_total_segments.value,
                                       (uint8_t)pdu->sar_segment_seqnum.value};
        return CR_OK;
    }
    if (!(pdu->esm_class & CR_SMPP_ESM_UDHI))
        return CR_OK;
    size_t header = cr_sms_read_header(submit->octets, &submit->part);
    submit->octets.text += header;
    submit->octets.length -= header;
    return header > 0 ? CR_OK : CR_INVAL;
}

static void
on_submit(smsc_session_t *self, const cr_smpp_t *pdu)
{
    smsc_submit_t submit = {
        .source = pdu->source_addr,
        .destination = pdu->destination_addr,
        .octets = pdu->message_payload.text ? pdu->message_payload : pdu->short_message,
        .reference = pdu->client_reference,
        .coding = coding_of(pdu->data_coding),
        .wants_receipt = (pdu->registered_delivery & 3) != 0,
    };
    if (!self->may_submit)
        respond(self, pdu, CR_SMPP_INVBNDSTS);
    else if (read_part(pdu, &submit) != CR_OK)
        respond(self, pdu, CR_SMPP_INVESMCLASS);
    else
        smsc_session_take(self, pdu->sequence, &submit);
}

static void
answer(smsc_session_t *self, uint32_t sequence, const smsc_verdict_t *verdict)
{
    static const uint32_t statuses[SMSC_RESULTS] = {[SMSC_TAKEN] = CR_SMPP_OK,
                                                    [SMSC_LATER] = CR_SMPP_SYSERR,
                                                    [SMSC_THROTTLED] = CR_SMPP_THROTTLED,
                                                    [SMSC_NO_NUMBER] = CR_SMPP_INVDSTADR};
    char id[ID_MAX];
    bool taken = verdict->result == SMSC_TAKEN;
    cr_slice_t shown = cr_slice_of(taken ? id_text(self, verdict->id, false, id) : "");
    send_pdu(self, &(cr_smpp_t){
                       .command = CR_SMPP_SUBMIT_SM | CR_SMPP_RESPONSE,
                       .status = verdict->code ? verdict->code : statuses[verdict->result],
                       .sequence = sequence,
                       .message_id = shown,
                   });
}

/* ---- receipts and replies ------------------------------------------------------------------- */

static void
deliver_receipt(smsc_session_t *self, const smsc_post_t *post, cr_smpp_t pdu)
{
    char id[ID_MAX], submitted[SMSC_DATE_MAX], done[SMSC_DATE_MAX];
    uint32_t state = post->failed ? CR_SMPP_STATE_UNDELIVERABLE : CR_SMPP_STATE_DELIVERED;
    const cr_smpp_receipt_t receipt = {
        .id = cr_slice_of(id_text(self, post->id, true, id)),
        .sub = CR_SLICE("001"),
        .dlvrd = cr_slice_of(post->failed ? "000" : "001"),
        .submit_date = cr_slice_of(smsc_date_text(post->submitted_us, submitted)),
        .done_date = cr_slice_of(smsc_date_text(cr_clock_wall_us(), done)),
        .stat = cr_slice_of(cr_smpp_state_name(state)),
        .err = cr_slice_of(post->failed ? "001" : "000"),
        .text = CR_SLICE(""),
    };
    cr_str_t text;
    cr_str_init(&text, RECEIPT_MAX);
    cr_smpp_receipt_write(&receipt, &text);
    pdu.esm_class = CR_SMPP_ESM_RECEIPT;
    pdu.short_message = cr_str_slice(&text);
    /* A centre that writes its ids in two ways has no TLV either. */
    if (self->house->options.desk->gateway->faults.settings.receipt_ids == 0) {
        pdu.receipted_message_id = receipt.id;
        pdu.message_state = (cr_pdu_option_t){true, state};
    }
    send_pdu(self, &pdu);
    cr_str_fini(&text);
}

static void
deliver_reply(smsc_session_t *self, const smsc_post_t *post, cr_smpp_t pdu)
{
    uint8_t octets[OCTETS_MAX];
    size_t length = 0;
    cr_slice_t text = cr_slice_of(post->text);
    if (cr_sms_encode(CR_SMS_GSM, text, octets, sizeof octets, &length) != CR_OK) {
        pdu.data_coding = CR_SMPP_CODING_UCS2;
        cr_err_t err = cr_sms_encode(CR_SMS_UCS2, text, octets, sizeof octets, &length);
        length = err == CR_OK ? length : 0;
    }
    pdu.short_message = (cr_slice_t){(const char *)octets, length};
    send_pdu(self, &pdu);
}

static void
deliver(smsc_session_t *self, const smsc_post_t *post)
{
    cr_smpp_t pdu = {
        .command = CR_SMPP_DELIVER_SM,
        .sequence = post->sequence,
        .source_addr = cr_slice_of(post->phone),
        .source_addr_ton = 1,
        .source_addr_npi = 1,
        .destination_addr = cr_slice_of(post->ours),
    };
    (post->is_receipt ? deliver_receipt : deliver_reply)(self, post, pdu);
}

static void
on_delivered(smsc_session_t *self, const cr_smpp_t *pdu)
{
    smsc_session_settle(self, pdu->sequence, pdu->status == CR_SMPP_OK);
}

/* ---- frames --------------------------------------------------------------------------------- */

static void
enquire(smsc_session_t *self, uint32_t sequence)
{
    send_pdu(self, &(cr_smpp_t){.command = CR_SMPP_ENQUIRE_LINK, .sequence = sequence});
}

static void
pass_over(smsc_session_t *self, const cr_smpp_t *pdu)
{
    (void)self;
    (void)pdu;
}

static const struct {
    uint32_t command;
    void (*on)(smsc_session_t *, const cr_smpp_t *);
} commands[] = {
    {CR_SMPP_SUBMIT_SM, on_submit},      {CR_SMPP_DELIVER_SM | CR_SMPP_RESPONSE, on_delivered},
    {CR_SMPP_ENQUIRE_LINK, on_enquire},  {CR_SMPP_ENQUIRE_LINK | CR_SMPP_RESPONSE, pass_over},
    {CR_SMPP_GENERIC_NACK, pass_over},   {CR_SMPP_BIND_RECEIVER, on_bind},
    {CR_SMPP_BIND_TRANSMITTER, on_bind}, {CR_SMPP_BIND_TRANSCEIVER, on_bind},
    {CR_SMPP_UNBIND, on_unbind},
};

static void
on_frame(smsc_session_t *self, cr_slice_t frame)
{
    cr_smpp_t pdu;
    cr_fault_t ignored;
    cr_err_t err = cr_smpp_decode(frame, &pdu, &ignored);
    if (err == CR_INVAL) {
        nack(self, pdu.sequence, CR_SMPP_INVCMDLEN);
        return;
    }
    for (size_t i = 0; err == CR_OK && i < CR_COUNT(commands); i++)
        if (commands[i].command == pdu.command) {
            commands[i].on(self, &pdu);
            return;
        }
    nack(self, pdu.sequence, CR_SMPP_INVCMDID);
}

static void
on_bad_length(smsc_session_t *self)
{
    nack(self, 0, CR_SMPP_INVCMDLEN);
}

const smsc_protocol_t smsc_smpp = {
    .name = "smpp",
    .header = CR_SMPP_HEADER,
    .frame_max = CR_SMPP_FRAME_MAX,
    .on_frame = on_frame,
    .on_bad_length = on_bad_length,
    .answer = answer,
    .deliver = deliver,
    .enquire = enquire,
};

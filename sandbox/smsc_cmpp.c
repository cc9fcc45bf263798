/* How a message centre (an ISMG) speaks CMPP 2.0 and 3.0. */
#include <sodium.h>
#include <string.h>
#include <time.h>

#include "cr_clock.h"
#include "smsc_session.h"

static void
send_pdu(smsc_session_t *self, const cr_cmpp_t *pdu)
{
    cr_fault_t ignored;
    cr_pdu_buffer_t out = {self->house->frame, 0, sizeof self->house->frame};
    if (cr_cmpp_encode(pdu, (cr_cmpp_version_t)self->version, &out, &ignored) == CR_OK)
        smsc_session_send(self, out.bytes, out.length);
}

static void
respond(smsc_session_t *self, const cr_cmpp_t *pdu, uint32_t status)
{
    send_pdu(self, &(cr_cmpp_t){.command = pdu->command | CR_CMPP_RESPONSE,
                                .status = status,
                                .sequence = pdu->sequence,
                                .msg_id = pdu->msg_id});
}

/* ---- log-in --------------------------------------------------------------------------------- */

static uint32_t
judge_connect(const smsc_session_t *self, const cr_cmpp_t *pdu)
{
    const smsc_options_t *options = &self->house->options;
    uint8_t wanted[CR_CMPP_AUTHENTICATOR];
    if (pdu->version > CR_CMPP_30)
        return CR_CMPP_CONNECT_VERSION;
    if (!smsc_session_knows(self, pdu->source_addr))
        return CR_CMPP_CONNECT_SOURCE;
    cr_cmpp_authenticate(pdu->source_addr, cr_slice_of(options->secret), pdu->timestamp, wanted);
    return sodium_memcmp(wanted, pdu->authenticator.text, sizeof wanted) == 0
               ? CR_CMPP_OK
               : CR_CMPP_CONNECT_AUTH;
}

static void
on_connect(smsc_session_t *self, const cr_cmpp_t *pdu)
{
    uint8_t proof[CR_CMPP_AUTHENTICATOR] = {0};
    uint32_t status = judge_connect(self, pdu);
    self->version = pdu->version >= CR_CMPP_30 ? CR_CMPP_30 : CR_CMPP_20;
    if (status == CR_CMPP_OK)
        cr_cmpp_authenticate_gateway(status, (cr_cmpp_version_t)self->version,
                                     (const uint8_t *)pdu->authenticator.text,
                                     cr_slice_of(self->house->options.secret), proof);
    send_pdu(self, &(cr_cmpp_t){.command = CR_CMPP_CONNECT | CR_CMPP_RESPONSE,
                                .status = status,
                                .sequence = pdu->sequence,
                                .authenticator = {(const char *)proof, sizeof proof},
                                .version = self->version});
    if (status != CR_CMPP_OK || !smsc_session_let_in(self, pdu->source_addr, true, true))
        smsc_session_leave(self);
}

static void
on_terminate(smsc_session_t *self, const cr_cmpp_t *pdu)
{
    respond(self, pdu, CR_CMPP_OK);
    smsc_session_leave(self);
}

static void
on_active_test(smsc_session_t *self, const cr_cmpp_t *pdu)
{
    respond(self, pdu, CR_CMPP_OK);
}

/* ---- submit --------------------------------------------------------------------------------- */

/* What is wrong with a submit before its number is looked at. */
static uint32_t
read_submit(const smsc_session_t *self, const cr_cmpp_t *pdu, smsc_submit_t *submit)
{
    size_t size = cr_cmpp_number_size((cr_cmpp_version_t)self->version);
    bool readable = pdu->msg_fmt == CR_CMPP_FORMAT_ASCII || pdu->msg_fmt == CR_CMPP_FORMAT_UCS2;
    if (!readable || cr_pdu_group_count(pdu->dest_terminal_id, size) != 1)
        return CR_CMPP_STRUCTURE; /* one number a submit, of which receipts tell */
    *submit = (smsc_submit_t){
        .source = pdu->src_id,
        .destination = cr_pdu_group_item(pdu->dest_terminal_id, size, 0),
        .octets = pdu->msg_content,
        .reference = pdu->link_id,
        .coding = pdu->msg_fmt == CR_CMPP_FORMAT_UCS2 ? CR_SMS_UCS2 : CR_SMS_ASCII,
        .wants_receipt = pdu->registered_delivery == 1,
    };
    if (pdu->tp_udhi == 0)
        return CR_CMPP_OK;
    size_t header = cr_sms_read_header(submit->octets, &submit->part);
    submit->octets.text += header;
    submit->octets.length -= header;
    return header > 0 ? CR_CMPP_OK : CR_CMPP_STRUCTURE;
}

static void
on_submit(smsc_session_t *self, const cr_cmpp_t *pdu)
{
    smsc_submit_t submit;
    uint32_t status = self->may_submit ? read_submit(self, pdu, &submit) : CR_CMPP_COMMAND;
    if (status == CR_CMPP_OK)
        smsc_session_take(self, pdu->sequence, &submit);
    else
        respond(self, pdu, status);
}

/* Month, day, hour, minute and second, 22 bits of gateway and 16 of a number: the gateway's bits
 * carry on where the number ends. */
static uint64_t
msg_id_of(uint64_t id)
{
    time_t seconds = (time_t)(cr_clock_wall_us() / CR_US_PER_S);
    struct tm when;
    localtime_r(&seconds, &when);
    uint64_t time = (uint64_t)(when.tm_mon + 1) << 22 | (uint64_t)when.tm_mday << 17 |
                    (uint64_t)when.tm_hour << 12 | (uint64_t)when.tm_min << 6 |
                    (uint64_t)when.tm_sec;
    return time << 38 | (id & ((UINT64_C(1) << 38) - 1));
}

static void
answer(smsc_session_t *self, uint32_t sequence, const smsc_verdict_t *verdict)
{
    /* There is no other word for "later". */
    static const uint32_t results[SMSC_RESULTS] = {[SMSC_TAKEN] = CR_CMPP_OK,
                                                   [SMSC_LATER] = CR_CMPP_FLOW,
                                                   [SMSC_THROTTLED] = CR_CMPP_FLOW,
                                                   [SMSC_NO_NUMBER] = CR_CMPP_DESTINATION};
    send_pdu(self, &(cr_cmpp_t){
                       .command = CR_CMPP_SUBMIT | CR_CMPP_RESPONSE,
                       .status = verdict->code ? verdict->code : results[verdict->result],
                       .sequence = sequence,
                       .msg_id = verdict->id,
                   });
}

/* ---- reports and replies -------------------------------------------------------------------- */

static void
deliver_report(smsc_session_t *self, const smsc_post_t *post, cr_cmpp_t pdu)
{
    char submitted[SMSC_DATE_MAX], done[SMSC_DATE_MAX];
    uint8_t octets[CR_CMPP_REPORT_MAX];
    cr_pdu_buffer_t content = {octets, 0, sizeof octets};
    cr_fault_t ignored;
    const cr_cmpp_report_t report = {
        .msg_id = post->id,
        .stat = cr_slice_of(post->failed ? "UNDELIV" : "DELIVRD"),
        .submit_time = cr_slice_of(smsc_date_text(post->submitted_us, submitted)),
        .done_time = cr_slice_of(smsc_date_text(cr_clock_wall_us(), done)),
        .dest_terminal_id = cr_slice_of(post->phone),
    };
    if (cr_cmpp_report_encode(&report, (cr_cmpp_version_t)self->version, &content, &ignored) !=
        CR_OK)
        return;
    pdu.registered_delivery = 1;
    pdu.msg_content = (cr_slice_t){(const char *)octets, content.length};
    send_pdu(self, &pdu);
}

static void
deliver_reply(smsc_session_t *self, const smsc_post_t *post, cr_cmpp_t pdu)
{
    uint8_t octets[CR_CMPP_CONTENT_MAX];
    size_t length = 0;
    cr_slice_t text = cr_slice_of(post->text);
    if (cr_sms_encode(CR_SMS_ASCII, text, octets, sizeof octets, &length) != CR_OK) {
        pdu.msg_fmt = CR_CMPP_FORMAT_UCS2;
        cr_err_t err = cr_sms_encode(CR_SMS_UCS2, text, octets, sizeof octets, &length);
        length = err == CR_OK ? length : 0;
    }
    pdu.msg_content = (cr_slice_t){(const char *)octets, length};
    send_pdu(self, &pdu);
}

static void
deliver(smsc_session_t *self, const smsc_post_t *post)
{
    cr_cmpp_t pdu = {
        .command = CR_CMPP_DELIVER,
        .sequence = post->sequence,
        .msg_id = post->id,
        .dest_id = cr_slice_of(post->ours),
        .src_terminal_id = cr_slice_of(post->phone),
    };
    (post->is_receipt ? deliver_report : deliver_reply)(self, post, pdu);
}

static void
on_delivered(smsc_session_t *self, const cr_cmpp_t *pdu)
{
    smsc_session_settle(self, pdu->sequence, pdu->status == CR_CMPP_OK);
}

/* ---- frames --------------------------------------------------------------------------------- */

static void
enquire(smsc_session_t *self, uint32_t sequence)
{
    send_pdu(self, &(cr_cmpp_t){.command = CR_CMPP_ACTIVE_TEST, .sequence = sequence});
}

static void
pass_over(smsc_session_t *self, const cr_cmpp_t *pdu)
{
    (void)self;
    (void)pdu;
}

static const struct {
    uint32_t command;
    void (*on)(smsc_session_t *, const cr_cmpp_t *);
} commands[] = {
    {CR_CMPP_SUBMIT, on_submit},           {CR_CMPP_DELIVER | CR_CMPP_RESPONSE, on_delivered},
    {CR_CMPP_ACTIVE_TEST, on_active_test}, {CR_CMPP_ACTIVE_TEST | CR_CMPP_RESPONSE, pass_over},
    {CR_CMPP_CONNECT, on_connect},         {CR_CMPP_TERMINATE, on_terminate},
};

/* There is no general refusal in CMPP: who sends what nobody knows is hung up on. */
static void
on_frame(smsc_session_t *self, cr_slice_t frame)
{
    cr_cmpp_t pdu;
    cr_fault_t ignored;
    cr_err_t err = cr_cmpp_decode(frame, (cr_cmpp_version_t)self->version, &pdu, &ignored);
    for (size_t i = 0; err == CR_OK && i < CR_COUNT(commands); i++)
        if (commands[i].command == pdu.command) {
            commands[i].on(self, &pdu);
            return;
        }
    if (err == CR_INVAL && pdu.command == CR_CMPP_SUBMIT)
        respond(self, &(cr_cmpp_t){.command = CR_CMPP_SUBMIT, .sequence = pdu.sequence},
                CR_CMPP_LENGTH);
    else
        smsc_session_leave(self);
}

static void
on_bad_length(smsc_session_t *self)
{
    (void)self; /* the connection ends */
}

const smsc_protocol_t smsc_cmpp = {
    .name = "cmpp",
    .header = CR_CMPP_HEADER,
    .frame_max = CR_CMPP_FRAME_MAX,
    .on_frame = on_frame,
    .on_bad_length = on_bad_length,
    .answer = answer,
    .deliver = deliver,
    .enquire = enquire,
    .make_id = msg_id_of,
};

#include "smsc_desk.h"

#include <string.h>

#include "cr_clock.h"
#include "cr_log.h"
#include "hash.h"
#include "phone.h"

#define OPEN_BRACKET "\xe3\x80\x90" /* U+3010, around the signature */
#define CLOSE_BRACKET "\xe3\x80\x91"
#define EARLY_US (20 * CR_US_PER_MS) /* by which a receipt comes before its answer */

enum { OCTETS_MAX = 255 * 140, TEXT_MAX = 3 * OCTETS_MAX };

static const char not_on_service[] = "MOBILE_NOT_ON_SERVICE";

cr_err_t
smsc_desk_init(smsc_desk_t *self, gateway_t *gateway)
{
    *self = (smsc_desk_t){gateway, smsc_join_new(), (uint64_t)cr_clock_wall_us()};
    return self->join ? CR_OK : CR_NOMEM;
}

void
smsc_desk_fini(smsc_desk_t *self)
{
    smsc_join_destroy(&self->join);
}

/* Takes 【signature】 off the head of a text. */
static cr_slice_t
take_signature(cr_slice_t *text)
{
    const size_t bracket = strlen(OPEN_BRACKET);
    if (text->length < bracket || memcmp(text->text, OPEN_BRACKET, bracket) != 0)
        return CR_SLICE("");
    const char *end = memmem(text->text, text->length, CLOSE_BRACKET, bracket);
    if (!end)
        return CR_SLICE("");
    cr_slice_t signature = {text->text + bracket, (size_t)(end - text->text) - bracket};
    text->length -= (size_t)(end - text->text) + bracket;
    text->text = end + bracket;
    return signature;
}

static bool
accept_text(smsc_desk_t *self, const smsc_submit_t *submit, cr_slice_t octets, bool failed)
{
    cr_str_t text;
    cr_str_init(&text, TEXT_MAX);
    cr_sms_decode(submit->coding, octets, &text);
    cr_slice_t content = cr_str_slice(&text), signature = take_signature(&content);
    const store_message_t message = {
        .channel = CR_CHANNEL_SMS,
        .parts =
            submit->part.total ? submit->part.total : cr_sms_measure(cr_str_slice(&text)).parts,
        .time_us = cr_clock_wall_us(),
        .failure = failed ? not_on_service : NULL,
        .address = submit->destination,
        .reference = submit->reference.text ? submit->reference : CR_SLICE(""),
        .title = signature,
        .content = content,
    };
    bool accepted = gateway_accept(self->gateway, &message);
    cr_str_fini(&text);
    return accepted;
}

static uint64_t
message_of(const smsc_submit_t *submit)
{
    uint64_t part = (uint64_t)submit->part.reference << 8 | submit->part.total;
    uint64_t numbers = hash_pair(hash_text(submit->destination, 0), hash_text(submit->source, 0));
    return hash_pair(hash_pair(numbers, hash_text(submit->reference, 0)), part);
}

/* The part, and with the last one the message. */
static void
accept_submit(smsc_desk_t *self, const smsc_submit_t *submit, smsc_verdict_t *verdict)
{
    cr_str_t whole;
    cr_str_init(&whole, OCTETS_MAX);
    bool complete = submit->part.total == 0 || smsc_join_add(self->join, message_of(submit),
                                                             &submit->part, submit->octets, &whole);
    cr_slice_t octets = submit->part.total == 0 ? submit->octets : cr_str_slice(&whole);
    if (complete && !accept_text(self, submit, octets, verdict->failed))
        verdict->result = SMSC_LATER;
    else if (complete && !verdict->failed)
        verdict->person = faults_person(&self->gateway->faults, submit->destination);
    cr_str_fini(&whole);
}

/* What the faults decide before the submit is looked at; every submit rolls the same dice. */
static smsc_verdict_t
fate_of(gateway_t *gateway, const smsc_submit_t *submit, fault_t *fault)
{
    *fault = gateway_arrive(gateway);
    const fault_smsc_t link = faults_smsc(&gateway->faults);
    const fault_receipt_t receipt = faults_receipt(&gateway->faults, submit->destination);
    return (smsc_verdict_t){
        .delay_us = gateway_latency_us(gateway) + link.late_us + (link.early ? EARLY_US : 0),
        .silent = link.silent,
        .copies = submit->wants_receipt ? receipt.copies : 0,
        .failed = receipt.failed,
        .wrong = link.wrong,
        .receipt_us = link.early ? 0 : receipt.delay_us,
    };
}

smsc_verdict_t
smsc_desk_take(smsc_desk_t *self, const smsc_submit_t *submit)
{
    gateway_t *gateway = self->gateway;
    fault_t fault;
    smsc_verdict_t verdict = fate_of(gateway, submit, &fault);
    verdict.id = self->next_id++;
    verdict.hang_up = fault == FAULT_DROP_BEFORE || fault == FAULT_DROP_AFTER;
    if (fault == FAULT_ERROR) {
        verdict.result = SMSC_LATER;
        verdict.code = (uint32_t)gateway->faults.settings.error_code;
    } else if (fault == FAULT_THROTTLE) {
        verdict.result = SMSC_THROTTLED;
    } else if (!phone_exists(submit->destination)) {
        gateway_refuse(gateway);
        verdict.result = SMSC_NO_NUMBER;
    } else if (fault == FAULT_DROP_BEFORE || (verdict.silent && verdict.id % 2 == 0)) {
        verdict.result = SMSC_LATER; /* nobody will hear it */
    } else {
        accept_submit(self, submit, &verdict);
    }
    return verdict;
}

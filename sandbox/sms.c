#include "sms.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cr_clock.h"
#include "cr_sms.h"
#include "cr_text.h"
#include "dedup.h"
#include "details.h"
#include "form.h"
#include "hash.h"
#include "phone.h"

#define NONCE_WINDOW_US (15 * 60 * CR_US_PER_S)
#define OPEN_BRACKET "\xe3\x80\x90" /* U+3010, around the signature */
#define CLOSE_BRACKET "\xe3\x80\x91"

enum { FIELD_BYTES_MAX = 16 * 1024, NONCES_MAX = 1 << 18, CONTENT_CHARACTERS_MAX = 1000 };
enum { NUMBERS_MAX = 1000, PUSH_BATCH = 100, PUSH_FLIGHTS = 4, DETAILS_BYTES_MAX = 64 * 1024 };

static const char not_on_service[] = "MOBILE_NOT_ON_SERVICE";

struct sms {
    gateway_t *gateway;
    char *key_id, *secret;
    dedup_t *nonces;
    details_t *details;
    uint64_t seed;
    uint64_t request_ids; /* state of their sequence */
    int64_t next_message;
};

typedef struct {
    cr_str_t phone, sign, code, param, out_id;
    cr_str_t content; /* of the parameter */
} submit_t;

/* Business refusals come with HTTP 200, those of the platform do not. */
static const acs_refusal_t no_action = {404, "InvalidAction.NotFound",
                                        "Specified api is not found, please check your url."};
static const acs_refusal_t nonce_used = {400, "SignatureNonceUsed",
                                         "Specified signature nonce was used already."};
static const acs_refusal_t throttled = {429, "Throttling.User",
                                        "Request was denied due to user flow control."};
static const acs_refusal_t system_error = {200, "isp.SYSTEM_ERROR", "isp.SYSTEM_ERROR"};
static const acs_refusal_t no_number = {200, "isv.MOBILE_NUMBER_ILLEGAL", "invalid mobile number"};
static const acs_refusal_t many_numbers = {200, "isv.MOBILE_COUNT_OVER_LIMIT",
                                           "too many mobile numbers"};
static const acs_refusal_t no_signature = {200, "isv.SMS_SIGNATURE_ILLEGAL",
                                           "the signature is illegal"};
static const acs_refusal_t no_template = {200, "isv.SMS_TEMPLATE_ILLEGAL",
                                          "the template is illegal"};
static const acs_refusal_t bad_param = {200, "isv.INVALID_JSON_PARAM",
                                        "TemplateParam is not a JSON object of texts"};
static const acs_refusal_t no_content = {200, "isv.TEMPLATE_MISSING_PARAMETERS",
                                         "the template's parameter content is missing"};
static const acs_refusal_t long_content = {200, "isv.PARAM_LENGTH_LIMIT",
                                           "the template's parameter content is too long"};

static bool
is_taken(const cr_http_answer_t *answer)
{
    json_t *body = json_loadb(answer->body.text, answer->body.length, 0, NULL);
    json_t *code = json_object_get(body, "code");
    bool taken = answer->status == 200 && json_is_integer(code) && json_integer_value(code) == 0;
    json_decref(body);
    return taken;
}

const receipts_kind_t sms_receipts = {
    .name = "sms",
    .content_type = "Content-Type: application/json; charset=utf-8",
    .open = "[",
    .close = "]",
    .batch_max = PUSH_BATCH,
    .flights_max = PUSH_FLIGHTS,
    .is_taken = is_taken,
};

sms_t *
sms_new(gateway_t *gateway, const acs_key_t *key, uint64_t seed)
{
    sms_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    *self = (sms_t){.gateway = gateway,
                    .key_id = strdup(key->id),
                    .secret = strdup(key->secret),
                    .nonces = dedup_new(NONCES_MAX, NONCE_WINDOW_US),
                    .details = details_new(),
                    .seed = seed,
                    .request_ids = seed,
                    .next_message = cr_clock_wall_us()};
    if (!self->key_id || !self->secret || !self->nonces || !self->details)
        sms_destroy(&self);
    return self;
}

void
sms_destroy(sms_t **self_p)
{
    sms_t *self = *self_p;
    if (!self)
        return;
    dedup_destroy(&self->nonces);
    details_destroy(&self->details);
    free(self->key_id);
    free(self->secret);
    free(self);
    *self_p = NULL;
}

static const char *
header_of(const void *context, const char *name)
{
    return web_header(context, name);
}

static const acs_refusal_t *
check_nonce(sms_t *self, const char *nonce)
{
    uint64_t key = hash_text(cr_slice_of(nonce), self->seed), ignored;
    int64_t now_us = cr_clock_mono_us();
    if (dedup_find(self->nonces, key, now_us, &ignored))
        return &nonce_used;
    dedup_add(self->nonces, key, 0, now_us);
    return NULL;
}

static const acs_refusal_t *
check_request(sms_t *self, const web_request_t *request)
{
    const acs_request_t signed_request = {web_method(request), web_path(request),
                                          web_query(request),  web_body(request),
                                          header_of,           request};
    const acs_refusal_t *refusal =
        acs_check(&signed_request, &(acs_key_t){self->key_id, self->secret}, cr_clock_wall_us());
    if (refusal)
        return refusal;
    if (strcmp(web_header(request, "x-acs-version"), "2017-05-25") != 0)
        return &no_action;
    return check_nonce(self, web_header(request, "x-acs-signature-nonce"));
}

/* The next of several, joined by commas; an empty one ends them. */
static cr_slice_t
next_phone(cr_slice_t *rest)
{
    const char *comma = memchr(rest->text, ',', rest->length);
    size_t length = comma ? (size_t)(comma - rest->text) : rest->length;
    cr_slice_t phone = {rest->text, length};
    length += comma != NULL;
    *rest = (cr_slice_t){rest->text + length, rest->length - length};
    return phone;
}

/* One that is wrong refuses all. */
static const acs_refusal_t *
check_phones(cr_slice_t phones)
{
    size_t count = 0;
    if (phones.length > 0 && phones.text[phones.length - 1] == ',')
        return &no_number;
    do {
        if (!phone_exists(next_phone(&phones)))
            return &no_number;
    } while (++count <= NUMBERS_MAX && phones.length > 0);
    return count > NUMBERS_MAX ? &many_numbers : NULL;
}

static const acs_refusal_t *
read_content(cr_slice_t param, cr_str_t *content)
{
    json_t *values = json_loadb(param.text, param.length, JSON_REJECT_DUPLICATES, NULL);
    const acs_refusal_t *refusal = json_is_object(values) ? NULL : &bad_param;
    json_t *value = json_object_get(values, "content");
    if (!refusal && json_string_length(value) == 0)
        refusal = value && !json_is_string(value) ? &bad_param : &no_content;
    if (!refusal)
        cr_str_append(content, json_string_value(value), json_string_length(value));
    json_decref(values);
    if (!refusal && cr_text_length(cr_str_slice(content)) > CONTENT_CHARACTERS_MAX)
        return &long_content;
    return refusal;
}

static void
submit_init(submit_t *submit)
{
    cr_str_t *fields[] = {&submit->phone, &submit->sign,   &submit->code,
                          &submit->param, &submit->out_id, &submit->content};
    for (size_t i = 0; i < CR_COUNT(fields); i++)
        cr_str_init(fields[i], FIELD_BYTES_MAX);
}

static void
submit_fini(submit_t *submit)
{
    cr_str_t *fields[] = {&submit->phone, &submit->sign,   &submit->code,
                          &submit->param, &submit->out_id, &submit->content};
    for (size_t i = 0; i < CR_COUNT(fields); i++)
        cr_str_fini(fields[i]);
}

/* The real gateway takes its parameters from the query as well as from the body. */
static bool
read_field(const web_request_t *request, const char *name, cr_str_t *out)
{
    cr_err_t err = form_value(web_body(request), name, out);
    if (err == CR_NOTFOUND)
        err = form_value(web_query(request), name, out);
    return err == CR_OK && cr_text_is_utf8(cr_str_slice(out));
}

static const acs_refusal_t *
submit_read(submit_t *submit, const web_request_t *request)
{
    const struct {
        const char *name;
        cr_str_t *field;
        const acs_refusal_t *otherwise;
    } wanted[] = {
        {"PhoneNumbers", &submit->phone, &no_number},
        {"SignName", &submit->sign, &no_signature},
        {"TemplateCode", &submit->code, &no_template},
        {"TemplateParam", &submit->param, &no_content},
    };
    for (size_t i = 0; i < CR_COUNT(wanted); i++)
        if (!read_field(request, wanted[i].name, wanted[i].field) || wanted[i].field->length == 0)
            return wanted[i].otherwise;
    if (!read_field(request, "OutId", &submit->out_id))
        cr_str_clear(&submit->out_id);
    const acs_refusal_t *refusal = check_phones(cr_str_slice(&submit->phone));
    return refusal ? refusal : read_content(cr_str_slice(&submit->param), &submit->content);
}

static unsigned
parts_of(const submit_t *submit)
{
    cr_str_t shown;
    cr_str_init(&shown, FIELD_BYTES_MAX * 2);
    cr_str_appendf(&shown, OPEN_BRACKET "%s" CLOSE_BRACKET "%s", cr_str_text(&submit->sign),
                   cr_str_text(&submit->content));
    unsigned parts = cr_sms_measure(cr_str_slice(&shown)).parts;
    cr_str_fini(&shown);
    return parts;
}

/* "2026-05-12 09:00:00" */
static const char *
time_text(int64_t wall_us, char out[CR_TIME_TEXT_MAX])
{
    cr_time_format(wall_us, out);
    out[10] = ' ';
    out[19] = '\0';
    return out;
}

static char *
report_of(const submit_t *submit, const store_message_t *message, const char *biz_id,
          int64_t delay_us)
{
    char sent[CR_TIME_TEXT_MAX], reported[CR_TIME_TEXT_MAX], size[16];
    snprintf(size, sizeof size, "%u", message->parts);
    json_t *report = json_pack(
        "{ss% ss ss sb ss ss ss ss ss}", "phone_number", message->address.text,
        message->address.length, "send_time", time_text(message->time_us, sent), "report_time",
        time_text(message->time_us + delay_us, reported), "success", message->failure == NULL,
        "err_code", message->failure ? message->failure : "DELIVERED", "err_msg",
        message->failure ? "the number is not in service" : "delivered to the handset", "sms_size",
        size, "biz_id", biz_id, "out_id", cr_str_text(&submit->out_id));
    char *text = json_dumps(report, JSON_COMPACT);
    json_decref(report);
    return text;
}

static bool
accept_one(sms_t *self, const submit_t *submit, cr_slice_t phone, const char *biz_id)
{
    gateway_t *gateway = self->gateway;
    fault_receipt_t receipt = faults_receipt(&gateway->faults, phone);
    const store_message_t message = {
        .channel = CR_CHANNEL_SMS,
        .parts = parts_of(submit),
        .time_us = cr_clock_wall_us(),
        .failure = receipt.failed ? not_on_service : NULL,
        .address = phone,
        .reference = cr_str_slice(&submit->out_id),
        .title = cr_str_slice(&submit->sign),
        .content = cr_str_slice(&submit->content),
    };
    if (!gateway_accept(gateway, &message))
        return false;
    int64_t due_us = cr_clock_mono_us() + receipt.delay_us;
    details_add(self->details, &(detail_t){phone, message.reference, message.failure, due_us});
    for (unsigned i = 0; i < receipt.copies; i++)
        receipts_add(gateway->receipts, due_us,
                     report_of(submit, &message, biz_id, receipt.delay_us));
    return true;
}

static bool
accept_submit(sms_t *self, const submit_t *submit, const char *biz_id)
{
    cr_slice_t phones = cr_str_slice(&submit->phone);
    bool accepted = true;
    while (accepted && phones.length > 0)
        accepted = accept_one(self, submit, next_phone(&phones), biz_id);
    return accepted;
}

static void
write_answer(sms_t *self, web_answer_t *answer, const acs_refusal_t *refusal, const char *rest)
{
    char id[48];
    uint64_t high = hash_roll(&self->request_ids), low = hash_roll(&self->request_ids);
    snprintf(id, sizeof id, "%08" PRIX64 "-%04" PRIX64 "-%04" PRIX64 "-%04" PRIX64 "-%012" PRIX64,
             high >> 32, high >> 16 & 0xFFFF, high & 0xFFFF, low >> 48,
             low & UINT64_C(0xFFFFFFFFFFFF));
    answer->status = refusal ? refusal->status : 200;
    answer->retry_after_s = refusal == &throttled;
    cr_str_appendf(&answer->body, "{\"Code\":\"%s\",\"Message\":\"%s\",\"RequestId\":\"%s\"",
                   refusal ? refusal->code : "OK", refusal ? refusal->message : "OK", id);
    if (!refusal)
        cr_str_append_text(&answer->body, rest);
    cr_str_append_text(&answer->body, "}");
}

static bool
asks_for(const web_request_t *request, const char *action)
{
    return strcmp(web_header(request, "x-acs-action"), action) == 0;
}

static const acs_refusal_t *
take(sms_t *self, const web_request_t *request, const char *biz_id)
{
    const acs_refusal_t *refusal = check_request(self, request);
    if (!refusal && !asks_for(request, "SendSms"))
        refusal = &no_action;
    if (refusal) {
        gateway_refuse(self->gateway);
        return refusal;
    }
    submit_t submit;
    submit_init(&submit);
    refusal = submit_read(&submit, request);
    if (refusal)
        gateway_refuse(self->gateway);
    else if (!accept_submit(self, &submit, biz_id))
        refusal = &system_error;
    submit_fini(&submit);
    return refusal;
}

/* What became of the messages to a phone. */
static void
answer_details(sms_t *self, const web_request_t *request, web_answer_t *answer)
{
    const acs_refusal_t *refusal = check_request(self, request);
    cr_str_t phone, rest;
    cr_str_init(&phone, FIELD_BYTES_MAX);
    cr_str_init(&rest, DETAILS_BYTES_MAX);
    if (!refusal && !read_field(request, "PhoneNumber", &phone))
        refusal = &no_number;
    if (!refusal) {
        json_t *list = details_of(self->details, cr_str_slice(&phone), cr_clock_mono_us());
        char *text = json_dumps(list, JSON_COMPACT);
        cr_str_appendf(&rest, ",\"TotalCount\":%zu,\"SmsSendDetailDTOs\":{\"SmsSendDetailDTO\":%s}",
                       json_array_size(list), text ? text : "[]");
        free(text);
        json_decref(list);
    }
    write_answer(self, answer, refusal, cr_str_text(&rest));
    cr_str_fini(&phone);
    cr_str_fini(&rest);
}

static void
answer_send(sms_t *self, const web_request_t *request, web_answer_t *answer)
{
    static const acs_refusal_t *const refusals[] = {
        [FAULT_ERROR] = &system_error, [FAULT_THROTTLE] = &throttled, [FAULT_DROP_AFTER] = NULL};
    char biz_id[32], rest[64];
    snprintf(biz_id, sizeof biz_id, "%" PRId64 "^0", self->next_message++);
    snprintf(rest, sizeof rest, ",\"BizId\":\"%s\"", biz_id);
    fault_t fault = gateway_arrive(self->gateway);
    answer->drop = fault == FAULT_DROP_BEFORE || fault == FAULT_DROP_AFTER;
    const acs_refusal_t *refusal = refusals[fault];
    if (!refusal && fault != FAULT_DROP_BEFORE)
        refusal = take(self, request, biz_id);
    write_answer(self, answer, refusal, rest);
}

void
sms_answer(void *context, const web_request_t *request, web_answer_t *answer)
{
    sms_t *self = context;
    answer->delay_us = gateway_latency_us(self->gateway);
    if (asks_for(request, "QuerySendDetails"))
        answer_details(self, request, answer);
    else
        answer_send(self, request, answer);
}

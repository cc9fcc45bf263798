#include "http_mapping.h"

#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cr_id.h"
#include "sms_outcome.h"

enum { TOKEN_MAX = 128, WORD_MAX = 16 };

static const struct {
    const char *word;
    cr_status_t status;
} words[] = {
    {"accepted", CR_STATUS_ACCEPTED},      {"delivered", CR_STATUS_DELIVERED},
    {"retry", CR_STATUS_RETRY_1},          {"unknown", CR_STATUS_UNKNOWN},
    {"address", CR_STATUS_FAILED_ADDRESS}, {"unreachable", CR_STATUS_FAILED_UNREACHABLE},
    {"blocked", CR_STATUS_FAILED_BLOCKED}, {"content", CR_STATUS_FAILED_CONTENT},
    {"account", CR_STATUS_FAILED_ACCOUNT}, {"failed", CR_STATUS_FAILED_RECEIPT},
};

/* ---- rules ---------------------------------------------------------------------------------- */

static cr_err_t
read_rule(const char *text, size_t length, http_rules_t *rules, cr_fault_t *fault)
{
    char rule[HTTP_CODE_MAX + WORD_MAX + 16], word[WORD_MAX + 1], more;
    char *pattern = rules->rules[rules->count].pattern;
    snprintf(rule, sizeof rule, "%.*s", (int)length, text);
    if (sscanf(rule, " %63s %16s %c", pattern, word, &more) == 2)
        for (size_t i = 0; i < CR_COUNT(words); i++)
            if (strcmp(words[i].word, word) == 0) {
                rules->rules[rules->count++].status = words[i].status;
                return CR_OK;
            }
    return cr_fault_set(fault, CR_INVAL, "\"%s\" is not a code and a word such as accepted", rule);
}

static bool
is_blank(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (!isspace((unsigned char)text[i]))
            return false;
    return true;
}

cr_err_t
http_rules_read(const char *text, http_rules_t *rules, cr_fault_t *fault)
{
    rules->count = 0;
    while (*text) {
        size_t length = strcspn(text, ";\n");
        if (!is_blank(text, length)) {
            if (rules->count == HTTP_RULES_MAX)
                return cr_fault_set(fault, CR_INVAL, "more than %d rules", HTTP_RULES_MAX);
            cr_err_t err = read_rule(text, length, rules, fault);
            if (err != CR_OK)
                return err;
        }
        text += length + (text[length] != '\0');
    }
    return CR_OK;
}

static bool
fits(const char *pattern, cr_slice_t code)
{
    size_t length = strlen(pattern);
    if (length > 0 && pattern[length - 1] == '*')
        return code.length >= length - 1 && memcmp(code.text, pattern, length - 1) == 0;
    return cr_slice_equal(cr_slice_of(pattern), code);
}

cr_status_t
http_rules_judge(const http_rules_t *rules, cr_slice_t code, cr_status_t otherwise)
{
    for (size_t i = 0; i < rules->count; i++)
        if (fits(rules->rules[i].pattern, code))
            return rules->rules[i].status;
    return otherwise;
}

/* ---- JSON pointers -------------------------------------------------------------------------- */

/* A token of a pointer without its escapes. CR_TOOBIG. */
static cr_err_t
read_token(const char *text, size_t length, char out[TOKEN_MAX])
{
    size_t used = 0;
    for (size_t i = 0; i < length && used + 1 < TOKEN_MAX; i++) {
        bool escaped = text[i] == '~' && i + 1 < length;
        out[used++] = !escaped ? text[i] : text[++i] == '1' ? '/' : '~';
    }
    out[used] = '\0';
    return used + 1 < TOKEN_MAX ? CR_OK : CR_TOOBIG;
}

static const json_t *
child_of(const json_t *value, const char *token)
{
    if (!json_is_array(value))
        return json_object_get(value, token);
    char *end;
    unsigned long index = strtoul(token, &end, 10);
    return isdigit((unsigned char)*token) && *end == '\0' ? json_array_get(value, index) : NULL;
}

static const json_t *
at_pointer(const json_t *value, const char *pointer)
{
    char token[TOKEN_MAX];
    while (value && *pointer == '/') {
        size_t length = strcspn(++pointer, "/");
        if (read_token(pointer, length, token) != CR_OK)
            return NULL;
        value = child_of(value, token);
        pointer += length;
    }
    return *pointer == '\0' ? value : NULL;
}

/* Texts, whole numbers and truth values as text; false for all else, and for what is too long. */
static bool
text_at(const json_t *value, const char *pointer, char *out, size_t size)
{
    const json_t *found = at_pointer(value, pointer);
    int length = -1;
    if (json_is_string(found))
        length = snprintf(out, size, "%s", json_string_value(found));
    else if (json_is_integer(found))
        length = snprintf(out, size, "%" JSON_INTEGER_FORMAT, json_integer_value(found));
    else if (json_is_boolean(found))
        length = snprintf(out, size, "%s", json_is_true(found) ? "true" : "false");
    return length >= 0 && (size_t)length < size;
}

/* ---- answers -------------------------------------------------------------------------------- */

static cr_status_t
judge_body(const http_answers_t *self, const json_t *body, long status, const char **unread)
{
    char code[HTTP_CODE_MAX];
    if (*self->code == '\0')
        return status < 300 ? CR_STATUS_ACCEPTED : sms_status_outcome(status);
    if (text_at(body, self->code, code, sizeof code))
        return http_rules_judge(&self->outcomes, cr_slice_of(code), CR_STATUS_UNKNOWN);
    *unread = status >= 300 && status < 400 ? "redirect" : body ? "no_code" : "not_json";
    return status < 300 ? CR_STATUS_UNKNOWN : sms_status_outcome(status);
}

outcome_t
http_answer_outcome(const http_answers_t *self, const cr_http_answer_t *answer,
                    char id[NEWS_ID_MAX + 1], const char **unread)
{
    *unread = NULL;
    if (!answer->answered)
        return sms_unanswered_outcome(answer);
    json_t *body = json_loadb(answer->body.text, answer->body.length, 0, NULL);
    outcome_t outcome = {.status = judge_body(self, body, answer->status, unread),
                         .away = answer->status >= 500};
    if (outcome.status == CR_STATUS_ACCEPTED && !self->gives_receipts)
        outcome.status = CR_STATUS_HANDED;
    if (*self->id && text_at(body, self->id, id, NEWS_ID_MAX + 1))
        outcome.gateway_id = cr_slice_of(id);
    if (outcome.status == CR_STATUS_RETRY_1)
        outcome.retry_after_ms = sms_retry_after_ms(answer);
    json_decref(body);
    return outcome;
}

/* ---- receipts ------------------------------------------------------------------------------- */

/* One receipt; what names no message and what is not final is passed over. */
static cr_err_t
take_one(const http_receipts_t *self, const json_t *item, news_t *news)
{
    char reference[NEWS_ID_MAX + 1] = "", id[NEWS_ID_MAX + 1] = "", code[HTTP_CODE_MAX];
    cr_delivery_t ignored;
    bool named = *self->id ? text_at(item, self->id, id, sizeof id) && *id
                           : text_at(item, self->reference, reference, sizeof reference) &&
                                 cr_reference_parse(cr_slice_of(reference), &ignored) == CR_OK;
    if (!named || !text_at(item, self->code, code, sizeof code))
        return CR_OK;
    cr_status_t status =
        http_rules_judge(&self->outcomes, cr_slice_of(code), CR_STATUS_FAILED_RECEIPT);
    if (status != CR_STATUS_DELIVERED && cr_status_class(status) != CR_STATUS_CLASS_FAILED)
        return CR_OK;
    return news_receipt(news, &(receipt_t){cr_slice_of(reference), cr_slice_of(id), status});
}

cr_err_t
http_receipts_take(const http_receipts_t *self, cr_slice_t body, news_t *news)
{
    json_t *push = json_loadb(body.text, body.length, 0, NULL);
    const json_t *list = at_pointer(push, self->list);
    cr_err_t err = json_is_object(list)  ? take_one(self, list, news)
                   : json_is_array(list) ? CR_OK
                                         : CR_INVAL;
    for (size_t i = 0; err == CR_OK && i < json_array_size(list); i++)
        err = take_one(self, json_array_get(list, i), news);
    json_decref(push);
    return err;
}

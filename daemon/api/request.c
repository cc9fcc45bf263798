#include "request.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "body.h"
#include "cr_clock.h"
#include "cr_log.h"
#include "head.h"
#include "metrics.h"
#include "pages.h"
#include "problem.h"
#include "unsubscribe.h"
#include "upload.h"

enum {
    CALL_TIMEOUT_MS = 10 * 1000,
    IMPORT_TIMEOUT_MS = 300 * 1000,
    DRAIN_BYTES_MAX = 8 * 1024 * 1024,
    BODY_BYTES_PER_S_MIN = 16 * 1024,
    BODY_GRACE_S = 60,
    HASH_BYTES = 32
};

struct request {
    crypto_generichash_state hash; /* of method, target and body, when there is a key */
    const api_config_t *config;
    const char *state; /* what the daemon does instead of serving, or NULL */
    plan_client_t *plan;
    char *target;
    const char *method; /* the connection's */
    head_t head;
    const route_t *route;
    const char *token; /* the head's */
    json_t *arguments;
    cr_str_t body;    /* JSON */
    upload_t *upload; /* CSV */
    uint64_t body_bytes, bytes_left;
    answer_t answer; /* has a status as soon as it is decided */
    int64_t began_us;
};

request_t *
request_new(const api_config_t *config, const char *state, const char *target)
{
    request_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->config = config;
    self->state = state;
    self->target = strdup(target);
    if (!self->target)
        request_destroy(&self);
    return self;
}

void
request_destroy(request_t **self_p)
{
    request_t *self = *self_p;
    if (!self)
        return;
    answer_fini(&self->answer);
    upload_destroy(&self->upload);
    cr_str_fini(&self->body);
    json_decref(self->arguments);
    free(self->target);
    free(self);
    *self_p = NULL;
}

static bool
is_decided(const request_t *self)
{
    return self->answer.status != 0;
}

static void
refuse(request_t *self, unsigned status, const cr_fault_t *fault, const char *member)
{
    answer_problem(&self->answer, status, fault, member);
    self->bytes_left = DRAIN_BYTES_MAX;
}

static void
refuse_by_error(request_t *self, const cr_fault_t *fault, const char *member)
{
    refuse(self, problem_status(fault->code), fault, member);
}

/* Asks plan; the caller frees the answer. `arguments` and `intake` are plan's afterwards. */
static void
ask(request_t *self, plan_request_t request, plan_answer_t *answer)
{
    request.token = self->token;
    *answer = (plan_answer_t){0};
    plan_call(self->plan, &request, answer);
}

/* -- the head ---------------------------------------------------------------------------------- */

static void
check_framing(request_t *self)
{
    cr_fault_t fault;
    if (head_check_framing(&self->head, &fault) == CR_OK)
        return;
    refuse(self, MHD_HTTP_BAD_REQUEST, &fault, NULL);
    self->answer.closes = true;
}

static void
find_route(request_t *self)
{
    cr_str_t allow;
    cr_fault_t fault;
    cr_str_init(&allow, sizeof self->answer.allow - 1);
    self->route = route_find(self->method, self->target, &allow);
    if (!self->route && allow.length > 0) {
        cr_fault_set(&fault, CR_INVAL, "this resource has no such method; there is %s",
                     cr_str_text(&allow));
        refuse(self, MHD_HTTP_METHOD_NOT_ALLOWED, &fault, NULL);
        memcpy(self->answer.allow, cr_str_text(&allow), allow.length + 1);
    } else if (!self->route) {
        cr_fault_set(&fault, CR_NOTFOUND, "there is no such resource");
        refuse(self, MHD_HTTP_NOT_FOUND, &fault, NULL);
    }
    cr_str_fini(&allow);
}

/* Before the token: who may do what is known to the active daemon only. */
static void
check_state(request_t *self)
{
    cr_fault_t fault;
    if (!self->state || self->route->page != ROUTE_PLAN)
        return;
    cr_fault_set(&fault, CR_AGAIN, "this daemon is not active: %s", self->state);
    refuse_by_error(self, &fault, NULL);
}

static void
check_token(request_t *self)
{
    cr_fault_t fault;
    bool is_needed = self->route->page == ROUTE_PLAN && !self->route->is_open;
    if (is_needed && head_token(&self->head, &self->token, &fault) != CR_OK)
        refuse(self, MHD_HTTP_UNAUTHORIZED, &fault, NULL);
}

static void
check_key(request_t *self)
{
    cr_fault_t fault;
    if (head_check_key(&self->head, &fault) != CR_OK)
        refuse(self, MHD_HTTP_BAD_REQUEST, &fault, NULL);
}

static void
check_type(request_t *self)
{
    cr_fault_t fault;
    if (!head_has_body(&self->head))
        return;
    if (self->route->body == ROUTE_BODY_NONE) {
        cr_fault_set(&fault, CR_INVAL, "this request takes no body");
        refuse(self, MHD_HTTP_BAD_REQUEST, &fault, NULL);
    } else if (head_check_type(&self->head, self->route->body, &fault) != CR_OK) {
        refuse(self, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE, &fault, NULL);
    }
}

static void
refuse_too_large(request_t *self, uint64_t limit)
{
    cr_fault_t fault;
    cr_fault_set(&fault, CR_TOOBIG, "the body is over %llu bytes", (unsigned long long)limit);
    refuse(self, MHD_HTTP_CONTENT_TOO_LARGE, &fault, NULL);
}

static uint64_t
body_limit(const request_t *self)
{
    if (self->route->body == ROUTE_BODY_CSV)
        return (uint64_t)self->config->import_bytes_max;
    return (uint64_t)self->config->body_bytes_max;
}

static void
check_size(request_t *self)
{
    self->bytes_left = body_limit(self);
    if (head_body_length(&self->head) > self->bytes_left)
        refuse_too_large(self, self->bytes_left);
}

static void
read_arguments(request_t *self)
{
    char member[ROUTE_MEMBER_MAX];
    cr_fault_t fault;
    if (route_arguments(self->route, self->target, &self->arguments, member, &fault) != CR_OK)
        refuse(self, MHD_HTTP_BAD_REQUEST, &fault, member);
}

static bool
may_import(const json_t *caller)
{
    static const struct {
        const char *name;
        unsigned bit;
    } roles[] = {
#define X(role, text) {text, 1u << PLAN_ROLE_##role},
        PLAN_ROLE_LIST(X)
#undef X
    };
    static const unsigned permitted[PLAN_VERB_COUNT] = {
#define R(name) (1u << PLAN_ROLE_##name)
#define X(verb, mask, changes) [PLAN_##verb] = (mask),
        PLAN_VERB_LIST(X)
#undef X
#undef R
    };
    size_t index;
    const json_t *held;
    json_array_foreach(
        json_object_get(caller, "roles"), index,
        held) for (size_t i = 0; i < CR_COUNT(roles);
                   i++) if (json_is_string(held) &&
                            strcmp(json_string_value(held), roles[i].name) == 0 &&
                            (permitted[PLAN_RECIPIENT_IMPORT] & roles[i].bit)) return true;
    return false;
}

/* Not one row of a stranger is parsed. */
static void
open_upload(request_t *self)
{
    if (self->route->body != ROUTE_BODY_CSV)
        return;
    plan_answer_t caller;
    cr_fault_t fault;
    ask(self, (plan_request_t){.verb = PLAN_WHOAMI, .timeout_ms = CALL_TIMEOUT_MS}, &caller);
    if (caller.err != CR_OK) {
        answer_plan(&self->answer, 0, &caller);
        self->bytes_left = DRAIN_BYTES_MAX;
    } else if (!may_import(caller.body)) {
        cr_fault_set(&fault, CR_DENIED, "your roles may not import recipients");
        refuse_by_error(self, &fault, NULL);
    } else if (!(self->upload = upload_new())) {
        cr_fault_set(&fault, CR_NOMEM, "out of memory");
        refuse_by_error(self, &fault, NULL);
    }
    plan_answer_fini(&caller);
}

static void
open_body(request_t *self)
{
    cr_str_init(&self->body, (size_t)self->config->body_bytes_max);
    if (!self->head.value[HEAD_KEY])
        return;
    crypto_generichash_init(&self->hash, NULL, 0, HASH_BYTES);
    const char *parts[] = {self->method, " ", self->target, "\n"};
    for (size_t i = 0; i < CR_COUNT(parts); i++)
        crypto_generichash_update(&self->hash, (const uint8_t *)parts[i], strlen(parts[i]));
}

static enum MHD_Result
on_field(void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
    (void)kind;
    head_note(context, name, value);
    return MHD_YES;
}

/* Whether to answer without reading the body: who waits for 100 Continue has not sent it, and one
 * that is too long, or whose end cannot be known, is not worth reading. */
static bool
answers_at_once(const request_t *self)
{
    return is_decided(self) &&
           (self->answer.closes || (self->head.value[HEAD_EXPECT] && head_has_body(&self->head)) ||
            head_body_length(&self->head) > DRAIN_BYTES_MAX);
}

enum MHD_Result
request_begin(request_t *self, struct MHD_Connection *connection, const char *method,
              plan_client_t *plan)
{
    static void (*const steps[])(request_t *) = {
        check_framing, find_route, check_state,    check_token, check_key,
        check_type,    check_size, read_arguments, open_upload, open_body,
    };
    self->began_us = cr_clock_mono_us();
    self->method = method;
    self->plan = plan;
    MHD_get_connection_values(connection, MHD_HEADER_KIND, on_field, &self->head);
    for (size_t i = 0; i < CR_COUNT(steps) && !is_decided(self); i++)
        steps[i](self);
    return answers_at_once(self) ? answer_send(&self->answer, connection) : MHD_YES;
}

bool
request_has_begun(const request_t *self)
{
    return self->began_us != 0;
}

/* -- the body ---------------------------------------------------------------------------------- */

static bool
is_too_slow(const request_t *self)
{
    int64_t permitted_s = BODY_GRACE_S + (int64_t)(self->body_bytes / BODY_BYTES_PER_S_MIN);
    return cr_clock_mono_us() - self->began_us > permitted_s * CR_US_PER_S;
}

static void
take_body(request_t *self, const void *bytes, size_t length)
{
    if (self->head.value[HEAD_KEY])
        crypto_generichash_update(&self->hash, bytes, length);
    if (self->upload)
        upload_feed(self->upload, bytes, length);
    else
        cr_str_append(&self->body, bytes, length);
}

enum MHD_Result
request_feed(request_t *self, const void *bytes, size_t length)
{
    self->body_bytes += length;
    if (is_too_slow(self))
        return MHD_NO;
    if (length > self->bytes_left && !is_decided(self)) {
        refuse_too_large(self, body_limit(self));
        return MHD_YES;
    }
    if (length > self->bytes_left)
        return MHD_NO;
    self->bytes_left -= length;
    if (!is_decided(self))
        take_body(self, bytes, length);
    return MHD_YES;
}

/* -- the answer -------------------------------------------------------------------------------- */

static void
ask_verb(request_t *self, intake_t *intake)
{
    plan_request_t request = {
        .verb = self->route->verb,
        .arguments = self->arguments,
        .intake = intake,
        .timeout_ms = intake ? IMPORT_TIMEOUT_MS : CALL_TIMEOUT_MS,
    };
    uint8_t digest[HASH_BYTES];
    char hash[HASH_BYTES * 2 + 1];
    if (self->head.value[HEAD_KEY] && strcmp(self->method, "POST") == 0) {
        crypto_generichash_final(&self->hash, digest, sizeof digest);
        request.idempotency_key = self->head.value[HEAD_KEY];
        request.body_hash = sodium_bin2hex(hash, sizeof hash, digest, sizeof digest);
    }
    self->arguments = NULL;
    plan_answer_t answer;
    ask(self, request, &answer);
    answer_plan(&self->answer, self->route->success, &answer);
    plan_answer_fini(&answer);
}

static void
answer_page(request_t *self)
{
    const pages_source_t source = {self->plan, self->state};
    pages_answer(self->route->page, &source, &self->answer);
}

static void
answer_json_request(request_t *self)
{
    char member[ROUTE_MEMBER_MAX] = "";
    cr_fault_t fault = {.code = CR_NOMEM};
    json_t *body = NULL;
    cr_err_t err = cr_str_err(&self->body);
    if (err == CR_OK)
        err = body_parse(cr_str_slice(&self->body), &body, member, &fault);
    if (err == CR_OK)
        err = body_merge(self->arguments, body, member, &fault);
    json_decref(body);
    if (err == CR_OK)
        ask_verb(self, NULL);
    else
        refuse_by_error(self, &fault, member);
}

/* A person reads the answer, or a mail provider that looks at its status alone. */
static void
answer_form(request_t *self)
{
    cr_fault_t fault;
    if (cr_str_err(&self->body) != CR_OK || !unsubscribe_is_asked(cr_str_slice(&self->body))) {
        cr_fault_set(&fault, CR_INVAL, "the body must be List-Unsubscribe=One-Click");
        refuse_by_error(self, &fault, NULL);
        return;
    }
    ask_verb(self, NULL);
    unsubscribe_say(&self->answer);
}

static void
answer_upload(request_t *self)
{
    cr_fault_t fault;
    if (upload_finish(self->upload, &fault) == CR_OK)
        ask_verb(self, upload_take(self->upload));
    else
        refuse(self, MHD_HTTP_UNPROCESSABLE_CONTENT, &fault, NULL);
}

enum MHD_Result
request_finish(request_t *self, struct MHD_Connection *connection)
{
    if (!is_decided(self)) {
        if (self->route->page != ROUTE_PLAN)
            answer_page(self);
        else if (self->upload)
            answer_upload(self);
        else if (self->route->body == ROUTE_BODY_FORM)
            answer_form(self);
        else
            answer_json_request(self);
    }
    return answer_send(&self->answer, connection);
}

void
request_account(const request_t *self)
{
    unsigned status = self->answer.status;
    if (status == 0)
        return;
    int64_t took_us = cr_clock_mono_us() - self->began_us;
    metrics_add(METRIC_HTTP_REQUESTS, 1);
    metrics_add(METRIC_HTTP_REFUSED, status >= 400 && status < 500);
    metrics_add(METRIC_HTTP_FAILED, status >= 500);
    metrics_add(METRIC_HTTP_MICROSECONDS, took_us);
    /* The route and not the target: ids of people are in targets. */
    cr_log(CR_LOG_DEBUG, "request", "method=%s route=%s status=%u bytes=%llu took_us=%lld",
           self->route ? self->route->method : "-", self->route ? self->route->pattern : "-",
           status, (unsigned long long)self->body_bytes, (long long)took_us);
}

#include "api.h"

#include <stdlib.h>
#include <string.h>

#include "cr_clock.h"
#include "cr_log.h"

enum { BODY_BYTES_MAX = 64 * 1024, URL_BYTES_MAX = 8 * 1024, NO_TOKEN_RETRY_MS = 1000 };
enum { LOG_EVERY_MS = 10 * 1000 };

struct api {
    api_config_t config;
    cr_http_t *http;
    token_t *token;
    cr_str_t url; /* kept between calls */
    api_call_t *calls, *free_calls, *waiting;
    uint64_t odd;
    cr_log_limit_t odd_limit;
};

api_call_t *
api_take(api_t *self)
{
    api_call_t *call = self->free_calls;
    if (!call)
        return NULL;
    self->free_calls = call->next;
    cr_str_clear(&call->body);
    call->next = NULL;
    call->repeated = false;
    return call;
}

void
api_give(api_call_t *call)
{
    call->next = call->api->free_calls;
    call->api->free_calls = call;
}

static void
note_odd(api_t *self, const answer_t *answer, const cr_http_answer_t *http)
{
    uint64_t suppressed;
    char error[160];
    self->odd++;
    if (cr_log_limit(&self->odd_limit, cr_clock_mono_us(), LOG_EVERY_MS, &suppressed))
        cr_log(CR_LOG_WARN, "answer_unusable",
               "what=%s status=%ld error=%s count=%llu suppressed=%llu", answer->odd, http->status,
               cr_log_value(cr_slice_of(http->error), error), (unsigned long long)self->odd,
               (unsigned long long)suppressed);
}

static void go_on(api_call_t *call);

static void
on_answer(void *context, const cr_http_answer_t *http)
{
    api_call_t *call = context;
    api_t *self = call->api;
    answer_t answer;
    answer_judge(&answer, self->config.codes, http);
    if (answer.odd)
        note_odd(self, &answer, http);
    if (answer.class == ANSWER_TOKEN)
        token_drop(self->token, call->generation);
    if (answer.class == ANSWER_TOKEN && !call->repeated) {
        call->repeated = true;
        go_on(call);
        return;
    }
    call->finish(self->config.owner, call, &answer, http->body);
}

static cr_err_t
post(api_call_t *call, const char *token)
{
    api_t *self = call->api;
    cr_str_clear(&self->url);
    cr_str_appendf(&self->url, "%s%s?access_token=%s", self->config.url, call->path, token);
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    CURL *request =
        headers && cr_str_err(&self->url) == CR_OK
            ? cr_http_request(self->http, cr_str_text(&self->url), self->config.token.timeout_ms)
            : NULL;
    if (!request) {
        curl_slist_free_all(headers);
        return CR_NOMEM;
    }
    curl_easy_setopt(request, CURLOPT_POSTFIELDSIZE, (long)call->body.length);
    curl_easy_setopt(request, CURLOPT_POSTFIELDS, cr_str_text(&call->body));
    if (*self->config.token.ca_file)
        curl_easy_setopt(request, CURLOPT_CAINFO, self->config.token.ca_file);
    curl_easy_setopt(request, CURLOPT_PIPEWAIT, 1L); /* a stream rather than a connection */
    return cr_http_submit(self->http, request, headers, on_answer, call);
}

/* Posted, or waiting for a token. */
static cr_err_t
go(api_call_t *call)
{
    api_t *self = call->api;
    const char *token = token_get(self->token, &call->generation);
    if (token)
        return post(call, token);
    call->next = self->waiting;
    self->waiting = call;
    return CR_OK;
}

static void
finish_as(api_call_t *call, answer_class_t class, uint32_t retry_after_ms)
{
    answer_t answer;
    answer_make(&answer, class, retry_after_ms);
    call->finish(call->api->config.owner, call, &answer, CR_SLICE(""));
}

/* `go` from the loop: there is no caller left to tell. */
static void
go_on(api_call_t *call)
{
    if (go(call) != CR_OK)
        finish_as(call, ANSWER_RETRY, 0);
}

static void
on_token(void *context, cr_err_t err)
{
    api_t *self = context;
    api_call_t *call = self->waiting;
    self->waiting = NULL;
    for (api_call_t *next; call; call = next) {
        next = call->next;
        if (err == CR_OK)
            go_on(call);
        else
            finish_as(call, err == CR_DENIED ? ANSWER_STOP : ANSWER_RETRY, NO_TOKEN_RETRY_MS);
    }
}

cr_err_t
api_send(api_call_t *call, const char *path, api_finish_fn *finish)
{
    call->path = path;
    call->finish = finish;
    cr_err_t err = go(call);
    if (err != CR_OK)
        api_give(call);
    return err;
}

static cr_err_t
make_calls(api_t *self)
{
    self->calls = calloc(self->config.calls, sizeof *self->calls);
    if (!self->calls)
        return CR_NOMEM;
    for (uint32_t i = 0; i < self->config.calls; i++) {
        self->calls[i].api = self;
        cr_str_init(&self->calls[i].body, BODY_BYTES_MAX);
        api_give(&self->calls[i]);
    }
    return CR_OK;
}

api_t *
api_new(const api_config_t *config)
{
    api_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->config = *config;
    cr_str_init(&self->url, URL_BYTES_MAX);
    /* One connection more than there are calls: the token's must not wait for a message. */
    self->http = cr_http_new(config->loop, (size_t)config->calls + 1);
    if (self->http)
        self->token = token_new(config->loop, self->http, &self->config.token, on_token, self);
    if (!self->token || make_calls(self) != CR_OK)
        api_destroy(&self);
    return self;
}

void
api_destroy(api_t **self_p)
{
    api_t *self = *self_p;
    if (!self)
        return;
    cr_http_destroy(&self->http);
    token_destroy(&self->token);
    cr_str_fini(&self->url);
    for (uint32_t i = 0; self->calls && i < self->config.calls; i++)
        cr_str_fini(&self->calls[i].body);
    free(self->calls);
    free(self);
    *self_p = NULL;
}

#include "token.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "cr_clock.h"
#include "cr_log.h"

enum { TOKEN_BYTES_MAX = 2048, REFRESH_EARLY_S = 300, RETRY_MS = 1000 };
enum { OVER_LIMIT = 45009, TOO_OFTEN = 45011 };

struct token {
    zloop_t *loop;
    cr_http_t *http;
    const token_config_t *config;
    token_on_token_fn *on_token;
    void *context;
    char *text; /* NULL: none */
    uint64_t generation;
    bool fetching;
    int64_t not_before_us; /* after a failure */
    int timer;             /* of the refresh, -1: none */
};

static void fetch(token_t *self);

/* Only what may stand in a URL as it is. */
static bool
is_plain(const char *text)
{
    size_t length = strlen(text);
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                  "-_.~!";
    return length > 0 && length <= TOKEN_BYTES_MAX && strspn(text, allowed) == length;
}

static int
on_timer(zloop_t *loop, int timer, void *context)
{
    (void)loop;
    (void)timer;
    token_t *self = context;
    self->timer = -1;
    fetch(self);
    return 0;
}

static void
arm(token_t *self, size_t after_ms)
{
    if (self->timer != -1)
        zloop_timer_end(self->loop, self->timer);
    self->timer = zloop_timer(self->loop, after_ms, 1, on_timer, self);
}

/* The old token works for five minutes beside the new one. */
static size_t
refresh_after_ms(json_int_t expires_s)
{
    json_int_t early_s = expires_s > 2 * REFRESH_EARLY_S ? REFRESH_EARLY_S : expires_s / 2;
    json_int_t after_s = expires_s - early_s;
    return (size_t)(after_s < 1 ? 1 : after_s > 86400 ? 86400 : after_s) * 1000;
}

static cr_err_t
take(token_t *self, const json_t *body)
{
    const char *text = json_string_value(json_object_get(body, "access_token"));
    const json_t *expires = json_object_get(body, "expires_in");
    if (!text || !is_plain(text) || !json_is_integer(expires)) {
        json_int_t code = json_integer_value(json_object_get(body, "errcode"));
        cr_log(CR_LOG_ERR, "token_refused", "errcode=%" JSON_INTEGER_FORMAT, code);
        return code > 0 && code != OVER_LIMIT && code != TOO_OFTEN ? CR_DENIED : CR_AGAIN;
    }
    char *copy = strdup(text);
    if (!copy)
        return CR_AGAIN;
    free(self->text);
    self->text = copy;
    self->generation++;
    arm(self, refresh_after_ms(json_integer_value(expires)));
    return CR_OK;
}

static void
fetch_failed(token_t *self)
{
    self->not_before_us = cr_clock_mono_us() + RETRY_MS * CR_US_PER_MS;
    if (self->text)
        arm(self, RETRY_MS);
}

static void
on_answer(void *context, const cr_http_answer_t *answer)
{
    token_t *self = context;
    self->fetching = false;
    cr_err_t err = CR_AGAIN;
    if (answer->answered) {
        json_t *body = json_loadb(answer->body.text, answer->body.length, 0, NULL);
        err = take(self, body);
        json_decref(body);
    } else {
        cr_log(CR_LOG_WARN, "token_unreachable", "reason=\"%s\"", answer->error);
    }
    if (err != CR_OK)
        fetch_failed(self);
    self->on_token(self->context, err);
}

/* NULL: memory. */
static CURL *
make_request(const token_t *self)
{
    CURL *request = cr_http_request(self->http, self->config->url, self->config->timeout_ms);
    if (request && *self->config->ca_file)
        curl_easy_setopt(request, CURLOPT_CAINFO, self->config->ca_file);
    if (request && self->config->body) {
        curl_easy_setopt(request, CURLOPT_POSTFIELDS, self->config->body);
        curl_easy_setopt(request, CURLOPT_POSTFIELDSIZE, (long)strlen(self->config->body));
    }
    return request;
}

static int
on_no_memory(zloop_t *loop, int timer, void *context)
{
    (void)loop;
    (void)timer;
    token_t *self = context;
    self->timer = -1;
    self->fetching = false;
    fetch_failed(self);
    self->on_token(self->context, CR_AGAIN);
    return 0;
}

static void
fetch(token_t *self)
{
    if (self->fetching)
        return;
    self->fetching = true;
    CURL *request = make_request(self);
    struct curl_slist *headers =
        request ? curl_slist_append(NULL, "Content-Type: application/json") : NULL;
    if (request && cr_http_submit(self->http, request, headers, on_answer, self) == CR_OK)
        return;
    if (self->timer != -1)
        zloop_timer_end(self->loop, self->timer);
    self->timer = zloop_timer(self->loop, RETRY_MS, 1, on_no_memory, self);
}

token_t *
token_new(zloop_t *loop, cr_http_t *http, const token_config_t *config, token_on_token_fn *on_token,
          void *context)
{
    token_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    *self = (token_t){.loop = loop, .http = http, .config = config, .timer = -1};
    self->on_token = on_token;
    self->context = context;
    return self;
}

void
token_destroy(token_t **self_p)
{
    token_t *self = *self_p;
    if (!self)
        return;
    if (self->timer != -1)
        zloop_timer_end(self->loop, self->timer);
    free(self->text);
    free(self);
    *self_p = NULL;
}

const char *
token_get(token_t *self, uint64_t *generation)
{
    *generation = self->generation;
    if (self->text)
        return self->text;
    int64_t now_us = cr_clock_mono_us();
    if (now_us >= self->not_before_us)
        fetch(self);
    else if (!self->fetching && self->timer == -1) /* soon, and not for every message at once */
        arm(self, (size_t)((self->not_before_us - now_us) / CR_US_PER_MS) + 1);
    return NULL;
}

void
token_drop(token_t *self, uint64_t generation)
{
    if (generation != self->generation)
        return;
    free(self->text);
    self->text = NULL;
    if (self->timer != -1)
        zloop_timer_end(self->loop, self->timer);
    self->timer = -1;
}

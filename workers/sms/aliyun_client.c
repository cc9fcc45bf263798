#include "aliyun_client.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "acs.h"
#include "cr_clock.h"
#include "cr_keys.h"

#define CONTENT_TYPE "application/x-www-form-urlencoded"

enum { FORM_BYTES_MAX = 64 * 1024, HEADER_BYTES_MAX = 1024, DATE_BYTES = 32, NONCE_BYTES = 16 };

/* ---- calls ---------------------------------------------------------------------------------- */

static const char *
date_text(char out[DATE_BYTES])
{
    time_t now = (time_t)(cr_clock_wall_us() / CR_US_PER_S);
    struct tm utc;
    gmtime_r(&now, &utc);
    strftime(out, DATE_BYTES, "%Y-%m-%dT%H:%M:%SZ", &utc);
    return out;
}

static const char *
nonce_text(char out[2 * NONCE_BYTES + 1])
{
    uint8_t random[NONCE_BYTES];
    randombytes_buf(random, sizeof random);
    return sodium_bin2hex(out, 2 * NONCE_BYTES + 1, random, sizeof random);
}

/* Adds "NAME: value"; false and an empty list when memory is short. */
static bool
add_header(aliyun_client_t *self, struct curl_slist **headers, const char *name, const char *value)
{
    cr_str_clear(&self->header);
    cr_str_appendf(&self->header, "%s: %s", name, value);
    struct curl_slist *longer = cr_str_err(&self->header) == CR_OK
                                    ? curl_slist_append(*headers, cr_str_text(&self->header))
                                    : NULL;
    if (longer)
        *headers = longer;
    return longer != NULL;
}

/* NULL: memory. */
static struct curl_slist *
signed_headers(aliyun_client_t *self, const char *action)
{
    char hash[ACS_HASH_TEXT_MAX], date[DATE_BYTES], nonce[2 * NONCE_BYTES + 1];
    const acs_request_t request = {
        .method = "POST",
        .path = self->path,
        .query = "",
        .host = self->host,
        .content_type = CONTENT_TYPE,
        .action = action,
        .version = "2017-05-25",
        .date = date_text(date),
        .nonce = nonce_text(nonce),
        .content_hash = acs_hash(cr_str_slice(&self->form), hash),
    };
    cr_str_t proof;
    cr_str_init(&proof, HEADER_BYTES_MAX);
    acs_authorize(&request, self->config->key_id, self->secret, &proof);
    struct curl_slist *headers = NULL;
    bool whole = cr_str_err(&proof) == CR_OK &&
                 add_header(self, &headers, "content-type", CONTENT_TYPE) &&
                 add_header(self, &headers, "host", request.host) &&
                 add_header(self, &headers, "x-acs-action", request.action) &&
                 add_header(self, &headers, "x-acs-version", request.version) &&
                 add_header(self, &headers, "x-acs-date", request.date) &&
                 add_header(self, &headers, "x-acs-signature-nonce", request.nonce) &&
                 add_header(self, &headers, "x-acs-content-sha256", request.content_hash) &&
                 add_header(self, &headers, "authorization", cr_str_text(&proof));
    cr_str_fini(&proof);
    if (whole)
        return headers;
    curl_slist_free_all(headers);
    return NULL;
}

cr_err_t
aliyun_client_call(aliyun_client_t *self, const char *action, cr_http_done_fn *done, void *context)
{
    struct curl_slist *headers = signed_headers(self, action);
    CURL *request = headers ? cr_http_request(self->http, self->config->runtime.url,
                                              (long)self->config->runtime.timeout_ms)
                            : NULL;
    if (!request) {
        curl_slist_free_all(headers);
        return CR_NOMEM;
    }
    curl_easy_setopt(request, CURLOPT_POSTFIELDSIZE, (long)self->form.length);
    curl_easy_setopt(request, CURLOPT_COPYPOSTFIELDS, cr_str_text(&self->form));
    return cr_http_submit(self->http, request, headers, done, context);
}

/* ---- pushes --------------------------------------------------------------------------------- */

bool
aliyun_client_admits(const aliyun_client_t *self, const push_t *push, push_reply_t *reply)
{
    static const push_reply_t unknown = {404, "text/plain", "not found\n"};
    static const push_reply_t denied = {403, "text/plain", "wrong token\n"};
    const char *token = push_query(push, "token"), *path = push_path(push);
    bool known = strcmp(path, "/receipts") == 0 || strcmp(path, "/replies") == 0;
    *reply = unknown;
    if (!known || strcmp(push_method(push), "POST") != 0)
        return false;
    *reply = denied;
    return strlen(token) == strlen(self->token) &&
           sodium_memcmp(token, self->token, strlen(token)) == 0;
}

push_reply_t
aliyun_client_reply(cr_err_t err)
{
    static const push_reply_t taken = {200, "application/json",
                                       "{\"code\":0,\"msg\":\"\xe6\x88\x90\xe5\x8a\x9f\"}"};
    static const push_reply_t broken = {400, "text/plain", "not a list of reports\n"};
    static const push_reply_t busy = {503, "text/plain", "later\n"};
    if (err == CR_OK)
        return taken;
    return err == CR_INVAL ? broken : busy;
}

/* ---- open and close ------------------------------------------------------------------------- */

/* What libcurl will send as Host, and the path: both are signed. */
static bool
read_url(aliyun_client_t *self)
{
    CURLU *url = curl_url();
    char *host = NULL, *port = NULL, *path = NULL, *query = NULL;
    bool sound = url &&
                 curl_url_set(url, CURLUPART_URL, self->config->runtime.url, 0) == CURLUE_OK &&
                 curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
                 curl_url_get(url, CURLUPART_PATH, &path, 0) == CURLUE_OK &&
                 curl_url_get(url, CURLUPART_QUERY, &query, 0) != CURLUE_OK;
    curl_url_get(url, CURLUPART_PORT, &port, CURLU_NO_DEFAULT_PORT);
    if (sound && asprintf(&self->host, "%s%s%s", host, port ? ":" : "", port ? port : "") < 0)
        self->host = NULL;
    self->path = sound ? strdup(path) : NULL;
    curl_free(host);
    curl_free(port);
    curl_free(path);
    curl_free(query);
    curl_url_cleanup(url);
    return self->host && self->path;
}

cr_err_t
aliyun_client_open(aliyun_client_t *self, const gateway_port_t *port, size_t calls,
                   cr_fault_t *fault)
{
    *self = (aliyun_client_t){.config = port->config};
    cr_str_init(&self->form, FORM_BYTES_MAX);
    cr_str_init(&self->header, HEADER_BYTES_MAX);
    if (sodium_init() < 0)
        return cr_fault_set(fault, CR_IO, "no randomness");
    if (!read_url(self))
        return cr_fault_set(fault, CR_INVAL, "gateway.url: \"%s\" is not http(s)://HOST/PATH",
                            self->config->runtime.url);
    cr_err_t err = sms_config_need(self->config->key_id, "gateway.access_key_id", fault);
    if (err == CR_OK)
        err = cr_keys_load_line(self->config->key_secret_file, &self->secret, fault);
    if (err == CR_OK)
        err = cr_keys_load_line(self->config->listen.token_file, &self->token, fault);
    if (err != CR_OK)
        return err;
    self->http = cr_http_new(port->loop, calls);
    return self->http ? CR_OK : cr_fault_set(fault, CR_NOMEM, "out of memory");
}

void
aliyun_client_close(aliyun_client_t *self)
{
    cr_http_destroy(&self->http);
    free(self->host);
    free(self->path);
    if (self->secret)
        sodium_memzero(self->secret, strlen(self->secret));
    free(self->secret);
    free(self->token);
    cr_str_fini(&self->form);
    cr_str_fini(&self->header);
}

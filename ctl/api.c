#include "api.h"

#include <curl/curl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "cr_keys.h"
#include "cr_str.h"
#include "words.h"

enum {
    ANSWER_BYTES_MAX = 64 << 20,
    PATH_BYTES_MAX = 64 << 10,
    CONNECT_TIMEOUT_MS = 5000,
    ANSWER_TIMEOUT_MS = 60 * 1000,
    FILE_TIMEOUT_MS = 60 * 60 * 1000,
    KEY_BYTES = 16,
};

struct api {
    const char *url, *token_file;
    cr_fault_t *fault;
    CURL *curl;
    char *token;
    cr_str_t path;
    json_t *problem;
    char curl_error[CURL_ERROR_SIZE];
};

typedef struct {
    const char *method, *path, *content_type;
    const char *body; /* NULL: none, or the file */
    FILE *file;       /* to send, or NULL */
    FILE *sink;       /* where a good answer goes, or NULL */
    api_progress_fn *progress;
} request_t;

/* One exchange as libcurl's callbacks see it. */
typedef struct {
    api_t *api;
    const request_t *request;
    int64_t file_bytes;
    bool sink_failed;
    cr_str_t text;
    long status;
} exchange_t;

api_t *
api_new(const char *url, const char *token_file, cr_fault_t *fault)
{
    api_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    *self = (api_t){.url = url, .token_file = token_file, .fault = fault};
    cr_str_init(&self->path, PATH_BYTES_MAX);
    self->curl = curl_easy_init();
    if (!self->curl)
        api_destroy(&self);
    return self;
}

void
api_destroy(api_t **self_p)
{
    api_t *self = *self_p;
    if (!self)
        return;
    curl_easy_cleanup(self->curl);
    cr_str_fini(&self->path);
    free(self->token);
    json_decref(self->problem);
    free(self);
    *self_p = NULL;
}

const json_t *
api_problem(const api_t *self)
{
    return self->problem;
}

const char *
api_path(api_t *self, const char *literal, ...)
{
    cr_str_clear(&self->path);
    va_list parts;
    va_start(parts, literal);
    bool escape = false;
    for (const char *part = literal; part; part = va_arg(parts, const char *), escape = !escape) {
        char *escaped = escape ? curl_easy_escape(self->curl, part, (int)strlen(part)) : NULL;
        cr_str_append_text(&self->path, escape ? (escaped ? escaped : "") : part);
        curl_free(escaped);
    }
    va_end(parts);
    return cr_str_text(&self->path);
}

static size_t
on_body(char *bytes, size_t size, size_t count, void *context)
{
    exchange_t *exchange = context;
    size_t length = size * count;
    long status = 0;
    curl_easy_getinfo(exchange->api->curl, CURLINFO_RESPONSE_CODE, &status);
    if (exchange->request->sink && status < 300) {
        exchange->sink_failed = fwrite(bytes, 1, length, exchange->request->sink) != length;
        return exchange->sink_failed ? 0 : length;
    }
    cr_str_append(&exchange->text, bytes, length);
    return cr_str_err(&exchange->text) == CR_OK ? length : 0;
}

static size_t
on_upload(char *bytes, size_t size, size_t count, void *context)
{
    FILE *file = ((exchange_t *)context)->request->file;
    size_t length = fread(bytes, 1, size * count, file);
    return ferror(file) ? CURL_READFUNC_ABORT : length;
}

static int
on_progress(void *context, curl_off_t down_all, curl_off_t down, curl_off_t up_all, curl_off_t up)
{
    (void)down_all;
    (void)down;
    (void)up_all;
    const exchange_t *exchange = context;
    exchange->request->progress(up, exchange->file_bytes);
    return 0;
}

/* A header line; the list is unchanged, and `failed` set, when memory is short. */
static void
header_add(struct curl_slist **headers, bool *failed, const char *name, const char *value)
{
    cr_str_t line;
    cr_str_init(&line, 8192);
    cr_str_appendf(&line, "%s: %s", name, value);
    struct curl_slist *longer =
        cr_str_err(&line) == CR_OK ? curl_slist_append(*headers, cr_str_text(&line)) : NULL;
    cr_str_fini(&line);
    *failed = *failed || !longer;
    *headers = longer ? longer : *headers;
}

static void
random_key(char text[2 * KEY_BYTES + 1])
{
    unsigned char bytes[KEY_BYTES];
    CR_ASSERT(getrandom(bytes, sizeof bytes, 0) == (ssize_t)sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(text + 2 * i, 3, "%02x", bytes[i]);
}

static struct curl_slist *
headers_of(const api_t *self, const request_t *request)
{
    struct curl_slist *headers = NULL;
    bool failed = false;
    header_add(&headers, &failed, "Accept", "application/json, text/csv");
    if (request->content_type)
        header_add(&headers, &failed, "Content-Type", request->content_type);
    if (self->token) {
        cr_str_t bearer;
        cr_str_init(&bearer, 8192);
        cr_str_appendf(&bearer, "Bearer %s", self->token);
        header_add(&headers, &failed, "Authorization", cr_str_text(&bearer));
        cr_str_fini(&bearer);
    }
    if (strcmp(request->method, "POST") == 0) {
        char key[2 * KEY_BYTES + 1];
        random_key(key);
        header_add(&headers, &failed, "Idempotency-Key", key);
    }
    if (failed) {
        curl_slist_free_all(headers);
        return NULL;
    }
    return headers;
}

static int64_t
regular_bytes(FILE *file)
{
    struct stat seen;
    return fstat(fileno(file), &seen) == 0 && S_ISREG(seen.st_mode) ? (int64_t)seen.st_size : -1;
}

static void
prepare_body(CURL *curl, const request_t *request, exchange_t *exchange)
{
    if (request->file) {
        exchange->file_bytes = regular_bytes(request->file);
        curl_easy_setopt(curl, CURLOPT_POST, 1L);
        curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_upload);
        curl_easy_setopt(curl, CURLOPT_READDATA, exchange);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)exchange->file_bytes);
    } else if (request->body) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(request->body));
    }
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
    if (request->progress) {
        curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
        curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
        curl_easy_setopt(curl, CURLOPT_XFERINFODATA, exchange);
    }
}

static void
prepare(api_t *self, const request_t *request, exchange_t *exchange)
{
    CURL *curl = self->curl;
    bool moves_file = request->file || request->sink;
    self->curl_error[0] = '\0';
    curl_easy_reset(curl);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS,
                     (long)(moves_file ? FILE_TIMEOUT_MS : ANSWER_TIMEOUT_MS));
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, self->curl_error);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, exchange);
    prepare_body(curl, request, exchange);
}

static cr_err_t
refuse(api_t *self, cr_err_t err, word_t id, const char *text)
{
    return words_refuse(self->fault, err, id, text, self->url, NULL);
}

/* The request may have been carried out, but no whole answer came. */
static bool
is_lost(CURLcode result)
{
    return result == CURLE_GOT_NOTHING || result == CURLE_RECV_ERROR ||
           result == CURLE_SEND_ERROR || result == CURLE_PARTIAL_FILE;
}

static CURLcode
perform(api_t *self, const request_t *request, exchange_t *exchange)
{
    CURLcode result = curl_easy_perform(self->curl);
    bool again = is_lost(result) && !request->sink;
    if (again && request->file)
        again = fseeko(request->file, 0, SEEK_SET) == 0;
    if (!again)
        return result;
    cr_str_clear(&exchange->text);
    return curl_easy_perform(self->curl);
}

static cr_err_t
judge_transfer(api_t *self, const exchange_t *exchange, CURLcode result)
{
    const char *why = self->curl_error[0] ? self->curl_error : curl_easy_strerror(result);
    if (result == CURLE_OK)
        return CR_OK;
    if (exchange->sink_failed)
        return refuse(self, CR_IO, W_WRITE_FAILED, "");
    if (result == CURLE_ABORTED_BY_CALLBACK)
        return refuse(self, CR_IO, W_READ_FAILED, "");
    if (result == CURLE_URL_MALFORMAT || result == CURLE_UNSUPPORTED_PROTOCOL)
        return refuse(self, CR_INVAL, W_URL_BAD, why);
    if (cr_str_err(&exchange->text) != CR_OK)
        return refuse(self, CR_TOOBIG, W_ANSWER_TOO_LARGE, "");
    return refuse(self, result == CURLE_OPERATION_TIMEDOUT ? CR_TIMEOUT : CR_CLOSED, W_UNREACHABLE,
                  why);
}

/* What a status means to the commands; the first line that fits counts. */
static const struct {
    long from, to;
    cr_err_t err;
    word_t sentence;
} meanings[] = {
    {401, 401, CR_DENIED, W_PROBLEM_401},   {403, 403, CR_DENIED, W_PROBLEM_403},
    {404, 404, CR_NOTFOUND, W_PROBLEM_404}, {409, 409, CR_CONFLICT, W_PROBLEM_409},
    {429, 429, CR_AGAIN, W_PROBLEM_503},    {503, 503, CR_AGAIN, W_PROBLEM_503},
    {400, 499, CR_INVAL, W_PROBLEM_400},    {0, 999, CR_CORRUPT, W_PROBLEM_500},
};

static const char *
problem_text(const json_t *problem, const char *name)
{
    const char *text = json_string_value(json_object_get(problem, name));
    return text ? text : "";
}

/* The problem's detail, with the member and the suggestion where the detail does not say them. */
static void
describe(const json_t *problem, long status, cr_str_t *text)
{
    const char *detail = problem_text(problem, "detail");
    const char *member = problem_text(problem, "member");
    const char *suggestion = problem_text(problem, "suggestion");
    cr_str_append_text(text, detail[0] ? detail : problem_text(problem, "title"));
    if (text->length == 0)
        cr_str_appendf(text, "HTTP %ld", status);
    if (member[0] && !strstr(detail, member))
        cr_str_appendf(text, " (%s)", member);
    if (suggestion[0] && !strstr(detail, suggestion))
        words_fill(text, W_DID_YOU_MEAN, suggestion, NULL);
}

static cr_err_t
judge_status(api_t *self, exchange_t *exchange)
{
    if (exchange->status >= 200 && exchange->status < 300)
        return CR_OK;
    json_t *problem = json_loadb(cr_str_text(&exchange->text), exchange->text.length, 0, NULL);
    cr_str_t text;
    cr_str_init(&text, 4096);
    describe(problem, exchange->status, &text);
    size_t i = 0;
    while (exchange->status < meanings[i].from || exchange->status > meanings[i].to)
        i++;
    cr_err_t err = refuse(self, meanings[i].err, meanings[i].sentence, cr_str_text(&text));
    self->fault->line = (size_t)json_integer_value(json_object_get(problem, "line"));
    self->fault->column = (size_t)json_integer_value(json_object_get(problem, "column"));
    cr_str_fini(&text);
    json_decref(self->problem);
    self->problem = problem;
    return err;
}

/* One request and its answer's text. */
static cr_err_t
exchange_run(api_t *self, const request_t *request, exchange_t *exchange)
{
    cr_str_t url;
    cr_str_init(&url, PATH_BYTES_MAX);
    size_t length = strlen(self->url);
    while (length > 0 && self->url[length - 1] == '/')
        length--;
    cr_str_append(&url, self->url, length);
    cr_str_append_text(&url, request->path);
    struct curl_slist *headers = headers_of(self, request);
    cr_err_t err = headers ? cr_str_err(&url) : CR_NOMEM;
    if (err == CR_OK) {
        prepare(self, request, exchange);
        curl_easy_setopt(self->curl, CURLOPT_URL, cr_str_text(&url));
        curl_easy_setopt(self->curl, CURLOPT_HTTPHEADER, headers);
        CURLcode result = perform(self, request, exchange);
        curl_easy_getinfo(self->curl, CURLINFO_RESPONSE_CODE, &exchange->status);
        err = judge_transfer(self, exchange, result);
    } else {
        cr_fault_set(self->fault, err, "%s", cr_err_text(err));
    }
    curl_slist_free_all(headers);
    cr_str_fini(&url);
    return err == CR_OK ? judge_status(self, exchange) : err;
}

static cr_err_t
read_answer(api_t *self, const exchange_t *exchange, json_t **answer)
{
    if (!answer)
        return CR_OK;
    json_t *read = json_loadb(cr_str_text(&exchange->text), exchange->text.length,
                              JSON_REJECT_DUPLICATES, NULL);
    if (!read)
        return refuse(self, CR_CORRUPT, W_ANSWER_NOT_JSON, "");
    *answer = read;
    return CR_OK;
}

static cr_err_t
call(api_t *self, const request_t *request, json_t **answer)
{
    if (self->token_file && !self->token) {
        cr_err_t err = cr_keys_load_line(self->token_file, &self->token, self->fault);
        if (err != CR_OK)
            return err;
    }
    exchange_t exchange = {.api = self, .request = request};
    cr_str_init(&exchange.text, ANSWER_BYTES_MAX);
    cr_err_t err = exchange_run(self, request, &exchange);
    if (err == CR_OK)
        err = read_answer(self, &exchange, answer);
    cr_str_fini(&exchange.text);
    return err;
}

static cr_err_t
call_with_body(api_t *self, const char *method, const char *path, json_t *body, json_t **answer)
{
    char *text = json_dumps(body, JSON_COMPACT);
    json_decref(body);
    if (!text)
        return refuse(self, CR_NOMEM, W_NO_MEMORY, "");
    cr_err_t err =
        call(self,
             &(request_t){
                 .method = method, .path = path, .content_type = "application/json", .body = text},
             answer);
    free(text);
    return err;
}

cr_err_t
api_get(api_t *self, const char *path, json_t **answer)
{
    return call(self, &(request_t){.method = "GET", .path = path}, answer);
}

cr_err_t
api_post(api_t *self, const char *path, json_t *body, json_t **answer)
{
    return call_with_body(self, "POST", path, body, answer);
}

cr_err_t
api_patch(api_t *self, const char *path, json_t *body, json_t **answer)
{
    return call_with_body(self, "PATCH", path, body, answer);
}

cr_err_t
api_put(api_t *self, const char *path, json_t *body, json_t **answer)
{
    return call_with_body(self, "PUT", path, body, answer);
}

cr_err_t
api_delete(api_t *self, const char *path)
{
    return call(self, &(request_t){.method = "DELETE", .path = path}, NULL);
}

cr_err_t
api_upload(api_t *self, const char *path, FILE *file, api_progress_fn *progress, json_t **answer)
{
    return call(self,
                &(request_t){.method = "POST",
                             .path = path,
                             .content_type = "text/csv",
                             .file = file,
                             .progress = progress},
                answer);
}

cr_err_t
api_download(api_t *self, const char *path, FILE *file)
{
    return call(self, &(request_t){.method = "GET", .path = path, .sink = file}, NULL);
}

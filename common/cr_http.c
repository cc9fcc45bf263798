#include "cr_http.h"

#include <stdlib.h>
#include <string.h>

#include "cr_clock.h"

enum { ANSWER_BYTES_MAX = 1 << 20, CONNECT_TIMEOUT_MS = 5000 };

struct cr_http {
    zloop_t *loop;
    CURLM *multi;
    int timer;      /* of the loop, -1: none */
    int64_t due_us; /* when libcurl wants to be called, monotonic; INT64_MAX: not */
    int64_t timer_us;
    size_t running, spare_count, spare_most;
    CURL *first;  /* running requests, linked through their calls */
    CURL *spares; /* handles to be used again, linked likewise */
};

/* What a request carries besides its handle (CURLOPT_PRIVATE). */
typedef struct {
    CURL *previous, *next;
    struct curl_slist *headers;
    cr_http_done_fn *done;
    void *context;
    cr_str_t body;
    char error[CURL_ERROR_SIZE];
} call_t;

static size_t
on_body(char *bytes, size_t size, size_t count, void *context)
{
    call_t *call = context;
    cr_str_append(&call->body, bytes, size * count);
    return cr_str_err(&call->body) == CR_OK ? size * count : 0;
}

static call_t *
call_of(CURL *request)
{
    char *call = NULL;
    curl_easy_getinfo(request, CURLINFO_PRIVATE, &call);
    return (call_t *)(void *)call;
}

static void
call_link(cr_http_t *self, CURL *request)
{
    call_t *call = call_of(request);
    call->next = self->first;
    if (self->first)
        call_of(self->first)->previous = request;
    self->first = request;
    self->running++;
}

static void
call_unlink(cr_http_t *self, CURL *request)
{
    call_t *call = call_of(request);
    if (call->previous)
        call_of(call->previous)->next = call->next;
    else
        self->first = call->next;
    if (call->next)
        call_of(call->next)->previous = call->previous;
    curl_multi_remove_handle(self->multi, request);
    self->running--;
}

static void
call_free(CURL *request)
{
    call_t *call = call_of(request);
    curl_easy_cleanup(request);
    curl_slist_free_all(call->headers);
    cr_str_fini(&call->body);
    free(call);
}

/* A handle is dear to make: it is kept for another request. */
static void
call_give(cr_http_t *self, CURL *request)
{
    call_t *call = call_of(request);
    if (self->spare_count == self->spare_most) {
        call_free(request);
        return;
    }
    curl_easy_reset(request);
    curl_easy_setopt(request, CURLOPT_PRIVATE, call);
    curl_slist_free_all(call->headers);
    cr_str_fini(&call->body); /* it may be large */
    *call = (call_t){.next = self->spares};
    cr_str_init(&call->body, ANSWER_BYTES_MAX);
    self->spares = request;
    self->spare_count++;
}

/* NULL: memory. */
static CURL *
call_take(cr_http_t *self)
{
    CURL *request = self->spares;
    if (request) {
        call_t *call = call_of(request);
        self->spares = call->next;
        self->spare_count--;
        call->next = NULL;
        return request;
    }
    request = curl_easy_init();
    call_t *call = calloc(1, sizeof *call);
    if (!request || !call) {
        curl_easy_cleanup(request);
        free(call);
        return NULL;
    }
    cr_str_init(&call->body, ANSWER_BYTES_MAX);
    curl_easy_setopt(request, CURLOPT_PRIVATE, call);
    return request;
}

/* Whether the gateway may have taken the submit although no whole answer came. */
static bool
may_have_arrived(CURL *request, CURLcode result)
{
    curl_off_t uploaded = 0;
    long request_bytes = 0, code = 0;
    curl_easy_getinfo(request, CURLINFO_SIZE_UPLOAD_T, &uploaded);
    curl_easy_getinfo(request, CURLINFO_REQUEST_SIZE, &request_bytes);
    curl_easy_getinfo(request, CURLINFO_RESPONSE_CODE, &code);
    if (result == CURLE_COULDNT_CONNECT || result == CURLE_COULDNT_RESOLVE_HOST ||
        result == CURLE_SSL_CONNECT_ERROR || result == CURLE_PEER_FAILED_VERIFICATION)
        return false;
    return uploaded > 0 || request_bytes > 0;
}

static void
finish(cr_http_t *self, CURL *request, CURLcode result)
{
    call_t *call = call_of(request);
    cr_http_answer_t answer = {.body = cr_str_slice(&call->body), .error = ""};
    curl_off_t elapsed_us = 0, retry_after_s = 0;
    curl_easy_getinfo(request, CURLINFO_RESPONSE_CODE, &answer.status);
    curl_easy_getinfo(request, CURLINFO_TOTAL_TIME_T, &elapsed_us);
    curl_easy_getinfo(request, CURLINFO_RETRY_AFTER, &retry_after_s);
    answer.answered = result == CURLE_OK;
    answer.sent = answer.answered || may_have_arrived(request, result);
    answer.elapsed_us = elapsed_us;
    answer.retry_after_ms = retry_after_s * 1000;
    if (!answer.answered)
        answer.error = call->error[0] ? call->error : curl_easy_strerror(result);
    call_unlink(self, request);
    call->done(call->context, &answer);
    call_give(self, request);
}

static void
collect(cr_http_t *self)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(self->multi, &left)) != NULL)
        if (message->msg == CURLMSG_DONE)
            finish(self, message->easy_handle, message->data.result);
}

static void
advance(cr_http_t *self, curl_socket_t socket, int events)
{
    int running;
    curl_multi_socket_action(self->multi, socket, events, &running);
    collect(self);
}

static int
on_socket(zloop_t *loop, zmq_pollitem_t *item, void *context)
{
    (void)loop;
    int events = ((item->revents & ZMQ_POLLIN) ? CURL_CSELECT_IN : 0) |
                 ((item->revents & ZMQ_POLLOUT) ? CURL_CSELECT_OUT : 0) |
                 ((item->revents & ZMQ_POLLERR) ? CURL_CSELECT_ERR : 0);
    advance(context, item->fd, events);
    return 0;
}

static void arm(cr_http_t *self);

static int
on_timer(zloop_t *loop, int timer, void *context)
{
    (void)loop;
    (void)timer;
    cr_http_t *self = context;
    self->timer = -1;
    if (self->due_us <= cr_clock_mono_us()) {
        self->due_us = INT64_MAX;
        advance(self, CURL_SOCKET_TIMEOUT, 0);
    }
    arm(self);
    return 0;
}

/* libcurl changes its mind with every request, and each timer that is ended costs the loop a walk over
 * all of them: one that fires too early is left to do so. */
static void
arm(cr_http_t *self)
{
    if (self->due_us == INT64_MAX || (self->timer != -1 && self->timer_us <= self->due_us))
        return;
    if (self->timer != -1)
        zloop_timer_end(self->loop, self->timer);
    int64_t wait_us = self->due_us - cr_clock_mono_us();
    int64_t wait_ms = wait_us > 0 ? (wait_us + CR_US_PER_MS - 1) / CR_US_PER_MS : 0;
    self->timer_us = self->due_us;
    self->timer = zloop_timer(self->loop, (size_t)wait_ms, 1, on_timer, self);
}

static int
watch_timeout(CURLM *multi, long timeout_ms, void *context)
{
    (void)multi;
    cr_http_t *self = context;
    self->due_us = timeout_ms < 0 ? INT64_MAX : cr_clock_mono_us() + timeout_ms * CR_US_PER_MS;
    arm(self);
    return 0;
}

static int
watch_socket(CURL *request, curl_socket_t socket, int what, void *context, void *known)
{
    (void)request;
    (void)known;
    cr_http_t *self = context;
    zmq_pollitem_t item = {.fd = socket, .events = 0};
    zloop_poller_end(self->loop, &item);
    if (what == CURL_POLL_REMOVE)
        return 0;
    item.events =
        (short)((what & CURL_POLL_IN ? ZMQ_POLLIN : 0) | (what & CURL_POLL_OUT ? ZMQ_POLLOUT : 0));
    if (zloop_poller(self->loop, &item, on_socket, self) != 0)
        return -1;
    zloop_poller_set_tolerant(self->loop, &item); /* libcurl sees the error itself */
    return 0;
}

cr_http_t *
cr_http_new(zloop_t *loop, size_t connections)
{
    cr_http_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    *self = (cr_http_t){.loop = loop,
                        .multi = curl_multi_init(),
                        .timer = -1,
                        .due_us = INT64_MAX,
                        .spare_most = connections};
    if (!self->multi) {
        free(self);
        return NULL;
    }
    curl_multi_setopt(self->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
    curl_multi_setopt(self->multi, CURLMOPT_SOCKETDATA, self);
    curl_multi_setopt(self->multi, CURLMOPT_TIMERFUNCTION, watch_timeout);
    curl_multi_setopt(self->multi, CURLMOPT_TIMERDATA, self);
    curl_multi_setopt(self->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)connections);
    curl_multi_setopt(self->multi, CURLMOPT_MAXCONNECTS, (long)connections);
    return self;
}

void
cr_http_destroy(cr_http_t **self_p)
{
    cr_http_t *self = *self_p;
    if (!self)
        return;
    while (self->first) {
        CURL *request = self->first;
        call_unlink(self, request);
        call_free(request);
    }
    while (self->spares)
        call_free(call_take(self));
    curl_multi_cleanup(self->multi);
    if (self->timer != -1) /* last: taking requests out sets timers too */
        zloop_timer_end(self->loop, self->timer);
    free(self);
    *self_p = NULL;
}

CURL *
cr_http_request(cr_http_t *self, const char *url, long timeout_ms)
{
    CURL *request = call_take(self);
    if (!request)
        return NULL;
    call_t *call = call_of(request);
    curl_easy_setopt(request, CURLOPT_URL, url);
    curl_easy_setopt(request, CURLOPT_TIMEOUT_MS, timeout_ms);
    curl_easy_setopt(request, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
    curl_easy_setopt(request, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(request, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(request, CURLOPT_PROXY, "");
    curl_easy_setopt(request, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(request, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(request, CURLOPT_WRITEDATA, call);
    curl_easy_setopt(request, CURLOPT_ERRORBUFFER, call->error);
    return request;
}

cr_err_t
cr_http_submit(cr_http_t *self, CURL *request, struct curl_slist *headers, cr_http_done_fn *done,
               void *context)
{
    call_t *call = call_of(request);
    call->headers = headers;
    call->done = done;
    call->context = context;
    if (headers)
        curl_easy_setopt(request, CURLOPT_HTTPHEADER, headers);
    if (curl_multi_add_handle(self->multi, request) != CURLM_OK) {
        call_give(self, request);
        return CR_NOMEM;
    }
    call_link(self, request);
    return CR_OK;
}

size_t
cr_http_running(const cr_http_t *self)
{
    return self->running;
}

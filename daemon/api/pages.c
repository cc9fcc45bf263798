#include "pages.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "metrics.h"
#include "openapi.h"
#include "unsubscribe.h"

enum { TEXT_MAX = 1 << 20, READY_TIMEOUT_MS = 2000 };

typedef void page_fn(const pages_source_t *source, cr_str_t *out, answer_t *answer);

static void
page_index(const pages_source_t *source, cr_str_t *out, answer_t *answer)
{
    (void)source;
    (void)answer;
    cr_str_append_text(out, "This is the API of Crier, version 1.\n"
                            "It is described by /v1/openapi.json and in docs/http-api.md;\n"
                            "crierctl speaks it. /healthz, /readyz and /metrics need no token.\n");
}

static void
page_openapi(const pages_source_t *source, cr_str_t *out, answer_t *answer)
{
    (void)source;
    (void)answer;
    cr_str_append_slice(out, openapi_text());
}

/* 0 when the kernel does not tell. */
static int64_t
resident_bytes(void)
{
    int64_t pages = 0;
    FILE *in = fopen("/proc/self/statm", "re");
    if (!in)
        return 0;
    if (fscanf(in, "%*d %" SCNd64, &pages) != 1) // NOLINT(cert-err34-c): the kernel's own digits
        pages = 0;
    fclose(in);
    return pages * sysconf(_SC_PAGESIZE);
}

static void
page_metrics(const pages_source_t *source, cr_str_t *out, answer_t *answer)
{
    (void)source;
    (void)answer;
    metrics_append(out);
    cr_str_appendf(out,
                   "# HELP process_resident_memory_bytes resident memory of crierd\n"
                   "# TYPE process_resident_memory_bytes gauge\n"
                   "process_resident_memory_bytes %" PRId64 "\n",
                   resident_bytes());
}

static void
page_healthz(const pages_source_t *source, cr_str_t *out, answer_t *answer)
{
    (void)answer;
    cr_str_appendf(out, "%s\n", source->state ? source->state : "ok");
}

/* Ready is what plan says, of the active daemon: it has loaded, and Redis answers. */
static void
page_readyz(const pages_source_t *source, cr_str_t *out, answer_t *answer)
{
    plan_answer_t ready = {0};
    plan_request_t request = {.verb = PLAN_READY, .timeout_ms = READY_TIMEOUT_MS};
    if (source->state) {
        ready.http_status = MHD_HTTP_SERVICE_UNAVAILABLE;
        ready.err = cr_fault_set(&ready.fault, CR_AGAIN, "%s", source->state);
    } else {
        plan_call(source->plan, &request, &ready);
    }
    if (ready.err == CR_OK)
        cr_str_append_text(out, "ok\n");
    else
        answer_plan(answer, MHD_HTTP_OK, &ready);
    plan_answer_fini(&ready);
}

static void
page_unsubscribe(const pages_source_t *source, cr_str_t *out, answer_t *answer)
{
    (void)source;
    (void)answer;
    unsubscribe_ask(out);
}

static const struct {
    page_fn *write;
    const char *media_type;
} pages[ROUTE_PAGE_COUNT] = {
    [ROUTE_INDEX] = {page_index, "text/plain; charset=utf-8"},
    [ROUTE_OPENAPI] = {page_openapi, "application/json"},
    [ROUTE_METRICS] = {page_metrics, "text/plain; version=0.0.4; charset=utf-8"},
    [ROUTE_HEALTHZ] = {page_healthz, "text/plain; charset=utf-8"},
    [ROUTE_UNSUBSCRIBE] = {page_unsubscribe, "text/html; charset=utf-8"},
    [ROUTE_READYZ] = {page_readyz, "text/plain; charset=utf-8"},
};

void
pages_answer(route_page_t page, const pages_source_t *source, answer_t *answer)
{
    CR_ASSERT(page < ROUTE_PAGE_COUNT && pages[page].write);
    cr_str_t out;
    cr_str_init(&out, TEXT_MAX);
    pages[page].write(source, &out, answer);
    if (answer->status == 0)
        answer_text(answer, pages[page].media_type, &out);
    cr_str_fini(&out);
}

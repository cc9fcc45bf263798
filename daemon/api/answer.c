#include "answer.h"

#include <stdlib.h>

#include "export.h"
#include "problem.h"

#define RETRY_AFTER_S "2"

static const char problem_type[] = "application/problem+json";
static const char out_of_memory[] =
    "{\"type\":\"about:blank\",\"title\":\"Service Unavailable\",\"status\":503,"
    "\"detail\":\"out of memory\",\"code\":\"nomem\"}";

static void
set_json(answer_t *self, unsigned status, const char *media_type, json_t *body)
{
    answer_fini(self);
    self->status = status;
    self->media_type = media_type;
    self->text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    self->length = self->text ? strlen(self->text) : 0;
    json_decref(body);
    if (self->text)
        return;
    self->status = MHD_HTTP_SERVICE_UNAVAILABLE;
    self->media_type = problem_type;
}

void
answer_json(answer_t *self, unsigned status, json_t *body)
{
    set_json(self, status, "application/json", body);
}

void
answer_text(answer_t *self, const char *media_type, cr_str_t *body)
{
    answer_fini(self);
    self->status = MHD_HTTP_OK;
    self->media_type = media_type;
    self->length = body->length;
    self->text = cr_str_take(body);
    if (!self->text)
        set_json(self, 0, NULL, NULL);
}

void
answer_problem(answer_t *self, unsigned status, const cr_fault_t *fault, const char *member)
{
    set_json(self, status, problem_type, problem_new(status, fault, member, NULL));
}

static void
answer_refusal(answer_t *self, const plan_answer_t *plan)
{
    unsigned status =
        plan->http_status >= 400 ? (unsigned)plan->http_status : problem_status(plan->err);
    set_json(self, status, problem_type, problem_new(status, &plan->fault, NULL, plan->body));
}

void
answer_plan(answer_t *self, unsigned success, plan_answer_t *plan)
{
    unsigned status = plan->http_status == MHD_HTTP_OK ? success : (unsigned)plan->http_status;
    if (plan->err != CR_OK) {
        answer_refusal(self, plan);
    } else if (plan->listing.directory) {
        answer_fini(self);
        self->status = status;
        self->listing = listing_take(&plan->listing);
    } else if (status == MHD_HTTP_NO_CONTENT) {
        answer_fini(self);
        self->status = status;
    } else {
        answer_json(self, status, plan->body);
        plan->body = NULL;
    }
    self->replayed = plan->replayed;
}

static struct MHD_Response *
response_of(answer_t *self)
{
    if (self->listing.directory)
        return export_response(&self->listing);
    if (!self->text) /* 204, or not even the memory for a problem */
        return MHD_create_response_from_buffer(
            self->status == MHD_HTTP_NO_CONTENT ? 0 : sizeof out_of_memory - 1,
            (void *)(uintptr_t)out_of_memory, MHD_RESPMEM_PERSISTENT);
    struct MHD_Response *response =
        MHD_create_response_from_buffer(self->length, self->text, MHD_RESPMEM_MUST_FREE);
    if (response)
        self->text = NULL;
    return response;
}

static void
add(struct MHD_Response *response, bool needed, const char *name, const char *value)
{
    if (needed)
        (void)MHD_add_response_header(response, name, value);
}

static void
add_fields(const answer_t *self, struct MHD_Response *response)
{
    add(response, self->media_type, MHD_HTTP_HEADER_CONTENT_TYPE, self->media_type);
    add(response, true, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    add(response, true, "X-Content-Type-Options", "nosniff");
    add(response, self->status == MHD_HTTP_UNAUTHORIZED, MHD_HTTP_HEADER_WWW_AUTHENTICATE,
        "Bearer realm=\"crier\"");
    add(response, self->status == MHD_HTTP_SERVICE_UNAVAILABLE, MHD_HTTP_HEADER_RETRY_AFTER,
        RETRY_AFTER_S);
    add(response, self->allow[0] != '\0', MHD_HTTP_HEADER_ALLOW, self->allow);
    add(response, self->replayed, "Idempotency-Replayed", "true");
    add(response, self->closes, MHD_HTTP_HEADER_CONNECTION, "close");
}

enum MHD_Result
answer_send(answer_t *self, struct MHD_Connection *connection)
{
    struct MHD_Response *response = response_of(self);
    if (!response)
        return MHD_NO;
    add_fields(self, response);
    enum MHD_Result queued = MHD_queue_response(connection, self->status, response);
    MHD_destroy_response(response);
    return queued;
}

void
answer_fini(answer_t *self)
{
    free(self->text);
    self->text = NULL;
    self->length = 0;
    listing_fini(&self->listing);
}

#include "fake_plan.h"

#include <stdlib.h>
#include <string.h>

atomic_bool fake_plan_ready = true;
directory_t *fake_plan_directory;
atomic_uint fake_plan_calls[PLAN_VERB_COUNT];
atomic_int fake_plan_clients;

struct plan_client {
    char tag;
};

plan_client_t *
plan_client_new(void)
{
    atomic_fetch_add(&fake_plan_clients, 1);
    return calloc(1, sizeof(plan_client_t));
}

void
plan_client_destroy(plan_client_t **self_p)
{
    if (!*self_p)
        return;
    atomic_fetch_sub(&fake_plan_clients, 1);
    free(*self_p);
    *self_p = NULL;
}

static void
refuse(plan_answer_t *answer, int status, cr_err_t err, const char *text)
{
    answer->http_status = status;
    answer->err = cr_fault_set(&answer->fault, err, "%s", text);
}

static void
echo(const plan_request_t *request, plan_answer_t *answer)
{
    static const char *const names[] = {
#define X(verb, roles, changes) [PLAN_##verb] = #verb,
        PLAN_VERB_LIST(X)
#undef X
    };
    answer->body =
        json_pack("{s:s, s:O?, s:s?, s:s?}", "verb", names[request->verb], "arguments",
                  request->arguments, "key", request->idempotency_key, "hash", request->body_hash);
}

static void
count_rows(const plan_request_t *request, plan_answer_t *answer)
{
    answer->body = json_pack("{s:i}", "rows", (int)intake_rows(request->intake));
}

/* The first one wants no mail, the second neither mail nor short messages. */
static void
list_everybody(plan_answer_t *answer)
{
    roaring_bitmap_t *optouts[CR_CHANNEL_COUNT] = {
        [CR_CHANNEL_SMS] = roaring_bitmap_of(1, 1),
        [CR_CHANNEL_WECHAT] = roaring_bitmap_create(),
        [CR_CHANNEL_MAIL] = roaring_bitmap_of(2, 0, 1),
    };
    answer->listing = listing_of(fake_plan_directory, optouts);
    for (int channel = 0; channel < CR_CHANNEL_COUNT; channel++)
        roaring_bitmap_free(optouts[channel]);
}

static void
decide(const plan_request_t *request, plan_answer_t *answer)
{
    switch (request->verb) {
    case PLAN_WHOAMI:
        answer->body = json_pack("{s:[s]}", "roles", request->token);
        break;
    case PLAN_RECIPIENT_IMPORT:
        count_rows(request, answer);
        break;
    case PLAN_RECIPIENT_EXPORT:
        list_everybody(answer);
        break;
    case PLAN_AUDIENCE_COUNT:
        refuse(answer, 400, CR_INVAL, "no such town; did you mean \"孔村镇\"?");
        answer->fault.column = 6;
        break;
    case PLAN_BROADCAST_LIST:
        refuse(answer, 503, CR_AGAIN, "redis is away");
        break;
    case PLAN_BROADCAST_SHOW:
        refuse(answer, 404, CR_NOTFOUND, "no such broadcast");
        answer->body = json_pack("{s:s}", "id", "B-00000001");
        break;
    case PLAN_QUEUE:
        zclock_sleep(300);
        echo(request, answer);
        break;
    case PLAN_BROADCAST_SEND:
        answer->replayed = true;
        echo(request, answer);
        break;
    default:
        echo(request, answer);
    }
}

static bool
is_user(const char *token)
{
    return token && (strcmp(token, "admin") == 0 || strcmp(token, "planner") == 0);
}

void
plan_call(plan_client_t *self, const plan_request_t *request, plan_answer_t *answer)
{
    (void)self;
    atomic_fetch_add(&fake_plan_calls[request->verb], 1);
    answer->http_status = 200;
    if (request->verb == PLAN_READY) {
        if (!atomic_load(&fake_plan_ready))
            refuse(answer, 503, CR_AGAIN, "loading");
    } else if (!is_user(request->token)) {
        refuse(answer, 401, CR_DENIED, "unknown token");
    } else {
        decide(request, answer);
    }
    intake_t *intake = request->intake;
    intake_destroy(&intake);
    json_decref(request->arguments);
}

void
plan_answer_fini(plan_answer_t *answer)
{
    json_decref(answer->body);
    listing_fini(&answer->listing);
    *answer = (plan_answer_t){0};
}

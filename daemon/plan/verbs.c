/* The table of verbs, and the way to them: who is it, may they, is it well-formed. */
#include "verbs.h"

#include <string.h>

#include "arguments.h"

static const argument_t none[] = {{NULL}};
static const argument_t id_only[] = {{"id", ARGUMENT_TEXT, true}, {NULL}};
static const argument_t name_only[] = {{"name", ARGUMENT_TEXT, true}, {NULL}};
static const argument_t import[] = {{"skip_bad", ARGUMENT_TEXT, false}, {NULL}};
static const argument_t optout[] = {{"id", ARGUMENT_TEXT, true},
                                    {"channels", ARGUMENT_TEXTS, false},
                                    {"opted_out", ARGUMENT_FLAG, true},
                                    {NULL}};
static const argument_t good_address[] = {
    {"id", ARGUMENT_TEXT, true}, {"channels", ARGUMENT_TEXTS, false}, {NULL}};
static const argument_t count[] = {{"select", ARGUMENT_TEXT, true}, {NULL}};
static const argument_t preview[] = {{"name", ARGUMENT_TEXT, true},
                                     {"to", ARGUMENT_TEXT, true},
                                     {"variables", ARGUMENT_OBJECT, false},
                                     {NULL}};
static const argument_t list[] = {{"state", ARGUMENT_TEXT, false},
                                  {"limit", ARGUMENT_TEXT, false},
                                  {"cursor", ARGUMENT_TEXT, false},
                                  {NULL}};
static const argument_t page[] = {
    {"limit", ARGUMENT_TEXT, false}, {"cursor", ARGUMENT_TEXT, false}, {NULL}};
static const argument_t replies[] = {{"recipient", ARGUMENT_TEXT, false},
                                     {"since", ARGUMENT_TEXT, false},
                                     {"limit", ARGUMENT_TEXT, false},
                                     {"cursor", ARGUMENT_TEXT, false},
                                     {NULL}};
static const argument_t draft[] = {{"template", ARGUMENT_TEXT, true},
                                   {"to", ARGUMENT_TEXT, true},
                                   {"channels", ARGUMENT_TEXTS, false},
                                   {"lane", ARGUMENT_TEXT, false},
                                   {"at", ARGUMENT_TEXT, false},
                                   {"expires", ARGUMENT_TEXT, false},
                                   {"drill", ARGUMENT_FLAG, false},
                                   {"variables", ARGUMENT_OBJECT, false},
                                   {"allow_empty", ARGUMENT_FLAG, false},
                                   {"unknown", ARGUMENT_TEXT, false},
                                   {"note", ARGUMENT_TEXT, false},
                                   {"unique_addresses", ARGUMENT_FLAG, false},
                                   {"through_quiet", ARGUMENT_TEXT, false},
                                   {NULL}};
static const argument_t approve[] = {
    {"id", ARGUMENT_TEXT, true}, {"hash", ARGUMENT_TEXT, false}, {NULL}};
static const argument_t with_reason[] = {
    {"id", ARGUMENT_TEXT, true}, {"reason", ARGUMENT_TEXT, false}, {NULL}};
static const argument_t order[] = {{"id", ARGUMENT_TEXT, true},
                                   {"action", ARGUMENT_TEXT, true},
                                   {"channels", ARGUMENT_TEXTS, false},
                                   {NULL}};
static const argument_t drain[] = {
    {"name", ARGUMENT_TEXT, true}, {"drain", ARGUMENT_FLAG, true}, {NULL}};
static const argument_t rule[] = {
    {"name", ARGUMENT_TEXT, true},    {"priority", ARGUMENT_ANY, false},
    {"weight", ARGUMENT_ANY, false},  {"per_second", ARGUMENT_ANY, false},
    {"per_day", ARGUMENT_ANY, false}, {"carriers", ARGUMENT_TEXTS, false},
    {"paused", ARGUMENT_FLAG, false}, {NULL}};
static const argument_t token_only[] = {{"token", ARGUMENT_TEXT, true}, {NULL}};
static const argument_t explain[] = {
    {"id", ARGUMENT_TEXT, true}, {"recipient", ARGUMENT_TEXT, true}, {NULL}};

/* NULL arguments: a document that its own module checks. */
static const struct {
    ask_start_fn *start;
    const argument_t *arguments;
} verbs[PLAN_VERB_COUNT] = {
    [PLAN_WHOAMI] = {verb_whoami, none},
    [PLAN_USER_ADD] = {verb_user_add, NULL},
    [PLAN_USER_LIST] = {verb_user_list, none},
    [PLAN_USER_REVOKE] = {verb_user_revoke, name_only},
    [PLAN_RECIPIENT_IMPORT] = {verb_import, import},
    [PLAN_RECIPIENT_SHOW] = {verb_recipient_show, id_only},
    [PLAN_RECIPIENT_EXPORT] = {verb_recipient_export, none},
    [PLAN_RECIPIENT_OPTOUT] = {verb_recipient_optout, optout},
    [PLAN_RECIPIENT_GOOD_ADDRESS] = {verb_recipient_good_address, good_address},
    [PLAN_AUDIENCE_COUNT] = {verb_audience_count, count},
    [PLAN_TEMPLATE_PUT] = {verb_template_put, NULL},
    [PLAN_TEMPLATE_LIST] = {verb_template_list, none},
    [PLAN_TEMPLATE_SHOW] = {verb_template_show, name_only},
    [PLAN_TEMPLATE_PREVIEW] = {verb_template_preview, preview},
    [PLAN_BROADCAST_DRAFT] = {verb_broadcast_draft, draft},
    [PLAN_BROADCAST_LIST] = {verb_broadcast_list, list},
    [PLAN_BROADCAST_SHOW] = {verb_broadcast_show, id_only},
    [PLAN_BROADCAST_SUBMIT] = {verb_broadcast_submit, id_only},
    [PLAN_BROADCAST_APPROVE] = {verb_broadcast_approve, approve},
    [PLAN_BROADCAST_REJECT] = {verb_broadcast_reject, with_reason},
    [PLAN_BROADCAST_SEND] = {verb_broadcast_send, id_only},
    [PLAN_BROADCAST_PAUSE] = {verb_broadcast_pause, id_only},
    [PLAN_BROADCAST_RESUME] = {verb_broadcast_resume, id_only},
    [PLAN_BROADCAST_CANCEL] = {verb_broadcast_cancel, with_reason},
    [PLAN_BROADCAST_EXPLAIN] = {verb_broadcast_explain, explain},
    [PLAN_BROADCAST_UNKNOWN] = {verb_broadcast_unknown, id_only},
    [PLAN_BROADCAST_ORDER] = {verb_broadcast_order, order},
    [PLAN_QUEUE] = {verb_queue, none},
    [PLAN_WORKERS] = {verb_workers, none},
    [PLAN_WORKER_DRAIN] = {verb_worker_drain, drain},
    [PLAN_GATEWAYS] = {verb_gateways, none},
    [PLAN_GATEWAY_SET] = {verb_gateway_set, rule},
    [PLAN_STATUS] = {verb_status, none},
    [PLAN_REPLIES] = {verb_replies, replies},
    [PLAN_AUDIT] = {verb_audit, page},
    [PLAN_UNSUBSCRIBE] = {verb_unsubscribe, token_only},
    [PLAN_READY] = {verb_ready, none},
};

#define R(name) (1u << PLAN_ROLE_##name)
static const struct {
    unsigned roles;
    bool changes;
} rights[PLAN_VERB_COUNT] = {
#define X(name, roles, changes) {roles, changes},
    PLAN_VERB_LIST(X)
#undef X
};
#undef R

static void
refuse(plan_t *self, ask_t *ask, cr_err_t err, int http_status, const char *text)
{
    cr_fault_t fault;
    ask->answer.http_status = http_status;
    cr_fault_set(&fault, err, "%s", text);
    ask_refuse(self, ask, &fault, NULL);
}

/* Names are copied: users may change while the ask waits for its answer. */
static bool
identify(plan_t *self, ask_t *ask)
{
    const user_t *user = ask->token ? users_authenticate(self->users, ask->token) : NULL;
    if (!user)
        return false;
    ask->who = strdup(user->name);
    ask->person = strdup(user->person);
    ask->roles = user->roles;
    return ask->who && ask->person;
}

static void
start(plan_t *self, ask_t *ask)
{
    const argument_t *table = verbs[ask->verb].arguments;
    char member[ARGUMENTS_MEMBER_MAX];
    cr_fault_t fault;
    if (table && arguments_check(ask->arguments, table, member, &fault) != CR_OK)
        ask_refuse(self, ask, &fault, json_pack("{s:s}", "member", member));
    else
        verbs[ask->verb].start(self, ask);
}

void
verbs_admit(plan_t *self, ask_t *ask)
{
    if (self->halted)
        refuse(self, ask, CR_AGAIN, 503, "another daemon has taken over");
    else if (zlistx_size(self->open) > ASK_MAX)
        refuse(self, ask, CR_AGAIN, 503, "too many requests are waiting");
    else if (ask->verb == PLAN_READY || ask->verb == PLAN_UNSUBSCRIBE)
        start(self, ask);
    else if (!identify(self, ask))
        refuse(self, ask, CR_DENIED, 401, "no valid token");
    else if (!(rights[ask->verb].roles & ask->roles))
        refuse(self, ask, CR_DENIED, 403, "your roles do not permit this");
    else if (rights[ask->verb].changes && ask->idempotency_key && ask->body_hash)
        idempotency_begin(self, ask, start);
    else
        start(self, ask);
}

void
ask_answer_items(plan_t *self, ask_t *ask, json_t *items, const char *next)
{
    json_t *body = json_pack("{s:o}", "items", items);
    if (next)
        json_object_set_new(body, "next", json_string(next));
    ask_answer(self, ask, 200, body);
}

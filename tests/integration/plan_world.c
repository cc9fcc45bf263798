#include "plan_world.h"

#include <CUnit/CUnit.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cr_clock.h"
#include "cr_handover.h"
#include "cr_keys.h"
#include "cr_log.h"

enum { AWAIT_MS = 10000, TIMEOUT_MS = 5000, REDIS_TIMEOUT_MS = 300 };

/* ---- the dispatch ---- */

static void
finish(zsock_t *socket, uint64_t id, unsigned channels, uint32_t total)
{
    dispatch_message_t *done = dispatch_message_new(DISPATCH_DONE);
    done->id = id;
    done->channels = channels;
    done->counts = calloc(CR_CHANNEL_COUNT, sizeof *done->counts);
    for (int channel = 0; channel < CR_CHANNEL_COUNT; channel++) {
        done->counts[channel].total = total;
        done->counts[channel].by_status[CR_STATUS_DELIVERED] = total;
    }
    dispatch_send(socket, &done);
}

static void
on_start(world_dispatch_t *self, zsock_t *socket, const dispatch_message_t *message)
{
    const dispatch_broadcast_t *broadcast = message->broadcast;
    uint32_t total = (uint32_t)roaring_bitmap_get_cardinality(broadcast->audience);
    self->starts++;
    self->restarts += broadcast->status[CR_CHANNEL_SMS] != NULL;
    self->last_total = (int)total;
    self->last_paused = broadcast->paused;
    if (self->finishes)
        finish(socket, message->id, broadcast->channels, total);
}

/* What dispatch had told before it heard of the pardon: that person's address is bad, and the next
 * one's. */
static void
cross(zsock_t *socket, const dispatch_message_t *pardon)
{
    dispatch_message_t *news = dispatch_message_new(DISPATCH_MARK);
    news->mark = pardon->mark;
    news->channel = pardon->channel;
    news->on = true;
    news->people = roaring_bitmap_copy(pardon->people);
    roaring_bitmap_add(news->people, roaring_bitmap_maximum(pardon->people) + 1);
    dispatch_send(socket, &news);
}

static void
on_mark(world_dispatch_t *self, zsock_t *socket, const dispatch_message_t *message)
{
    int people = (int)roaring_bitmap_get_cardinality(message->people);
    if (message->mark == LEDGER_MARK_OPTOUT)
        self->optouts += message->on ? people : -people;
    else if (!message->on)
        cross(socket, message);
}

/* True when it is to be answered. */
static bool
on_message(world_dispatch_t *self, zsock_t *socket, dispatch_message_t *message)
{
    switch (message->kind) {
    case DISPATCH_START:
        on_start(self, socket, message);
        return false;
    case DISPATCH_SERVE:
        self->restarts_served = (int)self->restarts;
        return false;
    case DISPATCH_DIRECTORY:
        self->directories++;
        return false;
    case DISPATCH_MARK:
        on_mark(self, socket, message);
        return false;
    case DISPATCH_EXPLAIN:
        message->err = CR_NOTFOUND; /* as one that ended before the last start */
        return true;
    case DISPATCH_CANCEL:
        self->cancels++;
        if (self->finishes)
            finish(socket, message->id, 1, (uint32_t)self->last_total);
        return true;
    default:
        return true;
    }
}

static void
dispatch_actor(zsock_t *pipe, void *context)
{
    zsock_t *socket = zsock_new_pair("@inproc://dispatch");
    zpoller_t *poller = zpoller_new(pipe, socket, NULL);
    zsock_signal(pipe, socket ? 0 : 1);
    while (zpoller_wait(poller, -1) == socket) {
        dispatch_message_t *message = dispatch_receive(socket);
        if (on_message(context, socket, message))
            dispatch_send(socket, &message);
        else
            dispatch_message_destroy(&message);
    }
    zpoller_destroy(&poller);
    zsock_unbind(socket, "inproc://dispatch"); /* at once, for the next one */
    zsock_destroy(&socket);
    cr_hand_over(context);
}

/* ---- Redis ---- */

static void
redis_start(world_t *self)
{
    self->redis = fork();
    if (self->redis == 0) {
        execlp("redis-server", "redis-server", CR_TEST_ROOT "/config/redis.conf", "--port", "0",
               "--unixsocket", self->socket, "--dir", self->folder, "--logfile", "redis.log",
               "--daemonize", "no", (char *)NULL);
        _exit(127);
    }
}

/* Redis may be on its way up. */
static cr_err_t
open_ledger(world_t *self, const ledger_config_t *config, cr_fault_t *fault)
{
    int64_t end = cr_clock_mono_us() + AWAIT_MS * CR_US_PER_MS;
    cr_err_t err;
    while ((err = ledger_open(config, &self->ledger, fault)) == CR_AGAIN &&
           cr_clock_mono_us() < end)
        zclock_sleep(5);
    return err;
}

static void
redis_stop(world_t *self)
{
    kill(self->redis, SIGCONT);
    kill(self->redis, SIGKILL);
    waitpid(self->redis, NULL, 0);
}

/* ---- the daemon ---- */

void
world_start(world_t *self)
{
    cr_fault_t fault = {.text = ""};
    ledger_config_t ledger = {
        .redis_url = self->redis_url, .password_file = "", .timeout_ms = REDIS_TIMEOUT_MS};
    plan_config_t plan = {.tick_ms = 20,
                          .timezone = "Asia/Shanghai",
                          .seal_key_file = self->seal_key,
                          .divisions_file = CR_TEST_ROOT "/config/sample/divisions.csv",
                          .admin_token_file = self->admin_token,
                          .receipt_wait_s = 60,
                          .expires_default_s = 3600,
                          .attempts_max = 3,
                          .token_key_file = "",
                          .sms_signature = "Office"};
    cr_err_t err = open_ledger(self, &ledger, &fault);
    if (err == CR_OK)
        err = ledger_take(self->ledger, WORLD_NAME, &fault);
    if (err == CR_OK)
        err = plan_new(&plan, &ledger, self->ledger, &self->plan, &fault);
    if (err == CR_OK)
        err = ledger_start(self->ledger, &fault);
    self->dispatch = zactor_new(dispatch_actor, &self->seen);
    if (err == CR_OK)
        err = plan_start(self->plan, &fault);
    if (err != CR_OK)
        fprintf(stderr, "world: %s\n", fault.text);
    CU_ASSERT_EQUAL_FATAL(err, CR_OK);
    self->client = plan_client_new();
}

void
world_stop(world_t *self)
{
    plan_client_destroy(&self->client);
    plan_destroy(&self->plan);
    zactor_destroy(&self->dispatch);
    cr_take_over(&self->seen);
    ledger_destroy(&self->ledger);
}

static const struct {
    const char *arguments;
} users[WORLD_USERS] = {
    [PLANNER] = {"{'name':'planner','person':'P. Lanner','roles':['planner']}"},
    [APPROVER] = {"{'name':'approver','person':'A. Prover','roles':['approver']}"},
    [DUTY] = {"{'name':'duty','person':'D. Uty','roles':['duty']}"},
    [DUTY_AS_APPROVER] = {"{'name':'duty2','person':'d.  uty','roles':['approver']}"},
    [OPERATOR] = {"{'name':'operator','person':'O. Perator','roles':['operator']}"},
};

static void
add_users(world_t *self)
{
    cr_fault_t fault;
    CU_ASSERT_EQUAL_FATAL(cr_keys_load_line(self->admin_token, &self->tokens[ADMIN], &fault),
                          CR_OK);
    for (int user = PLANNER; user < WORLD_USERS; user++) {
        CU_ASSERT_EQUAL_FATAL(world_call(self, ADMIN, PLAN_USER_ADD, users[user].arguments), 201);
        self->tokens[user] = strdup(world_text(self, "token"));
    }
}

/* Before the first thread; those of a world that was closed may still end. */
static void
open_log(void)
{
    static bool opened;
    if (!opened)
        cr_log_open("test_plan", CR_LOG_ERR);
    opened = true;
}

void
world_open(world_t *self)
{
    *self = (world_t){.seen = {.finishes = true}};
    open_log();
    cr_fault_t fault;
    snprintf(self->folder, sizeof self->folder, "/tmp/test_plan-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(self->folder));
    snprintf(self->socket, sizeof self->socket, "%s/redis.sock", self->folder);
    snprintf(self->redis_url, sizeof self->redis_url, "unix://%s", self->socket);
    snprintf(self->seal_key, sizeof self->seal_key, "%s/seal.key", self->folder);
    snprintf(self->admin_token, sizeof self->admin_token, "%s/admin.token", self->folder);
    CU_ASSERT_EQUAL_FATAL(cr_keys_make_secret(self->seal_key, &fault), CR_OK);
    CU_ASSERT_EQUAL_FATAL(cr_keys_make_secret(self->admin_token, &fault), CR_OK);
    redis_start(self);
    world_start(self);
    add_users(self);
    CU_ASSERT_EQUAL_FATAL(
        world_call(self, PLANNER, PLAN_TEMPLATE_PUT,
                   "{'name':'fzr','title':'Day','variables':['place'],'wordings':{'zh-CN':"
                   "{'sms':{'text':'come to {place}'}}}}"),
        201);
    CU_ASSERT_EQUAL_FATAL(world_import(self, "id,name,phone\n"
                                             "P1,Ann,19931234567\n"
                                             "P2,Bob,19931234568\n"
                                             "P3,Cyd,\n"),
                          200);
}

void
world_close(world_t *self)
{
    char command[128];
    world_stop(self);
    redis_stop(self);
    json_decref(self->body);
    for (int user = 0; user < WORLD_USERS; user++)
        free(self->tokens[user]);
    snprintf(command, sizeof command, "rm -rf '%s'", self->folder);
    CU_ASSERT_EQUAL(system(command), 0);
}

/* ---- asking ---- */

static json_t *
json_of(const char *text)
{
    char *quoted = strdup(text);
    for (char *c = quoted; *c; c++)
        if (*c == '\'')
            *c = '"';
    json_t *json = json_loads(quoted, 0, NULL);
    free(quoted);
    CU_ASSERT_PTR_NOT_NULL_FATAL(json);
    return json;
}

static int
ask(world_t *self, const plan_request_t *request)
{
    plan_answer_t answer;
    plan_call(self->client, request, &answer);
    int status = answer.http_status;
    json_decref(self->body);
    self->body = answer.body;
    self->replayed = answer.replayed;
    answer.body = NULL;
    plan_answer_fini(&answer);
    return status;
}

int
world_call_key(world_t *self, world_user_t user, plan_verb_t verb, const char *arguments,
               const char *key)
{
    plan_request_t request = {.verb = verb,
                              .token = self->tokens[user],
                              .idempotency_key = key,
                              .body_hash = arguments, /* any text that follows the body */
                              .arguments = json_of(arguments),
                              .timeout_ms = TIMEOUT_MS};
    return ask(self, &request);
}

int
world_call(world_t *self, world_user_t user, plan_verb_t verb, const char *arguments)
{
    return world_call_key(self, user, verb, arguments, NULL);
}

int
world_import(world_t *self, const char *csv)
{
    cr_fault_t fault;
    intake_t *intake = intake_new();
    cr_err_t err = intake_feed(intake, csv, strlen(csv), &fault);
    if (err == CR_OK)
        err = intake_finish(intake, &fault);
    CU_ASSERT_EQUAL_FATAL(err, CR_OK);
    plan_request_t request = {.verb = PLAN_RECIPIENT_IMPORT,
                              .token = self->tokens[ADMIN],
                              .arguments = json_object(),
                              .intake = intake,
                              .timeout_ms = TIMEOUT_MS};
    return ask(self, &request);
}

const char *
world_text(const world_t *self, const char *member)
{
    const char *text = json_string_value(json_object_get(self->body, member));
    return text ? text : "";
}

char *
world_submit(world_t *self, world_user_t author, const char *more)
{
    char arguments[256];
    snprintf(arguments, sizeof arguments,
             "{'template':'fzr','to':'all','variables':{'place':'hall'}%s}", more);
    CU_ASSERT_EQUAL_FATAL(world_call(self, author, PLAN_BROADCAST_DRAFT, arguments), 201);
    char *id = strdup(world_text(self, "id"));
    CU_ASSERT_EQUAL_FATAL(world_move(self, author, PLAN_BROADCAST_SUBMIT, id), 200);
    return id;
}

int
world_move(world_t *self, world_user_t user, plan_verb_t verb, const char *id)
{
    char arguments[64];
    snprintf(arguments, sizeof arguments, "{'id':'%s'}", id);
    return world_call(self, user, verb, arguments);
}

bool
world_await(world_t *self, const char *id, const char *state)
{
    int64_t end = cr_clock_mono_us() + AWAIT_MS * CR_US_PER_MS;
    while (cr_clock_mono_us() < end) {
        if (world_move(self, OPERATOR, PLAN_BROADCAST_SHOW, id) == 200 &&
            strcmp(world_text(self, "state"), state) == 0)
            return true;
        zclock_sleep(5);
    }
    return false;
}

bool
world_await_count(const atomic_int *counter, int count)
{
    int64_t end = cr_clock_mono_us() + AWAIT_MS * CR_US_PER_MS;
    while (*counter < count && cr_clock_mono_us() < end)
        zclock_sleep(5);
    return *counter >= count;
}

#include "redis.h"

#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cr_keys.h"
#include "cr_log.h"
#include "crier_lua.h"

enum { REDIS_VERSION_MAJOR_MIN = 7, REDIS_URL_MAX = 320 };

struct redis {
    redisContext *context;
    redo_t *redo; /* where commands are kept; NULL: nowhere */
    uint64_t mark;
};

static redisContext *
dial(const char *url, struct timeval timeout, cr_fault_t *fault)
{
    if (strncmp(url, "unix://", 7) == 0)
        return redisConnectUnixWithTimeout(url + 7, timeout);
    const char *host = strncmp(url, "tcp://", 6) == 0 ? url + 6 : "";
    const char *colon = strrchr(host, ':');
    char name[256], *end = NULL;
    long port = colon ? strtol(colon + 1, &end, 10) : 0;
    if (port > 0 && port <= 65535 && *end == '\0' && colon > host &&
        (size_t)(colon - host) < sizeof name) {
        snprintf(name, sizeof name, "%.*s", (int)(colon - host), host);
        return redisConnectWithTimeout(name, (int)port, timeout);
    }
    cr_fault_set(
        fault, CR_INVAL,
        "redis.url, redis.sentinels: must be unix:///path or tcp://host:port, and host:port");
    return NULL;
}

static cr_err_t
authenticate(redis_t *self, const char *password_file, cr_fault_t *fault)
{
    if (!*password_file)
        return CR_OK;
    char *password;
    cr_err_t err = cr_keys_load_line(password_file, &password, fault);
    if (err != CR_OK)
        return err;
    redis_command_t command;
    redis_reply_t *reply = NULL;
    redis_command(&command, "AUTH");
    redis_argument(&command, cr_slice_of(password));
    err = redis_call(self, &command, &reply, fault);
    free(password);
    if (err == CR_OK)
        redis_reply_free(&reply);
    return err == CR_IO ? cr_fault_set(fault, CR_CONFLICT, "redis: wrong password") : err;
}

/* The value of one CONFIG parameter; empty when CONFIG is not allowed here. */
static void
config_get(redis_t *self, const char *parameter, char out[32])
{
    redis_command_t command;
    redis_reply_t *reply = NULL;
    cr_fault_t ignored;
    out[0] = '\0';
    redis_command(&command, "CONFIG");
    redis_argument(&command, CR_SLICE("GET"));
    redis_argument(&command, cr_slice_of(parameter));
    if (redis_call(self, &command, &reply, &ignored) != CR_OK || !reply)
        return;
    if (redis_reply_count(reply) == 2) {
        cr_slice_t value = redis_reply_text(redis_reply_item(reply, 1));
        snprintf(out, 32, "%.*s", (int)value.length, value.text);
    }
    redis_reply_free(&reply);
}

static cr_err_t
check_version(redis_t *self, cr_fault_t *fault)
{
    redis_command_t command;
    redis_reply_t *reply = NULL;
    redis_command(&command, "INFO");
    redis_argument(&command, CR_SLICE("server"));
    cr_err_t err = redis_call(self, &command, &reply, fault);
    if (err != CR_OK || !reply)
        return err;
    cr_slice_t text = redis_reply_text(reply);
    const char *at = memmem(text.text, text.length, "redis_version:", 14);
    long major = at ? strtol(at + 14, NULL, 10) : 0;
    redis_reply_free(&reply);
    if (major < REDIS_VERSION_MAJOR_MIN)
        return cr_fault_set(fault, CR_CONFLICT, "redis: version %d or newer is needed (has %ld)",
                            REDIS_VERSION_MAJOR_MIN, major);
    return CR_OK;
}

/* A server that evicts keys or keeps no log would lose deliveries silently. Where CONFIG is not
 * allowed the values are not known, and believed. */
static cr_err_t
check_server(redis_t *self, cr_fault_t *fault)
{
    static const struct {
        const char *parameter, *wanted, *tolerated;
    } rules[] = {{"maxmemory-policy", "noeviction", "noeviction"},
                 {"appendonly", "yes", "yes"},
                 {"appendfsync", "always", "everysec"}};
    cr_err_t err = check_version(self, fault);
    for (size_t i = 0; err == CR_OK && i < CR_COUNT(rules); i++) {
        char value[32];
        config_get(self, rules[i].parameter, value);
        if (value[0] == '\0' || strcmp(value, rules[i].wanted) == 0)
            continue;
        if (strcmp(value, rules[i].tolerated) != 0)
            return cr_fault_set(fault, CR_CONFLICT,
                                "redis: %s is \"%s\"; its configuration needs the line \"%s %s\"",
                                rules[i].parameter, value, rules[i].parameter, rules[i].wanted);
        cr_log(CR_LOG_WARN, "redis_may_forget", "%s=%s wanted=%s", rules[i].parameter, value,
               rules[i].wanted);
    }
    return err;
}

cr_err_t
redis_load_functions(redis_t *self, cr_fault_t *fault)
{
    redis_command_t command;
    redis_reply_t *reply = NULL;
    redis_command(&command, "FUNCTION");
    redis_argument(&command, CR_SLICE("LOAD"));
    redis_argument(&command, CR_SLICE("REPLACE"));
    redis_argument(&command, (cr_slice_t){crier_lua, sizeof crier_lua - 1});
    cr_err_t err = redis_call(self, &command, &reply, fault);
    if (err == CR_OK)
        redis_reply_free(&reply);
    return err;
}

/* A connection and nothing more. CR_AGAIN: nobody there. */
static cr_err_t
connect_to(const char *url, int64_t timeout_ms, redis_t **self_p, cr_fault_t *fault)
{
    struct timeval timeout = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};
    cr_fault_t why = {.text = "out of memory"};
    redisContext *context = dial(url, timeout, &why);
    if (!context)
        return cr_fault_set(fault, why.code == CR_INVAL ? CR_INVAL : CR_NOMEM, "%s", why.text);
    redis_t *self = calloc(1, sizeof *self);
    if (!self || context->err) {
        cr_err_t err = cr_fault_set(fault, CR_AGAIN, "redis: %s (%s)", context->errstr, url);
        redisFree(context);
        free(self);
        return err;
    }
    self->context = context;
    redisSetTimeout(context, timeout);
    *self_p = self;
    return CR_OK;
}

/* -- Sentinel ----------------------------------------------------------------------------------- */

static cr_err_t
ask_sentinel(redis_t *sentinel, const char *master, char url[REDIS_URL_MAX], cr_fault_t *fault)
{
    redis_command_t command;
    redis_reply_t *reply = NULL;
    redis_command(&command, "SENTINEL");
    redis_argument(&command, CR_SLICE("GET-MASTER-ADDR-BY-NAME"));
    redis_argument(&command, cr_slice_of(master));
    cr_err_t err = redis_call(sentinel, &command, &reply, fault);
    if (err != CR_OK || !reply)
        return CR_AGAIN;
    if (redis_reply_count(reply) == 2) {
        cr_slice_t host = redis_reply_text(redis_reply_item(reply, 0));
        cr_slice_t port = redis_reply_text(redis_reply_item(reply, 1));
        snprintf(url, REDIS_URL_MAX, "tcp://%.*s:%.*s", (int)host.length, host.text,
                 (int)port.length, port.text);
    } else {
        err = cr_fault_set(fault, CR_AGAIN, "redis: no sentinel knows the master \"%s\"", master);
    }
    redis_reply_free(&reply);
    return err;
}

/* The first of the list that answers is believed: the connection itself shows whether it is a
 * master. */
static cr_err_t
find_master(const ledger_config_t *config, char url[REDIS_URL_MAX], cr_fault_t *fault)
{
    cr_err_t err = CR_AGAIN;
    for (const char *at = config->sentinels; err == CR_AGAIN && *at;) {
        char sentinel[REDIS_URL_MAX];
        redis_t *redis = NULL;
        at += strspn(at, ", ");
        size_t length = strcspn(at, ", ");
        snprintf(sentinel, sizeof sentinel, "tcp://%.*s", (int)length, at);
        at += length;
        err = connect_to(sentinel, config->timeout_ms, &redis, fault);
        if (redis)
            err = ask_sentinel(redis, config->master, url, fault);
        redis_close(&redis);
    }
    return err;
}

/* After a failover Sentinel may still name the old master, and that one come back as a replica. */
static cr_err_t
check_role(redis_t *self, cr_fault_t *fault)
{
    redis_command_t command;
    redis_reply_t *reply = NULL;
    redis_command(&command, "ROLE");
    cr_err_t err = redis_call(self, &command, &reply, fault);
    if (err != CR_OK || !reply)
        return err;
    bool master = redis_reply_count(reply) > 0 &&
                  cr_slice_equal(redis_reply_text(redis_reply_item(reply, 0)), CR_SLICE("master"));
    redis_reply_free(&reply);
    return master ? CR_OK : cr_fault_set(fault, CR_AGAIN, "redis: not a master (yet)");
}

cr_err_t
redis_open(const ledger_config_t *config, redis_t **self_p, cr_fault_t *fault)
{
    char master[REDIS_URL_MAX];
    bool asks = config->sentinels && *config->sentinels;
    redis_t *self = NULL;
    cr_err_t err = asks ? find_master(config, master, fault) : CR_OK;
    if (err == CR_OK)
        err = connect_to(asks ? master : config->redis_url, config->timeout_ms, &self, fault);
    if (!self)
        return err;
    err = authenticate(self, config->password_file, fault);
    if (err == CR_OK && asks)
        err = check_role(self, fault);
    if (err == CR_OK)
        err = check_server(self, fault);
    if (err == CR_OK)
        err = redis_load_functions(self, fault);
    if (err != CR_OK) {
        redis_close(&self);
        return err == CR_CLOSED ? CR_AGAIN : err;
    }
    *self_p = self;
    return CR_OK;
}

void
redis_close(redis_t **self_p)
{
    redis_t *self = *self_p;
    if (!self)
        return;
    redisFree(self->context);
    free(self);
    *self_p = NULL;
}

void
redis_command(redis_command_t *self, const char *name)
{
    self->count = self->used = 0;
    redis_argument(self, cr_slice_of(name));
}

void
redis_argument(redis_command_t *self, cr_slice_t bytes)
{
    CR_ASSERT(self->count < REDIS_ARGUMENTS_MAX);
    self->argument[self->count++] = bytes;
}

void
redis_argumentf(redis_command_t *self, const char *format, ...)
{
    char *at = self->text + self->used;
    size_t room = sizeof self->text - self->used;
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(at, room, format, arguments);
    va_end(arguments);
    CR_ASSERT(length >= 0 && (size_t)length < room);
    self->used += (size_t)length + 1;
    redis_argument(self, (cr_slice_t){at, (size_t)length});
}

void
redis_append(redis_t *self, const redis_command_t *command)
{
    const char *bytes[REDIS_ARGUMENTS_MAX];
    size_t lengths[REDIS_ARGUMENTS_MAX];
    for (size_t i = 0; i < command->count; i++) {
        bytes[i] = command->argument[i].text;
        lengths[i] = command->argument[i].length;
    }
    char *formatted = NULL;
    int length = redisFormatCommandArgv(&formatted, (int)command->count, bytes, lengths);
    CR_ASSERT(length > 0); /* only memory can fail */
    cr_slice_t whole = {formatted, (size_t)length};
    redis_append_bytes(self, whole);
    if (self->redo)
        redo_add(self->redo, self->mark, whole);
    redisFreeCommand(formatted);
}

void
redis_append_bytes(redis_t *self, cr_slice_t bytes)
{
    /* A failure stays in the context and is reported by redis_next. */
    redisAppendFormattedCommand(self->context, bytes.text, bytes.length);
}

void
redis_record(redis_t *self, redo_t *redo, uint64_t mark)
{
    self->redo = redo;
    self->mark = mark;
}

static cr_err_t
classify(const char *text, cr_fault_t *fault)
{
    static const struct {
        const char *prefix;
        cr_err_t err;
    } known[] = {
        {"FENCED", CR_CONFLICT},  {"EMPTIED", CR_CORRUPT}, {"ERR Function not found", CR_NOTFOUND},
        {"OOM", CR_AGAIN},        {"LOADING", CR_AGAIN},   {"READONLY", CR_AGAIN},
        {"MISCONF", CR_AGAIN},    {"BUSY", CR_AGAIN},      {"MASTERDOWN", CR_AGAIN},
        {"NOREPLICAS", CR_AGAIN},
    };
    cr_fault_set(fault, CR_IO, "redis: %s", text);
    for (size_t i = 0; i < CR_COUNT(known); i++)
        if (strncmp(text, known[i].prefix, strlen(known[i].prefix)) == 0)
            return known[i].err;
    return CR_IO;
}

cr_err_t
redis_next(redis_t *self, redis_reply_t **reply, cr_fault_t *fault)
{
    void *taken = NULL;
    if (redisGetReply(self->context, &taken) != REDIS_OK || !taken) {
        const char *why = self->context->errstr;
        cr_fault_set(fault, CR_CLOSED, "redis: %s", *why ? why : "connection lost");
        return CR_CLOSED;
    }
    redis_reply_t *seen = taken;
    if (seen->type == REDIS_REPLY_ERROR) {
        cr_err_t err = classify(seen->str, fault);
        redis_reply_free(&seen);
        return err;
    }
    *reply = seen;
    return CR_OK;
}

cr_err_t
redis_call(redis_t *self, const redis_command_t *command, redis_reply_t **reply, cr_fault_t *fault)
{
    redis_append(self, command);
    return redis_next(self, reply, fault);
}

cr_err_t
redis_drain(redis_t *self, size_t count, cr_fault_t *fault)
{
    cr_err_t first = CR_OK;
    for (size_t i = 0; i < count && first != CR_CLOSED; i++) {
        redis_reply_t *reply = NULL;
        cr_fault_t why;
        cr_err_t err = redis_next(self, &reply, &why);
        redis_reply_free(&reply);
        if (err != CR_OK && first == CR_OK)
            first = cr_fault_set(fault, err, "%s", why.text);
    }
    return first;
}

void
redis_reply_free(redis_reply_t **reply_p)
{
    if (*reply_p)
        freeReplyObject(*reply_p);
    *reply_p = NULL;
}

bool
redis_reply_is_nil(const redis_reply_t *reply)
{
    return reply->type == REDIS_REPLY_NIL;
}

int64_t
redis_reply_integer(const redis_reply_t *reply)
{
    if (reply->type == REDIS_REPLY_INTEGER)
        return reply->integer;
    return reply->type == REDIS_REPLY_STRING ? strtoll(reply->str, NULL, 10) : 0;
}

cr_slice_t
redis_reply_text(const redis_reply_t *reply)
{
    if (reply->type != REDIS_REPLY_STRING && reply->type != REDIS_REPLY_STATUS)
        return CR_SLICE("");
    return (cr_slice_t){reply->str, reply->len};
}

size_t
redis_reply_count(const redis_reply_t *reply)
{
    return reply->type == REDIS_REPLY_ARRAY ? reply->elements : 0;
}

const redis_reply_t *
redis_reply_item(const redis_reply_t *reply, size_t index)
{
    CR_ASSERT(index < redis_reply_count(reply));
    return reply->element[index];
}

#include "engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audience/intake.h"
#include "bench.h"
#include "cr_clock.h"
#include "cr_log.h"
#include "metrics.h"

enum { DEADLINE_MS = 30000 };

static void
need(cr_err_t err, const cr_fault_t *fault)
{
    if (err == CR_OK)
        return;
    fprintf(stderr, "crier-bench: %s\n", fault->text);
    exit(CR_EXIT_FAILED);
}

/* -- opening ------------------------------------------------------------------------------------ */

static void
open_ledger(engine_t *self, const char *socket)
{
    char url[300];
    cr_fault_t fault;
    snprintf(url, sizeof url, "unix://%s", socket);
    const ledger_config_t config = {.redis_url = url, .password_file = "", .timeout_ms = 5000};
    need(ledger_open(&config, &self->ledger, &fault), &fault);
    need(ledger_take(self->ledger, "crier-bench", &fault), &fault);
    need(ledger_start(self->ledger, &fault), &fault);
}

static void
open_dispatch(engine_t *self, const char *keys)
{
    static char key[300], workers[300]; /* dispatch keeps what its configuration points at */
    snprintf(key, sizeof key, "%s/crierd_secret", keys);
    snprintf(workers, sizeof workers, "%s/workers", keys);
    const dispatch_config_t config = {.endpoint = "tcp://127.0.0.1:*",
                                      .secret_key_file = key,
                                      .workers_dir = workers,
                                      .heartbeat_ms = 1000,
                                      .lease_ms = 10000,
                                      .report_outcomes = 32,
                                      .report_ms = 20,
                                      .retry_first_ms = 1000,
                                      .retry_max_ms = 60000,
                                      .attempts_max = 3,
                                      .quiet = {.from = "", .until = ""}};
    cr_fault_t fault;
    dispatch_t *opened;
    need(dispatch_open(&config, &opened, &self->endpoint, &fault), &fault);
    need(dispatch_let_in(opened, &fault), &fault);
    need(dispatch_start(&opened, ledger_epoch(self->ledger), &self->dispatch, &fault), &fault);
    self->plan = zsock_new_pair(">inproc://dispatch");
}

static directory_t *
make_people(uint32_t count)
{
    char row[BENCH_PERSON_MAX];
    cr_fault_t fault;
    intake_result_t result = {0};
    directory_t *nobody = directory_new(), *people = NULL;
    intake_t *intake = intake_new();
    need(intake_feed(intake, BENCH_PEOPLE_HEADER, strlen(BENCH_PEOPLE_HEADER), &fault), &fault);
    for (uint32_t number = 0; number < count; number++)
        need(intake_feed(intake, row, (size_t)bench_person(number, row), &fault), &fault);
    need(intake_finish(intake, &fault), &fault);
    need(intake_apply(intake, nobody, false, &people, &result, &fault), &fault);
    intake_result_fini(&result);
    intake_destroy(&intake);
    directory_unref(&nobody);
    return people;
}

void
engine_open(engine_t *self, const char *socket, const char *keys, uint32_t people)
{
    cr_log_open("crier-bench", CR_LOG_WARN);
    zsys_handler_set(NULL);
    open_ledger(self, socket);
    open_dispatch(self, keys);
    dispatch_message_t *message = dispatch_message_new(DISPATCH_DIRECTORY);
    message->directory = make_people(people);
    dispatch_send(self->plan, &message);
    message = dispatch_message_new(DISPATCH_SERVE);
    dispatch_send(self->plan, &message);
}

void
engine_wait_workers(const engine_t *self, int64_t count)
{
    int64_t end = cr_clock_mono_us() + DEADLINE_MS * CR_US_PER_MS;
    while (metrics_get(METRIC_WORKERS) < count) {
        dispatch_message_t *news = engine_news(self);
        dispatch_message_destroy(&news);
        CR_ASSERT(cr_clock_mono_us() < end);
    }
}

/* -- closing ------------------------------------------------------------------------------------ */

void
engine_close(engine_t *self)
{
    dispatch_message_t *message = dispatch_message_new(DISPATCH_STOP);
    int64_t end = cr_clock_mono_us() + DEADLINE_MS * CR_US_PER_MS;
    dispatch_send(self->plan, &message);
    for (bool stopped = false; !stopped && cr_clock_mono_us() < end;) {
        message = engine_news(self);
        stopped = message && message->kind == DISPATCH_STOP;
        dispatch_message_destroy(&message);
    }
    zactor_destroy(&self->dispatch);
    zsock_destroy(&self->plan);
    ledger_destroy(&self->ledger);
    zstr_free(&self->endpoint);
}

/* -- orders and news ---------------------------------------------------------------------------- */

static char *
copy(const char *text)
{
    char *made = strdup(text);
    CR_ASSERT(made);
    return made;
}

static dispatch_content_t *
make_content(void)
{
    dispatch_content_t *content = calloc(1, sizeof *content);
    CR_ASSERT(content);
    content->wording_count = content->column_count = 1;
    content->wordings = calloc(1, sizeof *content->wordings);
    content->columns = calloc(1, sizeof *content->columns);
    CR_ASSERT(content->wordings && content->columns);
    content->wordings[0].language = copy("zh-CN");
    content->wordings[0].text =
        copy("【演练】{name}您好，5月12日10时在文化广场举行防灾减灾科普活动。");
    content->columns[0] = copy("name");
    return content;
}

void
engine_start(const engine_t *self, uint64_t id, cr_lane_t lane, roaring_bitmap_t *audience)
{
    dispatch_message_t *message = dispatch_message_new(DISPATCH_START);
    dispatch_broadcast_t *broadcast = calloc(1, sizeof *broadcast);
    CR_ASSERT(message && broadcast);
    int64_t now = cr_clock_wall_us();
    *broadcast = (dispatch_broadcast_t){.id = id,
                                        .lane = lane,
                                        .drill = true,
                                        .resend_unknown = lane == CR_LANE_EMERGENCY,
                                        .channels = 1u << CR_CHANNEL_SMS,
                                        .started_us = now,
                                        .expires_us = now + 3600 * CR_US_PER_S,
                                        .sender = copy("平阴科普"),
                                        .audience = audience};
    broadcast->content[CR_CHANNEL_SMS] = make_content();
    message->id = id;
    message->broadcast = broadcast;
    dispatch_send(self->plan, &message);
}

dispatch_message_t *
engine_news(const engine_t *self)
{
    return zsock_events(self->plan) & ZMQ_POLLIN ? dispatch_receive(self->plan) : NULL;
}

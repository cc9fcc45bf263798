/* The listener on its loop: replies at once, replies that wait, replies that come too late. */
#include <stdio.h>
#include <string.h>

#include "cr_clock.h"
#include "cr_http.h"
#include "cr_test.h"
#include "runtime/listener.h"

enum { REQUESTS = 200, CONNECTIONS = 4, DEADLINE_MS = 20000, TICKETS_MAX = 16 };

typedef struct {
    zloop_t *loop;
    listener_t *listener;
    cr_http_t *http;
    char url[128];
    size_t started, answered, wanted;
    long last_status;
    bool echoed;
    uint64_t tickets[TICKETS_MAX]; /* of pushes that wait */
    size_t ticket_count;
} world_t;

static push_verdict_t
on_push(void *context, const push_t *push)
{
    static const push_reply_t later = {200, "text/plain", "later"};
    static const push_reply_t now = {202, "text/plain", "now"};
    world_t *self = context;
    self->echoed = strcmp(push_method(push), "POST") == 0 &&
                   cr_slice_equal(push_body(push), CR_SLICE("hello")) &&
                   strcmp(push_query(push, "a"), "1") == 0 && push_query(push, "b")[0] == '\0';
    if (strcmp(push_path(push), "/wait") != 0)
        return (push_verdict_t){now, false};
    CU_ASSERT_FATAL(self->ticket_count < TICKETS_MAX);
    self->tickets[self->ticket_count++] = push_ticket(push);
    return (push_verdict_t){later, true};
}

static void request(world_t *self);

static void
on_answer(void *context, const cr_http_answer_t *answer)
{
    world_t *self = context;
    CU_ASSERT_TRUE(answer->answered);
    self->last_status = answer->status;
    self->answered++;
    if (self->started < self->wanted)
        request(self);
}

static void
post(world_t *self, const char *body, size_t length)
{
    CURL *handle = cr_http_request(self->http, self->url, DEADLINE_MS);
    curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE, (long)length);
    curl_easy_setopt(handle, CURLOPT_COPYPOSTFIELDS, body);
    CU_ASSERT_EQUAL_FATAL(cr_http_submit(self->http, handle, NULL, on_answer, self), CR_OK);
    self->started++;
}

static void
request(world_t *self)
{
    post(self, "hello", 5);
}

/* Releases what waits, as the daemon's acknowledgement would; ends when all is answered. */
static int
on_tick(zloop_t *loop, int timer, void *context)
{
    (void)loop;
    (void)timer;
    world_t *self = context;
    while (self->ticket_count > 0)
        listener_release(self->listener, self->tickets[--self->ticket_count]);
    return self->answered >= self->wanted ? -1 : 0;
}

static int
on_deadline(zloop_t *loop, int timer, void *context)
{
    (void)loop;
    (void)timer;
    (void)context;
    return -1;
}

static void
open_world(world_t *self, const char *path)
{
    cr_fault_t fault;
    *self = (world_t){.loop = zloop_new()};
    self->http = cr_http_new(self->loop, CONNECTIONS);
    self->listener = listener_open(self->loop, "127.0.0.1", 0, on_push, self, &fault);
    CU_ASSERT_PTR_NOT_NULL_FATAL(self->listener);
    snprintf(self->url, sizeof self->url, "http://127.0.0.1:%u%s?a=1",
             (unsigned)listener_port(self->listener), path);
}

static void
close_world(world_t *self)
{
    cr_http_destroy(&self->http);
    listener_close(&self->listener);
    zloop_destroy(&self->loop);
}

static void
run(world_t *self, size_t wanted)
{
    self->wanted = wanted;
    while (self->started < wanted && self->started < CONNECTIONS)
        request(self);
    zloop_timer(self->loop, 1, 0, on_tick, self);
    zloop_timer(self->loop, DEADLINE_MS, 1, on_deadline, self);
    zloop_start(self->loop);
    CU_ASSERT_EQUAL(self->answered, wanted);
}

static void
many_pushes_on_a_few_connections_are_answered_when_they_are_released(void)
{
    world_t world;
    open_world(&world, "/wait");
    int64_t started_us = cr_clock_mono_us();
    run(&world, REQUESTS);
    CU_ASSERT_EQUAL(world.last_status, 200);
    CU_ASSERT_TRUE(world.echoed);
    CU_ASSERT_TRUE(cr_clock_mono_us() - started_us < 4 * CR_US_PER_S); /* none by its deadline */
    close_world(&world);
}

static void
a_reply_that_does_not_wait_is_given_at_once(void)
{
    world_t world;
    open_world(&world, "/now");
    run(&world, 3);
    CU_ASSERT_EQUAL(world.last_status, 202);
    close_world(&world);
}

static int
on_late(zloop_t *loop, int timer, void *context)
{
    (void)loop;
    (void)timer;
    world_t *self = context;
    if (self->ticket_count > 0) {
        listener_tick(self->listener, cr_clock_mono_us() + 60 * CR_US_PER_S);
        listener_release(self->listener, self->tickets[0]); /* too late: changes nothing */
    }
    return self->answered > 0 ? -1 : 0;
}

static void
a_push_that_waited_too_long_is_told_to_come_again(void)
{
    world_t world;
    open_world(&world, "/wait");
    request(&world);
    zloop_timer(world.loop, 1, 0, on_late, &world);
    zloop_timer(world.loop, DEADLINE_MS, 1, on_deadline, &world);
    zloop_start(world.loop);
    CU_ASSERT_EQUAL(world.answered, 1);
    CU_ASSERT_EQUAL(world.last_status, 503);
    close_world(&world);
}

static void
a_body_that_is_too_large_is_refused(void)
{
    static char body[(1 << 20) + 1];
    world_t world;
    memset(body, 'x', sizeof body);
    open_world(&world, "/now");
    world.wanted = 1;
    post(&world, body, sizeof body);
    zloop_timer(world.loop, 1, 0, on_tick, &world);
    zloop_timer(world.loop, DEADLINE_MS, 1, on_deadline, &world);
    zloop_start(world.loop);
    CU_ASSERT_EQUAL(world.last_status, 413);
    close_world(&world);
}

static void
it_can_be_closed_while_a_push_waits(void)
{
    world_t world;
    open_world(&world, "/wait");
    request(&world);
    zloop_timer(world.loop, 200, 1, on_deadline, &world);
    zloop_start(world.loop);
    CU_ASSERT_EQUAL(world.ticket_count, 1);
    close_world(&world);
}

const char cr_suite[] = "listener";
CU_TestInfo cr_tests[] = {
#define TEST(name)                                                                                 \
    {                                                                                              \
#name, name                                                                                \
    }
    TEST(many_pushes_on_a_few_connections_are_answered_when_they_are_released),
    TEST(a_reply_that_does_not_wait_is_given_at_once),
    TEST(a_push_that_waited_too_long_is_told_to_come_again),
    TEST(a_body_that_is_too_large_is_refused),
    TEST(it_can_be_closed_while_a_push_waits),
    CU_TEST_INFO_NULL,
};

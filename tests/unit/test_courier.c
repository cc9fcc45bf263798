/* The courier against a relay that takes, refuses, or says nothing more. */
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "courier.h"
#include "cr_clock.h"
#include "cr_test.h"
#include "mail_outcome.h"

/* A relay on a thread of its own: one connection after the other, one reply a command. */
typedef struct {
    const char *rcpt, *end; /* replies to RCPT and to the last dot; NULL: none ever comes */
    int listener;
    uint16_t port;
    unsigned connections, mails;
    pthread_t thread;
} relay_t;

static const char *
reply_of(const relay_t *relay, const char *command)
{
    const struct {
        const char *word, *reply;
    } replies[] = {
        {"EHLO", "250 hello\r\n"}, {"MAIL", "250 2.1.0 ok\r\n"}, {"RCPT", relay->rcpt},
        {"DATA", "354 go on\r\n"}, {"RSET", "250 ok\r\n"},       {"QUIT", "221 bye\r\n"},
    };
    for (size_t i = 0; i < CR_COUNT(replies); i++)
        if (strncmp(command, replies[i].word, 4) == 0)
            return replies[i].reply;
    return "500 what\r\n";
}

static void
serve(relay_t *relay, FILE *line)
{
    char text[1024];
    bool in_data = false;
    fputs("220 relay\r\n", line);
    while (fgets(text, sizeof text, line)) {
        bool ends = in_data && strcmp(text, ".\r\n") == 0;
        if (in_data && !ends)
            continue;
        const char *reply = ends ? relay->end : reply_of(relay, text);
        relay->mails += ends;
        in_data = !ends && reply && strncmp(reply, "354", 3) == 0;
        if (reply) {
            fflush(line);
            fputs(reply, line);
        }
    }
}

static void *
relay_thread(void *context)
{
    relay_t *relay = context;
    for (int fd; (fd = accept(relay->listener, NULL, NULL)) >= 0; relay->connections++) {
        FILE *line = fdopen(fd, "r+");
        setvbuf(line, NULL, _IOLBF, 0);
        serve(relay, line);
        fclose(line);
    }
    return NULL;
}

static void
relay_start(relay_t *relay)
{
    struct sockaddr_in where = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof where;
    relay->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CU_ASSERT_EQUAL_FATAL(bind(relay->listener, (struct sockaddr *)&where, sizeof where), 0);
    CU_ASSERT_EQUAL_FATAL(listen(relay->listener, 8), 0);
    getsockname(relay->listener, (struct sockaddr *)&where, &length);
    relay->port = ntohs(where.sin_port);
    CU_ASSERT_EQUAL_FATAL(pthread_create(&relay->thread, NULL, relay_thread, relay), 0);
}

static void
relay_stop(relay_t *relay)
{
    shutdown(relay->listener, SHUT_RDWR);
    pthread_join(relay->thread, NULL);
    close(relay->listener);
}

typedef struct {
    relay_t relay;
    char url[64];
    courier_config_t config;
    courier_t *courier;
    parcel_t parcel;
} world_t;

static void
open_world(world_t *self, const char *rcpt, const char *end)
{
    *self = (world_t){.relay = {.rcpt = rcpt, .end = end}};
    relay_start(&self->relay);
    snprintf(self->url, sizeof self->url, "smtp://127.0.0.1:%u/test", (unsigned)self->relay.port);
    self->config = (courier_config_t){.url = self->url,
                                      .from = "kp@pingyin.test",
                                      .ca_file = "",
                                      .user = "",
                                      .timeout_ms = 20000};
    self->courier = courier_new(&self->config);
    CU_ASSERT_PTR_NOT_NULL_FATAL(self->courier);
}

static void
close_world(world_t *self)
{
    courier_destroy(&self->courier);
    relay_stop(&self->relay);
    if (self->parcel.mail)
        g_byte_array_unref(self->parcel.mail);
    free(self->parcel.recipient);
}

static void
send_one(world_t *self)
{
    static const char mail[] = "Subject: x\r\n\r\nx\r\n";
    if (self->parcel.mail)
        g_byte_array_unref(self->parcel.mail);
    free(self->parcel.recipient);
    self->parcel = (parcel_t){.mail = g_byte_array_new(), .recipient = strdup("a@example.test")};
    g_byte_array_append(self->parcel.mail, (const guint8 *)mail, sizeof mail - 1);
    courier_send(self->courier, &self->parcel);
}

static bool
comes_back(world_t *self, int deadline_ms)
{
    zmq_pollitem_t item = {.socket = zsock_resolve(courier_socket(self->courier)),
                           .events = ZMQ_POLLIN};
    return zmq_poll(&item, 1, deadline_ms) == 1 && courier_receive(self->courier) == &self->parcel;
}

static void
mails_go_over_one_kept_connection(void)
{
    world_t world;
    open_world(&world, "250 2.1.5 ok\r\n", "250 2.0.0 taken\r\n");
    for (int i = 0; i < 5; i++) {
        send_one(&world);
        CU_ASSERT_TRUE(comes_back(&world, 10000));
        CU_ASSERT_EQUAL(mail_outcome(&world.parcel).status, CR_STATUS_HANDED);
    }
    close_world(&world);
    CU_ASSERT_EQUAL(world.relay.mails, 5);
    CU_ASSERT_EQUAL(world.relay.connections, 1);
}

static void
a_refusal_is_an_answer_and_the_next_mail_goes_on(void)
{
    world_t world;
    open_world(&world, "550 5.1.1 nobody\r\n", "250 ok\r\n");
    for (int i = 0; i < 2; i++) {
        send_one(&world);
        CU_ASSERT_TRUE(comes_back(&world, 10000));
        CU_ASSERT_EQUAL(mail_outcome(&world.parcel).status, CR_STATUS_FAILED_ADDRESS);
    }
    close_world(&world);
    CU_ASSERT_EQUAL(world.relay.mails, 0);
}

static void
a_relay_that_is_away_is_tried_later(void)
{
    world_t world;
    open_world(&world, "250 ok\r\n", "250 ok\r\n");
    snprintf(world.url, sizeof world.url, "smtp://127.0.0.1:1/test");
    courier_destroy(&world.courier);
    world.courier = courier_new(&world.config);
    send_one(&world);
    CU_ASSERT_TRUE(comes_back(&world, 10000));
    CU_ASSERT_EQUAL(mail_outcome(&world.parcel).status, CR_STATUS_RETRY_1);
    close_world(&world);
}

static void
a_relay_without_starttls_gets_no_mail(void)
{
    world_t world;
    open_world(&world, "250 ok\r\n", "250 ok\r\n");
    courier_destroy(&world.courier);
    world.config.starttls = true;
    world.courier = courier_new(&world.config);
    send_one(&world);
    CU_ASSERT_TRUE(comes_back(&world, 10000));
    CU_ASSERT_EQUAL(mail_outcome(&world.parcel).status, CR_STATUS_RETRY_1);
    close_world(&world);
    CU_ASSERT_EQUAL(world.relay.mails, 0);
}

static void
a_relay_that_says_nothing_more_does_not_hold_up_the_end(void)
{
    world_t world;
    open_world(&world, "250 ok\r\n", NULL);
    send_one(&world);
    CU_ASSERT_FALSE(comes_back(&world, 300));
    int64_t started_us = cr_clock_mono_us();
    courier_stop(world.courier);
    CU_ASSERT_TRUE(comes_back(&world, 5000));
    CU_ASSERT_EQUAL(mail_outcome(&world.parcel).status, CR_STATUS_UNKNOWN);
    close_world(&world);
    CU_ASSERT_TRUE(cr_clock_mono_us() - started_us < 4 * CR_US_PER_S);
}

const char cr_suite[] = "courier";
CU_TestInfo cr_tests[] = {
#define TEST(name)                                                                                 \
    {                                                                                              \
#name, name                                                                                \
    }
    TEST(mails_go_over_one_kept_connection),
    TEST(a_refusal_is_an_answer_and_the_next_mail_goes_on),
    TEST(a_relay_that_is_away_is_tried_later),
    TEST(a_relay_without_starttls_gets_no_mail),
    TEST(a_relay_that_says_nothing_more_does_not_hold_up_the_end),
    CU_TEST_INFO_NULL,
};

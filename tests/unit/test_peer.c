/* Where a gateway is: its name is asked for again, and every address gets its turn. The resolver is ours. */
#include <arpa/inet.h>
#include <netdb.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cr_clock.h"
#include "cr_test.h"
#include "runtime/peer.h"

const char cr_suite[] = "peer";

enum { WAIT_MS = 5000 };

static const char *_Atomic
    answers[3]; /* what the name means now, in this order; all NULL: it cannot be asked for */
static int port;
static atomic_int questions;
static atomic_bool slow; /* the answer is not there yet */
static int64_t now_us = CR_US_PER_S;

int64_t
cr_clock_mono_us(void)
{
    return now_us;
}

static int
answer(struct addrinfo **out)
{
    *out = NULL;
    for (size_t i = CR_COUNT(answers); i-- > 0;) {
        if (!answers[i])
            continue;
        struct addrinfo *one = calloc(1, sizeof *one);
        struct sockaddr_in *to = calloc(1, sizeof *to);
        *to = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
        inet_pton(AF_INET, answers[i], &to->sin_addr);
        *one = (struct addrinfo){.ai_family = AF_INET,
                                 .ai_socktype = SOCK_STREAM,
                                 .ai_addr = (struct sockaddr *)to,
                                 .ai_addrlen = sizeof *to,
                                 .ai_next = *out};
        *out = one;
    }
    return *out ? 0 : EAI_AGAIN;
}

int
getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
            struct addrinfo **out)
{
    (void)service;
    (void)hints;
    questions++;
    while (slow)
        usleep(1000);
    return strcmp(name, "nowhere.test") == 0 ? EAI_NONAME : answer(out);
}

void
freeaddrinfo(struct addrinfo *list)
{
    while (list) {
        struct addrinfo *next = list->ai_next;
        free(list->ai_addr);
        free(list);
        list = next;
    }
}

/* A listener at an address of loopback; others refuse its port. */
static int
listen_at(const char *address)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t size = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    inet_pton(AF_INET, address, &at.sin_addr);
    CU_ASSERT_EQUAL_FATAL(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    CU_ASSERT_EQUAL_FATAL(listen(fd, 8), 0);
    CU_ASSERT_EQUAL_FATAL(getsockname(fd, (struct sockaddr *)&at, &size), 0);
    port = ntohs(at.sin_port);
    return fd;
}

static peer_t *
begin(const char *first, const char *second)
{
    const peer_place_t place = {.scheme = "smpp", .url = "smpp://gateway.test:2775", .ca_file = ""};
    peer_t *peer = NULL;
    cr_fault_t fault;
    answers[0] = first;
    answers[1] = second;
    slow = false;
    CU_ASSERT_EQUAL_FATAL(peer_new(&place, &peer, &fault), CR_OK);
    return peer;
}

/* Whether the next connection opens. */
static bool
opens(peer_t *peer)
{
    peer_link_t *link = peer_connect(peer);
    if (!link)
        return false;
    peer_state_t state = PEER_CONNECTING;
    while (state == PEER_CONNECTING) {
        struct pollfd ready = {.fd = peer_socket(link), .events = POLLIN | POLLOUT};
        CU_ASSERT_EQUAL_FATAL(poll(&ready, 1, WAIT_MS), 1);
        state = peer_step(link);
    }
    peer_close(&link);
    return state == PEER_OPEN;
}

/* Whether one opens soon: an answer takes a moment. */
static bool
opens_soon(peer_t *peer)
{
    for (int i = 0; i < WAIT_MS; i++) {
        if (opens(peer))
            return true;
        usleep(1000);
    }
    return false;
}

static void
every_address_gets_its_turn(void)
{
    int fd = listen_at("127.0.0.2");
    peer_t *peer = begin("127.0.0.1", "127.0.0.2");
    CU_ASSERT_FALSE(opens(peer));
    CU_ASSERT_TRUE(opens(peer));
    CU_ASSERT_FALSE(opens(peer));
    peer_destroy(&peer);
    close(fd);
}

static void
a_name_that_moves_is_followed_without_waiting(void)
{
    int fd = listen_at("127.0.0.2");
    peer_t *peer = begin("127.0.0.1", NULL);
    answers[0] = "127.0.0.2";
    questions = 0;
    CU_ASSERT_FALSE(opens(peer));
    CU_ASSERT_EQUAL(questions, 0); /* the answer is fresh */
    now_us += 11 * CR_US_PER_S;
    slow = true;
    CU_ASSERT_FALSE(opens(peer)); /* asks, and goes where it knows */
    CU_ASSERT_FALSE(opens(peer));
    CU_ASSERT_TRUE(questions <= 1);
    slow = false;
    CU_ASSERT_TRUE(opens_soon(peer));
    peer_destroy(&peer);
    close(fd);
}

static void
without_an_answer_the_old_addresses_stay(void)
{
    int fd = listen_at("127.0.0.2");
    peer_t *peer = begin("127.0.0.2", NULL);
    answers[0] = NULL;
    for (int i = 0; i < 4; i++) {
        now_us += 11 * CR_US_PER_S;
        CU_ASSERT_TRUE(opens(peer));
    }
    peer_destroy(&peer);
    close(fd);
}

static void
a_resolver_that_is_away_at_the_start_is_asked_again(void)
{
    int fd = listen_at("127.0.0.2");
    peer_t *peer = begin(NULL, NULL);
    CU_ASSERT_FALSE(opens(peer));
    answers[0] = "127.0.0.2";
    now_us += 11 * CR_US_PER_S;
    CU_ASSERT_TRUE(opens_soon(peer));
    slow = true;
    now_us += 11 * CR_US_PER_S;
    CU_ASSERT_TRUE(opens(peer));
    peer_destroy(&peer); /* while a question is under way */
    slow = false;
    close(fd);
}

static void
a_name_that_is_none_is_refused_at_the_start(void)
{
    const peer_place_t place = {.scheme = "smpp", .url = "smpp://nowhere.test:2775", .ca_file = ""};
    peer_t *peer = NULL;
    cr_fault_t fault = {.text = ""};
    CU_ASSERT_EQUAL(peer_new(&place, &peer, &fault), CR_NOTFOUND);
    CU_ASSERT_PTR_NOT_NULL(strstr(fault.text, "nowhere.test"));
    CU_ASSERT_PTR_NULL(peer);
}

CU_TestInfo cr_tests[] = {
    {"every address gets its turn", every_address_gets_its_turn},
    {"a name that moves is followed without waiting",
     a_name_that_moves_is_followed_without_waiting},
    {"without an answer the old addresses stay", without_an_answer_the_old_addresses_stay},
    {"a resolver that is away at the start is asked again",
     a_resolver_that_is_away_at_the_start_is_asked_again},
    {"a name that is none is refused at the start", a_name_that_is_none_is_refused_at_the_start},
    CU_TEST_INFO_NULL,
};

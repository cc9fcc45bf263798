/*
 * The limit of the wire: messages of the size of a lease from a ROUTER to a DEALER over CURVE and
 * TCP, two outstanding, each answered by a message of the size of a report. Nothing is decided and
 * nothing is stored.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "cr_clock.h"
#include "cr_keys.h"

enum { LEASE_BYTES = 9000, REPORT_BYTES = 600, DELIVERIES = 256, CREDIT = 2, RUNS = 5 };

typedef struct {
    char endpoint[64];
    const char *server_key;
} peer_t;

static void
worker(zsock_t *pipe, void *context)
{
    const peer_t *peer = context;
    zcert_t *cert = zcert_new();
    zsock_t *dealer = zsock_new(ZMQ_DEALER);
    zsock_set_linger(dealer, 0);
    zcert_apply(cert, dealer);
    zsock_set_curve_serverkey(dealer, peer->server_key);
    zsock_connect(dealer, "%s", peer->endpoint);
    zsock_signal(pipe, 0);
    void *raw = zsock_resolve(dealer);
    static char report[REPORT_BYTES];
    zmq_send(raw, report, 1, 0); /* the router learns our name */
    zmq_pollitem_t items[] = {{.socket = raw, .events = ZMQ_POLLIN},
                              {.socket = zsock_resolve(pipe), .events = ZMQ_POLLIN}};
    while (zmq_poll(items, 2, -1) >= 0 && !(items[1].revents & ZMQ_POLLIN)) {
        zmq_msg_t lease;
        zmq_msg_init(&lease);
        while (zmq_msg_recv(&lease, raw, ZMQ_DONTWAIT) >= 0)
            zmq_send(raw, report, sizeof report, 0);
        zmq_msg_close(&lease);
    }
    zsock_destroy(&dealer);
    zcert_destroy(&cert);
}

/* Takes a report and its routing id; the id's length. */
static int
take(void *router, char name[256])
{
    char report[REPORT_BYTES];
    int length = zmq_recv(router, name, 255, 0);
    zmq_recv(router, report, sizeof report, 0);
    return length;
}

static void
give(void *router, const char *name, int name_length)
{
    static char lease[LEASE_BYTES];
    zmq_send(router, name, (size_t)name_length, ZMQ_SNDMORE);
    zmq_send(router, lease, sizeof lease, 0);
}

/* Deliveries per second over `seconds`. */
static double
measure(void *router, double seconds)
{
    char name[256];
    int length = take(router, name);
    int64_t start = cr_clock_mono_us(), end = start + (int64_t)(seconds * 1e6), now = start;
    for (int i = 0; i < CREDIT; i++)
        give(router, name, length);
    double count = 0;
    for (; now < end; now = cr_clock_mono_us(), count += DELIVERIES) {
        length = take(router, name);
        give(router, name, length);
    }
    for (int i = 0; i < CREDIT; i++)
        take(router, name);
    return count * 1e6 / (double)(now - start);
}

int
bench_raw(int argc, char **argv)
{
    double seconds = argc == 1 ? strtod(argv[0], NULL) : 0, rates[RUNS];
    if (seconds <= 0 || seconds > 60) {
        fprintf(stderr, "usage: crier-bench raw SECONDS (to 60)\n");
        return CR_EXIT_USAGE;
    }
    zsys_handler_set(NULL);
    zactor_t *auth = zactor_new(zauth, NULL);
    zstr_sendx(auth, "CURVE", CURVE_ALLOW_ANY, NULL);
    zsock_wait(auth);
    zcert_t *cert = zcert_new();
    for (size_t i = 0; i < RUNS; i++) {
        zsock_t *router = zsock_new(ZMQ_ROUTER);
        zsock_set_zap_domain(router, "bench");
        zcert_apply(cert, router);
        zsock_set_curve_server(router, 1);
        int port = zsock_bind(router, "tcp://127.0.0.1:*");
        peer_t peer = {.server_key = zcert_public_txt(cert)};
        snprintf(peer.endpoint, sizeof peer.endpoint, "tcp://127.0.0.1:%d", port);
        zactor_t *actor = zactor_new(worker, &peer);
        rates[i] = measure(zsock_resolve(router), seconds);
        zactor_destroy(&actor);
        zsock_destroy(&router);
    }
    zcert_destroy(&cert);
    zactor_destroy(&auth);
    bench_print("dispatch", "raw_curve_deliveries_per_s", bench_median(rates, RUNS), "1/s", RUNS);
    return CR_EXIT_OK;
}

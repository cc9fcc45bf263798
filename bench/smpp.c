/*
 * The other side for the benches of smpp and cmpp: a bare message centre, and the limit that a bare
 * client reaches with it, which encodes submits, decodes answers and does nothing else.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"
#include "cr_clock.h"
#include "cr_cmpp.h"
#include "cr_smpp.h"
#include "smsc.h"

enum { RUNS = 5, BATCH_BYTES = 1 << 18, TEXT_OCTETS = 120 };

static volatile bool stopped;

static void
on_signal(int signal_number)
{
    (void)signal_number;
    stopped = true;
}

int
bench_smsc(int argc, char **argv)
{
    smsc_t smsc = {.stop = &stopped};
    if (argc == 3)
        smsc.protocol = smsc_protocol(argv[0]);
    if (!smsc.protocol) {
        fprintf(stderr, "usage: crier-bench smsc smpp|cmpp receipts|none ANSWER_MS\n");
        return CR_EXIT_USAGE;
    }
    smsc.receipts = strcmp(argv[1], "receipts") == 0;
    smsc.answer_us = strtol(argv[2], NULL, 10) * CR_US_PER_MS;
    signal(SIGTERM, on_signal);
    printf("READY smsc port=%u\n", (unsigned)smsc_listen(&smsc));
    fflush(stdout);
    smsc_serve(&smsc);
    double seconds = (double)(smsc.last_us - smsc.first_us) / 1e6;
    bench_print(smsc.protocol->name, "submits", (double)smsc.submits, "1", 1);
    bench_print(smsc.protocol->name, "submits_per_s",
                seconds > 0 ? (double)(smsc.submits - 1) / seconds : 0, "1/s", 1);
    return CR_EXIT_OK;
}

/* ---- the limit ------------------------------------------------------------------------------ */

static void *
serve(void *context)
{
    smsc_serve(context);
    return NULL;
}

/* Appends one submit, as a worker would. */
static void
put_submit(const smsc_protocol_t *protocol, uint32_t sequence, cr_pdu_buffer_t *out)
{
    static const char text[TEXT_OCTETS];
    const cr_smpp_t smpp = {.command = CR_SMPP_SUBMIT_SM,
                            .sequence = sequence,
                            .source_addr = CR_SLICE("10690001"),
                            .destination_addr = CR_SLICE("13800001234"),
                            .validity_period = CR_SLICE("261125120000032+"),
                            .registered_delivery = 1,
                            .data_coding = CR_SMPP_CODING_UCS2,
                            .short_message = {text, sizeof text}};
    const cr_cmpp_t cmpp = {.command = CR_CMPP_SUBMIT,
                            .sequence = sequence,
                            .src_id = CR_SLICE("10690001"),
                            .dest_terminal_id = CR_SLICE("13800001234"),
                            .registered_delivery = 1,
                            .msg_fmt = CR_CMPP_FORMAT_UCS2,
                            .msg_content = {text, sizeof text}};
    cr_err_t err = protocol->header == CR_SMPP_HEADER
                       ? cr_smpp_encode(&smpp, out, NULL)
                       : cr_cmpp_encode(&cmpp, CR_CMPP_30, out, NULL);
    CR_ASSERT(err == CR_OK);
}

/* Reads whole answers from the head of `bytes`; how many. */
static size_t
take_answers(const smsc_protocol_t *protocol, cr_slice_t bytes)
{
    size_t count = bytes.length / protocol->answer_bytes;
    for (size_t i = 0; i < count; i++) {
        cr_slice_t frame = {bytes.text + i * protocol->answer_bytes, protocol->answer_bytes};
        cr_smpp_t smpp;
        cr_cmpp_t cmpp;
        cr_err_t err = protocol->header == CR_SMPP_HEADER
                           ? cr_smpp_decode(frame, &smpp, NULL)
                           : cr_cmpp_decode(frame, CR_CMPP_30, &cmpp, NULL);
        CR_ASSERT(err == CR_OK);
    }
    return count;
}

static void
write_all(int fd, const uint8_t *bytes, size_t length)
{
    for (ssize_t written; length > 0; bytes += written, length -= (size_t)written) {
        written = send(fd, bytes, length, MSG_NOSIGNAL);
        CR_ASSERT(written > 0);
    }
}

/* Submits a second with `window` of them unanswered: as many leave at once as were answered. */
static double
run_client(const smsc_protocol_t *protocol, int fd, size_t window, size_t count)
{
    static uint8_t submits[BATCH_BYTES], answers[BATCH_BYTES];
    int64_t start_us = cr_clock_mono_us();
    size_t sent = 0, answered = 0, held = 0;
    while (answered < count) {
        cr_pdu_buffer_t out = {submits, 0, sizeof submits};
        while (sent - answered < window)
            put_submit(protocol, (uint32_t)++sent, &out);
        write_all(fd, submits, out.length);
        ssize_t bytes = read(fd, answers + held, sizeof answers - held);
        CR_ASSERT(bytes > 0);
        held += (size_t)bytes;
        size_t taken = take_answers(protocol, (cr_slice_t){(const char *)answers, held});
        answered += taken;
        held -= taken * protocol->answer_bytes;
        memmove(answers, answers + taken * protocol->answer_bytes, held);
    }
    return (double)answered * 1e6 / (double)(cr_clock_mono_us() - start_us);
}

static int
connect_to(uint16_t port)
{
    static const int on = 1;
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CR_ASSERT(fd != -1 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

int
bench_smsc_limit(int argc, char **argv)
{
    smsc_t smsc = {.stop = &stopped};
    size_t window = argc == 3 ? strtoul(argv[1], NULL, 10) : 0;
    size_t count = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
    if (window > 0 && window <= 1000)
        smsc.protocol = smsc_protocol(argv[0]);
    if (!smsc.protocol) {
        fprintf(stderr, "usage: crier-bench smsc-limit smpp|cmpp WINDOW COUNT\n");
        return CR_EXIT_USAGE;
    }
    uint16_t port = smsc_listen(&smsc);
    pthread_t server;
    CR_ASSERT(port != 0 && pthread_create(&server, NULL, serve, &smsc) == 0);
    double rates[RUNS];
    for (size_t i = 0; i < RUNS; i++) {
        int fd = connect_to(port);
        rates[i] = run_client(smsc.protocol, fd, window, count);
        close(fd);
    }
    stopped = true;
    pthread_join(server, NULL);
    bench_print(smsc.protocol->name, "limit_submits_per_s", bench_median(rates, RUNS), "1/s", RUNS);
    return CR_EXIT_OK;
}

/* The same client against another's message centre, whose ids have eight characters. */
int
bench_smpp_client(int argc, char **argv)
{
    size_t port = argc == 3 ? strtoul(argv[0], NULL, 10) : 0;
    size_t window = argc == 3 ? strtoul(argv[1], NULL, 10) : 0;
    size_t count = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
    if (port == 0 || port > UINT16_MAX || window == 0 || window > 1000) {
        fprintf(stderr, "usage: crier-bench smpp-client PORT WINDOW COUNT\n");
        return CR_EXIT_USAGE;
    }
    int fd = connect_to((uint16_t)port);
    bench_print("smpp", "client_submits_per_s",
                run_client(smsc_protocol("smpp"), fd, window, count), "1/s", 1);
    close(fd);
    return CR_EXIT_OK;
}

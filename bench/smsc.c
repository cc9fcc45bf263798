#include "smsc.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cr_clock.h"
#include "cr_pdu.h"

enum { LINES_MAX = 32, IN_BYTES = 1 << 18, OUT_BYTES = 1 << 20, OWED = 1 << 17, FRAME_MAX = 256 };

/* An answer that is due, or a receipt. */
typedef struct {
    uint32_t sequence;
    uint64_t id;
    int64_t due_us;
} owed_t;

typedef struct {
    int fd;
    size_t in;
    cr_pdu_buffer_t out;
    uint32_t next_sequence;
    size_t owed_first, owed_count; /* a ring, in the order of their times */
    uint8_t in_bytes[IN_BYTES], out_bytes[OUT_BYTES];
    owed_t owed[OWED];
} connection_t;

static connection_t *lines[LINES_MAX];
static size_t line_count;

uint16_t
smsc_listen(smsc_t *self)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    self->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    bool bound = self->listener != -1 &&
                 bind(self->listener, (struct sockaddr *)&address, sizeof address) == 0 &&
                 listen(self->listener, LINES_MAX) == 0 &&
                 getsockname(self->listener, (struct sockaddr *)&address, &length) == 0;
    return bound ? ntohs(address.sin_port) : 0;
}

static void
welcome(const smsc_t *self)
{
    static const int on = 1;
    int fd = accept(self->listener, NULL, NULL);
    if (fd == -1 || line_count == LINES_MAX)
        return;
    connection_t *line = calloc(1, sizeof *line);
    CR_ASSERT(line);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    line->fd = fd;
    line->out = (cr_pdu_buffer_t){line->out_bytes, 0, OUT_BYTES};
    lines[line_count++] = line;
}

/* ---- frames --------------------------------------------------------------------------------- */

static void
take_submit(smsc_t *self, connection_t *line, uint32_t sequence, int64_t now_us)
{
    uint64_t id = ++self->submits;
    if (id == 1)
        self->first_us = now_us;
    self->last_us = now_us;
    if (self->answer_us == 0)
        self->protocol->answer(sequence, id, &line->out);
    if (self->answer_us == 0 && self->receipts)
        self->protocol->receipt_frame(id, ++line->next_sequence, &line->out);
    if (self->answer_us == 0)
        return;
    CR_ASSERT(line->owed_count < OWED);
    line->owed[(line->owed_first + line->owed_count++) % OWED] =
        (owed_t){sequence, id, now_us + self->answer_us};
}

static void
pay(const smsc_t *self, connection_t *line, int64_t now_us)
{
    while (line->owed_count > 0 && line->owed[line->owed_first].due_us <= now_us) {
        const owed_t *owed = &line->owed[line->owed_first];
        self->protocol->answer(owed->sequence, owed->id, &line->out);
        if (self->receipts)
            self->protocol->receipt_frame(owed->id, ++line->next_sequence, &line->out);
        line->owed_first = (line->owed_first + 1) % OWED;
        line->owed_count--;
    }
}

static void
take_frames(smsc_t *self, connection_t *line, int64_t now_us)
{
    size_t at = 0, length;
    while (OUT_BYTES - line->out.length > 2 * FRAME_MAX) {
        const uint8_t *frame = line->in_bytes + at;
        cr_slice_t rest = {(const char *)frame, line->in - at};
        if (cr_pdu_frame(rest, self->protocol->header, IN_BYTES, &length) != CR_OK)
            break;
        uint32_t command = cr_pdu_get_u32(frame + 4);
        if (command == self->protocol->submit)
            take_submit(self, line, cr_pdu_get_u32(frame + self->protocol->sequence_at), now_us);
        else if (command == self->protocol->log_in)
            self->protocol->log_in_answer(frame, &line->out);
        at += length;
    }
    memmove(line->in_bytes, line->in_bytes + at, line->in - at);
    line->in -= at;
}

/* ---- bytes ---------------------------------------------------------------------------------- */

static void
flush(connection_t *line)
{
    ssize_t bytes =
        line->out.length > 0 ? send(line->fd, line->out_bytes, line->out.length, MSG_NOSIGNAL) : 0;
    if (bytes <= 0)
        return;
    line->out.length -= (size_t)bytes;
    memmove(line->out_bytes, line->out_bytes + bytes, line->out.length);
}

/* False when the other side is gone. */
static bool
serve_line(smsc_t *self, connection_t *line, short events)
{
    if (events & (POLLIN | POLLHUP)) {
        ssize_t bytes = read(line->fd, line->in_bytes + line->in, IN_BYTES - line->in);
        if (bytes == 0 || (bytes < 0 && errno != EAGAIN))
            return false;
        line->in += bytes > 0 ? (size_t)bytes : 0;
    }
    int64_t now_us = cr_clock_mono_us();
    take_frames(self, line, now_us);
    pay(self, line, now_us);
    flush(line);
    return true;
}

static void
drop(size_t index)
{
    close(lines[index]->fd);
    free(lines[index]);
    lines[index] = lines[--line_count];
}

/* Milliseconds until an answer is due. */
static int
patience(const smsc_t *self)
{
    bool any = false;
    for (size_t i = 0; i < line_count; i++)
        any = any || lines[i]->owed_count > 0;
    return any && self->answer_us > 0 ? 1 : 100;
}

void
smsc_serve(smsc_t *self)
{
    struct pollfd items[LINES_MAX + 1];
    while (!*self->stop) {
        size_t count = line_count;
        items[count] = (struct pollfd){self->listener, POLLIN, 0};
        for (size_t i = 0; i < count; i++)
            items[i] = (struct pollfd){
                lines[i]->fd, (short)(POLLIN | (lines[i]->out.length > 0 ? POLLOUT : 0)), 0};
        if (poll(items, count + 1, patience(self)) < 0)
            continue;
        for (size_t i = count; i > 0; i--)
            if (!serve_line(self, lines[i - 1], items[i - 1].revents))
                drop(i - 1);
        if (items[count].revents)
            welcome(self);
    }
    while (line_count > 0)
        drop(line_count - 1);
    close(self->listener);
}

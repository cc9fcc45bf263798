#include "beanstalk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "cr_base.h"

enum { TIMEOUT_S = 30, COMMAND_MAX = 256, TTR_S = 600 };

beanstalk_t *
beanstalk_connect(const char *path)
{
    beanstalk_t *self = calloc(1, sizeof *self);
    CR_ASSERT(self);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct timeval limit = {.tv_sec = TIMEOUT_S};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    self->fd = socket(AF_UNIX, SOCK_STREAM, 0);
    CR_ASSERT(connect(self->fd, (struct sockaddr *)&address, sizeof address) == 0);
    CR_ASSERT(setsockopt(self->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0);
    return self;
}

void
beanstalk_close(beanstalk_t **self_p)
{
    close((*self_p)->fd);
    free(*self_p);
    *self_p = NULL;
}

/* -- out ---------------------------------------------------------------------------------------- */

static void
flush(beanstalk_t *self)
{
    for (size_t sent = 0; sent < self->out_length;) {
        ssize_t more = write(self->fd, self->out + sent, self->out_length - sent);
        CR_ASSERT(more > 0);
        sent += (size_t)more;
    }
    self->out_length = 0;
}

static char *
room(beanstalk_t *self)
{
    if (sizeof self->out - self->out_length < COMMAND_MAX)
        flush(self);
    return self->out + self->out_length;
}

void
beanstalk_put(beanstalk_t *self, unsigned priority, const char *job, size_t length)
{
    char *to = room(self);
    self->out_length += (size_t)snprintf(to, COMMAND_MAX, "put %u 0 %d %zu\r\n%.*s\r\n", priority,
                                         TTR_S, length, (int)length, job);
}

void
beanstalk_reserve(beanstalk_t *self)
{
    char *to = room(self);
    self->out_length += (size_t)snprintf(to, COMMAND_MAX, "reserve\r\n");
}

void
beanstalk_delete(beanstalk_t *self, unsigned long long id)
{
    char *to = room(self);
    self->out_length += (size_t)snprintf(to, COMMAND_MAX, "delete %llu\r\n", id);
}

void
beanstalk_peek(beanstalk_t *self)
{
    char *to = room(self);
    self->out_length += (size_t)snprintf(to, COMMAND_MAX, "peek-ready\r\n");
}

/* -- in ----------------------------------------------------------------------------------------- */

static void
receive(beanstalk_t *self)
{
    flush(self);
    memmove(self->in, self->in + self->in_start, self->in_end - self->in_start);
    self->in_end -= self->in_start;
    self->in_start = 0;
    ssize_t more = read(self->fd, self->in + self->in_end, sizeof self->in - self->in_end);
    CR_ASSERT(more > 0);
    self->in_end += (size_t)more;
}

/* A whole line without its end. */
static char *
take_line(beanstalk_t *self)
{
    char *end;
    while (!(end = memchr(self->in + self->in_start, '\n', self->in_end - self->in_start)))
        receive(self);
    char *line = self->in + self->in_start;
    end[-1] = '\0';
    self->in_start = (size_t)(end + 1 - self->in);
    return line;
}

/* "id bytes" and the job. */
static beanstalk_answer_t
with_job(beanstalk_t *self, char *numbers)
{
    beanstalk_answer_t answer = {.id = strtoull(numbers, &numbers, 10)};
    size_t length = strtoul(numbers, NULL, 10);
    while (self->in_end - self->in_start < length + 2)
        receive(self);
    answer.job = self->in + self->in_start;
    self->in[self->in_start + length] = '\0';
    self->in_start += length + 2;
    return answer;
}

beanstalk_answer_t
beanstalk_answer(beanstalk_t *self)
{
    static const struct {
        const char *word;
        bool has_job;
    } known[] = {{"INSERTED", false}, {"DELETED", false}, {"RESERVED ", true}, {"FOUND ", true}};
    char *line = take_line(self);
    for (size_t i = 0; i < CR_COUNT(known); i++)
        if (strncmp(line, known[i].word, strlen(known[i].word)) == 0)
            return known[i].has_job ? with_job(self, line + strlen(known[i].word))
                                    : (beanstalk_answer_t){0};
    fprintf(stderr, "beanstalkd: %s\n", line);
    exit(CR_EXIT_UNAVAILABLE);
}

/*
 * beanstalk - as much of a client of beanstalkd as the benches need
 *
 * Commands are collected and sent when an answer is waited for, so that they can be pipelined.
 * What the server refuses or does not answer in time is a mistake of the bench and ends it.
 */
#ifndef BEANSTALK_H
#define BEANSTALK_H

#include <stddef.h>

typedef struct {
    int fd;
    char out[1 << 16], in[1 << 16];
    size_t out_length, in_start, in_end;
} beanstalk_t;

beanstalk_t *beanstalk_connect(const char *path);
void beanstalk_close(beanstalk_t **self_p);
/* Priority 0 is first. */
void beanstalk_put(beanstalk_t *self, unsigned priority, const char *job, size_t length);
void beanstalk_reserve(beanstalk_t *self);
void beanstalk_delete(beanstalk_t *self, unsigned long long id);
/* Looks at the next job without taking it. */
void beanstalk_peek(beanstalk_t *self);
/* The next answer; the job of a reservation or a look, which lives until the next call, and its
 * number. */
typedef struct {
    const char *job; /* NULL: put or deleted */
    unsigned long long id;
} beanstalk_answer_t;
beanstalk_answer_t beanstalk_answer(beanstalk_t *self);

#endif

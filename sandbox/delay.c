#include "delay.h"

#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "cr_clock.h"

typedef struct {
    int64_t due_us;
    uint64_t order;
    delay_fn *due;
    void *context;
} item_t;

struct delay {
    zloop_t *loop;
    int timer_fd;
    item_t *heap; /* the next due first */
    size_t count, allocated, capacity;
    uint64_t order;
};

static bool
is_before(const item_t *a, const item_t *b)
{
    return a->due_us != b->due_us ? a->due_us < b->due_us : a->order < b->order;
}

static void
sift_up(item_t *heap, size_t at)
{
    item_t moving = heap[at];
    for (size_t parent; at > 0 && is_before(&moving, &heap[parent = (at - 1) / 2]); at = parent)
        heap[at] = heap[parent];
    heap[at] = moving;
}

static void
sift_down(item_t *heap, size_t count)
{
    item_t moving = heap[0];
    size_t at = 0;
    for (size_t child; (child = at * 2 + 1) < count; at = child) {
        if (child + 1 < count && is_before(&heap[child + 1], &heap[child]))
            child++;
        if (!is_before(&heap[child], &moving))
            break;
        heap[at] = heap[child];
    }
    heap[at] = moving;
}

static item_t
take_first(delay_t *self)
{
    item_t first = self->heap[0];
    self->heap[0] = self->heap[--self->count];
    if (self->count > 0)
        sift_down(self->heap, self->count);
    return first;
}

/* A due time in the past fires at once; zero would switch the timer off, so 1 ns is the least. */
static void
arm(delay_t *self)
{
    struct itimerspec when = {0};
    if (self->count > 0) {
        int64_t due_us = self->heap[0].due_us > 0 ? self->heap[0].due_us : 0;
        when.it_value.tv_sec = due_us / CR_US_PER_S;
        when.it_value.tv_nsec = due_us % CR_US_PER_S * 1000 + 1;
    }
    timerfd_settime(self->timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

/* What becomes due while the due ones run waits for the next round: sockets are served between. */
static int
on_timer(zloop_t *loop, zmq_pollitem_t *item, void *context)
{
    (void)loop;
    delay_t *self = context;
    uint64_t expirations;
    if (read(item->fd, &expirations, sizeof expirations) < 0)
        return 0;
    int64_t now_us = cr_clock_mono_us();
    uint64_t until = self->order;
    while (self->count > 0 && self->heap[0].due_us <= now_us && self->heap[0].order < until) {
        item_t first = take_first(self);
        first.due(first.context);
    }
    arm(self);
    return 0;
}

delay_t *
delay_new(zloop_t *loop, size_t capacity)
{
    delay_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    *self = (delay_t){.loop = loop,
                      .timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC),
                      .capacity = capacity};
    zmq_pollitem_t item = {.fd = self->timer_fd, .events = ZMQ_POLLIN};
    if (self->timer_fd < 0 || zloop_poller(loop, &item, on_timer, self) != 0)
        delay_destroy(&self);
    return self;
}

void
delay_destroy(delay_t **self_p)
{
    delay_t *self = *self_p;
    if (!self)
        return;
    if (self->timer_fd >= 0) {
        zmq_pollitem_t item = {.fd = self->timer_fd};
        zloop_poller_end(self->loop, &item);
        close(self->timer_fd);
    }
    free(self->heap);
    free(self);
    *self_p = NULL;
}

static cr_err_t
grow(delay_t *self)
{
    if (self->count == self->capacity)
        return CR_TOOBIG;
    size_t allocated = self->allocated ? self->allocated * 2 : 64;
    item_t *heap = realloc(self->heap, allocated * sizeof *heap);
    if (!heap)
        return CR_NOMEM;
    self->heap = heap;
    self->allocated = allocated;
    return CR_OK;
}

cr_err_t
delay_until(delay_t *self, int64_t due_us, delay_fn *due, void *context)
{
    if (self->count == self->allocated || self->count == self->capacity) {
        cr_err_t err = grow(self);
        if (err != CR_OK)
            return err;
    }
    self->heap[self->count] = (item_t){due_us, self->order++, due, context};
    sift_up(self->heap, self->count++);
    if (self->heap[0].order == self->order - 1)
        arm(self);
    return CR_OK;
}

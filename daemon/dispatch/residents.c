/*
 * What residents say, on its way to plan and back: plan stores it, and only then does the worker hear
 * that it is taken. A worker repeats a batch until then, so one that is under way already, or for
 * which there is no room, is dropped here.
 */
#include <string.h>

#include "../metrics.h"
#include "actor.h"

static heard_t *
find(actor_t *self, const char *worker, uint64_t batch)
{
    for (size_t i = 0; i < self->heard_count; i++)
        if (self->heard[i].batch == batch && strcmp(self->heard[i].worker, worker) == 0)
            return &self->heard[i];
    return NULL;
}

static void
see_worker(void *context, const core_worker_t *worker)
{
    replies_t *replies = context;
    if (strcmp(worker->name, replies->worker) != 0)
        return;
    replies->channel = worker->channel;
    replies->drill = worker->gateway.drill;
}

void
residents_heard(actor_t *self, const char *worker, replies_t **replies_p)
{
    replies_t *replies = *replies_p;
    bool has_room = self->heard_count < CR_COUNT(self->heard);
    metrics_add(METRIC_REPLY_BATCHES_PUT_OFF, !has_room);
    if (!has_room || find(self, worker, replies->batch)) {
        replies_destroy(replies_p);
        return;
    }
    heard_t *heard = &self->heard[self->heard_count++];
    *heard = (heard_t){.batch = replies->batch};
    memcpy(heard->worker, worker, strlen(worker));
    memcpy(replies->worker, heard->worker, sizeof replies->worker);
    core_each_worker(self->core, see_worker, replies);
    dispatch_message_t *news = dispatch_message_new(DISPATCH_REPLIES);
    CR_ASSERT(news);
    news->replies = replies;
    *replies_p = NULL;
    dispatch_send(self->plan, &news);
    metrics_set(METRIC_REPLY_BATCHES, (int64_t)self->heard_count);
}

void
residents_answered(actor_t *self, dispatch_message_t **message_p)
{
    const dispatch_message_t *message = *message_p;
    heard_t *heard = find(self, message->name, message->id);
    CR_ASSERT(heard);
    *heard = self->heard[--self->heard_count];
    metrics_set(METRIC_REPLY_BATCHES, (int64_t)self->heard_count);
    if (message->err == CR_OK) {
        Crier__V1__RepliesAck ack = CRIER__V1__REPLIES_ACK__INIT;
        Crier__V1__Frame frame = CRIER__V1__FRAME__INIT;
        ack.batch = message->id;
        frame.body_case = CRIER__V1__FRAME__BODY_REPLIES_ACK;
        frame.replies_ack = &ack;
        outbound_send(self, message->name, &frame);
    }
    dispatch_message_destroy(message_p);
}

/* Redis Streams by hiredis: one consumer that acknowledges a batch in the round trip of the next. */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../bench.h"
#include "cr_base.h"
#include "cr_clock.h"
#include "peers.h"

enum { BATCH = 256, TIMEOUT_S = 30 };

int
peer_job(unsigned rank, char job[64])
{
    return snprintf(job, 64, "%u 199%08u 王小明", rank, rank);
}

/* What a bench's server refuses is a mistake of the bench. */
static redisReply *
take_reply(redisContext *redis)
{
    redisReply *reply = NULL;
    int code = redisGetReply(redis, (void **)&reply);
    CR_ASSERT(code == REDIS_OK && reply->type != REDIS_REPLY_ERROR);
    return reply;
}

static void
enqueue(redisContext *redis, unsigned count)
{
    char job[64];
    freeReplyObject(redisCommand(redis, "XGROUP CREATE jobs workers $ MKSTREAM"));
    for (unsigned rank = 0, sent = 0; rank < count; sent = 0) {
        for (; sent < BATCH && rank < count; sent++, rank++) {
            int length = peer_job(rank, job);
            redisAppendCommand(redis, "XADD jobs * job %b", job, (size_t)length);
        }
        while (sent-- > 0)
            freeReplyObject(take_reply(redis));
    }
}

/* Acknowledges the batch in `reply`; how many jobs that were. */
static size_t
append_ack(redisContext *redis, const redisReply *reply)
{
    const char *words[BATCH + 3] = {"XACK", "jobs", "workers"};
    const redisReply *entries = reply->element[0]->element[1];
    CR_ASSERT(entries->elements <= BATCH);
    for (size_t i = 0; i < entries->elements; i++)
        words[i + 3] = entries->element[i]->element[0]->str;
    redisAppendCommandArgv(redis, (int)entries->elements + 3, words, NULL);
    return entries->elements;
}

static void
append_read(redisContext *redis)
{
    redisAppendCommand(redis, "XREADGROUP GROUP workers one COUNT %d STREAMS jobs >", BATCH);
}

static double
drain(redisContext *redis, unsigned count)
{
    int64_t start = cr_clock_mono_us();
    append_read(redis);
    redisReply *batch = take_reply(redis);
    for (size_t done = 0; done < count;) {
        done += append_ack(redis, batch);
        append_read(redis);
        freeReplyObject(batch);
        freeReplyObject(take_reply(redis));
        batch = take_reply(redis);
    }
    freeReplyObject(batch);
    return count * 1e6 / (double)(cr_clock_mono_us() - start);
}

int
peer_streams(int argc, char **argv)
{
    unsigned count = argc == 2 ? (unsigned)strtoul(argv[1], NULL, 10) : 0;
    if (count == 0) {
        fprintf(stderr, "usage: crier-bench streams SOCKET JOBS\n");
        return CR_EXIT_USAGE;
    }
    redisContext *redis =
        redisConnectUnixWithTimeout(argv[0], (struct timeval){.tv_sec = TIMEOUT_S});
    CR_ASSERT(redis && redis->err == 0);
    redisSetTimeout(redis, (struct timeval){.tv_sec = TIMEOUT_S});
    enqueue(redis, count);
    bench_print("peer", "drain_per_s", drain(redis, count), "1/s", 1);
    redisFree(redis);
    return CR_EXIT_OK;
}

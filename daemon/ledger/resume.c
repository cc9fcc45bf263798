/*
 * A new connection to Redis: is it the store we left, and does it still have what we wrote?
 *
 * Redis may come back older than it was: a replica that lacked the last second is master now, or the
 * end of the log was cut off. Every pipeline ended in a mark, so the newest mark in the store says
 * from where on it lacks something, and that is sent again from the redo ring. What cannot be had
 * back that way is a matter for a person (docs/adr/0007-what-redis-forgot.md).
 */
#include <inttypes.h>

#include "../metrics.h"
#include "cr_log.h"
#include "internal.h"

enum { REPLAY_PIPELINE = 256 };

/* Sends what came after `marked`, in its order. Repeating it would change nothing. */
static cr_err_t
replay(ledger_t *self, uint64_t marked, cr_fault_t *fault)
{
    uint64_t position = 0;
    cr_slice_t bytes;
    size_t total = 0, pending = 0;
    cr_err_t err = CR_OK;
    while (err == CR_OK && redo_next(self->redo, marked, &position, &bytes)) {
        redis_append_bytes(self->redis, bytes);
        total++;
        if (++pending < REPLAY_PIPELINE)
            continue;
        err = redis_drain(self->redis, pending, fault);
        pending = 0;
    }
    if (err == CR_OK)
        err = redis_drain(self->redis, pending, fault);
    if (err == CR_OK && total > 0) {
        metrics_add(METRIC_LEDGER_RESTORED, (int64_t)total);
        cr_log(CR_LOG_WARN, "writes_restored", "commands=%zu from_mark=%" PRIu64, total, marked);
    }
    return err;
}

static cr_err_t
refuse_gap(const ledger_t *self, uint64_t marked, cr_fault_t *fault)
{
    const char *file = self->config.redo_file;
    return cr_fault_set(fault, CR_CORRUPT,
                        "redis: what was acknowledged after mark %" PRIu64 " of epoch %" PRIu64
                        " is gone; restore it, or remove %s to go on without",
                        marked, redo_epoch(self->redo), file && *file ? file : "the redo file");
}

cr_err_t
resume_connection(ledger_t *self, cr_fault_t *fault)
{
    uint64_t marked;
    cr_err_t err = active_resume(self, self->epoch, &marked, fault);
    if (err != CR_OK || marked >= self->acknowledged)
        return err;
    return redo_reaches(self->redo, marked) ? replay(self, marked, fault)
                                            : refuse_gap(self, marked, fault);
}

/* Who died while Redis did may have left writes that Redis forgot. If another daemon has been active
 * since, it is too late for them. */
cr_err_t
resume_predecessor(ledger_t *self, cr_fault_t *fault)
{
    uint64_t marked, epoch = redo_epoch(self->redo);
    if (epoch == 0)
        return CR_OK;
    cr_err_t err = active_resume(self, epoch, &marked, fault);
    if (err == CR_CONFLICT)
        return CR_OK;
    if (err == CR_CORRUPT)
        return cr_fault_set(fault, err,
                            "redis: the store is empty, but epoch %" PRIu64
                            " was in it; restore it, or remove %s to begin anew",
                            epoch, self->config.redo_file);
    if (err != CR_OK)
        return err;
    return redo_reaches(self->redo, marked) ? replay(self, marked, fault)
                                            : refuse_gap(self, marked, fault);
}

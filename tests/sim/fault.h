/*
 * fault - what may go wrong, and how often in this run
 *
 * Swarm testing: each run switches about half of the faults off and draws the frequency of the
 * others anew, so that rare combinations come up, which a run with everything on would drown.
 *
 * Two sorts. A chance is tried at each opportunity (a frame, a submit), in parts of 65,536. A
 * disaster strikes at a step drawn beforehand; the value is its weight among disasters.
 */
#ifndef FAULT_H
#define FAULT_H

#include "cr_base.h"

/* name, most parts of 65,536 */
#define CHANCE_LIST(X)                                                                             \
    X(lose_up, 8000)   /* a frame to the daemon */                                                 \
    X(lose_down, 8000) /* a frame to a worker */                                                   \
    X(double_up, 4000) /* arrives twice */                                                         \
    X(double_down, 4000)                                                                           \
    X(late_up, 4000) /* takes seconds; what comes behind it waits */                               \
    X(late_down, 4000)                                                                             \
    X(deaf, 4000)             /* the worker's socket takes no lease */                             \
    X(short_lease, 16000)     /* the frame holds only some of the positions */                     \
    X(store_late, 8000)       /* one answer takes long */                                          \
    X(gateway_silent, 4000)   /* no answer; half of them were accepted */                          \
    X(gateway_busy, 20000)    /* try later */                                                      \
    X(gateway_throttle, 4000) /* try after so many milliseconds */                                 \
    X(gateway_refuse, 4000)   /* never */                                                          \
    X(gateway_lie, 1000)      /* says "try later" and delivers */                                  \
    X(receipt_never, 20000)                                                                        \
    X(receipt_twice, 8000)                                                                         \
    X(receipt_failed, 8000)                                                                        \
    X(receipt_strange, 4000) /* of a delivery that nobody knows */                                 \
    X(report_garbage, 4000)  /* breaks a rule of the protocol */                                   \
    X(late_tick, 20000)      /* the daemon's loop is slow */

/* name, greatest weight */
#define DISASTER_LIST(X)                                                                           \
    X(daemon_crash, 16)                                                                            \
    X(daemon_stop, 8)    /* hangs for a while */                                                   \
    X(daemon_restart, 4) /* in good order */                                                       \
    X(worker_crash, 32)                                                                            \
    X(worker_stop, 16) /* wakes up as a zombie */                                                  \
    X(worker_bye, 8)                                                                               \
    X(cut, 32)                                                                                     \
    X(store_stop, 16)                                                                              \
    X(clock_step, 8)                                                                               \
    X(pause, 16)                                                                                   \
    X(hold, 8)   /* quiet hours */                                                                 \
    X(drain, 8)  /* of a worker, by an operator; or its end */                                     \
    X(credit, 8) /* a worker wants more or less */                                                 \
    X(cancel, 4)                                                                                   \
    X(forget, 8) /* of what is over */                                                             \
    X(order, 8)  /* about what is unknown */                                                       \
    X(optout, 16)                                                                                  \
    X(rule, 8) /* how the office uses a gateway */

typedef enum {
#define X(name, most) FAULT_##name,
    CHANCE_LIST(X) FAULT_CHANCES,
    FAULT_before_disasters = FAULT_CHANCES - 1,
    DISASTER_LIST(X) FAULT_COUNT
#undef X
} fault_t;

typedef struct {
    uint32_t rate[FAULT_COUNT]; /* 0: off */
    uint32_t weights;           /* of all disasters */
} faults_t;

void faults_draw(faults_t *self, uint64_t *seed);
/* One of the disasters that are on; FAULT_COUNT when none is. */
fault_t faults_disaster(const faults_t *self, uint64_t *seed);
const char *fault_name(fault_t fault);

#endif

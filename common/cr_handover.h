/*
 * cr_handover - tells ThreadSanitizer that a thing passes from one thread to another
 *
 * ZeroMQ orders what a thread wrote before a send and what another reads after the receipt, but it
 * is not instrumented: the sanitizer does not see its queues, and would call every pointer that goes
 * over an inproc socket, and all that an actor leaves behind at its end, a race. The giver says
 * cr_hand_over before the send, the taker cr_take_over after the receipt. Nothing else is excused:
 * who touches a thing after handing it over is still reported. In other builds both are nothing.
 *
 * Threads  the giver's and the taker's; start of a thread and pthread_join are seen without it.
 */
#ifndef CR_HANDOVER_H
#define CR_HANDOVER_H

#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
#endif

static inline void
cr_hand_over(void *thing)
{
#ifdef __SANITIZE_THREAD__
    __tsan_release(thing);
#else
    (void)thing;
#endif
}

static inline void
cr_take_over(void *thing)
{
#ifdef __SANITIZE_THREAD__
    __tsan_acquire(thing);
#else
    (void)thing;
#endif
}

#endif

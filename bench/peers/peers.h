/*
 * peers - queues that people use today, draining small jobs beside Crier
 *
 * A job holds what Crier's worker gets of a delivery: rank, phone, name. All are enqueued first; the
 * rate is that of taking and acknowledging every one of them, in the way that was fastest here and
 * loses nothing when a worker dies. Each server is private and started by scripts/bench.
 */
#ifndef PEERS_H
#define PEERS_H

#include "beanstalk.h"

/* Each takes the words after its name; an exit code. */
int peer_streams(int argc, char **argv);
int peer_beanstalkd(int argc, char **argv);
int peer_beanstalkd_urgent(int argc, char **argv);

/* Puts that many jobs behind all urgent ones. */
void peer_enqueue(beanstalk_t *client, unsigned count);
/* The job of a rank as text; its length. */
int peer_job(unsigned rank, char job[64]);

#endif

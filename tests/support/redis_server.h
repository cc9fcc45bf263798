/*
 * redis_server - a private redis-server for one test program
 *
 * Started with config/redis.conf in a fresh folder under TMPDIR, on a unix socket only; the folder
 * is removed by redis_server_stop. One at a time.
 */
#ifndef REDIS_SERVER_H
#define REDIS_SERVER_H

#include "cr_base.h"

/* "unix:///.../redis.sock"; aborts the test program when Redis does not answer within 10 s. */
const char *redis_server_start(void);
const char *redis_server_folder(void);
/* SIGKILL, and start again on the same folder. */
void redis_server_kill(void);
void redis_server_again(void);
/* SIGSTOP and SIGCONT. */
void redis_server_freeze(bool frozen);
/* TERM, wait, remove the folder. */
void redis_server_stop(void);

#endif

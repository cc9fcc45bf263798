/*
 * zap - who may connect: the ZAP handler of the context
 *
 * Without a handler libzmq accepts every CURVE key. This one knows the public certificates in a
 * folder and gives each connection the name in its certificate as User-Id; the folder is read again
 * when it has changed, so that a new worker needs no restart and a removed one cannot come back.
 * It also counts what comes and goes at the port, which no message ever tells.
 *
 * Threads    its own; it shares nothing. One per process (the endpoint is fixed by the RFC).
 * Source     ZeroMQ RFC 27/ZAP.
 * Limits     the ZAP_SHUT_OUT_MAX peers shut out last are remembered.
 */
#ifndef ZAP_H
#define ZAP_H

#include <czmq.h>

#include "cr_base.h"

#define ZAP_DOMAIN "crier"

enum { ZAP_SHUT_OUT_MAX = 64, ZAP_SHUT_OUT_S = 60 };

/* Lets nobody in until zap_open. `folder` is borrowed until the actor is destroyed. CR_EXISTS when there is a handler already. */
cr_err_t zap_start(const char *folder, zactor_t **actor, cr_fault_t *fault) CR_MUST_USE;
/* These are for the thread that owns the actor. From now on those who are known are let in. */
void zap_open(zactor_t *actor);
/* From now on connections to this ROUTER are
 * counted; false: no memory. */
bool zap_watch(zactor_t *actor, zsock_t *router) CR_MUST_USE;
/* Before the ROUTER is closed: libzmq's I/O thread waits for ever for a watcher that is gone. */
void zap_unwatch(zsock_t *router);
/* No new connection with the key of this name for ZAP_SHUT_OUT_S. */
void zap_shut_out(zactor_t *actor, const char *name);

#endif

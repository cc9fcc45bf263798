/*
 * zap - who may connect: the ZAP handler of the context
 *
 * Without a handler libzmq accepts every CURVE key. This one knows the public certificates in a
 * folder and gives each connection the name in its certificate as User-Id; the folder is read again
 * when it has changed, so that a new worker needs no restart and a removed one cannot come back.
 *
 * Threads    its own; it shares nothing. One per process (the endpoint is fixed by the RFC).
 * Source     ZeroMQ RFC 27/ZAP.
 */
#ifndef ZAP_H
#define ZAP_H

#include <czmq.h>

#include "cr_base.h"

#define ZAP_DOMAIN "crier"

/* `folder` is borrowed until the actor is destroyed. CR_EXISTS when there is a handler already. */
cr_err_t zap_start(const char *folder, zactor_t **actor, cr_fault_t *fault) CR_MUST_USE;

#endif

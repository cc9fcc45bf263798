/*
 * gateways - what crier-null can play
 *
 * null    answers at once, so that what is measured is Crier and not a gateway.
 * slow    answers each message after null.delay_ms, to the microsecond.
 *
 * Either can write to a file when it was handed a message (null.stamps_file), for those broadcasts
 * that a bench measures; CLOCK_MONOTONIC is one clock for all processes of a machine.
 */
#ifndef GATEWAYS_H
#define GATEWAYS_H

#include "runtime/runtime.h"
#include "stamp.h"

typedef struct {
    runtime_config_t runtime;
    char *channel, *stamps_file;
    int64_t delay_ms, stamps_from;
    bool gives_receipts;
} null_config_t;

typedef struct {
    int fd;
    uint64_t from;
} stamps_t;
cr_err_t stamps_open(stamps_t *self, const null_config_t *config, cr_fault_t *fault) CR_MUST_USE;
void stamps_close(stamps_t *self);
void stamps_note(const stamps_t *self, const message_t *message);

extern const gateway_kind_t gateway_null, gateway_slow;

#endif

/*
 * faults - what one gateway does to a submit and to its receipt
 *
 * A real gateway is slow, throttles, loses connections, answers with errors and lies about
 * receipts. Here that is a choice: one list of settings serves the configuration, the command line
 * and the control URL, and one function decides for each submit.
 *
 * Determinism  the seed decides: submit number n always has the same fate, and an address always
 *              the same kind of receipt, so that a drill shows the same people as failed each time.
 * Time         callers pass `now_us`; no clock is read.
 */
#ifndef FAULTS_H
#define FAULTS_H

#include "cr_base.h"

/* member, greatest value, default, meaning */
#define FAULT_LIST(X)                                                                              \
    X(latency_ms, 600000, "0", "how long each answer takes")                                       \
    X(error_percent, 100, "0", "submits answered with the gateway's error for 'try later'")        \
    X(throttle_per_s, 1000000, "0", "submits taken a second, the rest told to wait; 0: no limit")  \
    X(drop_percent, 100, "0", "submits whose connection is closed unanswered, half of them taken") \
    X(receipt_delay_ms, 600000, "150", "time from a submit to its receipt")                        \
    X(receipt_duplicate_percent, 100, "0", "receipts sent twice")                                  \
    X(receipt_missing_percent, 100, "0", "receipts never sent")                                    \
    X(receipt_failed_percent, 100, "1", "addresses whose receipts say 'not delivered'")            \
    X(error_code, 65535, "0", "SMPP, CMPP: the code of those errors; 0: the one for 'try later'")  \
    X(late_percent, 100, "0", "SMPP, CMPP: answers that take late_ms more")                        \
    X(late_ms, 600000, "1000", "SMPP, CMPP: how much more")                                        \
    X(silent_percent, 100, "0", "SMPP, CMPP: submits never answered, half of them taken")          \
    X(hang_up_after, 1000000000, "0", "submits a connection of SMPP, CMPP or SMTP lives for")      \
    X(trickle_ms, 1000, "0", "SMPP, CMPP: wait between the octets of what is sent; 0: none")       \
    X(receipt_early_percent, 100, "0", "SMPP, CMPP: receipts before the answer to their submit")   \
    X(receipt_wrong_percent, 100, "0", "SMPP, CMPP: receipts with an id that nobody was given")    \
    X(receipt_ids, 2, "0", "SMPP: ids as 0: decimal; 1: hex, in receipts decimal; 2: hex there")   \
    X(confirm_percent, 100, "0", "residents who confirm each message")                             \
    X(opt_out_percent, 100, "0", "residents who reply that they want no more")                     \
    X(chat_percent, 100, "0", "residents who reply something else")                                \
    X(reply_delay_ms, 600000, "300", "time from a message to its reply")

typedef struct {
#define X(name, most, fallback, help) int64_t name;
    FAULT_LIST(X)
#undef X
} fault_settings_t;

enum {
#define X(name, most, fallback, help) FAULT_AT_##name,
    FAULT_LIST(X)
#undef X
        FAULT_SETTINGS
};

typedef struct {
    const char *name;
    size_t offset; /* of an int64_t in fault_settings_t */
    int64_t most;
    const char *help;
} fault_member_t;
extern const fault_member_t fault_members[FAULT_SETTINGS];

/* CR_NOTFOUND: no such member; CR_RANGE: outside 0 to its greatest value. */
cr_err_t fault_settings_set(fault_settings_t *settings, const char *name,
                            int64_t value) CR_MUST_USE;

typedef enum {
    FAULT_NONE,
    FAULT_ERROR,
    FAULT_THROTTLE,
    FAULT_DROP_BEFORE, /* closed unanswered, not taken */
    FAULT_DROP_AFTER   /* taken, then closed unanswered */
} fault_t;

typedef struct {
    fault_settings_t settings; /* may be changed at any time */
    uint64_t seed;
    uint64_t dice;
    int64_t second; /* the one that `taken` counts */
    int64_t taken;
} faults_t;

/* Different channels under one seed roll different dice. */
void faults_init(faults_t *self, const fault_settings_t *settings, uint64_t seed, int channel);
fault_t faults_decide(faults_t *self, int64_t now_us);

typedef struct {
    bool failed;
    unsigned copies; /* 0, 1 or 2 */
    int64_t delay_us;
} fault_receipt_t;
fault_receipt_t faults_receipt(faults_t *self, cr_slice_t address);

/* What an SMSC does besides. */
typedef struct {
    bool silent, early, wrong;
    int64_t late_us;
} fault_smsc_t;
fault_smsc_t faults_smsc(faults_t *self);

/* What the resident does. */
typedef enum { FAULT_READS, FAULT_CONFIRMS, FAULT_OPTS_OUT, FAULT_CHATS } fault_person_t;
fault_person_t faults_person(const faults_t *self, cr_slice_t address);

#endif

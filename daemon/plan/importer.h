/*
 * importer - the intake actor: builds the next version of the directory and stores its segments
 *
 * A thread of its own, with its own connection to Redis, because sealing and storing a large import
 * takes seconds. It works in two phases, with plan in between: what is prepared lies in Redis but is
 * not the directory; plan stores the opt-outs of its rows and the audit line; then it is committed.
 * A person who asked not to be written to is therefore never in the directory without that being
 * known.
 *
 * When Redis does not say whether a commit was done, the importer reads the directory back until it
 * knows: memory and store never differ.
 *
 * Ownership  whoever holds the import_t owns it; it goes over the actor's pipe as a pointer.
 * Threads    importer_load may be called before the actor is started; the rest is the actor's.
 */
#ifndef IMPORTER_H
#define IMPORTER_H

#include <czmq.h>

#include "../audience/intake.h"
#include "../ledger/ledger.h"

typedef struct import import_t;

typedef enum {
    IMPORT_PREPARE,
    IMPORT_PREPARED,
    IMPORT_COMMIT,
    IMPORT_COMMITTED,
    IMPORT_ABANDON /* no answer */
} import_phase_t;

struct import {
    import_phase_t phase;
    cr_err_t err; /* of the phase */
    cr_fault_t fault;
    intake_t *intake;
    bool skip_bad;
    directory_t *base;
    directory_t *next; /* COMMITTED: what is stored now, also when `err` is set */
    intake_result_t result;
    int64_t began_mono_us;
    roaring_bitmap_t *corrected[CR_CHANNEL_COUNT]; /* plan's: bad addresses that are others now */
};

/* Takes the intake over; `base` is a reference of the import's own. */
import_t *import_new(intake_t *intake, directory_t *base, bool skip_bad);
void import_destroy(import_t **self_p);
void import_send(void *socket, import_t **self_p);
import_t *import_receive(void *socket);

typedef struct {
    ledger_config_t ledger;
    uint8_t seal_key[CR_KEY_BYTES];
    const char *divisions_file; /* "" for none */
    uint64_t epoch;             /* of the daemon */
} importer_config_t;

/* The stored directory; an empty one when none is stored. */
cr_err_t importer_load(const importer_config_t *config, directory_t **directory,
                       cr_fault_t *fault) CR_MUST_USE;

/* `config` must live as long as the actor. NULL: the thread could not be started. */
zactor_t *importer_start(const importer_config_t *config);

#endif

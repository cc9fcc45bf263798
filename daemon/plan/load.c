/* What is stored, read at start, before the ledger's thread takes the connection over. */
#include <stdlib.h>
#include <string.h>

#include "cr_clock.h"
#include "internal.h"
#include "metrics.h"

typedef struct {
    plan_t *plan;
    cr_fault_t *fault;
} loading_t;

static cr_err_t
load_keys(plan_t *self, cr_fault_t *fault)
{
    char *token = NULL, now[CR_TIME_TEXT_MAX];
    importer_config_t *importer = &self->importer_config;
    importer->ledger = self->ledger_config;
    importer->divisions_file = self->config.divisions_file;
    cr_err_t err = cr_keys_load_secret(self->config.seal_key_file, importer->seal_key, fault);
    if (err != CR_OK || self->config.admin_token_file[0] == '\0')
        return err;
    err = cr_keys_load_line(self->config.admin_token_file, &token, fault);
    if (err == CR_OK)
        err = users_set_admin(self->users, token, cr_time_format(cr_clock_wall_us(), now), fault);
    free(token);
    return err;
}

static cr_err_t
on_user(void *context, const char *key, json_t *document)
{
    loading_t *self = context;
    (void)key;
    return users_put(self->plan->users, document, self->fault);
}

static cr_err_t
on_template(void *context, const char *key, json_t *document)
{
    loading_t *self = context;
    (void)key;
    return shelf_load(self->plan->templates, document, self->plan->config.sms_signature,
                      self->fault);
}

static cr_err_t
on_broadcast(void *context, uint64_t id, json_t *document)
{
    loading_t *self = context;
    broadcast_t *broadcast;
    cr_err_t err = broadcast_new(id, json_incref(document), &broadcast, self->fault);
    if (err != CR_OK)
        return err;
    err = broadcasts_add(self->plan, broadcast);
    if (err != CR_OK) {
        broadcast_destroy(&broadcast);
        return cr_fault_set(self->fault, err, "out of memory");
    }
    return CR_OK;
}

/* -- broadcasts that dispatch takes up again ---------------------------------------------------- */

static cr_err_t
load_audience(ledger_t *ledger, uint64_t id, roaring_bitmap_t **audience, cr_fault_t *fault)
{
    uint8_t *bytes;
    size_t length;
    cr_err_t err = ledger_load_audience(ledger, id, &bytes, &length, fault);
    if (err != CR_OK)
        return err;
    *audience = roaring_bitmap_portable_deserialize_safe((const char *)bytes, length);
    free(bytes);
    return *audience ? CR_OK : cr_fault_set(fault, CR_CORRUPT, "audience: not a bitmap");
}

static cr_err_t
load_status(ledger_t *ledger, dispatch_broadcast_t *restart, cr_fault_t *fault)
{
    size_t total = roaring_bitmap_get_cardinality(restart->audience);
    cr_err_t err = CR_OK;
    for (int channel = 0; err == CR_OK && channel < CR_CHANNEL_COUNT; channel++) {
        if (!(restart->channels & (1u << channel)))
            continue;
        restart->status[channel] = calloc(total + 1, sizeof(cr_status_t));
        CR_ASSERT(restart->status[channel]);
        err = ledger_load_status(ledger, restart->id, (cr_channel_t)channel,
                                 restart->status[channel], total, fault);
    }
    return err;
}

static cr_err_t
on_lease(void *context, cr_channel_t channel, uint64_t lease, const uint8_t *record, size_t length)
{
    dispatch_broadcast_t *restart = context;
    struct dispatch_lease *grown =
        realloc(restart->leases, (restart->lease_count + 1) * sizeof *grown);
    if (!grown)
        return CR_NOMEM;
    restart->leases = grown;
    struct dispatch_lease *added = &grown[restart->lease_count];
    if (length > sizeof added->record)
        return CR_CORRUPT;
    *added = (struct dispatch_lease){
        .channel = channel, .lease = lease, .record_bytes = (uint32_t)length};
    memcpy(added->record, record, length);
    restart->lease_count++;
    return CR_OK;
}

static cr_err_t
load_restart(plan_t *self, ledger_t *ledger, broadcast_t *broadcast, cr_fault_t *fault)
{
    roaring_bitmap_t *audience;
    cr_err_t err = load_audience(ledger, broadcast->id, &audience, fault);
    if (err == CR_OK)
        err = sending_build(self, broadcast, audience, &broadcast->restart, fault);
    if (err == CR_OK)
        err = load_status(ledger, broadcast->restart, fault);
    if (err == CR_OK)
        err = ledger_load_leases(ledger, broadcast->id, on_lease, broadcast->restart, fault);
    return err;
}

static cr_err_t
load_restarts(plan_t *self, ledger_t *ledger, cr_fault_t *fault)
{
    cr_err_t err = CR_OK;
    char id[CR_ID_TEXT_MAX];
    for (size_t i = 0; err == CR_OK && i < self->broadcast_count; i++) {
        broadcast_t *broadcast = self->broadcasts[i];
        cr_fault_t why = {.text = ""};
        if (broadcast->started_us == 0 || broadcast->settled)
            continue;
        err = load_restart(self, ledger, broadcast, &why);
        if (err != CR_OK)
            cr_fault_set(fault, err, "%s: %s", cr_id_format(broadcast->id, id), why.text);
    }
    return err;
}

/* -- opt-outs ----------------------------------------------------------------------------------- */

static void
add_bits(roaring_bitmap_t *bitmap, const uint8_t *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        for (unsigned bit = 0; bytes[i] != 0 && bit < 8; bit++)
            if (bytes[i] & (0x80u >> bit))
                roaring_bitmap_add(bitmap, (uint32_t)(i * 8 + bit));
}

static cr_err_t
load_optouts(plan_t *self, ledger_t *ledger, cr_fault_t *fault)
{
    for (int channel = 0; channel < CR_CHANNEL_COUNT; channel++) {
        uint8_t *bytes;
        size_t length;
        cr_err_t err = ledger_load_optouts(ledger, (cr_channel_t)channel, &bytes, &length, fault);
        if (err == CR_NOTFOUND)
            continue;
        if (err != CR_OK)
            return err;
        add_bits(self->opted_out[channel], bytes, length);
        free(bytes);
    }
    return CR_OK;
}

cr_err_t
plan_load(plan_t *self, ledger_t *ledger, cr_fault_t *fault)
{
    loading_t loading = {self, fault};
    cr_err_t err = load_keys(self, fault);
    if (err == CR_OK)
        err = ledger_load_documents(ledger, "users", on_user, &loading, fault);
    if (err == CR_OK)
        err = ledger_load_documents(ledger, "templates", on_template, &loading, fault);
    if (err == CR_OK)
        err = ledger_load_broadcasts(ledger, on_broadcast, &loading, fault);
    if (err == CR_OK)
        err = load_restarts(self, ledger, fault);
    if (err == CR_OK)
        err = load_optouts(self, ledger, fault);
    if (err == CR_OK)
        err = importer_load(&self->importer_config, &self->directory, fault);
    if (err != CR_OK)
        return err;
    metrics_set(METRIC_RECIPIENTS, directory_size(self->directory));
    metrics_set(METRIC_DIRECTORY_BYTES, (int64_t)directory_bytes(self->directory));
    return CR_OK;
}

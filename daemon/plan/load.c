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
    importer->epoch = self->epoch;
    importer->divisions_file = self->config.divisions_file;
    cr_err_t err = cr_keys_load_secret(self->config.seal_key_file, importer->seal_key, fault);
    if (err == CR_OK && self->config.token_key_file[0])
        err = cr_keys_load_secret(self->config.token_key_file, self->token_key, fault);
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
on_drained(void *context, const char *key, json_t *document)
{
    loading_t *self = context;
    (void)document;
    return json_object_set_new(self->plan->off_duty, key, json_true()) == 0 ? CR_OK : CR_CORRUPT;
}

static cr_err_t
on_gateway(void *context, const char *key, json_t *document)
{
    loading_t *self = context;
    return json_object_set(self->plan->gateways, key, document) == 0 ? CR_OK : CR_CORRUPT;
}

static cr_err_t
on_broadcast(void *context, uint64_t id, cr_slice_t text)
{
    loading_t *self = context;
    return history_keep(self->plan, id, text) ? CR_OK
                                              : broadcasts_load(self->plan, id, text, self->fault);
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
load_bill(ledger_t *ledger, dispatch_broadcast_t *restart, cr_fault_t *fault)
{
    cr_err_t err = CR_OK;
    for (int channel = 0; err == CR_OK && channel < CR_CHANNEL_COUNT; channel++)
        if (restart->channels & (1u << channel))
            err = ledger_load_bill(ledger, restart->id, (cr_channel_t)channel,
                                   &restart->bill[channel], fault);
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

/* What it has reached counts for the cap, and decides who shares an address with whom. */
static cr_err_t
screen_restart(const plan_t *self, broadcast_t *broadcast, cr_fault_t *fault)
{
    dispatch_broadcast_t *restart = broadcast->restart;
    if (self->config.frequency.max > 0 && !broadcast->drill)
        restart->reached = sending_reached(restart->audience, restart->status);
    cr_err_t err = sending_screen(self, broadcast, restart);
    return err == CR_OK ? CR_OK : cr_fault_set(fault, err, "out of memory");
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
        err = load_bill(ledger, broadcast->restart, fault);
    if (err == CR_OK)
        err = screen_restart(self, broadcast, fault);
    if (err == CR_OK)
        err = ledger_load_leases(ledger, broadcast->id, on_lease, broadcast->restart, fault);
    return err;
}

/* One that is over, for the cap only. */
static cr_err_t
load_reached(ledger_t *ledger, broadcast_t *broadcast, cr_fault_t *fault)
{
    dispatch_broadcast_t *over = calloc(1, sizeof *over);
    CR_ASSERT(over);
    over->id = broadcast->id;
    over->channels = broadcast->channels;
    cr_err_t err = load_audience(ledger, broadcast->id, &over->audience, fault);
    if (err == CR_OK)
        err = load_status(ledger, over, fault);
    if (err == CR_OK)
        broadcast->reached = sending_reached(over->audience, over->status);
    dispatch_broadcast_destroy(&over);
    return err;
}

static bool
is_in_window(const plan_t *self, const broadcast_t *broadcast)
{
    int64_t first_us = cr_clock_wall_us() - self->config.frequency.days * 86400 * CR_US_PER_S;
    return self->config.frequency.max > 0 && !broadcast->drill && broadcast->started_us >= first_us;
}

static cr_err_t
load_started(plan_t *self, ledger_t *ledger, broadcast_t *broadcast, cr_fault_t *fault)
{
    if (!broadcast->settled)
        return load_restart(self, ledger, broadcast, fault);
    return is_in_window(self, broadcast) ? load_reached(ledger, broadcast, fault) : CR_OK;
}

static cr_err_t
load_restarts(plan_t *self, ledger_t *ledger, cr_fault_t *fault)
{
    cr_err_t err = CR_OK;
    char id[CR_ID_TEXT_MAX];
    for (size_t i = 0; err == CR_OK && i < self->broadcast_count; i++) {
        broadcast_t *broadcast = self->broadcasts[i];
        cr_fault_t why = {.text = ""};
        if (broadcast->started_us == 0)
            continue;
        err = load_started(self, ledger, broadcast, &why);
        if (err != CR_OK)
            cr_fault_set(fault, err, "%s: %s", cr_id_format(broadcast->id, id), why.text);
    }
    return err;
}

/* -- marks -------------------------------------------------------------------------------------- */

static void
add_bits(roaring_bitmap_t *bitmap, const uint8_t *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        for (unsigned bit = 0; bytes[i] != 0 && bit < 8; bit++)
            if (bytes[i] & (0x80u >> bit))
                roaring_bitmap_add(bitmap, (uint32_t)(i * 8 + bit));
}

static cr_err_t
load_mark(plan_t *self, ledger_t *ledger, int mark, int channel, cr_fault_t *fault)
{
    uint8_t *bytes;
    size_t length;
    cr_err_t err = ledger_load_mark(ledger, (ledger_mark_t)mark, (cr_channel_t)channel, &bytes,
                                    &length, fault);
    if (err == CR_NOTFOUND)
        return CR_OK;
    if (err != CR_OK)
        return err;
    add_bits(self->marks[mark][channel], bytes, length);
    free(bytes);
    return CR_OK;
}

static cr_err_t
load_marks(plan_t *self, ledger_t *ledger, cr_fault_t *fault)
{
    cr_err_t err = CR_OK;
    for (int mark = 0; mark < LEDGER_MARK_COUNT; mark++)
        for (int channel = 0; err == CR_OK && channel < CR_CHANNEL_COUNT; channel++)
            err = load_mark(self, ledger, mark, channel, fault);
    return err;
}

static cr_err_t
on_reason(void *context, uint32_t ordinal, cr_slice_t text)
{
    consent_reason_t reason;
    cr_err_t err = consent_parse(text, &reason);
    return err == CR_OK ? consent_note(context, ordinal, &reason) : err;
}

static cr_err_t
load_reasons(plan_t *self, ledger_t *ledger, cr_fault_t *fault)
{
    cr_err_t err = CR_OK;
    for (int channel = 0; err == CR_OK && channel < CR_CHANNEL_COUNT; channel++) {
        cr_fault_t why = {.text = "a reason of an opt-out is damaged"};
        err = ledger_load_reasons(ledger, (cr_channel_t)channel, on_reason, &self->consent[channel],
                                  &why);
        if (err != CR_OK)
            cr_fault_set(fault, err, "%s", why.text);
    }
    return err;
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
        err = ledger_load_documents(ledger, "drained", on_drained, &loading, fault);
    if (err == CR_OK)
        err = ledger_load_documents(ledger, "gateways", on_gateway, &loading, fault);
    if (err == CR_OK)
        err = ledger_load_broadcasts(ledger, on_broadcast, &loading, fault);
    if (err == CR_OK) /* takes the fence of people: from here on nobody else's replies are stored */
        err = importer_load(&self->importer_config, &self->directory, fault);
    if (err == CR_OK)
        err = load_marks(self, ledger, fault);
    if (err == CR_OK)
        err = load_reasons(self, ledger, fault);
    if (err ==
        CR_OK) /* after the directory and the marks: who shares an address follows from them */
        err = load_restarts(self, ledger, fault);
    if (err != CR_OK)
        return err;
    metrics_set(METRIC_RECIPIENTS, directory_size(self->directory));
    metrics_set(METRIC_DIRECTORY_BYTES, (int64_t)directory_bytes(self->directory));
    return CR_OK;
}

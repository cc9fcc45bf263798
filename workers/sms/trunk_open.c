#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "cr_clock.h"
#include "cr_keys.h"
#include "trunk_contract.h"
#include "trunk_internal.h"

enum { PARTED_TEXTS = 1 << 16 };

void
trunk_close(void **gateway_p)
{
    trunk_t *self = *gateway_p;
    if (!self)
        return;
    for (unsigned i = 0; i < self->lane_count; i++)
        line_destroy(&self->lanes[i].line);
    if (self->timer != -1)
        zloop_timer_end(self->port.loop, self->timer);
    for (uint32_t i = 0; self->calls && i < self->port.window; i++)
        call_fini(&self->calls[i]);
    free(self->calls);
    free(self->promises);
    parts_destroy(&self->parts);
    registry_destroy(&self->registry);
    peer_destroy(&self->peer);
    cr_str_fini(&self->text);
    if (self->password)
        sodium_memzero(self->password, strlen(self->password));
    free(self->password);
    free(self);
    *gateway_p = NULL;
}

static cr_err_t
make_room(trunk_t *self)
{
    uint8_t key[PARTS_KEY_BYTES];
    randombytes_buf(key, sizeof key);
    self->joined_by = (uint16_t)randombytes_uniform(UINT16_MAX);
    self->parts = parts_new(PARTED_TEXTS, key);
    self->calls = calloc(self->port.window, sizeof *self->calls);
    self->promises = calloc(PROMISES, sizeof *self->promises);
    if (!self->parts || !self->calls || !self->promises)
        return CR_NOMEM;
    for (uint32_t i = 0; i < self->port.window; i++) {
        call_init(&self->calls[i]);
        self->calls[i].next = self->free_calls;
        self->free_calls = &self->calls[i];
    }
    for (unsigned i = PROMISES; i > 0; i--) {
        self->promises[i - 1].next_free = self->free_promises;
        self->free_promises = &self->promises[i - 1];
    }
    return CR_OK;
}

static cr_err_t
add_line(trunk_t *self, const sms_config_t *config, role_t role, uint32_t window)
{
    const session_rules_t rules = {
        .dialect = self->dialect,
        .contract = &self->contract,
        .role = role,
        .window = window,
        .answer_us = config->runtime.timeout_ms * CR_US_PER_MS,
        .idle_us = config->idle_ms * CR_US_PER_MS,
    };
    const line_place_t place = {self->port.loop, self->peer, self->dialect->name, self->lane_count};
    lane_t *lane = &self->lanes[self->lane_count];
    *lane = (lane_t){self, line_new(&place, &rules, &trunk_events, lane), role != ROLE_RECEIVE};
    if (!lane->line)
        return CR_NOMEM;
    self->lane_count++;
    return CR_OK;
}

/* The runtime's window is of all of them together. What exceeds theirs waits here, ready to go when
 * an answer makes room: a store that syncs slowly then does not keep them idle. */
static cr_err_t
add_lines(trunk_t *self, const sms_config_t *config)
{
    uint32_t binds = (uint32_t)config->binds;
    uint32_t share = (self->port.window + binds - 1) / binds;
    uint32_t window = config->bind_window > 0 ? (uint32_t)config->bind_window : share;
    bool apart = self->dialect->has_roles && strcmp(config->roles, "transceiver") != 0;
    cr_err_t err = CR_OK;
    for (uint32_t i = 0; err == CR_OK && i < binds; i++) {
        err = add_line(self, config, apart ? ROLE_SEND : ROLE_BOTH, window);
        if (err == CR_OK && apart)
            err = add_line(self, config, ROLE_RECEIVE, window);
    }
    return err;
}

static cr_err_t
load_registry(trunk_t *self, const char *file, cr_fault_t *fault)
{
    cr_fault_t why = {0};
    cr_err_t err = registry_load(file, &self->registry, &why);
    return err == CR_OK ? CR_OK
                        : cr_fault_set(fault, err, "gateway.registry_file: %s:%zu: %s", file,
                                       why.line, why.text);
}

static cr_err_t
open_with(trunk_t *self, const sms_config_t *config, cr_fault_t *fault)
{
    cr_err_t err = sms_config_need(config->account, "gateway.account", fault);
    if (err == CR_OK)
        err = sms_config_need(config->password_file, "gateway.password_file", fault);
    if (err == CR_OK)
        err = cr_keys_load_line(config->password_file, &self->password, fault);
    if (err == CR_OK)
        err = trunk_contract(config, self->password, self->dialect == &dialect_cmpp,
                             &self->contract, fault);
    const peer_place_t place = {
        .scheme = self->dialect->name, .url = config->runtime.url, .ca_file = config->ca_file};
    if (err == CR_OK && *config->registry_file)
        err = load_registry(self, config->registry_file, fault);
    if (err == CR_OK)
        err = peer_new(&place, &self->peer, fault);
    if (err != CR_OK)
        return err;
    if (make_room(self) != CR_OK || add_lines(self, config) != CR_OK)
        return cr_fault_set(fault, CR_NOMEM, "out of memory");
    trunk_turn(self);
    return CR_OK;
}

static cr_err_t
trunk_open(const gateway_port_t *port, const dialect_t *dialect, void **gateway, cr_fault_t *fault)
{
    trunk_t *self = calloc(1, sizeof *self);
    if (!self || sodium_init() < 0) {
        free(self);
        return cr_fault_set(fault, CR_NOMEM, "out of memory");
    }
    *gateway = self;
    self->port = *port;
    self->dialect = dialect;
    self->timer = -1;
    cr_str_init(&self->text, NEWS_TEXT_MAX);
    return open_with(self, port->config, fault);
}

cr_err_t
trunk_smpp_open(const gateway_port_t *port, void **gateway, cr_fault_t *fault)
{
    return trunk_open(port, &dialect_smpp, gateway, fault);
}

cr_err_t
trunk_cmpp_open(const gateway_port_t *port, void **gateway, cr_fault_t *fault)
{
    return trunk_open(port, &dialect_cmpp, gateway, fault);
}

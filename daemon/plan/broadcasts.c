/* The broadcasts there are: drafted, listed, shown, explained. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "arguments.h"
#include "audience.h"
#include "cr_clock.h"
#include "cr_log.h"
#include "metrics.h"
#include "verbs.h"

enum { LIST_DEFAULT = 50, LIST_MAX = 500 };

/* -- the register: ordered by number, since numbers only grow ------------------------------------ */

static size_t
place_of(const plan_t *self, uint64_t id)
{
    size_t low = 0, high = self->broadcast_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (self->broadcasts[middle]->id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

broadcast_t *
broadcasts_find(const plan_t *self, uint64_t id)
{
    size_t place = place_of(self, id);
    bool found = place < self->broadcast_count && self->broadcasts[place]->id == id;
    return found ? self->broadcasts[place] : NULL;
}

cr_err_t
broadcasts_add(plan_t *self, broadcast_t *broadcast)
{
    size_t count = self->broadcast_count, place = place_of(self, broadcast->id);
    if (count == self->broadcast_capacity) {
        size_t capacity = count > 0 ? count * 2 : 64;
        broadcast_t **grown = realloc(self->broadcasts, capacity * sizeof(broadcast_t *));
        if (!grown)
            return CR_NOMEM;
        self->broadcasts = grown;
        self->broadcast_capacity = capacity;
    }
    broadcast_t **at = self->broadcasts + place;
    memmove(at + 1, at, (count - place) * sizeof(broadcast_t *));
    *at = broadcast;
    self->broadcast_count++;
    return CR_OK;
}

cr_err_t
broadcasts_load(plan_t *self, uint64_t id, cr_slice_t text, cr_fault_t *fault)
{
    broadcast_t *broadcast;
    json_t *document = json_loadb(text.text, text.length, 0, NULL);
    if (!document)
        return cr_fault_set(fault, CR_CORRUPT,
                            "redis: the document of broadcast %" PRIu64 " is damaged", id);
    cr_err_t err = broadcast_new(id, document, &broadcast, fault);
    if (err != CR_OK)
        return err;
    err = broadcasts_add(self, broadcast);
    if (err != CR_OK) {
        broadcast_destroy(&broadcast);
        return cr_fault_set(fault, err, "out of memory");
    }
    return CR_OK;
}

broadcast_t *
ask_broadcast(plan_t *self, ask_t *ask)
{
    const char *text = argument_text(ask->arguments, "id");
    uint64_t id;
    broadcast_t *broadcast = cr_id_parse(text, &id) == CR_OK ? broadcasts_find(self, id) : NULL;
    if (broadcast)
        return broadcast;
    cr_fault_t fault;
    cr_fault_set(&fault, CR_NOTFOUND, "no such broadcast: %.40s", text);
    ask_refuse(self, ask, &fault, NULL);
    return NULL;
}

/* -- drafting ----------------------------------------------------------------------------------- */

static void
on_drafted(plan_t *self, ask_t *ask, ledger_op_t *op)
{
    broadcast_t *broadcast;
    cr_fault_t fault;
    char id[CR_ID_TEXT_MAX];
    cr_err_t err = broadcast_new(op->broadcast, json_incref(op->document), &broadcast, &fault);
    CR_ASSERT(err == CR_OK); /* it is our own document */
    if (broadcasts_add(self, broadcast) != CR_OK) {
        broadcast_destroy(&broadcast);
        cr_fault_set(&fault, CR_NOMEM, "out of memory");
        ask_refuse(self, ask, &fault, NULL);
        return;
    }
    metrics_add(METRIC_BROADCAST_MOVES, 1);
    cr_log(CR_LOG_INFO, "broadcast_drafted", "broadcast=%s by=%s", cr_id_format(op->broadcast, id),
           ask->who);
    ask_answer(self, ask, 201, broadcast_view(broadcast));
}

static cr_err_t
draft(plan_t *self, ask_t *ask, json_t **document, cr_fault_t *fault)
{
    const char *name = argument_text(ask->arguments, "template");
    const shelf_entry_t *entry = shelf_find(self->templates, name);
    if (!entry)
        return cr_fault_set(fault, CR_INVAL, "template: no such template: %.64s", name);
    broadcast_draft_t about = {
        .template = entry->template,
        .author = ask_actor(ask),
        .may_emergency = (ask->roles & (1u << PLAN_ROLE_DUTY)) != 0,
        .expires_default_us = self->config.expires_default_s * CR_US_PER_S,
    };
    cr_err_t err = broadcast_draft(&about, ask->arguments, document, fault);
    if (err != CR_OK)
        return err;
    err = audience_count(self, ask, *document, fault);
    if (err != CR_OK)
        json_decref(*document);
    return err;
}

static void
refuse_draft(plan_t *self, ask_t *ask, const cr_fault_t *fault)
{
    ask->answer.http_status = fault->code == CR_DENIED ? 403 : 400;
    ask_refuse(self, ask, fault, NULL);
}

static void
on_selected(plan_t *self, ask_t *ask)
{
    json_t *document = NULL;
    cr_fault_t fault;
    if (draft(self, ask, &document, &fault) != CR_OK) {
        refuse_draft(self, ask, &fault);
        return;
    }
    ledger_op_t *op = ask_op(LEDGER_BROADCAST_NEW);
    op->document = document;
    op->audit = ask_audit(ask, "broadcast_draft", "",
                          json_pack("{s:O}", "hash", json_object_get(document, "hash")));
    ask_store(self, ask, op, on_drafted);
}

void
verb_broadcast_draft(plan_t *self, ask_t *ask)
{
    cr_fault_t fault;
    if (audience_prepare(self, ask, argument_text(ask->arguments, "to"), &fault) == CR_OK)
        audience_read(self, ask, on_selected);
    else
        refuse_draft(self, ask, &fault);
}

/* -- reading ------------------------------------------------------------------------------------ */

void
verb_broadcast_show(plan_t *self, ask_t *ask)
{
    const broadcast_t *broadcast = ask_broadcast(self, ask);
    if (broadcast)
        ask_answer(self, ask, 200, broadcast_view(broadcast));
}

typedef struct {
    bool any_state;
    lifecycle_state_t state;
    uint64_t limit, before;
} list_t;

static cr_err_t
list_read(const ask_t *ask, list_t *list, cr_fault_t *fault)
{
    const char *state = argument_text(ask->arguments, "state");
    const char *cursor = argument_text(ask->arguments, "cursor");
    *list = (list_t){.any_state = !state, .before = UINT64_MAX};
    if (state && lifecycle_state_parse(state, &list->state) != CR_OK)
        return cr_fault_set(fault, CR_INVAL, "state: no such state: %.40s", state);
    if (cursor && cr_id_parse(cursor, &list->before) != CR_OK)
        return cr_fault_set(fault, CR_INVAL, "cursor: not one of ours");
    return argument_number(ask->arguments, "limit", LIST_MAX, LIST_DEFAULT, &list->limit, fault);
}

void
verb_broadcast_list(plan_t *self, ask_t *ask)
{
    list_t list;
    cr_fault_t fault;
    if (list_read(ask, &list, &fault) != CR_OK) {
        ask_refuse(self, ask, &fault, NULL);
        return;
    }
    json_t *items = json_array();
    char next[CR_ID_TEXT_MAX] = "";
    uint64_t last = 0;
    for (size_t i = place_of(self, list.before); i-- > 0;) {
        const broadcast_t *broadcast = self->broadcasts[i];
        if (!list.any_state && broadcast->state != list.state)
            continue;
        if (json_array_size(items) == list.limit) {
            cr_id_format(last, next);
            break;
        }
        json_array_append_new(items, broadcast_view(broadcast));
        last = broadcast->id;
    }
    ask_answer_items(self, ask, items, next[0] != '\0' && last > 0 ? next : NULL);
}

#include "broadcast.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "arguments.h"

static const argument_t stored_members[] = {
    {"state", ARGUMENT_TEXT, true},      {"lane", ARGUMENT_TEXT, true},
    {"to", ARGUMENT_TEXT, true},         {"hash", ARGUMENT_TEXT, true},
    {"author", ARGUMENT_TEXT, true},     {"author_person", ARGUMENT_TEXT, true},
    {"template", ARGUMENT_OBJECT, true}, {"channels", ARGUMENT_TEXTS, true},
    {"moves", ARGUMENT_ANY, true},       {"created", ARGUMENT_ANY, true},
    {"expires", ARGUMENT_ANY, true},     {NULL},
};

static int64_t
number_of(const json_t *document, const char *name)
{
    return json_integer_value(json_object_get(document, name));
}

/* Everything but the members that must be parsed. */
static void
read_document(broadcast_t *self)
{
    const json_t *document = self->document;
    self->drill = argument_flag(document, "drill");
    self->allow_empty = argument_flag(document, "allow_empty");
    self->resend_unknown =
        argument_flag(document, "resend_unknown") || self->lane == CR_LANE_EMERGENCY;
    self->unique_addresses = argument_flag(document, "unique_addresses");
    self->through_quiet = argument_text(document, "through_quiet") != NULL;
    self->settled = argument_flag(document, "settled");
    self->select = argument_text(document, "to");
    self->hash = argument_text(document, "hash");
    self->author_person = argument_text(document, "author_person");
    self->submitter_person = argument_text(document, "submitter_person");
    self->template_name = argument_text(json_object_get(document, "template"), "name");
    self->at_us = number_of(document, "at");
    self->expires_us = number_of(document, "expires");
    self->started_us = number_of(document, "started");
}

static cr_err_t
parse_document(broadcast_t *self, cr_fault_t *fault)
{
    const json_t *document = self->document;
    char member[ARGUMENTS_MEMBER_MAX];
    if (json_integer_value(json_object_get(document, "format")) != BROADCAST_FORMAT)
        return cr_fault_set(fault, CR_CORRUPT, "format: not %d", BROADCAST_FORMAT);
    if (arguments_have(document, stored_members, member, fault) != CR_OK)
        return CR_CORRUPT;
    if (lifecycle_state_parse(argument_text(document, "state"), &self->state) != CR_OK)
        return cr_fault_set(fault, CR_CORRUPT, "state: not known");
    if (cr_lane_parse(argument_text(document, "lane"), &self->lane) != CR_OK)
        return cr_fault_set(fault, CR_CORRUPT, "lane: not known");
    if (argument_channels(document, "channels", 0, &self->channels, fault) != CR_OK)
        return CR_CORRUPT;
    read_document(self);
    return self->template_name ? CR_OK : cr_fault_set(fault, CR_CORRUPT, "template: has no name");
}

cr_err_t
broadcast_new(uint64_t id, json_t *document, broadcast_t **self_p, cr_fault_t *fault)
{
    broadcast_t *self = calloc(1, sizeof *self);
    if (!self) {
        json_decref(document);
        return cr_fault_set(fault, CR_NOMEM, "out of memory");
    }
    self->id = id;
    self->document = document;
    cr_err_t err = parse_document(self, fault);
    if (err != CR_OK) {
        broadcast_destroy(&self);
        return err;
    }
    *self_p = self;
    return CR_OK;
}

void
broadcast_destroy(broadcast_t **self_p)
{
    broadcast_t *self = *self_p;
    if (!self)
        return;
    dispatch_broadcast_destroy(&self->restart);
    if (self->reached)
        roaring_bitmap_free(self->reached);
    json_decref(self->document);
    free(self->counts);
    free(self);
    *self_p = NULL;
}

void
broadcast_adopt(broadcast_t *self, json_t *document)
{
    json_decref(self->document);
    self->document = document;
    cr_err_t err = parse_document(self, NULL);
    CR_ASSERT(err == CR_OK);
}

const char *
broadcast_policy(const broadcast_t *self)
{
    return self->resend_unknown ? "resend" : "wait";
}

uint32_t
broadcast_size(const broadcast_t *self)
{
    return (uint32_t)number_of(self->document, "audience");
}

void
broadcast_record(json_t *document, lifecycle_state_t to, const broadcast_actor_t *actor)
{
    const char *state = lifecycle_state_name(to);
    json_t *move = json_pack("{s:s,s:I,s:s}", "state", state, "at", (json_int_t)actor->now_us, "by",
                             actor->name);
    json_object_set_new(document, "state", json_string(state));
    json_array_append_new(json_object_get(document, "moves"), move);
}

json_t *
broadcast_amend(const broadcast_t *self, lifecycle_state_t to, const broadcast_actor_t *actor)
{
    json_t *document = json_deep_copy(self->document);
    CR_ASSERT(document);
    broadcast_record(document, to, actor);
    return document;
}

static const char *const hashed_members[] = {
    "template", "variables", "to", "channels", "lane", "drill", "at", "expires", "resend_unknown"};

/* Absent, they are not hashed: hashes of documents that never had them stay what they were. */
static const char *const hashed_options[] = {"unique_addresses", "through_quiet"};

const char *
broadcast_hash(const json_t *document, char out[BROADCAST_HASH_TEXT])
{
    json_t *covered = json_object();
    for (size_t i = 0; i < CR_COUNT(hashed_members); i++) {
        json_t *value = json_object_get(document, hashed_members[i]);
        json_object_set(covered, hashed_members[i], value ? value : json_null());
    }
    for (size_t i = 0; i < CR_COUNT(hashed_options); i++)
        if (json_object_get(document, hashed_options[i]))
            json_object_set(covered, hashed_options[i],
                            json_object_get(document, hashed_options[i]));
    char *text = json_dumps(covered, JSON_COMPACT | JSON_SORT_KEYS);
    CR_ASSERT(text);
    uint8_t digest[crypto_hash_sha256_BYTES];
    crypto_hash_sha256(digest, (const uint8_t *)text, strlen(text));
    sodium_bin2hex(out, BROADCAST_HASH_TEXT, digest, sizeof digest);
    free(text);
    json_decref(covered);
    return out;
}

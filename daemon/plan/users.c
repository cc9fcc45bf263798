#include "users.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "cr_text.h"
#include "person.h"
#include "plan.h"

enum {
    TOKEN_BYTES = 32,
    SLOT_COUNT = 2 * USERS_MAX /* a power of two, never more than half full */
};

struct users {
    user_t *list[USERS_MAX]; /* in the order of names */
    size_t count;
    user_t *slots[SLOT_COUNT]; /* by token hash, linear probing */
};

static const char *const role_names[PLAN_ROLE_COUNT] = {
#define X(name, text) text,
    PLAN_ROLE_LIST(X)
#undef X
};
static const unsigned never_both = 1u << PLAN_ROLE_PLANNER | 1u << PLAN_ROLE_APPROVER;

/* ---- one user ---- */

static void
user_destroy(user_t **self_p)
{
    user_t *self = *self_p;
    if (!self)
        return;
    free(self->name);
    free(self->person);
    free(self->created);
    free(self->revoked);
    free(self);
    *self_p = NULL;
}

static user_t *
user_new(const char *name, const char *person, unsigned roles, const char *created)
{
    user_t *self = calloc(1, sizeof(*self));
    if (!self)
        return NULL;
    self->name = strdup(name);
    self->person = strdup(person);
    self->created = strdup(created);
    self->roles = roles;
    if (!self->name || !self->person || !self->created)
        user_destroy(&self);
    return self;
}

/* A token is 256 random bits, so a plain hash cannot be searched backwards: no salt, no work
 * factor. */
static bool
hash_token(const char *token, uint8_t hash[USERS_HASH_BYTES])
{
    uint8_t bytes[TOKEN_BYTES];
    size_t length = 0;
    const char *end = NULL;
    if (sodium_hex2bin(bytes, sizeof(bytes), token, strlen(token), NULL, &length, &end) != 0 ||
        length != sizeof(bytes) || *end != '\0')
        return false;
    crypto_generichash(hash, USERS_HASH_BYTES, bytes, sizeof(bytes), NULL, 0);
    sodium_memzero(bytes, sizeof(bytes));
    return true;
}

void
users_new_token(char token[USERS_TOKEN_TEXT])
{
    uint8_t bytes[TOKEN_BYTES];
    randombytes_buf(bytes, sizeof(bytes));
    sodium_bin2hex(token, USERS_TOKEN_TEXT, bytes, sizeof(bytes));
    sodium_memzero(bytes, sizeof(bytes));
}

/* ---- the table ---- */

users_t *
users_new(void)
{
    CR_ASSERT(sodium_init() >= 0);
    return calloc(1, sizeof(users_t));
}

void
users_destroy(users_t **self_p)
{
    users_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < self->count; i++)
        user_destroy(&self->list[i]);
    free(self);
    *self_p = NULL;
}

/* Where `name` is in the list, or would be. */
static size_t
position(const users_t *self, const char *name)
{
    size_t low = 0, high = self->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (strcmp(self->list[middle]->name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static user_t *
find(const users_t *self, const char *name)
{
    size_t at = position(self, name);
    return at < self->count && strcmp(self->list[at]->name, name) == 0 ? self->list[at] : NULL;
}

static size_t
first_slot(const uint8_t hash[USERS_HASH_BYTES])
{
    uint32_t number;
    memcpy(&number, hash, sizeof(number));
    return number & (SLOT_COUNT - 1);
}

/* Users change a few times a year: building the index anew is simpler than deleting from it. */
static void
index_tokens(users_t *self)
{
    memset(self->slots, 0, sizeof(self->slots));
    for (size_t i = 0; i < self->count; i++) {
        size_t slot = first_slot(self->list[i]->token_hash);
        while (self->slots[slot])
            slot = (slot + 1) & (SLOT_COUNT - 1);
        self->slots[slot] = self->list[i];
    }
}

void
users_remove(users_t *self, const char *name)
{
    size_t at = position(self, name);
    if (!find(self, name))
        return;
    user_destroy(&self->list[at]);
    self->count--;
    for (; at < self->count; at++)
        self->list[at] = self->list[at + 1];
    index_tokens(self);
}

/* Takes the user; one of the same name goes. */
static cr_err_t
insert(users_t *self, user_t *user, cr_fault_t *fault)
{
    users_remove(self, user->name);
    if (self->count == USERS_MAX) {
        user_destroy(&user);
        return cr_fault_set(fault, CR_TOOBIG, "there are %d users already", USERS_MAX);
    }
    size_t at = position(self, user->name);
    for (size_t i = self->count; i > at; i--)
        self->list[i] = self->list[i - 1];
    self->list[at] = user;
    self->count++;
    index_tokens(self);
    return CR_OK;
}

const user_t *
users_find(const users_t *self, const char *name)
{
    return find(self, name);
}

const user_t *
users_authenticate(const users_t *self, const char *token)
{
    uint8_t hash[USERS_HASH_BYTES];
    if (!hash_token(token, hash))
        return NULL;
    for (size_t slot = first_slot(hash); self->slots[slot]; slot = (slot + 1) & (SLOT_COUNT - 1)) {
        const user_t *user = self->slots[slot];
        if (sodium_memcmp(user->token_hash, hash, sizeof(hash)) == 0)
            return user->revoked ? NULL : user;
    }
    return NULL;
}

/* ---- rules ---- */

static bool
is_name(const char *name)
{
    size_t length = strlen(name);
    return length > 0 && length <= USERS_NAME_MAX &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-") == length;
}

static bool
is_person(const char *person)
{
    cr_slice_t text = cr_slice_of(person);
    size_t at;
    uint32_t code;
    cr_str_t folded;
    cr_str_init(&folded, 4 * USERS_PERSON_MAX);
    bool fits = !cr_text_find_forbidden(text, &at, &code) && !cr_text_has_line_break(text) &&
                cr_text_length(text) <= USERS_PERSON_MAX && person_fold(text, &folded) == CR_OK;
    cr_str_fini(&folded);
    return fits;
}

static bool
find_role(const char *text, unsigned *role)
{
    for (unsigned i = 0; i < PLAN_ROLE_COUNT; i++) {
        if (strcmp(role_names[i], text) == 0) {
            *role = i;
            return true;
        }
    }
    return false;
}

static cr_err_t
read_roles(const json_t *array, unsigned *roles, cr_fault_t *fault)
{
    unsigned bits = 0;
    size_t i;
    json_t *item;
    json_array_foreach(array, i, item)
    {
        unsigned role;
        const char *text = json_string_value(item);
        if (!text || !find_role(text, &role))
            return cr_fault_set(fault, CR_INVAL, "roles: \"%s\" is no role", text ? text : "?");
        bits |= 1u << role;
    }
    if (bits == 0)
        return cr_fault_set(fault, CR_INVAL, "roles: an array of at least one role is needed");
    *roles = bits;
    return CR_OK;
}

static cr_err_t
check_members(json_t *arguments, cr_fault_t *fault)
{
    const char *key;
    json_t *value;
    json_object_foreach(arguments, key, value)
    {
        if (strcmp(key, "name") != 0 && strcmp(key, "person") != 0 && strcmp(key, "roles") != 0)
            return cr_fault_set(fault, CR_INVAL, "%s: unknown member", key);
    }
    return CR_OK;
}

/* Over all accounts that may call: nobody plans and approves. */
static cr_err_t
check_separation(const users_t *self, const char *person, unsigned roles, cr_fault_t *fault)
{
    if ((roles & never_both) == never_both)
        return cr_fault_set(fault, CR_CONFLICT, "roles: no person may be planner and approver");
    for (size_t i = 0; i < self->count; i++) {
        const user_t *other = self->list[i];
        unsigned both = (roles | other->roles) & never_both;
        if (!other->revoked && (roles & never_both) && both == never_both &&
            person_is_same(other->person, person))
            return cr_fault_set(fault, CR_CONFLICT,
                                "roles: the same person is %s as user %s; no person may be "
                                "planner and approver",
                                roles & 1u << PLAN_ROLE_PLANNER ? "approver" : "planner",
                                other->name);
    }
    return CR_OK;
}

static cr_err_t
check_new(const users_t *self, json_t *arguments, unsigned *roles, cr_fault_t *fault)
{
    const char *name = json_string_value(json_object_get(arguments, "name"));
    const char *person = json_string_value(json_object_get(arguments, "person"));
    cr_err_t err = check_members(arguments, fault);
    if (err)
        return err;
    if (!name || !is_name(name))
        return cr_fault_set(fault, CR_INVAL, "name: 1 to %d of a-z 0-9 . _ - are needed",
                            USERS_NAME_MAX);
    if (!person || !is_person(person))
        return cr_fault_set(fault, CR_INVAL, "person: a name of 1 to %d characters is needed",
                            USERS_PERSON_MAX);
    err = read_roles(json_object_get(arguments, "roles"), roles, fault);
    if (err)
        return err;
    if (find(self, name))
        return cr_fault_set(fault, CR_EXISTS, "user %s exists; a name is never given again", name);
    return check_separation(self, person, *roles, fault);
}

/* ---- changes ---- */

static cr_err_t
out_of_memory(cr_fault_t *fault)
{
    return cr_fault_set(fault, CR_NOMEM, "%s", cr_err_text(CR_NOMEM));
}

cr_err_t
users_add(users_t *self, json_t *arguments, const char *created, const char *token,
          const user_t **user, cr_fault_t *fault)
{
    unsigned roles = 0;
    cr_err_t err = check_new(self, arguments, &roles, fault);
    if (err)
        return err;
    user_t *added =
        user_new(json_string_value(json_object_get(arguments, "name")),
                 json_string_value(json_object_get(arguments, "person")), roles, created);
    if (!added)
        return out_of_memory(fault);
    CR_ASSERT(hash_token(token, added->token_hash));
    err = insert(self, added, fault);
    if (!err)
        *user = added;
    return err;
}

cr_err_t
users_set_admin(users_t *self, const char *token, const char *created, cr_fault_t *fault)
{
    user_t *admin = user_new("admin", "Administrator", 1u << PLAN_ROLE_ADMIN, created);
    if (!admin)
        return out_of_memory(fault);
    admin->bootstrap = true;
    if (!hash_token(token, admin->token_hash)) {
        user_destroy(&admin);
        return cr_fault_set(fault, CR_INVAL, "the administrator's token is not 64 hex digits");
    }
    return insert(self, admin, fault);
}

cr_err_t
users_revoke(users_t *self, const char *name, const char *revoked, const user_t **user,
             cr_fault_t *fault)
{
    user_t *found = find(self, name);
    if (!found)
        return cr_fault_set(fault, CR_NOTFOUND, "there is no such user");
    if (found->bootstrap)
        return cr_fault_set(fault, CR_CONFLICT,
                            "the token of %s comes from a file; it ends with the file", name);
    if (found->revoked)
        return cr_fault_set(fault, CR_CONFLICT, "user %s is revoked since %s", name,
                            found->revoked);
    found->revoked = strdup(revoked);
    if (!found->revoked)
        return out_of_memory(fault);
    *user = found;
    return CR_OK;
}

/* ---- JSON ---- */

json_t *
users_roles(unsigned roles)
{
    json_t *array = json_array();
    for (unsigned i = 0; i < PLAN_ROLE_COUNT; i++)
        if (roles & 1u << i)
            json_array_append_new(array, json_string(role_names[i]));
    return array;
}

json_t *
users_view(const user_t *user)
{
    return json_pack("{s:s, s:s, s:o, s:s, s:s?}", "name", user->name, "person", user->person,
                     "roles", users_roles(user->roles), "created", user->created, "revoked",
                     user->revoked);
}

json_t *
users_document(const user_t *user)
{
    char hash[2 * USERS_HASH_BYTES + 1];
    sodium_bin2hex(hash, sizeof(hash), user->token_hash, USERS_HASH_BYTES);
    json_t *document = users_view(user);
    json_object_set_new(document, "token_hash", json_string(hash));
    return document;
}

json_t *
users_list(const users_t *self)
{
    json_t *items = json_array();
    for (size_t i = 0; i < self->count; i++)
        json_array_append_new(items, users_view(self->list[i]));
    return items;
}

static bool
read_hash(const char *text, uint8_t hash[USERS_HASH_BYTES])
{
    size_t length = 0;
    return sodium_hex2bin(hash, USERS_HASH_BYTES, text, strlen(text), NULL, &length, NULL) == 0 &&
           length == USERS_HASH_BYTES;
}

/* NULL when the document is not one of ours. */
static user_t *
read_document(json_t *document)
{
    const char *name, *person, *created, *hash;
    const char *revoked = json_string_value(json_object_get(document, "revoked"));
    json_t *roles;
    unsigned bits = 0;
    if (json_unpack(document, "{s:s, s:s, s:o, s:s, s:s}", "name", &name, "person", &person,
                    "roles", &roles, "created", &created, "token_hash", &hash) != 0 ||
        read_roles(roles, &bits, NULL) || !is_name(name))
        return NULL;
    user_t *user = user_new(name, person, bits, created);
    if (user && revoked)
        user->revoked = strdup(revoked);
    if (user && (!read_hash(hash, user->token_hash) || (revoked && !user->revoked)))
        user_destroy(&user);
    return user;
}

cr_err_t
users_put(users_t *self, json_t *document, cr_fault_t *fault)
{
    user_t *user = read_document(document);
    if (!user)
        return cr_fault_set(fault, CR_CORRUPT, "the stored document of a user cannot be read");
    return insert(self, user, fault);
}

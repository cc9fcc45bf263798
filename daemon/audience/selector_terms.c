#include "selector_terms.h"

#include <string.h>

#include "cr_text.h"
#include "outcome.h"
#include "suggest.h"
#include "version.h"

enum { SHOWN_MAX = 60 };

typedef cr_err_t term_fn(const selector_scope_t *scope, const selector_step_t *term,
                         selector_set_t *set);

static const roaring_bitmap_t *
nobody(selector_set_t *set)
{
    set->owned = roaring_bitmap_create();
    return set->owned;
}

static cr_err_t
give(selector_set_t *set, const roaring_bitmap_t *members)
{
    set->members = members;
    return members ? CR_OK : CR_NOMEM;
}

/* At most SHOWN_MAX bytes of what was asked for, cut between characters. */
static cr_slice_t
shown(cr_slice_t text)
{
    if (text.length <= SHOWN_MAX)
        return text;
    size_t length = SHOWN_MAX;
    while (length > 0 && ((unsigned char)text.text[length] & 0xC0) == 0x80)
        length--;
    return (cr_slice_t){text.text, length};
}

static cr_err_t
not_found(const selector_scope_t *scope, const char *what, cr_slice_t name, size_t column,
          const suggest_t *near)
{
    cr_slice_t asked = shown(name), best = suggest_best(near);
    if (best.length == 0 || shown(best).length != best.length)
        return cr_fault_set_at(scope->fault, CR_NOTFOUND, 1, column, "unknown %s \"%.*s\"", what,
                               (int)asked.length, asked.text);
    return cr_fault_set_at(scope->fault, CR_NOTFOUND, 1, column,
                           "unknown %s \"%.*s\"; did you mean \"%.*s\"?", what, (int)asked.length,
                           asked.text, (int)best.length, best.text);
}

static void
offer_tag(void *context, cr_slice_t name, const roaring_bitmap_t *members)
{
    (void)members;
    suggest_offer(context, name);
}

static cr_err_t
term_all(const selector_scope_t *scope, const selector_step_t *term, selector_set_t *set)
{
    (void)term;
    return give(set, directory_everyone(scope->directory));
}

typedef struct {
    cr_slice_t prefix;
    roaring_bitmap_t *members;
    bool found;
} inside_t;

static void
add_inside(void *context, cr_slice_t name, const roaring_bitmap_t *members)
{
    inside_t *self = context;
    if (name.length < self->prefix.length ||
        memcmp(name.text, self->prefix.text, self->prefix.length) != 0)
        return;
    self->found = true;
    roaring_bitmap_lazy_or_inplace(self->members, members, false);
}

/* Everybody whose division's code begins with `prefix`; false when no such code is in use. */
static bool
collect_inside(const selector_scope_t *scope, cr_slice_t prefix, selector_set_t *set)
{
    inside_t inside = {.prefix = prefix, .members = roaring_bitmap_create()};
    set->owned = inside.members;
    set->members = inside.members;
    directory_each_tag(scope->directory, DIRECTORY_TAG_DIVISION, add_inside, &inside);
    roaring_bitmap_repair_after_lazy(inside.members);
    return inside.found;
}

static cr_err_t
term_town(const selector_scope_t *scope, const selector_step_t *term, selector_set_t *set)
{
    const divisions_t *divisions = scope->directory->divisions;
    const division_t *town = divisions_find(divisions, term->value);
    if (town) {
        collect_inside(scope, division_prefix(town->code), set);
        return CR_OK;
    }
    suggest_t near;
    suggest_init(&near, term->value);
    for (size_t i = 0; i < divisions_count(divisions); i++) {
        suggest_offer(&near, divisions_at(divisions, i)->name);
        suggest_offer(&near, divisions_at(divisions, i)->english);
    }
    return not_found(scope, "town", term->value, term->value_column, &near);
}

static bool
is_known_prefix(const divisions_t *divisions, cr_slice_t prefix)
{
    for (size_t i = 0; i < divisions_count(divisions); i++)
        if (memcmp(divisions_at(divisions, i)->code.text, prefix.text, prefix.length) == 0)
            return true;
    return false;
}

static cr_err_t
term_division(const selector_scope_t *scope, const selector_step_t *term, selector_set_t *set)
{
    cr_slice_t prefix = term->value;
    if (prefix.length > DIVISION_DIGITS || strspn(prefix.text, "0123456789") < prefix.length)
        return cr_fault_set_at(scope->fault, CR_INVAL, 1, term->value_column,
                               "a division is the first digits of its code, as in 370124104");
    if (collect_inside(scope, prefix, set) || is_known_prefix(scope->directory->divisions, prefix))
        return CR_OK;
    suggest_t near;
    suggest_init(&near, prefix);
    directory_each_tag(scope->directory, DIRECTORY_TAG_DIVISION, offer_tag, &near);
    return not_found(scope, "division", prefix, term->value_column, &near);
}

static cr_err_t
term_tag(const selector_scope_t *scope, const selector_step_t *term, selector_set_t *set,
         directory_tag_kind_t kind, const char *what)
{
    const roaring_bitmap_t *members = directory_tag(scope->directory, kind, term->value);
    if (members)
        return give(set, members);
    suggest_t near;
    suggest_init(&near, term->value);
    directory_each_tag(scope->directory, kind, offer_tag, &near);
    return not_found(scope, what, term->value, term->value_column, &near);
}

static cr_err_t
term_group(const selector_scope_t *scope, const selector_step_t *term, selector_set_t *set)
{
    return term_tag(scope, term, set, DIRECTORY_TAG_GROUP, "group");
}

static cr_err_t
term_role(const selector_scope_t *scope, const selector_step_t *term, selector_set_t *set)
{
    return term_tag(scope, term, set, DIRECTORY_TAG_ROLE, "role");
}

static cr_err_t
term_language(const selector_scope_t *scope, const selector_step_t *term, selector_set_t *set)
{
    return term_tag(scope, term, set, DIRECTORY_TAG_LANGUAGE, "language");
}

static cr_err_t
unknown_attribute(const selector_scope_t *scope, const selector_step_t *term)
{
    suggest_t near;
    suggest_init(&near, term->subkey);
    for (uint32_t i = 0; i < directory_attribute_count(scope->directory); i++)
        suggest_offer(&near, directory_attribute(scope->directory, i));
    return not_found(scope, "attribute", term->subkey, term->subkey_column, &near);
}

/* Tags of attributes are called "key=value". */
static cr_slice_t
tag_value(const tags_t *values, uint32_t index)
{
    const tag_t *tag = values->tags[index];
    size_t skip = values->key_length + 1;
    return (cr_slice_t){tag->name + skip, tag->length - skip};
}

static cr_err_t
unknown_value(const selector_scope_t *scope, const selector_step_t *term, const tags_t *values)
{
    suggest_t near;
    suggest_init(&near, term->value);
    for (uint32_t i = 0; i < values->count; i++)
        suggest_offer(&near, tag_value(values, i));
    return not_found(scope, "value", term->value, term->value_column, &near);
}

static cr_err_t
term_attribute(const selector_scope_t *scope, const selector_step_t *term, selector_set_t *set)
{
    const tags_t *values = version_attribute(scope->directory, term->subkey);
    if (!values)
        return unknown_attribute(scope, term);
    if (values->is_broad)
        return cr_fault_set_at(scope->fault, CR_INVAL, 1, term->subkey_column,
                               "this attribute has more than %d values and cannot be selected by",
                               TAGS_VALUES_MAX);
    cr_str_t name;
    cr_str_init(&name, 16 << 10);
    cr_str_append_slice(&name, term->subkey);
    cr_str_append_char(&name, '=');
    cr_str_append_slice(&name, term->value);
    const roaring_bitmap_t *members = tags_find(values, cr_str_slice(&name));
    cr_err_t err = cr_str_err(&name);
    cr_str_fini(&name);
    if (err != CR_OK)
        return err;
    return members ? give(set, members) : unknown_value(scope, term, values);
}

static cr_err_t
term_id(const selector_scope_t *scope, const selector_step_t *term, selector_set_t *set)
{
    suggest_t near;
    uint32_t ordinal = directory_find(scope->directory, term->value);
    if (ordinal == DIRECTORY_NONE) {
        suggest_init(&near, (cr_slice_t){"", 0});
        return not_found(scope, "id", term->value, term->value_column, &near);
    }
    cr_err_t err = give(set, nobody(set));
    if (err == CR_OK)
        roaring_bitmap_add(set->owned, ordinal);
    return err;
}

static cr_err_t
term_has(const selector_scope_t *scope, const selector_step_t *term, selector_set_t *set)
{
    suggest_t near;
    suggest_init(&near, term->value);
    for (cr_channel_t channel = 0; channel < CR_CHANNEL_COUNT; channel++) {
        cr_slice_t name = cr_slice_of(cr_channel_name(channel));
        if (cr_slice_equal(name, term->value))
            return give(set, directory_reachable(scope->directory, channel));
        suggest_offer(&near, name);
    }
    return not_found(scope, "channel", term->value, term->value_column, &near);
}

static const struct {
    const char *key;
    term_fn *term;
} terms[] = {
    {"all", term_all},     {"town", term_town},      {"division", term_division},
    {"group", term_group}, {"role", term_role},      {"lang", term_language},
    {"id", term_id},       {"attr", term_attribute}, {"has", term_has},
};

static cr_err_t
unknown_term(const selector_scope_t *scope, const selector_step_t *term)
{
    suggest_t near;
    suggest_init(&near, term->key);
    for (size_t i = 0; i < CR_COUNT(terms); i++)
        suggest_offer(&near, cr_slice_of(terms[i].key));
    for (size_t i = 0; scope->resolve && outcome_key(i); i++)
        suggest_offer(&near, cr_slice_of(outcome_key(i)));
    return not_found(scope, "term", term->key, term->key_column, &near);
}

cr_err_t
selector_resolve(const selector_scope_t *scope, const selector_step_t *term, selector_set_t *set)
{
    *set = (selector_set_t){0};
    for (size_t i = 0; i < CR_COUNT(terms); i++)
        if (cr_slice_equal(term->key, cr_slice_of(terms[i].key)))
            return terms[i].term(scope, term, set);
    cr_fault_t why = {.text = ""};
    cr_err_t err = scope->resolve
                       ? scope->resolve(scope->context, term->key, term->value, &set->owned, &why)
                       : CR_NOTFOUND;
    set->members = set->owned;
    if (err == CR_NOTFOUND)
        return unknown_term(scope, term);
    if (err != CR_OK)
        cr_fault_set_at(scope->fault, err, 1, term->value_column, "%s",
                        why.text[0] != '\0' ? why.text : cr_err_text(err));
    return err;
}

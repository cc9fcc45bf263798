#include "shelf.h"

#include <stdlib.h>
#include <string.h>

#include "cr_clock.h"

struct shelf {
    shelf_entry_t *entries; /* in the order of names */
    size_t count;
};

shelf_t *
shelf_new(void)
{
    shelf_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->entries = calloc(SHELF_MAX, sizeof *self->entries);
    if (!self->entries)
        shelf_destroy(&self);
    return self;
}

static void
entry_fini(shelf_entry_t *entry)
{
    template_destroy(&entry->template);
    free(entry->author);
}

void
shelf_destroy(shelf_t **self_p)
{
    shelf_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < self->count; i++)
        entry_fini(&self->entries[i]);
    free(self->entries);
    free(self);
    *self_p = NULL;
}

/* The first entry whose name is not before `name`. */
static size_t
place_of(const shelf_t *self, const char *name)
{
    size_t low = 0, high = self->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (strcmp(template_name(self->entries[middle].template), name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool
is_at(const shelf_t *self, size_t place, const char *name)
{
    return place < self->count && strcmp(template_name(self->entries[place].template), name) == 0;
}

const shelf_entry_t *
shelf_find(const shelf_t *self, const char *name)
{
    size_t place = place_of(self, name);
    return is_at(self, place, name) ? &self->entries[place] : NULL;
}

bool
shelf_is_full(const shelf_t *self)
{
    return self->count >= SHELF_MAX;
}

cr_err_t
shelf_put(shelf_t *self, template_t *template, const char *author, int64_t updated_us)
{
    size_t place = place_of(self, template_name(template));
    bool known = is_at(self, place, template_name(template));
    char *copy = strdup(author);
    if (!copy || (!known && shelf_is_full(self))) {
        free(copy);
        template_destroy(&template);
        return copy ? CR_TOOBIG : CR_NOMEM;
    }
    shelf_entry_t *entry = &self->entries[place];
    if (known)
        entry_fini(entry);
    else
        memmove(entry + 1, entry, (self->count++ - place) * sizeof *entry);
    *entry = (shelf_entry_t){template, copy, updated_us};
    return CR_OK;
}

json_t *
shelf_document(const template_t *template, const char *author, int64_t updated_us)
{
    return json_pack("{s:o,s:s,s:I}", "template", template_document(template), "author", author,
                     "updated", (json_int_t)updated_us);
}

cr_err_t
shelf_load(shelf_t *self, const json_t *document, const char *sender, cr_fault_t *fault)
{
    template_t *template;
    const char *author = json_string_value(json_object_get(document, "author"));
    cr_err_t err = template_parse(json_object_get(document, "template"), sender, &template, fault);
    if (err != CR_OK)
        return CR_CORRUPT;
    return shelf_put(self, template, author ? author : "",
                     json_integer_value(json_object_get(document, "updated")));
}

json_t *
shelf_list(const shelf_t *self)
{
    json_t *items = json_array();
    for (size_t i = 0; i < self->count; i++) {
        const shelf_entry_t *entry = &self->entries[i];
        char updated[CR_TIME_TEXT_MAX];
        json_t *row = template_row(entry->template);
        json_object_set_new(row, "updated",
                            json_string(cr_time_format(entry->updated_us, updated)));
        json_object_set_new(row, "author", json_string(entry->author));
        json_array_append_new(items, row);
    }
    return items;
}

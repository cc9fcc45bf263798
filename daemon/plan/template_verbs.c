/* Templates: put, listed, shown, previewed for a person. */
#include <string.h>

#include "arguments.h"
#include "cr_clock.h"
#include "verbs.h"

static void
not_there(plan_t *self, ask_t *ask, const char *name)
{
    cr_fault_t fault;
    cr_fault_set(&fault, CR_NOTFOUND, "no such template: %.64s", name);
    ask_refuse(self, ask, &fault, NULL);
}

static json_t *
view(const shelf_entry_t *entry)
{
    char updated[CR_TIME_TEXT_MAX];
    json_t *shown = template_document(entry->template);
    json_object_set_new(shown, "updated", json_string(cr_time_format(entry->updated_us, updated)));
    json_object_set_new(shown, "author", json_string(entry->author));
    json_object_set_new(shown, "checks", template_checks(entry->template));
    return shown;
}

void
verb_template_list(plan_t *self, ask_t *ask)
{
    ask_answer_items(self, ask, shelf_list(self->templates), NULL);
}

void
verb_template_show(plan_t *self, ask_t *ask)
{
    const char *name = argument_text(ask->arguments, "name");
    const shelf_entry_t *entry = shelf_find(self->templates, name);
    if (entry)
        ask_answer(self, ask, 200, view(entry));
    else
        not_there(self, ask, name);
}

/* The stored document is read again: memory holds what the store does. */
static void
on_put(plan_t *self, ask_t *ask, ledger_op_t *op)
{
    cr_fault_t fault;
    bool known = shelf_find(self->templates, op->key) != NULL;
    if (shelf_load(self->templates, op->document, self->config.sms_signature, &fault) != CR_OK) {
        cr_fault_set(&fault, CR_TOOBIG, "there are too many templates");
        ask_refuse(self, ask, &fault, NULL);
        return;
    }
    ask_answer(self, ask, known ? 200 : 201, view(shelf_find(self->templates, op->key)));
}

static void
store(plan_t *self, ask_t *ask, const template_t *template)
{
    ledger_op_t *op = ask_op(LEDGER_DOCUMENT_PUT);
    op->collection = "templates";
    op->key = strdup(template_name(template));
    op->document = shelf_document(template, ask->who, cr_clock_wall_us());
    op->audit = ask_audit(ask, "template_put", template_name(template), NULL);
    ask_store(self, ask, op, on_put);
}

/* What was shown can be put again: what we added to it is not read. */
static void
drop_shown(json_t *document)
{
    static const char *const shown[] = {"updated", "author", "checks"};
    for (size_t i = 0; i < CR_COUNT(shown); i++)
        json_object_del(document, shown[i]);
}

void
verb_template_put(plan_t *self, ask_t *ask)
{
    template_t *template;
    cr_fault_t fault;
    drop_shown(ask->arguments);
    cr_err_t err = template_parse(ask->arguments, self->config.sms_signature, &template, &fault);
    if (err == CR_OK && shelf_is_full(self->templates) &&
        !shelf_find(self->templates, template_name(template))) {
        err = cr_fault_set(&fault, CR_TOOBIG, "there are %d templates already", SHELF_MAX);
        template_destroy(&template);
    }
    if (err != CR_OK) {
        ask_refuse(self, ask, &fault, NULL);
        return;
    }
    store(self, ask, template);
    template_destroy(&template);
}

typedef struct {
    const directory_t *directory;
    uint32_t ordinal;
} reader_t;

static bool
value_of(void *context, cr_slice_t key, cr_slice_t *value)
{
    const reader_t *reader = context;
    *value = directory_value(reader->directory, reader->ordinal, key);
    return true;
}

void
verb_template_preview(plan_t *self, ask_t *ask)
{
    const char *name = argument_text(ask->arguments, "name");
    const shelf_entry_t *entry = shelf_find(self->templates, name);
    recipient_t recipient;
    json_t *preview;
    cr_fault_t fault;
    if (!entry) {
        not_there(self, ask, name);
        return;
    }
    if (!ask_recipient(self, ask, "to", &recipient))
        return;
    reader_t context = {self->directory, recipient.ordinal};
    template_reader_t reader = {.id = argument_text(ask->arguments, "to"),
                                .language = recipient.language,
                                .value = value_of,
                                .context = &context};
    for (int channel = 0; channel < CR_CHANNEL_COUNT; channel++) {
        reader.address[channel] =
            directory_address(self->directory, recipient.ordinal, (cr_channel_t)channel);
        reader.suppressed[channel] =
            recipient_suppressed(self, recipient.ordinal, (cr_channel_t)channel);
    }
    if (template_preview(entry->template, json_object_get(ask->arguments, "variables"), &reader,
                         &preview, &fault) == CR_OK)
        ask_answer(self, ask, 200, preview);
    else
        ask_refuse(self, ask, &fault, NULL);
}

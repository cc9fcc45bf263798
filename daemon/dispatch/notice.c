#include "notice.h"

#include <stdlib.h>
#include <string.h>

static char *
or_empty(char *text)
{
    static char empty[1]; /* protobuf-c takes non-const texts and never writes them */
    return text ? text : empty;
}

static void
lay_out_fields(Crier__V1__Wording *wording, const dispatch_wording_t *from,
               Crier__V1__Field *fields, Crier__V1__Field **list)
{
    wording->n_fields = from->field_count;
    wording->fields = list;
    for (size_t i = 0; i < from->field_count; i++) {
        crier__v1__field__init(&fields[i]);
        fields[i].name = or_empty(from->field_names[i]);
        fields[i].value = or_empty(from->field_values[i]);
        list[i] = &fields[i];
    }
}

static void
lay_out_wording(Crier__V1__Wording *wording, const dispatch_wording_t *from)
{
    crier__v1__wording__init(wording);
    wording->language = or_empty(from->language);
    wording->text = or_empty(from->text);
    wording->subject = or_empty(from->subject);
    wording->html = or_empty(from->html);
    wording->template_id = or_empty(from->template_id);
    wording->url = or_empty(from->url);
}

static bool
lay_out(notice_content_t *self, const dispatch_content_t *from)
{
    size_t fields = 0, field = 0;
    for (size_t i = 0; i < from->wording_count; i++)
        fields += from->wordings[i].field_count;
    self->wordings = calloc(from->wording_count + 1, sizeof *self->wordings);
    self->wording_list = calloc(from->wording_count + fields + 1, sizeof(void *));
    self->fields = calloc(fields + 1, sizeof *self->fields);
    self->columns = calloc(from->column_count + 1, sizeof *self->columns);
    self->column_list = calloc(from->column_count + 1, sizeof *self->column_list);
    if (!self->wordings || !self->wording_list || !self->fields || !self->columns ||
        !self->column_list)
        return false;
    self->wording_count = from->wording_count;
    self->column_count = from->column_count;
    Crier__V1__Field **field_list =
        (Crier__V1__Field **)(void *)(self->wording_list + from->wording_count);
    for (size_t i = 0; i < from->wording_count; i++) {
        lay_out_wording(&self->wordings[i], &from->wordings[i]);
        lay_out_fields(&self->wordings[i], &from->wordings[i], self->fields + field,
                       field_list + field);
        self->wording_list[i] = &self->wordings[i];
        field += from->wordings[i].field_count;
    }
    for (size_t i = 0; i < from->column_count; i++) {
        crier__v1__column__init(&self->columns[i]);
        self->columns[i].name = from->columns[i];
        self->column_list[i] = &self->columns[i];
    }
    return true;
}

notice_t *
notice_new(dispatch_broadcast_t **spec_p)
{
    notice_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->spec = *spec_p;
    *spec_p = NULL;
    self->block = UINT32_MAX;
    for (int i = 0; i < CR_CHANNEL_COUNT; i++)
        if (self->spec->content[i] && !lay_out(&self->content[i], self->spec->content[i])) {
            notice_destroy(&self);
            return NULL;
        }
    return self;
}

void
notice_destroy(notice_t **self_p)
{
    notice_t *self = *self_p;
    if (!self)
        return;
    for (int i = 0; i < CR_CHANNEL_COUNT; i++) {
        notice_content_t *content = &self->content[i];
        if (self->refused[i])
            roaring_bitmap_free(self->refused[i]);
        if (self->pardoned[i])
            roaring_bitmap_free(self->pardoned[i]);
        free(content->wordings);
        free(content->wording_list);
        free(content->fields);
        free(content->columns);
        free(content->column_list);
    }
    dispatch_broadcast_destroy(&self->spec);
    dispatch_message_destroy(&self->order);
    free(self);
    *self_p = NULL;
}

const uint32_t *
notice_ordinals(notice_t *self, uint32_t block)
{
    uint32_t first;
    if (self->block == block)
        return self->ordinals;
    CR_ASSERT(roaring_bitmap_select(self->spec->audience, block * CORE_BLOCK, &first));
    roaring_uint32_iterator_t at;
    roaring_init_iterator(self->spec->audience, &at);
    roaring_move_uint32_iterator_equalorlarger(&at, first);
    roaring_read_uint32_iterator(&at, self->ordinals, CORE_BLOCK);
    self->block = block;
    return self->ordinals;
}

static size_t
primary_length(cr_slice_t language)
{
    const char *dash = language.length > 0 ? memchr(language.text, '-', language.length) : NULL;
    return dash ? (size_t)(dash - language.text) : language.length;
}

uint8_t
notice_wording(const notice_content_t *content, cr_slice_t language)
{
    size_t near = 0;
    cr_slice_t primary = {language.text, primary_length(language)};
    for (size_t i = content->wording_count; i-- > 0;) {
        cr_slice_t own = cr_slice_of(content->wordings[i].language);
        if (cr_slice_equal(own, language))
            return (uint8_t)i;
        if (cr_slice_equal((cr_slice_t){own.text, primary_length(own)}, primary))
            near = i;
    }
    return (uint8_t)near;
}

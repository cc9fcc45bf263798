#include "wording.h"

#include <stdlib.h>
#include <string.h>

static const wording_member_t members[] = {
    {CR_CHANNEL_SMS, "text", offsetof(dispatch_wording_t, text), 4096, WORDING_REQUIRED},
    {CR_CHANNEL_WECHAT, "template_id", offsetof(dispatch_wording_t, template_id), 64,
     WORDING_REQUIRED | WORDING_ONE_LINE | WORDING_FIXED},
    {CR_CHANNEL_WECHAT, "url", offsetof(dispatch_wording_t, url), 1024,
     WORDING_ONE_LINE | WORDING_FIXED | WORDING_LINK},
    {CR_CHANNEL_MAIL, "subject", offsetof(dispatch_wording_t, subject), 255,
     WORDING_REQUIRED | WORDING_ONE_LINE},
    {CR_CHANNEL_MAIL, "text", offsetof(dispatch_wording_t, text), 4096, WORDING_REQUIRED},
    {CR_CHANNEL_MAIL, "html", offsetof(dispatch_wording_t, html), WORDING_TEXT_BYTES, WORDING_HTML},
};

const wording_member_t *
wording_next_member(cr_channel_t channel, size_t *row)
{
    while (*row < CR_COUNT(members)) {
        const wording_member_t *member = &members[(*row)++];
        if (member->channel == channel)
            return member;
    }
    return NULL;
}

char **
wording_slot(dispatch_wording_t *self, const wording_member_t *member)
{
    return (char **)((char *)self + member->offset);
}

size_t
wording_texts(dispatch_wording_t *self, cr_channel_t channel,
              wording_text_t texts[WORDING_TEXTS_MAX])
{
    size_t count = 0;
    const wording_member_t *member;
    for (size_t row = 0; (member = wording_next_member(channel, &row)) != NULL;) {
        char **slot = wording_slot(self, member);
        if (*slot)
            texts[count++] = (wording_text_t){member->name, false, member->rules, slot};
    }
    for (size_t i = 0; i < self->field_count; i++)
        texts[count++] =
            (wording_text_t){self->field_names[i], true, WORDING_ONE_LINE, &self->field_values[i]};
    return count;
}

cr_err_t
wording_init(dispatch_wording_t *self, const char *language, size_t field_count)
{
    *self = (dispatch_wording_t){.language = strdup(language)};
    if (!self->language)
        return CR_NOMEM;
    if (field_count == 0)
        return CR_OK;
    self->field_names = calloc(field_count, sizeof(*self->field_names));
    self->field_values = calloc(field_count, sizeof(*self->field_values));
    if (!self->field_names || !self->field_values)
        return CR_NOMEM;
    self->field_count = field_count;
    return CR_OK;
}

void
wording_fini(dispatch_wording_t *self)
{
    for (size_t i = 0; i < self->field_count; i++) {
        free(self->field_names[i]);
        free(self->field_values[i]);
    }
    free(self->field_names);
    free(self->field_values);
    for (size_t i = 0; i < CR_COUNT(members); i++) {
        char **slot = wording_slot(self, &members[i]);
        free(*slot);
        *slot = NULL; /* two channels may share a slot */
    }
    free(self->language);
    *self = (dispatch_wording_t){0};
}

/* NULL stays NULL. */
static bool
copy_text(const char *text, char **copy)
{
    *copy = text ? strdup(text) : NULL;
    return *copy || !text;
}

cr_err_t
wording_copy(const dispatch_wording_t *self, dispatch_wording_t *copy)
{
    if (wording_init(copy, self->language, self->field_count) != CR_OK)
        return CR_NOMEM;
    bool whole = copy_text(self->text, &copy->text) && copy_text(self->subject, &copy->subject) &&
                 copy_text(self->html, &copy->html) &&
                 copy_text(self->template_id, &copy->template_id) &&
                 copy_text(self->url, &copy->url);
    for (size_t i = 0; whole && i < self->field_count; i++)
        whole = copy_text(self->field_names[i], &copy->field_names[i]) &&
                copy_text(self->field_values[i], &copy->field_values[i]);
    return whole ? CR_OK : CR_NOMEM;
}

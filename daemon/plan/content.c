#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cr_text.h"
#include "wording.h"

/* ---- broadcast-wide values ---- */

/* Doubled, a value's braces stay braces when the recipient's values are filled in. */
static void
append_doubled(cr_slice_t value, cr_str_t *out)
{
    for (size_t i = 0; i < value.length; i++) {
        if (value.text[i] == '{' || value.text[i] == '}')
            cr_str_append_char(out, value.text[i]);
        cr_str_append_char(out, value.text[i]);
    }
}

static void
append_value(cr_slice_t value, bool html, cr_str_t *out)
{
    cr_str_t doubled;
    cr_str_init(&doubled, 2 * value.length + 1);
    append_doubled(value, &doubled);
    if (html)
        cr_text_append_html(out, cr_str_slice(&doubled));
    else
        cr_str_append_slice(out, cr_str_slice(&doubled));
    if (cr_str_err(&doubled) != CR_OK)
        out->err = CR_NOMEM;
    cr_str_fini(&doubled);
}

static void
append_name(const template_t *self, const json_t *variables, cr_slice_t name, bool html,
            cr_str_t *out)
{
    if (template_has_variable(self, name)) {
        append_value(wording_value(variables, name), html, out);
        return;
    }
    cr_str_append_char(out, '{');
    cr_str_append_slice(out, wording_directory_key(name));
    cr_str_append_char(out, '}');
}

/* Values may lengthen a text, but only so far: 16 variables of 500 characters each time. */
enum { FILLED_MAX = 4 * WORDING_TEXT_BYTES };

static cr_err_t
fill_text(const template_t *self, const json_t *variables, const wording_text_t *text)
{
    cr_str_t filled;
    cr_str_init(&filled, FILLED_MAX);
    cr_fill_piece_t piece;
    for (size_t at = 0; cr_fill_next(cr_slice_of(*text->text), &at, &piece);) {
        if (piece.kind == CR_FILL_NAME)
            append_name(self, variables, piece.text, text->rules & WORDING_HTML, &filled);
        else
            cr_str_append_slice(&filled, piece.raw);
    }
    cr_err_t err = cr_str_err(&filled);
    if (!err) {
        free(*text->text);
        *text->text = cr_str_take(&filled);
    }
    cr_str_fini(&filled);
    return err;
}

static cr_err_t
fill_wording(const template_t *self, const json_t *variables, dispatch_wording_t *wording,
             cr_channel_t channel)
{
    wording_text_t texts[WORDING_TEXTS_MAX];
    size_t count = wording_texts(wording, channel, texts);
    cr_err_t err = CR_OK;
    for (size_t i = 0; !err && i < count; i++)
        err = fill_text(self, variables, &texts[i]);
    return err;
}

/* ---- drills ---- */

typedef struct {
    const char *language; /* prefix of the tag */
    const char *mark, *text, *html;
} drill_words_t;

static const drill_words_t drill_words[] = {
    {"zh", "【演练】", "【演练】这是一次演练，请勿当真。\n\n",
     "<p><strong>【演练】这是一次演练，请勿当真。</strong></p>\n"},
    {"", "[DRILL] ", "[DRILL] This is a drill.\n\n",
     "<p><strong>[DRILL] This is a drill.</strong></p>\n"},
};

static const drill_words_t *
words_for(const char *language)
{
    size_t row = 0;
    while (strncmp(language, drill_words[row].language, strlen(drill_words[row].language)) != 0)
        row++;
    return &drill_words[row];
}

static cr_err_t
insert(char **text, size_t at, const char *words)
{
    cr_str_t joined;
    cr_str_init(&joined, 2 * FILLED_MAX);
    cr_str_append(&joined, *text, at);
    cr_str_append_text(&joined, words);
    cr_str_append_text(&joined, *text + at);
    cr_err_t err = cr_str_err(&joined);
    if (!err) {
        free(*text);
        *text = cr_str_take(&joined);
    }
    cr_str_fini(&joined);
    return err;
}

typedef cr_err_t mark_fn(dispatch_wording_t *wording, const char *sender);

/* Behind the signature, which gateways want first. */
static cr_err_t
mark_sms(dispatch_wording_t *wording, const char *sender)
{
    size_t signature = strlen("【】") + strlen(sender);
    return insert(&wording->text, signature, words_for(wording->language)->mark);
}

static cr_err_t
mark_wechat(dispatch_wording_t *wording, const char *sender)
{
    (void)sender;
    const char *mark = words_for(wording->language)->mark;
    size_t i = 0;
    while (!wording_is_thing(wording->field_names[i]))
        i++;
    char **value = &wording->field_values[i];
    if (wording_field_room(wording->field_names[i], *value) < cr_text_length(cr_slice_of(mark)))
        (*value)[0] = '\0';
    return insert(value, 0, mark);
}

/* Inside the body, where the document has one. */
static size_t
html_start(const char *html)
{
    const char *body = strcasestr(html, "<body");
    const char *end = body ? strchr(body, '>') : NULL;
    return end ? (size_t)(end + 1 - html) : 0;
}

static cr_err_t
mark_mail(dispatch_wording_t *wording, const char *sender)
{
    (void)sender;
    const drill_words_t *words = words_for(wording->language);
    cr_err_t err = insert(&wording->subject, 0, words->mark);
    if (!err)
        err = insert(&wording->text, 0, words->text);
    if (!err && wording->html)
        err = insert(&wording->html, html_start(wording->html), words->html);
    return err;
}

static mark_fn *const marks[CR_CHANNEL_COUNT] = {
    [CR_CHANNEL_SMS] = mark_sms,
    [CR_CHANNEL_WECHAT] = mark_wechat,
    [CR_CHANNEL_MAIL] = mark_mail,
};

/* ---- columns ---- */

static bool
has_column(const dispatch_content_t *content, cr_slice_t name)
{
    for (size_t i = 0; i < content->column_count; i++)
        if (cr_slice_equal(name, cr_slice_of(content->columns[i])))
            return true;
    return false;
}

static cr_err_t
add_column(dispatch_content_t *content, cr_slice_t name)
{
    if (has_column(content, name))
        return CR_OK;
    char **columns =
        realloc(content->columns, (content->column_count + 1) * sizeof(*content->columns));
    if (!columns)
        return CR_NOMEM;
    content->columns = columns;
    char *copy = strndup(name.text, name.length);
    if (!copy)
        return CR_NOMEM;
    columns[content->column_count++] = copy;
    return CR_OK;
}

static cr_err_t
add_columns(dispatch_content_t *content, const char *text)
{
    cr_fill_piece_t piece;
    cr_err_t err = CR_OK;
    for (size_t at = 0; !err && cr_fill_next(cr_slice_of(text), &at, &piece);)
        if (piece.kind == CR_FILL_NAME)
            err = add_column(content, piece.text);
    return err;
}

static cr_err_t
list_columns(dispatch_content_t *content, cr_channel_t channel)
{
    cr_err_t err = CR_OK;
    for (size_t i = 0; i < content->wording_count; i++) {
        wording_text_t texts[WORDING_TEXTS_MAX];
        size_t count = wording_texts(&content->wordings[i], channel, texts);
        for (size_t t = 0; !err && t < count; t++)
            err = add_columns(content, *texts[t].text);
    }
    return err;
}

/* ---- the whole ---- */

static cr_err_t
add_wording(const template_t *self, const template_language_t *language, cr_channel_t channel,
            const json_t *variables, dispatch_content_t *content)
{
    dispatch_wording_t *wording = &content->wordings[content->wording_count++];
    cr_err_t err = wording_copy(&language->channel[channel], wording);
    return err ? err : fill_wording(self, variables, wording, channel);
}

static cr_err_t
mark_drill(const template_t *self, cr_channel_t channel, dispatch_content_t *content)
{
    cr_err_t err = CR_OK;
    for (size_t i = 0; !err && i < content->wording_count; i++)
        err = marks[channel](&content->wordings[i], self->sender);
    return err;
}

static dispatch_content_t *
content_new(size_t wordings)
{
    dispatch_content_t *self = calloc(1, sizeof(*self));
    if (!self)
        return NULL;
    self->wordings = calloc(wordings, sizeof(*self->wordings));
    if (!self->wordings)
        template_content_destroy(&self);
    return self;
}

void
template_content_destroy(dispatch_content_t **self_p)
{
    dispatch_content_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < self->wording_count; i++)
        wording_fini(&self->wordings[i]);
    for (size_t i = 0; i < self->column_count; i++)
        free(self->columns[i]);
    free(self->wordings);
    free(self->columns);
    free(self);
    *self_p = NULL;
}

cr_err_t
template_content(const template_t *self, cr_channel_t channel, const json_t *variables, bool drill,
                 dispatch_content_t **content)
{
    if (!(template_channels(self) & 1u << channel))
        return CR_NOTFOUND;
    dispatch_content_t *made = content_new(self->language_count);
    cr_err_t err = made ? CR_OK : CR_NOMEM;
    for (size_t i = 0; !err && i < self->language_count; i++)
        if (self->languages[i].has[channel])
            err = add_wording(self, &self->languages[i], channel, variables, made);
    if (!err && drill)
        err = mark_drill(self, channel, made);
    if (!err)
        err = list_columns(made, channel);
    if (err)
        template_content_destroy(&made);
    else
        *content = made;
    return err;
}

/*
 * template - the wordings of a notice per language and channel, checked when they are written
 *
 * What can be refused is refused at authoring or drafting, with its place, never at sending. The
 * content for dispatch and the preview for a person come from the same steps, so that what is shown
 * is what is sent. A stored template passes the checks again when it is loaded.
 *
 * template.c reads and writes the document, wording.c lists the texts of a wording, check.c refuses
 * and measures, content.c fills in broadcast-wide values, preview.c adds a person's.
 *
 * Ownership  a template is immutable; who parsed it destroys it. Answers in JSON are the caller's.
 * Threads    none; a template may be read by several.
 * Limits     8 languages, 16 variables, text 4 KiB, html 64 KiB, subject 255 bytes, 16 WeChat
 *            fields, 10 SMS parts, values of 500 characters.
 */
#ifndef TEMPLATE_H
#define TEMPLATE_H

#include <jansson.h>

#include "../dispatch/dispatch.h"
#include "cr_fill.h"

enum { TEMPLATE_NAME_MAX = 64, TEMPLATE_VALUE_MAX = 500, TEMPLATE_SMS_PARTS_MAX = 10 };

typedef struct template template_t;

/* `sender` is used where the document names none. The document holds the members of
 * docs/http-api.md and no others (`checks` is an answer, not a member). CR_INVAL names the place:
 * "wordings.zh-CN.sms.text, character 17: ...". */
cr_err_t template_parse(json_t *document, const char *sender, template_t **self,
                        cr_fault_t *fault) CR_MUST_USE;
void template_destroy(template_t **self_p);

const char *template_name(const template_t *self);
const char *template_title(const template_t *self);
const char *template_sender(const template_t *self);
/* Bit per cr_channel_t that has a wording in any language. */
unsigned template_channels(const template_t *self);

/* The document (what is stored and hashed: members in a fixed order), the row of the list (name,
 * title, channels, languages) and the array `checks`. NULL: memory. */
json_t *template_document(const template_t *self);
json_t *template_row(const template_t *self);
json_t *template_checks(const template_t *self);

/*
 * Values of a broadcast: one for each variable that the wordings of `channels` use, none that is
 * not declared; clean text, one line where a subject or a WeChat field needs it, and short enough
 * for what they are put into (SMS parts, WeChat limits). CR_INVAL names the member
 * "variables.place". `variables` may be NULL: none.
 */
cr_err_t template_check_variables(const template_t *self, json_t *variables, unsigned channels,
                                  cr_fault_t *fault) CR_MUST_USE;

/*
 * One channel's content for dispatch: values filled in (escaped in html, their braces doubled), the
 * recipient's placeholders left, under the keys of directory_value that `columns` lists. A drill
 * says so before everything else; a thing field without room for that says nothing else.
 * `variables` must have passed template_check_variables. CR_NOTFOUND: no wording for the channel;
 * CR_NOMEM.
 */
cr_err_t template_content(const template_t *self, cr_channel_t channel, const json_t *variables,
                          bool drill, dispatch_content_t **content) CR_MUST_USE;
void template_content_destroy(dispatch_content_t **self_p);

/* Somebody a preview is for. */
typedef struct {
    const char *id;
    cr_slice_t language;
    cr_slice_t address[CR_CHANNEL_COUNT]; /* unmasked here, masked in the preview; empty: none */
    const char *suppressed[CR_CHANNEL_COUNT]; /* status name, or NULL */
    cr_fill_value_fn *value;                  /* by the keys of directory_value; empty: none */
    void *context;
} template_reader_t;

/* What the person would read, as docs/http-api.md "Preview". `variables` are checked here for all
 * channels of the template. */
cr_err_t template_preview(const template_t *self, json_t *variables,
                          const template_reader_t *reader, json_t **preview,
                          cr_fault_t *fault) CR_MUST_USE;

#endif

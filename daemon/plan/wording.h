/*
 * wording - what the files of template share: its insides, and one wording as a list of texts
 *
 * A wording is one language's text on one channel. Every rule (limits, line breaks, placeholders)
 * is a row of the table in wording.c, so that checking, filling and writing walk the same list.
 */
#ifndef WORDING_H
#define WORDING_H

#include "cr_sms.h"
#include "template.h"

enum {
    WORDING_LANGUAGES_MAX = 8,
    WORDING_VARIABLES_MAX = 16,
    WORDING_FIELDS_MAX = 16,
    WORDING_TEXTS_MAX = 3 + WORDING_FIELDS_MAX,
    WORDING_TEXT_BYTES = 64 * 1024 /* the longest text of all */
};

typedef struct {
    char *language;
    bool has[CR_CHANNEL_COUNT];
    dispatch_wording_t channel[CR_CHANNEL_COUNT];
} template_language_t;

struct template
{
    char *name, *title, *sender;
    size_t variable_count;
    char *variables[WORDING_VARIABLES_MAX];
    size_t language_count;
    template_language_t *languages; /* room for all; the first is the default */
};

bool template_has_variable(const template_t *self, cr_slice_t name);

enum {
    WORDING_REQUIRED = 1,
    WORDING_ONE_LINE = 2,
    WORDING_HTML = 4,
    WORDING_FIXED = 8, /* no placeholders */
    WORDING_LINK = 16  /* begins with https:// or http:// */
};

/* A member of a channel's wording in the document, beside "fields". */
typedef struct {
    cr_channel_t channel;
    const char *name;
    size_t offset; /* of its char * in dispatch_wording_t */
    size_t bytes;  /* at most */
    unsigned rules;
} wording_member_t;

/* The member at `*row` or after that belongs to the channel; NULL: no more. Begin with 0. */
const wording_member_t *wording_next_member(cr_channel_t channel, size_t *row);
char **wording_slot(dispatch_wording_t *self, const wording_member_t *member);

/* A text of a wording: a member, or a WeChat field. */
typedef struct {
    const char *name;
    bool is_field;
    unsigned rules;
    char **text; /* never a slot of NULL */
} wording_text_t;

/* The texts that are there. */
size_t wording_texts(dispatch_wording_t *self, cr_channel_t channel,
                     wording_text_t texts[WORDING_TEXTS_MAX]);

/* Room for the fields. What failed is left for wording_fini, which may be called twice. CR_NOMEM. */
cr_err_t wording_init(dispatch_wording_t *self, const char *language,
                      size_t field_count) CR_MUST_USE;
void wording_fini(dispatch_wording_t *self);
cr_err_t wording_copy(const dispatch_wording_t *self, dispatch_wording_t *copy) CR_MUST_USE;

/* Where a refused text stands, for the fault. */
typedef struct {
    const char *language;
    cr_channel_t channel;
    cr_fault_t *fault;
} wording_place_t;

enum { WORDING_PATH_MAX = 160 };
/* "wordings.zh-CN.sms.text"; `name` may be NULL: the wording itself. */
const char *wording_path(const wording_place_t *place, bool is_field, const char *name,
                         char out[WORDING_PATH_MAX]);

/* What the author's text must keep to: clean, known placeholders, WeChat limits. */
cr_err_t wording_check(const template_t *owner, dispatch_wording_t *self,
                       const wording_place_t *place) CR_MUST_USE;
/* What the text that goes out must keep to, the signature included: SMS parts, WeChat limits. */
cr_err_t wording_check_size(dispatch_wording_t *self, const wording_place_t *place) CR_MUST_USE;

/* Characters that a recipient's value typically has. */
size_t wording_typical(cr_slice_t name);
/* As SMS, placeholders at their typical length. CR_NOMEM. */
cr_err_t wording_measure(cr_slice_t text, cr_sms_size_t *size) CR_MUST_USE;
/* Characters that may be added to the value of a WeChat field. */
size_t wording_field_room(const char *field, const char *value);
bool wording_is_thing(const char *field);

/* Whether a recipient has such a placeholder: name, town, id, language, attr.KEY. */
bool wording_is_recipient(cr_slice_t name);
/* The key of directory_value for it: "attr.crop" is the attribute "crop". */
cr_slice_t wording_directory_key(cr_slice_t name);

/* The value of a declared variable; NULL: none. */
cr_slice_t wording_value(const json_t *variables, cr_slice_t name);

/* As in the document; and {"encoding","units","parts"}. NULL: memory. */
json_t *wording_object(dispatch_wording_t *self, cr_channel_t channel);
json_t *wording_size_object(const cr_sms_size_t *size);

#endif

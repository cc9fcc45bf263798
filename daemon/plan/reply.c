#include "reply.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "cr_text.h"

enum { ANSWER_MAX = 128, DIGITS_MIN = 7, DIGITS_SHOWN = 4 };

static const char *const opt_out_words[] = {"R", "T", "TD", "N", "0000", "退订", "拒收", "取消"};

/* -- is it a word? ------------------------------------------------------------------------------ */

/* Blanks, stops, brackets and controls are not part of what somebody says. */
static bool
is_around(int32_t code)
{
    utf8proc_category_t category = utf8proc_category(code);
    return (category >= UTF8PROC_CATEGORY_PC && category <= UTF8PROC_CATEGORY_PO) ||
           (category >= UTF8PROC_CATEGORY_ZS && category <= UTF8PROC_CATEGORY_CF);
}

static cr_slice_t
trim(cr_slice_t text)
{
    size_t first = text.length, end = 0;
    for (size_t at = 0; at < text.length;) {
        int32_t code;
        utf8proc_ssize_t bytes = utf8proc_iterate((const utf8proc_uint8_t *)text.text + at,
                                                  (utf8proc_ssize_t)(text.length - at), &code);
        CR_ASSERT(bytes > 0);
        if (!is_around(code)) {
            first = at < first ? at : first;
            end = at + (size_t)bytes;
        }
        at += (size_t)bytes;
    }
    return first < end ? (cr_slice_t){text.text + first, end - first} : CR_SLICE("");
}

static bool
is_same_word(cr_slice_t said, cr_slice_t word)
{
    if (said.length != word.length)
        return false;
    for (size_t i = 0; i < said.length; i++) {
        char c = said.text[i];
        if ((c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c) != word.text[i])
            return false;
    }
    return true;
}

/* The next of `words`, which moves behind it; empty at the end. */
static cr_slice_t
next_word(const char **words)
{
    const char *from = *words + strspn(*words, " ");
    size_t length = strcspn(from, " ");
    *words = from + length;
    return (cr_slice_t){from, length};
}

/* The word that it is; empty: none. */
static cr_slice_t
find_word(cr_slice_t said, const char *further)
{
    for (size_t i = 0; i < CR_COUNT(opt_out_words); i++)
        if (is_same_word(said, cr_slice_of(opt_out_words[i])))
            return cr_slice_of(opt_out_words[i]);
    cr_slice_t word = next_word(&further);
    while (word.length > 0 && !is_same_word(said, word))
        word = next_word(&further);
    return word;
}

static reply_verdict_t
judge_text(cr_slice_t text, const char *further)
{
    reply_verdict_t verdict = {.act = REPLY_KEEP};
    utf8proc_uint8_t *normal = NULL;
    if (text.length == 0 || text.length > ANSWER_MAX)
        return verdict;
    utf8proc_ssize_t length =
        utf8proc_map((const utf8proc_uint8_t *)text.text, (utf8proc_ssize_t)text.length, &normal,
                     UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT);
    if (length < 0)
        return verdict;
    cr_slice_t said = trim((cr_slice_t){(const char *)normal, (size_t)length});
    cr_slice_t word = find_word(said, further);
    if (word.length > 0 && word.length < REPLY_WORD_MAX) {
        verdict.act = REPLY_OPT_OUT;
        memcpy(verdict.word, word.text, word.length);
    }
    free(normal);
    return verdict;
}

reply_verdict_t
reply_judge(Crier__V1__Replies__Kind kind, cr_slice_t text, const char *further)
{
    static const reply_act_t acts[] = {[CRIER__V1__REPLIES__KIND__LEFT] = REPLY_BAD,
                                       [CRIER__V1__REPLIES__KIND__CAME] = REPLY_GOOD};
    if (kind == CRIER__V1__REPLIES__KIND__TEXT)
        return judge_text(text, further);
    return (reply_verdict_t){.act = (size_t)kind < CR_COUNT(acts) ? acts[kind] : REPLY_KEEP};
}

const char *
reply_act_name(reply_act_t act)
{
    static const char *const names[REPLY_ACT_COUNT] = {
#define X(name, text) [REPLY_##name] = text,
        REPLY_ACT_LIST(X)
#undef X
    };
    return names[act];
}

/* -- how it is kept and shown ------------------------------------------------------------------- */

static bool
is_continuation(char c)
{
    return ((unsigned char)c & 0xC0) == 0x80;
}

void
reply_clean(cr_slice_t text, cr_str_t *out)
{
    size_t at;
    uint32_t code;
    while (cr_text_find_forbidden(text, &at, &code)) {
        cr_str_append(out, text.text, at);
        cr_str_append_text(out, "\xEF\xBF\xBD");
        for (at++; at < text.length && is_continuation(text.text[at]);)
            at++;
        text = (cr_slice_t){text.text + at, text.length - at};
    }
    cr_str_append_slice(out, text);
}

void
reply_mask(cr_slice_t text, cr_str_t *out)
{
    for (size_t i = 0; i < text.length;) {
        size_t run = i;
        while (run < text.length && text.text[run] >= '0' && text.text[run] <= '9')
            run++;
        bool hides = run - i >= DIGITS_MIN;
        for (; i < run; i++)
            cr_str_append_char(out, hides && run - i > DIGITS_SHOWN ? '*' : text.text[i]);
        if (i < text.length)
            cr_str_append_char(out, text.text[i++]);
    }
}

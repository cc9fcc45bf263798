/*
 * words - what crierctl says to people, in English or Chinese
 *
 * Every sentence and label stands once in words.def, both languages side by side, so that neither
 * falls behind. Sentences have numbered places, {1} to {9}, because the two languages order their
 * words differently and because a table cannot hold checked printf patterns.
 *
 * Language   by LC_ALL, LC_MESSAGES, LANG, whichever is set first; zh* is Chinese, else English.
 * Threads    none.
 */
#ifndef WORDS_H
#define WORDS_H

#include "cr_str.h"

typedef enum {
    W_NONE,
#define WORD(name, english, chinese) W_##name,
#define NAME(name, english, chinese)
#include "words.def"
#undef WORD
#undef NAME
    W_COUNT
} word_t;

void words_set_chinese(bool chinese);
/* As the environment asks. */
void words_set_by_locale(void);
bool words_are_chinese(void);

const char *word(word_t id);
/* The words for a machine name of the API (a state, lane, channel, class, role); a name that is not
 * known is its own word. A name that ends with a space stands for all that begin with it. Lives until
 * the next call. */
const char *word_for(const char *name);

/* The words for what something waits for: a name, or one with a time or an id behind it. */
void words_wait(cr_str_t *out, const char *text);

/* The words of status.def for a status; a name that is not known is its own word. */
const char *word_for_status(const char *name);

/* The sentence with its places filled by the texts that follow, fit for a terminal; the list ends
 * with NULL. */
void words_fill(cr_str_t *out, word_t id, ...) __attribute__((sentinel));
/* The same as a line on standard output. */
void say(word_t id, ...) __attribute__((sentinel));
/* The same as the text of a fault; returns `err`. */
cr_err_t words_refuse(cr_fault_t *fault, cr_err_t err, word_t id, ...) __attribute__((sentinel));

#endif

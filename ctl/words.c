#include "words.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cr_status.h"
#include "terminal.h"

enum {
    ENGLISH,
    CHINESE,
    LANGUAGES,
    PLACES_MAX = 9,
    WAIT_HEAD_MAX = 64,
    SENTENCE_BYTES_MAX = 1 << 20
};

static const char *const sentences[W_COUNT][LANGUAGES] = {
    [W_NONE] = {"", ""},
#define WORD(name, english, chinese) [W_##name] = {english, chinese},
#define NAME(name, english, chinese)
#include "words.def"
#undef WORD
#undef NAME
};

static const struct {
    const char *name;
    const char *words[LANGUAGES];
} names[] = {
#define WORD(name, english, chinese)
#define NAME(name, english, chinese) {name, {english, chinese}},
#include "words.def"
#undef WORD
#undef NAME
};

static int language = ENGLISH;

void
words_set_chinese(bool chinese)
{
    language = chinese ? CHINESE : ENGLISH;
}

void
words_set_by_locale(void)
{
    static const char *const variables[] = {"LC_ALL", "LC_MESSAGES", "LANG"};
    for (size_t i = 0; i < CR_COUNT(variables); i++) {
        const char *value = getenv(variables[i]);
        if (!value || value[0] == '\0')
            continue;
        words_set_chinese(strncmp(value, "zh", 2) == 0);
        return;
    }
}

bool
words_are_chinese(void)
{
    return language == CHINESE;
}

const char *
word(word_t id)
{
    CR_ASSERT(id < W_COUNT);
    return sentences[id][language];
}

const char *
word_for(const char *name)
{
    static char text[128];
    for (size_t i = 0; i < CR_COUNT(names); i++) {
        size_t length = strlen(names[i].name);
        if (strcmp(names[i].name, name) == 0)
            return names[i].words[language];
        if (names[i].name[length - 1] != ' ' || strncmp(names[i].name, name, length) != 0)
            continue;
        snprintf(text, sizeof text, "%s%s", names[i].words[language], name + length);
        return text;
    }
    return name;
}

void
words_wait(cr_str_t *out, const char *text)
{
    const char *last = strrchr(text, ' ');
    char head[WAIT_HEAD_MAX];
    snprintf(head, sizeof head, "%.*s", last ? (int)(last - text) : 0, text);
    const char *known = word_for(head);
    if (!last || known == head)
        cr_str_append_text(out, word_for(text));
    else
        cr_str_appendf(out, "%s%s", known, last);
}

const char *
word_for_status(const char *name)
{
    cr_status_t status;
    return cr_status_parse(name, &status) == CR_OK ? cr_status_words(status, words_are_chinese())
                                                   : name;
}

/* The place that begins at `at`, 0 when none does. */
static size_t
place_at(const char *at)
{
    return at[0] == '{' && at[1] >= '1' && at[1] <= '9' && at[2] == '}' ? (size_t)(at[1] - '0') : 0;
}

static void
fill(cr_str_t *out, word_t id, va_list texts)
{
    const char *values[PLACES_MAX];
    size_t count = 0;
    for (const char *text; (text = va_arg(texts, const char *)) != NULL; count++) {
        CR_ASSERT(count < PLACES_MAX);
        values[count] = text;
    }
    for (const char *at = word(id); *at != '\0';) {
        size_t place = place_at(at);
        CR_ASSERT(place <= count);
        if (place > 0)
            terminal_append(out, values[place - 1]); /* it may come from anywhere */
        else
            cr_str_append_char(out, *at);
        at += place > 0 ? 3 : 1;
    }
}

void
words_fill(cr_str_t *out, word_t id, ...)
{
    va_list texts;
    va_start(texts, id);
    fill(out, id, texts);
    va_end(texts);
}

void
say(word_t id, ...)
{
    cr_str_t line;
    cr_str_init(&line, SENTENCE_BYTES_MAX);
    va_list texts;
    va_start(texts, id);
    fill(&line, id, texts);
    va_end(texts);
    puts(cr_str_text(&line));
    cr_str_fini(&line);
}

cr_err_t
words_refuse(cr_fault_t *fault, cr_err_t err, word_t id, ...)
{
    cr_str_t text;
    cr_str_init(&text, SENTENCE_BYTES_MAX);
    va_list texts;
    va_start(texts, id);
    fill(&text, id, texts);
    va_end(texts);
    cr_fault_set(fault, err, "%s", cr_str_text(&text));
    cr_str_fini(&text);
    return err;
}

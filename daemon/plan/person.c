#include "person.h"

#include "cr_text.h"

enum { FOLDED_MAX = 1024 };

static bool
is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static char
fold_char(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static void
append_folded(cr_slice_t normal, cr_str_t *out)
{
    bool gap = false;
    for (size_t i = 0; i < normal.length; i++) {
        if (is_blank(normal.text[i])) {
            gap = out->length > 0;
            continue;
        }
        if (gap)
            cr_str_append_char(out, ' ');
        gap = false;
        cr_str_append_char(out, fold_char(normal.text[i]));
    }
}

cr_err_t
person_fold(cr_slice_t name, cr_str_t *out)
{
    cr_str_t normal;
    cr_str_init(&normal, FOLDED_MAX);
    cr_err_t err = cr_text_normalise(name, &normal);
    if (!err) {
        append_folded(cr_str_slice(&normal), out);
        err = cr_str_err(out);
    }
    cr_str_fini(&normal);
    return !err && out->length == 0 ? CR_INVAL : err;
}

bool
person_is_same(const char *a, const char *b)
{
    cr_str_t folded_a, folded_b;
    cr_str_init(&folded_a, FOLDED_MAX);
    cr_str_init(&folded_b, FOLDED_MAX);
    bool known = !person_fold(cr_slice_of(a), &folded_a) && !person_fold(cr_slice_of(b), &folded_b);
    bool same = !known || cr_slice_equal(cr_str_slice(&folded_a), cr_str_slice(&folded_b));
    cr_str_fini(&folded_a);
    cr_str_fini(&folded_b);
    return same;
}

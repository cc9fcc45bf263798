#include "ctl.h"

#include <errno.h>
#include <string.h>

cr_err_t
ctl_refuse(ctl_t *ctl, cr_err_t err, word_t id, ...)
{
    cr_str_t text;
    cr_str_init(&text, sizeof ctl->fault.text * 4);
    va_list texts;
    va_start(texts, id);
    words_fill_list(&text, id, texts);
    va_end(texts);
    cr_fault_set(&ctl->fault, err, "%s", cr_str_text(&text));
    cr_str_fini(&text);
    return err;
}

cr_err_t
ctl_refuse_file(ctl_t *ctl, const char *file, int exit_code)
{
    ctl->exit_code = exit_code;
    return cr_fault_set(&ctl->fault, CR_IO, "%s: %s", file, strerrordesc_np(errno));
}

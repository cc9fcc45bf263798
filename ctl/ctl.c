#include "ctl.h"

#include <errno.h>
#include <string.h>

cr_err_t
ctl_refuse_file(ctl_t *ctl, const char *file, int exit_code)
{
    ctl->exit_code = exit_code;
    return cr_fault_set(&ctl->fault, CR_IO, "%s: %s", file, strerrordesc_np(errno));
}

#include "truth.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cr_clock.h"
#include "cr_str.h"
#include "reference.h"

enum { PATH_BYTES_MAX = 4096, LINE_BYTES_MAX = 160 };

struct truth {
    int fd;
};

static int
file_open(const char *state_dir)
{
    cr_str_t path;
    cr_str_init(&path, PATH_BYTES_MAX);
    cr_str_appendf(&path, "%s/accepted.log", state_dir);
    int fd = -1;
    if (cr_str_err(&path) == CR_OK && (mkdir(state_dir, 0700) == 0 || errno == EEXIST))
        fd = open(cr_str_text(&path), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    cr_str_fini(&path);
    return fd;
}

cr_err_t
truth_open(const char *state_dir, truth_t **self_p, cr_fault_t *fault)
{
    int fd = file_open(state_dir);
    if (fd < 0)
        return cr_fault_set(fault, CR_IO, "state_dir: %s: %s", state_dir, strerrordesc_np(errno));
    truth_t *self = calloc(1, sizeof *self);
    if (!self) {
        close(fd);
        return cr_fault_set(fault, CR_NOMEM, "out of memory");
    }
    self->fd = fd;
    *self_p = self;
    return CR_OK;
}

void
truth_close(truth_t **self_p)
{
    if (*self_p)
        close((*self_p)->fd);
    free(*self_p);
    *self_p = NULL;
}

cr_err_t
truth_append(truth_t *self, int64_t wall_us, cr_channel_t channel, cr_slice_t reference)
{
    char when[CR_TIME_TEXT_MAX], line[LINE_BYTES_MAX];
    cr_delivery_t ignored;
    if (reference_read(reference, &ignored) != CR_OK)
        reference = CR_SLICE("-");
    int length = snprintf(line, sizeof line, "%s %s %.*s\n", cr_time_format(wall_us, when),
                          cr_channel_name(channel), (int)reference.length, reference.text);
    CR_ASSERT(length > 0 && length < (int)sizeof line);
    return write(self->fd, line, (size_t)length) == length ? CR_OK : CR_IO;
}

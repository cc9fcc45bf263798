#include <fcntl.h>
#include <unistd.h>

#include "cr_clock.h"
#include "gateways.h"

cr_err_t
stamps_open(stamps_t *self, const null_config_t *config, cr_fault_t *fault)
{
    *self = (stamps_t){.fd = -1, .from = (uint64_t)config->stamps_from};
    if (config->stamps_file[0] == '\0')
        return CR_OK;
    self->fd = open(config->stamps_file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (self->fd < 0)
        return cr_fault_set(fault, CR_IO, "null.stamps_file: cannot open %s", config->stamps_file);
    return CR_OK;
}

void
stamps_close(stamps_t *self)
{
    if (self->fd >= 0)
        close(self->fd);
    self->fd = -1;
}

void
stamps_note(const stamps_t *self, const message_t *message)
{
    if (self->fd < 0 || message->delivery.broadcast < self->from)
        return;
    const stamp_t stamp = {message->delivery.broadcast, cr_clock_mono_us()};
    ssize_t written = write(self->fd, &stamp, sizeof stamp);
    CR_ASSERT(written == (ssize_t)sizeof stamp);
}

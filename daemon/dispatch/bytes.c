#include "bytes.h"

#include <string.h>

bytes_t
bytes_over(uint8_t *bytes, size_t length)
{
    bytes_t self = {.length = length};
    self.bytes = bytes;
    return self;
}

bytes_t
bytes_of(const uint8_t *bytes, size_t length)
{
    return bytes_over((uint8_t *)(uintptr_t)bytes, length);
}

static uint8_t *
claim(bytes_t *self, size_t length)
{
    if (self->failed || length > self->length - self->at) {
        self->failed = true;
        return NULL;
    }
    self->at += length;
    return self->bytes + self->at - length;
}

void
bytes_put(bytes_t *self, size_t width, uint64_t value)
{
    uint8_t *to = claim(self, width);
    for (size_t i = 0; to && i < width; i++)
        to[i] = (uint8_t)(value >> 8 * i);
}

void
bytes_put_run(bytes_t *self, const void *run, size_t length)
{
    uint8_t *to = claim(self, length);
    if (to)
        memcpy(to, run, length);
}

void
bytes_put_text(bytes_t *self, const char *text)
{
    size_t length = strlen(text);
    CR_ASSERT(length < CORE_NAME_MAX);
    bytes_put(self, 1, length);
    bytes_put_run(self, text, length);
}

uint64_t
bytes_take(bytes_t *self, size_t width)
{
    const uint8_t *from = claim(self, width);
    uint64_t value = 0;
    for (size_t i = 0; from && i < width; i++)
        value |= (uint64_t)from[i] << 8 * i;
    return value;
}

void
bytes_take_run(bytes_t *self, void *run, size_t length)
{
    const uint8_t *from = claim(self, length);
    if (from)
        memcpy(run, from, length);
    else
        memset(run, 0, length);
}

void
bytes_take_text(bytes_t *self, char text[CORE_NAME_MAX])
{
    size_t length = bytes_take(self, 1);
    memset(text, 0, CORE_NAME_MAX);
    if (length >= CORE_NAME_MAX)
        self->failed = true;
    else
        bytes_take_run(self, text, length);
}

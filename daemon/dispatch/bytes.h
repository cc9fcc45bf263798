/*
 * bytes - fixed little-endian fields in a bounded buffer: leases and trails as they are stored
 *
 * A field that does not fit sets `failed`; what is taken afterwards is zero, so a reader may check
 * once at the end.
 */
#ifndef BYTES_H
#define BYTES_H

#include "core.h"

typedef struct {
    uint8_t *bytes;
    size_t length, at;
    bool failed;
} bytes_t;

bytes_t bytes_over(uint8_t *bytes, size_t length);
/* To read from only. */
bytes_t bytes_of(const uint8_t *bytes, size_t length);

void bytes_put(bytes_t *self, size_t width, uint64_t value);
void bytes_put_run(bytes_t *self, const void *run, size_t length);
/* A length byte and the text; shorter than CORE_NAME_MAX. */
void bytes_put_text(bytes_t *self, const char *text);

uint64_t bytes_take(bytes_t *self, size_t width);
void bytes_take_run(bytes_t *self, void *run, size_t length);
void bytes_take_text(bytes_t *self, char text[CORE_NAME_MAX]);

#endif

#include "record.h"

#include <string.h>

enum { INTENT = 6, BLOCK = 10, LEASED = 14, WORKER = LEASED + 3 * CORE_BLOCK / 8 };
enum { FREE_RUNNING = 2, OVER = 4 };

void
record_read(const uint8_t *bytes, uint32_t length, record_t *out)
{
    CR_ASSERT(length > WORKER && bytes[0] == 1);
    out->free_running = (bytes[1] & FREE_RUNNING) != 0;
    out->over = (bytes[1] & OVER) != 0;
    out->intent = bytes[INTENT] | (uint32_t)bytes[INTENT + 1] << 8;
    out->block = bytes[BLOCK] | (uint32_t)bytes[BLOCK + 1] << 8;
    out->count = 0;
    for (uint32_t i = 0; i < CORE_BLOCK; i++)
        if (bytes[LEASED + i / 8] >> i % 8 & 1)
            out->offsets[out->count++] = (uint8_t)i;
    memset(out->worker, 0, sizeof out->worker);
    memcpy(out->worker, bytes + WORKER + 1, bytes[WORKER]);
}

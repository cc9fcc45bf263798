#include "gateway_id.h"

#include <inttypes.h>
#include <stdio.h>

void
gateway_id_of(uint64_t broadcast, uint32_t rank, char id[GATEWAY_ID_BYTES + 1])
{
    snprintf(id, GATEWAY_ID_BYTES + 1, "%010" PRIu32 "%010" PRIu32, (uint32_t)broadcast, rank);
}

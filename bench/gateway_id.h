/* The id that crier-null gives to a delivery which a receipt is to confirm: as long as a real one,
 * and known to whoever pushes the receipt. */
#ifndef GATEWAY_ID_H
#define GATEWAY_ID_H

#include <stdint.h>

enum { GATEWAY_ID_BYTES = 20 };
void gateway_id_of(uint64_t broadcast, uint32_t rank, char id[GATEWAY_ID_BYTES + 1]);

#endif

#include "hash.h"

static uint64_t
mix(uint64_t value)
{
    value = (value ^ (value >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ (value >> 27)) * UINT64_C(0x94d049bb133111eb);
    return value ^ (value >> 31);
}

static uint64_t
never_zero(uint64_t value)
{
    return value ? value : 1;
}

uint64_t
hash_text(cr_slice_t text, uint64_t seed)
{
    uint64_t value = UINT64_C(0xcbf29ce484222325) ^ mix(seed);
    for (size_t i = 0; i < text.length; i++)
        value = (value ^ (uint8_t)text.text[i]) * UINT64_C(0x100000001b3);
    return never_zero(mix(value));
}

uint64_t
hash_pair(uint64_t a, uint64_t b)
{
    return never_zero(mix(mix(a) + b));
}

uint64_t
hash_roll(uint64_t *state)
{
    *state += UINT64_C(0x9e3779b97f4a7c15);
    return mix(*state);
}

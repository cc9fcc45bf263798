#include "fault.h"

#include "random.h"

static const struct {
    const char *name;
    uint32_t most;
} faults[FAULT_COUNT] = {
#define X(name, most) [FAULT_##name] = {#name, most},
    CHANCE_LIST(X) DISASTER_LIST(X)
#undef X
};

void
faults_draw(faults_t *self, uint64_t *seed)
{
    *self = (faults_t){0};
    for (uint32_t i = 0; i < FAULT_COUNT; i++) {
        if (random_below(seed, 2) == 0)
            continue;
        self->rate[i] = 1 + (faults[i].most >> random_below(seed, 6));
        if (i >= FAULT_CHANCES)
            self->weights += self->rate[i];
    }
}

fault_t
faults_disaster(const faults_t *self, uint64_t *seed)
{
    uint32_t i = FAULT_CHANCES, luck = self->weights > 0 ? random_below(seed, self->weights) : 0;
    for (; i < FAULT_COUNT && luck >= self->rate[i]; i++)
        luck -= self->rate[i];
    return self->weights > 0 ? (fault_t)i : FAULT_COUNT;
}

const char *
fault_name(fault_t fault)
{
    CR_ASSERT(fault < FAULT_COUNT);
    return faults[fault].name;
}

#include "faults.h"

#include <string.h>

#include "cr_clock.h"
#include "hash.h"

const fault_member_t fault_members[FAULT_SETTINGS] = {
#define X(name, most, fallback, help) {#name, offsetof(fault_settings_t, name), most, help},
    FAULT_LIST(X)
#undef X
};

cr_err_t
fault_settings_set(fault_settings_t *settings, const char *name, int64_t value)
{
    for (size_t i = 0; i < FAULT_SETTINGS; i++) {
        if (strcmp(fault_members[i].name, name) != 0)
            continue;
        if (value < 0 || value > fault_members[i].most)
            return CR_RANGE;
        *(int64_t *)(void *)((char *)settings + fault_members[i].offset) = value;
        return CR_OK;
    }
    return CR_NOTFOUND;
}

void
faults_init(faults_t *self, const fault_settings_t *settings, uint64_t seed, int channel)
{
    uint64_t own = hash_pair(seed, (uint64_t)channel);
    *self = (faults_t){.settings = *settings, .seed = own, .dice = own, .second = -1};
}

/* One roll a question, also when the answer is certain: a changed percentage must not shift the
 * fate of everything that comes later. */
static bool
happens(faults_t *self, int64_t percent)
{
    return (int64_t)(hash_roll(&self->dice) % 100) < percent;
}

static bool
is_over_rate(faults_t *self, int64_t now_us)
{
    if (self->second != now_us / CR_US_PER_S) {
        self->second = now_us / CR_US_PER_S;
        self->taken = 0;
    }
    if (self->settings.throttle_per_s > 0 && self->taken >= self->settings.throttle_per_s)
        return true;
    self->taken++;
    return false;
}

fault_t
faults_decide(faults_t *self, int64_t now_us)
{
    if (is_over_rate(self, now_us))
        return FAULT_THROTTLE;
    bool drops = happens(self, self->settings.drop_percent);
    bool takes_first = happens(self, 50);
    bool errs = happens(self, self->settings.error_percent);
    if (drops)
        return takes_first ? FAULT_DROP_AFTER : FAULT_DROP_BEFORE;
    return errs ? FAULT_ERROR : FAULT_NONE;
}

fault_receipt_t
faults_receipt(faults_t *self, cr_slice_t address)
{
    bool missing = happens(self, self->settings.receipt_missing_percent);
    bool doubled = happens(self, self->settings.receipt_duplicate_percent);
    int64_t fate = (int64_t)(hash_text(address, self->seed) % 100);
    return (fault_receipt_t){
        .failed = fate < self->settings.receipt_failed_percent,
        .copies = missing   ? 0
                  : doubled ? 2
                            : 1,
        .delay_us = self->settings.receipt_delay_ms * CR_US_PER_MS,
    };
}

fault_smsc_t
faults_smsc(faults_t *self)
{
    const fault_settings_t *settings = &self->settings;
    bool late = happens(self, settings->late_percent);
    bool silent = happens(self, settings->silent_percent);
    bool early = happens(self, settings->receipt_early_percent);
    bool wrong = happens(self, settings->receipt_wrong_percent);
    return (fault_smsc_t){silent, early, wrong, late ? settings->late_ms * CR_US_PER_MS : 0};
}

fault_person_t
faults_person(const faults_t *self, cr_slice_t address)
{
    const fault_settings_t *settings = &self->settings;
    const int64_t shares[] = {[FAULT_CONFIRMS] = settings->confirm_percent,
                              [FAULT_OPTS_OUT] = settings->opt_out_percent,
                              [FAULT_CHATS] = settings->chat_percent};
    int64_t fate = (int64_t)(hash_pair(hash_text(address, self->seed), 1) % 100);
    for (int i = FAULT_CONFIRMS; i <= FAULT_CHATS; i++) {
        if (fate < shares[i])
            return (fault_person_t)i;
        fate -= shares[i];
    }
    return FAULT_READS;
}

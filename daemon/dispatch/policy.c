#include "policy.h"

bool
policy_is_outcome(cr_status_t outcome)
{
    static const bool allowed[256] = {
        [CR_STATUS_WAITING] = true,        [CR_STATUS_RETRY_1] = true,
        [CR_STATUS_ACCEPTED] = true,       [CR_STATUS_UNKNOWN] = true,
        [CR_STATUS_HANDED] = true,         [CR_STATUS_EXPIRED] = true,
        [CR_STATUS_FAILED_ADDRESS] = true, [CR_STATUS_FAILED_UNREACHABLE] = true,
        [CR_STATUS_FAILED_BLOCKED] = true, [CR_STATUS_FAILED_UNFOLLOWED] = true,
        [CR_STATUS_FAILED_CONTENT] = true, [CR_STATUS_FAILED_ACCOUNT] = true,
        [CR_STATUS_FAILED_MAILBOX] = true, [CR_STATUS_FAILED_RECEIPT] = true,
    };
    return allowed[outcome];
}

bool
policy_may_have_gone(cr_status_t outcome)
{
    cr_status_class_t kind = cr_status_class(outcome);
    return kind == CR_STATUS_CLASS_ACCEPTED || kind == CR_STATUS_CLASS_DELIVERED ||
           kind == CR_STATUS_CLASS_UNKNOWN;
}

bool
policy_is_receipt(cr_status_t outcome)
{
    return outcome == CR_STATUS_DELIVERED ||
           (policy_is_outcome(outcome) && cr_status_class(outcome) == CR_STATUS_CLASS_FAILED);
}

/* Attempt n is over without a success: RETRY_n if there may be another. */
static cr_status_t
again(const policy_t *self, unsigned attempt, cr_status_t otherwise)
{
    bool may = !self->expired && attempt < self->attempts_max && attempt <= CR_STATUS_RETRY_MAX;
    return may ? (cr_status_t)attempt : otherwise;
}

cr_status_t
policy_after(const policy_t *self, cr_status_t outcome, unsigned attempt)
{
    cr_status_t used_up = self->doubtful ? CR_STATUS_UNKNOWN : CR_STATUS_FAILED_ATTEMPTS;
    switch (outcome) {
    case CR_STATUS_UNKNOWN:
        return self->resend ? again(self, attempt, CR_STATUS_UNKNOWN) : CR_STATUS_UNKNOWN;
    case CR_STATUS_EXPIRED: /* by the worker's clock, which may be ahead of ours */
    case CR_STATUS_RETRY_1:
        return self->expired ? CR_STATUS_WAITING : again(self, attempt, used_up);
    default: /* a later failure does not tell how an earlier submit ended */
        return self->doubtful && cr_status_class(outcome) == CR_STATUS_CLASS_FAILED
                   ? CR_STATUS_UNKNOWN
                   : outcome;
    }
}

bool
policy_is_timed(cr_status_t verdict)
{
    return verdict != CR_STATUS_SUPPRESSED_ADDRESS && verdict != CR_STATUS_SUPPRESSED_LANGUAGE;
}

cr_status_t
policy_leftover(cr_status_t end, bool doubtful)
{
    return doubtful ? CR_STATUS_UNKNOWN : end;
}

/* Xorshift: enough for jitter, and the same everywhere. */
static uint64_t
next_random(uint64_t *seed)
{
    uint64_t x = *seed ? *seed : UINT64_C(0x9E3779B97F4A7C15);
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return *seed = x;
}

int64_t
policy_back_off(const core_config_t *config, unsigned attempt, uint64_t *seed)
{
    int64_t us = config->retry_first_us;
    for (unsigned i = 1; i < attempt && us < config->retry_max_us; i++)
        us *= 2;
    if (us > config->retry_max_us)
        us = config->retry_max_us;
    int64_t spread = us / 2;
    return us - spread / 2 + (int64_t)(next_random(seed) % (uint64_t)(spread + 1));
}

/* crier-sms-faulty and its like: where a worker dies, told by what its board is asked. */
#include "point.h"
#include "runtime/board.h"

bool __real_board_next(board_t *self, board_time_t now, board_slot_t *slot);
bool __wrap_board_next(board_t *self, board_time_t now, board_slot_t *slot);

/* It is asked again as soon as the one before was given to the gateway. */
bool
__wrap_board_next(board_t *self, board_time_t now, board_slot_t *slot)
{
    static bool submitted;
    if (submitted)
        point_pass("submitted");
    submitted = __real_board_next(self, now, slot);
    if (submitted)
        point_pass("before-submit");
    return submitted;
}

void __real_board_settle(board_t *self, const board_slot_t *slot, const outcome_t *outcome,
                         int64_t now_us);
void __wrap_board_settle(board_t *self, const board_slot_t *slot, const outcome_t *outcome,
                         int64_t now_us);

void
__wrap_board_settle(board_t *self, const board_slot_t *slot, const outcome_t *outcome,
                    int64_t now_us)
{
    point_pass("answered");
    __real_board_settle(self, slot, outcome, now_us);
}

bool __real_board_report(board_t *self, int64_t now_us, Crier__V1__Report *report);
bool __wrap_board_report(board_t *self, int64_t now_us, Crier__V1__Report *report);

bool
__wrap_board_report(board_t *self, int64_t now_us, Crier__V1__Report *report)
{
    bool is_due = __real_board_report(self, now_us, report);
    if (is_due)
        point_pass("before-report");
    return is_due;
}

void __real_board_acknowledge(board_t *self, uint64_t lease, uint32_t sequence, uint32_t intent);
void __wrap_board_acknowledge(board_t *self, uint64_t lease, uint32_t sequence, uint32_t intent);

void
__wrap_board_acknowledge(board_t *self, uint64_t lease, uint32_t sequence, uint32_t intent)
{
    __real_board_acknowledge(self, lease, sequence, intent);
    point_pass("acknowledged");
}

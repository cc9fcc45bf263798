/* crierd-faulty: where the daemon dies. The dispatch core is entered and left through its own interface only. */
#include <microhttpd.h>
#include <string.h>

#include "dispatch/core.h"
#include "plan/internal.h"
#include "point.h"

static core_actions_t inner;

static uint32_t
lease_then_pass(void *context, const core_lease_t *lease)
{
    uint32_t count = inner.lease(context, lease);
    point_pass("lease-sent");
    return count;
}

static void
pass_then_ack(void *context, const char *worker, uint64_t lease, uint32_t sequence, uint32_t intent)
{
    point_pass("before-ack");
    inner.ack(context, worker, lease, sequence, intent);
}

core_t *__real_core_new(const core_config_t *config, const core_actions_t *actions);
core_t *__wrap_core_new(const core_config_t *config, const core_actions_t *actions);

core_t *
__wrap_core_new(const core_config_t *config, const core_actions_t *actions)
{
    inner = *actions;
    core_actions_t outer = inner;
    outer.lease = lease_then_pass;
    outer.ack = pass_then_ack;
    return __real_core_new(config, &outer);
}

void __real_core_report(core_t *self, core_time_t now, const char *worker,
                        const core_report_t *report);
void __wrap_core_report(core_t *self, core_time_t now, const char *worker,
                        const core_report_t *report);

void
__wrap_core_report(core_t *self, core_time_t now, const char *worker, const core_report_t *report)
{
    point_pass("report-received");
    __real_core_report(self, now, worker, report);
    point_pass("report-taken");
}

void __real_core_stored(core_t *self, core_time_t now, uint32_t ticket);
void __wrap_core_stored(core_t *self, core_time_t now, uint32_t ticket);

void
__wrap_core_stored(core_t *self, core_time_t now, uint32_t ticket)
{
    point_pass("redis-answered");
    __real_core_stored(self, now, ticket);
}

void __real_move_store(plan_t *self, ask_t *ask, const char *what, json_t *document, json_t *detail,
                       ask_step_fn *step);
void __wrap_move_store(plan_t *self, ask_t *ask, const char *what, json_t *document, json_t *detail,
                       ask_step_fn *step);

void
__wrap_move_store(plan_t *self, ask_t *ask, const char *what, json_t *document, json_t *detail,
                  ask_step_fn *step)
{
    if (strcmp(what, "broadcast_send") == 0)
        point_pass("audience-frozen");
    __real_move_store(self, ask, what, document, detail, step);
}

enum MHD_Result __real_MHD_queue_response(struct MHD_Connection *connection, unsigned int status,
                                          struct MHD_Response *response);
enum MHD_Result __wrap_MHD_queue_response(struct MHD_Connection *connection, unsigned int status,
                                          struct MHD_Response *response);

enum MHD_Result
__wrap_MHD_queue_response(struct MHD_Connection *connection, unsigned int status,
                          struct MHD_Response *response)
{
    if (status < 300)
        point_pass("before-answer");
    return __real_MHD_queue_response(connection, status, response);
}

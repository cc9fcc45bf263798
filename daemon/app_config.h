/*
 * app_config - every option of crierd: key, limits, default, meaning
 *
 * The parts' own config structs are filled in place; the table is the only list there is.
 * config/crierd.cfg shows each option, and a unit test holds the two together.
 */
#ifndef APP_CONFIG_H
#define APP_CONFIG_H

#include "api/api.h"
#include "cr_config.h"
#include "plan/plan.h"

typedef struct {
    char *log_level;
    api_config_t api;
    ledger_config_t ledger;
    dispatch_config_t dispatch;
    plan_config_t plan;
} app_config_t;

extern const cr_option_t app_options[];

#endif

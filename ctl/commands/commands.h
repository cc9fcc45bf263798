/*
 * commands - the tables of commands, one file per noun
 *
 * Each table ends with {0}. A handler is static in its file; only its table is seen from outside.
 */
#ifndef COMMANDS_H
#define COMMANDS_H

#include "../ctl.h"

/* In the order of --help; ends with {0}. */
extern const command_group_t command_groups[];

extern const command_t commands_audience[];
extern const command_t commands_audit[];
extern const command_t commands_replies[];
extern const command_t commands_broadcast[];
extern const command_t commands_explain[];
extern const command_t commands_keys[];
extern const command_t commands_moves[];
extern const command_t commands_recipients[];
extern const command_t commands_gateways[];
extern const command_t commands_status[];
extern const command_t commands_template[];
extern const command_t commands_unknown[];
extern const command_t commands_user[];
extern const command_t commands_watch[];

#endif

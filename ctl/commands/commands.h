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

extern const command_t commands_keys[];

#endif

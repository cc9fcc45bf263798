/*
 * app - crierd as a whole: builds the parts in order, and takes them down in reverse
 *
 * Each part is started when what it speaks to is there: ledger (and what it has stored), plan's
 * memory of it, then the actors, then the API; readiness is told last.
 */
#ifndef APP_H
#define APP_H

#include "cr_service.h"

/* For cr_service_main; `extra_input` of it is of no use to the caller. */
extern const cr_program_t app_program;

#endif

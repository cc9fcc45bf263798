/*
 * app - crierd as a whole: builds the parts in order, and takes them down in reverse
 *
 * First the addresses, so that a second daemon started by mistake ends before it touches anything;
 * then the store, for which it waits as standby while another daemon is active. Each further part is
 * started when what it speaks to is there: plan's memory of what is stored, then the actors;
 * readiness is told last.
 */
#ifndef APP_H
#define APP_H

#include "cr_service.h"

/* For cr_service_main; `extra_input` of it is of no use to the caller. */
extern const cr_program_t app_program;

#endif

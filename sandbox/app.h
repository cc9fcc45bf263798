/*
 * app - crier-sandbox put together: the gateways, their pushes, the inbox
 *
 * Everything lives on the service's one loop; see web.h for why.
 */
#ifndef APP_H
#define APP_H

#include "cr_service.h"
#include "settings.h"

typedef struct app app_t;

/* The configuration must outlive the app. CR_IO, CR_INVAL, CR_DENIED and so on, with a fault. */
cr_err_t app_start(zloop_t *loop, const settings_t *settings, app_t **self,
                   cr_fault_t *fault) CR_MUST_USE;
void app_stop(app_t **self_p);

unsigned app_http_port(const app_t *self);
unsigned app_smtp_port(const app_t *self);
unsigned app_smpp_port(const app_t *self);
unsigned app_cmpp_port(const app_t *self);

#endif

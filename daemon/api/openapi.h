/*
 * openapi - the description of the API as it was compiled in (openapi.json)
 *
 * It is kept by hand; a unit test holds it and the table of routes.c together.
 *
 * Source     OpenAPI 3.1.0.
 */
#ifndef OPENAPI_H
#define OPENAPI_H

#include "cr_base.h"

cr_slice_t openapi_text(void);

#endif

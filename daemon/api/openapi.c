#include "openapi.h"

#include "openapi_json.h"

cr_slice_t
openapi_text(void)
{
    return (cr_slice_t){(const char *)openapi_json, sizeof openapi_json};
}

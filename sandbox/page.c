#include "page.h"

#include "page_files.h"

/* No inline script or style, no foreign origin; mails come in frames that have no rights. */
static const char policy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' "
    "data:; frame-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

const page_file_t page_html = {"text/html; charset=utf-8", file_html, sizeof file_html};
const page_file_t page_css = {"text/css; charset=utf-8", file_css, sizeof file_css};
const page_file_t page_js = {"text/javascript; charset=utf-8", file_js, sizeof file_js};

void
page_answer(void *context, const web_request_t *request, web_answer_t *answer)
{
    (void)request;
    const page_file_t *file = context;
    answer->type = file->type;
    answer->policy = policy;
    cr_str_append(&answer->body, file->bytes, file->length);
}

/*
 * page - the static files of the inbox, compiled in
 */
#ifndef PAGE_H
#define PAGE_H

#include "web.h"

/* Answers with the page_file_t that is the context. */
web_route_fn page_answer;

typedef struct {
    const char *type;
    const unsigned char *bytes;
    size_t length;
} page_file_t;

extern const page_file_t page_html, page_css, page_js;

#endif

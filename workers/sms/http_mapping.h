/*
 * http_mapping - what a supplier's answers and receipts mean, as configuration says it
 *
 * A rule list is "0 accepted; 10* address; * retry": a pattern of codes (one '*' at its end stands
 * for anything) and a word; the first that fits counts. Where things are in JSON is said by JSON
 * pointers. What cannot be read, and a code that no rule fits, may have been taken: UNKNOWN.
 *
 * Source     RFC 6901.
 * Ownership  pointers are borrowed.
 * Limits     64 rules, codes of 63 bytes.
 */
#ifndef HTTP_MAPPING_H
#define HTTP_MAPPING_H

#include "cr_http.h"
#include "runtime/news.h"
#include "runtime/outcome.h"

enum { HTTP_RULES_MAX = 64, HTTP_CODE_MAX = 64 };

typedef struct {
    size_t count;
    struct {
        char pattern[HTTP_CODE_MAX];
        cr_status_t status;
    } rules[HTTP_RULES_MAX];
} http_rules_t;

/* CR_INVAL: names the word that is none. */
cr_err_t http_rules_read(const char *text, http_rules_t *rules, cr_fault_t *fault) CR_MUST_USE;
/* `otherwise` when no rule fits. */
cr_status_t http_rules_judge(const http_rules_t *rules, cr_slice_t code, cr_status_t otherwise);

typedef struct {
    const char *code; /* pointer; "": the status of HTTP says all */
    const char *id;   /* pointer; "": none */
    http_rules_t outcomes;
    bool gives_receipts;
} http_answers_t;

/* `id` holds the outcome's gateway_id. `unread` is NULL, or says for the log why the answer is no
 * good: "redirect", "not_json", "no_code". */
outcome_t http_answer_outcome(const http_answers_t *self, const cr_http_answer_t *answer,
                              char id[NEWS_ID_MAX + 1], const char **unread);

typedef struct {
    const char *list;      /* pointer to the array, "": the body; one object alone is taken too */
    const char *reference; /* pointers within an item; one of the two is "" */
    const char *id;
    const char *code;
    http_rules_t outcomes;
} http_receipts_t;

/* Adds the receipts of a push. CR_INVAL: it has no such list; CR_TOOBIG: later. */
cr_err_t http_receipts_take(const http_receipts_t *self, cr_slice_t body, news_t *news) CR_MUST_USE;

#endif

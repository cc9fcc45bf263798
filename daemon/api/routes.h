/*
 * routes - which request is which question to plan: one table, one line a route
 *
 * A new resource is a line in routes.c, a verb of plan and its entry in openapi.json. A hole {name}
 * of a pattern becomes the argument of that name, a query parameter too; what the table does not
 * know is refused.
 *
 * Source     docs/http-api.md; a unit test holds the table against openapi.json.
 * Threads    none; pure.
 */
#ifndef ROUTES_H
#define ROUTES_H

#include "../plan/plan.h"

enum { ROUTE_QUERY_MAX = 4, ROUTE_MEMBER_MAX = 64 };

typedef enum { ROUTE_BODY_NONE, ROUTE_BODY_JSON, ROUTE_BODY_CSV, ROUTE_BODY_FORM } route_body_t;

/* What is answered without a question to plan, and without a token; table in pages.c. */
typedef enum {
    ROUTE_PLAN, /* no page: plan answers */
    ROUTE_INDEX,
    ROUTE_OPENAPI,
    ROUTE_METRICS,
    ROUTE_HEALTHZ,
    ROUTE_READYZ,
    ROUTE_UNSUBSCRIBE,
    ROUTE_PAGE_COUNT
} route_page_t;

typedef enum { ROUTE_TEXT, ROUTE_NUMBER, ROUTE_FLAG } route_type_t;

typedef struct {
    const char *name; /* NULL: no more */
    route_type_t type;
} route_query_t;

typedef struct {
    const char *method, *pattern;
    plan_verb_t verb;
    route_body_t body;
    bool is_open;     /* nobody is asked for a token */
    unsigned success; /* what plan's plain 200 is in HTTP */
    route_query_t query[ROUTE_QUERY_MAX];
    struct {
        const char *name; /* NULL: none */
        bool value;
    } fixed; /* an argument that tells two routes of one verb apart */
    route_page_t page;
} route_t;

const route_t *route_table(size_t *count);

/*
 * The route of a request; HEAD is answered as GET. NULL: no such path, or, when `allow` is not
 * empty afterwards, no such method: it holds the methods there are, as in "GET, HEAD, POST".
 */
const route_t *route_find(const char *method, const char *target, cr_str_t *allow);

/* Path and query as plan's arguments, strings all; caller owns them. CR_INVAL, CR_TOOBIG: `member`
 * is the name of what is wrong. */
cr_err_t route_arguments(const route_t *route, const char *target, json_t **arguments,
                         char member[ROUTE_MEMBER_MAX], cr_fault_t *fault) CR_MUST_USE;

#endif

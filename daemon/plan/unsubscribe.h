/*
 * unsubscribe - people who left by the link in a mail, on their way into the store
 *
 * Source     RFC 8058; docs/http-api.md.
 * Ownership  asks that wait are plan's.
 * Threads    none.
 * Limits     64 a search; links work for a year.
 */
#ifndef PLAN_UNSUBSCRIBE_H
#define PLAN_UNSUBSCRIBE_H

typedef struct unsubscribe unsubscribe_t;

unsubscribe_t *unsubscribe_new(void);
void unsubscribe_destroy(unsubscribe_t **self_p);

#endif

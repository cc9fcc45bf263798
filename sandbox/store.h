/*
 * store - the inbox: the newest messages of all residents
 *
 * Messages hang on two chains, newest first: those of one address, and those of one person. A
 * person is (broadcast, rank): the same rank on the three channels is the same resident, which is
 * all the sandbox can know of who owns which phone, openid and mailbox.
 *
 * Content    an SMS keeps its signature as title and its text, a WeChat message its template as
 *            title and its JSON, an e-mail its sender as title and the mail as it came.
 * Ownership  texts are copied in; slices handed out live until the next store_add.
 * Limits     at most `messages_max` messages and `bytes_max` bytes of text; the oldest go first.
 */
#ifndef STORE_H
#define STORE_H

#include "cr_id.h"

typedef struct store store_t;

typedef struct {
    cr_channel_t channel;
    unsigned parts; /* of an SMS */
    int64_t time_us;
    const char *failure; /* what its receipt says went wrong, a literal; NULL: it arrives */
    cr_slice_t address, reference, title, content;
} store_message_t;

store_t *store_new(size_t messages_max, size_t bytes_max) CR_MUST_USE;
void store_destroy(store_t **self_p);

/* CR_TOOBIG when the message alone is over the limit of bytes, CR_NOMEM. */
cr_err_t store_add(store_t *self, const store_message_t *message) CR_MUST_USE;

/* Messages are numbered from 1; 0 stands for none. False when the number is gone or to come. */
bool store_at(const store_t *self, uint64_t number, store_message_t *message);
uint64_t store_oldest(const store_t *self);
uint64_t store_newest(const store_t *self);

/* The newest message of an address, and the one before `number` on its chain. */
uint64_t store_of_address(const store_t *self, cr_slice_t address);
uint64_t store_before_of_address(const store_t *self, uint64_t number);
/* The newest message of the person of `number` (0 if its reference is a stranger's), and so on. */
uint64_t store_of_person(const store_t *self, uint64_t number);
uint64_t store_before_of_person(const store_t *self, uint64_t number);

/* Whether a message with this channel, address and reference is held. */
bool store_holds(const store_t *self, const store_message_t *message);

#endif

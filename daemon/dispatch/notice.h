/*
 * notice - what a broadcast says and to whom: the part of it that the core does not decide about
 *
 * Wordings are laid out for the wire once; ranks become ordinals a block at a time.
 *
 * Ownership  a notice owns its dispatch_broadcast_t. Threads: the actor's.
 */
#ifndef NOTICE_H
#define NOTICE_H

#include "core.h"
#include "dispatch.h"
#include "screen.h"

typedef struct {
    size_t wording_count, column_count;
    Crier__V1__Wording *wordings, **wording_list;
    Crier__V1__Field *fields;
    Crier__V1__Column *columns, **column_list; /* values are set for each lease */
} notice_content_t;

typedef struct {
    dispatch_broadcast_t *spec;
    notice_content_t content[CR_CHANNEL_COUNT];
    uint32_t block; /* whose ordinals are at hand; UINT32_MAX: none */
    uint32_t ordinals[CORE_BLOCK];
    uint32_t directory_age;                       /* when it began */
    roaring_bitmap_t *refused[CR_CHANNEL_COUNT];  /* addresses, since the last tick; NULL: none */
    roaring_bitmap_t *pardoned[CR_CHANNEL_COUNT]; /* said to be good since it began; NULL: none */
    int64_t used_us;                              /* monotonic: its counts last changed */
    bool over;                                    /* the core is done with it */
    bool done;                                    /* to be told to plan */
    struct {
        core_wait_t reason;
        int64_t since_us; /* wall */
    } waits[CR_CHANNEL_COUNT];
    dispatch_message_t *order; /* to be answered when it is stored */
} notice_t;

/* Takes the broadcast over. NULL: memory. */
notice_t *notice_new(dispatch_broadcast_t **spec_p);
void notice_destroy(notice_t **self_p);
/* Ordinals of the block's ranks; lives until the next call. */
const uint32_t *notice_ordinals(notice_t *self, uint32_t block);
/* The wording for a language: the same one, else one of the same first subtag, else the first. */
uint8_t notice_wording(const notice_content_t *content, cr_slice_t language);

#endif

/* The messages between plan and dispatch, and what hangs on them. */
#include <stdlib.h>

#include "cr_handover.h"
#include "dispatch.h"

static void
bitmap_free(roaring_bitmap_t *bitmap)
{
    if (bitmap)
        roaring_bitmap_free(bitmap);
}

dispatch_message_t *
dispatch_message_new(dispatch_kind_t kind)
{
    dispatch_message_t *message = calloc(1, sizeof *message);
    if (message)
        message->kind = kind;
    return message;
}

void
dispatch_message_destroy(dispatch_message_t **self_p)
{
    dispatch_message_t *self = *self_p;
    if (!self)
        return;
    dispatch_broadcast_destroy(&self->broadcast);
    directory_unref(&self->directory);
    bitmap_free(self->people);
    json_decref(self->json);
    free(self->counts);
    replies_destroy(&self->replies);
    free(self);
    *self_p = NULL;
}

void
dispatch_send(zsock_t *socket, dispatch_message_t **message_p)
{
    cr_hand_over(*message_p);
    /* Full it never is; where nobody listens any more, waiting would be for ever. */
    if (zmq_send(zsock_resolve(socket), message_p, sizeof *message_p, ZMQ_DONTWAIT) < 0)
        dispatch_message_destroy(message_p);
    *message_p = NULL;
}

dispatch_message_t *
dispatch_receive(zsock_t *socket)
{
    dispatch_message_t *message;
    int length = zmq_recv(zsock_resolve(socket), &message, sizeof message, 0);
    if (length != (int)sizeof message)
        return NULL;
    cr_take_over(message);
    return message;
}

static void
texts_free(char **texts, size_t count)
{
    for (size_t i = 0; texts && i < count; i++)
        free(texts[i]);
    free(texts);
}

static void
wording_fini(dispatch_wording_t *self)
{
    char *texts[] = {self->language, self->text,        self->subject,
                     self->html,     self->template_id, self->url};
    for (size_t i = 0; i < CR_COUNT(texts); i++)
        free(texts[i]);
    texts_free(self->field_names, self->field_count);
    texts_free(self->field_values, self->field_count);
}

static void
content_free(dispatch_content_t *self)
{
    if (!self)
        return;
    for (size_t i = 0; i < self->wording_count; i++)
        wording_fini(&self->wordings[i]);
    free(self->wordings);
    texts_free(self->columns, self->column_count);
    free(self);
}

void
dispatch_broadcast_destroy(dispatch_broadcast_t **self_p)
{
    dispatch_broadcast_t *self = *self_p;
    if (!self)
        return;
    for (int i = 0; i < CR_CHANNEL_COUNT; i++) {
        content_free(self->content[i]);
        free(self->status[i]);
        free(self->doubled[i]);
    }
    bitmap_free(self->reached);
    free(self->leases);
    free(self->sender);
    bitmap_free(self->audience);
    free(self);
    *self_p = NULL;
}

#include "inbox.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "cr_clock.h"
#include "hash.h"
#include "mail.h"
#include "reference.h"

/* The mail's own styles may run, nothing else: no scripts, no requests to anywhere. */
static const char mail_policy[] =
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; sandbox";

enum { RECENT_DEFAULT = 50, RECENT_MAX = 1000, THREAD_MAX = 50, RANDOM_TRIES = 64 };

static void
write_json(web_answer_t *answer, json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT);
    if (text)
        cr_str_append_text(&answer->body, text);
    free(text);
    json_decref(value);
}

static json_t *
text_of(cr_slice_t text)
{
    json_t *value = json_stringn(text.text, text.length);
    return value ? value : json_string("?"); /* what is not UTF-8 */
}

static void
add_sms(json_t *item, const store_message_t *message)
{
    json_object_set_new(item, "signature", text_of(message->title));
    json_object_set_new(item, "text", text_of(message->content));
    json_object_set_new(item, "parts", json_integer(message->parts));
}

static void
add_wechat(json_t *item, const store_message_t *message)
{
    json_t *sent = json_loadb(message->content.text, message->content.length, 0, NULL);
    json_object_set_new(item, "template_id", text_of(message->title));
    json_object_set(item, "url", json_object_get(sent, "url"));
    json_object_set(item, "fields", json_object_get(sent, "data"));
    json_decref(sent);
}

static void
add_mail(json_t *item, const store_message_t *message)
{
    json_t *view = mail_view(message->content);
    json_object_set_new(item, "sender", text_of(message->title));
    json_object_set_new(item, "has_html",
                        json_boolean(json_is_string(json_object_get(view, "html"))));
    json_object_del(view, "html"); /* comes as a document of its own */
    json_object_update(item, view);
    json_decref(view);
}

static json_t *
item_of(uint64_t number, const store_message_t *message)
{
    static void (*const add[])(json_t *, const store_message_t *) = {
        [CR_CHANNEL_SMS] = add_sms, [CR_CHANNEL_WECHAT] = add_wechat, [CR_CHANNEL_MAIL] = add_mail};
    char when[CR_TIME_TEXT_MAX];
    json_t *item = json_pack("{sI ss ss}", "number", (json_int_t)number, "channel",
                             cr_channel_name(message->channel), "time",
                             cr_time_format(message->time_us, when));
    json_object_set_new(item, "address", text_of(message->address));
    json_object_set_new(item, "reference", text_of(message->reference));
    json_object_set_new(item, "failure",
                        message->failure ? json_string(message->failure) : json_null());
    add[message->channel](item, message);
    return item;
}

static uint64_t
number_argument(const web_request_t *request, const char *name, uint64_t otherwise)
{
    const char *text = web_argument(request, name);
    return text && *text >= '0' && *text <= '9' ? strtoull(text, NULL, 10) : otherwise;
}

void
inbox_answer_recent(void *context, const web_request_t *request, web_answer_t *answer)
{
    const inbox_t *self = context;
    uint64_t limit = number_argument(request, "limit", RECENT_DEFAULT);
    json_t *items = json_array();
    store_message_t message;
    for (uint64_t number = store_newest(self->store);
         json_array_size(items) < limit && json_array_size(items) < RECENT_MAX &&
         store_at(self->store, number, &message);
         number--)
        json_array_append_new(items, item_of(number, &message));
    write_json(answer, json_pack("{so}", "items", items));
}

/* The messages that one device shows, newest first. */
static json_t *
thread_of(const store_t *store, cr_slice_t address)
{
    json_t *items = json_array();
    store_message_t message;
    for (uint64_t number = store_of_address(store, address);
         json_array_size(items) < THREAD_MAX && store_at(store, number, &message);
         number = store_before_of_address(store, number))
        if (cr_slice_equal(message.address, address))
            json_array_append_new(items, item_of(number, &message));
    return items;
}

void
inbox_answer_search(void *context, const web_request_t *request, web_answer_t *answer)
{
    const inbox_t *self = context;
    const char *address = web_argument(request, "address");
    write_json(answer, json_pack("{so}", "items",
                                 thread_of(self->store, cr_slice_of(address ? address : ""))));
}

/* The newest message to the person of `number` on each channel; how many there are. A person whose
 * reference is a stranger's is known by that one message only. */
static unsigned
messages_of_person(const store_t *store, uint64_t number, uint64_t found[CR_CHANNEL_COUNT])
{
    unsigned channels = 0;
    store_message_t message;
    uint64_t at = store_of_person(store, number);
    for (at = at ? at : number; store_at(store, at, &message);
         at = store_before_of_person(store, at)) {
        channels += found[message.channel] == 0;
        if (found[message.channel] == 0)
            found[message.channel] = at;
    }
    return channels;
}

/* Somebody whom all three channels reached, if a few tries find one. */
static uint64_t
random_message(inbox_t *self)
{
    uint64_t oldest = store_oldest(self->store), newest = store_newest(self->store);
    uint64_t best = newest;
    unsigned most = 0;
    for (int i = 0; newest > 0 && i < RANDOM_TRIES && most < CR_CHANNEL_COUNT; i++) {
        uint64_t found[CR_CHANNEL_COUNT] = {0};
        uint64_t number = oldest + hash_roll(&self->dice) % (newest - oldest + 1);
        unsigned channels = messages_of_person(self->store, number, found);
        if (channels > most) {
            most = channels;
            best = number;
        }
    }
    return best;
}

static uint64_t
message_asked_for(inbox_t *self, const web_request_t *request)
{
    const char *address = web_argument(request, "address");
    if (address)
        return store_of_address(self->store, cr_slice_of(address));
    uint64_t number = number_argument(request, "number", 0);
    return number ? number : random_message(self);
}

void
inbox_answer_resident(void *context, const web_request_t *request, web_answer_t *answer)
{
    inbox_t *self = context;
    uint64_t found[CR_CHANNEL_COUNT] = {0};
    uint64_t number = message_asked_for(self, request);
    json_t *channels = json_object();
    store_message_t message;
    if (number > 0)
        messages_of_person(self->store, number, found);
    for (int i = 0; i < CR_CHANNEL_COUNT; i++) {
        if (!store_at(self->store, found[i], &message))
            continue;
        json_t *thread = thread_of(self->store, message.address);
        json_object_set_new(
            channels, cr_channel_name(message.channel),
            json_pack("{so so}", "address", text_of(message.address), "items", thread));
    }
    answer->status = json_object_size(channels) > 0 ? 200 : 404;
    write_json(answer, json_pack("{so}", "channels", channels));
}

static json_t *
counters_of(gateway_t *gateway)
{
    uint32_t minute[COUNTS_SECONDS];
    json_t *view = json_object(), *accepted = json_array();
    for (int i = 0; i < COUNT_KINDS; i++)
        json_object_set_new(view, count_name((count_kind_t)i),
                            json_integer((json_int_t)gateway->counts.totals[i]));
    counts_minute(&gateway->counts, cr_clock_mono_us(), minute);
    for (int i = 0; i < COUNTS_SECONDS; i++)
        json_array_append_new(accepted, json_integer(minute[i]));
    json_object_set_new(view, "minute", accepted);
    return view;
}

void
inbox_answer_counters(void *context, const web_request_t *request, web_answer_t *answer)
{
    (void)request;
    const inbox_t *self = context;
    uint64_t oldest = store_oldest(self->store);
    uint64_t kept = oldest ? store_newest(self->store) - oldest + 1 : 0;
    json_t *channels = json_object();
    for (int i = 0; i < CR_CHANNEL_COUNT; i++)
        json_object_set_new(channels, cr_channel_name((cr_channel_t)i),
                            counters_of(&self->gateways[i]));
    write_json(answer, json_pack("{sI so}", "kept", (json_int_t)kept, "channels", channels));
}

void
inbox_answer_mail(void *context, const web_request_t *request, web_answer_t *answer)
{
    const inbox_t *self = context;
    store_message_t message;
    answer->type = "text/html; charset=utf-8";
    answer->policy = mail_policy;
    answer->status = 404;
    if (!store_at(self->store, number_argument(request, "number", 0), &message) ||
        message.channel != CR_CHANNEL_MAIL)
        return;
    json_t *view = mail_view(message.content);
    const char *html = json_string_value(json_object_get(view, "html"));
    if (html) {
        answer->status = 200;
        cr_str_append_text(&answer->body, html);
    }
    json_decref(view);
}

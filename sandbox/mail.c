#include "mail.h"

#include <gmime/gmime.h>
#include <string.h>

void
mail_library_init(void)
{
    g_mime_init();
}

static json_t *
text_of(char *text)
{
    json_t *value = text ? json_string(text) : NULL;
    g_free(text);
    return value ? value : json_null(); /* also for what is not UTF-8 after all */
}

/* The first plain and the first HTML text; attachments are not shown. */
static void
on_part(GMimeObject *parent, GMimeObject *part, gpointer context)
{
    (void)parent;
    json_t *view = context;
    if (!GMIME_IS_TEXT_PART(part))
        return;
    GMimeContentType *type = g_mime_object_get_content_type(part);
    const char *key = g_mime_content_type_is_type(type, "text", "html")    ? "html"
                      : g_mime_content_type_is_type(type, "text", "plain") ? "text"
                                                                           : NULL;
    if (key && json_is_null(json_object_get(view, key)))
        json_object_set_new(view, key, text_of(g_mime_text_part_get_text(GMIME_TEXT_PART(part))));
}

/* The web address among those of List-Unsubscribe (RFC 2369). */
static json_t *
link_of(GMimeMessage *message)
{
    const char *field = g_mime_object_get_header(GMIME_OBJECT(message), "List-Unsubscribe");
    const char *link = field ? strstr(field, "<http") : NULL;
    return text_of(link ? g_strndup(link + 1, strcspn(link + 1, ">")) : NULL);
}

static json_t *
view_of(GMimeMessage *message)
{
    InternetAddressList *from = g_mime_message_get_from(message);
    const char *subject = g_mime_message_get_subject(message);
    GDateTime *date = g_mime_message_get_date(message);
    json_t *view = json_object();
    json_object_set_new(view, "from", text_of(internet_address_list_to_string(from, NULL, FALSE)));
    json_object_set_new(view, "subject", text_of(g_strdup(subject)));
    json_object_set_new(view, "date", text_of(date ? g_date_time_format_iso8601(date) : NULL));
    json_object_set_new(view, "unsubscribe", link_of(message));
    json_object_set_new(view, "text", json_null());
    json_object_set_new(view, "html", json_null());
    g_mime_message_foreach(message, on_part, view);
    return view;
}

json_t *
mail_view(cr_slice_t mail)
{
    GMimeStream *stream = g_mime_stream_mem_new_with_buffer(mail.text, mail.length);
    GMimeParser *parser = g_mime_parser_new_with_stream(stream);
    GMimeMessage *message = g_mime_parser_construct_message(parser, NULL);
    json_t *view = message ? view_of(message) : json_null();
    if (message)
        g_object_unref(message);
    g_object_unref(parser);
    g_object_unref(stream);
    return view;
}

#include "mail_message.h"

#include <gmime/gmime.h>
#include <string.h>

#include "cr_clock.h"
#include "cr_text.h"

enum { ADDRESS_BYTES_MAX = 254 }; /* RFC 5321 section 4.5.3.1 with its brackets taken off */

static GMimeFormatOptions *crlf;

void
mail_message_init(void)
{
    if (crlf)
        return;
    g_mime_init();
    crlf = g_mime_format_options_new();
    g_mime_format_options_set_newline_format(crlf, GMIME_NEWLINE_FORMAT_DOS);
}

static bool
is_address(cr_slice_t address)
{
    return address.length > 0 && address.length <= ADDRESS_BYTES_MAX &&
           !cr_text_has_line_break(address) && !memchr(address.text, '<', address.length) &&
           !memchr(address.text, '>', address.length);
}

static void
set_headers(GMimeMessage *mail, const message_t *message, const mail_sender_t *sender,
            int64_t wall_us)
{
    char address[ADDRESS_BYTES_MAX + 1], id[CR_REFERENCE_TEXT_MAX];
    memcpy(address, message->address.text, message->address.length);
    address[message->address.length] = '\0';
    g_mime_message_add_mailbox(mail, GMIME_ADDRESS_TYPE_FROM, message->sender.text, sender->from);
    g_mime_message_add_mailbox(mail, GMIME_ADDRESS_TYPE_TO, NULL, address);
    g_mime_message_set_subject(mail, message->subject.text, "UTF-8");

    GDateTime *date = g_date_time_new_from_unix_local(wall_us / CR_US_PER_S);
    g_mime_message_set_date(mail, date);
    g_date_time_unref(date);

    /* The reference without its attempt. */
    memcpy(id, message->reference, sizeof id);
    *strrchr(id, '.') = '\0';
    char *message_id = g_strdup_printf("%s@%s", id, sender->domain);
    g_mime_message_set_message_id(mail, message_id);
    g_free(message_id);
    g_mime_object_set_header(GMIME_OBJECT(mail), "Auto-Submitted", "auto-generated", NULL);
}

/* Base64 hides the line ends from the writer: they must be CRLF before it (RFC 2045 6.8). */
static void
set_canonical_text(GMimeTextPart *part, cr_slice_t text)
{
    GString *canonical = g_string_sized_new(text.length + 64);
    for (size_t i = 0; i < text.length; i++) {
        if (text.text[i] == '\n')
            g_string_append_c(canonical, '\r');
        g_string_append_c(canonical, text.text[i]);
    }
    g_mime_text_part_set_text(part, canonical->str);
    g_string_free(canonical, TRUE);
}

static GMimeObject *
make_part(const char *subtype, cr_slice_t text)
{
    GMimeTextPart *part = g_mime_text_part_new_with_subtype(subtype);
    g_mime_text_part_set_charset(part, "utf-8");
    g_mime_text_part_set_text(part, text.text);
    GMimeContentEncoding encoding =
        g_mime_part_get_best_content_encoding(GMIME_PART(part), GMIME_ENCODING_CONSTRAINT_7BIT);
    if (encoding == GMIME_CONTENT_ENCODING_BASE64)
        set_canonical_text(part, text);
    g_mime_part_set_content_encoding(GMIME_PART(part), encoding);
    return GMIME_OBJECT(part);
}

/* Plain text first: readers take the last they can show. */
static GMimeObject *
make_body(const message_t *message)
{
    if (message->html.length == 0)
        return make_part("plain", message->text);
    if (message->text.length == 0)
        return make_part("html", message->html);
    GMimeMultipart *both = g_mime_multipart_new_with_subtype("alternative");
    GMimeObject *plain = make_part("plain", message->text);
    GMimeObject *html = make_part("html", message->html);
    g_mime_multipart_add(both, plain);
    g_mime_multipart_add(both, html);
    g_object_unref(plain);
    g_object_unref(html);
    return GMIME_OBJECT(both);
}

static GByteArray *
write_out(GMimeMessage *mail)
{
    GByteArray *bytes = g_byte_array_new();
    GMimeStream *stream = g_mime_stream_mem_new_with_byte_array(bytes);
    g_mime_stream_mem_set_owner(GMIME_STREAM_MEM(stream), FALSE);
    g_mime_object_write_to_stream(GMIME_OBJECT(mail), crlf, stream);
    g_object_unref(stream);
    return bytes;
}

GByteArray *
mail_message_build(const message_t *message, const mail_sender_t *sender, int64_t wall_us)
{
    if (!is_address(message->address) || cr_text_has_line_break(message->subject) ||
        cr_text_has_line_break(message->sender))
        return NULL;
    GMimeMessage *mail = g_mime_message_new(TRUE);
    GMimeObject *body = make_body(message);
    set_headers(mail, message, sender, wall_us);
    g_mime_message_set_mime_part(mail, body);
    GByteArray *bytes = write_out(mail);
    g_object_unref(body);
    g_object_unref(mail);
    return bytes;
}

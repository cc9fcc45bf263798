#include "mail_message.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cr_clock.h"
#include "cr_text.h"
#include "cr_token.h"
#include "mime.h"

enum { ADDRESS_BYTES_MAX = 254 }; /* RFC 5321 section 4.5.3.1 with its brackets taken off */

static bool
is_address(cr_slice_t address)
{
    return address.length > 0 && address.length <= ADDRESS_BYTES_MAX &&
           !cr_text_has_line_break(address) && !memchr(address.text, '<', address.length) &&
           !memchr(address.text, '>', address.length);
}

/* The reference without its attempt. */
static cr_slice_t
delivery_of(const message_t *message)
{
    const char *attempt = strrchr(message->reference, '.');
    CR_ASSERT(attempt);
    return (cr_slice_t){message->reference, (size_t)(attempt - message->reference)};
}

static void
append_date(cr_str_t *out, int64_t wall_us)
{
    static const char days[] = "SunMonTueWedThuFriSat",
                      months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    int64_t ahead_us = cr_clock_zone_us(wall_us), minutes = ahead_us / CR_US_PER_S / 60;
    time_t seconds = (time_t)((wall_us + ahead_us) / CR_US_PER_S);
    struct tm at;
    gmtime_r(&seconds, &at);
    cr_str_appendf(out, "Date: %.3s, %d %.3s %d %02d:%02d:%02d %c%02d%02d\r\n",
                   days + 3 * at.tm_wday, at.tm_mday, months + 3 * at.tm_mon, at.tm_year + 1900,
                   at.tm_hour, at.tm_min, at.tm_sec, minutes < 0 ? '-' : '+',
                   (int)(llabs(minutes) / 60), (int)(llabs(minutes) % 60));
}

/* Nobody leaves what is sent to save lives. */
static void
append_list_headers(cr_str_t *out, const message_t *message, const mail_sender_t *sender)
{
    if (message->lane == CR_LANE_EMERGENCY)
        return;
    cr_str_appendf(out, "List-Id: <notices.%s>\r\n", sender->domain);
    if (message->lane == CR_LANE_BULK)
        cr_str_append_text(out, "Precedence: bulk\r\n");
    if (!sender->unsubscribe_url[0])
        return;
    cr_str_append_text(out, "List-Unsubscribe: <");
    cr_str_append_text(out, sender->unsubscribe_url);
    cr_token_append(out, sender->key, CR_TOKEN_UNSUBSCRIBE, delivery_of(message));
    cr_str_append_text(out, ">\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n");
}

static void
append_headers(cr_str_t *out, const message_t *message, const mail_sender_t *sender,
               int64_t wall_us)
{
    cr_slice_t delivery = delivery_of(message);
    append_date(out, wall_us);
    mime_append_mailbox(out, "From", message->sender, cr_slice_of(sender->from));
    mime_append_mailbox(out, "To", CR_SLICE(""), message->address);
    mime_append_header(out, "Subject", message->subject);
    cr_str_appendf(out, "Message-ID: <%.*s@%s>\r\n", (int)delivery.length, delivery.text,
                   sender->domain);
    cr_str_append_text(out, "Auto-Submitted: auto-generated\r\n");
    append_list_headers(out, message, sender);
    cr_str_append_text(out, "MIME-Version: 1.0\r\n");
}

/* Plain text first: readers take the last they can show. No part has a line that begins with "--=_". */
static void
append_alternatives(cr_str_t *out, const message_t *message)
{
    cr_slice_t delivery = delivery_of(message);
    int length = (int)delivery.length;
    cr_str_appendf(
        out, "Content-Type: multipart/alternative;\r\n boundary=\"=_%.*s\"\r\n\r\n--=_%.*s\r\n",
        length, delivery.text, length, delivery.text);
    mime_append_part(out, "plain", message->text);
    cr_str_appendf(out, "\r\n--=_%.*s\r\n", length, delivery.text);
    mime_append_part(out, "html", message->html);
    cr_str_appendf(out, "\r\n--=_%.*s--\r\n", length, delivery.text);
}

cr_err_t
mail_message_build(const message_t *message, const mail_sender_t *sender, int64_t wall_us,
                   cr_str_t *out)
{
    if (!is_address(message->address) || cr_text_has_line_break(message->subject) ||
        cr_text_has_line_break(message->sender))
        return CR_INVAL;
    append_headers(out, message, sender, wall_us);
    if (message->html.length == 0)
        mime_append_part(out, "plain", message->text);
    else if (message->text.length == 0)
        mime_append_part(out, "html", message->html);
    else
        append_alternatives(out, message);
    return cr_str_err(out);
}

void
mail_message_return_path(const message_t *message, const mail_sender_t *sender, cr_str_t *out)
{
    if (!sender->bounce_domain[0]) {
        cr_str_append_text(out, sender->from);
        return;
    }
    cr_str_append_text(out, "bounces+");
    cr_token_append(out, sender->key, CR_TOKEN_BOUNCE, cr_slice_of(message->reference));
    cr_str_append_char(out, '@');
    cr_str_append_text(out, sender->bounce_domain);
}

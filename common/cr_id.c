#include "cr_id.h"

#include <stdio.h>
#include <string.h>

static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

static const struct {
    const char *name;
    char letter;
} channels[CR_CHANNEL_COUNT] = {
#define X(value, name, text, letter) [value] = {text, letter},
    CR_CHANNEL_LIST(X)
#undef X
};

static const char *const lanes[CR_LANE_COUNT] = {
#define X(value, name, text) [value] = text,
    CR_LANE_LIST(X)
#undef X
};

enum { BROADCAST_DIGITS = 8 };

static void
base32_write(uint64_t number, char out[BROADCAST_DIGITS])
{
    for (int i = BROADCAST_DIGITS - 1; i >= 0; i--, number >>= 5)
        out[i] = digits[number & 31];
}

static int
digit_value(char c)
{
    if (c >= 'a' && c <= 'z')
        c = (char)(c - 'a' + 'A');
    if (c == 'O')
        return 0;
    if (c == 'I' || c == 'L')
        return 1;
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

static bool
base32_read(const char *text, uint64_t *number)
{
    uint64_t value = 0;
    for (int i = 0; i < BROADCAST_DIGITS; i++) {
        int digit = digit_value(text[i]);
        if (digit < 0)
            return false;
        value = value << 5 | (uint64_t)digit;
    }
    *number = value;
    return true;
}

const char *
cr_id_format(uint64_t broadcast, char out[CR_ID_TEXT_MAX])
{
    CR_ASSERT(broadcast <= CR_BROADCAST_MAX);
    memcpy(out, "B-", 2);
    base32_write(broadcast, out + 2);
    out[2 + BROADCAST_DIGITS] = '\0';
    return out;
}

cr_err_t
cr_id_parse(const char *text, uint64_t *broadcast)
{
    if (strlen(text) != 2 + BROADCAST_DIGITS || (text[0] != 'B' && text[0] != 'b') ||
        text[1] != '-' || !base32_read(text + 2, broadcast))
        return CR_INVAL;
    return CR_OK;
}

/* A dot and the number; returns what follows. */
static char *
dotted_write(char *out, uint32_t number)
{
    size_t count = 1;
    for (uint64_t limit = 10; number >= limit; limit *= 10)
        count++;
    *out++ = '.';
    for (size_t i = count; i-- > 0; number /= 10)
        out[i] = (char)('0' + number % 10);
    return out + count;
}

const char *
cr_reference_format(const cr_delivery_t *delivery, char out[CR_REFERENCE_TEXT_MAX])
{
    CR_ASSERT(delivery->broadcast <= CR_BROADCAST_MAX);
    CR_ASSERT(delivery->channel < CR_CHANNEL_COUNT);
    base32_write(delivery->broadcast, out);
    char *at = out + BROADCAST_DIGITS;
    *at++ = '.';
    *at++ = channels[delivery->channel].letter;
    at = dotted_write(at, delivery->rank);
    *dotted_write(at, delivery->attempt) = '\0';
    return out;
}

/* A decimal number without sign or leading zeros, followed by `end` or the text's end ('\0'). */
static bool
decimal_take(cr_slice_t *text, char end, uint32_t *value)
{
    uint64_t number = 0;
    size_t i = 0;
    for (; i < text->length && text->text[i] >= '0' && text->text[i] <= '9'; i++) {
        number = number * 10 + (uint64_t)(text->text[i] - '0');
        if (number > UINT32_MAX)
            return false;
    }
    if (i == 0 || (i > 1 && text->text[0] == '0'))
        return false;
    bool at_end = i == text->length;
    if (end == '\0' ? !at_end : at_end || text->text[i] != end)
        return false;
    size_t used = i + (end != '\0');
    *text = (cr_slice_t){text->text + used, text->length - used};
    *value = (uint32_t)number;
    return true;
}

static bool
letter_parse(char letter, cr_channel_t *channel)
{
    for (int i = 0; i < CR_CHANNEL_COUNT; i++) {
        if (channels[i].letter == letter) {
            *channel = (cr_channel_t)i;
            return true;
        }
    }
    return false;
}

cr_err_t
cr_reference_parse(cr_slice_t text, cr_delivery_t *delivery)
{
    cr_delivery_t read = {0};
    const size_t head = BROADCAST_DIGITS + 3; /* "0000001K.s." */
    if (text.length <= head || !base32_read(text.text, &read.broadcast) ||
        text.text[BROADCAST_DIGITS] != '.' || text.text[BROADCAST_DIGITS + 2] != '.' ||
        !letter_parse(text.text[BROADCAST_DIGITS + 1], &read.channel))
        return CR_INVAL;
    cr_slice_t rest = {text.text + head, text.length - head};
    if (!decimal_take(&rest, '.', &read.rank) || !decimal_take(&rest, '\0', &read.attempt) ||
        read.attempt == 0)
        return CR_INVAL;
    *delivery = read;
    return CR_OK;
}

const char *
cr_channel_name(cr_channel_t channel)
{
    CR_ASSERT(channel < CR_CHANNEL_COUNT);
    return channels[channel].name;
}

cr_err_t
cr_channel_parse(const char *text, cr_channel_t *channel)
{
    for (int i = 0; i < CR_CHANNEL_COUNT; i++) {
        if (strcmp(channels[i].name, text) == 0) {
            *channel = (cr_channel_t)i;
            return CR_OK;
        }
    }
    return CR_INVAL;
}

const char *
cr_lane_name(cr_lane_t lane)
{
    CR_ASSERT(lane < CR_LANE_COUNT);
    return lanes[lane];
}

cr_err_t
cr_lane_parse(const char *text, cr_lane_t *lane)
{
    for (int i = 0; i < CR_LANE_COUNT; i++) {
        if (strcmp(lanes[i], text) == 0) {
            *lane = (cr_lane_t)i;
            return CR_OK;
        }
    }
    return CR_INVAL;
}

#include "dialect.h"

#include <string.h>
#include <time.h>

#include "cr_clock.h"

enum { MOBILE_DIGITS = 11 };
static const int64_t beijing_s = 8 * 3600;

cr_slice_t
dialect_time(int64_t wall_us, char out[DIALECT_TIME_MAX])
{
    time_t seconds = (time_t)(wall_us / CR_US_PER_S + beijing_s);
    struct tm there;
    gmtime_r(&seconds, &there);
    const int fields[] = {there.tm_year, there.tm_mon + 1, there.tm_mday,
                          there.tm_hour, there.tm_min,     there.tm_sec};
    for (size_t i = 0; i < CR_COUNT(fields); i++) {
        out[2 * i] = (char)('0' + fields[i] / 10 % 10);
        out[2 * i + 1] = (char)('0' + fields[i] % 10);
    }
    memcpy(out + 2 * CR_COUNT(fields), "032+", 4);
    return (cr_slice_t){out, DIALECT_TIME_MAX};
}

cr_slice_t
dialect_content(const contract_t *contract, const piece_t *piece, uint8_t *out)
{
    bool joined = piece->part.total > 1 && contract->long_way <= LONG_UDH16;
    if (!joined)
        return piece->octets;
    size_t header = contract->long_way == LONG_UDH8 ? CR_SMS_HEADER_8BIT : CR_SMS_HEADER_16BIT;
    cr_sms_write_header(header, &piece->part, out);
    memcpy(out + header, piece->octets.text, piece->octets.length);
    return (cr_slice_t){(const char *)out, header + piece->octets.length};
}

cr_slice_t
dialect_text(cr_slice_t content, bool has_header)
{
    cr_sms_part_t part;
    size_t header = has_header ? cr_sms_read_header(content, &part) : 0;
    return (cr_slice_t){content.text + header, content.length - header};
}

cr_slice_t
dialect_number(cr_slice_t address)
{
    static const char *const prefixes[] = {"+86", "86", "0086"};
    for (size_t i = 0; i < CR_COUNT(prefixes); i++) {
        size_t length = strlen(prefixes[i]);
        if (address.length == length + MOBILE_DIGITS &&
            memcmp(address.text, prefixes[i], length) == 0)
            return (cr_slice_t){address.text + length, MOBILE_DIGITS};
    }
    return address;
}

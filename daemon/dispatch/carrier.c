#include "carrier.h"

#include <string.h>

enum { DIGITS = 11 };

/* The longest segment that a number begins with decides. */
static const struct {
    carrier_t carrier;
    const char *segments;
} given[] = {
    {CARRIER_MOBILE,
     "134 135 136 137 138 139 147 148 150 151 152 157 158 159 165 1703 1705 1706 172 "
     "178 182 183 184 187 188 195 197 198"},
    {CARRIER_UNICOM,
     "130 131 132 145 146 155 156 166 167 1704 1707 1708 1709 171 175 176 185 186 196"},
    {CARRIER_TELECOM, "133 149 153 162 1700 1701 1702 173 17400 17401 17402 17403 17404 17405 177 "
                      "180 181 189 190 191 193 199"},
    {CARRIER_BROADNET, "192"},
    {CARRIER_UNKNOWN, "1349"}, /* satellites */
};

/* Digits of the longest segment in the list that the number begins with; 0: none. */
static size_t
match(const char *segments, const char *number)
{
    size_t best = 0;
    while (*segments) {
        size_t length = strcspn(segments, " ");
        if (length > best && memcmp(segments, number, length) == 0)
            best = length;
        segments += length;
        segments += strspn(segments, " ");
    }
    return best;
}

carrier_t
carrier_of(cr_slice_t phone)
{
    static const char country[] = "+86";
    size_t skip = strlen(country);
    if (phone.length == DIGITS + skip && memcmp(phone.text, country, skip) == 0)
        phone = (cr_slice_t){phone.text + skip, DIGITS};
    if (phone.length != DIGITS)
        return CARRIER_UNKNOWN;
    carrier_t carrier = CARRIER_UNKNOWN;
    size_t best = 0;
    for (size_t i = 0; i < CR_COUNT(given); i++) {
        size_t length = match(given[i].segments, phone.text);
        if (length <= best)
            continue;
        best = length;
        carrier = given[i].carrier;
    }
    return carrier;
}

static const char *const names[] = {
#define X(name, text) [CARRIER_##name] = (text),
    CARRIER_LIST(X)
#undef X
};

const char *
carrier_name(carrier_t carrier)
{
    return names[carrier];
}

cr_err_t
carrier_parse(const char *name, carrier_t *carrier)
{
    for (int i = CARRIER_UNKNOWN + 1; i < CARRIER_COUNT; i++) {
        if (strcmp(names[i], name) != 0)
            continue;
        *carrier = (carrier_t)i;
        return CR_OK;
    }
    return CR_INVAL;
}

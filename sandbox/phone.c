#include "phone.h"

#include <string.h>

enum { DIGITS_MIN = 8, DIGITS_MAX = 15 };

bool
phone_exists(cr_slice_t phone)
{
    size_t first = phone.length > 0 && phone.text[0] == '+';
    for (size_t i = first; i < phone.length; i++)
        if (phone.text[i] < '0' || phone.text[i] > '9')
            return false;
    size_t digits = phone.length - first;
    return digits >= DIGITS_MIN && digits <= DIGITS_MAX &&
           memcmp(phone.text + phone.length - 4, "0000", 4) != 0;
}

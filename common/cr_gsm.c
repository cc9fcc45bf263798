#include "cr_gsm.h"

enum { BASIC = 128, NONE = 0xFFFF };

/* By septet; the escape is none itself. */
static const uint16_t basic[BASIC] = {
    '@',    0x00A3, '$',    0x00A5, 0x00E8, 0x00E9, 0x00F9, 0x00EC, 0x00F2, 0x00C7, '\n',   0x00D8,
    0x00F8, '\r',   0x00C5, 0x00E5, 0x0394, '_',    0x03A6, 0x0393, 0x039B, 0x03A9, 0x03A0, 0x03A8,
    0x03A3, 0x0398, 0x039E, NONE,   0x00C6, 0x00E6, 0x00DF, 0x00C9, ' ',    '!',    '"',    '#',
    0x00A4, '%',    '&',    '\'',   '(',    ')',    '*',    '+',    ',',    '-',    '.',    '/',
    '0',    '1',    '2',    '3',    '4',    '5',    '6',    '7',    '8',    '9',    ':',    ';',
    '<',    '=',    '>',    '?',    0x00A1, 'A',    'B',    'C',    'D',    'E',    'F',    'G',
    'H',    'I',    'J',    'K',    'L',    'M',    'N',    'O',    'P',    'Q',    'R',    'S',
    'T',    'U',    'V',    'W',    'X',    'Y',    'Z',    0x00C4, 0x00D6, 0x00D1, 0x00DC, 0x00A7,
    0x00BF, 'a',    'b',    'c',    'd',    'e',    'f',    'g',    'h',    'i',    'j',    'k',
    'l',    'm',    'n',    'o',    'p',    'q',    'r',    's',    't',    'u',    'v',    'w',
    'x',    'y',    'z',    0x00E4, 0x00F6, 0x00F1, 0x00FC, 0x00E0,
};
static const struct {
    uint8_t septet;
    uint16_t code;
} extension[] = {
    {0x0A, '\f'}, {0x14, '^'}, {0x28, '{'}, {0x29, '}'}, {0x2F, '\\'},
    {0x3C, '['},  {0x3D, '~'}, {0x3E, ']'}, {0x40, '|'}, {0x65, 0x20AC},
};

/* Letters, digits and most punctuation stand where ASCII has them. */
static bool
is_in_place(int32_t code)
{
    return code >= ' ' && code < BASIC && basic[code] == code;
}

unsigned
cr_gsm_septets(int32_t code, uint8_t out[2])
{
    if (is_in_place(code)) {
        out[0] = (uint8_t)code;
        return 1;
    }
    for (unsigned i = 0; i < CR_COUNT(extension); i++)
        if (extension[i].code == code) {
            out[0] = CR_GSM_ESCAPE;
            out[1] = extension[i].septet;
            return 2;
        }
    for (unsigned i = 0; i < BASIC; i++)
        if (basic[i] == code && code != NONE) {
            out[0] = (uint8_t)i;
            return 1;
        }
    return 0;
}

int32_t
cr_gsm_code(uint8_t septet, bool escaped)
{
    if (!escaped)
        return septet < BASIC && basic[septet] != NONE ? basic[septet] : -1;
    for (unsigned i = 0; i < CR_COUNT(extension); i++)
        if (extension[i].septet == septet)
            return extension[i].code;
    return -1;
}

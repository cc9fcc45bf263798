/* What a resident writes: whatever it is, what is kept is UTF-8 without controls, and only a word opts out. */
#include <stdlib.h>
#include <string.h>

#include "cr_text.h"
#include "fuzz.h"
#include "plan/reply.h"

static void
check_clean(cr_slice_t text)
{
    cr_str_t clean, masked;
    size_t at;
    uint32_t code;
    cr_str_init(&clean, 1 << 20);
    cr_str_init(&masked, 1 << 20);
    reply_clean(text, &clean);
    reply_mask(cr_str_slice(&clean), &masked);
    if (!cr_text_is_utf8(cr_str_slice(&masked)) || masked.length != clean.length ||
        cr_text_find_forbidden(cr_str_slice(&masked), &at, &code))
        abort();
    cr_str_fini(&clean);
    cr_str_fini(&masked);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    cr_slice_t text = {(const char *)bytes, length};
    reply_verdict_t verdict = reply_judge(CRIER__V1__REPLIES__KIND__TEXT, text, "停 STOP");
    if ((verdict.act == REPLY_OPT_OUT) != (verdict.word[0] != '\0'))
        abort();
    check_clean(text);
    return 0;
}

/* A mail that came to the mailbox of bounces: what is found in it lies in it, and its verdict has what belongs to it. */
#include <sodium.h>
#include <stdlib.h>

#include "dsn.h"
#include "fuzz.h"

static void
check_inside(cr_slice_t part, cr_slice_t mail)
{
    if (part.length > 0 &&
        (part.text < mail.text || part.text + part.length > mail.text + mail.length))
        abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static const uint8_t key[CR_TOKEN_KEY_BYTES] = {7}; /* the corpus has addresses made with it */
    cr_slice_t mail = {(const char *)bytes, length};
    if (sodium_init() < 0)
        abort();
    dsn_t dsn = dsn_read(mail, key);
    if (dsn.verdict >= DSN_VERDICT_COUNT ||
        (dsn.verdict == DSN_STRAY) != (dsn.reference.length == 0))
        abort();
    check_inside(dsn.reference, mail);
    check_inside(dsn.code, mail);
    if (dsn.verdict == DSN_FAILED && dsn.outcome == CR_STATUS_UNKNOWN)
        abort();
    return 0;
}

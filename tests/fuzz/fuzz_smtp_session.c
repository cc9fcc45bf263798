/*
 * A mail server that says anything, in pieces of any size: each mail gets exactly one answer, and the
 * session writes no more than its commands and the mails. The first byte chooses the rules.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "smtp_session.h"

enum { MAILS = 6, WRITTEN_MAX = 64 * 1024 };

static smtp_session_t *session;
static unsigned answers[MAILS], submitted;
static size_t written;

static void
on_answer(void *context, void *tag, const smtp_answer_t *answer)
{
    (void)context;
    if (answer->answered && (answer->code < 200 || answer->code > 599))
        abort();
    ++*(unsigned *)tag;
}

static void
on_tls(void *context)
{
    (void)context;
}

static void
submit_all(void)
{
    while (submitted < MAILS && smtp_session_has_room(session)) {
        const smtp_mail_t mail = {CR_SLICE("kp@office.test"),
                                  submitted % 2 ? CR_SLICE("a+b@c.test") : CR_SLICE("木@c.test"),
                                  CR_SLICE("1.m.2.1"), CR_SLICE(".\r\nbody\r\n..\r\n")};
        smtp_session_submit(session, &mail, &answers[submitted++]);
    }
}

static void
write_out(int64_t now_us)
{
    size_t length = smtp_session_output(session).length;
    written += length;
    if (written > WRITTEN_MAX)
        abort();
    smtp_session_wrote(session, length, now_us);
}

static void
converse(cr_slice_t input, size_t step)
{
    cr_fault_t fault;
    for (int64_t now_us = 0; input.length > 0; now_us++) {
        submit_all();
        smtp_session_advance(session, now_us);
        write_out(now_us);
        size_t part = input.length < step ? input.length : step;
        if (smtp_session_take(session, (cr_slice_t){input.text, part}, now_us, &fault) != CR_OK)
            return;
        input.text += part;
        input.length -= part;
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static const smtp_events_t events = {on_answer, on_tls};
    if (length == 0)
        return 0;
    const smtp_rules_t rules = {.domain = "office.test",
                                .starttls = bytes[0] & 1,
                                .auth = (smtp_auth_t)(bytes[0] >> 1 & 3),
                                .user = bytes[0] & 8 ? "kp" : "",
                                .password = "secret",
                                .timeout_us = 1000000,
                                .mails_max = bytes[0] & 16 ? 3 : 0};
    memset(answers, 0, sizeof answers);
    submitted = 0;
    written = 0;
    session = smtp_session_new(&rules, &events, NULL);
    if (!session)
        abort();
    smtp_session_begin(session, !rules.starttls, 0);
    converse((cr_slice_t){(const char *)bytes + 1, length - 1}, bytes[0] & 32 ? 1 : 64);
    smtp_session_lost(session);
    for (unsigned i = 0; i < MAILS; i++)
        if (answers[i] != (i < submitted))
            abort();
    smtp_session_destroy(&session);
    return 0;
}

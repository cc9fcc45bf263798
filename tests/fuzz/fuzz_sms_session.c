/*
 * A gateway that says anything, in pieces of any size: each piece gets exactly one outcome, and the session neither
 * reads beyond what came nor writes without end. The first byte chooses the protocol and the size of the pieces.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "session.h"

enum { WINDOW = 8 };

static session_t *session;
static unsigned outcomes[WINDOW];

static void
on_answer(void *context, void *token, const session_answer_t *answer)
{
    (void)context;
    if (answer->id.length >= SAID_ID_MAX)
        abort();
    ++*(unsigned *)token;
}

static bool
on_said(void *context, const said_t *said)
{
    (void)context;
    return said->sequence % 2 == 0;
}

static void
on_owed(void *context, cr_slice_t answers)
{
    (void)context;
    session_write(session, answers);
}

static void
feed(const uint8_t *bytes, size_t length, size_t step)
{
    for (size_t at = 0; at < length;) {
        size_t room, piece = length - at < step ? length - at : step;
        uint8_t *space = session_space(session, &room);
        if (session_state(session) == SESSION_BROKEN || room == 0)
            return;
        piece = piece < room ? piece : room;
        memcpy(space, bytes + at, piece);
        session_received(session, piece, (int64_t)at);
        session_sent(session, session_output(session).length / 2);
        at += piece;
    }
}

static void
converse(const uint8_t *bytes, size_t length, size_t step)
{
    static const piece_t piece = {
        .coding = CR_SMS_UCS2, .octets = {"\x67\x28", 2}, .part = {0, 1, 1}};
    unsigned submitted = 0;
    session_connected(session, 1125120000, 0);
    feed(bytes, length / 2, step);
    for (; submitted < WINDOW && session_has_room(session); submitted++)
        if (session_submit(session, &piece, &outcomes[submitted], 0) != CR_OK)
            abort();
    feed(bytes + length / 2, length - length / 2, step);
    session_tick(session, 1000000);
    session_closed(session);
    for (unsigned i = 0; i < WINDOW; i++)
        if (outcomes[i] != (i < submitted))
            abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static const session_events_t events = {on_answer, on_said, on_owed};
    contract_t contract = {.account = {"900001", 6}, .password = {"888888", 6}};
    if (length == 0)
        return 0;
    contract.version = bytes[0] & 2 ? CR_CMPP_30 : CR_CMPP_20;
    contract.id_form = bytes[0] & 4 ? IDS_HEX_DECIMAL : IDS_EQUAL;
    const session_rules_t rules = {bytes[0] & 1 ? &dialect_cmpp : &dialect_smpp,
                                   &contract,
                                   ROLE_BOTH,
                                   WINDOW,
                                   1000000,
                                   1000000};
    memset(outcomes, 0, sizeof outcomes);
    session = session_new(&rules, &events, NULL);
    if (!session)
        abort();
    converse(bytes + 1, length - 1, 1 + (bytes[0] >> 3));
    session_destroy(&session);
    return 0;
}

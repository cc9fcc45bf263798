/* The engine of SMPP and CMPP against a scripted gateway: bytes in, bytes out, times as arguments. */
#include "session.h"

#include <stdlib.h>
#include <string.h>

#include "cr_smpp.h"
#include "cr_test.h"

const char cr_suite[] = "sms session";

enum { WINDOW = 4, ANSWER_US = 10000000, IDLE_US = 30000000, LOG_MAX = 64 };

static contract_t contract;
static session_t *session;
static struct {
    void *token;
    cr_status_t status;
    bool lost;
    char id[SAID_ID_MAX + 1];
} answers[LOG_MAX];
static size_t answer_count;
static char said_ids[LOG_MAX][SAID_ID_MAX + 1];
static size_t said_count, owed_bytes;
static char owed[4096];
static bool takes_news;

static void
on_answer(void *context, void *token, const session_answer_t *answer)
{
    (void)context;
    CU_ASSERT_FATAL(answer_count < LOG_MAX);
    answers[answer_count].token = token;
    answers[answer_count].status = answer->status;
    answers[answer_count].lost = answer->lost;
    snprintf(answers[answer_count++].id, sizeof answers->id, "%.*s", (int)answer->id.length,
             answer->id.length ? answer->id.text : "");
}

static bool
on_said(void *context, const said_t *said)
{
    (void)context;
    if (!takes_news)
        return false;
    snprintf(said_ids[said_count++], sizeof said_ids[0], "%.*s", (int)said->id.length,
             said->id.length ? said->id.text : "");
    return true;
}

static void
on_owed(void *context, cr_slice_t bytes)
{
    (void)context;
    memcpy(owed + owed_bytes, bytes.text, bytes.length);
    owed_bytes += bytes.length;
}

static void
begin(const dialect_t *dialect)
{
    static const session_events_t events = {on_answer, on_said, on_owed};
    const session_rules_t rules = {dialect, &contract, ROLE_BOTH, WINDOW, ANSWER_US, IDLE_US};
    contract = (contract_t){.account = CR_SLICE("900001"),
                            .password = CR_SLICE("888888"),
                            .source = CR_SLICE("10690001"),
                            .version = CR_CMPP_30};
    answer_count = said_count = owed_bytes = 0;
    takes_news = true;
    session = session_new(&rules, &events, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(session);
}

static void
end(void)
{
    session_closed(session);
    session_destroy(&session);
}

/* What the session wrote since the last time, as one frame. */
static cr_smpp_t
heard(void)
{
    cr_slice_t output = session_output(session);
    cr_smpp_t pdu = {0};
    size_t length;
    static char frame[4096];
    if (cr_pdu_frame(output, CR_SMPP_HEADER, sizeof frame, &length) != CR_OK)
        return pdu;
    memcpy(frame, output.text, length);
    CU_ASSERT_EQUAL(cr_smpp_decode((cr_slice_t){frame, length}, &pdu, NULL), CR_OK);
    session_sent(session, length);
    return pdu;
}

static void
hear_bytes(const void *bytes, size_t length, int64_t now_us)
{
    size_t room;
    uint8_t *space = session_space(session, &room);
    CU_ASSERT_FATAL(room >= length);
    memcpy(space, bytes, length);
    session_received(session, length, now_us);
}

static void
say(const cr_smpp_t *pdu, int64_t now_us)
{
    uint8_t bytes[1024];
    cr_pdu_buffer_t out = {bytes, 0, sizeof bytes};
    CU_ASSERT_EQUAL(cr_smpp_encode(pdu, &out, NULL), CR_OK);
    hear_bytes(bytes, out.length, now_us);
}

static void
log_in(void)
{
    begin(&dialect_smpp);
    session_connected(session, 1125120000, 0);
    cr_smpp_t bind = heard();
    CU_ASSERT_EQUAL(bind.command, CR_SMPP_BIND_TRANSCEIVER);
    say(&(cr_smpp_t){.command = CR_SMPP_RESPONSE | CR_SMPP_BIND_TRANSCEIVER,
                     .sequence = bind.sequence},
        0);
    CU_ASSERT_EQUAL(session_state(session), SESSION_UP);
}

static cr_err_t
submit(void *token, int64_t now_us)
{
    const piece_t piece = {
        .address = CR_SLICE("13800001234"),
        .coding = CR_SMS_UCS2,
        .octets = CR_SLICE("\x67\x28"),
        .part = {0, 1, 1},
        .lane = CR_LANE_URGENT,
    };
    return session_submit(session, &piece, token, now_us);
}

static void
answer(uint32_t sequence, uint32_t status, const char *id, int64_t now_us)
{
    say(&(cr_smpp_t){.command = CR_SMPP_RESPONSE | CR_SMPP_SUBMIT_SM,
                     .sequence = sequence,
                     .status = status,
                     .message_id = cr_slice_of(id)},
        now_us);
}

static int tokens[LOG_MAX];

static void
answers_find_their_pieces_in_any_order(void)
{
    uint32_t sequences[WINDOW];
    log_in();
    for (int i = 0; i < WINDOW; i++) {
        CU_ASSERT(session_has_room(session));
        CU_ASSERT_EQUAL(submit(&tokens[i], 0), CR_OK);
        cr_smpp_t sm = heard();
        CU_ASSERT_EQUAL(sm.command, CR_SMPP_SUBMIT_SM);
        CU_ASSERT_EQUAL(sm.priority_flag, 2);
        sequences[i] = sm.sequence;
    }
    CU_ASSERT_FALSE(session_has_room(session));
    for (int i = WINDOW - 1; i >= 0; i--)
        answer(sequences[i], CR_SMPP_OK, "5A", 1);
    for (int i = 0; i < WINDOW; i++) {
        CU_ASSERT_PTR_EQUAL(answers[i].token, &tokens[WINDOW - 1 - i]);
        CU_ASSERT_EQUAL(answers[i].status, CR_STATUS_ACCEPTED);
        CU_ASSERT_STRING_EQUAL(answers[i].id, "5A");
    }
    answer(sequences[0], CR_SMPP_OK, "5A", 2); /* once more */
    answer(77777, CR_SMPP_OK, "5A", 2);
    CU_ASSERT_EQUAL(answer_count, WINDOW);
    CU_ASSERT_EQUAL(session_counts(session)->late_answers, 2);
    CU_ASSERT_EQUAL(session_state(session), SESSION_UP);
    end();
}

static void
codes_become_outcomes(void)
{
    static const struct {
        uint32_t code;
        cr_status_t status;
    } cases[] = {
        {CR_SMPP_THROTTLED, CR_STATUS_RETRY_1},
        {CR_SMPP_MSGQFUL, CR_STATUS_RETRY_1},
        {CR_SMPP_INVDSTADR, CR_STATUS_FAILED_ADDRESS},
        {CR_SMPP_INVSRCADR, CR_STATUS_FAILED_ACCOUNT},
        {CR_SMPP_INVMSGLEN, CR_STATUS_FAILED_CONTENT},
        {0x4FF, CR_STATUS_FAILED_CONTENT},
    };
    log_in();
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        CU_ASSERT_EQUAL(submit(&tokens[i], 0), CR_OK);
        answer(heard().sequence, cases[i].code, "", 0);
        CU_ASSERT_EQUAL(answers[i].status, cases[i].status);
        CU_ASSERT_FALSE(answers[i].lost);
    }
    CU_ASSERT_EQUAL(submit(&tokens[0], 0), CR_OK);
    say(&(cr_smpp_t){.command = CR_SMPP_GENERIC_NACK,
                     .status = CR_SMPP_INVCMDLEN,
                     .sequence = heard().sequence},
        0);
    CU_ASSERT_EQUAL(answers[CR_COUNT(cases)].status, CR_STATUS_FAILED_CONTENT);
    end();
}

static void
what_is_not_answered_in_time_is_unknown(void)
{
    log_in();
    CU_ASSERT_EQUAL(submit(&tokens[0], 0), CR_OK);
    uint32_t first = heard().sequence;
    CU_ASSERT_EQUAL(submit(&tokens[1], ANSWER_US / 2), CR_OK);
    CU_ASSERT_EQUAL(session_tick(session, ANSWER_US - 1), ANSWER_US);
    CU_ASSERT_EQUAL(answer_count, 0);
    session_tick(session, ANSWER_US);
    CU_ASSERT_EQUAL(answer_count, 1);
    CU_ASSERT_PTR_EQUAL(answers[0].token, &tokens[0]);
    CU_ASSERT_EQUAL(answers[0].status, CR_STATUS_UNKNOWN);
    answer(first, CR_SMPP_OK, "1", ANSWER_US + 1);
    CU_ASSERT_EQUAL(answer_count, 1);
    CU_ASSERT_EQUAL(session_in_flight(session), 1);
    end();
}

static void
a_lost_connection_tells_what_left_from_what_did_not(void)
{
    log_in();
    CU_ASSERT_EQUAL(submit(&tokens[0], 0), CR_OK);
    CU_ASSERT_EQUAL(submit(&tokens[1], 0), CR_OK);
    CU_ASSERT_EQUAL(submit(&tokens[2], 0), CR_OK);
    size_t one = session_output(session).length / 3;
    session_sent(session, one);
    session_sent(session, one - 1); /* the second lacks its last byte */
    session_closed(session);
    CU_ASSERT_EQUAL(answer_count, 3);
    CU_ASSERT_EQUAL(answers[0].status, CR_STATUS_UNKNOWN);
    CU_ASSERT_EQUAL(answers[1].status, CR_STATUS_RETRY_1);
    CU_ASSERT_EQUAL(answers[2].status, CR_STATUS_RETRY_1);
    CU_ASSERT(answers[2].lost);
    CU_ASSERT_EQUAL(session_state(session), SESSION_DOWN);
    session_connected(session, 0, 0); /* and can be opened again */
    CU_ASSERT_EQUAL(heard().command, CR_SMPP_BIND_TRANSCEIVER);
    end();
}

static void
news_are_answered_when_they_are_stored(void)
{
    const cr_smpp_t receipt = {
        .command = CR_SMPP_DELIVER_SM,
        .sequence = 9,
        .esm_class = CR_SMPP_ESM_RECEIPT,
        .short_message = CR_SLICE("id:5A stat:DELIVRD err:000"),
    };
    log_in();
    say(&receipt, 0);
    CU_ASSERT_EQUAL(said_count, 1);
    CU_ASSERT_STRING_EQUAL(said_ids[0], "5A");
    CU_ASSERT_EQUAL(session_output(session).length, 0);
    CU_ASSERT(owed_bytes > 0);
    session_write(session, (cr_slice_t){owed, owed_bytes});
    cr_smpp_t reply = heard();
    CU_ASSERT_EQUAL(reply.command, CR_SMPP_RESPONSE | CR_SMPP_DELIVER_SM);
    CU_ASSERT_EQUAL(reply.sequence, 9);
    CU_ASSERT_EQUAL(reply.status, CR_SMPP_OK);
    takes_news = false;
    say(&receipt, 0);
    CU_ASSERT_EQUAL(heard().status, CR_SMPP_RX_T_APPN);
    end();
}

static void
receipts_that_tell_nothing_are_answered_and_counted(void)
{
    static const char *const texts[] = {"", "nonsense", "id:1 stat:", "stat:DELIVRD"};
    log_in();
    for (size_t i = 0; i < CR_COUNT(texts); i++) {
        say(&(cr_smpp_t){.command = CR_SMPP_DELIVER_SM,
                         .sequence = 1,
                         .esm_class = CR_SMPP_ESM_RECEIPT,
                         .short_message = cr_slice_of(texts[i])},
            0);
        CU_ASSERT_EQUAL(heard().command, CR_SMPP_RESPONSE | CR_SMPP_DELIVER_SM);
    }
    CU_ASSERT_EQUAL(session_counts(session)->garbled, CR_COUNT(texts));
    say(&(cr_smpp_t){.command = CR_SMPP_DELIVER_SM,
                     .sequence = 1,
                     .esm_class = CR_SMPP_ESM_RECEIPT,
                     .short_message = CR_SLICE("id:5A stat:ENROUTE")},
        0);
    CU_ASSERT_EQUAL(heard().status, CR_SMPP_OK);
    CU_ASSERT_EQUAL(said_count, 0);
    CU_ASSERT_EQUAL(session_state(session), SESSION_UP);
    end();
}

static void
ids_in_two_forms_are_the_same(void)
{
    log_in();
    contract.id_form = IDS_HEX_DECIMAL;
    CU_ASSERT_EQUAL(submit(&tokens[0], 0), CR_OK);
    answer(heard().sequence, CR_SMPP_OK, "005A3F", 0);
    CU_ASSERT_STRING_EQUAL(answers[0].id, "23103");
    say(&(cr_smpp_t){.command = CR_SMPP_DELIVER_SM,
                     .sequence = 9,
                     .esm_class = CR_SMPP_ESM_RECEIPT,
                     .short_message = CR_SLICE("id:0000023103 stat:UNDELIV")},
        0);
    CU_ASSERT_STRING_EQUAL(said_ids[0], "23103");
    end();
}

static void
silence_is_tested_and_then_given_up(void)
{
    log_in();
    int64_t now_us = IDLE_US;
    for (int i = 0; i < 3; i++) {
        CU_ASSERT(session_tick(session, now_us) > now_us);
        CU_ASSERT_EQUAL(heard().command, CR_SMPP_ENQUIRE_LINK);
        CU_ASSERT_EQUAL(session_state(session), SESSION_UP);
        now_us += ANSWER_US;
    }
    session_tick(session, now_us);
    CU_ASSERT_EQUAL(session_state(session), SESSION_BROKEN);
    CU_ASSERT_STRING_EQUAL(session_reason(session), "is silent");
    end();
    log_in();
    session_tick(session, IDLE_US);
    uint32_t sequence = heard().sequence;
    say(&(cr_smpp_t){.command = CR_SMPP_RESPONSE | CR_SMPP_ENQUIRE_LINK, .sequence = sequence},
        IDLE_US + 1);
    CU_ASSERT_EQUAL(session_tick(session, IDLE_US + 2), 2 * IDLE_US + 1);
    end();
}

static void
a_refused_log_in_ends_the_session(void)
{
    static const uint32_t commands[] = {CR_SMPP_RESPONSE | CR_SMPP_BIND_TRANSCEIVER,
                                        CR_SMPP_GENERIC_NACK};
    for (size_t i = 0; i < CR_COUNT(commands); i++) {
        begin(&dialect_smpp);
        session_connected(session, 0, 0);
        say(&(cr_smpp_t){.command = commands[i], .sequence = 1, .status = CR_SMPP_INVPASWD}, 0);
        CU_ASSERT_EQUAL(session_state(session), SESSION_BROKEN);
        CU_ASSERT_STRING_EQUAL(session_reason(session), "ESME_RINVPASWD");
        end();
    }
    begin(&dialect_smpp);
    session_connected(session, 0, 0);
    session_tick(session, ANSWER_US);
    CU_ASSERT_EQUAL(session_state(session), SESSION_BROKEN);
    end();
}

static void
garbage_breaks_the_session_and_nothing_else(void)
{
    static const struct {
        const char *bytes;
        size_t length;
        const char *reason;
    } cases[] = {
        {"\0\0\0\x0f\0\0\0\5", 8, "a frame of impossible length"},
        {"\xff\xff\xff\xff", 4, "a frame of impossible length"},
        {"HTTP/1.1 400 Bad Request\r\n\r\n", 28, "a frame of impossible length"},
        {"\0\0\0\x12\0\0\0\5\0\0\0\0\0\0\0\1ab", 18, "service_type goes beyond the end"},
    };
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        log_in();
        CU_ASSERT_EQUAL(submit(&tokens[0], 0), CR_OK);
        session_sent(session, session_output(session).length);
        hear_bytes(cases[i].bytes, cases[i].length, 0);
        CU_ASSERT_EQUAL(session_state(session), SESSION_BROKEN);
        CU_ASSERT_STRING_EQUAL(session_reason(session), cases[i].reason);
        CU_ASSERT_EQUAL(session_counts(session)->garbage, 1);
        session_closed(session);
        CU_ASSERT_EQUAL(answers[0].status, CR_STATUS_UNKNOWN);
        end();
    }
    log_in(); /* an unknown request is refused by name, and the session goes on */
    hear_bytes("\0\0\0\x10\0\0\7\7\0\0\0\0\0\0\0\5", 16, 0);
    cr_smpp_t nack = heard();
    CU_ASSERT_EQUAL(nack.command, CR_SMPP_GENERIC_NACK);
    CU_ASSERT_EQUAL(nack.status, CR_SMPP_INVCMDID);
    CU_ASSERT_EQUAL(session_state(session), SESSION_UP);
    end();
}

static void
frames_that_come_byte_by_byte_are_whole_in_the_end(void)
{
    uint8_t bytes[64];
    cr_pdu_buffer_t out = {bytes, 0, sizeof bytes};
    log_in();
    CU_ASSERT_EQUAL(submit(&tokens[0], 0), CR_OK);
    const cr_smpp_t pdu = {.command = CR_SMPP_RESPONSE | CR_SMPP_SUBMIT_SM,
                           .sequence = heard().sequence,
                           .message_id = CR_SLICE("1")};
    CU_ASSERT_EQUAL(cr_smpp_encode(&pdu, &out, NULL), CR_OK);
    for (size_t i = 0; i < out.length; i++) {
        CU_ASSERT_EQUAL(answer_count, 0);
        hear_bytes(bytes + i, 1, 0);
    }
    CU_ASSERT_EQUAL(answer_count, 1);
    end();
}

static void
a_gateway_may_ask_us_to_leave(void)
{
    log_in();
    CU_ASSERT_EQUAL(submit(&tokens[0], 0), CR_OK);
    uint32_t sequence = heard().sequence;
    say(&(cr_smpp_t){.command = CR_SMPP_UNBIND, .sequence = 3}, 0);
    CU_ASSERT_EQUAL(heard().command, CR_SMPP_RESPONSE | CR_SMPP_UNBIND);
    CU_ASSERT_EQUAL(session_state(session), SESSION_LEAVING);
    CU_ASSERT_FALSE(session_has_room(session));
    answer(sequence, CR_SMPP_OK, "1", 1);
    CU_ASSERT_EQUAL(answers[0].status, CR_STATUS_ACCEPTED);
    session_tick(session, 2);
    CU_ASSERT_EQUAL(session_state(session), SESSION_BROKEN);
    end();
}

/* Many rounds, so that sequences go round their slots while one piece stays without an answer. */
static void
the_window_survives_going_round(void)
{
    log_in();
    CU_ASSERT_EQUAL(submit(&tokens[0], 0), CR_OK);
    heard();
    for (int i = 0; i < 1000; i++) {
        CU_ASSERT_EQUAL(submit(&tokens[1], 1), CR_OK);
        answer(heard().sequence, CR_SMPP_OK, "1", 1);
        CU_ASSERT_EQUAL(answer_count, 1);
        answer_count = 0;
    }
    CU_ASSERT_EQUAL(submit(&tokens[2], ANSWER_US / 2), CR_OK);
    session_tick(session, ANSWER_US);
    CU_ASSERT_EQUAL(answer_count, 1);
    CU_ASSERT_PTR_EQUAL(answers[0].token, &tokens[0]);
    end();
}

/* `count` pieces, each answered at once. */
static void
go_round(int count)
{
    for (int i = 0; i < count; i++) {
        CU_ASSERT_EQUAL(submit(&tokens[LOG_MAX - 1], 1), CR_OK);
        answer(heard().sequence, CR_SMPP_OK, "1", 1);
    }
    answer_count = 0;
}

static void
the_oldest_piece_is_told_by_time_after_going_round(void)
{
    log_in();
    CU_ASSERT_EQUAL(submit(&tokens[0], 0), CR_OK);
    uint32_t first = heard().sequence;
    go_round(8);
    CU_ASSERT_EQUAL(submit(&tokens[1], 1), CR_OK);
    heard();
    go_round(7);
    CU_ASSERT_EQUAL(submit(&tokens[2], 5), CR_OK); /* in a place between the two */
    answer(first, CR_SMPP_OK, "1", 6);
    session_tick(session, ANSWER_US + 1);
    CU_ASSERT_EQUAL(answer_count, 2);
    CU_ASSERT_PTR_EQUAL(answers[1].token, &tokens[1]);
    end();
}

static void
a_late_answer_never_meets_another_piece(void)
{
    log_in();
    CU_ASSERT_EQUAL(submit(&tokens[0], 0), CR_OK);
    uint32_t first = heard().sequence;
    session_tick(session, ANSWER_US);
    CU_ASSERT_EQUAL(answers[0].status, CR_STATUS_UNKNOWN);
    go_round(15);
    CU_ASSERT_EQUAL(submit(&tokens[1], ANSWER_US), CR_OK);
    CU_ASSERT_EQUAL(heard().sequence, first + 16); /* in the same place */
    answer(first, CR_SMPP_OK, "1", ANSWER_US);
    CU_ASSERT_EQUAL(answer_count, 0);
    CU_ASSERT_EQUAL(session_counts(session)->late_answers, 1);
    end();
}

static void
cmpp_is_the_same_with_other_frames(void)
{
    begin(&dialect_cmpp);
    session_connected(session, 1125120000, 0);
    cr_cmpp_t pdu;
    cr_slice_t output = session_output(session);
    CU_ASSERT_EQUAL(cr_cmpp_decode(output, CR_CMPP_30, &pdu, NULL), CR_OK);
    CU_ASSERT_EQUAL(pdu.command, CR_CMPP_CONNECT);
    CU_ASSERT_EQUAL(pdu.timestamp, 1125120000);
    session_sent(session, output.length);
    uint8_t bytes[256];
    cr_pdu_buffer_t out = {bytes, 0, sizeof bytes};
    pdu = (cr_cmpp_t){.command = CR_CMPP_RESPONSE | CR_CMPP_CONNECT, .sequence = 1};
    CU_ASSERT_EQUAL(cr_cmpp_encode(&pdu, CR_CMPP_30, &out, NULL), CR_OK);
    hear_bytes(bytes, out.length, 0);
    CU_ASSERT_EQUAL(session_state(session), SESSION_UP);
    CU_ASSERT_EQUAL(submit(&tokens[0], 0), CR_OK);
    CU_ASSERT_EQUAL(cr_cmpp_decode(session_output(session), CR_CMPP_30, &pdu, NULL), CR_OK);
    CU_ASSERT_EQUAL(pdu.msg_level, 6);
    out.length = 0;
    pdu = (cr_cmpp_t){.command = CR_CMPP_RESPONSE | CR_CMPP_SUBMIT,
                      .sequence = pdu.sequence,
                      .msg_id = UINT64_C(0xbc09eb41e2400001)};
    CU_ASSERT_EQUAL(cr_cmpp_encode(&pdu, CR_CMPP_30, &out, NULL), CR_OK);
    hear_bytes(bytes, out.length, 0);
    CU_ASSERT_STRING_EQUAL(answers[0].id, "bc09eb41e2400001");
    end();
}

CU_TestInfo cr_tests[] = {
    {"answers find their pieces in any order", answers_find_their_pieces_in_any_order},
    {"codes become outcomes", codes_become_outcomes},
    {"what is not answered in time is unknown", what_is_not_answered_in_time_is_unknown},
    {"a lost connection tells what left from what did not",
     a_lost_connection_tells_what_left_from_what_did_not},
    {"news are answered when they are stored", news_are_answered_when_they_are_stored},
    {"receipts that tell nothing are answered and counted",
     receipts_that_tell_nothing_are_answered_and_counted},
    {"ids in two forms are the same", ids_in_two_forms_are_the_same},
    {"silence is tested and then given up", silence_is_tested_and_then_given_up},
    {"a refused log-in ends the session", a_refused_log_in_ends_the_session},
    {"garbage breaks the session and nothing else", garbage_breaks_the_session_and_nothing_else},
    {"frames that come byte by byte are whole in the end",
     frames_that_come_byte_by_byte_are_whole_in_the_end},
    {"a gateway may ask us to leave", a_gateway_may_ask_us_to_leave},
    {"the window survives going round", the_window_survives_going_round},
    {"the oldest piece is told by time after going round",
     the_oldest_piece_is_told_by_time_after_going_round},
    {"a late answer never meets another piece", a_late_answer_never_meets_another_piece},
    {"cmpp is the same with other frames", cmpp_is_the_same_with_other_frames},
    CU_TEST_INFO_NULL,
};

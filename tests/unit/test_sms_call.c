#include "call.h"

#include <string.h>

#include "cr_str.h"
#include "cr_test.h"

const char cr_suite[] = "sms call";

static call_t call;
static contract_t contract;

/* `count` times `piece` as a message on its way. */
static cr_err_t
prepare(const char *piece, size_t count)
{
    cr_str_t text;
    cr_str_init(&text, 1 << 16);
    for (size_t i = 0; i < count; i++)
        cr_str_append_text(&text, piece);
    const message_t message = {
        .address = CR_SLICE("13800001234"),
        .reference = "0000001K.s.1.1",
        .text = cr_str_slice(&text),
    };
    call_fini(&call);
    call = (call_t){0};
    call_init(&call);
    cr_err_t err = call_prepare(&call, &contract, &message, 0xA55A);
    cr_str_fini(&text);
    return err;
}

static call_next_t
answer(call_part_t *part, cr_status_t status, const char *id)
{
    return call_learn(&call, part, &(session_answer_t){.status = status, .id = cr_slice_of(id)});
}

static void
texts_take_the_narrowest_coding(void)
{
    static const struct {
        cr_sms_coding_t narrow;
        const char *text;
        size_t count;
        cr_sms_coding_t coding;
        uint8_t parts;
    } cases[] = {
        {CR_SMS_GSM, "a", 160, CR_SMS_GSM, 1},       {CR_SMS_GSM, "a", 161, CR_SMS_GSM, 2},
        {CR_SMS_GSM, "木", 70, CR_SMS_UCS2, 1},      {CR_SMS_GSM, "木", 71, CR_SMS_UCS2, 2},
        {CR_SMS_LATIN1, "ê", 140, CR_SMS_LATIN1, 1}, {CR_SMS_LATIN1, "木", 1, CR_SMS_UCS2, 1},
        {CR_SMS_UCS2, "a", 71, CR_SMS_UCS2, 2},      {CR_SMS_ASCII, "a", 159, CR_SMS_ASCII, 1},
        {CR_SMS_ASCII, "a", 160, CR_SMS_UCS2, 3},    {CR_SMS_GSM, "", 0, CR_SMS_GSM, 1},
    };
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        contract = (contract_t){.narrow = cases[i].narrow};
        CU_ASSERT_EQUAL(prepare(cases[i].text, cases[i].count), CR_OK);
        CU_ASSERT_EQUAL(call.coding, cases[i].coding);
        CU_ASSERT_EQUAL(call.total, cases[i].parts);
    }
    contract = (contract_t){.narrow = CR_SMS_GSM};
    CU_ASSERT_EQUAL(prepare("木", 67 * 32), CR_OK);
    CU_ASSERT_EQUAL(prepare("木", 67 * 32 + 1), CR_TOOBIG);
    contract.long_way = LONG_PAYLOAD;
    CU_ASSERT_EQUAL(prepare("木", 67 * 32 + 1), CR_OK);
    CU_ASSERT_EQUAL(call.total, 1);
}

static void
an_address_that_is_no_number_is_refused(void)
{
    static const char *const addresses[] = {"", "+", "138x", "13800001234,13800001235",
                                            "123456789012345678901"};
    contract = (contract_t){.narrow = CR_SMS_GSM};
    for (size_t i = 0; i < CR_COUNT(addresses); i++) {
        const message_t message = {.address = cr_slice_of(addresses[i]), .text = CR_SLICE("a")};
        call_fini(&call);
        call = (call_t){0};
        CU_ASSERT_NOT_EQUAL(call_prepare(&call, &contract, &message, 1), CR_OK);
    }
}

static void
parts_follow_when_the_first_is_accepted(void)
{
    piece_t piece;
    size_t octets = 0;
    contract = (contract_t){.narrow = CR_SMS_GSM};
    CU_ASSERT_EQUAL(prepare("木", 150), CR_OK);
    call_part_t *first = call_next_piece(&call, &piece);
    CU_ASSERT_EQUAL(piece.part.number, 1);
    CU_ASSERT_EQUAL(piece.part.total, 3);
    CU_ASSERT_EQUAL(piece.part.reference, 0xA55A);
    octets += piece.octets.length;
    CU_ASSERT_FALSE(call_has_piece(&call));
    CU_ASSERT_EQUAL(answer(first, CR_STATUS_ACCEPTED, "5A"), CALL_MORE);
    call_part_t *second = call_next_piece(&call, &piece);
    octets += piece.octets.length;
    call_part_t *third = call_next_piece(&call, &piece);
    octets += piece.octets.length;
    CU_ASSERT_EQUAL(piece.part.number, 3);
    CU_ASSERT_EQUAL(octets, 300);
    CU_ASSERT_EQUAL(answer(third, CR_STATUS_ACCEPTED, "5C"), CALL_WAITS);
    CU_ASSERT_EQUAL(answer(second, CR_STATUS_ACCEPTED, "5B"), CALL_DONE);
    outcome_t outcome = call_outcome(&call);
    CU_ASSERT_EQUAL(outcome.status, CR_STATUS_ACCEPTED);
    CU_ASSERT(cr_slice_equal(outcome.gateway_id, CR_SLICE("5A")));
}

static void
a_throttled_part_is_tried_again_by_itself(void)
{
    piece_t piece;
    contract = (contract_t){.narrow = CR_SMS_GSM};
    CU_ASSERT_EQUAL(prepare("木", 100), CR_OK);
    answer(call_next_piece(&call, &piece), CR_STATUS_ACCEPTED, "1");
    CU_ASSERT_EQUAL(answer(call_next_piece(&call, &piece), CR_STATUS_RETRY_1, ""), CALL_AGAIN);
    call_part_t *again = call_next_piece(&call, &piece);
    CU_ASSERT_EQUAL(piece.part.number, 2);
    CU_ASSERT_EQUAL(answer(again, CR_STATUS_ACCEPTED, "2"), CALL_DONE);
    CU_ASSERT_EQUAL(call_outcome(&call).status, CR_STATUS_ACCEPTED);
    /* The first: nothing was sent, all of it may be tried again. */
    CU_ASSERT_EQUAL(prepare("木", 100), CR_OK);
    CU_ASSERT_EQUAL(answer(call_next_piece(&call, &piece), CR_STATUS_RETRY_1, ""), CALL_DONE);
    CU_ASSERT_EQUAL(call_outcome(&call).status, CR_STATUS_RETRY_1);
    CU_ASSERT_FALSE(call_outcome(&call).away);
}

static void
what_was_sent_in_part_is_never_a_retry(void)
{
    static const struct {
        cr_status_t second, third, outcome;
    } cases[] = {
        {CR_STATUS_UNKNOWN, CR_STATUS_ACCEPTED, CR_STATUS_UNKNOWN},
        {CR_STATUS_UNKNOWN, CR_STATUS_FAILED_CONTENT, CR_STATUS_FAILED_CONTENT},
        {CR_STATUS_FAILED_CONTENT, CR_STATUS_UNKNOWN, CR_STATUS_FAILED_CONTENT},
        {CR_STATUS_UNKNOWN, CR_STATUS_RETRY_1, CR_STATUS_UNKNOWN},
    };
    piece_t piece;
    contract = (contract_t){.narrow = CR_SMS_GSM};
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        CU_ASSERT_EQUAL(prepare("木", 150), CR_OK);
        answer(call_next_piece(&call, &piece), CR_STATUS_ACCEPTED, "1");
        call_part_t *second = call_next_piece(&call, &piece);
        call_part_t *third = call_next_piece(&call, &piece);
        CU_ASSERT_EQUAL(answer(second, cases[i].second, ""), CALL_WAITS);
        CU_ASSERT_EQUAL(answer(third, cases[i].third, ""), CALL_DONE);
        CU_ASSERT_EQUAL(call_outcome(&call).status, cases[i].outcome);
    }
    CU_ASSERT_EQUAL(prepare("木", 150), CR_OK);
    answer(call_next_piece(&call, &piece), CR_STATUS_ACCEPTED, "1");
    CU_ASSERT_EQUAL(call_give_up(&call), CALL_DONE);
    CU_ASSERT_EQUAL(call_outcome(&call).status, CR_STATUS_UNKNOWN);
    CU_ASSERT_EQUAL(prepare("木", 150), CR_OK);
    CU_ASSERT_EQUAL(call_give_up(&call), CALL_DONE);
    CU_ASSERT_EQUAL(call_outcome(&call).status, CR_STATUS_RETRY_1);
    CU_ASSERT(call_outcome(&call).away);
    call_fini(&call);
}

CU_TestInfo cr_tests[] = {
    {"texts take the narrowest coding", texts_take_the_narrowest_coding},
    {"an address that is no number is refused", an_address_that_is_no_number_is_refused},
    {"parts follow when the first is accepted", parts_follow_when_the_first_is_accepted},
    {"a throttled part is tried again by itself", a_throttled_part_is_tried_again_by_itself},
    {"what was sent in part is never a retry", what_was_sent_in_part_is_never_a_retry},
    CU_TEST_INFO_NULL,
};

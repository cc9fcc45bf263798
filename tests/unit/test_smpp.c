#include "cr_smpp.h"

#include <stdlib.h>

#include "cr_smpp_receipt.h"
#include "cr_test.h"
#include "frames.h"

const char cr_suite[] = "smpp";

/* "【平阴科普】木铎🌾" in UCS-2. */
#define TEXT "\x30\x10\x5e\x73\x96\x34\x79\xd1\x66\x6e\x30\x11\x67\x28\x94\xce\xd8\x3c\xdf\x3e"

static const char *const golden[] = {
    "smpp_bind_transceiver", "smpp_bind_transceiver_resp", "smpp_submit_sm",
    "smpp_submit_sm_sar",    "smpp_submit_sm_payload",     "smpp_submit_sm_resp",
    "smpp_deliver_sm_reply", "smpp_deliver_sm_resp",       "smpp_enquire_link",
    "smpp_generic_nack",
};

static cr_smpp_t
decoded(cr_slice_t frame)
{
    cr_smpp_t pdu;
    cr_fault_t fault;
    CU_ASSERT_EQUAL(cr_smpp_decode(frame, &pdu, &fault), CR_OK);
    return pdu;
}

static bool
is(cr_slice_t slice, const char *text)
{
    return cr_slice_equal(slice, cr_slice_of(text));
}

static void
golden_frames_come_back_byte_for_byte(void)
{
    for (size_t i = 0; i < CR_COUNT(golden); i++) {
        cr_slice_t frame = frame_read(golden[i]);
        cr_smpp_t pdu = decoded(frame);
        uint8_t bytes[FRAME_BYTES_MAX];
        cr_pdu_buffer_t out = {bytes, 0, sizeof bytes};
        CU_ASSERT_EQUAL(cr_smpp_encode(&pdu, &out, NULL), CR_OK);
        CU_ASSERT_EQUAL(out.length, frame.length);
        CU_ASSERT_EQUAL(memcmp(bytes, frame.text, frame.length), 0);
    }
}

static void
a_submit_says_what_was_meant(void)
{
    cr_smpp_t pdu = decoded(frame_read("smpp_submit_sm"));
    CU_ASSERT_EQUAL(pdu.command, CR_SMPP_SUBMIT_SM);
    CU_ASSERT_EQUAL(pdu.sequence, 2);
    CU_ASSERT(is(pdu.source_addr, "10690001"));
    CU_ASSERT(is(pdu.destination_addr, "13800001234"));
    CU_ASSERT_EQUAL(pdu.esm_class, CR_SMPP_ESM_UDHI);
    CU_ASSERT_EQUAL(pdu.priority_flag, 3);
    CU_ASSERT(is(pdu.validity_period, "000000010000000R"));
    CU_ASSERT_EQUAL(pdu.registered_delivery, 1);
    CU_ASSERT_EQUAL(pdu.data_coding, CR_SMPP_CODING_UCS2);
    CU_ASSERT(cr_slice_equal(pdu.short_message, CR_SLICE("\x05\x00\x03\xa5\x02\x01" TEXT)));
    CU_ASSERT_FALSE(pdu.sar_msg_ref_num.given);
}

static void
optional_parameters_are_found_by_their_tags(void)
{
    cr_smpp_t pdu = decoded(frame_read("smpp_submit_sm_sar"));
    CU_ASSERT(pdu.sar_msg_ref_num.given);
    CU_ASSERT_EQUAL(pdu.sar_msg_ref_num.value, 0xA55A);
    CU_ASSERT_EQUAL(pdu.sar_total_segments.value, 2);
    CU_ASSERT_EQUAL(pdu.sar_segment_seqnum.value, 1);
    pdu = decoded(frame_read("smpp_submit_sm_payload"));
    CU_ASSERT_EQUAL(pdu.message_payload.length, 10 * (sizeof TEXT - 1));
    /* With a parameter that is not ours beside them. */
    pdu = decoded(frame_read("smpp_deliver_sm_receipt"));
    CU_ASSERT(is(pdu.receipted_message_id, "5A3F"));
    CU_ASSERT_EQUAL(pdu.message_state.value, CR_SMPP_STATE_DELIVERED);
}

static void
an_error_may_come_without_a_body(void)
{
    cr_smpp_t pdu = decoded(frame_read("smpp_submit_sm_resp_throttled"));
    CU_ASSERT_EQUAL(pdu.status, CR_SMPP_THROTTLED);
    CU_ASSERT_STRING_EQUAL(cr_smpp_status_name(pdu.status), "ESME_RTHROTTLED");
    CU_ASSERT_STRING_EQUAL(cr_smpp_command_name(pdu.command), "submit_sm_resp");
}

/* The first `length` bytes of a frame, with a length to fit. */
static cr_err_t
decode_cut(cr_slice_t frame, size_t length, cr_fault_t *fault)
{
    static char *bytes; /* of exactly this size, so that a sanitizer sees what reads on */
    cr_smpp_t pdu;
    bytes = malloc(length);
    memcpy(bytes, frame.text, length);
    cr_err_t err = cr_smpp_decode((cr_slice_t){bytes, length}, &pdu, fault);
    free(bytes);
    return err;
}

static void
a_frame_cut_anywhere_is_refused_and_the_field_named(void)
{
    cr_slice_t frame = frame_read("smpp_submit_sm");
    cr_fault_t fault;
    for (size_t length = 1; length < frame.length; length++)
        CU_ASSERT_EQUAL(decode_cut(frame, length, &fault), CR_INVAL);
    CU_ASSERT_STRING_EQUAL(fault.text, "short_message goes beyond the end");
    CU_ASSERT_EQUAL(decode_cut(frame, 20, &fault), CR_INVAL);
    CU_ASSERT_STRING_EQUAL(fault.text, "source_addr goes beyond the end");
    frame = frame_read("smpp_submit_sm_sar");
    CU_ASSERT_EQUAL(decode_cut(frame, frame.length - 1, &fault), CR_INVAL);
    CU_ASSERT_STRING_EQUAL(fault.text, "tag 0x020f goes beyond the end");
}

static void
texts_that_do_not_fit_are_not_sent(void)
{
    uint8_t bytes[256];
    cr_pdu_buffer_t out = {bytes, 0, sizeof bytes};
    cr_fault_t fault;
    cr_smpp_t pdu = {.command = CR_SMPP_BIND_TRANSCEIVER, .password = CR_SLICE("nine chars")};
    CU_ASSERT_EQUAL(cr_smpp_encode(&pdu, &out, &fault), CR_INVAL);
    CU_ASSERT_STRING_EQUAL(fault.text, "password is too long");
    pdu = (cr_smpp_t){.command = CR_SMPP_SUBMIT_SM, .destination_addr = CR_SLICE("1\0002")};
    CU_ASSERT_EQUAL(cr_smpp_encode(&pdu, &out, &fault), CR_INVAL);
    CU_ASSERT_STRING_EQUAL(fault.text, "destination_addr holds a NUL");
    out.capacity = 30;
    pdu.destination_addr = CR_SLICE("13800001234");
    CU_ASSERT_EQUAL(cr_smpp_encode(&pdu, &out, &fault), CR_TOOBIG);
    CU_ASSERT_EQUAL(out.length, 0);
}

static void
frames_are_told_by_their_length(void)
{
    size_t length;
    cr_slice_t frame = frame_read("smpp_enquire_link");
    CU_ASSERT_EQUAL(cr_pdu_frame((cr_slice_t){frame.text, 3}, 16, 100, &length), CR_AGAIN);
    CU_ASSERT_EQUAL(cr_pdu_frame((cr_slice_t){frame.text, 9}, 16, 100, &length), CR_AGAIN);
    CU_ASSERT_EQUAL(length, 16);
    CU_ASSERT_EQUAL(cr_pdu_frame(frame, 16, 100, &length), CR_OK);
    CU_ASSERT_EQUAL(cr_pdu_frame(frame, 17, 100, &length), CR_INVAL);
    CU_ASSERT_EQUAL(cr_pdu_frame(CR_SLICE("\xff\xff\xff\xff"), 16, 100, &length), CR_INVAL);
    cr_smpp_t pdu;
    CU_ASSERT_EQUAL(cr_smpp_decode(CR_SLICE("\0\0\0\x10\0\0\7\7\0\0\0\0\0\0\0\x05"), &pdu, NULL),
                    CR_NOTFOUND);
    CU_ASSERT_EQUAL(pdu.sequence, 5);
}

static void
receipts_are_read_in_any_case_and_order(void)
{
    static const struct {
        const char *text, *id, *stat, *err;
        cr_err_t result;
    } cases[] = {
        {"id:5A3F sub:001 dlvrd:001 submit date:2611251200 done date:2611251201 stat:DELIVRD "
         "err:000 "
         "text:id:9 stat:REJECTD",
         "5A3F", "DELIVRD", "000", CR_OK},
        {"ID:17 Stat:UNDELIV Err:069 Text:", "17", "UNDELIV", "069", CR_OK},
        {"stat:EXPIRED  id:1", "1", "EXPIRED", "", CR_OK},
        {"id: stat:DELIVRD", "", "DELIVRD", "", CR_INVAL},
        {"hello", "", "", "", CR_INVAL},
        {"", "", "", "", CR_INVAL},
        {"submit date:", "", "", "", CR_INVAL},
    };
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        cr_smpp_receipt_t receipt;
        CU_ASSERT_EQUAL(cr_smpp_receipt_read(cr_slice_of(cases[i].text), &receipt),
                        cases[i].result);
        CU_ASSERT(is(receipt.id, cases[i].id));
        CU_ASSERT(is(receipt.stat, cases[i].stat));
        CU_ASSERT(is(receipt.err, cases[i].err));
    }
    CU_ASSERT_EQUAL(cr_smpp_state_of(CR_SLICE("delivrd")), CR_SMPP_STATE_DELIVERED);
    CU_ASSERT_EQUAL(cr_smpp_state_of(CR_SLICE("FOO")), 0);
}

static void
a_receipt_is_written_as_it_is_read(void)
{
    cr_slice_t text = decoded(frame_read("smpp_deliver_sm_receipt")).short_message;
    cr_smpp_receipt_t receipt;
    CU_ASSERT_EQUAL(cr_smpp_receipt_read(text, &receipt), CR_OK);
    CU_ASSERT(is(receipt.done_date, "2611251201"));
    cr_str_t out;
    cr_str_init(&out, 1024);
    cr_smpp_receipt_write(&receipt, &out);
    CU_ASSERT(cr_slice_equal(cr_str_slice(&out), text));
    cr_str_fini(&out);
}

CU_TestInfo cr_tests[] = {
    {"golden frames come back byte for byte", golden_frames_come_back_byte_for_byte},
    {"a submit says what was meant", a_submit_says_what_was_meant},
    {"optional parameters are found by their tags", optional_parameters_are_found_by_their_tags},
    {"an error may come without a body", an_error_may_come_without_a_body},
    {"a frame cut anywhere is refused and the field named",
     a_frame_cut_anywhere_is_refused_and_the_field_named},
    {"texts that do not fit are not sent", texts_that_do_not_fit_are_not_sent},
    {"frames are told by their length", frames_are_told_by_their_length},
    {"receipts are read in any case and order", receipts_are_read_in_any_case_and_order},
    {"a receipt is written as it is read", a_receipt_is_written_as_it_is_read},
    CU_TEST_INFO_NULL,
};

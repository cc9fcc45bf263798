#include "cr_cmpp.h"

#include <stdlib.h>

#include "cr_test.h"
#include "frames.h"

const char cr_suite[] = "cmpp";

static const struct {
    const char *name;
    cr_cmpp_version_t version;
} golden[] = {
    {"cmpp_connect", CR_CMPP_20},           {"cmpp_connect_resp_20", CR_CMPP_20},
    {"cmpp_connect_resp_30", CR_CMPP_30},   {"cmpp_submit_20", CR_CMPP_20},
    {"cmpp_submit_30", CR_CMPP_30},         {"cmpp_submit_resp_20", CR_CMPP_20},
    {"cmpp_submit_resp_30", CR_CMPP_30},    {"cmpp_deliver_report_20", CR_CMPP_20},
    {"cmpp_deliver_report_30", CR_CMPP_30}, {"cmpp_deliver_reply_30", CR_CMPP_30},
    {"cmpp_deliver_resp_30", CR_CMPP_30},   {"cmpp_active_test", CR_CMPP_20},
    {"cmpp_active_test_resp", CR_CMPP_30},  {"cmpp_terminate", CR_CMPP_30},
};

static cr_cmpp_t
decoded(cr_slice_t frame, cr_cmpp_version_t version)
{
    cr_cmpp_t pdu;
    CU_ASSERT_EQUAL(cr_cmpp_decode(frame, version, &pdu, NULL), CR_OK);
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
        cr_slice_t frame = frame_read(golden[i].name);
        cr_cmpp_t pdu = decoded(frame, golden[i].version);
        uint8_t bytes[FRAME_BYTES_MAX];
        cr_pdu_buffer_t out = {bytes, 0, sizeof bytes};
        CU_ASSERT_EQUAL(cr_cmpp_encode(&pdu, golden[i].version, &out, NULL), CR_OK);
        CU_ASSERT_EQUAL(out.length, frame.length);
        CU_ASSERT_EQUAL(memcmp(bytes, frame.text, frame.length), 0);
    }
}

static void
a_submit_says_the_same_in_both_versions(void)
{
    static const struct {
        const char *name;
        cr_cmpp_version_t version;
        size_t text;
    } cases[] = {{"cmpp_submit_20", CR_CMPP_20, 26}, {"cmpp_submit_30", CR_CMPP_30, 27}};
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        cr_cmpp_t pdu = decoded(frame_read(cases[i].name), cases[i].version);
        size_t size = cr_cmpp_number_size(cases[i].version);
        CU_ASSERT_EQUAL(cr_pdu_group_count(pdu.dest_terminal_id, size), 1);
        CU_ASSERT(is(cr_pdu_group_item(pdu.dest_terminal_id, size, 0), "13800001234"));
        CU_ASSERT(is(pdu.src_id, "10690001"));
        CU_ASSERT(is(pdu.msg_src, "900001"));
        CU_ASSERT(is(pdu.valid_time, "261125120000032+"));
        CU_ASSERT_EQUAL(pdu.pk_total, 2);
        CU_ASSERT_EQUAL(pdu.pk_number, 1);
        CU_ASSERT_EQUAL(pdu.tp_udhi, 1);
        CU_ASSERT_EQUAL(pdu.msg_fmt, CR_CMPP_FORMAT_UCS2);
        CU_ASSERT_EQUAL(pdu.msg_content.length, cases[i].text);
    }
}

static void
a_report_is_read_in_either_width(void)
{
    static const cr_cmpp_version_t versions[] = {CR_CMPP_20, CR_CMPP_30};
    static const char *const names[] = {"cmpp_deliver_report_20", "cmpp_deliver_report_30"};
    for (size_t i = 0; i < CR_COUNT(names); i++) {
        cr_cmpp_t pdu = decoded(frame_read(names[i]), versions[i]);
        cr_cmpp_report_t report;
        CU_ASSERT_EQUAL(pdu.registered_delivery, 1);
        CU_ASSERT_EQUAL(cr_cmpp_report_decode(pdu.msg_content, &report, NULL), CR_OK);
        CU_ASSERT_EQUAL(report.msg_id, UINT64_C(0xbc09eb41e2400001));
        CU_ASSERT(is(report.stat, "DELIVRD"));
        CU_ASSERT(is(report.dest_terminal_id, "13800001234"));
        CU_ASSERT_EQUAL(report.smsc_sequence, 7);
        uint8_t bytes[CR_CMPP_REPORT_MAX];
        cr_pdu_buffer_t out = {bytes, 0, sizeof bytes};
        CU_ASSERT_EQUAL(cr_cmpp_report_encode(&report, versions[i], &out, NULL), CR_OK);
        CU_ASSERT(cr_slice_equal((cr_slice_t){(char *)bytes, out.length}, pdu.msg_content));
    }
    cr_cmpp_report_t report;
    CU_ASSERT_EQUAL(cr_cmpp_report_decode(CR_SLICE("DELIVRD"), &report, NULL), CR_INVAL);
}

static void
both_sides_prove_themselves(void)
{
    cr_cmpp_t pdu = decoded(frame_read("cmpp_connect"), CR_CMPP_20);
    uint8_t proof[CR_CMPP_AUTHENTICATOR], answer[CR_CMPP_AUTHENTICATOR];
    cr_cmpp_authenticate(pdu.source_addr, CR_SLICE("888888"), pdu.timestamp, proof);
    CU_ASSERT_EQUAL(memcmp(proof, pdu.authenticator.text, sizeof proof), 0);
    CU_ASSERT_EQUAL(pdu.timestamp, 1021080510);
    pdu = decoded(frame_read("cmpp_connect_resp_20"), CR_CMPP_20);
    cr_cmpp_authenticate_gateway(0, CR_CMPP_20, proof, CR_SLICE("888888"), answer);
    CU_ASSERT_EQUAL(memcmp(answer, pdu.authenticator.text, sizeof answer), 0);
    /* Version 3.0 asked for, answered in the width of 2.0. */
    CU_ASSERT_EQUAL(decoded(frame_read("cmpp_connect_resp_20"), CR_CMPP_30).version, CR_CMPP_20);
    pdu = decoded(frame_read("cmpp_connect_resp_30"), CR_CMPP_30);
    cr_cmpp_authenticate_gateway(0, CR_CMPP_30, proof, CR_SLICE("888888"), answer);
    CU_ASSERT_EQUAL(memcmp(answer, pdu.authenticator.text, sizeof answer), 0);
}

static void
a_frame_cut_or_grown_is_refused(void)
{
    cr_slice_t frame = frame_read("cmpp_submit_30");
    cr_cmpp_t pdu;
    cr_fault_t fault;
    for (size_t length = 0; length <= frame.length + 1; length++) {
        char *bytes = calloc(1, length + 1);
        memcpy(bytes, frame.text, length < frame.length ? length : frame.length);
        cr_err_t err = cr_cmpp_decode((cr_slice_t){bytes, length}, CR_CMPP_30, &pdu, &fault);
        CU_ASSERT_EQUAL(err, length == frame.length ? CR_OK : CR_INVAL);
        free(bytes);
    }
    CU_ASSERT_STRING_EQUAL(fault.text, "SUBMIT is too long");
    CU_ASSERT_EQUAL(
        cr_cmpp_decode(CR_SLICE("\0\0\0\x0c\0\0\7\7\0\0\0\5"), CR_CMPP_30, &pdu, &fault),
        CR_NOTFOUND);
    CU_ASSERT_EQUAL(pdu.sequence, 5);
    CU_ASSERT_STRING_EQUAL(cr_cmpp_result_name(8), "flow_control");
    CU_ASSERT_STRING_EQUAL(cr_cmpp_result_name(99), "?");
}

CU_TestInfo cr_tests[] = {
    {"golden frames come back byte for byte", golden_frames_come_back_byte_for_byte},
    {"a submit says the same in both versions", a_submit_says_the_same_in_both_versions},
    {"a report is read in either width", a_report_is_read_in_either_width},
    {"both sides prove themselves", both_sides_prove_themselves},
    {"a frame cut or grown is refused", a_frame_cut_or_grown_is_refused},
    CU_TEST_INFO_NULL,
};

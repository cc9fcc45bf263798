/* A CMPP frame in each version: what is read can be written, and is then the same; reports in it. */
#include <stdlib.h>

#include "cr_cmpp.h"
#include "fuzz.h"

static void
check(cr_slice_t frame, cr_cmpp_version_t version)
{
    static uint8_t bytes[CR_CMPP_FRAME_MAX];
    cr_cmpp_t pdu, again;
    cr_fault_t fault;
    cr_pdu_buffer_t out = {bytes, 0, sizeof bytes};
    if (cr_cmpp_decode(frame, version, &pdu, &fault) != CR_OK)
        return;
    cr_cmpp_report_t report;
    if (cr_cmpp_report_decode(pdu.msg_content, &report, &fault) == CR_OK &&
        report.stat.length > pdu.msg_content.length)
        abort();
    size_t size = cr_cmpp_number_size(version);
    for (size_t i = 0; i < cr_pdu_group_count(pdu.dest_terminal_id, size); i++)
        (void)cr_pdu_group_item(pdu.dest_terminal_id, size, i);
    if (cr_cmpp_encode(&pdu, version, &out, &fault) != CR_OK)
        return;
    if (cr_cmpp_decode((cr_slice_t){(const char *)bytes, out.length}, version, &again, &fault) !=
            CR_OK ||
        again.msg_id != pdu.msg_id || !cr_slice_equal(again.msg_content, pdu.msg_content))
        abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    cr_slice_t frame = {(const char *)bytes, length};
    check(frame, CR_CMPP_20);
    check(frame, CR_CMPP_30);
    return 0;
}

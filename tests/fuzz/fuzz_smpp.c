/* An SMPP frame: what is read can be written, and is then read as the same; texts of receipts. */
#include <stdlib.h>

#include "cr_smpp.h"
#include "cr_smpp_receipt.h"
#include "fuzz.h"

static uint8_t first[CR_SMPP_FRAME_MAX + 64], second[CR_SMPP_FRAME_MAX + 64];

static bool
write_frame(const cr_smpp_t *pdu, uint8_t *bytes, cr_slice_t *frame)
{
    cr_pdu_buffer_t out = {bytes, 0, sizeof first};
    if (cr_smpp_encode(pdu, &out, NULL) != CR_OK)
        return false;
    *frame = (cr_slice_t){(const char *)bytes, out.length};
    return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    cr_smpp_t pdu, again;
    cr_fault_t fault;
    cr_smpp_receipt_t receipt;
    cr_slice_t frame = {(const char *)bytes, length}, one, two;
    if (cr_smpp_receipt_read(frame, &receipt) == CR_OK &&
        receipt.id.length + receipt.stat.length > length)
        abort();
    if (cr_smpp_decode(frame, &pdu, &fault) != CR_OK || !write_frame(&pdu, first, &one))
        return 0;
    bool same = cr_smpp_decode(one, &again, &fault) == CR_OK && write_frame(&again, second, &two) &&
                cr_slice_equal(one, two);
    if (!same)
        abort();
    return 0;
}

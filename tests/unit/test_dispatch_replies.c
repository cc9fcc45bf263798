#include "dispatch/replies.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cr_test.h"
#include "cr_wire.h"

const char cr_suite[] = "dispatch_replies";

/* A message whose columns can be bent. */
typedef struct {
    Crier__V1__Replies message;
    Crier__V1__Pool addresses, texts;
    uint32_t address_lengths[300], text_lengths[300];
    uint8_t bytes[4096], kinds[300];
} frame_t;

static frame_t *
frame_of(size_t count, uint32_t address_bytes, uint32_t text_bytes)
{
    frame_t *self = calloc(1, sizeof *self);
    CU_ASSERT_PTR_NOT_NULL_FATAL(self);
    crier__v1__replies__init(&self->message);
    crier__v1__pool__init(&self->addresses);
    crier__v1__pool__init(&self->texts);
    memset(self->bytes, 'x', sizeof self->bytes);
    for (size_t i = 0; i < count; i++) {
        self->address_lengths[i] = address_bytes;
        self->text_lengths[i] = text_bytes;
    }
    self->addresses.lengths = self->address_lengths;
    self->texts.lengths = self->text_lengths;
    self->addresses.n_lengths = self->texts.n_lengths = count;
    self->addresses.bytes = (ProtobufCBinaryData){count * address_bytes, self->bytes};
    self->texts.bytes = (ProtobufCBinaryData){count * text_bytes, self->bytes};
    self->message.addresses = &self->addresses;
    self->message.texts = &self->texts;
    self->message.kinds = (ProtobufCBinaryData){count, self->kinds};
    return self;
}

static bool
is_refused(frame_t *frame)
{
    replies_t *read = NULL;
    cr_err_t err = replies_read(&frame->message, &read);
    replies_destroy(&read);
    free(frame);
    return err == CR_INVAL;
}

static void
the_golden_frame_is_read(void)
{
    uint8_t bytes[256];
    FILE *file = fopen(CR_TEST_DATA "/wire/replies.bin", "rb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    size_t length = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    Crier__V1__Frame *frame;
    replies_t *read;
    CU_ASSERT_EQUAL_FATAL(cr_wire_unpack(bytes, length, &frame), CR_OK);
    CU_ASSERT_EQUAL_FATAL(replies_read(frame->replies, &read), CR_OK);
    cr_wire_free(&frame); /* nothing of it is needed any more */
    CU_ASSERT_EQUAL(read->batch, 1778547600000002);
    CU_ASSERT_EQUAL_FATAL(read->count, 2);
    CU_ASSERT_EQUAL(read->items[0].kind, CRIER__V1__REPLIES__KIND__TEXT);
    CU_ASSERT_TRUE(cr_slice_equal(read->items[0].address, CR_SLICE("13800000001")));
    CU_ASSERT_TRUE(cr_slice_equal(read->items[0].text, CR_SLICE("退订")));
    CU_ASSERT_EQUAL(read->items[1].kind, CRIER__V1__REPLIES__KIND__LEFT);
    CU_ASSERT_TRUE(cr_slice_equal(read->items[1].address, CR_SLICE("oABCDEFG")));
    CU_ASSERT_EQUAL(read->items[1].text.length, 0);
    replies_destroy(&read);
}

static void
values_at_their_limits_are_taken(void)
{
    CU_ASSERT_FALSE(is_refused(frame_of(1, REPLIES_ADDRESS_MAX, REPLIES_TEXT_MAX)));
    CU_ASSERT_FALSE(is_refused(frame_of(REPLIES_MAX, 1, 0)));
}

static void
values_over_their_limits_are_refused(void)
{
    CU_ASSERT_TRUE(is_refused(frame_of(0, 1, 1)));
    CU_ASSERT_TRUE(is_refused(frame_of(REPLIES_MAX + 1, 1, 0)));
    CU_ASSERT_TRUE(is_refused(frame_of(1, 0, 1)));
    CU_ASSERT_TRUE(is_refused(frame_of(1, REPLIES_ADDRESS_MAX + 1, 0)));
    CU_ASSERT_TRUE(is_refused(frame_of(1, 1, REPLIES_TEXT_MAX + 1)));
    frame_t *frame = frame_of(2, 1, 1);
    frame->kinds[1] = CRIER__V1__REPLIES__KIND__CAME + 1;
    CU_ASSERT_TRUE(is_refused(frame));
}

static void
columns_that_differ_are_refused(void)
{
    frame_t *frame = frame_of(2, 1, 1);
    frame->addresses.n_lengths = 1;
    CU_ASSERT_TRUE(is_refused(frame));
    frame = frame_of(2, 1, 1);
    frame->texts.bytes.len = 3;
    CU_ASSERT_TRUE(is_refused(frame));
    frame = frame_of(2, 1, 1);
    frame->message.texts = NULL;
    CU_ASSERT_TRUE(is_refused(frame));
    frame = frame_of(2, 1, 1);
    frame->message.addresses = NULL;
    CU_ASSERT_TRUE(is_refused(frame));
}

CU_TestInfo cr_tests[] = {
    {"the_golden_frame_is_read", the_golden_frame_is_read},
    {"values_at_their_limits_are_taken", values_at_their_limits_are_taken},
    {"values_over_their_limits_are_refused", values_over_their_limits_are_refused},
    {"columns_that_differ_are_refused", columns_that_differ_are_refused},
    CU_TEST_INFO_NULL,
};

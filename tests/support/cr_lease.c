#include "cr_lease.h"

#include <stdio.h>

static char *
text_or_empty(const char *text)
{
    return (char *)(uintptr_t)(text ? text : "");
}

static void
fill_pool(cr_wire_pool_t *pool, const char *word, size_t count)
{
    cr_wire_pool_init(pool);
    for (size_t i = 0; i < count; i++) {
        char value[32];
        snprintf(value, sizeof value, "%s-%zu", word, i);
        cr_wire_pool_add(pool, cr_slice_of(value));
    }
}

/* Through the wire and back, so that the frame owns what is in it. */
static Crier__V1__Frame *
through_the_wire(Crier__V1__Lease *lease)
{
    Crier__V1__Frame frame = CRIER__V1__FRAME__INIT, *read = NULL;
    frame.body_case = CRIER__V1__FRAME__BODY_LEASE;
    frame.lease = lease;
    zmq_msg_t packed;
    cr_err_t err = cr_wire_pack(&frame, &packed);
    CR_ASSERT(err == CR_OK);
    err = cr_wire_unpack(zmq_msg_data(&packed), zmq_msg_size(&packed), &read);
    CR_ASSERT(err == CR_OK);
    zmq_msg_close(&packed);
    return read;
}

Crier__V1__Frame *
lease_frame(const lease_spec_t *spec)
{
    uint8_t offsets[CR_WIRE_BLOCK], attempts[CR_WIRE_BLOCK];
    for (size_t i = 0; i < spec->count; i++) {
        offsets[i] = (uint8_t)i;
        attempts[i] = 1;
    }
    Crier__V1__Field field = CRIER__V1__FIELD__INIT, *fields[] = {&field};
    field.name = text_or_empty(spec->field_name);
    field.value = text_or_empty(spec->field_value);
    Crier__V1__Wording wording = CRIER__V1__WORDING__INIT, *wordings[] = {&wording};
    wording.text = text_or_empty(spec->text);
    wording.subject = text_or_empty(spec->subject);
    wording.html = text_or_empty(spec->html);
    wording.url = text_or_empty(spec->url);
    wording.template_id = text_or_empty(spec->template_id);
    wording.n_fields = spec->field_name != NULL;
    wording.fields = fields;

    cr_wire_pool_t addresses, names;
    fill_pool(&addresses, "address", spec->count);
    fill_pool(&names, "name", spec->count);
    Crier__V1__Column column = CRIER__V1__COLUMN__INIT, *columns[] = {&column};
    column.name = text_or_empty("name");
    column.values = cr_wire_pool_message(&names);

    Crier__V1__Lease lease = CRIER__V1__LEASE__INIT;
    lease.lease = spec->lease;
    lease.broadcast = spec->broadcast ? spec->broadcast : 1;
    lease.channel = (uint32_t)spec->channel;
    lease.lane = (uint32_t)spec->lane;
    lease.drill = spec->drill;
    lease.first_rank = (uint32_t)spec->first_rank;
    lease.free_running = spec->free_running;
    lease.expires_us = spec->expires_us ? spec->expires_us : INT64_MAX;
    lease.sender = text_or_empty(spec->sender);
    lease.offsets = (ProtobufCBinaryData){spec->count, offsets};
    lease.attempts = (ProtobufCBinaryData){spec->count, attempts};
    lease.n_wordings = 1;
    lease.wordings = wordings;
    lease.addresses = cr_wire_pool_message(&addresses);
    lease.n_columns = 1;
    lease.columns = columns;
    Crier__V1__Frame *frame = through_the_wire(&lease);
    cr_wire_pool_fini(&addresses);
    cr_wire_pool_fini(&names);
    return frame;
}

batch_t *
lease_batch(const lease_spec_t *spec)
{
    Crier__V1__Frame *frame = lease_frame(spec);
    batch_t *batch = NULL;
    cr_err_t err = batch_new(&frame, spec->channel, &batch);
    CR_ASSERT(err == CR_OK);
    return batch;
}

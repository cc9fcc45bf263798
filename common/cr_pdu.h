/*
 * cr_pdu - binary messages of SMS gateways, described by tables of fields
 *
 * SMPP and CMPP differ in which fields a message has and how wide they are, and in nothing else that
 * an encoder or a decoder does. A layout lists the fields in the order of the wire and where each
 * lies in a C struct; one pair of functions does the rest, for both sides of the conversation.
 *
 * Ownership  decoded slices borrow from the frame; encoding copies.
 * Limits     no field is read or written beyond its frame or buffer; errors name the field.
 * Threads    none; pure.
 */
#ifndef CR_PDU_H
#define CR_PDU_H

#include "cr_base.h"

/* What a field is on the wire, and the type of its member. Numbers are big-endian. */
typedef enum {
    CR_PDU_U8,      /* uint32_t */
    CR_PDU_U16,     /* uint32_t */
    CR_PDU_U32,     /* uint32_t */
    CR_PDU_U64,     /* uint64_t */
    CR_PDU_CSTRING, /* cr_slice_t: up to `size` octets with the closing NUL */
    CR_PDU_TEXT,    /* cr_slice_t: `size` octets; short text is padded with NUL */
    CR_PDU_OCTETS,  /* cr_slice_t: exactly `size` octets; an empty slice is written as zeros */
    CR_PDU_COUNTED, /* cr_slice_t: an octet that tells how many follow, up to `size` */
    CR_PDU_GROUP,   /* cr_slice_t: an octet that tells how many texts of `size` octets follow */
    CR_PDU_KINDS
} cr_pdu_kind_t;

/* With a tag a field is optional (SMPP's TLV): a number's member is then a cr_pdu_option_t, and a
 * slice of which `text` is NULL is absent; OCTETS then means up to `size`. */
typedef struct {
    const char *name;
    cr_pdu_kind_t kind;
    uint16_t size, offset, tag;
} cr_pdu_field_t;

typedef struct {
    bool given;
    uint32_t value;
} cr_pdu_option_t;

/* Optional fields come after all others. */
typedef struct {
    uint32_t command;
    const char *name;
    const cr_pdu_field_t *fields;
    size_t count;
} cr_pdu_layout_t;

/* Where encoding appends. */
typedef struct {
    uint8_t *bytes;
    size_t length, capacity;
} cr_pdu_buffer_t;

/* Reads a body into `message`, of which only the layout's members are written. Unknown tags are
 * passed over; what follows the last field of a layout without tags is an error. CR_INVAL. */
cr_err_t cr_pdu_decode(const cr_pdu_layout_t *layout, cr_slice_t body, void *message,
                       cr_fault_t *fault) CR_MUST_USE;
/* Appends a body. CR_INVAL: a text that its field cannot hold; CR_TOOBIG: the buffer is full. */
cr_err_t cr_pdu_encode(const cr_pdu_layout_t *layout, const void *message, cr_pdu_buffer_t *out,
                       cr_fault_t *fault) CR_MUST_USE;

/* Length of the first frame in `bytes`, told by its first four octets. CR_AGAIN: not all of it is
 * there yet (`length` is set once it is known, else 0); CR_INVAL: outside `min` to `max`. */
cr_err_t cr_pdu_frame(cr_slice_t bytes, size_t min, size_t max, size_t *length) CR_MUST_USE;

/* NULL when no layout is of this command. */
const cr_pdu_layout_t *cr_pdu_find(const cr_pdu_layout_t *layouts, size_t count, uint32_t command);

/* How many texts a GROUP has, and one of them without its padding. */
size_t cr_pdu_group_count(cr_slice_t group, size_t size);
cr_slice_t cr_pdu_group_item(cr_slice_t group, size_t size, size_t index);

uint32_t cr_pdu_get_u32(const void *bytes);
void cr_pdu_put_u32(void *bytes, uint32_t value);

#endif

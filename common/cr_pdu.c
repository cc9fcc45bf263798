#include "cr_pdu.h"

#include <string.h>

enum { TLV_HEAD = 4 };

/* What is left of a body, or of one optional field. */
typedef struct {
    const uint8_t *at, *end;
} reader_t;

static size_t
left(const reader_t *in)
{
    return (size_t)(in->end - in->at);
}

static uint64_t
get(const uint8_t *bytes, size_t size)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++)
        value = value << 8 | bytes[i];
    return value;
}

static void
put(uint8_t *bytes, size_t size, uint64_t value)
{
    for (size_t i = size; i > 0; i--, value >>= 8)
        bytes[i - 1] = (uint8_t)value;
}

uint32_t
cr_pdu_get_u32(const void *bytes)
{
    return (uint32_t)get(bytes, 4);
}

void
cr_pdu_put_u32(void *bytes, uint32_t value)
{
    put(bytes, 4, value);
}

/* ---- decoding: each kind returns NULL or what is wrong -------------------------------------- */

static const char truncated[] = "goes beyond the end";
static const char too_long[] = "is too long";
static const char no_room[] = "does not fit the buffer";

static cr_slice_t
take(reader_t *in, size_t length)
{
    cr_slice_t slice = {(const char *)in->at, length};
    in->at += length;
    return slice;
}

static cr_slice_t
without_padding(cr_slice_t text)
{
    while (text.length > 0 && text.text[text.length - 1] == '\0')
        text.length--;
    return text;
}

static size_t
number_size(cr_pdu_kind_t kind)
{
    static const uint8_t sizes[CR_PDU_KINDS] = {
        [CR_PDU_U8] = 1, [CR_PDU_U16] = 2, [CR_PDU_U32] = 4, [CR_PDU_U64] = 8};
    return sizes[kind];
}

static const char *
read_number(reader_t *in, const cr_pdu_field_t *field, void *member)
{
    size_t size = number_size(field->kind);
    if (left(in) < size)
        return truncated;
    uint64_t value = get(in->at, size);
    in->at += size;
    if (field->tag)
        *(cr_pdu_option_t *)member = (cr_pdu_option_t){true, (uint32_t)value};
    else if (field->kind == CR_PDU_U64)
        *(uint64_t *)member = value;
    else
        *(uint32_t *)member = (uint32_t)value;
    return NULL;
}

/* In an optional field the NUL may be missing: gateways forget it, and its length is known. */
static const char *
read_cstring(reader_t *in, const cr_pdu_field_t *field, void *member)
{
    size_t most = left(in) < field->size ? left(in) : field->size;
    const uint8_t *nul = most > 0 ? memchr(in->at, 0, most) : NULL;
    if (!nul && !(field->tag && left(in) <= field->size))
        return left(in) < field->size ? truncated : too_long;
    *(cr_slice_t *)member = take(in, nul ? (size_t)(nul - in->at) : left(in));
    in->at += nul ? 1 : 0;
    return NULL;
}

static const char *
read_text(reader_t *in, const cr_pdu_field_t *field, void *member)
{
    if (left(in) < field->size)
        return truncated;
    *(cr_slice_t *)member = without_padding(take(in, field->size));
    return NULL;
}

static const char *
read_octets(reader_t *in, const cr_pdu_field_t *field, void *member)
{
    if (field->tag && left(in) > field->size)
        return too_long;
    if (!field->tag && left(in) < field->size)
        return truncated;
    *(cr_slice_t *)member = take(in, field->tag ? left(in) : field->size);
    return NULL;
}

static const char *
read_counted(reader_t *in, const cr_pdu_field_t *field, void *member)
{
    if (left(in) < 1 || left(in) - 1 < *in->at)
        return truncated;
    size_t length = *in->at++;
    if (length > field->size)
        return too_long;
    *(cr_slice_t *)member = take(in, length);
    return NULL;
}

static const char *
read_group(reader_t *in, const cr_pdu_field_t *field, void *member)
{
    if (left(in) < 1 || left(in) - 1 < (size_t)*in->at * field->size)
        return truncated;
    size_t count = *in->at++;
    *(cr_slice_t *)member = take(in, count * field->size);
    return NULL;
}

typedef const char *read_fn(reader_t *in, const cr_pdu_field_t *field, void *member);
static read_fn *const readers[CR_PDU_KINDS] = {
    [CR_PDU_U8] = read_number,     [CR_PDU_U16] = read_number,      [CR_PDU_U32] = read_number,
    [CR_PDU_U64] = read_number,    [CR_PDU_CSTRING] = read_cstring, [CR_PDU_TEXT] = read_text,
    [CR_PDU_OCTETS] = read_octets, [CR_PDU_COUNTED] = read_counted, [CR_PDU_GROUP] = read_group,
};

static cr_err_t
wrong(cr_fault_t *fault, cr_err_t err, const char *name, const char *what)
{
    return cr_fault_set(fault, err, "%s %s", name, what);
}

static cr_err_t
read_field(reader_t *in, const cr_pdu_field_t *field, void *message, cr_fault_t *fault)
{
    const char *fails = readers[field->kind](in, field, (char *)message + field->offset);
    return fails ? wrong(fault, CR_INVAL, field->name, fails) : CR_OK;
}

static const cr_pdu_field_t *
find_tag(const cr_pdu_layout_t *layout, size_t from, uint32_t tag)
{
    for (size_t i = from; i < layout->count; i++)
        if (layout->fields[i].tag == tag)
            return &layout->fields[i];
    return NULL;
}

/* One optional field; `from` is the first that the layout has. */
static cr_err_t
read_option(reader_t *in, const cr_pdu_layout_t *layout, size_t from, void *message,
            cr_fault_t *fault)
{
    if (left(in) < TLV_HEAD)
        return wrong(fault, CR_INVAL, "a tag", truncated);
    uint32_t tag = (uint32_t)get(in->at, 2);
    size_t length = get(in->at + 2, 2);
    in->at += TLV_HEAD;
    if (left(in) < length)
        return cr_fault_set(fault, CR_INVAL, "tag 0x%04x %s", (unsigned)tag, truncated);
    reader_t value = {in->at, in->at + length};
    in->at += length;
    const cr_pdu_field_t *field = find_tag(layout, from, tag);
    if (!field)
        return CR_OK;
    cr_err_t err = read_field(&value, field, message, fault);
    return err == CR_OK && left(&value) > 0 ? wrong(fault, CR_INVAL, field->name, too_long) : err;
}

cr_err_t
cr_pdu_decode(const cr_pdu_layout_t *layout, cr_slice_t body, void *message, cr_fault_t *fault)
{
    static const uint8_t nothing[1]; /* a slice of no octets may point nowhere */
    const uint8_t *bytes = body.length > 0 ? (const uint8_t *)body.text : nothing;
    reader_t in = {bytes, bytes + body.length};
    size_t i = 0;
    cr_err_t err = CR_OK;
    for (; err == CR_OK && i < layout->count && layout->fields[i].tag == 0; i++)
        err = read_field(&in, &layout->fields[i], message, fault);
    if (err == CR_OK && i == layout->count && left(&in) > 0)
        return wrong(fault, CR_INVAL, layout->name, too_long);
    while (err == CR_OK && left(&in) > 0)
        err = read_option(&in, layout, i, message, fault);
    return err;
}

/* ---- encoding ------------------------------------------------------------------------------- */

/* NULL when the buffer is full. */
static uint8_t *
claim(cr_pdu_buffer_t *out, size_t size)
{
    if (out->capacity - out->length < size)
        return NULL;
    uint8_t *at = out->bytes + out->length;
    out->length += size;
    return at;
}

/* `slice` and zeros up to `size`. */
static const char *
write_padded(cr_pdu_buffer_t *out, cr_slice_t slice, size_t size)
{
    uint8_t *at = claim(out, size);
    if (!at)
        return no_room;
    if (slice.length > 0)
        memcpy(at, slice.text, slice.length);
    memset(at + slice.length, 0, size - slice.length);
    return NULL;
}

static const char *
write_number(cr_pdu_buffer_t *out, const cr_pdu_field_t *field, const void *member)
{
    size_t size = number_size(field->kind);
    uint8_t *at = claim(out, size);
    if (!at)
        return no_room;
    uint64_t value = field->tag                  ? ((const cr_pdu_option_t *)member)->value
                     : field->kind == CR_PDU_U64 ? *(const uint64_t *)member
                                                 : *(const uint32_t *)member;
    put(at, size, value);
    return NULL;
}

static const char *
write_cstring(cr_pdu_buffer_t *out, const cr_pdu_field_t *field, const void *member)
{
    cr_slice_t text = *(const cr_slice_t *)member;
    if (text.length >= field->size)
        return too_long;
    if (text.length > 0 && memchr(text.text, 0, text.length))
        return "holds a NUL";
    return write_padded(out, text, text.length + 1);
}

static const char *
write_text(cr_pdu_buffer_t *out, const cr_pdu_field_t *field, const void *member)
{
    cr_slice_t text = *(const cr_slice_t *)member;
    return text.length > field->size ? too_long : write_padded(out, text, field->size);
}

static const char *
write_octets(cr_pdu_buffer_t *out, const cr_pdu_field_t *field, const void *member)
{
    cr_slice_t octets = *(const cr_slice_t *)member;
    if (octets.length > field->size)
        return too_long;
    if (field->tag)
        return write_padded(out, octets, octets.length);
    bool whole = octets.length == 0 || octets.length == field->size;
    return whole ? write_padded(out, octets, field->size) : "is too short";
}

static const char *
write_counted(cr_pdu_buffer_t *out, const cr_pdu_field_t *field, const void *member)
{
    cr_slice_t octets = *(const cr_slice_t *)member;
    if (octets.length > field->size)
        return too_long;
    uint8_t *count = claim(out, 1);
    if (!count)
        return no_room;
    *count = (uint8_t)octets.length;
    return write_padded(out, octets, octets.length);
}

static const char *
write_group(cr_pdu_buffer_t *out, const cr_pdu_field_t *field, const void *member)
{
    cr_slice_t group = *(const cr_slice_t *)member;
    size_t items = cr_pdu_group_count(group, field->size);
    if (items > UINT8_MAX)
        return too_long;
    uint8_t *count = claim(out, 1);
    if (!count)
        return no_room;
    *count = (uint8_t)items;
    return write_padded(out, group, items * field->size);
}

typedef const char *write_fn(cr_pdu_buffer_t *out, const cr_pdu_field_t *field, const void *member);
static write_fn *const writers[CR_PDU_KINDS] = {
    [CR_PDU_U8] = write_number,     [CR_PDU_U16] = write_number,      [CR_PDU_U32] = write_number,
    [CR_PDU_U64] = write_number,    [CR_PDU_CSTRING] = write_cstring, [CR_PDU_TEXT] = write_text,
    [CR_PDU_OCTETS] = write_octets, [CR_PDU_COUNTED] = write_counted, [CR_PDU_GROUP] = write_group,
};

static bool
is_given(const cr_pdu_field_t *field, const void *member)
{
    return number_size(field->kind) > 0 ? ((const cr_pdu_option_t *)member)->given
                                        : ((const cr_slice_t *)member)->text != NULL;
}

static const char *
write_option(cr_pdu_buffer_t *out, const cr_pdu_field_t *field, const void *member)
{
    size_t start = out->length;
    if (!claim(out, TLV_HEAD))
        return no_room;
    const char *fails = writers[field->kind](out, field, member);
    put(out->bytes + start, 2, field->tag);
    put(out->bytes + start + 2, 2, out->length - start - TLV_HEAD);
    return fails;
}

static const char *
write_field(cr_pdu_buffer_t *out, const cr_pdu_field_t *field, const void *member)
{
    if (field->tag == 0)
        return writers[field->kind](out, field, member);
    return is_given(field, member) ? write_option(out, field, member) : NULL;
}

cr_err_t
cr_pdu_encode(const cr_pdu_layout_t *layout, const void *message, cr_pdu_buffer_t *out,
              cr_fault_t *fault)
{
    for (size_t i = 0; i < layout->count; i++) {
        const cr_pdu_field_t *field = &layout->fields[i];
        const char *fails = write_field(out, field, (const char *)message + field->offset);
        if (fails)
            return wrong(fault, fails == no_room ? CR_TOOBIG : CR_INVAL, field->name, fails);
    }
    return CR_OK;
}

/* ---- frames, layouts, groups ---------------------------------------------------------------- */

cr_err_t
cr_pdu_frame(cr_slice_t bytes, size_t min, size_t max, size_t *length)
{
    *length = 0;
    if (bytes.length < 4)
        return CR_AGAIN;
    size_t told = cr_pdu_get_u32(bytes.text);
    if (told < min || told > max)
        return CR_INVAL;
    *length = told;
    return bytes.length < told ? CR_AGAIN : CR_OK;
}

const cr_pdu_layout_t *
cr_pdu_find(const cr_pdu_layout_t *layouts, size_t count, uint32_t command)
{
    for (size_t i = 0; i < count; i++)
        if (layouts[i].command == command)
            return &layouts[i];
    return NULL;
}

size_t
cr_pdu_group_count(cr_slice_t group, size_t size)
{
    return (group.length + size - 1) / size;
}

cr_slice_t
cr_pdu_group_item(cr_slice_t group, size_t size, size_t index)
{
    CR_ASSERT(index < cr_pdu_group_count(group, size));
    size_t start = index * size, rest = group.length - start;
    return without_padding((cr_slice_t){group.text + start, rest < size ? rest : size});
}

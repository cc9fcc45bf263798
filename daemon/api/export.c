#include "export.h"

#include <stdlib.h>
#include <string.h>

enum { ROW_BYTES_MAX = 1 << 20, PIECE_BYTES = 32 * 1024 };

struct export
{
    listing_t listing;
    cr_str_t row; /* being read */
    size_t offset;
    uint32_t next; /* ordinal */
};

static const char formula_starts[] = {'=', '+', '-', '@', '\t', '\r'};
static const char wants_quotes[] = {',', '"', '\r', '\n'};

static bool
looks_like_a_formula(cr_slice_t cell)
{
    return cell.length > 0 && memchr(formula_starts, cell.text[0], sizeof formula_starts);
}

static bool
needs_quotes(cr_slice_t cell)
{
    for (size_t i = 0; i < cell.length; i++)
        if (memchr(wants_quotes, cell.text[i], sizeof wants_quotes))
            return true;
    return cell.length > 0 && (cell.text[0] == ' ' || cell.text[cell.length - 1] == ' ');
}

void
export_append_cell(cr_str_t *out, cr_slice_t cell)
{
    bool quoted = needs_quotes(cell);
    if (quoted)
        cr_str_append_char(out, '"');
    if (looks_like_a_formula(cell))
        cr_str_append_char(out, '\'');
    for (size_t i = 0; i < cell.length; i++) {
        if (cell.text[i] == '"')
            cr_str_append_char(out, '"');
        cr_str_append_char(out, cell.text[i]);
    }
    if (quoted)
        cr_str_append_char(out, '"');
}

static void
append_next_cell(cr_str_t *row, cr_slice_t cell)
{
    cr_str_append_char(row, ',');
    export_append_cell(row, cell);
}

static void
append_header(export_t *self)
{
    cr_str_append_text(
        &self->row, "id,name,phone,openid,email,division,groups,roles,language,guardian,opt_out");
    for (uint32_t i = 0; i < directory_attribute_count(self->listing.directory); i++)
        append_next_cell(&self->row, directory_attribute(self->listing.directory, i));
    cr_str_append_text(&self->row, "\r\n");
}

export_t *
export_new(listing_t *listing)
{
    export_t *self = calloc(1, sizeof *self);
    if (!self) {
        listing_fini(listing);
        return NULL;
    }
    self->listing = listing_take(listing);
    cr_str_init(&self->row, ROW_BYTES_MAX);
    append_header(self);
    return self;
}

void
export_destroy(export_t **self_p)
{
    export_t *self = *self_p;
    if (!self)
        return;
    cr_str_fini(&self->row);
    listing_fini(&self->listing);
    free(self);
    *self_p = NULL;
}

typedef void append_fn(const directory_t *directory, uint32_t ordinal, cr_str_t *out);

static void
append_names(export_t *self, uint32_t ordinal, append_fn *append)
{
    cr_str_t names;
    cr_str_init(&names, ROW_BYTES_MAX);
    append(self->listing.directory, ordinal, &names);
    append_next_cell(&self->row, cr_str_slice(&names));
    cr_str_fini(&names);
}

static void
append_optouts(export_t *self, uint32_t ordinal)
{
    cr_str_t channels;
    cr_str_init(&channels, ROW_BYTES_MAX);
    listing_append_optouts(&self->listing, ordinal, &channels);
    append_next_cell(&self->row, cr_str_slice(&channels));
    cr_str_fini(&channels);
}

static cr_slice_t
guardian_id(const export_t *self, const recipient_t *recipient)
{
    recipient_t guardian;
    if (recipient->guardian == DIRECTORY_NONE ||
        !directory_get(self->listing.directory, recipient->guardian, &guardian))
        return (cr_slice_t){"", 0};
    return guardian.id;
}

static void
append_row(export_t *self, const recipient_t *recipient)
{
    export_append_cell(&self->row, recipient->id);
    append_next_cell(&self->row, recipient->name);
    append_next_cell(&self->row, recipient->phone);
    append_next_cell(&self->row, recipient->openid);
    append_next_cell(&self->row, recipient->email);
    append_next_cell(&self->row, recipient->division);
    append_names(self, recipient->ordinal, directory_append_groups);
    append_names(self, recipient->ordinal, directory_append_roles);
    append_next_cell(&self->row, recipient->language);
    append_next_cell(&self->row, guardian_id(self, recipient));
    append_optouts(self, recipient->ordinal);
    for (uint32_t i = 0; i < directory_attribute_count(self->listing.directory); i++)
        append_next_cell(&self->row,
                         directory_value(self->listing.directory, recipient->ordinal,
                                         directory_attribute(self->listing.directory, i)));
    cr_str_append_text(&self->row, "\r\n");
}

/* False at the end. */
static bool
next_row(export_t *self)
{
    cr_str_clear(&self->row);
    self->offset = 0;
    recipient_t recipient;
    while (self->next < directory_size(self->listing.directory)) {
        if (!directory_get(self->listing.directory, self->next++, &recipient))
            continue;
        append_row(self, &recipient);
        return true;
    }
    return false;
}

cr_err_t
export_read(export_t *self, char *bytes, size_t length, size_t *read)
{
    size_t done = 0;
    while (done < length) {
        if (self->offset == self->row.length && !next_row(self))
            break;
        cr_err_t err = cr_str_err(&self->row);
        if (err != CR_OK)
            return err;
        size_t left = self->row.length - self->offset;
        size_t now = left < length - done ? left : length - done;
        memcpy(bytes + done, self->row.text + self->offset, now);
        self->offset += now;
        done += now;
    }
    *read = done;
    return CR_OK;
}

static ssize_t
on_read(void *context, uint64_t position, char *bytes, size_t length)
{
    (void)position;
    size_t done;
    if (export_read(context, bytes, length, &done) != CR_OK)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    return done > 0 ? (ssize_t)done : MHD_CONTENT_READER_END_OF_STREAM;
}

static void
on_free(void *context)
{
    export_t *self = context;
    export_destroy(&self);
}

struct MHD_Response *
export_response(listing_t *listing)
{
    export_t *self = export_new(listing);
    if (!self)
        return NULL;
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, PIECE_BYTES, on_read, self, on_free);
    if (!response) {
        export_destroy(&self);
        return NULL;
    }
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
                                  "text/csv; charset=utf-8");
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_DISPOSITION,
                                  "attachment; filename=\"recipients.csv\"");
    return response;
}

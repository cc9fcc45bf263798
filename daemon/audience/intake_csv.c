#include "intake_csv.h"

#include <csv.h>
#include <stdlib.h>
#include <string.h>

static const char bom[] = "\xEF\xBB\xBF";
static const char too_long[] = "over 64 KiB (is a quote never closed?)";
enum { BOM_BYTES = 3, PIECE_MAX = 16 << 10 };

struct intake_csv {
    struct csv_parser parser;
    intake_csv_row_fn *on_row;
    void *context;
    char *row; /* bytes of the row's fields so far */
    size_t row_bytes;
    size_t ends[CSV_COLUMNS_MAX]; /* of the fields in `row` */
    size_t count;                 /* fields of the row so far */
    size_t line, row_line;        /* being read; the row began on */
    size_t bom_seen;              /* bytes of the mark, BOM_BYTES once that is decided */
    cr_fault_t fault;             /* first failure */
};

intake_csv_t *
intake_csv_new(intake_csv_row_fn *on_row, void *context)
{
    intake_csv_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->on_row = on_row;
    self->context = context;
    self->line = self->row_line = 1;
    self->row = malloc(CSV_ROW_MAX);
    if (!self->row || csv_init(&self->parser, CSV_STRICT | CSV_STRICT_FINI) != 0) {
        free(self->row);
        free(self);
        return NULL;
    }
    csv_set_blk_size(&self->parser, 1024);
    return self;
}

void
intake_csv_destroy(intake_csv_t **self_p)
{
    intake_csv_t *self = *self_p;
    if (!self)
        return;
    csv_free(&self->parser);
    free(self->row);
    free(self);
    *self_p = NULL;
}

static void
fail(intake_csv_t *self, const char *why)
{
    if (self->fault.code == CR_OK)
        cr_fault_set_at(&self->fault, CR_INVAL, self->row_line, self->count + 1, "field %zu: %s",
                        self->count + 1, why);
}

static void
fail_parsing(intake_csv_t *self)
{
    if (csv_error(&self->parser) == CSV_ENOMEM)
        cr_fault_set(&self->fault, CR_NOMEM, "out of memory");
    fail(self, "a quote that does not belong here, or one that is never closed");
}

static void
on_field(void *text, size_t length, void *context)
{
    intake_csv_t *self = context;
    if (self->fault.code != CR_OK)
        return;
    if (length > CSV_FIELD_MAX || length > CSV_ROW_MAX - self->row_bytes) {
        fail(self, length > CSV_FIELD_MAX ? too_long : "row over 256 KiB");
        return;
    }
    if (self->count < CSV_COLUMNS_MAX) {
        if (length > 0)
            memcpy(self->row + self->row_bytes, text, length);
        self->row_bytes += length;
        self->ends[self->count] = self->row_bytes;
    }
    self->count++;
}

static void
on_row_end(int terminator, void *context)
{
    (void)terminator;
    intake_csv_t *self = context;
    if (self->fault.code != CR_OK)
        return;
    cr_slice_t fields[CSV_COLUMNS_MAX];
    size_t start = 0;
    for (size_t i = 0; i < self->count && i < CSV_COLUMNS_MAX; i++) {
        fields[i] = (cr_slice_t){self->row + start, self->ends[i] - start};
        start = self->ends[i];
    }
    size_t count = self->count;
    self->count = self->row_bytes = 0;
    cr_fault_t why = {.text = "out of memory"};
    cr_err_t err = self->on_row(self->context, self->row_line, fields, count, &why);
    if (err != CR_OK)
        self->fault = why;
    self->fault.code = err;
}

/* At most one line, so that the line counter is right whenever a row begins. */
static void
parse(intake_csv_t *self, const char *piece, size_t length)
{
    if (self->count == 0 && self->parser.entry_pos == 0)
        self->row_line = self->line;
    size_t done = csv_parse(&self->parser, piece, length, on_field, on_row_end, self);
    if (done != length)
        fail_parsing(self);
    else if (self->parser.entry_pos > CSV_FIELD_MAX)
        fail(self, too_long);
}

static void
feed(intake_csv_t *self, const char *bytes, size_t length)
{
    while (length > 0 && self->fault.code == CR_OK) {
        const char *newline = memchr(bytes, '\n', length);
        size_t piece = newline ? (size_t)(newline - bytes) + 1 : length;
        if (piece > PIECE_MAX)
            piece = PIECE_MAX;
        parse(self, bytes, piece);
        self->line += newline == bytes + piece - 1;
        bytes += piece;
        length -= piece;
    }
}

/* Skips the mark, which may come in pieces; the bytes taken from `bytes`. */
static size_t
skip_bom(intake_csv_t *self, const char *bytes, size_t length)
{
    size_t taken = 0;
    while (self->bom_seen < BOM_BYTES && taken < length) {
        if (bytes[taken] != bom[self->bom_seen]) {
            size_t seen = self->bom_seen;
            self->bom_seen = BOM_BYTES;
            feed(self, bom, seen);
            break;
        }
        self->bom_seen++;
        taken++;
    }
    return taken;
}

static cr_err_t
answer(const intake_csv_t *self, cr_fault_t *fault)
{
    if (self->fault.code != CR_OK && fault)
        *fault = self->fault;
    return self->fault.code;
}

cr_err_t
intake_csv_feed(intake_csv_t *self, const void *bytes, size_t length, cr_fault_t *fault)
{
    size_t skipped = skip_bom(self, bytes, length);
    feed(self, (const char *)bytes + skipped, length - skipped);
    return answer(self, fault);
}

cr_err_t
intake_csv_finish(intake_csv_t *self, cr_fault_t *fault)
{
    if (self->fault.code == CR_OK && csv_fini(&self->parser, on_field, on_row_end, self) != 0)
        fail_parsing(self);
    return answer(self, fault);
}

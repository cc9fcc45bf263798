/*
 * The next version from a batch, segment by segment: one that no row changes is shared, the others
 * are built again from what they held and what the rows say.
 */
#include <stdlib.h>
#include <string.h>

#include "intake_rows.h"
#include "version.h"

typedef struct {
    const intake_t *intake;
    const directory_t *base;
    directory_t *next;
    uint32_t size;    /* of the next version */
    uint32_t *row_of; /* ordinal -> row of the batch, or INDEX_NONE */
    segment_builder_t *builder;
    intake_result_t result;
} apply_t;

/* Where the columns of a segment being built come from. */
typedef struct {
    uint32_t from_file[CSV_COLUMNS_MAX];    /* column of the file -> of the segment, INDEX_NONE */
    uint32_t from_old[SEGMENT_COLUMNS_MAX]; /* column of the old segment -> of the new */
    bool in_file[SEGMENT_COLUMNS_MAX];      /* column of the segment is one of the file's */
} mapping_t;

static cr_err_t
start(apply_t *self, const intake_t *intake, directory_t *base)
{
    size_t most = (size_t)base->size + intake->good.count;
    *self = (apply_t){.intake = intake, .base = base, .size = base->size};
    self->result.rows = intake->row_count;
    self->result.bad = intake->bad_count;
    self->row_of = malloc((most + 1) * sizeof *self->row_of);
    self->builder = segment_builder_new();
    self->next = directory_new();
    self->result.touched = roaring_bitmap_create();
    bool whole = self->row_of && self->builder && self->next && self->result.touched;
    for (size_t i = 0; i < CR_CHANNEL_COUNT; i++) {
        self->result.opted_out[i] = roaring_bitmap_create();
        whole = whole && self->result.opted_out[i];
    }
    if (!whole)
        return CR_NOMEM;
    self->next->divisions = divisions_ref(base->divisions);
    return CR_OK;
}

static void
drop_bitmap(roaring_bitmap_t **bitmap)
{
    if (*bitmap)
        roaring_bitmap_free(*bitmap);
    *bitmap = NULL;
}

void
intake_result_fini(intake_result_t *self)
{
    drop_bitmap(&self->touched);
    for (size_t i = 0; i < CR_CHANNEL_COUNT; i++)
        drop_bitmap(&self->opted_out[i]);
}

static void
stop(apply_t *self)
{
    free(self->row_of);
    segment_builder_destroy(&self->builder);
    directory_unref(&self->next);
    intake_result_fini(&self->result);
}

static void
opt_out(apply_t *self, uint32_t row, uint32_t ordinal, uint32_t column)
{
    cr_slice_t names = intake_rows_value(&self->intake->good, row, column);
    for (cr_channel_t channel = 0; channel < CR_CHANNEL_COUNT && names.length > 0; channel++) {
        const char *name = cr_channel_name(channel);
        if (memmem(names.text, names.length, name, strlen(name)))
            roaring_bitmap_add(self->result.opted_out[channel], ordinal);
    }
}

/* Known ids keep their ordinal, the others get the next ones in the order of the file. */
static cr_err_t
assign_ordinals(apply_t *self)
{
    const intake_rows_t *rows = &self->intake->good;
    uint32_t column = intake_columns_find(&self->intake->columns, COLUMN_OPT_OUT);
    memset(self->row_of, 0xFF, ((size_t)self->base->size + rows->count) * sizeof *self->row_of);
    for (uint32_t row = 0; row < rows->count; row++) {
        uint32_t ordinal = directory_find(self->base, intake_rows_value(rows, row, rows->id));
        if (ordinal == DIRECTORY_NONE) {
            if (self->size == VERSION_RECIPIENTS_MAX)
                return CR_TOOBIG;
            ordinal = self->size++;
        }
        self->row_of[ordinal] = row;
        if (column != INDEX_NONE)
            opt_out(self, row, ordinal, column);
    }
    return CR_OK;
}

static uint32_t
old_column(const intake_column_t *column, const segment_t *old)
{
    if (column->target < FIELD_COUNT)
        return column->target;
    return column->target == COLUMN_ATTRIBUTE
               ? segment_find_attribute(old, cr_slice_of(column->name))
               : INDEX_NONE;
}

static bool
is_changed(const apply_t *self, const segment_t *old, uint32_t index, uint32_t row)
{
    const intake_columns_t *columns = &self->intake->columns;
    for (size_t i = 0; i < columns->count; i++) {
        if (columns->column[i].target == COLUMN_OPT_OUT)
            continue;
        cr_slice_t now = intake_rows_value(&self->intake->good, row, i);
        uint32_t column = old_column(&columns->column[i], old);
        cr_slice_t before =
            column == INDEX_NONE ? (cr_slice_t){"", 0} : segment_value(old, column, index);
        if (!cr_slice_equal(now, before))
            return true;
    }
    return false;
}

/* Counts what the rows do to the segment; true when it must be built again. */
static bool
count_changes(apply_t *self, const segment_t *old, uint32_t first, uint32_t end)
{
    size_t unchanged = self->result.unchanged, seen = 0;
    for (uint32_t ordinal = first; ordinal < end; ordinal++) {
        if (self->row_of[ordinal] == INDEX_NONE)
            continue;
        seen++;
        if (ordinal >= self->base->size)
            self->result.added++;
        else if (is_changed(self, old, ordinal - first, self->row_of[ordinal]))
            self->result.updated++;
        else
            self->result.unchanged++;
    }
    return self->result.unchanged - unchanged != seen;
}

static cr_err_t
map_columns(const apply_t *self, const segment_t *old, mapping_t *map)
{
    const intake_columns_t *columns = &self->intake->columns;
    cr_err_t err = CR_OK;
    memset(map->in_file, 0, sizeof map->in_file);
    for (uint32_t i = 0; i < FIELD_COUNT; i++)
        map->from_old[i] = i;
    for (uint32_t i = FIELD_COUNT; old && i < segment_columns(old) && err == CR_OK; i++)
        err =
            segment_builder_attribute(self->builder, segment_attribute(old, i), &map->from_old[i]);
    for (size_t i = 0; i < columns->count && err == CR_OK; i++) {
        const intake_column_t *column = &columns->column[i];
        map->from_file[i] = column->target < FIELD_COUNT ? column->target : INDEX_NONE;
        if (column->target == COLUMN_ATTRIBUTE)
            err = segment_builder_attribute(self->builder, cr_slice_of(column->name),
                                            &map->from_file[i]);
        if (err == CR_OK && map->from_file[i] != INDEX_NONE)
            map->in_file[map->from_file[i]] = true;
    }
    return err;
}

/* What the row does not speak of stays; its old values are not even kept in the dictionary. */
static cr_err_t
copy_old(const apply_t *self, const segment_t *old, uint32_t index, const mapping_t *map,
         bool has_row)
{
    for (uint32_t i = 0; i < segment_columns(old); i++) {
        if (has_row && map->in_file[map->from_old[i]])
            continue;
        cr_err_t err =
            segment_builder_set(self->builder, map->from_old[i], segment_value(old, i, index));
        if (err != CR_OK)
            return err;
    }
    return CR_OK;
}

static cr_err_t
copy_row(const apply_t *self, uint32_t row, const mapping_t *map)
{
    const intake_rows_t *rows = &self->intake->good;
    const uint16_t *length = rows->rows[row]->length;
    cr_slice_t value = intake_rows_value(rows, row, 0);
    for (size_t i = 0; i < rows->columns; i++, value.text += value.length) {
        value.length = length[i];
        if (map->from_file[i] == INDEX_NONE)
            continue;
        cr_err_t err = segment_builder_set(self->builder, map->from_file[i], value);
        if (err != CR_OK)
            return err;
    }
    return CR_OK;
}

static cr_err_t
build(const apply_t *self, const segment_t *old, uint32_t first, uint32_t end, segment_t **built)
{
    mapping_t map;
    segment_builder_clear(self->builder);
    cr_err_t err = map_columns(self, old, &map);
    for (uint32_t ordinal = first; ordinal < end && err == CR_OK; ordinal++) {
        uint32_t row = self->row_of[ordinal];
        segment_builder_row(self->builder);
        if (ordinal < self->base->size)
            err = copy_old(self, old, ordinal - first, &map, row != INDEX_NONE);
        if (err == CR_OK && row != INDEX_NONE)
            err = copy_row(self, row, &map);
    }
    return err == CR_OK ? segment_builder_take(self->builder, built) : err;
}

static cr_err_t
make_segment(apply_t *self, uint32_t number)
{
    uint32_t first = number * DIRECTORY_SEGMENT, end = first + DIRECTORY_SEGMENT;
    segment_t *old = number < self->base->segment_count ? self->base->segments[number] : NULL;
    segment_t *segment;
    if (end > self->size)
        end = self->size;
    if (!count_changes(self, old, first, end)) {
        segment = segment_ref(old);
    } else {
        cr_err_t err = build(self, old, first, end, &segment);
        if (err != CR_OK)
            return err;
        roaring_bitmap_add(self->result.touched, number);
    }
    cr_err_t err = version_append(self->next, &segment);
    if (err != CR_OK)
        segment_unref(&segment);
    return err;
}

static cr_err_t
make_segments(apply_t *self)
{
    uint32_t count = (self->size + DIRECTORY_SEGMENT - 1) / DIRECTORY_SEGMENT;
    for (uint32_t number = 0; number < count; number++) {
        cr_err_t err = make_segment(self, number);
        if (err != CR_OK)
            return err;
    }
    return CR_OK;
}

/* A child whose guardian nobody knows would be reached by nobody. */
static cr_err_t
check_guardians(const apply_t *self, cr_fault_t *fault)
{
    const intake_rows_t *rows = &self->intake->good;
    uint32_t column = intake_columns_find(&self->intake->columns, FIELD_GUARDIAN);
    for (uint32_t row = 0; column != INDEX_NONE && row < rows->count; row++) {
        cr_slice_t guardian = intake_rows_value(rows, row, column);
        if (guardian.length > 0 && directory_find(self->next, guardian) == DIRECTORY_NONE)
            return cr_fault_set_at(fault, CR_INVAL, rows->rows[row]->line, 0,
                                   "guardian: neither in this file nor in the directory");
    }
    return CR_OK;
}

static cr_err_t
index_next(apply_t *self)
{
    cr_err_t err = version_index_ids(self->next, self->base);
    return err == CR_OK ? version_index_tags(self->next) : err;
}

static cr_err_t
run(apply_t *self, bool skip_bad, cr_fault_t *fault)
{
    cr_err_t err = assign_ordinals(self);
    if (err == CR_OK)
        err = make_segments(self);
    if (err == CR_OK)
        err = index_next(self);
    if (err != CR_OK)
        return cr_fault_set(fault, err, "%s",
                            err == CR_TOOBIG ? "too many recipients, attributes or long values"
                                             : cr_err_text(err));
    return skip_bad ? CR_OK : check_guardians(self, fault);
}

cr_err_t
intake_apply(const intake_t *intake, directory_t *base, bool skip_bad, directory_t **next,
             intake_result_t *result, cr_fault_t *fault)
{
    if (intake->bad_count > 0 && !skip_bad)
        return cr_fault_set_at(fault, CR_INVAL, intake->bad[0].line, 0, "%s",
                               intake->bad[0].reason);
    apply_t self;
    cr_err_t err = start(&self, intake, base);
    err = err == CR_OK ? run(&self, skip_bad, fault)
                       : cr_fault_set(fault, err, "%s", cr_err_text(err));
    if (err == CR_OK) {
        *next = self.next;
        *result = self.result;
        self.next = NULL;
        self.result = (intake_result_t){0};
    }
    stop(&self);
    return err;
}

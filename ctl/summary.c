#include "summary.h"

#include <stdio.h>
#include <string.h>

#include "cr_status.h"
#include "table.h"
#include "words.h"

enum { LABEL_MAX = 256 };

static void
add_row(table_t *table, const progress_t *progress, const char *label, progress_count_t count)
{
    table_cell(table, label);
    for (size_t i = 0; i < progress->channel_count; i++)
        table_number(table, progress->channels[i].counts[count]);
}

static int64_t
reason_count(const progress_channel_t *channel, const char *status)
{
    return json_integer_value(json_object_get(channel->reasons, status));
}

/* One line for every reason of the class that any channel has. */
static void
add_reasons(table_t *table, const progress_t *progress, cr_status_class_t status_class)
{
    for (unsigned value = 0; value <= UINT8_MAX; value++) {
        cr_status_t status = (cr_status_t)value;
        if (!cr_status_is_known(status) || cr_status_class(status) != status_class)
            continue;
        int64_t sum = 0;
        for (size_t i = 0; i < progress->channel_count; i++)
            sum += reason_count(&progress->channels[i], cr_status_name(status));
        if (sum == 0)
            continue;
        char label[LABEL_MAX];
        snprintf(label, sizeof label, "  %s", cr_status_words(status, words_are_chinese()));
        table_cell(table, label);
        for (size_t i = 0; i < progress->channel_count; i++)
            table_number(table, reason_count(&progress->channels[i], cr_status_name(status)));
    }
}

static bool
any(const progress_t *progress, progress_count_t count)
{
    for (size_t i = 0; i < progress->channel_count; i++)
        if (progress->channels[i].counts[count] != 0)
            return true;
    return false;
}

static void
add_ms(table_t *table, int64_t ms)
{
    char text[32] = "-";
    if (ms >= 0)
        snprintf(text, sizeof text, "%.2f s", (double)ms / 1000);
    table_cell(table, text);
}

static void
add_times(table_t *table, const progress_t *progress)
{
    table_cell(table, word(W_TIME_TO_HALF));
    for (size_t i = 0; i < progress->channel_count; i++)
        add_ms(table, progress->channels[i].ms_to_half);
    table_cell(table, word(W_TIME_TO_95));
    for (size_t i = 0; i < progress->channel_count; i++)
        add_ms(table, progress->channels[i].ms_to_95);
    table_cell(table, word(W_TIME_TO_LAST));
    for (size_t i = 0; i < progress->channel_count; i++)
        add_ms(table, progress->channels[i].ms_to_last);
}

/* Where a price is known. */
static void
add_bill(table_t *table, const progress_t *progress)
{
    double cost = 0;
    for (size_t i = 0; i < progress->channel_count; i++)
        cost += progress->channels[i].cost;
    if (cost <= 0)
        return;
    table_cell(table, word(W_PARTS_BILLED));
    for (size_t i = 0; i < progress->channel_count; i++)
        table_number(table, progress->channels[i].parts);
    table_cell(table, word(W_COST));
    for (size_t i = 0; i < progress->channel_count; i++) {
        char text[48];
        snprintf(text, sizeof text, "%.2f", progress->channels[i].cost);
        table_cell(table, text);
    }
}

/* The lines of the table; `always` are shown although they are zero. */
static const struct {
    progress_count_t count;
    const char *name;
    bool always;
    cr_status_class_t reasons; /* CR_STATUS_CLASS_COUNT: none */
} rows[] = {
    {PROGRESS_TOTAL, "total", true, CR_STATUS_CLASS_COUNT},
    {PROGRESS_DELIVERED, "delivered", true, CR_STATUS_CLASS_DELIVERED},
    {PROGRESS_FAILED, "failed", true, CR_STATUS_CLASS_FAILED},
    {PROGRESS_SUPPRESSED, "suppressed", true, CR_STATUS_CLASS_SUPPRESSED},
    {PROGRESS_UNKNOWN, "unknown", true, CR_STATUS_CLASS_COUNT},
    {PROGRESS_EXPIRED, "expired", false, CR_STATUS_CLASS_COUNT},
    {PROGRESS_CANCELLED, "cancelled", false, CR_STATUS_CLASS_COUNT},
    {PROGRESS_ACCEPTED, "accepted", false, CR_STATUS_CLASS_COUNT},
    {PROGRESS_RETRY, "retry", false, CR_STATUS_CLASS_COUNT},
    {PROGRESS_WAITING, "waiting", false, CR_STATUS_CLASS_COUNT},
    {PROGRESS_LEASED, "leased", false, CR_STATUS_CLASS_COUNT},
};

cr_err_t
summary_print(const progress_t *progress)
{
    table_t *table = table_new();
    table_column(table, "", false);
    for (size_t i = 0; i < progress->channel_count; i++)
        table_column(table, word_for(progress->channels[i].name), true);
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        if (!rows[i].always && !any(progress, rows[i].count))
            continue;
        add_row(table, progress, word_for(rows[i].name), rows[i].count);
        if (rows[i].reasons != CR_STATUS_CLASS_COUNT)
            add_reasons(table, progress, rows[i].reasons);
    }
    add_bill(table, progress);
    add_times(table, progress);
    return table_finish(&table);
}

#include <string.h>
#include <time.h>

#include "../bars.h"
#include "../summary.h"
#include "../terminal.h"
#include "commands.h"
#include "cr_clock.h"
#include "show.h"

enum {
    LIVE_MS = 200,   /* between two looks on a terminal */
    PLAIN_MS = 1000, /* and elsewhere */
    SILENCE_MAX_MS = 30000 /* crierd may be restarted meanwhile; after that it is gone */,
    WIDTH_MIN = 40,
    PICTURE_BYTES_MAX = 64 << 10,
};

typedef struct {
    ctl_t *ctl;
    json_t *broadcast; /* the last one seen, or NULL */
    progress_t progress;
    meter_t meters[CR_CHANNEL_COUNT];
    int64_t begun_us, heard_us;
    bool live;
    size_t drawn_lines;
    cr_str_t picture, last; /* `last`: the plain line printed before */
} watch_t;

static void
draw_live(watch_t *self, const char *trouble)
{
    size_t width = terminal_width(stdout);
    bars_t bars = {.progress = &self->progress,
                   .elapsed_ms = (self->heard_us - self->begun_us) / CR_US_PER_MS,
                   .width = width < WIDTH_MIN ? WIDTH_MIN : width,
                   .colour = terminal_has_colour(stdout),
                   .trouble = trouble};
    for (size_t i = 0; i < self->progress.channel_count; i++)
        bars.per_s[i] = meter_update(&self->meters[i], self->heard_us,
                                     progress_settled(&self->progress.channels[i]));
    cr_str_clear(&self->picture);
    /* Back to the first line of the picture before, and away with it. */
    if (self->drawn_lines > 0)
        cr_str_appendf(&self->picture, "\033[%zuF\033[J", self->drawn_lines);
    self->drawn_lines = bars_draw(&bars, &self->picture);
    fputs(cr_str_text(&self->picture), stdout);
}

static void
draw_plain(watch_t *self)
{
    cr_str_clear(&self->picture);
    bars_line(&self->progress, &self->picture);
    if (cr_slice_equal(cr_str_slice(&self->picture), cr_str_slice(&self->last)))
        return;
    puts(cr_str_text(&self->picture));
    cr_str_clear(&self->last);
    cr_str_append_slice(&self->last, cr_str_slice(&self->picture));
}

static void
draw(watch_t *self, const char *trouble)
{
    if (!self->broadcast || ctl_is_json(self->ctl))
        return;
    if (self->live)
        draw_live(self, trouble);
    else
        draw_plain(self);
    fflush(stdout);
}

/* A daemon that is away for a moment is waited for; everything else ends the watch. */
static cr_err_t
look(watch_t *self)
{
    ctl_t *ctl = self->ctl;
    json_t *seen;
    const char *path = api_path(ctl->api, "/v1/broadcasts/", ctl_operand(ctl, 0), NULL);
    cr_err_t err = api_get(ctl->api, path, &seen);
    int64_t now_us = cr_clock_mono_us();
    if (err == CR_OK) {
        json_decref(self->broadcast);
        self->broadcast = seen;
        self->heard_us = now_us;
        progress_read(seen, &self->progress);
        draw(self, "");
        return CR_OK;
    }
    bool may_return = err == CR_CLOSED || err == CR_TIMEOUT || err == CR_AGAIN;
    if (!self->broadcast || !may_return || now_us - self->heard_us > SILENCE_MAX_MS * CR_US_PER_MS)
        return err;
    draw(self, ctl->fault.text);
    return CR_OK;
}

static void
pause_ms(long ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

/* Ends when nothing will change any more, or when nobody reads us. */
static cr_err_t
follow(watch_t *self)
{
    for (;;) {
        cr_err_t err = look(self);
        if (err != CR_OK || terminal_is_unread(stdout) || progress_is_over(&self->progress))
            return err;
        pause_ms(self->live ? LIVE_MS : PLAIN_MS);
    }
}

static cr_err_t
conclude(watch_t *self)
{
    ctl_t *ctl = self->ctl;
    cr_err_t err = CR_OK;
    if (ctl_is_json(ctl))
        err = view_json(self->broadcast);
    else {
        putchar('\n');
        err = summary_print(&self->progress);
    }
    if (err != CR_OK || progress_adds_up(&self->progress))
        return err;
    return strcmp(self->progress.state, "finished") == 0
               ? words_refuse(&ctl->fault, CR_CONFLICT, W_DOES_NOT_ADD_UP, self->progress.id, NULL)
               : words_refuse(&ctl->fault, CR_CONFLICT, W_ENDED_AS, self->progress.id,
                              word_for(self->progress.state), NULL);
}

static cr_err_t
watch(ctl_t *ctl)
{
    int64_t now_us = cr_clock_mono_us();
    watch_t self = {
        .ctl = ctl, .begun_us = now_us, .heard_us = now_us, .live = terminal_is(stdout)};
    cr_str_init(&self.picture, PICTURE_BYTES_MAX);
    cr_str_init(&self.last, PICTURE_BYTES_MAX);
    cr_err_t err = follow(&self);
    if (err == CR_OK && !terminal_is_unread(stdout))
        err = conclude(&self);
    json_decref(self.broadcast);
    cr_str_fini(&self.picture);
    cr_str_fini(&self.last);
    return err;
}

const command_t commands_watch[] = {
    {"watch", "ID", NULL, W_HELP_WATCH, watch},
    {0},
};

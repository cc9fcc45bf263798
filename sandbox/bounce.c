#include "bounce.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cr_clock.h"
#include "cr_log.h"
#include "cr_str.h"

enum { PATH_BYTES_MAX = 4096, REPORT_BYTES_MAX = 4096, NAME_BYTES_MAX = 64 };

struct bounce {
    int fresh_fd, draft_fd; /* new/ and tmp/ */
    unsigned number;
};

static int
open_folder(const char *maildir, const char *name)
{
    char path[PATH_BYTES_MAX];
    int length = snprintf(path, sizeof path, "%s%s", maildir, name);
    bool fits = length > 0 && length < PATH_BYTES_MAX;
    if (!fits || (mkdir(path, 0700) != 0 && errno != EEXIST))
        return -1;
    return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void
close_folder(int fd)
{
    if (fd != -1)
        close(fd);
}

cr_err_t
bounce_open(const char *maildir, bounce_t **self_p, cr_fault_t *fault)
{
    bounce_t *self = calloc(1, sizeof *self);
    if (!self)
        return cr_fault_set(fault, CR_NOMEM, "out of memory");
    close_folder(open_folder(maildir, ""));
    close_folder(open_folder(maildir, "/cur"));
    self->draft_fd = open_folder(maildir, "/tmp");
    self->fresh_fd = open_folder(maildir, "/new");
    if (self->draft_fd == -1 || self->fresh_fd == -1) {
        cr_fault_set(fault, CR_IO, "smtp.bounce_maildir: %s: %s", maildir, strerrordesc_np(errno));
        bounce_close(&self);
        return CR_IO;
    }
    *self_p = self;
    return CR_OK;
}

void
bounce_close(bounce_t **self_p)
{
    bounce_t *self = *self_p;
    if (!self)
        return;
    close_folder(self->draft_fd);
    close_folder(self->fresh_fd);
    free(self);
    *self_p = NULL;
}

static void
write_report(cr_str_t *out, cr_slice_t sender, cr_slice_t recipient)
{
    cr_str_appendf(
        out,
        "From: MAILER-DAEMON@sandbox.test\r\nTo: <%.*s>\r\n"
        "Subject: Undelivered Mail Returned to Sender\r\nAuto-Submitted: auto-replied\r\n"
        "MIME-Version: 1.0\r\nContent-Type: multipart/report;\r\n"
        "\treport-type=delivery-status; boundary=\"report\"\r\n\r\n"
        "--report\r\nContent-Type: text/plain\r\n\r\nThere is no such mailbox.\r\n\r\n"
        "--report\r\nContent-Type: message/delivery-status\r\n\r\n"
        "Reporting-MTA: dns; sandbox.test\r\n\r\nFinal-Recipient: rfc822; %.*s\r\n"
        "Action: failed\r\nStatus: 5.1.1\r\n"
        "Diagnostic-Code: smtp; 550 5.1.1 no such mailbox\r\n\r\n--report--\r\n",
        (int)sender.length, sender.text, (int)recipient.length, recipient.text);
}

/* Whole, or not at all: it appears in new/ when it is written. */
static bool
deliver(bounce_t *self, cr_slice_t report)
{
    char name[NAME_BYTES_MAX];
    snprintf(name, sizeof name, "%lld.P%ldQ%u.sandbox", (long long)cr_clock_wall_us(),
             (long)getpid(), self->number++);
    int fd = openat(self->draft_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool written = fd != -1 && write(fd, report.text, report.length) == (ssize_t)report.length;
    close_folder(fd);
    return written && renameat(self->draft_fd, name, self->fresh_fd, name) == 0;
}

void
bounce_consider(bounce_t *self, faults_t *faults, cr_slice_t sender, cr_slice_t recipient)
{
    fault_receipt_t fate = faults_receipt(faults, recipient);
    cr_str_t report;
    if (!fate.failed || sender.length == 0)
        return;
    cr_str_init(&report, REPORT_BYTES_MAX);
    write_report(&report, sender, recipient);
    for (unsigned i = 0; i < fate.copies && cr_str_err(&report) == CR_OK; i++)
        if (!deliver(self, cr_str_slice(&report)))
            cr_log(CR_LOG_ERR, "bounce_failed", "reason=\"%s\"", strerrordesc_np(errno));
    cr_str_fini(&report);
}

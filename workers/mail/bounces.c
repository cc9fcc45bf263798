#include "bounces.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cr_clock.h"
#include "cr_log.h"
#include "dsn.h"

enum { MAILS_MAX = 64, MAIL_BYTES_MAX = 256 * 1024, NAME_BYTES_MAX = 256, LOG_MS = 10000 };

struct bounces {
    const gateway_port_t *port;
    const uint8_t *key;
    int fresh_fd, read_fd; /* new/ and cur/ */
    char names[MAILS_MAX][NAME_BYTES_MAX];
    size_t count; /* that the daemon has not taken yet; nothing else is read meanwhile */
    cr_log_limit_t policy_log, trouble_log;
    char bytes[MAIL_BYTES_MAX];
};

static int
open_folder(const char *maildir, const char *folder)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", maildir, folder);
    return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

cr_err_t
bounces_new(const char *maildir, const uint8_t key[CR_TOKEN_KEY_BYTES], const gateway_port_t *port,
            bounces_t **self_p, cr_fault_t *fault)
{
    bounces_t *self = calloc(1, sizeof *self);
    if (!self)
        return cr_fault_set(fault, CR_NOMEM, "out of memory");
    self->port = port;
    self->key = key;
    self->fresh_fd = open_folder(maildir, "new");
    self->read_fd = open_folder(maildir, "cur");
    if (self->fresh_fd == -1 || self->read_fd == -1) {
        cr_fault_set(fault, CR_IO, "gateway.bounce_maildir: %s: %s", maildir,
                     strerrordesc_np(errno));
        bounces_destroy(&self);
        return CR_IO;
    }
    *self_p = self;
    return CR_OK;
}

void
bounces_destroy(bounces_t **self_p)
{
    bounces_t *self = *self_p;
    if (!self)
        return;
    if (self->fresh_fd != -1)
        close(self->fresh_fd);
    if (self->read_fd != -1)
        close(self->read_fd);
    free(self);
    *self_p = NULL;
}

static void
complain(bounces_t *self, const char *what)
{
    uint64_t suppressed;
    const char *reason = strerrordesc_np(errno);
    if (cr_log_limit(&self->trouble_log, cr_clock_mono_us(), LOG_MS, &suppressed))
        cr_log(CR_LOG_ERR, "bounces_unread", "what=%s reason=\"%s\"", what, reason);
}

static void
put_aside(bounces_t *self, const char *name)
{
    char read_name[NAME_BYTES_MAX + sizeof ":2,S"];
    snprintf(read_name, sizeof read_name, "%s%s", name, strchr(name, ':') ? "" : ":2,S");
    if (renameat(self->fresh_fd, name, self->read_fd, read_name) != 0 && errno != ENOENT)
        complain(self, "move");
}

/* ---- one mail --------------------------------------------------------------------------------- */

/* The head of it; false for what is no file, or cannot be read now. */
static bool
read_mail(bounces_t *self, const char *name, cr_slice_t *mail)
{
    struct stat seen;
    int fd = openat(self->fresh_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    ssize_t got = -1;
    size_t length = 0;
    if (fd != -1 && fstat(fd, &seen) == 0 && S_ISREG(seen.st_mode))
        while (length < sizeof self->bytes &&
               (got = read(fd, self->bytes + length, sizeof self->bytes - length)) > 0)
            length += (size_t)got;
    if (fd != -1)
        close(fd);
    *mail = (cr_slice_t){self->bytes, length};
    return got >= 0;
}

/* The relay refuses what we are or write: that concerns the office and no single reader. */
static void
raise_alarm(bounces_t *self, const dsn_t *dsn)
{
    char code[160];
    uint64_t suppressed;
    if (cr_log_limit(&self->policy_log, cr_clock_mono_us(), LOG_MS, &suppressed))
        cr_log(CR_LOG_WARN, "bounce_policy", "code=%s reference=%.*s suppressed=%llu",
               cr_log_value(dsn->code, code), (int)dsn->reference.length, dsn->reference.text,
               (unsigned long long)suppressed);
}

/* False: the daemon has no room for more now. */
static bool
report(bounces_t *self, const char *name, const dsn_t *dsn)
{
    const receipt_t receipt = {.reference = dsn->reference, .outcome = dsn->outcome};
    if (dsn->verdict == DSN_POLICY)
        raise_alarm(self, dsn);
    cr_err_t err = news_receipt(self->port->news, &receipt);
    if (err == CR_INVAL)
        put_aside(self, name);
    if (err != CR_OK)
        return err == CR_INVAL;
    memcpy(self->names[self->count++], name, strlen(name) + 1);
    return true;
}

static bool
take(bounces_t *self, const char *name, size_t counts[DSN_VERDICT_COUNT])
{
    cr_slice_t mail;
    if (!read_mail(self, name, &mail)) {
        complain(self, "read");
        put_aside(self, name);
        return true;
    }
    dsn_t dsn = dsn_read(mail, self->key);
    counts[dsn.verdict]++;
    if (dsn.verdict == DSN_FAILED || dsn.verdict == DSN_POLICY)
        return report(self, name, &dsn);
    put_aside(self, name);
    return true;
}

/* ---- the mailbox ------------------------------------------------------------------------------ */

/* DIR takes a descriptor of its own, which begins at the start. */
static DIR *
open_fresh(const bounces_t *self)
{
    int fd = openat(self->fresh_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = fd == -1 ? NULL : fdopendir(fd);
    if (!folder && fd != -1)
        close(fd);
    return folder;
}

static void
log_counts(const size_t counts[DSN_VERDICT_COUNT])
{
    if (counts[DSN_STRAY] + counts[DSN_OTHER] + counts[DSN_NOTED] + counts[DSN_FAILED] +
            counts[DSN_POLICY] ==
        0)
        return;
    cr_log(CR_LOG_INFO, "bounces", "failed=%zu policy=%zu noted=%zu other=%zu stray=%zu",
           counts[DSN_FAILED], counts[DSN_POLICY], counts[DSN_NOTED], counts[DSN_OTHER],
           counts[DSN_STRAY]);
}

void
bounces_tick(bounces_t *self)
{
    size_t counts[DSN_VERDICT_COUNT] = {0}, looked_at = 0;
    DIR *folder = self->count == 0 ? open_fresh(self) : NULL;
    if (!folder)
        return;
    bool more = true;
    for (struct dirent *entry; more && looked_at < MAILS_MAX && (entry = readdir(folder));) {
        if (entry->d_name[0] == '.')
            continue;
        looked_at++;
        more = take(self, entry->d_name, counts);
    }
    closedir(folder);
    log_counts(counts);
    if (self->count == 0)
        return;
    if (news_wait(self->port->news, 0) != CR_OK)
        self->count = 0; /* they are read, and said, again */
    self->port->wake(self->port->runtime);
}

void
bounces_taken(bounces_t *self)
{
    for (size_t i = 0; i < self->count; i++)
        put_aside(self, self->names[i]);
    self->count = 0;
}

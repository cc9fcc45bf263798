#include "cr_keys.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SECRET_FILE_MAX = 4096 };

/* systemd gives the service's user a credential by an access list, which shows as the group's read
 * permission; nobody else reaches the folder (systemd.exec(5), CREDENTIALS). */
static mode_t
forbidden_bits(const char *file)
{
    const char *folder = getenv("CREDENTIALS_DIRECTORY");
    size_t length = folder ? strlen(folder) : 0;
    bool credential = length > 0 && strncmp(file, folder, length) == 0 && file[length] == '/';
    return credential ? 037 : 077;
}

/* CR_DENIED when group or others may read `file`. */
static cr_err_t
check_private(const char *file, cr_fault_t *fault)
{
    struct stat seen;
    if (stat(file, &seen) != 0)
        return cr_fault_set(fault, CR_IO, "%s: %s", file, strerrordesc_np(errno));
    if (!S_ISREG(seen.st_mode))
        return cr_fault_set(fault, CR_IO, "%s: not a regular file", file);
    if ((seen.st_mode & forbidden_bits(file)) != 0)
        return cr_fault_set(fault, CR_DENIED,
                            "%s: others may read this secret (mode %03o); chmod 600 it", file,
                            (unsigned)(seen.st_mode & 0777));
    return CR_OK;
}

static bool
exists(const char *file)
{
    return access(file, F_OK) == 0;
}

cr_err_t
cr_keys_make_curve(const char *file, const char *name, cr_fault_t *fault)
{
    char secret[512];
    if (snprintf(secret, sizeof secret, "%s_secret", file) >= (int)sizeof secret)
        return cr_fault_set(fault, CR_TOOBIG, "%s: the name is too long", file);
    if (exists(file) || exists(secret))
        return cr_fault_set(fault, CR_EXISTS, "%s: exists already and is kept", file);
    zcert_t *cert = zcert_new();
    if (!cert)
        return cr_fault_set(fault, CR_NOMEM, "%s: no key could be made", file);
    zcert_set_meta(cert, "name", "%s", name);
    mode_t mask = umask(077);
    int saved = zcert_save(cert, file);
    umask(mask);
    zcert_destroy(&cert);
    if (saved != 0 || chmod(file, 0644) != 0)
        return cr_fault_set(fault, CR_IO, "%s: cannot be written", file);
    return CR_OK;
}

cr_err_t
cr_keys_load_curve(const char *file, zcert_t **cert, cr_fault_t *fault)
{
    cr_err_t err = check_private(file, fault);
    if (err != CR_OK)
        return err;
    /* zcert_load wants the public file's name and appends "_secret" itself, if it exists. */
    zcert_t *loaded = zcert_load(file);
    static const uint8_t none[32];
    if (!loaded || memcmp(zcert_secret_key(loaded), none, sizeof none) == 0) {
        zcert_destroy(&loaded);
        return cr_fault_set(fault, CR_CORRUPT, "%s: not a CURVE certificate with a secret key",
                            file);
    }
    *cert = loaded;
    return CR_OK;
}

cr_err_t
cr_keys_load_public(const char *file, zcert_t **cert, cr_fault_t *fault)
{
    /* Read through zconfig: zcert_load would prefer FILE_secret lying beside it. */
    zconfig_t *root = zconfig_load(file);
    const char *text = root ? zconfig_get(root, "curve/public-key", NULL) : NULL;
    const char *name = root ? zconfig_get(root, "metadata/name", NULL) : NULL;
    uint8_t public_key[32], no_secret[32] = {0};
    if (!text || strlen(text) != 40 || !zmq_z85_decode(public_key, text)) {
        zconfig_destroy(&root);
        return cr_fault_set(fault, CR_CORRUPT, "%s: not a CURVE certificate", file);
    }
    zcert_t *loaded = zcert_new_from(public_key, no_secret);
    if (loaded && name)
        zcert_set_meta(loaded, "name", "%s", name);
    zconfig_destroy(&root);
    if (!loaded)
        return cr_fault_set(fault, CR_NOMEM, "%s: out of memory", file);
    *cert = loaded;
    return CR_OK;
}

cr_err_t
cr_keys_make_secret(const char *file, cr_fault_t *fault)
{
    if (sodium_init() < 0)
        return cr_fault_set(fault, CR_IO, "%s: no randomness", file);
    uint8_t key[CR_KEY_BYTES];
    char text[2 * CR_KEY_BYTES + 2];
    randombytes_buf(key, sizeof key);
    sodium_bin2hex(text, sizeof text - 1, key, sizeof key);
    text[2 * CR_KEY_BYTES] = '\n';
    int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return cr_fault_set(fault, errno == EEXIST ? CR_EXISTS : CR_IO, "%s: %s", file,
                            errno == EEXIST ? "exists already and is kept"
                                            : strerrordesc_np(errno));
    const size_t length = 2 * CR_KEY_BYTES + 1;
    bool written = write(fd, text, length) == (ssize_t)length && fsync(fd) == 0;
    sodium_memzero(text, sizeof text);
    sodium_memzero(key, sizeof key);
    if (close(fd) != 0 || !written)
        return cr_fault_set(fault, CR_IO, "%s: cannot be written", file);
    return CR_OK;
}

cr_err_t
cr_keys_load_line(const char *file, char **line, cr_fault_t *fault)
{
    cr_err_t err = check_private(file, fault);
    if (err != CR_OK)
        return err;
    FILE *in = fopen(file, "re");
    if (!in)
        return cr_fault_set(fault, CR_IO, "%s: %s", file, strerrordesc_np(errno));
    char text[SECRET_FILE_MAX];
    bool read = fgets(text, sizeof text, in) != NULL;
    fclose(in);
    text[read ? strcspn(text, "\r\n") : 0] = '\0';
    if (text[0] == '\0')
        return cr_fault_set(fault, CR_CORRUPT, "%s: the first line is empty", file);
    char *copy = strdup(text);
    sodium_memzero(text, sizeof text);
    if (!copy)
        return cr_fault_set(fault, CR_NOMEM, "%s: out of memory", file);
    *line = copy;
    return CR_OK;
}

cr_err_t
cr_keys_load_secret(const char *file, uint8_t key[CR_KEY_BYTES], cr_fault_t *fault)
{
    char *line = NULL;
    cr_err_t err = cr_keys_load_line(file, &line, fault);
    if (!line)
        return err;
    uint8_t read[CR_KEY_BYTES];
    size_t bytes = 0;
    const char *end = NULL;
    bool whole = sodium_hex2bin(read, sizeof read, line, strlen(line), NULL, &bytes, &end) == 0 &&
                 bytes == CR_KEY_BYTES && *end == '\0';
    sodium_memzero(line, strlen(line));
    free(line);
    if (!whole)
        return cr_fault_set(fault, CR_CORRUPT, "%s: must hold %d hex digits", file,
                            2 * CR_KEY_BYTES);
    memcpy(key, read, CR_KEY_BYTES);
    sodium_memzero(read, sizeof read);
    return CR_OK;
}

#include "cr_config.h"

#include <errno.h>
#include <inttypes.h>
#include <libconfig.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cr_str.h"

enum { CONFIG_FILE_MAX = 1 << 20, PATH_MAX_BYTES = 256 };

typedef struct {
    const cr_option_t *table;
    const char *file;
    char *text; /* of the file, to check numbers on */
    void *config;
    cr_fault_t *fault;
} load_t;

static int64_t *
int_at(const cr_option_t *option, void *config)
{
    return (int64_t *)((char *)config + option->offset);
}

static bool *
bool_at(const cr_option_t *option, void *config)
{
    return (bool *)((char *)config + option->offset);
}

static char **
text_at(const cr_option_t *option, void *config)
{
    return (char **)((char *)config + option->offset);
}

static bool
choice_is_allowed(const char *choices, const char *value)
{
    size_t length = strlen(value);
    for (const char *at = choices; at; at = strchr(at, '|')) {
        at += *at == '|';
        if (strcspn(at, "|") == length && strncmp(at, value, length) == 0)
            return true;
    }
    return false;
}

static cr_err_t
store_int(load_t *self, const cr_option_t *option, const char *text, size_t line)
{
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 0);
    while (*end == 'L' || *end == 'l')
        end++;
    if (end == text || *end != '\0')
        return cr_fault_set_at(self->fault, CR_INVAL, line, 0, "%s: must be a whole number",
                               option->key);
    if (errno == ERANGE || value < option->min || value > option->max)
        return cr_fault_set_at(self->fault, CR_RANGE, line, 0,
                               "%s: must be from %" PRId64 " to %" PRId64, option->key, option->min,
                               option->max);
    *int_at(option, self->config) = value;
    return CR_OK;
}

static cr_err_t
store_text(load_t *self, const cr_option_t *option, const char *text, size_t line)
{
    int64_t length = (int64_t)strlen(text);
    if (length < option->min)
        return cr_fault_set_at(self->fault, CR_RANGE, line, 0, "%s: must not be empty",
                               option->key);
    if (length > option->max)
        return cr_fault_set_at(self->fault, CR_RANGE, line, 0,
                               "%s: may have %" PRId64 " bytes at most", option->key, option->max);
    if (option->choices && !choice_is_allowed(option->choices, text))
        return cr_fault_set_at(self->fault, CR_INVAL, line, 0, "%s: must be one of %s", option->key,
                               option->choices);
    char *copy = strdup(text);
    if (!copy)
        return cr_fault_set(self->fault, CR_NOMEM, "out of memory");
    free(*text_at(option, self->config));
    *text_at(option, self->config) = copy;
    return CR_OK;
}

static cr_err_t
store_bool(load_t *self, const cr_option_t *option, const char *text, size_t line)
{
    if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
        return cr_fault_set_at(self->fault, CR_INVAL, line, 0, "%s: must be true or false",
                               option->key);
    *bool_at(option, self->config) = text[0] == 't';
    return CR_OK;
}

/* `credential:NAME`: what LoadCredential= of the service's unit brought (systemd.exec(5)). */
static cr_err_t
store_secret_file(load_t *self, const cr_option_t *option, const char *text, size_t line)
{
    static const char scheme[] = "credential:";
    if (strncmp(text, scheme, sizeof scheme - 1) != 0)
        return store_text(self, option, text, line);
    const char *name = text + sizeof scheme - 1, *folder = getenv("CREDENTIALS_DIRECTORY");
    char path[PATH_MAX_BYTES];
    if (!folder)
        return cr_fault_set_at(self->fault, CR_INVAL, line, 0,
                               "%s: %s: the service was started without credentials", option->key,
                               text);
    int length = snprintf(path, sizeof path, "%s/%s", folder, name);
    if (name[0] == '\0' || strchr(name, '/') || length >= (int)sizeof path)
        return cr_fault_set_at(self->fault, CR_INVAL, line, 0, "%s: no name of a credential: %s",
                               option->key, name);
    return store_text(self, option, path, line);
}

typedef cr_err_t store_fn(load_t *self, const cr_option_t *option, const char *text, size_t line);

static const struct {
    store_fn *store;
    const char *name;
} kinds[] = {
    [CR_OPT_INT] = {store_int, "number"},
    [CR_OPT_BOOL] = {store_bool, "true or false"},
    [CR_OPT_TEXT] = {store_text, "text"},
    [CR_OPT_SECRET_FILE] = {store_secret_file, "file with mode 0600"},
};

/* The number as it stands on its line of the file: libconfig's own value may have wrapped. */
static cr_err_t
number_text(load_t *self, const char *leaf, size_t line, char out[64])
{
    const char *at = self->text;
    for (size_t i = 1; i < line && at; i++) {
        at = strchr(at, '\n');
        if (at)
            at++;
    }
    /* The value's own line counts; its name may stand on the same line or before it. */
    const char *end = at ? at + strcspn(at, "\n") : NULL;
    const char *name = at ? strstr(at, leaf) : NULL;
    const char *value = name && name < end ? name + strlen(leaf) : at;
    if (value)
        value += strspn(value, " \t=:");
    size_t length = value ? strspn(value, "+-0123456789abcdefABCDEFxXlL.") : 0;
    if (length == 0 || length >= 64)
        return cr_fault_set_at(self->fault, CR_RANGE, line, 0, "%s: must be a whole number", leaf);
    memcpy(out, value, length);
    out[length] = '\0';
    return CR_OK;
}

static cr_err_t
store_setting(load_t *self, const cr_option_t *option, const config_setting_t *setting)
{
    size_t line = config_setting_source_line(setting);
    const char *dot = strrchr(option->key, '.');
    const char *leaf = dot ? dot + 1 : option->key;
    char number[64];
    cr_err_t err;
    switch (config_setting_type(setting)) {
    case CONFIG_TYPE_INT:
    case CONFIG_TYPE_INT64:
        if (option->kind != CR_OPT_INT)
            break;
        err = number_text(self, leaf, line, number);
        return err == CR_OK ? store_int(self, option, number, line) : err;
    case CONFIG_TYPE_BOOL:
        if (option->kind != CR_OPT_BOOL)
            break;
        return store_bool(self, option, config_setting_get_bool(setting) ? "true" : "false", line);
    case CONFIG_TYPE_STRING:
        if (option->kind != CR_OPT_TEXT && option->kind != CR_OPT_SECRET_FILE)
            break;
        return kinds[option->kind].store(self, option, config_setting_get_string(setting), line);
    default:
        break;
    }
    return cr_fault_set_at(self->fault, CR_INVAL, line, 0, "%s: must be a %s", option->key,
                           kinds[option->kind].name);
}

static const cr_option_t *
option_find(const cr_option_t *table, const char *path)
{
    for (; table->key; table++)
        if (strcmp(table->key, path) == 0)
            return table;
    return NULL;
}

/* Walks the file's groups; every leaf must be an option, every option is stored once. */
static cr_err_t
walk(load_t *self, const config_setting_t *group, const char *prefix)
{
    for (int i = 0; i < config_setting_length(group); i++) {
        const config_setting_t *setting = config_setting_get_elem(group, (unsigned)i);
        const char *name = config_setting_name(setting);
        char path[PATH_MAX_BYTES];
        int length =
            snprintf(path, sizeof path, "%s%s%s", prefix, *prefix ? "." : "", name ? name : "?");
        const cr_option_t *option =
            length < (int)sizeof path ? option_find(self->table, path) : NULL;
        cr_err_t err;
        if (option)
            err = store_setting(self, option, setting);
        else if (config_setting_type(setting) == CONFIG_TYPE_GROUP && length < (int)sizeof path)
            err = walk(self, setting, path);
        else
            err = cr_fault_set_at(self->fault, CR_INVAL, config_setting_source_line(setting), 0,
                                  "%s: no such option", path);
        if (err != CR_OK)
            return err;
    }
    return CR_OK;
}

static cr_err_t
store_defaults(load_t *self)
{
    for (const cr_option_t *option = self->table; option->key; option++) {
        if (!option->fallback)
            continue;
        cr_err_t err = kinds[option->kind].store(self, option, option->fallback, 0);
        CR_ASSERT(err == CR_OK || err == CR_NOMEM); /* a default outside its own limits */
        if (err != CR_OK)
            return err;
    }
    return CR_OK;
}

static cr_err_t
check_given(load_t *self, const config_t *parsed)
{
    for (const cr_option_t *option = self->table; option->key; option++)
        if (!option->fallback && !config_lookup(parsed, option->key))
            return cr_fault_set(self->fault, CR_INVAL, "%s: must be given", option->key);
    return CR_OK;
}

static cr_err_t
file_read(const char *file, char **text, cr_fault_t *fault)
{
    FILE *in = fopen(file, "re");
    if (!in)
        return cr_fault_set(fault, errno == ENOENT ? CR_NOTFOUND : CR_IO, "%s",
                            strerrordesc_np(errno));
    char *bytes = malloc(CONFIG_FILE_MAX + 1);
    size_t length = bytes ? fread(bytes, 1, CONFIG_FILE_MAX + 1, in) : 0;
    bool failed = ferror(in) != 0;
    fclose(in);
    if (!bytes || failed || length > CONFIG_FILE_MAX || memchr(bytes, '\0', length)) {
        free(bytes);
        return cr_fault_set(fault, CR_INVAL, "not a configuration file (1 MiB of text at most)");
    }
    bytes[length] = '\0';
    *text = bytes;
    return CR_OK;
}

/* libconfig would open other files in the middle of ours, and its lines would be theirs. */
static cr_err_t
refuse_includes(const char *text, cr_fault_t *fault)
{
    size_t line = 1;
    for (const char *at = text; at; line++) {
        if (strncmp(at + strspn(at, " \t"), "@include", 8) == 0)
            return cr_fault_set_at(fault, CR_INVAL, line, 0, "@include is not supported");
        at = strchr(at, '\n');
        if (at)
            at++;
    }
    return CR_OK;
}

static cr_err_t
parse(load_t *self)
{
    config_t parsed;
    config_init(&parsed);
    cr_err_t err;
    if (config_read_string(&parsed, self->text) != CONFIG_TRUE) {
        err = cr_fault_set_at(self->fault, CR_INVAL, (size_t)config_error_line(&parsed), 0, "%s",
                              config_error_text(&parsed));
    } else {
        err = store_defaults(self);
        if (err == CR_OK)
            err = walk(self, config_root_setting(&parsed), "");
        if (err == CR_OK)
            err = check_given(self, &parsed);
    }
    config_destroy(&parsed);
    return err;
}

cr_err_t
cr_config_load(const cr_option_t *table, const char *file, void *config, cr_fault_t *fault)
{
    cr_fault_t own = {0};
    load_t self = {.table = table, .file = file, .config = config, .fault = &own};
    cr_err_t err = file_read(file, &self.text, &own);
    if (err == CR_OK)
        err = refuse_includes(self.text, &own);
    if (err == CR_OK)
        err = parse(&self);
    free(self.text);
    if (err == CR_OK)
        return CR_OK;
    if (own.line > 0)
        return cr_fault_set_at(fault, err, own.line, 0, "%s:%zu: %s", file, own.line, own.text);
    return cr_fault_set(fault, err, "%s: %s", file, own.text);
}

void
cr_config_free(const cr_option_t *table, void *config)
{
    for (; table->key; table++) {
        if (table->kind != CR_OPT_TEXT && table->kind != CR_OPT_SECRET_FILE)
            continue;
        free(*text_at(table, config));
        *text_at(table, config) = NULL;
    }
}

static void
print_quoted(const char *text, FILE *out)
{
    fputc('"', out);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            fputc('\\', out);
        fputc(*text, out);
    }
    fputc('"', out);
}

static void
print_value(const cr_option_t *option, const void *config, FILE *out)
{
    void *writable = (void *)(uintptr_t)config; /* the accessors serve loading too */
    switch (option->kind) {
    case CR_OPT_INT:
        fprintf(out, "%" PRId64 "L", *int_at(option, writable));
        break;
    case CR_OPT_BOOL:
        fputs(*bool_at(option, writable) ? "true" : "false", out);
        break;
    case CR_OPT_TEXT:
    case CR_OPT_SECRET_FILE:
        print_quoted(*text_at(option, writable), out);
        break;
    }
}

static size_t
group_length(const char *key)
{
    const char *dot = strrchr(key, '.');
    return dot ? (size_t)(dot - key) : 0;
}

static bool
is_first_of_group(const cr_option_t *table, const cr_option_t *option)
{
    size_t length = group_length(option->key);
    for (; table != option; table++)
        if (group_length(table->key) == length && strncmp(table->key, option->key, length) == 0)
            return false;
    return true;
}

void
cr_config_print(const cr_option_t *table, const void *config, FILE *out)
{
    for (const cr_option_t *group = table; group->key; group++) {
        size_t length = group_length(group->key);
        if (!is_first_of_group(table, group))
            continue;
        if (length > 0)
            fprintf(out, "%.*s: {\n", (int)length, group->key);
        for (const cr_option_t *option = group; option->key; option++) {
            if (group_length(option->key) != length ||
                strncmp(option->key, group->key, length) != 0)
                continue;
            fprintf(out, "%s%s = ", length ? "    " : "", option->key + length + (length > 0));
            print_value(option, config, out);
            fputs(";\n", out);
        }
        if (length > 0)
            fputs("};\n", out);
    }
}

void
cr_config_reference(const cr_option_t *table, FILE *out)
{
    fputs("| option | kind | default | limits | meaning |\n| --- | --- | --- | --- | --- |\n", out);
    for (; table->key; table++) {
        fprintf(out, "| `%s` | %s | ", table->key, kinds[table->kind].name);
        if (!table->fallback)
            fputs("must be given | ", out);
        else
            fprintf(out, "`%s` | ", *table->fallback ? table->fallback : "\"\"");
        if (table->kind == CR_OPT_INT)
            fprintf(out, "%" PRId64 " to %" PRId64, table->min, table->max);
        else if (table->choices)
            for (const char *c = table->choices; *c; c++)
                fputs(*c == '|' ? ", " : (char[2]){*c, '\0'}, out);
        fprintf(out, " | %s |\n", table->help);
    }
}

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cr_config.h"
#include "cr_test.h"

const char cr_suite[] = "config";

typedef struct {
    int64_t port, wait_ms;
    bool quiet;
    char *mode, *name, *secret;
} settings_t;

static const cr_option_t table[] = {
    {"http.port", CR_OPT_INT, offsetof(settings_t, port), 0, 65535, "8080", NULL, "port"},
    {"wait_ms", CR_OPT_INT, offsetof(settings_t, wait_ms), 1, INT64_C(10000000000), "5", NULL, ""},
    {"quiet", CR_OPT_BOOL, offsetof(settings_t, quiet), 0, 0, "false", NULL, "say less"},
    {"http.mode", CR_OPT_TEXT, offsetof(settings_t, mode), 0, 10, "plain", "plain|tls", "how"},
    {"name", CR_OPT_TEXT, offsetof(settings_t, name), 1, 10, NULL, NULL, "must be given"},
    {"secret_file", CR_OPT_SECRET_FILE, offsetof(settings_t, secret), 0, 99, "", NULL, "a file"},
    {0},
};

static char path[] = "/tmp/crier-config-XXXXXX";

static void
write_file(const char *text)
{
    FILE *file = fopen(path, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fputs(text, file);
    fclose(file);
}

static cr_err_t
load(const char *text, settings_t *settings, cr_fault_t *fault)
{
    memcpy(path, "/tmp/crier-config-XXXXXX", sizeof path);
    int fd = mkstemp(path);
    CU_ASSERT_TRUE_FATAL(fd >= 0);
    close(fd);
    write_file(text);
    cr_err_t err = cr_config_load(table, path, settings, fault);
    unlink(path);
    return err;
}

static void
what_is_given_is_taken_and_the_rest_has_its_default(void)
{
    settings_t settings = {0};
    cr_fault_t fault;
    CU_ASSERT_EQUAL(load("http: { port = 81; mode = \"tls\"; };\nname = \"木铎\"; quiet = true;\n"
                         "wait_ms = 9000000000L;",
                         &settings, &fault),
                    CR_OK);
    CU_ASSERT_EQUAL(settings.port, 81);
    CU_ASSERT_EQUAL(settings.wait_ms, INT64_C(9000000000));
    CU_ASSERT_STRING_EQUAL(settings.mode, "tls");
    CU_ASSERT_STRING_EQUAL(settings.name, "木铎");
    CU_ASSERT_STRING_EQUAL(settings.secret, "");
    CU_ASSERT_TRUE(settings.quiet);
    cr_config_free(table, &settings);
}

static void
what_is_wrong_is_refused_with_line_and_key(void)
{
    static const struct {
        const char *text, *named;
        size_t line;
    } cases[] = {
        {"name = \"a\";\nhttp: {\n  prot = 1;\n};", "prot", 3},
        {"name = \"a\";\nhttp: { port = \"x\"; };", "http.port", 2},
        {"name = \"a\";\nhttp: { port = 65536; };", "http.port", 2},
        {"name = \"a\";\nhttp: { port = -1; };", "http.port", 2},
        {"name = \"a\";\nhttp: { port = 4294967376; };", "http.port", 2},
        {"name = \"a\";\nhttp: { port = 99999999999999999999; };", "port", 2},
        {"name = \"a\"; http: { mode = \"ssl\"; };", "plain|tls", 1},
        {"name = \"01234567890\";", "name", 1},
        {"name = \"\";", "name", 1},
        {"quiet = false;", "name", 0},
        {"name = \"a\"; quiet = 1;", "quiet", 1},
        {"name = \"a\";\nhttp: { port = ", "", 2},
        {"@include \"other.cfg\"\nname = \"a\";", "include", 1},
    };
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        settings_t settings = {0};
        cr_fault_t fault = {.text = ""};
        CU_ASSERT_NOT_EQUAL(load(cases[i].text, &settings, &fault), CR_OK);
        CU_ASSERT_PTR_NOT_NULL(strstr(fault.text, cases[i].named));
        if (cases[i].line > 0) {
            char place[64];
            snprintf(place, sizeof place, "%s:%zu", path, cases[i].line);
            CU_ASSERT_PTR_NOT_NULL(strstr(fault.text, place));
        }
        cr_config_free(table, &settings);
    }
}

static void
a_secret_may_be_a_credential_of_the_service(void)
{
    static const char text[] = "name = \"a\";\nsecret_file = \"credential:sms.password\";";
    settings_t settings = {0};
    cr_fault_t fault = {.text = ""};
    unsetenv("CREDENTIALS_DIRECTORY");
    CU_ASSERT_EQUAL(load(text, &settings, &fault), CR_INVAL);
    CU_ASSERT_PTR_NOT_NULL(strstr(fault.text, "without credentials"));
    cr_config_free(table, &settings);
    setenv("CREDENTIALS_DIRECTORY", "/run/credentials/crier", 1);
    CU_ASSERT_EQUAL(load(text, &settings, &fault), CR_OK);
    CU_ASSERT_STRING_EQUAL(settings.secret, "/run/credentials/crier/sms.password");
    cr_config_free(table, &settings);
    settings = (settings_t){0};
    CU_ASSERT_EQUAL(
        load("name = \"a\";\nsecret_file = \"credential:../shadow\";", &settings, &fault),
        CR_INVAL);
    CU_ASSERT_PTR_NOT_NULL(strstr(fault.text, ":2: secret_file"));
    cr_config_free(table, &settings);
    unsetenv("CREDENTIALS_DIRECTORY");
}

static void
a_missing_file_is_refused_and_not_made(void)
{
    settings_t settings = {0};
    cr_fault_t fault;
    CU_ASSERT_NOT_EQUAL(cr_config_load(table, "/tmp/crier-none.cfg", &settings, &fault), CR_OK);
    CU_ASSERT_PTR_NOT_NULL(strstr(fault.text, "/tmp/crier-none.cfg"));
    CU_ASSERT_NOT_EQUAL(access("/tmp/crier-none.cfg", F_OK), 0);
    cr_config_free(table, &settings);
}

static void
what_is_printed_is_read_back_the_same(void)
{
    settings_t settings = {0}, again = {0};
    cr_fault_t fault;
    char *printed = NULL, *printed_again = NULL;
    size_t length;
    CU_ASSERT_EQUAL(load("name = \"a\\\"b\\\\\"; http: { port = 1; };", &settings, &fault), CR_OK);
    FILE *out = open_memstream(&printed, &length);
    cr_config_print(table, &settings, out);
    fclose(out);
    CU_ASSERT_EQUAL(load(printed, &again, &fault), CR_OK);
    CU_ASSERT_STRING_EQUAL(again.name, "a\"b\\");
    CU_ASSERT_EQUAL(again.port, 1);
    out = open_memstream(&printed_again, &length);
    cr_config_print(table, &again, out);
    fclose(out);
    CU_ASSERT_STRING_EQUAL(printed, printed_again);
    free(printed);
    free(printed_again);
    cr_config_free(table, &settings);
    cr_config_free(table, &again);
}

CU_TestInfo cr_tests[] = {
    {"what is given is taken, and the rest has its default",
     what_is_given_is_taken_and_the_rest_has_its_default},
    {"what is wrong is refused with line and key", what_is_wrong_is_refused_with_line_and_key},
    {"a secret may be a credential of the service", a_secret_may_be_a_credential_of_the_service},
    {"a missing file is refused and not made", a_missing_file_is_refused_and_not_made},
    {"what is printed is read back the same", what_is_printed_is_read_back_the_same},
    CU_TEST_INFO_NULL,
};

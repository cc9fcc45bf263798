#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cr_keys.h"
#include "cr_test.h"

const char cr_suite[] = "keys";

static char folder[64], path[128], secret_path[160];

static void
fresh_folder(void)
{
    snprintf(folder, sizeof folder, "/tmp/crier-keys-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/key", folder);
    snprintf(secret_path, sizeof secret_path, "%s_secret", path);
}

static void
remove_folder(void)
{
    unlink(path);
    unlink(secret_path);
    CU_ASSERT_EQUAL(rmdir(folder), 0);
}

static void
a_curve_pair_is_made_once_and_loads(void)
{
    cr_fault_t fault;
    zcert_t *secret = NULL, *public = NULL;
    fresh_folder();
    CU_ASSERT_EQUAL(cr_keys_make_curve(path, "sms-1", &fault), CR_OK);
    CU_ASSERT_EQUAL(cr_keys_make_curve(path, "sms-1", &fault), CR_EXISTS);
    CU_ASSERT_EQUAL(cr_keys_load_curve(secret_path, &secret, &fault), CR_OK);
    CU_ASSERT_EQUAL(cr_keys_load_public(path, &public, &fault), CR_OK);
    CU_ASSERT_STRING_EQUAL(zcert_public_txt(secret), zcert_public_txt(public));
    CU_ASSERT_STRING_EQUAL(zcert_meta(public, "name"), "sms-1");
    zcert_destroy(&secret);
    zcert_destroy(&public);
    CU_ASSERT_EQUAL(chmod(secret_path, 0640), 0);
    CU_ASSERT_EQUAL(cr_keys_load_curve(secret_path, &secret, &fault), CR_DENIED);
    CU_ASSERT_PTR_NOT_NULL(strstr(fault.text, secret_path));
    remove_folder();
}

static void
a_secret_is_private_and_never_overwritten(void)
{
    cr_fault_t fault;
    uint8_t key[CR_KEY_BYTES], again[CR_KEY_BYTES];
    struct stat status;
    fresh_folder();
    CU_ASSERT_EQUAL(cr_keys_make_secret(path, &fault), CR_OK);
    CU_ASSERT_EQUAL(stat(path, &status), 0);
    CU_ASSERT_EQUAL(status.st_mode & 0777, 0600);
    CU_ASSERT_EQUAL(cr_keys_load_secret(path, key, &fault), CR_OK);
    CU_ASSERT_EQUAL(cr_keys_make_secret(path, &fault), CR_EXISTS);
    CU_ASSERT_EQUAL(cr_keys_load_secret(path, again, &fault), CR_OK);
    CU_ASSERT_EQUAL(memcmp(key, again, sizeof key), 0);
    CU_ASSERT_EQUAL(chmod(path, 0604), 0);
    CU_ASSERT_EQUAL(cr_keys_load_secret(path, key, &fault), CR_DENIED);
    remove_folder();
}

static void
a_credential_of_the_service_shows_its_access_list_as_the_group(void)
{
    cr_fault_t fault;
    uint8_t key[CR_KEY_BYTES];
    fresh_folder();
    CU_ASSERT_EQUAL(cr_keys_make_secret(path, &fault), CR_OK);
    CU_ASSERT_EQUAL(chmod(path, 0440), 0);
    CU_ASSERT_EQUAL(cr_keys_load_secret(path, key, &fault), CR_DENIED);
    setenv("CREDENTIALS_DIRECTORY", folder, 1);
    CU_ASSERT_EQUAL(cr_keys_load_secret(path, key, &fault), CR_OK);
    CU_ASSERT_EQUAL(chmod(path, 0444), 0);
    CU_ASSERT_EQUAL(cr_keys_load_secret(path, key, &fault), CR_DENIED);
    unsetenv("CREDENTIALS_DIRECTORY");
    remove_folder();
}

static void
a_damaged_or_missing_file_is_refused_by_name(void)
{
    cr_fault_t fault;
    uint8_t key[CR_KEY_BYTES];
    char *line = NULL;
    fresh_folder();
    CU_ASSERT_NOT_EQUAL(cr_keys_load_secret(path, key, &fault), CR_OK);
    CU_ASSERT_PTR_NOT_NULL(strstr(fault.text, path));
    FILE *file = fopen(path, "w");
    fputs("0123456789\n", file);
    fclose(file);
    chmod(path, 0600);
    CU_ASSERT_NOT_EQUAL(cr_keys_load_secret(path, key, &fault), CR_OK);
    CU_ASSERT_EQUAL(cr_keys_load_line(path, &line, &fault), CR_OK);
    CU_ASSERT_STRING_EQUAL(line, "0123456789");
    free(line);
    remove_folder();
}

CU_TestInfo cr_tests[] = {
    {"a CURVE pair is made once and loads", a_curve_pair_is_made_once_and_loads},
    {"a secret is private and never overwritten", a_secret_is_private_and_never_overwritten},
    {"a credential of the service shows its access list as the group",
     a_credential_of_the_service_shows_its_access_list_as_the_group},
    {"a damaged or missing file is refused by name", a_damaged_or_missing_file_is_refused_by_name},
    CU_TEST_INFO_NULL,
};

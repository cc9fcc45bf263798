#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app_config.h"
#include "cr_test.h"

const char cr_suite[] = "app_config";

static const char sample[] = CR_TEST_ROOT "/config/crierd.cfg";

static char *
text_of(const char *file)
{
    static char text[64 * 1024];
    FILE *in = fopen(file, "re");
    CU_ASSERT_PTR_NOT_NULL_FATAL(in);
    size_t length = fread(text, 1, sizeof text - 1, in);
    fclose(in);
    text[length] = '\0';
    return text;
}

static char *
printed(const app_config_t *config)
{
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    CU_ASSERT_PTR_NOT_NULL_FATAL(out);
    cr_config_print(app_options, config, out);
    fclose(out);
    return text;
}

static void
the_sample_shows_every_option_with_its_default(void)
{
    app_config_t shown, bare;
    cr_fault_t fault = {0};
    memset(&shown, 0, sizeof shown);
    memset(&bare, 0, sizeof bare);
    CU_ASSERT_EQUAL_FATAL(cr_config_load(app_options, sample, &shown, &fault), CR_OK);
    CU_ASSERT_STRING_EQUAL(fault.text, "");
    CU_ASSERT_EQUAL_FATAL(cr_config_load(app_options, "/dev/null", &bare, &fault), CR_OK);
    char *from_sample = printed(&shown), *from_defaults = printed(&bare);
    CU_ASSERT_STRING_EQUAL(from_sample, from_defaults);
    free(from_sample);
    free(from_defaults);
    cr_config_free(app_options, &shown);
    cr_config_free(app_options, &bare);
}

/* Inside its group, each option stands on a line of its own, and the group holds no others (those
 * would have been refused above). */
static void
every_option_stands_in_its_group(void)
{
    const char *text = text_of(sample);
    for (const cr_option_t *option = app_options; option->key; option++) {
        const char *dot = strchr(option->key, '.');
        const char *from = text, *leaf = dot ? dot + 1 : option->key;
        char wanted[80];
        if (dot) {
            snprintf(wanted, sizeof wanted, "\n%.*s: {", (int)(dot - option->key), option->key);
            from = strstr(text, wanted);
        }
        CU_ASSERT_PTR_NOT_NULL_FATAL(from);
        snprintf(wanted, sizeof wanted, "\n%s%s = ", dot ? "    " : "", leaf);
        const char *at = strstr(from, wanted), *end = dot ? strstr(from, "\n};") : NULL;
        CU_ASSERT_PTR_NOT_NULL(at);
        CU_ASSERT(!dot || (end && at < end));
    }
}

static void
secrets_are_files_and_every_option_is_explained(void)
{
    for (const cr_option_t *option = app_options; option->key; option++) {
        CU_ASSERT(strlen(option->help) > 5);
        bool names_a_secret = strstr(option->key, "key_file") ||
                              strstr(option->key, "token_file") || strstr(option->key, "password");
        CU_ASSERT_EQUAL(option->kind == CR_OPT_SECRET_FILE, names_a_secret);
    }
}

CU_TestInfo cr_tests[] = {
    {"the sample shows every option with its default",
     the_sample_shows_every_option_with_its_default},
    {"every option stands in its group", every_option_stands_in_its_group},
    {"secrets are files and every option is explained",
     secrets_are_files_and_every_option_is_explained},
    CU_TEST_INFO_NULL,
};

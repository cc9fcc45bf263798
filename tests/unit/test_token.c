#include <sodium.h>
#include <string.h>

#include "cr_test.h"
#include "cr_token.h"

static const uint8_t key[CR_TOKEN_KEY_BYTES] = {1, 2, 3}, other_key[CR_TOKEN_KEY_BYTES] = {1, 2, 4};

static bool
is_taken(cr_slice_t token, const uint8_t *with, const char *purpose)
{
    cr_slice_t text;
    return cr_token_check(token, with, purpose, &text) == CR_OK &&
           cr_slice_equal(text, CR_SLICE("0000001K.m.4711"));
}

static void
only_what_we_made_comes_back(void)
{
    cr_str_t token;
    cr_str_init(&token, 256);
    CU_ASSERT_TRUE(sodium_init() >= 0);
    cr_token_append(&token, key, "bounce", CR_SLICE("0000001K.m.4711"));
    CU_ASSERT_TRUE(is_taken(cr_str_slice(&token), key, "bounce"));
    CU_ASSERT_FALSE(is_taken(cr_str_slice(&token), key, "unsubscribe"));
    CU_ASSERT_FALSE(is_taken(cr_str_slice(&token), other_key, "bounce"));
    for (size_t i = 0; i < token.length; i++) {
        token.text[i] ^= 1;
        CU_ASSERT_FALSE(is_taken(cr_str_slice(&token), key, "bounce"));
        token.text[i] ^= 1;
        cr_slice_t text, cut = {token.text, i};
        CU_ASSERT_EQUAL(cr_token_check(cut, key, "bounce", &text), CR_DENIED);
    }
    cr_str_fini(&token);
}

const char cr_suite[] = "token";
CU_TestInfo cr_tests[] = {
#define TEST(name)                                                                                 \
    {                                                                                              \
#name, name                                                                                \
    }
    TEST(only_what_we_made_comes_back),
    CU_TEST_INFO_NULL,
};

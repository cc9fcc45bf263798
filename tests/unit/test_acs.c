#include "acs.h"

#include <string.h>
#include <strings.h>

#include "cr_clock.h"
#include "cr_test.h"

const char cr_suite[] = "acs";

typedef struct {
    const char *name, *value;
} header_t;

/* The example of Alibaba Cloud's page on the V3 signature, its fixed parameters and its result. */
static const header_t example[] = {
    {"host", "ecs.cn-shanghai.aliyuncs.com"},
    {"x-acs-action", "RunInstances"},
    {"x-acs-version", "2014-05-26"},
    {"x-acs-date", "2023-10-26T10:22:32Z"},
    {"x-acs-signature-nonce", "3156853299f313e23d1673dc12e1703d"},
    {"x-acs-content-sha256", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"authorization", "ACS3-HMAC-SHA256 Credential=YourAccessKeyId,SignedHeaders=host;x-acs-action;"
                      "x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version,"
                      "Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"},
    {NULL, NULL},
};
static const acs_key_t key = {"YourAccessKeyId", "YourAccessKeySecret"};

static const char *
header_of(const void *context, const char *name)
{
    for (const header_t *at = context; at->name; at++)
        if (strcasecmp(at->name, name) == 0)
            return at->value;
    return NULL;
}

static acs_request_t
request_with(const header_t *headers)
{
    return (acs_request_t){
        .method = "POST",
        .path = "/",
        .query = CR_SLICE("RegionId=cn-shanghai&ImageId=win2019_1809_x64_dtc_zh-cn_40G_alibase_"
                          "20230811.vhd"), /* not in order, as a client may send it */
        .body = CR_SLICE(""),
        .header = header_of,
        .context = headers,
    };
}

static int64_t
signed_at(void)
{
    int64_t wall_us = 0;
    CU_ASSERT_EQUAL(cr_time_parse("2023-10-26T10:22:32Z", &wall_us), CR_OK);
    return wall_us;
}

static void
the_published_example_is_right(void)
{
    const acs_request_t request = request_with(example);
    CU_ASSERT_PTR_NULL(acs_check(&request, &key, signed_at()));
}

static void
every_change_of_what_is_signed_is_found(void)
{
    static const struct {
        size_t header;
        const char *value, *code;
    } cases[] = {
        {0, "ecs.cn-beijing.aliyuncs.com", "SignatureDoesNotMatch"},
        {1, "StopInstances", "SignatureDoesNotMatch"},
        {2, "2014-05-27", "SignatureDoesNotMatch"},
        {3, "2023-10-26T10:22:33Z", "SignatureDoesNotMatch"},
        {3, "yesterday", "InvalidTimeStamp.Expired"},
        {4, "4156853299f313e23d1673dc12e1703d", "SignatureDoesNotMatch"},
        {5, "f3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
         "SignatureDoesNotMatch"},
        {4, NULL, "IncompleteSignature"},
        {6, NULL, "IncompleteSignature"},
        {6, "ACS3-HMAC-SHA256 Credential=YourAccessKeyId,SignedHeaders=host,Signature=00",
         "IncompleteSignature"},
        {6, "Basic Zm9vOmJhcg==", "IncompleteSignature"},
    };
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        header_t headers[CR_COUNT(example)];
        memcpy(headers, example, sizeof headers);
        headers[cases[i].header].value = cases[i].value;
        const acs_request_t request = request_with(headers);
        const acs_refusal_t *refusal = acs_check(&request, &key, signed_at());
        CU_ASSERT_PTR_NOT_NULL_FATAL(refusal);
        CU_ASSERT_STRING_EQUAL(refusal->code, cases[i].code);
    }
}

static void
another_method_path_query_body_key_or_time_is_refused(void)
{
    acs_request_t request = request_with(example);
    request.method = "GET";
    CU_ASSERT_PTR_NOT_NULL(acs_check(&request, &key, signed_at()));
    request = request_with(example);
    request.path = "/other";
    CU_ASSERT_PTR_NOT_NULL(acs_check(&request, &key, signed_at()));
    request = request_with(example);
    request.query = CR_SLICE("RegionId=cn-shanghai");
    CU_ASSERT_PTR_NOT_NULL(acs_check(&request, &key, signed_at()));
    request = request_with(example);
    request.body = CR_SLICE("x");
    CU_ASSERT_PTR_NOT_NULL(acs_check(&request, &key, signed_at()));
    request = request_with(example);
    const acs_key_t other_secret = {key.id, "other"}, other_id = {"other", key.secret};
    CU_ASSERT_STRING_EQUAL(acs_check(&request, &other_secret, signed_at())->code,
                           "SignatureDoesNotMatch");
    CU_ASSERT_STRING_EQUAL(acs_check(&request, &other_id, signed_at())->code,
                           "InvalidAccessKeyId.NotFound");
    CU_ASSERT_PTR_NULL(acs_check(&request, &key, signed_at() + 14 * 60 * CR_US_PER_S));
    CU_ASSERT_STRING_EQUAL(acs_check(&request, &key, signed_at() + 16 * 60 * CR_US_PER_S)->code,
                           "InvalidTimeStamp.Expired");
}

CU_TestInfo cr_tests[] = {
    {"the published example is right", the_published_example_is_right},
    {"every change of what is signed is found", every_change_of_what_is_signed_is_found},
    {"another method, path, query, body, key or time is refused",
     another_method_path_query_body_key_or_time_is_refused},
    CU_TEST_INFO_NULL,
};

#include "sms_config.h"

#define OPTION(key, kind, member, min, max, fallback, choices, help)                               \
    {                                                                                              \
        (key), CR_OPT_##kind, offsetof(sms_config_t, member), (min), (max), (fallback), (choices), \
            (help)                                                                                 \
    }

const cr_option_t sms_options[] = {
    RUNTIME_OPTIONS(sms_config_t),
    OPTION("gateway.kind", TEXT, kind, 1, 16, "aliyun", "aliyun", "what the gateway speaks"),
    /* aliyun */
    OPTION("gateway.access_key_id", TEXT, key_id, 0, 128, "", NULL,
           "aliyun: public half of the account's access key"),
    OPTION("gateway.access_key_secret_file", SECRET_FILE, key_secret_file, 0, 4096, "", NULL,
           "aliyun: file with its secret half"),
    OPTION("gateway.template_code", TEXT, template_code, 1, 64, "SMS_000001", NULL,
           "aliyun: template that consists of one parameter"),
    OPTION("gateway.template_param", TEXT, template_parameter, 1, 64, "content", NULL,
           "aliyun: name of that parameter"),
    /* kinds that are pushed to */
    OPTION("receipts.address", TEXT, listen.address, 1, 64, "127.0.0.1", NULL,
           "IPv4 address for the gateway's pushes; put a TLS proxy before it"),
    OPTION("receipts.port", INT, listen.port, 0, 65535, "0", NULL,
           "TCP port for the gateway's pushes, 0: any free one"),
    OPTION("receipts.token_file", SECRET_FILE, listen.token_file, 0, 4096, "", NULL,
           "file with the token that pushes must prove to know"),
    {0},
};

cr_err_t
sms_config_need(const char *value, const char *key, cr_fault_t *fault)
{
    if (*value)
        return CR_OK;
    return cr_fault_set(fault, CR_INVAL, "%s: must be given for this gateway.kind", key);
}

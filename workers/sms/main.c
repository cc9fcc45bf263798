/* crier-sms: takes leases of short messages and submits them to an aggregator. */
#include "aliyun.h"

static const cr_option_t options[] = {
    RUNTIME_OPTIONS(aliyun_config_t),
    {"gateway.access_key_id", CR_OPT_TEXT, offsetof(aliyun_config_t, key_id), 1, 128, NULL, NULL,
     "public half of the account's access key"},
    {"gateway.access_key_secret_file", CR_OPT_SECRET_FILE,
     offsetof(aliyun_config_t, key_secret_file), 1, 4096, NULL, NULL, "file with its secret half"},
    {"gateway.template_code", CR_OPT_TEXT, offsetof(aliyun_config_t, template_code), 1, 64,
     "SMS_000001", NULL, "template that consists of one parameter"},
    {"gateway.template_param", CR_OPT_TEXT, offsetof(aliyun_config_t, template_parameter), 1, 64,
     "content", NULL, "name of that parameter"},
    RUNTIME_LISTEN_OPTIONS(aliyun_config_t),
    {0},
};

static cr_err_t
start(cr_service_t *service, const void *config, void **app, cr_fault_t *fault)
{
    const aliyun_config_t *own = config;
    return runtime_start(service, &aliyun_gateway, config, &own->listen, app, fault);
}

int
main(int argc, char **argv)
{
    static const cr_program_t program = {
        .name = "crier-sms",
        .summary = "Submits Crier's short messages to an SMS gateway.",
        .config_file = "/etc/crier/crier-sms.cfg",
        .options = options,
        .config_bytes = sizeof(aliyun_config_t),
        .start = start,
        .on_drain = runtime_drain,
        .on_dump = runtime_dump,
        .destroy = runtime_destroy,
    };
    return cr_service_main(&program, argc, argv);
}

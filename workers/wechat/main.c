/* crier-wechat: takes leases of WeChat messages and submits them to the account's platform. */
#include "wechat.h"

static const cr_option_t options[] = {
    RUNTIME_OPTIONS(wechat_config_t),
    {"gateway.appid", CR_OPT_TEXT, offsetof(wechat_config_t, appid), 1, 64, NULL, NULL,
     "AppID of the service account"},
    {"gateway.secret_file", CR_OPT_SECRET_FILE, offsetof(wechat_config_t, secret_file), 1, 4096,
     NULL, NULL, "file with the account's AppSecret"},
    RUNTIME_LISTEN_OPTIONS(wechat_config_t),
    {0},
};

static cr_err_t
start(cr_service_t *service, const void *config, void **app, cr_fault_t *fault)
{
    const wechat_config_t *own = config;
    return runtime_start(service, &wechat_gateway, config, &own->listen, app, fault);
}

int
main(int argc, char **argv)
{
    static const cr_program_t program = {
        .name = "crier-wechat",
        .summary = "Submits Crier's WeChat messages to a service account.",
        .config_file = "/etc/crier/crier-wechat.cfg",
        .options = options,
        .config_bytes = sizeof(wechat_config_t),
        .start = start,
        .on_drain = runtime_drain,
        .on_dump = runtime_dump,
        .destroy = runtime_destroy,
    };
    return cr_service_main(&program, argc, argv);
}

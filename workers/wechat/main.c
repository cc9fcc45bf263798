/* crier-wechat: takes leases of WeChat messages and submits them to the account's platform. */
#include "wechat.h"

static const cr_option_t options[] = {
    RUNTIME_OPTIONS(wechat_config_t),
    {"gateway.appid", CR_OPT_TEXT, offsetof(wechat_config_t, appid), 1, 64, NULL, NULL,
     "AppID of the service account"},
    {"gateway.secret_file", CR_OPT_SECRET_FILE, offsetof(wechat_config_t, secret_file), 1, 4096,
     NULL, NULL, "file with the account's AppSecret"},
    {"gateway.ca_file", CR_OPT_TEXT, offsetof(wechat_config_t, ca_file), 0, 4096, "", NULL,
     "certificates to trust, PEM; empty: the system's"},
    {"gateway.subscriptions", CR_OPT_TEXT, offsetof(wechat_config_t, subscriptions), 0, 4096, "",
     NULL, "template ids, with commas, that are subscription notices"},
    {"gateway.quota_per_day", CR_OPT_INT, offsetof(wechat_config_t, quota_per_day), 0, 1000000000,
     "100000", NULL, "messages that the platform allows a day; 0: not known"},
    RUNTIME_LISTEN_OPTIONS(wechat_config_t),
    {"receipts.aes_key_file", CR_OPT_SECRET_FILE, offsetof(wechat_config_t, aes_key_file), 0, 4096,
     "", NULL, "file with the EncodingAESKey of the safe mode; empty: plain mode"},
    {0},
};

static cr_err_t
start(cr_service_t *service, const void *config, void **app, cr_fault_t *fault)
{
    const wechat_config_t *own = config;
    const gateway_kind_t *kind =
        *own->subscriptions ? &wechat_subscription_gateway : &wechat_gateway;
    return runtime_start(service, kind, config, &own->listen, app, fault);
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

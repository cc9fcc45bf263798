/* crier-sms: takes leases of short messages and submits them to a gateway. */
#include <string.h>

#include "aliyun.h"
#include "http_gateway.h"
#include "trunk.h"

static const struct {
    const gateway_kind_t *kind;
    const char *receipts; /* of http.receipts; NULL: whatever it is */
    bool listens;         /* receipts are pushed over HTTP */
    bool batches;         /* for a gateway.batch over 1 */
} kinds[] = {
    {&aliyun_batch_gateway, NULL, true, true},
    {&aliyun_gateway, NULL, true, false},
    {&smpp_gateway, NULL, false, false},
    {&cmpp_gateway, NULL, false, false},
    {&http_plain_gateway, "none", false, false},
    {&http_reference_gateway, "reference", true, false},
    {&http_id_gateway, "id", true, false},
};

static bool
is_chosen(size_t i, const sms_config_t *config)
{
    return strcmp(kinds[i].kind->name, config->kind) == 0 &&
           (!kinds[i].batches || config->batch > 1) &&
           (!kinds[i].receipts || strcmp(kinds[i].receipts, config->http_receipts) == 0);
}

static cr_err_t
start(cr_service_t *service, const void *config, void **app, cr_fault_t *fault)
{
    const sms_config_t *own = config;
    size_t i = 0;
    while (i + 1 < CR_COUNT(kinds) && !is_chosen(i, own))
        i++;
    return runtime_start(service, kinds[i].kind, config, kinds[i].listens ? &own->listen : NULL,
                         app, fault);
}

int
main(int argc, char **argv)
{
    static const cr_program_t program = {
        .name = "crier-sms",
        .summary = "Submits Crier's short messages to an SMS gateway.",
        .config_file = "/etc/crier/crier-sms.cfg",
        .options = sms_options,
        .config_bytes = sizeof(sms_config_t),
        .start = start,
        .on_drain = runtime_drain,
        .on_dump = runtime_dump,
        .destroy = runtime_destroy,
    };
    return cr_service_main(&program, argc, argv);
}

#include "trunk_contract.h"

#include <string.h>

enum { CMPP_ACCOUNT = 6, SMPP_SERVICE_MAX = 5, SMPP_PASSWORD_MAX = 8 };

/* The place of a word in a list that the option table has checked already. */
static unsigned
place_of(const char *word, const char *const *words, unsigned count)
{
    unsigned i = 0;
    while (i + 1 < count && strcmp(words[i], word) != 0)
        i++;
    return i;
}

static void
fill(const sms_config_t *config, const char *password, contract_t *out)
{
    static const char *const codings[] = {"gsm", "latin1", "ucs2"};
    static const char *const ways[] = {"udh8", "udh16", "sar", "payload"};
    static const char *const forms[] = {"equal", "hex-decimal", "decimal-hex"};
    static const cr_sms_coding_t narrow[] = {CR_SMS_GSM, CR_SMS_LATIN1, CR_SMS_UCS2};
    *out = (contract_t){
        .account = cr_slice_of(config->account),
        .password = cr_slice_of(password),
        .system_type = cr_slice_of(config->system_type),
        .service = cr_slice_of(config->service),
        .source = cr_slice_of(config->source),
        .source_ton = (uint8_t)config->source_ton,
        .source_npi = (uint8_t)config->source_npi,
        .dest_ton = (uint8_t)config->dest_ton,
        .dest_npi = (uint8_t)config->dest_npi,
        .fee_type = cr_slice_of(config->fee_type),
        .fee_code = cr_slice_of(config->fee_code),
        .version = strcmp(config->version, "3.0") == 0 ? CR_CMPP_30 : CR_CMPP_20,
        .narrow = narrow[place_of(config->coding, codings, CR_COUNT(codings))],
        .long_way = (long_way_t)place_of(config->long_way, ways, CR_COUNT(ways)),
        .id_form = (id_form_t)place_of(config->id_form, forms, CR_COUNT(forms)),
        .reference = config->reference,
    };
}

static cr_err_t
check_smpp(const contract_t *contract, cr_fault_t *fault)
{
    if (contract->password.length > SMPP_PASSWORD_MAX)
        return cr_fault_set(fault, CR_INVAL, "gateway.password_file: more than %d characters",
                            SMPP_PASSWORD_MAX);
    if (contract->service.length > SMPP_SERVICE_MAX)
        return cr_fault_set(fault, CR_INVAL, "gateway.service: more than %d characters",
                            SMPP_SERVICE_MAX);
    return CR_OK;
}

static cr_err_t
check_cmpp(contract_t *contract, cr_fault_t *fault)
{
    if (contract->account.length != CMPP_ACCOUNT)
        return cr_fault_set(fault, CR_INVAL, "gateway.account: not of %d characters", CMPP_ACCOUNT);
    if (contract->long_way > LONG_UDH16)
        return cr_fault_set(fault, CR_INVAL, "gateway.long_sms: cmpp joins by udh8 or udh16 only");
    if (contract->narrow != CR_SMS_UCS2)
        contract->narrow = CR_SMS_ASCII;
    return CR_OK;
}

cr_err_t
trunk_contract(const sms_config_t *config, const char *password, bool is_cmpp, contract_t *out,
               cr_fault_t *fault)
{
    fill(config, password, out);
    return is_cmpp ? check_cmpp(out, fault) : check_smpp(out, fault);
}

#include "sms_config.h"

#define OPTION(key, kind, member, min, max, fallback, choices, help)                               \
    {                                                                                              \
        (key), CR_OPT_##kind, offsetof(sms_config_t, member), (min), (max), (fallback), (choices), \
            (help)                                                                                 \
    }

const cr_option_t sms_options[] = {
    RUNTIME_OPTIONS(sms_config_t),
    OPTION("gateway.kind", TEXT, kind, 1, 16, "aliyun", "aliyun|smpp|cmpp|http",
           "what the gateway speaks"),
    /* aliyun */
    OPTION("gateway.access_key_id", TEXT, key_id, 0, 128, "", NULL,
           "aliyun: public half of the account's access key"),
    OPTION("gateway.access_key_secret_file", SECRET_FILE, key_secret_file, 0, 4096, "", NULL,
           "aliyun: file with its secret half"),
    OPTION("gateway.template_code", TEXT, template_code, 1, 64, "SMS_000001", NULL,
           "aliyun: template that consists of one parameter"),
    OPTION("gateway.batch", INT, batch, 1, 1000, "1", NULL,
           "aliyun: numbers in one call, neighbours with the same text; 1: each by itself"),
    OPTION("gateway.pull_after_s", INT, pull_after_s, 0, 86400, "0", NULL,
           "aliyun: a receipt that was not pushed is asked for so long after the submit; 0: never"),
    OPTION("gateway.template_param", TEXT, template_parameter, 1, 64, "content", NULL,
           "aliyun: name of that parameter"),
    /* smpp, cmpp */
    OPTION("gateway.account", TEXT, account, 0, 15, "", NULL,
           "smpp: system_id; cmpp: SP_Id of six characters"),
    OPTION("gateway.password_file", SECRET_FILE, password_file, 0, 4096, "", NULL,
           "smpp, cmpp: file with the password or shared secret"),
    OPTION("gateway.tls_ca_file", TEXT, ca_file, 0, 4096, "", NULL,
           "smpps://: authorities that are trusted; empty: the system's"),
    OPTION("gateway.binds", INT, binds, 1, 16, "1", NULL, "smpp, cmpp: connections"),
    OPTION(
        "gateway.bind_window", INT, bind_window, 0, 4096, "0", NULL,
        "smpp, cmpp: messages without an answer on one connection, 0: an even share of the window"),
    OPTION("gateway.roles", TEXT, roles, 1, 32, "transceiver", "transceiver|transmitter+receiver",
           "smpp: one connection for both directions, or one each"),
    OPTION("gateway.system_type", TEXT, system_type, 0, 12, "", NULL, "smpp: system_type"),
    OPTION("gateway.service", TEXT, service, 0, 10, "", NULL,
           "smpp: service_type (5 characters at most); cmpp: Service_Id"),
    OPTION("gateway.source_addr", TEXT, source, 0, 20, "", NULL,
           "smpp, cmpp: the number that residents see"),
    OPTION("gateway.source_ton", INT, source_ton, 0, 6, "0", NULL, "smpp: its type of number"),
    OPTION("gateway.source_npi", INT, source_npi, 0, 18, "1", NULL, "smpp: its numbering plan"),
    OPTION("gateway.dest_ton", INT, dest_ton, 0, 6, "0", NULL, "smpp: residents' type of number"),
    OPTION("gateway.dest_npi", INT, dest_npi, 0, 18, "1", NULL, "smpp: residents' numbering plan"),
    OPTION("gateway.version", TEXT, version, 1, 4, "3.0", "2.0|3.0", "cmpp: version"),
    OPTION("gateway.fee_type", TEXT, fee_type, 0, 2, "01", NULL, "cmpp: FeeType"),
    OPTION("gateway.fee_code", TEXT, fee_code, 0, 6, "0", NULL, "cmpp: FeeCode"),
    OPTION(
        "gateway.coding", TEXT, coding, 1, 8, "gsm", "gsm|latin1|ucs2",
        "smpp: alphabet of texts that it can hold, all others are UCS-2; ucs2: all texts are. cmpp "
        "sends ASCII or UCS-2"),
    OPTION("gateway.long_sms", TEXT, long_way, 1, 8, "udh8", "udh8|udh16|sar|payload",
           "how parts of long texts are joined; payload: the gateway cuts them (smpp)"),
    OPTION("gateway.message_id", TEXT, id_form, 1, 16, "equal", "equal|hex-decimal|decimal-hex",
           "smpp: how ids are written in answers and in receipts"),
    OPTION("gateway.registry_file", TEXT, registry_file, 0, 4096, "", NULL,
           "smpp, cmpp: signatures and templates that are registered; empty: nothing is checked"),
    OPTION("gateway.idle_ms", INT, idle_ms, 1000, 600000, "30000", NULL,
           "smpp, cmpp: silence after which the connection is tested"),
    OPTION("gateway.reference", BOOL, reference, 0, 0, "false", NULL,
           "smpp, cmpp 3.0: send our reference along, in TLV 0x1400 or in LinkID"),
    /* http: placeholders are {address}, {text}, {sender}, {reference} and {secret} */
    OPTION("http.method", TEXT, http_method, 1, 4, "POST", "POST|GET", "http: method"),
    OPTION("http.headers", TEXT, http_headers, 0, 8192, "", NULL,
           "http: header lines, with placeholders"),
    OPTION("http.body", TEXT, http_body, 0, 16384, "", NULL,
           "http: body; placeholders in its values are escaped as its type wants"),
    OPTION("http.body_type", TEXT, http_body_type, 1, 8, "json", "json|form", "http: what it is"),
    OPTION("http.secret_file", SECRET_FILE, http_secret_file, 0, 4096, "", NULL,
           "http: file with what stands for {secret}"),
    OPTION("http.code", TEXT, http_code, 0, 256, "", NULL,
           "http: JSON pointer to the code in an answer; empty: the status of HTTP says all"),
    OPTION("http.outcomes", TEXT, http_outcomes, 0, 4096, "", NULL,
           "http: codes and what they mean, as \"0 accepted; 10* address\""),
    OPTION("http.id", TEXT, http_id, 0, 256, "", NULL,
           "http: JSON pointer to the gateway's id in an answer"),
    OPTION("http.receipts", TEXT, http_receipts, 1, 16, "none", "none|reference|id",
           "http: whether receipts are pushed, and what they name"),
    OPTION("http.receipt_list", TEXT, http_receipt_list, 0, 256, "", NULL,
           "http: JSON pointer to the receipts in a push; empty: the whole"),
    OPTION("http.receipt_name", TEXT, http_receipt_name, 0, 256, "", NULL,
           "http: JSON pointer to the reference or id in a receipt"),
    OPTION("http.receipt_code", TEXT, http_receipt_code, 0, 256, "", NULL,
           "http: JSON pointer to the code in a receipt"),
    OPTION("http.receipt_outcomes", TEXT, http_receipt_outcomes, 0, 4096, "", NULL,
           "http: its codes; accepted: not final; what no rule fits has failed"),
    OPTION("http.receipt_reply", TEXT, http_receipt_reply, 0, 1024, "{\"code\":0}", NULL,
           "http: what a push is answered with"),
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

/*
 * sms_config - the options of crier-sms, of all its kinds of gateways
 *
 * gateway.kind chooses the kind; a kind refuses to open without the options that it needs.
 */
#ifndef SMS_CONFIG_H
#define SMS_CONFIG_H

#include "runtime/runtime.h"

typedef struct {
    runtime_config_t runtime;
    runtime_listen_t listen;
    char *kind;
    /* aliyun */
    char *key_id, *key_secret_file;
    char *template_code, *template_parameter;
    int64_t pull_after_s, batch;
    /* smpp, cmpp */
    char *account, *password_file, *ca_file, *system_type, *service, *source, *version;
    char *coding, *long_way, *id_form, *fee_type, *fee_code, *roles;
    int64_t binds, bind_window, idle_ms, source_ton, source_npi, dest_ton, dest_npi;
    bool reference;
    char *registry_file;
    /* http */
    char *http_method, *http_headers, *http_body, *http_body_type, *http_secret_file;
    char *http_code, *http_id, *http_outcomes, *http_receipts;
    char *http_receipt_list, *http_receipt_name, *http_receipt_code, *http_receipt_outcomes;
    char *http_receipt_reply;
} sms_config_t;

extern const cr_option_t sms_options[];

/* A text that must not be empty for this kind. CR_INVAL, with the key's name. */
cr_err_t sms_config_need(const char *value, const char *key, cr_fault_t *fault) CR_MUST_USE;

#endif

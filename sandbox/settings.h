/*
 * settings - the configuration of crier-sandbox
 */
#ifndef SETTINGS_H
#define SETTINGS_H

#include "cr_config.h"
#include "faults.h"

typedef struct {
    char *timezone, *log_level, *state_dir;
    char *http_address;
    int64_t http_port;
    char *smtp_address, *smtp_domain, *smtp_bounce_maildir, *smtp_tls_cert, *smtp_tls_key;
    int64_t smtp_port, smtp_size_max_bytes, smtp_connections_max;
    char *sms_access_key_id, *sms_access_key_secret_file, *sms_receipt_url;
    char *smpp_address, *smpp_system_id, *smpp_password_file;
    char *cmpp_address, *cmpp_source_addr, *cmpp_secret_file;
    int64_t smpp_port, cmpp_port;
    char *wechat_appid, *wechat_secret_file, *wechat_event_token_file, *wechat_event_url;
    int64_t wechat_token_ttl_s, wechat_daily_quota;
    int64_t inbox_messages_max, inbox_bytes_max;
    int64_t faults_seed;
    char *faults_scenario_file;
    fault_settings_t faults;
} settings_t;

extern const cr_option_t settings_options[];

#endif

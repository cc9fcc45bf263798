#include "settings.h"

#define INT(key, member, least, most, fallback, help)                                              \
    {                                                                                              \
        key, CR_OPT_INT, offsetof(settings_t, member), least, most, fallback, NULL, help           \
    }
#define TEXT(key, member, least, fallback, help)                                                   \
    {                                                                                              \
        key, CR_OPT_TEXT, offsetof(settings_t, member), least, 4096, fallback, NULL, help          \
    }
#define SECRET(key, member, help)                                                                  \
    {                                                                                              \
        key, CR_OPT_SECRET_FILE, offsetof(settings_t, member), 1, 4096, NULL, NULL, help           \
    }

/* clang-format off */
const cr_option_t settings_options[] = {
    TEXT("timezone", timezone, 1, "Asia/Shanghai", "zone of the times in receipts and inbox"),
    {"log.level", CR_OPT_TEXT, offsetof(settings_t, log_level), 1, 16, "info",
     "err|warn|info|debug", "least important event that is logged"},
    TEXT("state_dir", state_dir, 1, NULL, "folder of accepted.log; made if it is missing"),
    TEXT("http.address", http_address, 1, "127.0.0.1",
         "IPv4 address of SMS and WeChat gateway, control URL and inbox"),
    INT("http.port", http_port, 0, 65535, "8480", "its TCP port; 0: the kernel chooses"),
    TEXT("smtp.address", smtp_address, 1, "127.0.0.1", "IPv4 address of the mail server"),
    INT("smtp.port", smtp_port, 0, 65535, "8425", "its TCP port; 0: the kernel chooses"),
    TEXT("smtp.domain", smtp_domain, 1, "sandbox.test", "name the mail server greets with"),
    TEXT("smtp.bounce_maildir", smtp_bounce_maildir, 0, "",
         "where mails come back that were taken and not delivered; empty: none do"),
    TEXT("smtp.tls_cert", smtp_tls_cert, 1, NULL, "certificate chain for STARTTLS, PEM"),
    SECRET("smtp.tls_key", smtp_tls_key, "its private key, PEM"),
    INT("smtp.size_max_bytes", smtp_size_max_bytes, 1024, 1073741824, "10485760",
        "largest mail taken"),
    INT("smtp.connections_max", smtp_connections_max, 1, 10000, "500",
        "connections at once; more are told to come later"),
    TEXT("sms.access_key_id", sms_access_key_id, 1, NULL, "key id that may send SMS"),
    SECRET("sms.access_key_secret_file", sms_access_key_secret_file, "file with its secret"),
    TEXT("sms.receipt_url", sms_receipt_url, 0, "", "where receipts of SMS are pushed to"),
    TEXT("smpp.address", smpp_address, 1, "127.0.0.1", "IPv4 address of the SMPP message centre"),
    INT("smpp.port", smpp_port, 0, 65535, "8775", "its TCP port; 0: the kernel chooses"),
    TEXT("smpp.system_id", smpp_system_id, 1, NULL, "accounts that may bind begin with this"),
    SECRET("smpp.password_file", smpp_password_file, "file with its password"),
    TEXT("cmpp.address", cmpp_address, 1, "127.0.0.1", "IPv4 address of the CMPP gateway"),
    INT("cmpp.port", cmpp_port, 0, 65535, "8790", "its TCP port; 0: the kernel chooses"),
    TEXT("cmpp.source_addr", cmpp_source_addr, 1, NULL, "accounts (SP_Id) that may connect begin with this"),
    SECRET("cmpp.secret_file", cmpp_secret_file, "file with its shared secret"),
    TEXT("wechat.appid", wechat_appid, 1, NULL, "account that may send template messages"),
    SECRET("wechat.secret_file", wechat_secret_file, "file with its secret"),
    SECRET("wechat.event_token_file", wechat_event_token_file,
           "file with the token that signs result events"),
    TEXT("wechat.event_url", wechat_event_url, 0, "", "where result events are pushed to"),
    INT("wechat.token_ttl_s", wechat_token_ttl_s, 1, 86400, "7200", "life of an access token"),
    INT("wechat.daily_quota", wechat_daily_quota, 0, 1000000000, "0",
        "messages a day, then error 45009; 0: no limit"),
    INT("inbox.messages_max", inbox_messages_max, 1, 10000000, "200000",
        "messages kept for the inbox, the newest"),
    INT("inbox.bytes_max", inbox_bytes_max, 1048576, 68719476736, "268435456",
        "text kept for the inbox"),
    INT("faults.seed", faults_seed, 0, INT64_MAX, "1", "decides every fault"),
    TEXT("faults.scenario_file", faults_scenario_file, 0, "",
         "file of steps that change faults by themselves; empty: none"),
#define X(name, most, fallback, help) INT("faults." #name, faults.name, 0, most, fallback, help),
    FAULT_LIST(X)
#undef X
    {0},
};
/* clang-format on */

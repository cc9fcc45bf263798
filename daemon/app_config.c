#include "app_config.h"

enum { PATH_BYTES_MAX = 1024 };

#define KIB INT64_C(1024)
#define HOUR_MS INT64_C(3600000)
#define YEAR_S INT64_C(31536000)

/* clang-format off */
#define INT(key, member, min, max, fallback, help) \
    {key, CR_OPT_INT, offsetof(app_config_t, member), min, max, fallback, NULL, help}
#define TEXT(key, member, min, fallback, help) \
    {key, CR_OPT_TEXT, offsetof(app_config_t, member), min, PATH_BYTES_MAX, fallback, NULL, help}
#define SECRET(key, member, min, fallback, help) \
    {key, CR_OPT_SECRET_FILE, offsetof(app_config_t, member), min, PATH_BYTES_MAX, fallback, NULL, help}

const cr_option_t app_options[] = {
    TEXT("timezone", plan.timezone, 1, "Asia/Shanghai", "zone in which times are shown and read"),
    {"log.level", CR_OPT_TEXT, offsetof(app_config_t, log_level), 1, 8, "info", "err|warn|info|debug",
     "what is logged"},

    TEXT("http.address", api.address, 1, "127.0.0.1", "IP address of the API"),
    INT("http.port", api.port, 0, 65535, "8787", "TCP port of the API; 0: any free one"),
    INT("http.threads", api.threads, 1, 64, "8", "threads that answer; a question that waits holds one"),
    INT("http.body_bytes_max", api.body_bytes_max, KIB, 64 * KIB * KIB, "1048576", "longest JSON body"),
    INT("http.import_bytes_max", api.import_bytes_max, KIB, 16 * KIB * KIB * KIB, "2147483648",
        "longest CSV of an import"),

    TEXT("redis.url", ledger.redis_url, 1, "unix:///run/redis-crier/redis.sock",
         "unix:///PATH or tcp://HOST:PORT"),
    TEXT("redis.sentinels", ledger.sentinels, 0, "",
         "HOST:PORT of Redis Sentinels, with commas; they name the server instead of redis.url"),
    TEXT("redis.master", ledger.master, 1, "crier", "name of the master in the configuration of Sentinel"),
    SECRET("redis.password_file", ledger.password_file, 0, "", "password of Redis; empty: none"),
    INT("redis.timeout_ms", ledger.timeout_ms, 100, 60000, "2000",
        "after this long without an answer the connection is made again"),
    TEXT("redis.redo_file", ledger.redo_file, 0, "/run/crier/crierd.redo",
         "keeps the newest writes for a Redis that forgot them; empty: in memory only"),

    TEXT("wire.endpoint", dispatch.endpoint, 1, "tcp://127.0.0.1:5580",
         "where workers connect; tcp://127.0.0.1:* for any free port"),
    SECRET("wire.secret_key_file", dispatch.secret_key_file, 1, "/etc/crier/keys/crierd_secret",
           "CURVE certificate of the daemon"),
    TEXT("wire.workers_dir", dispatch.workers_dir, 1, "/etc/crier/keys/workers",
         "public certificates of the workers that may connect"),

    INT("dispatch.heartbeat_ms", dispatch.heartbeat_ms, 20, 60000, "1000",
        "each side says something at least this often"),
    INT("dispatch.lease_ms", dispatch.lease_ms, 100, HOUR_MS, "10000",
        "a worker not heard of for this long loses its leases"),
    INT("dispatch.report_outcomes", dispatch.report_outcomes, 1, 256, "32",
        "a worker reports after this many outcomes"),
    INT("dispatch.report_ms", dispatch.report_ms, 1, 10000, "20",
        "or this long after the first unreported one"),
    INT("dispatch.retry_first_ms", dispatch.retry_first_ms, 100, HOUR_MS, "30000",
        "wait before the second attempt; doubles with each"),
    INT("dispatch.retry_max_ms", dispatch.retry_max_ms, 100, 24 * HOUR_MS, "1800000",
        "longest wait between attempts"),
    INT("dispatch.attempts_max", dispatch.attempts_max, 1, 8, "8", "attempts before a delivery has failed"),

    TEXT("quiet.from", dispatch.quiet.from, 0, "21:00",
         "local time from which routine and bulk broadcasts are held; empty, with quiet.until: never"),
    TEXT("quiet.until", dispatch.quiet.until, 0, "08:00", "local time at which they go on by themselves"),
    {"quiet.urgent", CR_OPT_BOOL, offsetof(app_config_t, dispatch.quiet.urgent), 0, 0, "false", NULL,
     "hold the lane urgent, too; emergencies and drills never are"},

    INT("frequency.max", dispatch.frequency.max, 0, 1000, "0",
        "notices a person gets in frequency.days, in the lanes routine and bulk; 0: any number"),
    INT("frequency.days", dispatch.frequency.days, 1, 366, "7",
        "the days before now that count for frequency.max"),

    SECRET("directory.seal_key_file", plan.seal_key_file, 1, "/etc/crier/keys/seal.key",
           "key that seals recipients in Redis; without it they are lost"),
    TEXT("directory.divisions_file", plan.divisions_file, 0, "/etc/crier/divisions.csv",
         "names of division codes (code,name,kind); empty: none"),

    SECRET("plan.admin_token_file", plan.admin_token_file, 0, "",
           "token of the first administrator; empty: none"),
    INT("plan.tick_ms", plan.tick_ms, 10, 1000, "100", "how often the clock is looked at for what is due"),
    INT("plan.receipt_wait_s", plan.receipt_wait_s, 0, 30 * 86400, "259200",
        "a delivery without a receipt is unconfirmed after this; 0: never"),
    INT("plan.expires_default_s", plan.expires_default_s, 60, YEAR_S, "86400",
        "a broadcast that names no expiry ends after this"),
    SECRET("plan.token_key_file", plan.token_key_file, 0, "",
           "key of the links to unsubscribe in mails, the same as crier-mail's; empty: they are refused"),
    TEXT("plan.opt_out_words", plan.opt_out_words, 0, "",
         "further words by which residents opt out, beside R T TD N 0000 退订 拒收 取消; capital letters, blanks between"),
    TEXT("plan.sms_signature", plan.sms_signature, 0, "", "sender of templates that name none"),
    {0},
};
/* clang-format on */

/*
 * runtime - the skeleton every worker shares
 *
 * A channel's program is its option table, its gateway kind and this. The runtime connects, takes
 * leases, paces, submits, reports, passes news on, and drains: decisions are in board, pace and
 * news (pure), this is the loop around them.
 *
 * Drain      on TERM nothing more is submitted; what is under way is awaited for 7 s and then
 *            UNKNOWN; when the last report is acknowledged, or after 9 s, the worker ends.
 * Disk       nothing is kept: a worker may be killed at any time.
 */
#ifndef RUNTIME_H
#define RUNTIME_H

#include "cr_service.h"
#include "runtime/gateway.h"

/* Options of every worker; a program's config struct begins with it as `runtime`. */
typedef struct {
    char *timezone, *log_level;
    char *worker, *endpoint, *daemon_key_file, *own_key_file;
    char *gateway_class, *gateway_name, *url;
    int64_t window, reserved_window, per_second, price, timeout_ms;
} runtime_config_t;

/* And of those with a listener, as `listen`. */
typedef struct {
    char *address;
    int64_t port;
    char *token_file;
} runtime_listen_t;

#define RUNTIME_OPTIONS(type)                                                                      \
    {"timezone",      CR_OPT_TEXT, offsetof(type, runtime.timezone), 1, 64,                        \
     "Asia/Shanghai", NULL,        "the office's time zone"},                                      \
        {"log.level",           CR_OPT_TEXT,     offsetof(type, runtime.log_level), 1, 8, "info",  \
         "err|warn|info|debug", "what is logged"},                                                 \
        {"worker.name", CR_OPT_TEXT, offsetof(type, runtime.worker),         1, 31,                \
         NULL,          NULL,        "name of this worker, bound to its key"},                     \
        {"worker.secret_key_file",                                                                 \
         CR_OPT_SECRET_FILE,                                                                       \
         offsetof(type, runtime.own_key_file),                                                     \
         1,                                                                                        \
         4096,                                                                                     \
         NULL,                                                                                     \
         NULL,                                                                                     \
         "this worker's CURVE certificate with its secret half"},                                  \
        {"daemon.endpoint",                                                                        \
         CR_OPT_TEXT,                                                                              \
         offsetof(type, runtime.endpoint),                                                         \
         1,                                                                                        \
         256,                                                                                      \
         NULL,                                                                                     \
         NULL,                                                                                     \
         "where crierd listens for workers, tcp://HOST:PORT; several with commas"},                \
        {"daemon.public_key_file",                                                                 \
         CR_OPT_TEXT,                                                                              \
         offsetof(type, runtime.daemon_key_file),                                                  \
         1,                                                                                        \
         4096,                                                                                     \
         NULL,                                                                                     \
         NULL,                                                                                     \
         "crierd's public CURVE certificate"},                                                     \
        {"gateway.class",                                                                          \
         CR_OPT_TEXT,                                                                              \
         offsetof(type, runtime.gateway_class),                                                    \
         1,                                                                                        \
         8,                                                                                        \
         NULL,                                                                                     \
         "drill|real",                                                                             \
         "drill: reaches no resident; real: reaches residents, and never gets drills"},            \
        {"gateway.name",                                                                           \
         CR_OPT_TEXT,                                                                              \
         offsetof(type, runtime.gateway_name),                                                     \
         0,                                                                                        \
         31,                                                                                       \
         "",                                                                                       \
         NULL,                                                                                     \
         "its name in the office, one for each account; empty: its kind, with -drill behind"},     \
        {"gateway.price",                                                                          \
         CR_OPT_INT,                                                                               \
         offsetof(type, runtime.price),                                                            \
         0,                                                                                        \
         1000000000,                                                                               \
         "0",                                                                                      \
         NULL,                                                                                     \
         "of a message (an SMS: of each part), in millionths of a yuan; 0: not counted"},          \
        {"gateway.url", CR_OPT_TEXT, offsetof(type, runtime.url), 1, 1024,                         \
         NULL,          NULL,        "address of the gateway"},                                    \
        {"gateway.window",                                                                         \
         CR_OPT_INT,                                                                               \
         offsetof(type, runtime.window),                                                           \
         1,                                                                                        \
         4096,                                                                                     \
         "16",                                                                                     \
         NULL,                                                                                     \
         "submits without an answer; a crash leaves at most twice as many unknown"},               \
        {"gateway.reserved_window",                                                                \
         CR_OPT_INT,                                                                               \
         offsetof(type, runtime.reserved_window),                                                  \
         0,                                                                                        \
         4095,                                                                                     \
         "0",                                                                                      \
         NULL,                                                                                     \
         "of the window, submits that only the emergency lane may use"},                           \
        {"gateway.per_second",                                                                     \
         CR_OPT_INT,                                                                               \
         offsetof(type, runtime.per_second),                                                       \
         0,                                                                                        \
         100000,                                                                                   \
         "0",                                                                                      \
         NULL,                                                                                     \
         "submits a second, 0: as fast as the gateway answers"},                                   \
    {                                                                                              \
        "gateway.timeout_ms", CR_OPT_INT, offsetof(type, runtime.timeout_ms), 100, 600000,         \
            "10000", NULL, "how long an answer is awaited"                                         \
    }

#define RUNTIME_LISTEN_OPTIONS(type)                                                               \
    {"receipts.address",                                                                           \
     CR_OPT_TEXT,                                                                                  \
     offsetof(type, listen.address),                                                               \
     1,                                                                                            \
     64,                                                                                           \
     "127.0.0.1",                                                                                  \
     NULL,                                                                                         \
     "IPv4 address for the gateway's pushes; put a TLS proxy before it"},                          \
        {"receipts.port",                                                                          \
         CR_OPT_INT,                                                                               \
         offsetof(type, listen.port),                                                              \
         0,                                                                                        \
         65535,                                                                                    \
         NULL,                                                                                     \
         NULL,                                                                                     \
         "TCP port for the gateway's pushes, 0: any free one"},                                    \
    {                                                                                              \
        "receipts.token_file", CR_OPT_SECRET_FILE, offsetof(type, listen.token_file), 1, 4096,     \
            NULL, NULL, "file with the token that pushes must prove to know"                       \
    }

typedef struct runtime runtime_t;

/* For cr_program_t.start. `listen` is NULL for a kind without pushes; everything is borrowed until
 * runtime_destroy. */
cr_err_t runtime_start(cr_service_t *service, const gateway_kind_t *kind, const void *config,
                       const runtime_listen_t *listen, void **app, cr_fault_t *fault) CR_MUST_USE;
/* For the other members of cr_program_t. */
void runtime_drain(void *app);
void runtime_dump(void *app);
void runtime_destroy(void **app_p);

#endif

/* crier-mail: takes leases of mails and hands them to a relay. */
#include "smtp.h"

static const cr_option_t options[] = {
    RUNTIME_OPTIONS(smtp_config_t),
    {"gateway.from", CR_OPT_TEXT, offsetof(smtp_config_t, from), 3, 254, NULL, NULL,
     "address of the office: From and envelope sender"},
    {"gateway.domain", CR_OPT_TEXT, offsetof(smtp_config_t, domain), 1, 253, NULL, NULL,
     "domain of the Message-IDs, and the name the relay is greeted with"},
    {"gateway.unsubscribe_url", CR_OPT_TEXT, offsetof(smtp_config_t, unsubscribe_url), 0, 512, "",
     NULL, "https address of crierd's /u/ as readers reach it; empty: mails have no link to leave"},
    {"gateway.bounce_domain", CR_OPT_TEXT, offsetof(smtp_config_t, bounce_domain), 0, 190, "", NULL,
     "domain whose bounces+... addresses come back to us; empty: gateway.from gets bounces"},
    {"gateway.bounce_maildir", CR_OPT_TEXT, offsetof(smtp_config_t, bounce_maildir), 0, 4000, "",
     NULL, "maildir that those bounces are delivered to and that we read; empty: nobody does"},
    {"gateway.token_key_file", CR_OPT_SECRET_FILE, offsetof(smtp_config_t, token_key_file), 0, 4096,
     "", NULL, "file with the key of those links and addresses; crierd's plan.token_key_file"},
    {"gateway.tls", CR_OPT_TEXT, offsetof(smtp_config_t, tls), 1, 8, "starttls",
     "off|starttls|smtps", "how the way to the relay is encrypted"},
    {"gateway.ca_file", CR_OPT_TEXT, offsetof(smtp_config_t, ca_file), 0, 4096, "", NULL,
     "PEM file with what to trust; empty: the system's certificates"},
    {"gateway.user", CR_OPT_TEXT, offsetof(smtp_config_t, user), 0, 254, "", NULL,
     "account at the relay; empty: none"},
    {"gateway.password_file", CR_OPT_SECRET_FILE, offsetof(smtp_config_t, password_file), 0, 4096,
     "", NULL, "file with its password, or with the OAuth token for xoauth2"},
    {"gateway.auth", CR_OPT_TEXT, offsetof(smtp_config_t, auth), 1, 8, "auto",
     "auto|plain|login|xoauth2", "how we log in; auto: plain, else login"},
    {"gateway.connections", CR_OPT_INT, offsetof(smtp_config_t, connections), 1, 256, "4", NULL,
     "connections to the relay, as they are needed; each has two mails under way"},
    {"gateway.mails_per_connection", CR_OPT_INT, offsetof(smtp_config_t, mails_per_connection), 0,
     1000000, "0", NULL, "after so many a new one is made; 0: no limit"},
    {0},
};

static cr_err_t
start(cr_service_t *service, const void *config, void **app, cr_fault_t *fault)
{
    return runtime_start(service, &smtp_gateway, config, NULL, app, fault);
}

int
main(int argc, char **argv)
{
    static const cr_program_t program = {
        .name = "crier-mail",
        .summary = "Hands Crier's mails to an SMTP relay.",
        .config_file = "/etc/crier/crier-mail.cfg",
        .options = options,
        .config_bytes = sizeof(smtp_config_t),
        .start = start,
        .on_drain = runtime_drain,
        .on_dump = runtime_dump,
        .destroy = runtime_destroy,
    };
    return cr_service_main(&program, argc, argv);
}

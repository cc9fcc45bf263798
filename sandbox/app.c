#include "app.h"

#include <curl/curl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "control.h"
#include "cr_clock.h"
#include "cr_http.h"
#include "cr_keys.h"
#include "delay.h"
#include "inbox.h"
#include "mail.h"
#include "page.h"
#include "reply.h"
#include "sms.h"
#include "smsc.h"
#include "smtp_server.h"
#include "wechat.h"
#include "wechat_person.h"

enum { DELAYS_MAX = 1 << 22, PUSH_CONNECTIONS = 64, ROUTES = 16 };

struct app {
    const settings_t *settings;
    zloop_t *loop;
    delay_t *delay;
    truth_t *truth;
    store_t *store;
    cr_http_t *http;
    gateway_t gateways[CR_CHANNEL_COUNT];
    char *sms_secret, *smpp_password, *cmpp_secret, *wechat_secret, *event_token;
    smsc_desk_t desk;
    smsc_t *smpp, *cmpp;
    sms_t *sms;
    wechat_t *wechat;
    bounce_t *bounces; /* NULL: no mail comes back */
    smtp_server_t *smtp;
    web_t *web;
    web_route_t routes[ROUTES];
    scenario_t *scenario;
    control_t control;
    inbox_t inbox;
    reply_t reply;
};

/* Every connection is a descriptor, and the usual soft limit is only 1,024. */
static void
raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static cr_err_t
load_secrets(app_t *self, cr_fault_t *fault)
{
    const settings_t *settings = self->settings;
    const struct {
        const char *file;
        char **text;
    } secrets[] = {
        {settings->sms_access_key_secret_file, &self->sms_secret},
        {settings->smpp_password_file, &self->smpp_password},
        {settings->cmpp_secret_file, &self->cmpp_secret},
        {settings->wechat_secret_file, &self->wechat_secret},
        {settings->wechat_event_token_file, &self->event_token},
    };
    for (size_t i = 0; i < CR_COUNT(secrets); i++) {
        cr_err_t err = cr_keys_load_line(secrets[i].file, secrets[i].text, fault);
        if (err != CR_OK)
            return err;
    }
    return CR_OK;
}

static cr_err_t
make_common(app_t *self, cr_fault_t *fault)
{
    const settings_t *settings = self->settings;
    if (sodium_init() < 0 || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return cr_fault_set(fault, CR_IO, "the crypto libraries do not start");
    mail_library_init();
    raise_descriptor_limit();
    self->delay = delay_new(self->loop, DELAYS_MAX);
    self->store =
        store_new((size_t)settings->inbox_messages_max, (size_t)settings->inbox_bytes_max);
    self->http = cr_http_new(self->loop, PUSH_CONNECTIONS);
    if (!self->delay || !self->store || !self->http)
        return cr_fault_set(fault, CR_NOMEM, "out of memory");
    cr_err_t err = truth_open(settings->state_dir, &self->truth, fault);
    if (err == CR_OK && settings->smtp_bounce_maildir[0])
        err = bounce_open(settings->smtp_bounce_maildir, &self->bounces, fault);
    return err;
}

static void
init_gateways(app_t *self)
{
    const settings_t *settings = self->settings;
    for (int i = 0; i < CR_CHANNEL_COUNT; i++) {
        gateway_t *gateway = &self->gateways[i];
        *gateway = (gateway_t){.channel = (cr_channel_t)i,
                               .truth = self->truth,
                               .store = self->store,
                               .scenario = self->scenario,
                               .begun_us = cr_clock_mono_us(),
                               .shows_once = i == CR_CHANNEL_MAIL};
        faults_init(&gateway->faults, &settings->faults, (uint64_t)settings->faults_seed, i);
    }
    self->gateways[CR_CHANNEL_MAIL].bounces = self->bounces;
}

static cr_err_t
make_receipts(app_t *self, cr_channel_t channel, const receipts_kind_t *kind, const char *url)
{
    gateway_t *gateway = &self->gateways[channel];
    gateway->receipts = receipts_new(kind, self->http, self->delay, &gateway->counts);
    return gateway->receipts ? receipts_set_url(gateway->receipts, url) : CR_NOMEM;
}

static cr_err_t
make_gateways(app_t *self, cr_fault_t *fault)
{
    const settings_t *settings = self->settings;
    const acs_key_t key = {settings->sms_access_key_id, self->sms_secret};
    const wechat_account_t account = {settings->wechat_appid, self->wechat_secret,
                                      self->event_token, settings->wechat_token_ttl_s,
                                      settings->wechat_daily_quota};
    init_gateways(self);
    self->sms = sms_new(&self->gateways[CR_CHANNEL_SMS], &key, (uint64_t)settings->faults_seed);
    self->wechat = wechat_new(&self->gateways[CR_CHANNEL_WECHAT], &account);
    if (!self->sms || !self->wechat ||
        smsc_desk_init(&self->desk, &self->gateways[CR_CHANNEL_SMS]) != CR_OK ||
        make_receipts(self, CR_CHANNEL_SMS, &sms_receipts, settings->sms_receipt_url) != CR_OK ||
        make_receipts(self, CR_CHANNEL_WECHAT, wechat_events(self->wechat),
                      settings->wechat_event_url) != CR_OK)
        return cr_fault_set(fault, CR_NOMEM, "out of memory");
    return CR_OK;
}

static void
make_routes(app_t *self)
{
    self->control = (control_t){self->gateways};
    self->inbox = (inbox_t){self->store, self->gateways, (uint64_t)self->settings->faults_seed};
    self->reply = (reply_t){{&self->smpp, &self->cmpp}, &self->gateways[CR_CHANNEL_SMS], 0};
    const web_route_t routes[ROUTES] = {
        {"POST", "/sms/", sms_answer, self->sms},
        {"POST", "/cgi-bin/stable_token", wechat_answer_token, self->wechat},
        {"POST", "/cgi-bin/message/template/send", wechat_answer_send, self->wechat},
        {"GET", "/control", control_answer_get, &self->control},
        {"POST", "/control", control_answer_post, &self->control},
        {"GET", "/", page_answer, (void *)(uintptr_t)&page_html},
        {"GET", "/inbox.css", page_answer, (void *)(uintptr_t)&page_css},
        {"GET", "/inbox.js", page_answer, (void *)(uintptr_t)&page_js},
        {"GET", "/inbox/recent", inbox_answer_recent, &self->inbox},
        {"GET", "/inbox/search", inbox_answer_search, &self->inbox},
        {"GET", "/inbox/resident", inbox_answer_resident, &self->inbox},
        {"GET", "/inbox/counters", inbox_answer_counters, &self->inbox},
        {"GET", "/inbox/mail", inbox_answer_mail, &self->inbox},
        {"POST", "/inbox/reply", reply_answer, &self->reply},
        {"POST", "/inbox/wechat", wechat_person_answer, &self->gateways[CR_CHANNEL_WECHAT]},
        {NULL, NULL, NULL, NULL},
    };
    memcpy(self->routes, routes, sizeof routes);
}

static cr_err_t
open_centres(app_t *self, cr_fault_t *fault)
{
    const settings_t *settings = self->settings;
    smsc_options_t smpp = {
        .protocol = &smsc_smpp,
        .loop = self->loop,
        .delay = self->delay,
        .desk = &self->desk,
        .address = settings->smpp_address,
        .port = settings->smpp_port,
        .account = settings->smpp_system_id,
        .secret = self->smpp_password,
    };
    smsc_options_t cmpp = smpp;
    cmpp.protocol = &smsc_cmpp;
    cmpp.address = settings->cmpp_address;
    cmpp.port = settings->cmpp_port;
    cmpp.account = settings->cmpp_source_addr;
    cmpp.secret = self->cmpp_secret;
    cr_err_t err = smsc_start(&smpp, &self->smpp, fault);
    return err == CR_OK ? smsc_start(&cmpp, &self->cmpp, fault) : err;
}

static cr_err_t
open_sockets(app_t *self, cr_fault_t *fault)
{
    const settings_t *settings = self->settings;
    const web_options_t web = {settings->http_address, settings->http_port, self->routes};
    const smtp_server_options_t smtp = {
        .loop = self->loop,
        .delay = self->delay,
        .gateway = &self->gateways[CR_CHANNEL_MAIL],
        .address = settings->smtp_address,
        .port = settings->smtp_port,
        .domain = settings->smtp_domain,
        .tls_cert = settings->smtp_tls_cert,
        .tls_key = settings->smtp_tls_key,
        .size_max_bytes = settings->smtp_size_max_bytes,
        .connections_max = settings->smtp_connections_max,
    };
    make_routes(self);
    cr_err_t err = web_start(self->loop, self->delay, &web, &self->web, fault);
    if (err == CR_OK)
        err = smtp_server_start(&smtp, &self->smtp, fault);
    return err == CR_OK ? open_centres(self, fault) : err;
}

cr_err_t
app_start(zloop_t *loop, const settings_t *settings, app_t **self_p, cr_fault_t *fault)
{
    app_t *self = calloc(1, sizeof *self);
    if (!self)
        return cr_fault_set(fault, CR_NOMEM, "out of memory");
    *self_p = self;
    self->settings = settings;
    self->loop = loop;
    cr_err_t err = load_secrets(self, fault);
    if (err == CR_OK && *settings->faults_scenario_file)
        err = scenario_load(settings->faults_scenario_file, &self->scenario, fault);
    if (err == CR_OK)
        err = make_common(self, fault);
    if (err == CR_OK)
        err = make_gateways(self, fault);
    if (err == CR_OK)
        err = open_sockets(self, fault);
    return err;
}

void
app_stop(app_t **self_p)
{
    app_t *self = *self_p;
    if (!self)
        return;
    web_stop(&self->web);
    smtp_server_stop(&self->smtp);
    smsc_stop(&self->smpp);
    smsc_stop(&self->cmpp);
    smsc_desk_fini(&self->desk);
    cr_http_destroy(&self->http);
    for (int i = 0; i < CR_CHANNEL_COUNT; i++)
        receipts_destroy(&self->gateways[i].receipts);
    wechat_destroy(&self->wechat);
    sms_destroy(&self->sms);
    delay_destroy(&self->delay);
    store_destroy(&self->store);
    bounce_close(&self->bounces);
    truth_close(&self->truth);
    scenario_destroy(&self->scenario);
    free(self->sms_secret);
    free(self->smpp_password);
    free(self->cmpp_secret);
    free(self->wechat_secret);
    free(self->event_token);
    free(self);
    *self_p = NULL;
}

unsigned
app_http_port(const app_t *self)
{
    return web_port(self->web);
}

unsigned
app_smtp_port(const app_t *self)
{
    return smtp_server_port(self->smtp);
}

unsigned
app_smpp_port(const app_t *self)
{
    return smsc_port(self->smpp);
}

unsigned
app_cmpp_port(const app_t *self)
{
    return smsc_port(self->cmpp);
}

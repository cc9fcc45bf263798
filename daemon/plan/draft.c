/* Checks a draft: whatever can be refused is refused here, not at sending. */
#include <string.h>

#include "arguments.h"
#include "broadcast.h"
#include "cr_clock.h"

static cr_err_t
read_time(const json_t *arguments, const char *name, int64_t otherwise, int64_t *out,
          cr_fault_t *fault)
{
    const char *text = argument_text(arguments, name);
    *out = otherwise;
    if (text && cr_time_parse(text, out) != CR_OK)
        return cr_fault_set(fault, CR_INVAL, "%s: not a time: %.40s", name, text);
    return CR_OK;
}

static cr_err_t
check_times(const broadcast_draft_t *draft, const json_t *arguments, json_t *document,
            cr_fault_t *fault)
{
    int64_t now = draft->author.now_us, at, expires;
    cr_err_t err = read_time(arguments, "at", 0, &at, fault);
    if (err != CR_OK)
        return err;
    int64_t begin = at > now ? at : now;
    err = read_time(arguments, "expires", begin + draft->expires_default_us, &expires, fault);
    if (err != CR_OK)
        return err;
    if (expires <= now)
        return cr_fault_set(fault, CR_INVAL, "expires: lies in the past");
    if (expires <= at)
        return cr_fault_set(fault, CR_INVAL, "expires: must be after at");
    json_object_set_new(document, "at", at > 0 ? json_integer(at) : json_null());
    json_object_set_new(document, "expires", json_integer(expires));
    return CR_OK;
}

static cr_err_t
check_lane(const broadcast_draft_t *draft, const json_t *arguments, json_t *document,
           cr_fault_t *fault)
{
    const char *name = argument_text(arguments, "lane");
    cr_lane_t lane = CR_LANE_ROUTINE;
    if (name && cr_lane_parse(name, &lane) != CR_OK)
        return cr_fault_set(fault, CR_INVAL, "lane: no such lane: %.40s", name);
    if (lane == CR_LANE_EMERGENCY && !draft->may_emergency)
        return cr_fault_set(fault, CR_DENIED, "lane: emergency is for the role duty");
    json_object_set_new(document, "lane", json_string(cr_lane_name(lane)));
    return CR_OK;
}

/* What becomes of unknown outcomes: by the lane, unless the author decides. In the emergency lane a
 * lease runs ahead of its record, so that all of a lost one is unknown: waiting would be silence. */
static cr_err_t
check_policy(const json_t *arguments, json_t *document, cr_fault_t *fault)
{
    bool emergency = strcmp(argument_text(document, "lane"), "emergency") == 0;
    const char *policy = argument_text(arguments, "unknown");
    if (!policy)
        policy = emergency ? "resend" : "wait";
    bool resend = strcmp(policy, "resend") == 0;
    if (!resend && strcmp(policy, "wait") != 0)
        return cr_fault_set(fault, CR_INVAL, "unknown: resend or wait, not %.40s", policy);
    if (!resend && emergency)
        return cr_fault_set(fault, CR_INVAL, "unknown: the emergency lane always sends again");
    json_object_set_new(document, "resend_unknown", json_boolean(resend));
    return CR_OK;
}

static cr_err_t
check_channels(const template_t *template, unsigned channels, cr_fault_t *fault)
{
    unsigned missing = channels & ~template_channels(template);
    for (int channel = 0; channel < CR_CHANNEL_COUNT; channel++)
        if (missing & (1u << channel))
            return cr_fault_set(fault, CR_INVAL, "channels: the template %s has no wording for %s",
                                template_name(template), cr_channel_name((cr_channel_t)channel));
    return CR_OK;
}

static const char *const flags[] = {"drill", "allow_empty"};

static cr_err_t
copy_choices(const broadcast_draft_t *draft, const json_t *arguments, json_t *document,
             cr_fault_t *fault)
{
    unsigned channels;
    const char *note;
    cr_err_t err = argument_channels(arguments, "channels", template_channels(draft->template),
                                     &channels, fault);
    if (err == CR_OK)
        err = argument_note(arguments, "note", BROADCAST_NOTE_MAX, &note, fault);
    if (err != CR_OK)
        return err;
    json_t *variables = json_object_get(arguments, "variables");
    json_object_set_new(document, "channels", channels_json(channels));
    json_object_set_new(document, "note", json_string(note));
    json_object_set(document, "to", json_object_get(arguments, "to"));
    json_object_set_new(document, "variables",
                        variables ? json_deep_copy(variables) : json_object());
    for (size_t i = 0; i < CR_COUNT(flags); i++)
        json_object_set_new(document, flags[i], json_boolean(argument_flag(arguments, flags[i])));
    return CR_OK;
}

/* What most broadcasts have not is not in their document either. */
static cr_err_t
copy_screening(const json_t *arguments, json_t *document, cr_fault_t *fault)
{
    const char *reason;
    cr_err_t err = argument_note(arguments, "through_quiet", BROADCAST_NOTE_MAX, &reason, fault);
    if (err != CR_OK)
        return err;
    if (argument_text(arguments, "through_quiet") && reason[0] == '\0')
        return cr_fault_set(fault, CR_INVAL, "through_quiet: wants the reason");
    if (reason[0] != '\0')
        json_object_set_new(document, "through_quiet", json_string(reason));
    if (argument_flag(arguments, "unique_addresses"))
        json_object_set_new(document, "unique_addresses", json_true());
    return CR_OK;
}

static json_t *
blank(const broadcast_actor_t *author)
{
    const char *state = lifecycle_state_name(LIFECYCLE_DRAFT);
    json_int_t now = author->now_us;
    return json_pack("{s:i,s:s,s:s,s:s,s:I,s:i,s:[{s:s,s:I,s:s}]}", "format", BROADCAST_FORMAT,
                     "state", state, "author", author->name, "author_person", author->person,
                     "created", now, "audience", 0, "moves", "state", state, "at", now, "by",
                     author->name);
}

cr_err_t
broadcast_draft(const broadcast_draft_t *draft, const json_t *arguments, json_t **document_p,
                cr_fault_t *fault)
{
    json_t *document = blank(&draft->author);
    CR_ASSERT(document);
    cr_err_t err = check_lane(draft, arguments, document, fault);
    if (err == CR_OK)
        err = check_policy(arguments, document, fault);
    if (err == CR_OK)
        err = check_times(draft, arguments, document, fault);
    if (err == CR_OK)
        err = copy_choices(draft, arguments, document, fault);
    if (err == CR_OK)
        err = copy_screening(arguments, document, fault);
    if (err == CR_OK)
        err = broadcast_refresh(document, draft->template, fault);
    if (err != CR_OK) {
        json_decref(document);
        return err;
    }
    *document_p = document;
    return CR_OK;
}

cr_err_t
broadcast_refresh(json_t *document, const template_t *template, cr_fault_t *fault)
{
    unsigned channels;
    char hash[BROADCAST_HASH_TEXT];
    cr_err_t err = argument_channels(document, "channels", 0, &channels, fault);
    if (err == CR_OK)
        err = check_channels(template, channels, fault);
    if (err == CR_OK)
        err = template_check_variables(template, json_object_get(document, "variables"), channels,
                                       fault);
    if (err != CR_OK)
        return err;
    json_object_set_new(document, "template", template_document(template));
    json_object_set_new(document, "hash", json_string(broadcast_hash(document, hash)));
    return CR_OK;
}

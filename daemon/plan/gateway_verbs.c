/*
 * The gateways, and how the office uses them: priority, share, rate, quota, pause. Kept in the store
 * by name, whether a worker speaks to the gateway or not; with what counts against today's quota,
 * which a crash sets back by some ten seconds at most.
 */
#include <string.h>

#include "../dispatch/carrier.h"
#include "arguments.h"
#include "verbs.h"

/* Members of a rule that are numbers. */
static const struct {
    const char *name;
    json_int_t least, most;
} numbers[] = {
    {"priority", 0, 9},
    {"weight", 1, CORE_WEIGHT_MAX},
    {"per_second", 0, 100000},
    {"per_day", 0, 1000000000},
};

static void
on_gateways(plan_t *self, ask_t *ask, dispatch_message_t *message)
{
    ask_answer_items(self, ask, json_incref(message->json), NULL);
}

void
verb_gateways(plan_t *self, ask_t *ask)
{
    dispatch_message_t *message = dispatch_message_new(DISPATCH_GATEWAYS);
    CR_ASSERT(message);
    ask_tell(self, ask, message, on_gateways);
}

static json_t *
find(json_t *gateways, const char *name)
{
    size_t index;
    json_t *gateway;
    json_array_foreach(gateways, index, gateway)
    {
        if (strcmp(argument_text(gateway, "name"), name) == 0)
            return gateway;
    }
    return NULL;
}

static json_int_t
number(const json_t *document, const char *name)
{
    return json_integer_value(json_object_get(document, name));
}

static unsigned
carriers(const json_t *document)
{
    size_t index;
    const json_t *name;
    unsigned bits = 0;
    carrier_t carrier;
    json_array_foreach(json_object_get(document, "carriers"), index, name)
    {
        if (carrier_parse(json_string_value(name), &carrier) == CR_OK)
            bits |= 1u << carrier;
    }
    return bits;
}

static dispatch_message_t *
rule_of(const char *name, const json_t *document)
{
    dispatch_message_t *message = dispatch_message_new(DISPATCH_RULE);
    CR_ASSERT(message && strlen(name) < sizeof message->name);
    memcpy(message->name, name, strlen(name));
    message->rule = (core_rule_t){
        .priority = (unsigned)number(document, "priority"),
        .weight = (unsigned)number(document, "weight"),
        .per_second = (uint32_t)number(document, "per_second"),
        .per_day = (uint32_t)number(document, "per_day"),
        .carriers = carriers(document),
        .paused = json_is_true(json_object_get(document, "paused")),
    };
    return message;
}

void
gateways_tell(plan_t *self)
{
    const char *name;
    json_t *document;
    json_object_foreach(self->gateways, name, document)
    {
        dispatch_message_t *message = rule_of(name, document);
        message->day = number(document, "day");
        message->used = (uint32_t)number(document, "used");
        ports_tell(self, message);
    }
}

static ledger_op_t *
put(const char *name, json_t *document)
{
    ledger_op_t *op = ask_op(LEDGER_DOCUMENT_PUT);
    op->collection = "gateways";
    op->key = strdup(name);
    CR_ASSERT(op->key);
    op->document = document;
    return op;
}

void
gateways_used(plan_t *self, const dispatch_message_t *news)
{
    json_t *document = json_object_get(self->gateways, news->name);
    if (!document)
        return;
    json_object_set_new(document, "day", json_integer(news->day));
    json_object_set_new(document, "used", json_integer(news->used));
    ports_store(self, put(news->name, json_deep_copy(document)));
}

/* -- changing one ------------------------------------------------------------------------------- */

static cr_err_t
take_numbers(const json_t *arguments, json_t *document, cr_fault_t *fault)
{
    for (size_t i = 0; i < CR_COUNT(numbers); i++) {
        json_t *said = json_object_get(arguments, numbers[i].name);
        if (!said)
            continue;
        json_int_t value = json_integer_value(said);
        if (!json_is_integer(said) || value < numbers[i].least || value > numbers[i].most)
            return cr_fault_set(fault, CR_INVAL, "%s: a number from %lld to %lld", numbers[i].name,
                                (long long)numbers[i].least, (long long)numbers[i].most);
        json_object_set(document, numbers[i].name, said);
    }
    return CR_OK;
}

static cr_err_t
take_carriers(const json_t *arguments, json_t *document, cr_fault_t *fault)
{
    size_t index;
    const json_t *name;
    json_t *said = json_object_get(arguments, "carriers");
    carrier_t carrier;
    json_array_foreach(said, index, name)
    {
        if (carrier_parse(json_string_value(name), &carrier) != CR_OK)
            return cr_fault_set(fault, CR_INVAL,
                                "carriers: \"%.32s\" is none of mobile, unicom, telecom, broadnet",
                                json_string_value(name));
    }
    if (said)
        json_object_set(document, "carriers", said);
    return CR_OK;
}

/* The rule as it is, with what was said. */
static cr_err_t
amend(const plan_t *self, const ask_t *ask, json_t **out, cr_fault_t *fault)
{
    const json_t *before = json_object_get(self->gateways, argument_text(ask->arguments, "name"));
    json_t *document = before ? json_deep_copy(before)
                              : json_pack("{s:i,s:i,s:i,s:i,s:[],s:b}", "priority", 0, "weight", 1,
                                          "per_second", 0, "per_day", 0, "carriers", "paused", 0);
    CR_ASSERT(document);
    json_t *paused = json_object_get(ask->arguments, "paused");
    if (paused)
        json_object_set(document, "paused", paused);
    cr_err_t err = take_numbers(ask->arguments, document, fault);
    if (err == CR_OK)
        err = take_carriers(ask->arguments, document, fault);
    if (err == CR_OK)
        *out = document;
    else
        json_decref(document);
    return err;
}

static void
on_told(plan_t *self, ask_t *ask, dispatch_message_t *message)
{
    ask_answer(self, ask, 200, json_incref(find(message->json, message->name)));
}

static void
on_stored(plan_t *self, ask_t *ask, ledger_op_t *op)
{
    json_object_set(self->gateways, op->key, op->document);
    ask_tell(self, ask, rule_of(op->key, op->document), on_told);
}

/* A slip of the pen must not make a rule for a gateway that is none. */
static void
on_known(plan_t *self, ask_t *ask, dispatch_message_t *message)
{
    const char *name = argument_text(ask->arguments, "name");
    json_t *document;
    cr_fault_t fault;
    cr_err_t err = CR_OK;
    if (!find(message->json, name))
        err = cr_fault_set(&fault, CR_NOTFOUND, "no such gateway: %.64s", name);
    else if (!json_object_get(self->gateways, name) &&
             json_object_size(self->gateways) == CORE_RULES_MAX)
        err = cr_fault_set(&fault, CR_TOOBIG, "rules for %d gateways at most", CORE_RULES_MAX);
    if (err == CR_OK)
        err = amend(self, ask, &document, &fault);
    if (err != CR_OK) {
        ask_refuse(self, ask, &fault, NULL);
        return;
    }
    ledger_op_t *op = put(name, document);
    op->audit = ask_audit(ask, "gateway_set", name, json_deep_copy(document));
    ask_store(self, ask, op, on_stored);
}

void
verb_gateway_set(plan_t *self, ask_t *ask)
{
    dispatch_message_t *message = dispatch_message_new(DISPATCH_GATEWAYS);
    CR_ASSERT(message);
    ask_tell(self, ask, message, on_known);
}

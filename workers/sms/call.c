#include "call.h"

#include <stdlib.h>
#include <string.h>

enum { OCTETS_FIRST = 1024, RETRY_AWAY_MS = 1000, CMPP_ASCII_MAX = 159 };

void
call_init(call_t *self)
{
    for (unsigned i = 0; i < CALL_PARTS_MAX; i++)
        self->parts[i] = (call_part_t){self, (uint8_t)(i + 1)};
}

void
call_fini(call_t *self)
{
    free(self->octets);
    self->octets = NULL;
}

/* ---- preparing ------------------------------------------------------------------------------ */

static bool
is_number(cr_slice_t address)
{
    size_t sign = address.length > 0 && address.text[0] == '+';
    if (address.length == sign || address.length > CALL_ADDRESS_MAX)
        return false;
    for (size_t i = sign; i < address.length; i++)
        if (address.text[i] < '0' || address.text[i] > '9')
            return false;
    return true;
}

/* A character takes at most four octets for its bytes. */
static cr_err_t
make_room(call_t *self, size_t text_bytes)
{
    size_t need = text_bytes * 2 + OCTETS_FIRST;
    if (need <= self->capacity)
        return CR_OK;
    uint8_t *octets = realloc(self->octets, need);
    if (!octets)
        return CR_NOMEM;
    self->octets = octets;
    self->capacity = need;
    return CR_OK;
}

static cr_err_t
encode(call_t *self, const contract_t *contract, cr_slice_t text)
{
    self->coding = contract->narrow;
    cr_err_t err = cr_sms_encode(self->coding, text, self->octets, self->capacity, &self->length);
    bool fits = contract->narrow != CR_SMS_ASCII || self->length <= CMPP_ASCII_MAX;
    if (err == CR_OK && fits)
        return CR_OK;
    if (err != CR_RANGE && err != CR_OK)
        return err;
    self->coding = CR_SMS_UCS2;
    return cr_sms_encode(CR_SMS_UCS2, text, self->octets, self->capacity, &self->length);
}

static cr_slice_t
part_at(const call_t *self, size_t at)
{
    cr_slice_t rest = {(const char *)self->octets + at, self->length - at};
    return (cr_slice_t){rest.text, cr_sms_cut(self->coding, rest, self->room)};
}

static unsigned
count_parts(const call_t *self)
{
    unsigned count = 0;
    for (size_t at = 0; at < self->length; count++)
        at += part_at(self, at).length;
    return count;
}

static size_t
header_of(long_way_t way)
{
    static const uint8_t headers[] = {[LONG_UDH8] = CR_SMS_HEADER_8BIT,
                                      [LONG_UDH16] = CR_SMS_HEADER_16BIT,
                                      [LONG_SAR] = CR_SMS_HEADER_16BIT, /* the gateway makes it */
                                      [LONG_PAYLOAD] = 0};
    return headers[way];
}

static cr_err_t
divide(call_t *self, const contract_t *contract)
{
    self->room = cr_sms_room(self->coding, 0);
    if (self->length > self->room)
        self->room = contract->long_way == LONG_PAYLOAD
                         ? self->length
                         : cr_sms_room(self->coding, header_of(contract->long_way));
    unsigned total = self->length == 0 ? 1 : count_parts(self);
    if (total > CALL_PARTS_MAX || self->length > UINT16_MAX)
        return CR_TOOBIG;
    self->total = (uint8_t)total;
    return CR_OK;
}

static void
keep(call_t *self, const message_t *message)
{
    self->address_length = message->address.length;
    memcpy(self->address, message->address.text, message->address.length);
    self->reference_length = strlen(message->reference);
    memcpy(self->reference, message->reference, self->reference_length);
    self->lane = message->lane;
    self->expires_us = message->expires_us;
}

cr_err_t
call_prepare(call_t *self, const contract_t *contract, const message_t *message, uint16_t joined_by)
{
    if (!is_number(message->address))
        return CR_RANGE;
    cr_err_t err = make_room(self, message->text.length);
    if (err == CR_OK)
        err = encode(self, contract, message->text);
    if (err == CR_OK)
        err = divide(self, contract);
    if (err != CR_OK)
        return err == CR_RANGE ? CR_INVAL : err;
    keep(self, message);
    self->joined_by = joined_by;
    self->todo = 1;
    self->in_flight = self->accepted = 0;
    self->against = CR_STATUS_WAITING;
    self->lost = false;
    self->handle = 0;
    self->id_length = 0;
    return CR_OK;
}

/* ---- pieces --------------------------------------------------------------------------------- */

bool
call_has_piece(const call_t *self)
{
    return self->todo != 0;
}

static cr_slice_t
part_octets(const call_t *self, unsigned number)
{
    size_t at = 0;
    for (unsigned i = 1; i < number; i++)
        at += part_at(self, at).length;
    return part_at(self, at);
}

call_part_t *
call_next_piece(call_t *self, piece_t *piece)
{
    CR_ASSERT(self->todo != 0);
    call_part_t *part = &self->parts[__builtin_ctz(self->todo)];
    self->todo &= self->todo - 1;
    self->in_flight++;
    *piece = (piece_t){
        .address = {self->address, self->address_length},
        .reference = {self->reference, self->reference_length},
        .coding = self->coding,
        .octets = part_octets(self, part->number),
        .part = {self->joined_by, self->total, part->number},
        .lane = self->lane,
        .expires_us = self->expires_us,
    };
    return part;
}

void
call_put_back(call_t *self, const call_part_t *part)
{
    self->todo |= UINT32_C(1) << (part->number - 1);
    self->in_flight--;
}

/* ---- answers -------------------------------------------------------------------------------- */

/* What is certain and bad outweighs what is uncertain. */
static void
hold_against(call_t *self, cr_status_t status, bool lost)
{
    if (self->against == CR_STATUS_WAITING || self->against == CR_STATUS_UNKNOWN)
        self->against = status;
    self->lost = self->lost || lost;
    self->todo = 0;
}

static void
take_accepted(call_t *self, const call_part_t *part, cr_slice_t id)
{
    self->accepted++;
    if (part->number != 1)
        return;
    self->id_length = id.length < SAID_ID_MAX ? id.length : SAID_ID_MAX;
    if (self->id_length > 0)
        memcpy(self->id, id.text, self->id_length);
    uint32_t all = UINT32_MAX >> (CALL_PARTS_MAX - self->total);
    self->todo = all & ~UINT32_C(1);
}

static call_next_t
next(const call_t *self)
{
    if (self->todo != 0)
        return CALL_MORE;
    return self->in_flight > 0 ? CALL_WAITS : CALL_DONE;
}

call_next_t
call_learn(call_t *self, const call_part_t *part, const session_answer_t *answer)
{
    if (answer->status == CR_STATUS_RETRY_1 && self->accepted > 0 &&
        self->against == CR_STATUS_WAITING) {
        call_put_back(self, part);
        return CALL_AGAIN;
    }
    self->in_flight--;
    if (answer->status == CR_STATUS_ACCEPTED)
        take_accepted(self, part, answer->id);
    else
        hold_against(self, answer->status, answer->lost);
    return next(self);
}

call_next_t
call_give_up(call_t *self)
{
    hold_against(self, self->accepted > 0 ? CR_STATUS_UNKNOWN : CR_STATUS_RETRY_1, true);
    return next(self);
}

outcome_t
call_outcome(const call_t *self)
{
    if (self->against == CR_STATUS_WAITING)
        return (outcome_t){.status = CR_STATUS_ACCEPTED,
                           .gateway_id = {self->id, self->id_length},
                           .parts = self->total};
    cr_status_t status = self->against;
    if (status == CR_STATUS_RETRY_1 && self->accepted > 0)
        status = CR_STATUS_UNKNOWN;
    return (outcome_t){.status = status,
                       .retry_after_ms =
                           self->lost && status == CR_STATUS_RETRY_1 ? RETRY_AWAY_MS : 0,
                       .away = self->lost};
}

#include "cr_status.h"

#include <string.h>

typedef struct {
    bool known;
    uint8_t status_class;
    const char *name;
    const char *english;
    const char *chinese;
} row_t;

static const row_t rows[256] = {
#define STATUS(value, code, name, class_name, english, chinese)                                    \
    [value] = {true, CR_STATUS_CLASS_##class_name, name, english, chinese},
#include "status.def"
#undef STATUS
};

static const struct {
    const char *name;
    bool final;
    unsigned next; /* classes a delivery may move to, as bits */
} classes[CR_STATUS_CLASS_COUNT] = {
#define TO(name) (1u << CR_STATUS_CLASS_##name)
#define SENT (TO(ACCEPTED) | TO(UNKNOWN) | TO(DELIVERED) | TO(FAILED))
#define ENDED (TO(SUPPRESSED) | TO(EXPIRED) | TO(CANCELLED))
    [CR_STATUS_CLASS_WAITING] = {"waiting", false, SENT | ENDED | TO(RETRY)},
    [CR_STATUS_CLASS_RETRY] = {"retry", false, SENT | ENDED | TO(RETRY)},
    [CR_STATUS_CLASS_ACCEPTED] = {"accepted", false, TO(DELIVERED) | TO(FAILED)},
    /* A late report or receipt tells what really happened; emergencies are sent again. */
    [CR_STATUS_CLASS_UNKNOWN] = {"unknown", false, SENT | TO(RETRY)},
    /* Later proof: UNCONFIRMED or HANDED becomes DELIVERED or failed; a receipt may fail after it.
     */
    [CR_STATUS_CLASS_DELIVERED] = {"delivered", true, TO(DELIVERED) | TO(FAILED)},
    /* FAILED_ATTEMPTS after an answer that was lost: a receipt proves delivery. */
    [CR_STATUS_CLASS_FAILED] = {"failed", true, TO(DELIVERED)},
    [CR_STATUS_CLASS_SUPPRESSED] = {"suppressed", true, 0},
    /* The lease was given up while its worker still submitted: its report is proof. */
    [CR_STATUS_CLASS_EXPIRED] = {"expired", true, SENT},
    [CR_STATUS_CLASS_CANCELLED] = {"cancelled", true, SENT},
#undef TO
#undef SENT
#undef ENDED
};

bool
cr_status_is_known(cr_status_t status)
{
    return rows[status].known;
}

cr_status_class_t
cr_status_class(cr_status_t status)
{
    CR_ASSERT(rows[status].known);
    return (cr_status_class_t)rows[status].status_class;
}

const char *
cr_status_class_name(cr_status_class_t status_class)
{
    CR_ASSERT(status_class < CR_STATUS_CLASS_COUNT);
    return classes[status_class].name;
}

const char *
cr_status_name(cr_status_t status)
{
    CR_ASSERT(rows[status].known);
    return rows[status].name;
}

cr_err_t
cr_status_parse(const char *name, cr_status_t *status)
{
    for (int i = 0; i < 256; i++) {
        if (rows[i].known && strcmp(rows[i].name, name) == 0) {
            *status = (cr_status_t)i;
            return CR_OK;
        }
    }
    return CR_INVAL;
}

const char *
cr_status_words(cr_status_t status, bool chinese)
{
    CR_ASSERT(rows[status].known);
    return chinese ? rows[status].chinese : rows[status].english;
}

bool
cr_status_is_final(cr_status_t status)
{
    return classes[cr_status_class(status)].final;
}

bool
cr_status_is_tried(cr_status_t status)
{
    static const bool tried[CR_STATUS_CLASS_COUNT] = {
        [CR_STATUS_CLASS_RETRY] = true,   [CR_STATUS_CLASS_ACCEPTED] = true,
        [CR_STATUS_CLASS_UNKNOWN] = true, [CR_STATUS_CLASS_DELIVERED] = true,
        [CR_STATUS_CLASS_FAILED] = true,
    };
    return tried[cr_status_class(status)];
}

bool
cr_status_may(cr_status_t from, cr_status_t to)
{
    if (from == to || !rows[from].known || !rows[to].known)
        return false;
    if (rows[from].status_class == CR_STATUS_CLASS_RETRY &&
        rows[to].status_class == CR_STATUS_CLASS_RETRY)
        return to == from + 1; /* attempts only grow, one at a time */
    if (from == CR_STATUS_DELIVERED)
        return false; /* nothing is better proof: a double that was sent again may fail */
    if (rows[from].status_class == CR_STATUS_CLASS_FAILED && to == CR_STATUS_HANDED)
        return from == CR_STATUS_FAILED_ATTEMPTS; /* a bounce may overtake the report of its mail */
    return (classes[rows[from].status_class].next >> rows[to].status_class & 1u) != 0;
}

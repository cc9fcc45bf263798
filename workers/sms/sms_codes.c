#include "sms_codes.h"

#include <string.h>
#include <strings.h>

#include "cr_cmpp.h"
#include "cr_smpp.h"

typedef struct {
    uint32_t code;
    cr_status_t status;
} rule_t;

static const rule_t smpp[] = {
    {CR_SMPP_OK, CR_STATUS_ACCEPTED},
    {CR_SMPP_THROTTLED, CR_STATUS_RETRY_1},
    {CR_SMPP_MSGQFUL, CR_STATUS_RETRY_1},
    {CR_SMPP_SYSERR, CR_STATUS_RETRY_1},
    {CR_SMPP_RX_T_APPN, CR_STATUS_RETRY_1},
    {CR_SMPP_SUBMITFAIL, CR_STATUS_RETRY_1},
    {CR_SMPP_UNKNOWNERR, CR_STATUS_RETRY_1},
    {CR_SMPP_INVBNDSTS, CR_STATUS_RETRY_1},
    {CR_SMPP_INVDSTADR, CR_STATUS_FAILED_ADDRESS},
    {CR_SMPP_INVDSTTON, CR_STATUS_FAILED_ADDRESS},
    {CR_SMPP_INVDSTNPI, CR_STATUS_FAILED_ADDRESS},
    {CR_SMPP_INVSRCADR, CR_STATUS_FAILED_ACCOUNT},
    {CR_SMPP_INVSRCTON, CR_STATUS_FAILED_ACCOUNT},
    {CR_SMPP_INVSRCNPI, CR_STATUS_FAILED_ACCOUNT},
    {CR_SMPP_INVSERTYP, CR_STATUS_FAILED_ACCOUNT},
    {CR_SMPP_INVSYSTYP, CR_STATUS_FAILED_ACCOUNT},
    {CR_SMPP_BINDFAIL, CR_STATUS_FAILED_ACCOUNT},
    {CR_SMPP_INVPASWD, CR_STATUS_FAILED_ACCOUNT},
    {CR_SMPP_INVSYSID, CR_STATUS_FAILED_ACCOUNT},
};

static const rule_t cmpp[] = {
    {CR_CMPP_OK, CR_STATUS_ACCEPTED},
    {CR_CMPP_FLOW, CR_STATUS_RETRY_1},
    {CR_CMPP_SEQUENCE, CR_STATUS_RETRY_1},
    {CR_CMPP_DESTINATION, CR_STATUS_FAILED_ADDRESS},
    {CR_CMPP_FEE_CODE, CR_STATUS_FAILED_ACCOUNT},
    {CR_CMPP_SERVICE, CR_STATUS_FAILED_ACCOUNT},
    {CR_CMPP_FEE_NUMBER, CR_STATUS_FAILED_ACCOUNT},
    {CR_CMPP_SOURCE, CR_STATUS_FAILED_ACCOUNT},
    {CR_CMPP_MESSAGE_SOURCE, CR_STATUS_FAILED_ACCOUNT},
    {CR_CMPP_FEE_TERMINAL, CR_STATUS_FAILED_ACCOUNT},
};

/* Behind MA:, MB:, MK: and the like stand the operators' own numbers: only some mean the same everywhere. */
static const struct {
    const char *stat;
    cr_status_t status;
} receipts[] = {
    {"DELIVRD", CR_STATUS_DELIVERED},
    {"ACCEPTD", CR_STATUS_ACCEPTED}, /* by the centre, not yet by the phone */
    {"ENROUTE", CR_STATUS_ACCEPTED},
    {"EXPIRED", CR_STATUS_FAILED_UNREACHABLE},
    {"UNDELIV", CR_STATUS_FAILED_RECEIPT},
    {"REJECTD", CR_STATUS_FAILED_BLOCKED},
    {"MK:0001", CR_STATUS_FAILED_ADDRESS}, /* no such number */
    {"MA:0001", CR_STATUS_FAILED_ADDRESS},
    {"MK:0005", CR_STATUS_FAILED_UNREACHABLE}, /* switched off */
    {"MA:0005", CR_STATUS_FAILED_UNREACHABLE},
};

static cr_status_t
judge(const rule_t *rules, size_t count, uint32_t code)
{
    for (size_t i = 0; i < count; i++)
        if (rules[i].code == code)
            return rules[i].status;
    return CR_STATUS_FAILED_CONTENT;
}

cr_status_t
sms_code_smpp(uint32_t command_status)
{
    return judge(smpp, CR_COUNT(smpp), command_status);
}

cr_status_t
sms_code_cmpp(uint32_t result)
{
    return judge(cmpp, CR_COUNT(cmpp), result);
}

cr_status_t
sms_code_receipt(cr_slice_t stat)
{
    for (size_t i = 0; i < CR_COUNT(receipts); i++)
        if (stat.length == strlen(receipts[i].stat) &&
            strncasecmp(stat.text, receipts[i].stat, stat.length) == 0)
            return receipts[i].status;
    return CR_STATUS_FAILED_RECEIPT;
}

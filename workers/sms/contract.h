/*
 * contract - what was agreed with an operator: the settings of its gateway, ready to use
 *
 * Ownership  texts are borrowed from the configuration and the password file's owner.
 */
#ifndef CONTRACT_H
#define CONTRACT_H

#include "cr_cmpp.h"
#include "cr_sms.h"

/* How the parts of a long text are told apart: SMPP's payload is one message that the gateway cuts. */
typedef enum { LONG_UDH8, LONG_UDH16, LONG_SAR, LONG_PAYLOAD } long_way_t;

/* Some gateways answer a submit with a hexadecimal id and name the same id decimally in its receipt,
 * or the other way about. */
typedef enum { IDS_EQUAL, IDS_HEX_DECIMAL, IDS_DECIMAL_HEX } id_form_t;

typedef struct {
    cr_slice_t account, password, system_type, service, source;
    uint8_t source_ton, source_npi, dest_ton, dest_npi;
    cr_slice_t fee_type, fee_code;
    cr_cmpp_version_t version;
    cr_sms_coding_t narrow; /* used for a text that it can hold; UCS-2 for all others */
    long_way_t long_way;
    id_form_t id_form;
    bool reference; /* our reference goes along, for gateways that log it */
} contract_t;

#endif

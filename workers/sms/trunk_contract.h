/*
 * trunk_contract - the options of smpp and cmpp as the contract that dialects read
 *
 * Ownership  the contract borrows from the configuration and from `password`.
 */
#ifndef TRUNK_CONTRACT_H
#define TRUNK_CONTRACT_H

#include "contract.h"
#include "sms_config.h"

/* CR_INVAL: what the protocol cannot carry, with the option's name. */
cr_err_t trunk_contract(const sms_config_t *config, const char *password, bool is_cmpp,
                        contract_t *out, cr_fault_t *fault) CR_MUST_USE;

#endif

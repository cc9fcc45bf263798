/*
 * reference - our own ids as the gateways get them back
 *
 * SMS and WeChat carry the whole reference ("0000001K.s.4711.1"); a Message-ID leaves the attempt
 * out, so that a repeated e-mail is the same e-mail ("0000001K.m.4711"). Anything else is a
 * stranger's id: it is answered like any other and never written down.
 */
#ifndef REFERENCE_H
#define REFERENCE_H

#include "cr_id.h"

/* CR_INVAL when it is not one of ours. A missing attempt reads as 1. */
cr_err_t reference_read(cr_slice_t text, cr_delivery_t *delivery) CR_MUST_USE;

/* The Message-ID of a mail without brackets and domain, within `mail`; empty when there is none. */
cr_slice_t reference_of_mail(cr_slice_t mail);

#endif

/*
 * person - what residents write back
 */
#ifndef PERSON_H
#define PERSON_H

#include "faults.h"

/* The words of one who does not only read; the same resident always has the same. */
const char *person_words(fault_person_t person, cr_slice_t address);

#endif

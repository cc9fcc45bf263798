/*
 * fuzz - what every fuzz target is: one function of bytes from outside
 *
 * It aborts when a promise is broken. libFuzzer calls it; replay.c calls it with the files of a corpus.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

#endif

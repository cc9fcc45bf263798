/*
 * frames - golden frames of tests/data/pdu, read for a test
 *
 * Ownership  a frame lives until the next is read.
 */
#ifndef FRAMES_H
#define FRAMES_H

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

#include "cr_base.h"

enum { FRAME_BYTES_MAX = 4096 };

static inline cr_slice_t
frame_read(const char *name)
{
    static char bytes[FRAME_BYTES_MAX];
    char path[1024];
    snprintf(path, sizeof path, "%s/pdu/%s.bin", CR_TEST_DATA, name);
    FILE *file = fopen(path, "rb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    size_t length = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    return (cr_slice_t){bytes, length};
}

#endif

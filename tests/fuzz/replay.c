/* Feeds a fuzz target with every file of the folders on the command line. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "fuzz.h"

enum { BYTES_MAX = 1 << 20 };

/* A copy of exactly its size, so that a sanitizer sees what reads on. */
static void
replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = malloc(BYTES_MAX);
    size_t length = file && bytes ? fread(bytes, 1, BYTES_MAX, file) : 0;
    if (file)
        fclose(file);
    uint8_t *exact = bytes ? realloc(bytes, length ? length : 1) : NULL;
    if (exact)
        LLVMFuzzerTestOneInput(exact, length);
    free(exact);
}

static size_t
replay_folder(const char *folder)
{
    size_t count = 0;
    DIR *entries = opendir(folder);
    for (const struct dirent *entry; entries && (entry = readdir(entries));) {
        char path[4096];
        if (entry->d_type != DT_REG)
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        replay_file(path);
        count++;
    }
    if (entries)
        closedir(entries);
    return count;
}

int
main(int argc, char **argv)
{
    size_t count = 0;
    for (int i = 1; i < argc; i++)
        count += replay_folder(argv[i]);
    printf("%zu inputs\n", count);
    return count > 0 ? 0 : 1;
}

/* SPDX-License-Identifier: MIT */
/* A target without libFuzzer: replays files and directories of inputs; without arguments, one input from standard
 * input. An input that finds something aborts, and its name has been said. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "tests/fuzz/fuzz.h"

enum { INPUT_MAX = 1 << 20 };

static unsigned replayed, unreadable;

static void replay_stream(FILE *f)
{
    u8 *bytes = malloc(INPUT_MAX);
    size_t size = bytes ? fread(bytes, 1, INPUT_MAX, f) : 0;
    u8 *exact = malloc(size ? size : 1); /* so that a byte read past its end is seen */

    if (!bytes || !exact)
        exit(EXIT_FAILURE);
    memcpy(exact, bytes, size);
    free(bytes);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    replayed++;
}

static void replay_file(const char *path)
{
    FILE *f = fopen(path, "rb");

    if (!f) {
        perror(path);
        unreadable++;
        return;
    }
    printf("# %s\n", path);
    fflush(stdout);
    replay_stream(f);
    fclose(f);
}

static void replay_path(const char *path)
{
    struct dirent **entries;
    struct stat st;
    int n;

    if (stat(path, &st) || !S_ISDIR(st.st_mode)) {
        replay_file(path);
        return;
    }
    n = scandir(path, &entries, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        char name[4096];
        if (entries[i]->d_name[0] != '.') {
            snprintf(name, sizeof(name), "%s/%s", path, entries[i]->d_name);
            replay_file(name);
        }
        free(entries[i]);
    }
    if (n >= 0)
        free(entries);
    else
        unreadable++;
}

int main(int argc, char **argv)
{
    if (argc == 1)
        replay_stream(stdin);
    for (int i = 1; i < argc; i++)
        replay_path(argv[i]);
    printf("%u passed, %u failed\n", replayed, unreadable + !replayed);
    return unreadable || !replayed ? EXIT_FAILURE : EXIT_SUCCESS;
}

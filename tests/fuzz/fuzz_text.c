/* SPDX-License-Identifier: MIT */
/* Any text as a command line, words ending in NUL or newline, as an --expect, and as a condition: taken, or refused in
 * one line. */
#include <stdio.h>
#include <stdlib.h>

#include "frontend/expect.h"
#include "frontend/filter.h"
#include "frontend/options.h"
#include "tests/fuzz/fuzz.h"

enum { WORDS = 32 };

static void check_reason(const char *why, size_t size)
{
    if (!*why || !memchr(why, 0, size))
        fuzz_found("refused without a reason");
}

int LLVMFuzzerTestOneInput(const u8 *bytes, size_t size)
{
    static char name[] = "faultline";
    char *text = malloc(size + 1), *words[WORDS + 2] = {name}, why[256] = "";
    static FILE *nowhere;
    struct options options;
    struct expectation e;
    static struct filter filter;
    static const struct record record = {.vector = 14, .parent = RECORD_NONE, .handled_at = RECORD_NONE};
    int count = 1;

    if (!nowhere)
        nowhere = fopen("/dev/null", "w");
    if (!text || !nowhere)
        fuzz_found("no memory");
    memcpy(text, bytes, size);
    text[size] = 0;
    if (!expect_parse(&e, text, why, sizeof why))
        check_reason(why, sizeof why);
    why[0] = 0;
    if (!filter_parse(&filter, text, FILTER_DECIDED, why, sizeof why))
        check_reason(why, sizeof why);
    else
        filter_matches(&filter, &record, NULL);
    for (size_t i = 0; i < size; i++)
        if (text[i] == '\n')
            text[i] = 0;
    for (size_t at = 0; at < size && count <= WORDS; at += strlen(text + at) + 1)
        words[count++] = text + at;
    why[0] = 0;
    if (!options_parse(&options, count, words, nowhere, why, sizeof why)) {
        check_reason(why, sizeof why);
        options_one_line(why);
        if (strchr(why, '\n'))
            fuzz_found("a reason of more than a line");
    }
    free(text);
    return 0;
}

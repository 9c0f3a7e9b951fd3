/* SPDX-License-Identifier: MIT */
#include "frontend/expect.h"

#include <stdio.h>
#include <string.h>

#include "frontend/options.h"

static const char *const keys[EXPECT_KEYS] = {"va", "ec", "rip", "cpl", "count"};

static bool parse_range(char *text, u64 *low, u64 *high)
{
    char *dots = strstr(text, "..");

    if (!dots)
        return option_number(text, UINT64_MAX, low) && option_number(text, UINT64_MAX, high);
    *dots = '\0';
    if (!option_number(text, UINT64_MAX, low))
        return false;
    if (!dots[2]) {
        *high = UINT64_MAX;
        return true;
    }
    return option_number(dots + 2, UINT64_MAX, high) && *low <= *high;
}

static bool parse_key(struct expectation *e, char *word, bool seen[EXPECT_KEYS], char *why, size_t size)
{
    char *value = strchr(word, '=');
    int k = 0;

    if (value)
        *value++ = '\0';
    while (k < EXPECT_KEYS && strcmp(word, keys[k]))
        k++;
    if (k == EXPECT_KEYS || !value) {
        snprintf(why, size, "'%s' is none of va=, ec=, rip=, cpl=, count=", word);
        return false;
    }
    if (seen[k]) {
        snprintf(why, size, "%s= comes twice", word);
        return false;
    }
    seen[k] = true;
    if (!parse_range(value, &e->low[k], &e->high[k])) {
        snprintf(why, size, "%s= wants a number, N.. or N..M", word);
        return false;
    }
    return true;
}

bool expect_parse(struct expectation *e, const char *text, char *why, size_t size)
{
    bool seen[EXPECT_KEYS] = {false};
    char copy[256], *rest = NULL, *word;

    *e = (struct expectation){.seen = 0};
    for (int k = 0; k < EXPECT_KEYS; k++)
        e->high[k] = UINT64_MAX;
    e->low[EXPECT_COUNT] = 1;
    if (strlen(text) >= sizeof(copy)) {
        snprintf(why, size, "too long");
        return false;
    }
    strcpy(copy, text);
    word = strtok_r(copy, " \t", &rest);
    if (!word || strcmp(word, "pf")) {
        snprintf(why, size, "must begin with pf");
        return false;
    }
    while ((word = strtok_r(NULL, " \t", &rest)))
        if (!parse_key(e, word, seen, why, size))
            return false;
    return true;
}

bool expect_matches(struct expectation *e, const struct record *r)
{
    const u64 value[EXPECT_COUNT] = {r->cr2, r->error, r->rip, r->cpl};

    for (int k = 0; k < EXPECT_COUNT; k++)
        if (value[k] < e->low[k] || value[k] > e->high[k])
            return false;
    e->seen++;
    return true;
}

bool expect_met(const struct expectation *e)
{
    return e->seen >= e->low[EXPECT_COUNT] && e->seen <= e->high[EXPECT_COUNT];
}

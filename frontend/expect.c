/* SPDX-License-Identifier: MIT */
#include "frontend/expect.h"

#include <stdio.h>
#include <string.h>

#include "frontend/options.h"

static const char *const keys[EXPECT_KEYS] = {
    "va", "ec", "rip", "cpl", "count", "cause", "access", "outcome",
};

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

/* The nth word a key can have; NULL if there is no such. */
static const char *word_of(int key, int n)
{
    switch (key) {
    case EXPECT_CAUSE: return n > CAUSE_NONE && n < CAUSE_COUNT ? fault_cause_name((enum fault_cause)n) : NULL;
    case EXPECT_ACCESS: return n <= ACCESS_EXECUTE ? access_name((enum access_kind)n) : NULL;
    default: return n > OUTCOME_NONE && n < OUTCOME_COUNT ? outcome_name((enum outcome)n) : NULL;
    }
}

static bool parse_word(struct expectation *e, int key, const char *value)
{
    int *to = key == EXPECT_CAUSE ? &e->cause : key == EXPECT_ACCESS ? &e->access : &e->outcome;

    for (int n = 0; n < (int)OUTCOME_COUNT; n++) {
        const char *word = word_of(key, n);

        if (word && !strcmp(word, value)) {
            *to = n;
            return true;
        }
    }
    return false;
}

/* A name begins as no number does. */
static bool is_name(const char *value) { return *value && !strchr("0123456789.", *value); }

static bool parse_value(struct expectation *e, int key, char *value, char *why, size_t size)
{
    if (key >= EXPECT_NUMBERS) {
        if (parse_word(e, key, value))
            return true;
        snprintf(why, size, "%s=%.40s: no such %s", keys[key], value, keys[key]);
        return false;
    }
    if (key == EXPECT_RIP && is_name(value) && strlen(value) < sizeof(e->symbol)) {
        strcpy(e->symbol, value);
        return true;
    }
    if (parse_range(value, &e->low[key], &e->high[key]))
        return true;
    snprintf(why, size, "%s= wants a number, N.. or N..M%s", keys[key], key == EXPECT_RIP ? ", or a symbol" : "");
    return false;
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
        snprintf(why, size, "'%s' is none of va=, ec=, rip=, cpl=, cause=, access=, outcome=, count=", word);
        return false;
    }
    if (seen[k]) {
        snprintf(why, size, "%s= comes twice", word);
        return false;
    }
    seen[k] = true;
    return parse_value(e, k, value, why, size);
}

bool expect_parse(struct expectation *e, const char *text, char *why, size_t size)
{
    bool seen[EXPECT_KEYS] = {false};
    char copy[256], *rest = NULL, *word;

    *e = (struct expectation){.cause = -1, .access = -1, .outcome = -1};
    for (int k = 0; k < EXPECT_NUMBERS; k++)
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

bool expect_waits(const struct expectation *e) { return e->outcome >= 0; }

static bool words_match(const struct expectation *e, const struct record *r)
{
    if (e->symbol[0] && (!r->symbol.name || strcmp(r->symbol.name, e->symbol)))
        return false;
    return (e->cause < 0 || e->cause == (int)r->walk.cause) && (e->access < 0 || e->access == (int)r->access.kind) &&
           (e->outcome < 0 || e->outcome == (int)record_outcome(r));
}

bool expect_matches(struct expectation *e, const struct record *r)
{
    const u64 value[EXPECT_COUNT] = {r->cr2, r->error, r->rip, r->cpl};

    for (int k = 0; k < EXPECT_COUNT; k++)
        if (value[k] < e->low[k] || value[k] > e->high[k])
            return false;
    if (!words_match(e, r))
        return false;
    e->seen++;
    return true;
}

bool expect_met(const struct expectation *e)
{
    return e->seen >= e->low[EXPECT_COUNT] && e->seen <= e->high[EXPECT_COUNT];
}

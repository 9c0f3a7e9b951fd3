/* SPDX-License-Identifier: MIT */
#include "tests/support/json.h"

#include <ctype.h>
#include <string.h>

static const char *blanks(const char *p) { return p + strspn(p, " \t\r\n"); }

/* Each takes where its value begins, and gives what follows it or, with *bad set, where it went wrong. */
static const char *value(const char *p, bool *bad, int depth);

static const char *fail(const char *p, bool *bad)
{
    *bad = true;
    return p;
}

static const char *string(const char *p, bool *bad)
{
    if (*p++ != '"')
        return fail(p - 1, bad);
    for (; *p != '"'; p++) {
        if ((unsigned char)*p < 0x20)
            return fail(p, bad);
        if (*p != '\\')
            continue;
        if (*++p == 'u') {
            for (int i = 0; i < 4; i++)
                if (!isxdigit((unsigned char)*++p))
                    return fail(p, bad);
        } else if (!*p || !strchr("\"\\/bfnrt", *p)) {
            return fail(p, bad);
        }
    }
    return p + 1;
}

static const char *number(const char *p, bool *bad)
{
    p += *p == '-';
    if (!isdigit((unsigned char)*p) || (*p == '0' && isdigit((unsigned char)p[1])))
        return fail(p, bad);
    while (isdigit((unsigned char)*p))
        p++;
    return p;
}

static const char *members(const char *p, bool *bad, int depth)
{
    char end = *p == '{' ? '}' : ']';
    bool object = *p == '{';

    p = blanks(p + 1);
    if (*p == end)
        return p + 1;
    for (;; p = blanks(p + 1)) {
        if (object) {
            p = blanks(string(p, bad));
            if (*bad || *p != ':')
                return fail(p, bad);
            p = blanks(p + 1);
        }
        p = blanks(value(p, bad, depth + 1));
        if (*bad)
            return p;
        if (*p == end)
            return p + 1;
        if (*p != ',')
            return fail(p, bad);
    }
}

static const char *value(const char *p, bool *bad, int depth)
{
    static const char *const words[] = {"true", "false", "null"};

    if (depth > 32)
        return fail(p, bad);
    if (*p == '{' || *p == '[')
        return members(p, bad, depth);
    if (*p == '"')
        return string(p, bad);
    for (int i = 0; i < 3; i++)
        if (!strncmp(p, words[i], strlen(words[i])))
            return p + strlen(words[i]);
    return number(p, bad);
}

const char *json_error(const char *text)
{
    bool bad = false;
    const char *end = blanks(value(blanks(text), &bad, 0));

    return bad || *end ? end : NULL;
}

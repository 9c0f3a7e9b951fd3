/* SPDX-License-Identifier: MIT */
/* The options about bugs that hardware shows late, and about who wrote what. */
#include <string.h>

#include "frontend/options.h"

bool option_check(struct setting *s, const char *value)
{
    for (const char *at = value; *at;) {
        size_t n = strcspn(at, ",");
        enum check c = 0;

        while (c < CHECKS && (strlen(check_name(c)) != n || memcmp(check_name(c), at, n) != 0))
            c++;
        if (c == CHECKS)
            return option_refuse(s, "'%.*s' is not stale-tlb, lint or strict", (int)n, at);
        s->o->check[c] = true;
        at += n + (at[n] == ',');
    }
    return *value || option_refuse(s, "names no check: stale-tlb, lint, strict");
}

bool options_fail_on_check(struct options *o, const char *item)
{
    for (enum check c = 0; c < CHECKS; c++)
        if (!strcmp(item, check_name(c)))
            return o->check[c] = o->fail_on_check[c] = true;
    return false;
}

bool option_who(struct setting *s, const char *value)
{
    s->o->who = true;
    if (!value)
        return true;
    if (s->o->who_addresses == OPTIONS_WHO)
        return option_refuse(s, "given more than %d addresses", OPTIONS_WHO);
    if (!option_number(value, UINT64_MAX, &s->o->who_address[s->o->who_addresses]))
        return option_refuse(s, "'%s' is not an address", value);
    s->o->who_addresses++;
    return true;
}

bool option_tlb(struct setting *s, const char *value)
{
    if (!strcmp(value, "fast"))
        s->o->tlb = CPU_TLB_FAST;
    else if (!strcmp(value, "real"))
        s->o->tlb = CPU_TLB_REAL;
    else if (!strcmp(value, "hostile"))
        s->o->tlb = CPU_TLB_HOSTILE;
    else
        return option_refuse(s, "'%s' is not fast, real or hostile", value);
    return true;
}

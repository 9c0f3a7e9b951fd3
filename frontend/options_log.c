/* SPDX-License-Identifier: MIT */
/* The options of the log: -d, -D, -dfilter. */
#include <string.h>

#include "frontend/options.h"

bool option_log(struct setting *s, const char *value)
{
    size_t n;
    const char *wrong;

    if (!strcmp(value, "help"))
        return s->o->log_help = true;
    wrong = log_choose(&s->o->log, value, &n);
    if (!wrong)
        return true;
    if (!n)
        return option_refuse(s, "an item's name is empty; -d help lists them");
    return option_refuse(s, "'%.*s' is no item of the log; -d help lists them", (int)n, wrong);
}

bool option_log_file(struct setting *s, const char *value)
{
    if (!*value)
        return option_refuse(s, "the name is empty");
    s->o->log_file = value;
    return true;
}

bool option_log_filter(struct setting *s, const char *value)
{
    return log_choose_ranges(&s->o->log, value, s->why, s->size);
}

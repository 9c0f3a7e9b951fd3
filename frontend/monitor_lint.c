/* SPDX-License-Identifier: MIT */
/* The command lint: --check lint's look at the tables, now. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frontend/checks.h"
#include "frontend/monitor.h"

static void put_findings(struct reply *r, char *lines)
{
    static const char *const columns[] = {"finding", NULL};
    static const char prefix[] = "check lint: ";
    char *rest = lines;

    reply_table(r, "findings", columns);
    for (char *line; (line = strsep(&rest, "\n")) && *line;) {
        reply_row(r);
        reply_string(r, "finding", strncmp(line, prefix, strlen(prefix)) ? line : line + strlen(prefix));
    }
    reply_table_end(r);
}

void monitor_lint(struct monitor *m, const char *arguments, struct reply *r)
{
    struct checks *c = calloc(1, sizeof(*c)); /* of its own: all is told, whatever was told before */
    char *lines = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&lines, &size);

    (void)arguments;
    if (c && to) {
        c->machine = m->machine;
        c->symbols = m->symbols;
        c->tables = m->tables; /* for writers; NULL will do */
        c->to = to;
        checks_lint(c, machine_cpu(m->machine), "now");
    }
    if (!c || !to || fclose(to) != 0)
        reply_error(r, "out of memory");
    else
        put_findings(r, lines);
    free(lines);
    free(c);
}

/* SPDX-License-Identifier: MIT */
/* The commands lint and who: what is wrong with the tables now, and who wrote them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frontend/checks.h"
#include "frontend/monitor.h"
#include "frontend/who.h"

/* A row for each line, without the words it begins with. */
static void put_lines(struct reply *r, const char *key, const char *column, const char *prefix, char *lines)
{
    const char *const columns[] = {column, NULL};
    char *rest = lines;

    reply_table(r, key, columns);
    for (char *line; (line = strsep(&rest, "\n")) && *line;) {
        reply_row(r);
        reply_string(r, column, strncmp(line, prefix, strlen(prefix)) ? line : line + strlen(prefix));
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
        put_lines(r, "findings", "finding", "check lint: ", lines);
    free(lines);
    free(c);
}

void monitor_who(struct monitor *m, const char *arguments, struct reply *r)
{
    char *lines = NULL;
    size_t size = 0;
    FILE *to;
    u64 la;

    if (!monitor_address(m, arguments, &la, r))
        return;
    if (!m->tables) {
        reply_error(r, "nobody watches the tables: start with --explain or --trace-faults");
        return;
    }
    to = open_memstream(&lines, &size);
    if (to)
        who_print(m->tables, m->symbols, machine_cpu(m->machine), la, to);
    if (!to || fclose(to) != 0)
        reply_error(r, "out of memory");
    else
        put_lines(r, "entries", "history", "", lines);
    free(lines);
}

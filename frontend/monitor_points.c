/* SPDX-License-Identifier: MIT */
/* Commands that stop the guest by what it does: break- and watchpoints, catches. */
#include <stdio.h>
#include <string.h>

#include "frontend/monitor.h"

/* A catch's words are lines; a reply has them one by one. */
static void put_lines(struct reply *r, const char *key, char *lines)
{
    for (char *line = strtok(lines, "\n"); line; line = strtok(NULL, "\n"))
        reply_say(r, key, "%s", line);
}

static const char *kind_name(const struct cpu_point *p)
{
    switch (p->kind) {
    case CPU_POINT_EXECUTE: return "execute";
    case CPU_POINT_READ: return "read";
    case CPU_POINT_WRITE: return "write";
    default: return "read, write";
    }
}

static void list(struct monitor *m, struct reply *r)
{
    static const char *const columns[] = {">n", ">address", ">size", "stops at", NULL};

    reply_table(r, "points", columns);
    for (unsigned i = 0; i < m->points; i++) {
        reply_row(r);
        reply_number(r, "n", i + 1);
        reply_hex(r, "address", m->point[i].address, monitor_digits(m));
        reply_number(r, "size", m->point[i].size);
        reply_string(r, "stops at", kind_name(&m->point[i]));
    }
    reply_table_end(r);
}

static void add(struct monitor *m, const struct cpu_point *p, struct reply *r)
{
    if (p->address + p->size - 1 < p->address)
        reply_error(r, "0x%llx: the range goes over the end", (unsigned long long)p->address);
    else if (m->points == MONITOR_POINTS || !cpu_point_add(machine_cpu(m->machine), p))
        reply_error(r, "there are too many points; delete one");
    else
        m->point[m->points++] = *p;
}

void monitor_break(struct monitor *m, const char *arguments, struct reply *r)
{
    struct cpu_point p = {.kind = CPU_POINT_EXECUTE, .size = 1};

    if (!*arguments)
        list(m, r);
    else if (monitor_address(m, arguments, &p.address, r))
        add(m, &p, r);
}

void monitor_watch(struct monitor *m, const char *arguments, struct reply *r)
{
    struct cpu_point p = {.kind = CPU_POINT_WRITE, .size = 1};

    if (!monitor_word(m, &arguments, &p.address, r))
        return;
    if (*arguments && !strchr("rw", *arguments) && !monitor_word(m, &arguments, &p.size, r))
        return;
    if (!p.size || p.size > 1u << 30)
        reply_error(r, "watch: 1 to 2^30 bytes");
    else if (*arguments && strcmp(arguments, "r") && strcmp(arguments, "w") && strcmp(arguments, "rw"))
        reply_error(r, "watch: '%s' is none of r, w, rw", arguments);
    else {
        if (*arguments)
            p.kind = arguments[1] ? CPU_POINT_ACCESS : *arguments == 'r' ? CPU_POINT_READ : CPU_POINT_WRITE;
        add(m, &p, r);
    }
}

void monitor_delete(struct monitor *m, const char *arguments, struct reply *r)
{
    u64 n = 0;

    if (*arguments && !monitor_value(m, arguments, &n, r))
        return;
    if (*arguments && (!n || n > m->points)) {
        reply_error(r, "delete: there is no point %llu", (unsigned long long)n);
        return;
    }
    for (unsigned i = m->points; i-- > 0;) {
        if (n && i != n - 1)
            continue;
        cpu_point_remove(machine_cpu(m->machine), &m->point[i]);
        memmove(&m->point[i], &m->point[i + 1], (m->points - i - 1) * sizeof(m->point[0]));
        m->points--;
    }
}

void monitor_catch(struct monitor *m, const char *arguments, struct reply *r)
{
    char text[4096];
    struct text t = TEXT_OVER(text);

    if (!m->catches) {
        reply_error(r, "catch: not from here");
    } else if (!*arguments) {
        catches_list(m->catches, &t);
        text_end(&t);
        put_lines(r, "catch", text);
    } else if (!catches_add(m->catches, arguments, text, sizeof(text))) {
        reply_error(r, "%s", text);
    }
}

void monitor_uncatch(struct monitor *m, const char *arguments, struct reply *r)
{
    u64 n = 0;

    if (!m->catches)
        reply_error(r, "uncatch: not from here");
    else if ((!*arguments || monitor_value(m, arguments, &n, r)) &&
             (n > CATCHES_MAX || (*arguments && !n) || !catches_remove(m->catches, (unsigned)n)))
        reply_error(r, "uncatch: there are not so many");
}

/* SPDX-License-Identifier: MIT */
/* Z and z packets: types 0 and 1 are breakpoints, 2 write, 3 read and 4 access watchpoints. */
#include <stdlib.h>

#include "frontend/gdb_parts.h"

#define LENGTH_MAX (1u << 30)

static bool same(const struct cpu_point *a, const struct cpu_point *b)
{
    return a->kind == b->kind && a->physical == b->physical && a->address == b->address && a->size == b->size;
}

const struct gdb_point *gdb_point_find(const struct gdb *g, const struct cpu_point *p)
{
    for (unsigned i = 0; i < g->points; i++)
        if (same(&g->point[i].point, p))
            return &g->point[i];
    return NULL;
}

/* gdb may say the same twice, and means it once. */
static bool insert_point(struct gdb *g, u8 type, const struct cpu_point *p)
{
    for (unsigned i = 0; i < g->points; i++)
        if (g->point[i].type == type && same(&g->point[i].point, p))
            return true;
    if (g->points == CPU_POINTS_MAX || !cpu_point_add(g->cpu, p))
        return false;
    g->point[g->points++] = (struct gdb_point){type, *p};
    return true;
}

static void remove_point(struct gdb *g, u8 type, const struct cpu_point *p)
{
    for (unsigned i = 0; i < g->points; i++) {
        if (g->point[i].type != type || !same(&g->point[i].point, p))
            continue;
        cpu_point_remove(g->cpu, p);
        g->point[i] = g->point[--g->points];
        return;
    }
}

void gdb_points_clear(struct gdb *g)
{
    while (g->points)
        cpu_point_remove(g->cpu, &g->point[--g->points].point);
}

/* Ztype,addr,kind: conditions and commands are not offered. */
void gdb_points(struct gdb *g, bool insert)
{
    static const u8 kinds[] = {CPU_POINT_EXECUTE, CPU_POINT_EXECUTE, CPU_POINT_WRITE, CPU_POINT_READ, CPU_POINT_ACCESS};
    const char *at = g->in + 1;
    struct cpu_point p = {.physical = g->physical};
    u64 type, kind;

    if (!gdb_hex(&at, &type) || *at++ != ',' || !gdb_hex(&at, &p.address) || *at++ != ',' || !gdb_hex(&at, &kind) ||
        (*at && *at != ';')) {
        gdb_reply(g, "E01");
        return;
    }
    if (type > 4) {
        gdb_reply(g, "");
        return;
    }
    p.kind = kinds[type];
    p.size = type < 2 ? 1 : kind;
    if (!p.size || p.size > LENGTH_MAX || p.address + p.size - 1 < p.address) {
        gdb_reply(g, "E02");
        return;
    }
    if (!insert)
        remove_point(g, (u8)type, &p);
    else if (!insert_point(g, (u8)type, &p)) {
        gdb_reply(g, "E03");
        return;
    }
    gdb_reply(g, "OK");
}

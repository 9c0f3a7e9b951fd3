/* SPDX-License-Identifier: MIT */
/*
 * How instructions are executed never shows: the same programs run with traces, one instruction at a time, with a tiny
 * TLB, a tiny trace arena, and stopped and continued at odd counts, and must end alike: registers, memory, instruction
 * count, every fault and event in order.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bios/boot.h"
#include "cpu/state.h"
#include "tests/atomic/program.h"

struct manner {
    const char *name;
    struct cpu_tuning tuning;
    u64 chunk; /* run in pieces of this many instructions; 0: in one */
};
static const struct manner manners[] = {
    {"usual", {false, 0, 0}, 0},
    {"all steps", {true, 0, 0}, 0},
    {"4-entry TLB", {false, 4, 0}, 0},
    {"16-entry TLB", {false, 16, 0}, 0},
    {"tiny trace arena", {false, 0, 1}, 0},
    {"4-entry TLB, tiny trace arena", {false, 4, 1}, 0},
    {"in pieces of 97", {false, 0, 0}, 97},
    {"in pieces of 1009, 16-entry TLB, tiny trace arena", {false, 16, 1}, 1009},
};
enum { MANNERS = sizeof(manners) / sizeof(manners[0]) };

/* What a run leaves. */
struct trail {
    struct cpu_state state;
    struct x87 x87;
    union xmm xmm[16];
    u32 mxcsr;
    u64 icount, faults, events, fault_hash, event_hash, memory_hash;
    u64 fault_counts[32]; /* when the first ones came, to say where runs part */
    enum machine_end_reason reason;
};

static u64 mix(u64 h, u64 v)
{
    h = (h ^ v) * 0x9e3779b97f4a7c15;
    return h ^ h >> 29;
}

static void on_fault(void *ctx, struct cpu *cpu, u64 la, unsigned width, const struct access *access,
                     const struct walk *walk, int during)
{
    struct trail *t = ctx;
    struct cpu_state s;
    (void)width;
    cpu_get_state(cpu, &s);
    if (t->faults < 32)
        t->fault_counts[t->faults] = cpu_icount(cpu);
    t->faults++;
    t->fault_hash =
        mix(mix(mix(mix(mix(t->fault_hash, la), walk->error), s.rip), cpu_icount(cpu)), (u64)during * 4 + access->kind);
}

static void on_event(void *ctx, struct cpu *cpu, const struct cpu_event *ev, int during)
{
    struct trail *t = ctx;
    struct cpu_state s;
    (void)during;
    cpu_get_state(cpu, &s);
    t->events++;
    t->event_hash = mix(mix(mix(mix(mix(t->event_hash, ev->vector), ev->error), s.rip), s.rflags), cpu_icount(cpu));
    for (unsigned i = 0; i < 16; i++)
        t->event_hash = mix(t->event_hash, s.gpr[i]);
}

static u64 hash_memory(struct phys *phys)
{
    u64 h = 0, size = phys_ram_bytes(phys);
    for (u64 pa = 0; pa < size; pa += PAGE_SIZE) {
        const u64 *words =
            (const u64 *)phys_page_read(phys, pa >= PHYS_LOW_RAM_TOP ? pa - PHYS_LOW_RAM_TOP + (1ull << 32) : pa);
        for (unsigned i = 0; words && i < PAGE_SIZE / 8; i++)
            if (words[i])
                h = mix(h + pa + i, words[i]);
    }
    return h;
}

static void collect(struct machine *m, struct trail *t)
{
    struct cpu *cpu = machine_cpu(m);
    cpu_get_state(cpu, &t->state);
    t->x87 = cpu->x87;
    memcpy(t->xmm, cpu->xmm, sizeof(t->xmm));
    t->mxcsr = cpu->mxcsr;
    t->icount = cpu_icount(cpu);
    t->memory_hash = hash_memory(machine_phys(m));
}

static void run(struct machine *m, const struct manner *manner, u64 limit, struct trail *t)
{
    struct cpu_observer observer = {.ctx = t, .page_fault = on_fault, .event = on_event};
    u64 at = manner->chunk ? manner->chunk : limit;
    memset(t, 0, sizeof(*t));
    cpu_tune(machine_cpu(m), manner->tuning);
    cpu_observe(machine_cpu(m), &observer);
    do {
        t->reason = machine_run(m, (struct machine_limits){.max_instructions = at < limit ? at : limit}).reason;
        at += manner->chunk;
    } while (t->reason == END_BUDGET && cpu_icount(machine_cpu(m)) < limit);
    collect(m, t);
}

/* The first difference, or NULL. */
static const char *differs(const struct trail *a, const struct trail *b)
{
    if (a->fault_hash != b->fault_hash || a->faults != b->faults)
        return "page faults";
    if (a->event_hash != b->event_hash || a->events != b->events)
        return "events";
    if (a->icount != b->icount)
        return "instruction count";
    if (a->reason != b->reason)
        return "reason of the end";
    if (memcmp(a->state.gpr, b->state.gpr, sizeof(a->state.gpr)) || a->state.rip != b->state.rip)
        return "registers";
    if (a->state.rflags != b->state.rflags)
        return "flags";
    if (memcmp(a->state.seg, b->state.seg, sizeof(a->state.seg)) || a->state.cr0 != b->state.cr0 ||
        a->state.cr2 != b->state.cr2 || a->state.cr3 != b->state.cr3 || a->state.cr4 != b->state.cr4)
        return "system registers";
    for (unsigned i = 0; i < 8; i++)
        if (a->x87.r[i].mantissa != b->x87.r[i].mantissa || a->x87.r[i].exponent != b->x87.r[i].exponent)
            return "x87 registers";
    if (a->x87.status != b->x87.status || a->x87.tag != b->x87.tag || a->x87.fip != b->x87.fip ||
        a->x87.fdp != b->x87.fdp)
        return "x87 state";
    if (memcmp(a->xmm, b->xmm, sizeof(a->xmm)) || a->mxcsr != b->mxcsr)
        return "SSE registers";
    return a->memory_hash != b->memory_hash ? "memory" : NULL;
}

static struct {
    unsigned passed, failed, skipped;
} total;

static void compare(const char *what, const struct manner *manner, const struct trail *usual, const struct trail *t)
{
    const char *difference = differs(usual, t);
    unsigned i = 0;
    if (!difference) {
        total.passed++;
        return;
    }
    total.failed++;
    printf("not ok: %s, %s: %s: %llu instructions, %llu faults, %llu events instead of %llu, %llu, %llu\n", what,
           manner->name, difference, (unsigned long long)t->icount, (unsigned long long)t->faults,
           (unsigned long long)t->events, (unsigned long long)usual->icount, (unsigned long long)usual->faults,
           (unsigned long long)usual->events);
    while (i < 31 && usual->fault_counts[i] == t->fault_counts[i])
        i++;
    printf("# fault %u at %llu, usually at %llu\n", i, (unsigned long long)t->fault_counts[i],
           (unsigned long long)usual->fault_counts[i]);
}

static struct machine *make_machine(u64 ram)
{
    struct machine_config config = {.ram_bytes = ram, .seed = 7, .no_reboot = true};
    char why[200];
    struct machine *m = machine_create(&config, why, sizeof(why));
    if (!m) {
        fprintf(stderr, "no machine: %s\n", why);
        exit(EXIT_FAILURE);
    }
    return m;
}

static struct {
    u64 instructions, faults, events;
} volume;

static void run_program(const struct program *p)
{
    static struct trail trail[MANNERS];
    char what[100];
    snprintf(what, sizeof(what), "program %llu, %u-bit%s%s%s%s", (unsigned long long)p->seed, p->wide ? 64 : 32,
             p->segments ? " segments" : "", p->user ? ", CPL 3" : "", p->timer ? ", timer" : "",
             p->modify ? ", self-modifying" : "");
    for (unsigned i = 0; i < MANNERS; i++) {
        struct machine *m = make_machine(PROGRAM_RAM);
        program_load(m, p);
        run(m, &manners[i], 3000000, &trail[i]);
        machine_destroy(m);
        if (i)
            compare(what, &manners[i], &trail[0], &trail[i]);
    }
    if (trail[0].reason != END_DEAD_HALT) {
        printf("not ok: %s does not come to its end: %s\n", what, machine_end_text(trail[0].reason));
        total.failed++;
    }
    volume.instructions += trail[0].icount, volume.faults += trail[0].faults, volume.events += trail[0].events;
}

static void run_programs(u64 first, u64 last)
{
    for (u64 seed = first; seed < last; seed++)
        for (unsigned kind = 0; kind < 8; kind++) {
            struct program p = {
                .seed = seed * 8 + kind, .wide = kind & 1, .segments = !(kind & 1) && seed % 3 == 0, .blocks = 150};
            p.timer = kind >= 2, p.modify = kind >= 4, p.user = kind >= 6;
            run_program(&p);
        }
    printf("# programs: %llu instructions, %llu page faults, %llu events each way\n",
           (unsigned long long)volume.instructions, (unsigned long long)volume.faults,
           (unsigned long long)volume.events);
}

/* A real kernel's first instructions, where one is on the disk. */
static void run_kernel(const char *arch, const char *kernel, u64 limit)
{
    static struct trail trail[MANNERS];
    static const u8 which[] = {0, 1, 2, 5, 7};
    char why[256];
    if (access(kernel, R_OK)) {
        printf("# skipped: no kernel at %s (make check-guests fetches it)\n", kernel);
        total.skipped++;
        return;
    }
    for (unsigned k = 0; k < sizeof(which); k++) {
        struct machine *m = make_machine(160 << 20);
        struct boot_config boot = {.kernel = kernel, .append = "console=ttyS0"};
        if (!boot_load(m, &boot, why, sizeof(why))) {
            printf("not ok: %s: %s\n", kernel, why);
            total.failed++;
            machine_destroy(m);
            return;
        }
        run(m, &manners[which[k]], limit, &trail[k]);
        machine_destroy(m);
        if (k)
            compare(arch, &manners[which[k]], &trail[0], &trail[k]);
    }
}

int main(int argc, char **argv)
{
    u64 first = argc > 1 ? strtoull(argv[1], NULL, 0) : 1, last = argc > 2 ? strtoull(argv[2], NULL, 0) : first + 6;
    const char *kernels = getenv("FAULTLINE_KERNELS"); /* the directory check-guests fetches them to */
    char path[512];
    run_programs(first, last);
    for (unsigned i = 0; i < 2 && argc < 2; i++) {
        const char *arch = i ? "amd64" : "i386";
        snprintf(path, sizeof(path),
                 "%s/netboot-%s/usr/lib/debian-installer/images/12/%s/text/debian-installer/%s/linux",
                 kernels ? kernels : "build/kernels", arch, arch, arch);
        run_kernel(arch, path, 20000000);
    }
    printf("%u passed, %u failed, %u skipped\n", total.passed, total.failed, total.skipped);
    return total.failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

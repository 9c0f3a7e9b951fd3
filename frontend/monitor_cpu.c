/* SPDX-License-Identifier: MIT */
/* Commands about the processor's registers and what it does. */
#include "frontend/monitor.h"

#include <stdio.h>

static const char *const flag_names[] = {
    [0] = "CF",  [2] = "PF",  [4] = "AF",  [6] = "ZF",  [7] = "SF",  [8] = "TF",   [9] = "IF",   [10] = "DF",
    [11] = "OF", [14] = "NT", [16] = "RF", [17] = "VM", [18] = "AC", [19] = "VIF", [20] = "VIP", [21] = "ID",
};
static const char *const cr0_names[] = {
    [0] = "PE",  [1] = "MP",  [2] = "EM",  [3] = "TS",  [4] = "ET",  [5] = "NE",
    [16] = "WP", [18] = "AM", [29] = "NW", [30] = "CD", [31] = "PG",
};
static const char *const cr4_names[] = {
    [0] = "VME",   [1] = "PVI",   [2] = "TSD",   [3] = "DE",        [4] = "PSE",         [5] = "PAE",
    [6] = "MCE",   [7] = "PGE",   [8] = "PCE",   [9] = "OSFXSR",    [10] = "OSXMMEXCPT", [11] = "UMIP",
    [12] = "LA57", [13] = "VMXE", [14] = "SMXE", [16] = "FSGSBASE", [17] = "PCIDE",      [18] = "OSXSAVE",
    [20] = "SMEP", [21] = "SMAP", [22] = "PKE",  [23] = "CET",      [24] = "PKS",
};
static const char *const efer_names[] = {[0] = "SCE", [8] = "LME", [10] = "LMA", [11] = "NXE"};

#define BITS_OF(reply, key, value, table) monitor_bits(reply, key, value, table, sizeof(table) / sizeof(table[0]))

static void put_general(struct reply *r, const struct cpu_state *s, bool wide)
{
    static const char *const wide_names[16] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                               "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};
    static const char *const narrow_names[8] = {"eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"};
    static const u8 order[16] = {REG_RAX, REG_RBX, REG_RCX, REG_RDX, REG_RSI, REG_RDI, REG_RBP, REG_RSP,
                                 8,       9,       10,      11,      12,      13,      14,      15};

    for (unsigned i = 0; i < (wide ? 16u : 8u); i++) {
        unsigned n = order[i];
        char name[8];

        if (!wide) {
            reply_hex(r, narrow_names[n], (u32)s->gpr[n], 8);
        } else if (r->json) {
            reply_hex(r, wide_names[n], s->gpr[n], 16);
        } else { /* "r8 " stands below "rax" */
            snprintf(name, sizeof(name), "%-3s", wide_names[n]);
            reply_hex(r, name, s->gpr[n], 16);
        }
        if (i % 4 == 3)
            reply_newline(r);
    }
}

static void put_flags(struct monitor *m, struct reply *r, const struct cpu_state *s, bool wide)
{
    struct cpu *cpu = machine_cpu(m->machine);
    char symbol[192];

    reply_hex(r, wide ? "rip" : "eip", wide ? s->rip : (u32)s->rip, wide ? 16 : 8);
    monitor_symbol(m, monitor_pc(m), symbol, sizeof(symbol));
    if (*symbol && r->json)
        reply_string(r, "symbol", symbol + 1);
    else if (*symbol)
        reply_label(r, "%s", symbol + 1);
    reply_string(r, "mode", cpu_mode_name(cpu_mode(cpu)));
    reply_number(r, "cpl", cpu_cpl(cpu));
    reply_boolean(r, "halted", cpu_halted(cpu));
    reply_newline(r);
    reply_hex(r, wide ? "rflags" : "eflags", s->rflags, 8);
    BITS_OF(r, "flags", s->rflags, flag_names);
    reply_number(r, "iopl", s->rflags >> 12 & 3);
    reply_newline(r);
}

/* SDM "Code- and Data-Segment Descriptor Types", "System Descriptor Types". */
static const char *segment_kind(u16 attributes)
{
    static const char *const system[16] = {"reserved",
                                           "16-bit TSS, available",
                                           "LDT",
                                           "16-bit TSS, busy",
                                           "call gate",
                                           "task gate",
                                           "interrupt gate",
                                           "trap gate",
                                           "reserved",
                                           "TSS, available",
                                           "reserved",
                                           "TSS, busy",
                                           "call gate",
                                           "reserved",
                                           "interrupt gate",
                                           "trap gate"};
    static const char *const plain[8] = {"data", "data, writable", "data, down",       "data, down, writable",
                                         "code", "code, readable", "code, conforming", "code, conforming, readable"};

    if (!(attributes & 0x80))
        return "unusable";
    return attributes & 0x10 ? plain[attributes >> 1 & 7] : system[attributes & 15];
}

static void put_segments(struct reply *r, const struct cpu_state *s, bool wide)
{
    static const char *const names[SEG_COUNT] = {"es", "cs", "ss", "ds", "fs", "gs", "ldtr", "tr"};
    static const u8 order[SEG_COUNT] = {SEG_CS, SEG_SS, SEG_DS, SEG_ES, SEG_FS, SEG_GS, SEG_LDTR, SEG_TR};
    static const char *const columns[] = {"segment", ">selector", ">base", ">limit", ">attributes",
                                          ">dpl",    ">bits",     "kind",  NULL};

    reply_table(r, "segments", columns);
    for (unsigned i = 0; i < SEG_COUNT; i++) {
        const struct cpu_segment *g = &s->seg[order[i]];
        unsigned bits = g->attributes & 0x2000 ? 64 : g->attributes & 0x4000 ? 32 : 16;

        reply_row(r);
        reply_string(r, "segment", names[order[i]]);
        reply_hex(r, "selector", g->selector, 4);
        reply_hex(r, "base", g->base, wide ? 16 : 8);
        reply_hex(r, "limit", g->limit, 8);
        reply_hex(r, "attributes", g->attributes, 4);
        reply_number(r, "dpl", g->attributes >> 5 & 3);
        if (g->attributes & 0x10)
            reply_number(r, "bits", bits);
        else
            reply_null(r, "bits");
        reply_string(r, "kind", segment_kind(g->attributes));
    }
    reply_table_end(r);
}

static void put_control(struct reply *r, const struct cpu_state *s, unsigned digits)
{
    reply_hex(r, "gdt", s->gdt_base, digits);
    reply_hex(r, "gdt_limit", s->gdt_limit, 4);
    reply_hex(r, "idt", s->idt_base, digits);
    reply_hex(r, "idt_limit", s->idt_limit, 4);
    reply_newline(r);
    reply_hex(r, "cr0", s->cr0, 8);
    BITS_OF(r, "cr0_bits", s->cr0, cr0_names);
    reply_hex(r, "cr2", s->cr2, digits);
    reply_hex(r, "cr3", s->cr3, digits);
    reply_hex(r, "cr8", s->cr8, 1);
    reply_newline(r);
    reply_hex(r, "cr4", s->cr4, 8);
    BITS_OF(r, "cr4_bits", s->cr4, cr4_names);
    reply_newline(r);
    reply_hex(r, "efer", s->efer, 8);
    BITS_OF(r, "efer_bits", s->efer, efer_names);
    reply_hex(r, "xcr0", s->xcr0, 8);
    reply_hex(r, "pkru", s->pkru, 8);
    reply_hex(r, "pkrs", s->pkrs, 8);
    reply_newline(r);
    for (unsigned i = 0; i < 8; i++) {
        static const char *const names[8] = {"dr0", "dr1", "dr2", "dr3", NULL, NULL, "dr6", "dr7"};

        if (names[i])
            reply_hex(r, names[i], s->dr[i], i < 4 ? digits : 8);
    }
    reply_newline(r);
    if (s->cr0 >> 31 && s->cr4 & BIT(5) && !(s->efer & BIT(10))) {
        static const char *const names[4] = {"pdpte0", "pdpte1", "pdpte2", "pdpte3"};

        for (unsigned i = 0; i < 4; i++)
            reply_hex(r, names[i], s->pdpte[i], 16);
        reply_newline(r);
    }
}

void monitor_info_registers(struct monitor *m, const char *arguments, struct reply *r)
{
    struct cpu_state s;
    bool wide = monitor_digits(m) == 16;

    (void)arguments;
    cpu_get_state(machine_cpu(m->machine), &s);
    put_general(r, &s, wide);
    put_flags(m, r, &s, wide);
    put_segments(r, &s, wide);
    put_control(r, &s, wide ? 16 : 8);
}

/* ---- What it does ---- */

void monitor_info_cpus(struct monitor *m, const char *arguments, struct reply *r)
{
    static const char *const columns[] = {">cpu", "state", "mode", ">cpl", ">pc", ">instructions", "model", NULL};
    struct cpu *cpu = machine_cpu(m->machine);

    (void)arguments;
    reply_table(r, "cpus", columns);
    reply_row(r);
    reply_number(r, "cpu", 0);
    reply_string(r, "state", cpu_halted(cpu) ? "halted" : "running");
    reply_string(r, "mode", cpu_mode_name(cpu_mode(cpu)));
    reply_number(r, "cpl", cpu_cpl(cpu));
    reply_hex(r, "pc", monitor_pc(m), monitor_digits(m));
    reply_number(r, "instructions", cpu_icount(cpu));
    reply_string(r, "model", machine_cpu_model(m->machine));
    reply_table_end(r);
}

void monitor_info_status(struct monitor *m, const char *arguments, struct reply *r)
{
    struct cpu *cpu = machine_cpu(m->machine);
    u64 ns = machine_time(m->machine);
    bool stopped = m->control.stopped && m->control.stopped(m->control.ctx);
    struct cpu_stats s;

    (void)arguments;
    cpu_get_stats(cpu, &s);
    reply_string(r, "status", stopped ? "stopped" : "running");
    reply_number(r, "instructions", cpu_icount(cpu));
    reply_number(r, "ns", ns);
    reply_newline(r);
    reply_number(r, "page_faults", s.page_faults);
    reply_number(r, "exceptions", s.exceptions);
    reply_number(r, "interrupts", s.interrupts);
    reply_number(r, "tlb_misses", s.tlb_misses);
    reply_newline(r);
}

void monitor_where(struct monitor *m, struct reply *r)
{
    struct cpu *cpu = machine_cpu(m->machine);
    u64 pc = monitor_pc(m);
    u8 bytes[DISASM_MAX];
    size_t n = cpu_peek(cpu, pc, bytes, sizeof(bytes));
    struct cpu_state s;
    const struct disasm_line *line;
    char symbol[192];

    cpu_get_state(cpu, &s);
    line = disasm_at(m->disasm, monitor_code_bits(m), s.rip, bytes, (unsigned)n);
    monitor_symbol(m, pc, symbol, sizeof(symbol));
    reply_number(r, "instructions", cpu_icount(cpu));
    reply_hex(r, "pc", pc, monitor_digits(m));
    if (monitor_code_bits(m) != 64 && s.seg[SEG_CS].base)
        reply_label(r, "%04x:%0*llx", s.seg[SEG_CS].selector, monitor_code_bits(m) / 4, (unsigned long long)s.rip);
    if (r->json)
        reply_string(r, "insn", line->length ? line->text : "");
    else
        reply_label(r, "%s%s%s", *symbol ? symbol + 1 : "", *symbol ? "  " : "",
                    !n             ? "(not mapped)"
                    : line->length ? line->text
                                   : "(bad)");
    if (cpu_halted(cpu))
        reply_label(r, "(halted)");
    reply_newline(r);
}

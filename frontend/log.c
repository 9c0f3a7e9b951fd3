/* SPDX-License-Identifier: MIT */
#include "frontend/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include "frontend/disasm.h"
#include "frontend/record.h"

/* Instructions that were told, by a hash of address and bytes: those that run singly are told once. A power of two. */
#define SEEN 65536u

struct log {
    const struct log_choice *choice;
    struct output *out;
    struct phys *phys;
    struct symbols *symbols; /* NULL: no names */
    struct disasm *disasm;
    u64 cr3; /* as it was told last */
    u64 seen[SEEN];
};

static const struct {
    const char *name, *help;
} items[LOG_ITEMS] = {
    [LOG_INT] = {"int", "each exception and interrupt that is delivered, and where"},
    [LOG_CPU] = {"cpu", "the registers at each of these; with in_asm alone, whenever code is decoded"},
    [LOG_IN_ASM] = {"in_asm", "code, when it is decoded: once, until it changes or room is needed"},
    [LOG_CR3] = {"cr3", "each change of the address space"},
    [LOG_IO] = {"io", "each access to a port"},
    [LOG_RESET] = {"cpu_reset", "RESET and INIT, with the registers as they were before"},
};

/* ---- Choosing ---- */

const char *log_choose(struct log_choice *c, const char *list, size_t *n)
{
    for (;; list += *n + 1) {
        unsigned i = 0;

        *n = strcspn(list, ",");
        while (i < LOG_ITEMS && (strlen(items[i].name) != *n || memcmp(items[i].name, list, *n) != 0))
            i++;
        if (i == LOG_ITEMS)
            return list;
        c->items |= 1u << i;
        if (!list[*n])
            return NULL;
    }
}

/* A number at *at, which is moved behind it. */
static bool take_number(const char **at, u64 *value)
{
    char *end;

    if (**at < '0' || **at > '9')
        return false;
    errno = 0;
    *value = strtoull(*at, &end, 0);
    *at = end;
    return errno == 0;
}

static bool take_range(const char **at, struct log_range *r)
{
    u64 a, b;
    char sign;

    if (!take_number(at, &a))
        return false;
    sign = **at;
    if (sign == '.' && (*at)[1] == '.')
        *at += 2;
    else if (sign == '+' || sign == '-')
        *at += 1;
    else
        return false;
    if (!take_number(at, &b))
        return false;
    if (sign == '.')
        *r = (struct log_range){a, b};
    else if (sign == '+')
        *r = (struct log_range){a, a + (b - 1)};
    else
        *r = (struct log_range){a - (b - 1), a};
    return (sign == '.' || b) && r->first <= r->last;
}

bool log_choose_ranges(struct log_choice *c, const char *list, char *why, size_t size)
{
    for (const char *at = list;; at++) {
        if (c->ranges == LOG_RANGES) {
            snprintf(why, size, "more than %d ranges", LOG_RANGES);
            return false;
        }
        if (!take_range(&at, &c->range[c->ranges]) || (*at && *at != ',')) {
            snprintf(why, size, "'%s': ranges are FIRST..LAST, START+SIZE or END-SIZE, with commas between", list);
            return false;
        }
        c->ranges++;
        if (!*at)
            return true;
    }
}

void log_help(FILE *to)
{
    fputs("-d takes, separated by commas:\n", to);
    for (unsigned i = 0; i < LOG_ITEMS; i++)
        fprintf(to, "  %-10s %s\n", items[i].name, items[i].help);
}

/* ---- Life ---- */

struct log *log_create(const struct log_choice *choice, struct output *out, struct phys *phys)
{
    struct log *l = calloc(1, sizeof(*l));

    if (!l)
        return NULL;
    l->choice = choice;
    l->out = out;
    l->phys = phys;
    l->disasm = disasm_create();
    if (l->disasm)
        return l;
    free(l);
    return NULL;
}

void log_destroy(struct log *l)
{
    if (!l)
        return;
    disasm_destroy(l->disasm);
    free(l);
}

bool log_wants(const struct log *l, enum log_item item) { return l->choice->items >> item & 1; }
void log_name(struct log *l, struct symbols *symbols) { l->symbols = symbols; }
void log_begin(struct log *l, struct cpu *cpu) { l->cr3 = cpu_paging(cpu)->cr3; }

/* ---- Where ---- */

/* The state, and what follows from it. */
struct place {
    struct cpu_state s;
    enum cpu_mode mode;
    unsigned bits; /* 16, 32, 64: how CS's code is decoded */
    u64 pc;        /* linear */
};

/* False if it is filtered out. */
static bool find_place(const struct log *l, struct cpu *cpu, struct place *p)
{
    cpu_get_state(cpu, &p->s);
    p->mode = cpu_mode(cpu);
    p->bits = p->mode == MODE_LONG64 ? 64 : p->s.seg[SEG_CS].attributes & 0x4000 ? 32 : 16;
    p->pc = p->bits == 64 ? p->s.rip : (u32)(p->s.seg[SEG_CS].base + p->s.rip);
    for (unsigned i = 0; i < l->choice->ranges; i++)
        if (p->pc >= l->choice->range[i].first && p->pc <= l->choice->range[i].last)
            return true;
    return !l->choice->ranges;
}

static void put(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(struct text *t, const char *format, ...)
{
    char line[256];
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    text_bytes(t, line, (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1);
}

/* "0x1234 <main+0x4>" */
static void put_address(const struct log *l, struct text *t, struct cpu *cpu, u64 address)
{
    struct symbol_place symbol;

    text_hex(t, address);
    if (!l->symbols)
        return;
    symbols_follow(l->symbols, cpu, l->phys);
    if (!symbols_find(l->symbols, address, &symbol))
        return;
    text_string(t, " <");
    symbol_text(t, &symbol);
    text_char(t, '>');
}

/* " at cs:ip (linear ..), mode, cpl N, instruction N" */
static void put_place(const struct log *l, struct text *t, struct cpu *cpu, const struct place *p)
{
    put(t, " at %04x:", p->s.seg[SEG_CS].selector);
    if (p->pc != p->s.rip) {
        text_hex(t, p->s.rip);
        text_string(t, ", linear ");
    }
    put_address(l, t, cpu, p->pc);
    put(t, ", %s, cpl %u, instruction %llu", cpu_mode_name(p->mode), cpu_cpl(cpu), (unsigned long long)cpu_icount(cpu));
}

static struct text begin(struct log *l, enum log_item item)
{
    struct text t = output_reserve(l->out);

    text_string(&t, items[item].name);
    text_string(&t, ": ");
    return t;
}

static void end(struct log *l, struct text *t)
{
    text_char(t, '\n');
    output_commit(l->out, t);
    if (l->out->prompt || l->out->fd == STDERR_FILENO) /* others write there too */
        output_flush(l->out);
}

/* ---- Registers ---- */

static void put_general(struct text *t, const struct cpu_state *s, bool wide)
{
    static const char *const names[16] = {"ax", "bx", "cx", "dx", "si", "di", "bp", "sp",
                                          "8",  "9",  "10", "11", "12", "13", "14", "15"};
    static const u8 order[8] = {REG_RAX, REG_RBX, REG_RCX, REG_RDX, REG_RSI, REG_RDI, REG_RBP, REG_RSP};

    for (unsigned i = 0; i < (wide ? 16u : 8u); i++) {
        u64 value = s->gpr[i < 8 ? order[i] : i];

        text_string(t, "  ");
        if (wide)
            put(t, "r%-2s %016llx", names[i], (unsigned long long)value);
        else
            put(t, "e%s %08x", names[i], (u32)value);
        if (i % 4 == 3)
            text_char(t, '\n');
    }
}

static void put_flags(struct text *t, u64 flags)
{
    static const char *const names[] = {
        [0] = "CF",  [2] = "PF",  [4] = "AF",  [6] = "ZF",  [7] = "SF",  [8] = "TF",   [9] = "IF",   [10] = "DF",
        [11] = "OF", [14] = "NT", [16] = "RF", [17] = "VM", [18] = "AC", [19] = "VIF", [20] = "VIP", [21] = "ID",
    };

    put(t, "  flags %08x [", (u32)flags);
    for (unsigned i = sizeof(names) / sizeof(names[0]), n = 0; i-- > 0;)
        if (names[i] && flags >> i & 1)
            put(t, "%s%s", n++ ? " " : "", names[i]);
    put(t, "] iopl %u\n", (unsigned)(flags >> 12 & 3));
}

/* All of them, in lines behind the item's. */
static void put_registers(struct text *t, struct cpu *cpu, const struct cpu_state *s)
{
    static const char *const segments[SEG_COUNT] = {"es", "cs", "ss", "ds", "fs", "gs", "ldtr", "tr"};
    bool wide = s->efer & BIT(10);
    int digits = wide ? 16 : 8;

    put_general(t, s, wide);
    put(t, "  %s %0*llx  cpl %u  %s%s", wide ? "rip" : "eip", digits, (unsigned long long)s->rip, cpu_cpl(cpu),
        cpu_mode_name(cpu_mode(cpu)), cpu_halted(cpu) ? "  halted" : "");
    put_flags(t, s->rflags);
    for (unsigned i = 0; i < SEG_COUNT; i++)
        put(t, "  %-4s %04x base %0*llx limit %08x attributes %04x%s", segments[i], s->seg[i].selector, digits,
            (unsigned long long)s->seg[i].base, s->seg[i].limit, s->seg[i].attributes, i % 2 ? "\n" : "");
    put(t, "  gdt %0*llx limit %04x  idt %0*llx limit %04x\n", digits, (unsigned long long)s->gdt_base, s->gdt_limit,
        digits, (unsigned long long)s->idt_base, s->idt_limit);
    put(t, "  cr0 %08x  cr2 %0*llx  cr3 %0*llx  cr4 %08x  efer %04x\n", (u32)s->cr0, digits, (unsigned long long)s->cr2,
        digits, (unsigned long long)s->cr3, (u32)s->cr4, (u32)s->efer);
    t->at--; /* the caller ends the last line */
}

static void tell_registers(struct log *l, struct cpu *cpu, const struct place *p)
{
    struct text t = begin(l, LOG_CPU);

    text_string(&t, "registers");
    put_place(l, &t, cpu, p);
    text_char(&t, '\n');
    put_registers(&t, cpu, &p->s);
    end(l, &t);
}

/* ---- Exceptions and interrupts ---- */

void log_event_text(struct text *t, const struct cpu_event *ev)
{
    const char *name = vector_name(ev->vector);

    switch (ev->kind) {
    case EVENT_SOFTWARE: put(t, "INT 0x%x", ev->vector); return;
    case EVENT_EXTERNAL: put(t, "interrupt 0x%x", ev->vector); return;
    case EVENT_NMI: text_string(t, "NMI"); return;
    case EVENT_ICEBP: text_string(t, "#DB by INT1"); return;
    default: break;
    }
    if (name)
        put(t, "%s", name);
    else
        put(t, "vector %u", ev->vector);
    if (ev->has_error)
        put(t, ", error 0x%x", ev->error);
    if (ev->vector != 14)
        return;
    text_string(t, " (");
    error_bits(t, ev->error, "", " ");
    text_string(t, "), cr2 ");
    text_hex(t, ev->cr2);
}

void log_event(struct log *l, struct cpu *cpu, const struct cpu_event *ev, int during)
{
    bool told = log_wants(l, LOG_INT), registers = log_wants(l, LOG_CPU) && (told || !log_wants(l, LOG_IN_ASM));
    struct place p;
    struct text t;

    if ((!told && !registers) || !find_place(l, cpu, &p))
        return;
    if (told) {
        t = begin(l, LOG_INT);
        log_event_text(&t, ev);
        put_place(l, &t, cpu, &p);
        put(&t, ", sp %04x:0x%llx, ax 0x%llx", p.s.seg[SEG_SS].selector, (unsigned long long)p.s.gpr[REG_RSP],
            (unsigned long long)p.s.gpr[REG_RAX]);
        if (during >= 0)
            put(&t, ", while vector %d was delivered", during);
        end(l, &t);
    }
    if (registers)
        tell_registers(l, cpu, &p);
}

void log_delivery_failed(struct log *l, struct cpu *cpu, const struct cpu_event *first, const struct cpu_event *second,
                         const char *step)
{
    struct place p;
    struct text t;

    if (!log_wants(l, LOG_INT) || !find_place(l, cpu, &p))
        return;
    t = begin(l, LOG_INT);
    text_string(&t, "delivery of ");
    log_event_text(&t, first);
    put(&t, " failed (%s): ", step ? step : "");
    log_event_text(&t, second);
    end(l, &t);
}

void log_shutdown(struct log *l, struct cpu *cpu)
{
    struct place p;
    struct text t;

    if (!log_wants(l, LOG_INT) || !find_place(l, cpu, &p))
        return;
    t = begin(l, LOG_INT);
    text_string(&t, "triple fault");
    put_place(l, &t, cpu, &p);
    end(l, &t);
}

/* ---- Address spaces, ports, reset ---- */

void log_resume(struct log *l, struct cpu *cpu)
{
    u64 cr3 = cpu_paging(cpu)->cr3;
    struct place p;
    struct text t;

    if (!log_wants(l, LOG_CR3) || cr3 == l->cr3)
        return;
    if (find_place(l, cpu, &p)) {
        t = begin(l, LOG_CR3);
        text_hex(&t, l->cr3);
        text_string(&t, " to ");
        text_hex(&t, cr3);
        text_string(&t, ", going on");
        put_place(l, &t, cpu, &p);
        end(l, &t);
    }
    l->cr3 = cr3;
}

void log_port(struct log *l, struct cpu *cpu, u16 port, unsigned width, u64 value, bool write)
{
    struct place p;
    struct text t;

    if (!find_place(l, cpu, &p))
        return;
    t = begin(l, LOG_IO);
    put(&t, "port 0x%x %s 0x%0*llx", port, write ? "written:" : "read:", (int)width * 2, (unsigned long long)value);
    put_place(l, &t, cpu, &p);
    end(l, &t);
}

void log_reset(struct log *l, struct cpu *cpu, bool init)
{
    struct place p;
    struct text t;

    l->cr3 = 0;
    if (!log_wants(l, LOG_RESET))
        return;
    find_place(l, cpu, &p); /* a reset concerns all code */
    t = begin(l, LOG_RESET);
    text_string(&t, init ? "INIT" : "RESET");
    put_place(l, &t, cpu, &p);
    text_char(&t, '\n');
    put_registers(&t, cpu, &p.s);
    end(l, &t);
}

/* ---- Code ---- */

/* Notes an instruction; false if it was known. */
static bool note(struct log *l, u64 pc, unsigned bits, const u8 *bytes, unsigned length)
{
    u64 hash = (pc ^ (u64)bits << 56) * 0x9e3779b97f4a7c15ull;
    u64 *slot;

    for (unsigned i = 0; i < length; i++)
        hash = (hash ^ bytes[i]) * 0x100000001b3ull;
    slot = &l->seen[hash >> 48 & (SEEN - 1)];
    if (*slot == hash)
        return false;
    *slot = hash;
    return true;
}

static void put_instruction(struct text *t, u64 pc, const u8 *bytes, unsigned length, const char *words)
{
    char digits[2 * DISASM_MAX + 1];
    struct text d = TEXT_OVER(digits);

    text_hex_bytes(&d, bytes, length);
    text_end(&d);
    text_string(t, "\n  ");
    text_hex(t, pc);
    put(t, "  %-20s  %s", digits, words);
}

void log_decoded(struct log *l, struct cpu *cpu, const u8 *bytes, unsigned size, bool kept)
{
    struct place p;
    struct text t;
    const struct disasm_line *line;

    if (!find_place(l, cpu, &p) || (!kept && !note(l, p.pc, p.bits, bytes, size)))
        return;
    t = begin(l, LOG_IN_ASM);
    put_address(l, &t, cpu, p.pc);
    put(&t, ", %s, instruction %llu:", cpu_mode_name(p.mode), (unsigned long long)cpu_icount(cpu));
    for (unsigned at = 0, n; at < size; at += n) {
        line = disasm_at(l->disasm, p.bits, p.s.rip + at, bytes + at, size - at);
        n = line->length;
        if (!n) { /* it decoded what the disassembler does not know: the rest as bytes */
            n = size - at < DISASM_MAX ? size - at : DISASM_MAX;
            put_instruction(&t, p.pc + at, bytes + at, n, "(bytes)");
        } else {
            put_instruction(&t, p.pc + at, bytes + at, n, line->text);
            if (kept)
                note(l, p.pc + at, p.bits, bytes + at, n);
        }
        if (t.end - t.at < 512) { /* long instructions: the rest in another block */
            output_commit(l->out, &t);
            t = output_reserve(l->out);
        }
    }
    end(l, &t);
    if (log_wants(l, LOG_CPU) && !log_wants(l, LOG_INT))
        tell_registers(l, cpu, &p);
}

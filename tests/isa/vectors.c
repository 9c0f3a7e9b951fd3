/* SPDX-License-Identifier: MIT */
/*
 * Hardware-captured 80286 vectors against the machine in real mode: vectors FILE, in the S286 format, compressed or
 * not. Where a 386 and later differ from the 286 by their manuals a rule says so (rule_text) and its tests are counted;
 * nothing else is left out. Rules 1 to 6 are those of the vectors' own description (tests/vectors/FORMAT.md). Rules 7
 * to 9 are ours: they come in only after the plain comparison has failed, so that their counts are differences seen.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "cpu/state.h"
#include "tests/support/vm.h"

enum { REACH = 0x110000, REGISTERS = 14, LIMIT = 200000, FLAG_MASK = 0xfd5 };
enum { AX, BX, CX, DX, CS, SS, DS, ES, SP, BP, SI, DI, IP, FLAGS };
static const char *const register_names[] = {"ax", "bx", "cx", "dx", "cs", "ss", "ds",
                                             "es", "sp", "bp", "si", "di", "ip", "flags"};

/* What is not the 286's way later. */
enum rule {
    NO_RULE,
    IOPL_NT,
    SHIFT_MASKS,
    LOCK_ILLEGAL,
    TOO_LONG,
    STACK_FAULT,
    LATER_OPCODE,
    STRING_FAULT,
    AAM_FLAGS,
    CALL_REGISTER,
    RULES
};
static const char *const rule_text[] = {
    "",
    "POPF, IRET: IOPL and NT can be set, not compared",
    "C0, C1: flag masks of D2, D3 used",
    "LOCK where it is not allowed: #UD demanded",
    "more than 10 bytes: a 286's limit; not compared",
    "a word at offset FFFF of the stack: #SS demanded, where the 286 says #GP; the rest not compared",
    "FS, GS and ESC, which a 286 has not; not compared",
    "string instructions that fault: a 286 leaves CX, SI, DI on the way to the next element; demanded are those of the "
    "last completed one",
    "AAM by zero: a 286 pushes SF, ZF, PF of the division; demanded are those of before",
    "CALL far with a register, #UD: a 286 pushed SS for CS; CS demanded",
};

struct test {
    u8 op, reg, flags, vector, ilen;
    u16 index, defined;
    u32 flag_at;
    u16 first[REGISTERS], last[REGISTERS];
    const u8 *before, *after; /* runs of RAM */
};

static struct vm *vm;
static u8 *ram;
static u16 masks[256][9];
static unsigned passed, failed, skipped, by_rule[RULES];

/* Reading. */

static u16 get16(const u8 *p) { return (u16)(p[0] | p[1] << 8); }
static u32 get32(const u8 *p) { return get16(p) | (u32)get16(p + 2) << 16; }

static const u8 *skip_runs(const u8 *p)
{
    unsigned n = get16(p);
    p += 2;
    while (n--)
        p += 4 + p[3];
    return p;
}

static void parse(const u8 *p, struct test *t)
{
    *t = (struct test){.op = p[0],
                       .reg = p[1],
                       .index = get16(p + 2),
                       .flags = p[4],
                       .vector = p[5],
                       .flag_at = get32(p + 6),
                       .defined = get16(p + 10),
                       .ilen = p[12]};
    p += 13;
    for (unsigned i = 0; i < REGISTERS; i++, p += 2)
        t->first[i] = t->last[i] = get16(p);
    u16 changed = get16(p);
    p += 2;
    for (unsigned i = 0; i < REGISTERS; i++)
        if (changed >> i & 1)
            t->last[i] = get16(p), p += 2;
    t->before = p;
    t->after = skip_runs(p);
    u32 flags = (u32)t->last[SS] * 16 + (u16)(t->last[SP] + 4);
    if ((flags ^ t->flag_at) == 1) /* the file has the bus address, which is even */
        t->flag_at = flags;
}

static u8 *read_file(const char *name, size_t *size)
{
    gzFile file = gzopen(name, "rb");
    size_t room = 1 << 20;
    u8 *bytes = malloc(room);
    int n;
    *size = 0;
    while (file && bytes && (n = gzread(file, bytes + *size, (unsigned)(room - *size))) > 0) {
        *size += (size_t)n;
        if (*size == room)
            bytes = realloc(bytes, room *= 2);
    }
    if (file)
        gzclose(file);
    if (!file || !bytes || *size < 8 || memcmp(bytes, "S286\1\0\0", 8)) {
        fprintf(stderr, "vectors: %s is not a file of S286 vectors\n", name);
        exit(2);
    }
    return bytes;
}

/* Memory: all zero but for what a test says. */

enum run_use { LOAD, CLEAR };

static void use_runs(const u8 *p, enum run_use use)
{
    unsigned n = get16(p);
    p += 2;
    while (n--) {
        u32 at = get32(p) & 0xffffff, count = p[3];
        if (use == LOAD)
            vm_write(vm, at, p + 4, count);
        else
            memset(ram + at, 0, count);
        p += 4 + count;
    }
}

/* The byte a test wants to find at an address; false if it says nothing. */
static bool run_byte(const u8 *p, u32 at, u8 *byte)
{
    unsigned n = get16(p);
    p += 2;
    while (n--) {
        u32 from = get32(p) & 0xffffff, count = p[3];
        if (at >= from && at < from + count) {
            *byte = p[4 + at - from];
            return true;
        }
        p += 4 + count;
    }
    return false;
}

static bool all_zero(void)
{
    static const u8 zeros[REACH];
    return !memcmp(ram, zeros, REACH);
}

/* The instruction, as far as the rules must know it. */

static bool lockable(const u8 *b)
{
    u8 reg = b[1] >> 3 & 7;
    if (b[1] >= 0xc0)
        return false;
    if (b[0] < 0x38)
        return (b[0] & 7) <= 1;
    switch (b[0]) {
    case 0x80:
    case 0x81:
    case 0x82:
    case 0x83: return reg != 7;
    case 0x86:
    case 0x87: return true;
    case 0xf6:
    case 0xf7: return reg == 2 || reg == 3;
    case 0xfe:
    case 0xff: return reg <= 1;
    default: return false;
    }
}

static enum rule rule_of(const struct test *t)
{
    u8 bytes[20];
    u32 at = (u32)t->first[CS] * 16 + t->first[IP];
    bool lock = false;
    unsigned i = 0;
    vm_read(vm, at, bytes, sizeof bytes);
    for (; i < 16; i++) {
        if (bytes[i] == 0xf0)
            lock = true;
        else if ((bytes[i] & 0xe7) != 0x26 && (bytes[i] & 0xfe) != 0xf2)
            break;
    }
    if (t->ilen - 1 > 10 && t->vector == 13)
        return TOO_LONG;
    if (lock && !lockable(bytes + i))
        return LOCK_ILLEGAL;
    if (t->op == 0xd8 || ((t->op == 0x8c || t->op == 0x8e) && (bytes[i + 1] >> 3 & 6) == 4))
        return LATER_OPCODE;
    if (t->op == 0xc0 || t->op == 0xc1)
        return SHIFT_MASKS;
    if (t->vector == 13 && ((t->op >= 0x6c && t->op <= 0x6f) || (t->op >= 0xa4 && t->op <= 0xaf)))
        return STRING_FAULT;
    if (t->vector == 0 && t->op == 0xd4)
        return AAM_FLAGS;
    if (t->vector == 6 && t->op == 0xff && t->reg == 3 && bytes[i + 1] >= 0xc0)
        return CALL_REGISTER;
    return t->op == 0x9d || t->op == 0xcf ? IOPL_NT : NO_RULE;
}

/* Running. */

static void set_registers(const struct test *t)
{
    static const u8 general[] = {AX, CX, DX, BX, SP, BP, SI, DI}, segment[] = {ES, CS, SS, DS};
    struct cpu_state *s = &vm->start;
    for (unsigned i = 0; i < 8; i++)
        s->gpr[i] = t->first[general[i]];
    for (unsigned i = 0; i < 4; i++) {
        s->seg[i].selector = t->first[segment[i]];
        s->seg[i].base = (u64)t->first[segment[i]] << 4;
    }
    s->rip = t->first[IP];
    s->rflags = (t->first[FLAGS] & FLAG_MASK) | 2;
    vm_reset(vm);
}

static void get_registers(u16 r[REGISTERS])
{
    struct cpu_state s;
    cpu_get_state(vm->cpu, &s);
    const u64 values[] = {s.gpr[REG_RAX],
                          s.gpr[REG_RBX],
                          s.gpr[REG_RCX],
                          s.gpr[REG_RDX],
                          s.seg[SEG_CS].selector,
                          s.seg[SEG_SS].selector,
                          s.seg[SEG_DS].selector,
                          s.seg[SEG_ES].selector,
                          s.gpr[REG_RSP],
                          s.gpr[REG_RBP],
                          s.gpr[REG_RSI],
                          s.gpr[REG_RDI],
                          s.rip,
                          s.rflags};
    for (unsigned i = 0; i < REGISTERS; i++)
        r[i] = (u16)values[i];
}

static u16 flag_mask(const struct test *t, enum rule rule)
{
    u16 mask = t->defined;
    if (rule == SHIFT_MASKS && t->reg < 8)
        mask &= masks[t->op + 0x12][t->reg]; /* D2 for C0, D3 for C1 */
    return mask & FLAG_MASK;
}

/*
 * "REP/REPE/REPZ/REPNE/REPNZ - Repeat String Operation Prefix": when an exception suspends a repetition "the source and
 * destination registers point to the next string elements to be operated on ... and the ECX register has the value it
 * held following the last successful iteration of the instruction". Without a prefix: "Faults", nothing has changed.
 */
static bool string_fault_agrees(const struct test *t, const u16 r[REGISTERS])
{
    u16 done = (u16)(t->first[CX] - r[CX]), step = t->op & 1 ? 2 : 1;
    u16 by = (u16)(done * (t->first[FLAGS] & 0x400 ? -step : step));
    bool source = t->op != 0x6c && t->op != 0x6d && t->op != 0xaa && t->op != 0xab && t->op != 0xae && t->op != 0xaf;
    bool destination = t->op != 0x6e && t->op != 0x6f && t->op != 0xac && t->op != 0xad;

    return r[SI] == (u16)(t->first[SI] + (source ? by : 0)) && r[DI] == (u16)(t->first[DI] + (destination ? by : 0));
}

static bool registers_agree(const struct test *t, enum rule rule, u16 mask, char *what, size_t size)
{
    u16 r[REGISTERS];
    get_registers(r);
    if (rule == STRING_FAULT) {
        if (!string_fault_agrees(t, r)) {
            snprintf(what, size, "cx %04x, si %04x, di %04x: not those of a completed element", r[CX], r[SI], r[DI]);
            return false;
        }
        r[CX] = t->last[CX], r[SI] = t->last[SI], r[DI] = t->last[DI];
    }
    for (unsigned i = 0; i < REGISTERS; i++) {
        u16 bits = i == FLAGS ? mask : 0xffff, want = t->last[i];
        if (i == FLAGS && rule == AAM_FLAGS) { /* delivery clears TF and IF only */
            want = t->first[FLAGS] & ~0x300;
            bits = FLAG_MASK;
        }
        if ((r[i] ^ want) & bits) {
            snprintf(what, size, "%s: %04x, not %04x", register_names[i], r[i] & bits, want & bits);
            return false;
        }
    }
    return true;
}

/* What must be in the frame's byte at `at` by the later manuals; false where they say what the vector says. */
static bool later_byte(const struct test *t, enum rule rule, u32 at, u8 *want)
{
    u16 flags = (t->first[FLAGS] & FLAG_MASK) | 2;

    /* "Interrupt 0 - Divide Error Exception (#DE)": "A program-state change does not accompany the divide error". */
    if (rule == AAM_FLAGS && (at == t->flag_at || at == t->flag_at + 1)) {
        *want = (u8)(flags >> (at == t->flag_at ? 0 : 8));
        return true;
    }
    /* "Interrupt 6 - Invalid Opcode Exception (#UD)": the saved CS:EIP points to the instruction. */
    if (rule == CALL_REGISTER && (at == t->flag_at - 2 || at == t->flag_at - 1)) {
        *want = (u8)(t->first[CS] >> (at == t->flag_at - 2 ? 0 : 8));
        return true;
    }
    return false;
}

/* Every byte a test speaks of, as it was or as it became; then nothing else may have changed. */
static bool memory_agrees(const struct test *t, enum rule rule, u16 mask, char *what, size_t size)
{
    const u8 *lists[] = {t->before, t->after};
    for (unsigned list = 0; list < 2; list++) {
        const u8 *p = lists[list] + 2;
        for (unsigned n = get16(lists[list]); n--; p += 4 + p[3]) {
            u32 from = get32(p) & 0xffffff;
            for (u32 at = from; at < from + p[3]; at++) {
                u8 want = p[4 + at - from], bits = 0xff;
                run_byte(t->after, at, &want);
                if (t->flag_at && (at == t->flag_at || at == t->flag_at + 1))
                    bits = (u8)(mask >> (at == t->flag_at ? 0 : 8));
                if (later_byte(t, rule, at, &want))
                    bits = 0xff;
                if ((ram[at] ^ want) & bits) {
                    snprintf(what, size, "[%06x]: %02x, not %02x", at, ram[at], want);
                    return false;
                }
            }
        }
    }
    return true;
}

static bool all_agrees(const struct test *t, enum rule rule, u16 mask, char *what, size_t size)
{
    return registers_agree(t, rule, mask, what, size) && memory_agrees(t, rule, mask, what, size);
}

static void forget(const struct test *t)
{
    use_runs(t->before, CLEAR);
    use_runs(t->after, CLEAR);
    if (!all_zero())
        memset(ram, 0, REACH);
    phys_fill(vm->phys, (u64)t->first[CS] * 16 + (t->first[IP] & 0xf000u), 0, 0x1000); /* and what was decoded */
}

static void clear_all(const struct test *t, bool *stray)
{
    use_runs(t->before, CLEAR);
    use_runs(t->after, CLEAR);
    *stray = !all_zero();
    forget(t);
}

static void run_test(const struct test *t)
{
    char what[80] = "";
    bool stray, good;
    use_runs(t->before, LOAD);
    enum rule rule = rule_of(t);
    u16 mask = flag_mask(t, rule);
    set_registers(t);
    enum cpu_stop stop = vm_run(vm, LIMIT);
    if (rule == NO_RULE && t->vector == 13 && vm->raised && vm->event.vector == 12)
        rule = STACK_FAULT;
    bool ours = rule >= STRING_FAULT; /* counted only where it is needed */
    by_rule[rule] += !ours;
    if (rule == TOO_LONG || rule == STACK_FAULT || rule == LATER_OPCODE) {
        skipped++;
        forget(t);
        if (rule == LATER_OPCODE)
            cpu_reset(vm->cpu); /* an ESC may have left an x87 error, at which the next WAIT would freeze */
        return;
    }
    if (rule == LOCK_ILLEGAL) {
        good = vm->raised && vm->event.vector == 6;
        snprintf(what, sizeof what, "no #UD");
        forget(t);
    } else {
        good = stop == CPU_STOP_HALTED;
        if (!good)
            snprintf(what, sizeof what, "HLT is not reached (%d)", stop);
        if (good && !all_agrees(t, ours ? NO_RULE : rule, mask, what, sizeof what)) {
            good = ours && all_agrees(t, rule, mask, what, sizeof what);
            by_rule[rule] += ours;
        }
        clear_all(t, &stray);
        if (good && stray) {
            snprintf(what, sizeof what, "a store elsewhere");
            good = false;
        }
    }
    passed += good;
    failed += !good;
    if (!good && failed <= 100)
        printf("FAIL %02X.%X test %u: %s\n", t->op, t->reg, t->index, what);
}

int main(int argc, char **argv)
{
    size_t size;
    struct test t;
    if (argc != 2) {
        fprintf(stderr, "usage: vectors FILE\n");
        return 2;
    }
    u8 *bytes = read_file(argv[1], &size);
    vm = vm_create(VM_REAL16, "486");
    vm->keep_going = true;
    ram = phys_page_write(vm->phys, 0);
    phys_fill(vm->phys, 0, 0, REACH);
    for (unsigned pass = 0; pass < 2; pass++) {
        for (size_t at = 8; at + 2 <= size; at += 2 + get16(bytes + at)) {
            parse(bytes + at + 2, &t);
            if (pass)
                run_test(&t);
            else
                masks[t.op][t.reg < 8 ? t.reg : 8] = t.defined;
        }
    }
    for (unsigned i = 1; i < RULES; i++)
        printf("## rule %u: %u tests: %s\n", i, by_rule[i], rule_text[i]);
    printf("%u passed, %u failed, %u skipped\n", passed, failed, skipped);
    vm_destroy(vm);
    free(bytes);
    return failed != 0;
}

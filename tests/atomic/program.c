/* SPDX-License-Identifier: MIT */
/* Generating and loading random guest programs. */
#include "tests/atomic/program.h"

#include <stdlib.h>
#include <string.h>

#include "cpu/decode.h"

enum {
    GDT = 0x1000,
    IDT = 0x2000,
    TSS = 0x3000,
    ROOT = 0x4000,
    COUNTERS = 0x7100,
    KERNEL_STACK = 0xf000,
    HANDLERS = 0x10000,
    LEAVES = 0x20000,
    SEL_CODE = 0x08,
    SEL_DATA = 0x10,
    SEL_USER_CODE = 0x1b,
    SEL_USER_DATA = 0x23,
    SEL_TSS = 0x28,
    HANDLER_SIZE = 128,
    BASE = PROGRAM_DATA + PROGRAM_DATA_SIZE / 2,
    CODE_SIZE = 0x80000,
    SLOTS = 64,
};

/*
 * Handlers: #PF sets P and W in the entry of a page below 4 MiB; it, for others, and the rest of the exceptions go on
 * at the address in the first variable. IRQ: notes the interrupted RIP in the ring, EOI. The last: CLI, HLT.
 */
static const u8 handlers32[5][HANDLER_SIZE] = {
    {0x50, 0x0f, 0x20, 0xd0, 0xc1, 0xe8, 0x0c, 0x3d, 0x00, 0x04, 0x00, 0x00, 0x73, 0x13, 0x83, 0x0c, 0x85, 0x00,
     0x00, 0x02, 0x00, 0x03, 0xff, 0x05, 0x08, 0x70, 0x00, 0x00, 0x58, 0x83, 0xc4, 0x04, 0xcf, 0xa1, 0x00, 0x70,
     0x00, 0x00, 0x89, 0x44, 0x24, 0x08, 0xff, 0x05, 0x10, 0x70, 0x00, 0x00, 0x58, 0x83, 0xc4, 0x04, 0xcf},
    {0x50, 0xa1, 0x00, 0x70, 0x00, 0x00, 0x89, 0x44, 0x24, 0x04, 0xff, 0x05, 0x0c, 0x70, 0x00, 0x00, 0x58, 0xcf},
    {0x83, 0xc4, 0x04, 0x50, 0xa1, 0x00, 0x70, 0x00, 0x00, 0x89, 0x44,
     0x24, 0x04, 0xff, 0x05, 0x0c, 0x70, 0x00, 0x00, 0x58, 0xcf},
    {0x50, 0x51, 0x8b, 0x0d, 0x04, 0x70, 0x00, 0x00, 0x81, 0xe1, 0xfc, 0x1f, 0x00, 0x00, 0x8b, 0x44, 0x24, 0x08, 0x89,
     0x81, 0x00, 0xa0, 0x00, 0x00, 0x83, 0x05, 0x04, 0x70, 0x00, 0x00, 0x04, 0xb0, 0x20, 0xe6, 0x20, 0x59, 0x58, 0xcf},
    {0xfa, 0xf4},
};
static const u8 handlers64[5][HANDLER_SIZE] = {
    {0x50, 0x0f, 0x20, 0xd0, 0x48, 0xc1, 0xe8, 0x0c, 0x48, 0x3d, 0x00, 0x04, 0x00, 0x00, 0x73, 0x17, 0x48,
     0x83, 0x0c, 0xc5, 0x00, 0x00, 0x02, 0x00, 0x03, 0xff, 0x04, 0x25, 0x08, 0x70, 0x00, 0x00, 0x58, 0x48,
     0x83, 0xc4, 0x08, 0x48, 0xcf, 0x8b, 0x04, 0x25, 0x00, 0x70, 0x00, 0x00, 0x48, 0x89, 0x44, 0x24, 0x10,
     0xff, 0x04, 0x25, 0x10, 0x70, 0x00, 0x00, 0x58, 0x48, 0x83, 0xc4, 0x08, 0x48, 0xcf},
    {0x50, 0x8b, 0x04, 0x25, 0x00, 0x70, 0x00, 0x00, 0x48, 0x89, 0x44, 0x24,
     0x08, 0xff, 0x04, 0x25, 0x0c, 0x70, 0x00, 0x00, 0x58, 0x48, 0xcf},
    {0x48, 0x83, 0xc4, 0x08, 0x50, 0x8b, 0x04, 0x25, 0x00, 0x70, 0x00, 0x00, 0x48, 0x89,
     0x44, 0x24, 0x08, 0xff, 0x04, 0x25, 0x0c, 0x70, 0x00, 0x00, 0x58, 0x48, 0xcf},
    {0x50, 0x51, 0x8b, 0x0c, 0x25, 0x04, 0x70, 0x00, 0x00, 0x81, 0xe1, 0xfc, 0x1f, 0x00,
     0x00, 0x8b, 0x44, 0x24, 0x10, 0x89, 0x81, 0x00, 0xa0, 0x00, 0x00, 0x83, 0x04, 0x25,
     0x04, 0x70, 0x00, 0x00, 0x04, 0xb0, 0x20, 0xe6, 0x20, 0x59, 0x58, 0x48, 0xcf},
    {0xfa, 0xf4},
};
enum { H_PF, H_PLAIN, H_ERROR, H_IRQ, H_END };

struct maker {
    const struct program *p;
    struct cpu *cpu;
    u64 random;
    u8 *code;
    unsigned at;
    u16 *rows;
    unsigned row_count;
    u32 slot[SLOTS];       /* addresses of bytes that may be patched */
    bool slot_wide[SLOTS]; /* an imm32; else a ModRM byte of MOV r32, r32 */
    unsigned slot_count;
    bool in_routine; /* the return address stays on top of the stack */
};

static u32 draw(struct maker *m, u32 below)
{
    m->random = m->random * 6364136223846793005ull + 1442695040888963407ull;
    return (u32)((m->random >> 33) % below);
}

static void e8(struct maker *m, unsigned v) { m->code[m->at++] = (u8)v; }
static void e32(struct maker *m, u32 v)
{
    for (unsigned i = 0; i < 4; i++)
        e8(m, v >> (8 * i) & 0xff);
}
static void put32(struct maker *m, unsigned at, u32 v) { memcpy(m->code + at, &v, 4); }
static u32 here(const struct maker *m) { return PROGRAM_CODE + m->at; }

/* opcode with ModRM /reg on an absolute address */
static void on_absolute(struct maker *m, unsigned opcode, unsigned reg, u32 address)
{
    if (opcode > 0xff)
        e8(m, opcode >> 8);
    e8(m, opcode & 0xff);
    if (m->p->wide)
        e8(m, 0x04 | reg << 3), e8(m, 0x25);
    else
        e8(m, 0x05 | reg << 3);
    e32(m, address);
}

/* Registers that may be changed: not rSP, rBP. */
static unsigned any_register(struct maker *m)
{
    static const u8 low[6] = {0, 1, 2, 3, 6, 7};
    return low[draw(m, 6)];
}

static void move_immediate(struct maker *m, unsigned reg, u32 value) { e8(m, 0xb8 + reg), e32(m, value); }

static u32 data_address(struct maker *m, unsigned margin)
{
    return PROGRAM_DATA + margin + draw(m, PROGRAM_DATA_SIZE - 2 * margin);
}

/* Which rows may come up. */

static bool is_allowed(const struct maker *m, const struct row *row)
{
    static const char *const no[] = {"FLDENV",  "FRSTOR", "FLDCW", "FXRSTOR", "LDMXCSR", "POPA",   "ENTER", "LEAVE",
                                     "MONITOR", "Jcc",    "JMP",   "JMP_E",   "CALL",    "CALL_E", "RET",   "LOOP",
                                     "LOOPE",   "LOOPNE", "JCXZ",  "MOVS",    "CMPS",    "STOS",   "LODS",  "SCAS",
                                     "POP_E",   "UD",     "RDPMC", "RDMSR",   NULL};
    if (row->attributes & (ATTR_END | (m->p->wide ? ATTR_I64 : ATTR_O64)) ||
        !has_feature(&m->cpu->features, row->feature))
        return false;
    for (unsigned i = 0; i < 3; i++)
        if (row->op[i] == OPR_Ob || row->op[i] == OPR_Ov || row->op[i] == OPR_Jb || row->op[i] == OPR_Jz)
            return false;
    for (unsigned i = 0; no[i]; i++)
        if (!strcmp(row->name, no[i]))
            return false;
    unsigned z = row->opcode & 7; /* rSP and rBP stay */
    return !(row->op[0] == OPR_Zv && row->access[0] & ACC_w && (z == 4 || z == 5)) &&
           !(row->op[1] == OPR_rAX && row->access[1] & ACC_w && (z == 4 || z == 5));
}

static void choose_rows(struct maker *m)
{
    for (unsigned i = 0; i < isa_row_count; i++)
        if (is_allowed(m, &isa_rows[i]))
            m->rows[m->row_count++] = (u16)i;
}

/* A random instruction of the list. */

static bool has_memory_form(const struct row *row)
{
    for (unsigned i = 0; i < 3; i++) {
        u8 code = row->op[i];
        if ((code >= OPR_Eb && code <= OPR_Ey) || (code >= OPR_Mb && code <= OPR_Mdq) || code == OPR_W || code == OPR_Q)
            return !(row->modrm & (MRC_RM | MRC_BYTE));
    }
    return false;
}

static bool is_bit_test(const struct row *row)
{
    return row->name[0] == 'B' && row->name[1] == 'T' && row->op[1] == OPR_Gv;
}

static void emit_vex(struct maker *m, const struct row *row)
{
    static const u8 pp[] = {[PFX_VNP] = 0, [PFX_V66] = 1, [PFX_VF3] = 2, [PFX_VF2] = 3};
    unsigned vvvv = any_register(m);
    bool third = row->op[0] == OPR_By || row->op[1] == OPR_By || row->op[2] == OPR_By;
    e8(m, 0xc4), e8(m, 0xe0 | (row->opcode >> 8 == 0x38 ? 2 : 3));
    e8(m, (m->p->wide && draw(m, 2) ? 0x80 : 0) | (third ? ~vvvv & 15 : 15) << 3 | pp[row->prefix]);
    e8(m, row->opcode & 0xff);
}

static void emit_legacy(struct maker *m, const struct row *row, bool lock)
{
    unsigned p = row->prefix;
    if (draw(m, 12) == 0)
        e8(m, draw(m, 2) ? 0x64 : 0x65);
    if (lock)
        e8(m, 0xf0);
    if (p == PFX_P66 || (p == PFX__ && draw(m, 5) == 0))
        e8(m, 0x66);
    if (p == PFX_PF3 || p == PFX_PF2)
        e8(m, p == PFX_PF3 ? 0xf3 : 0xf2);
    if (m->p->wide && draw(m, 2))
        e8(m, 0x40 | (draw(m, 2) ? 8 : 0) |
                  (draw(m, 2) ? 4 : 0)); /* W, R: ModRM.rm and opcode registers stay as they are */
    if (row->opcode >= 0x3800)
        e8(m, 0x0f), e8(m, row->opcode >> 8);
    else if (row->opcode >= 0x0f00)
        e8(m, 0x0f);
    e8(m, row->opcode & 0xff);
}

/* Memory operands: [rBP + d32], or [rBP + index * scale + d32] with the index masked first. */
static void emit_modrm(struct maker *m, const struct row *row, bool memory, int index)
{
    unsigned reg = row->modrm & MRC_REG ? row->modrm & 7u : any_register(m);
    s32 low = -(PROGRAM_DATA_SIZE / 2) + 64, span = index >= 0 ? 0x7800 : PROGRAM_DATA_SIZE - 0x500;
    s32 disp = low + (s32)draw(m, (u32)span);
    bool aligned = row->attributes & ATTR_SSE || !strncmp(row->name, "XSAVE", 5) || !strncmp(row->name, "FXS", 3);
    if (draw(m, 8) < (aligned ? 7 : 2))
        disp &= ~63;
    else if (draw(m, 5) == 0)
        disp = (disp & ~(s32)0xfff) - (s32)draw(m, 8); /* across a page */
    if (disp < low)
        disp = low;
    if (row->modrm & MRC_BYTE) {
        e8(m, row->modrm & 0xff);
    } else if (!memory) {
        e8(m, 0xc0 | reg << 3 | any_register(m));
    } else if (index >= 0) {
        e8(m, 0x84 | reg << 3), e8(m, draw(m, 4) << 6 | (unsigned)index << 3 | 5), e32(m, (u32)disp);
    } else {
        e8(m, 0x85 | reg << 3), e32(m, (u32)disp);
    }
}

static bool uses_modrm(const struct maker *m, const struct row *row)
{
    unsigned map = row->opcode < 0x100 ? 0 : row->opcode < 0x1000 ? 1 : row->opcode < 0x3a00 ? 2 : 3;
    return m->cpu->isa->modrm[map][row->opcode & 0xff];
}

/* Registers some instructions address memory with. */
static void prepare_registers(struct maker *m, const struct row *row, bool memory)
{
    if (!strncmp(row->name, "MASKMOV", 7))
        move_immediate(m, REG_RDI, data_address(m, 64));
    if (!strcmp(row->name, "XLAT"))
        move_immediate(m, REG_RBX, data_address(m, 300));
    if (is_bit_test(row) && memory)
        for (unsigned reg = 0; reg < 8; reg++)
            if (reg != REG_RSP && reg != REG_RBP)
                e8(m, 0x81), e8(m, 0xe0 | reg), e32(m, 0x7fff);
}

static void random_row(struct maker *m)
{
    const struct row *row;
    do
        row = &isa_rows[m->rows[draw(m, m->row_count)]];
    while (m->in_routine && (!strncmp(row->name, "PUSH", 4) || !strncmp(row->name, "POP", 3)));
    bool modrm = uses_modrm(m, row), memory = has_memory_form(row) && (row->modrm & MRC_MEM || draw(m, 2));
    int index = memory && !(row->attributes & ATTR_SSE) && draw(m, 4) == 0 ? (int)any_register(m) : -1;
    bool vex = row->prefix >= PFX_VNP;
    prepare_registers(m, row, memory);
    if (index >= 0)
        e8(m, 0x81), e8(m, 0xe0 | (unsigned)index), e32(m, 0xff0);
    unsigned start = m->at;
    if (vex)
        emit_vex(m, row);
    else
        emit_legacy(m, row, memory && row->attributes & ATTR_LOCK && draw(m, 4) == 0);
    if (modrm)
        emit_modrm(m, row, memory, index);
    for (unsigned i = m->at; i < start + 15; i++)
        m->code[i] = (u8)draw(m, 256);
    struct op op;
    if (decode(m->cpu->isa, &m->cpu->features, m->cpu->mode, m->code + start, 15, &op) != DECODE_OK ||
        op.opcode != row->opcode) {
        m->at = start; /* a prefix made something else of it */
        return;
    }
    m->at = start + op.len;
}

/* The rest of what programs do. */

static void string_item(struct maker *m)
{
    static const u8 opcodes[] = {0xa4, 0xa5, 0xa6, 0xa7, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf};
    u32 count = draw(m, 8) ? draw(m, 40) : draw(m, 500);
    u32 to = data_address(m, 0x1100);
    move_immediate(m, REG_RCX, count);
    move_immediate(m, REG_RDI, to);
    move_immediate(m, REG_RSI, draw(m, 4) ? data_address(m, 0x1100) : to - 20 + draw(m, 40)); /* often overlapping */
    e8(m, draw(m, 3) ? 0xfc : 0xfd);
    if (draw(m, 5) == 0)
        e8(m, 0x66);
    if (draw(m, 4))
        e8(m, draw(m, 2) ? 0xf3 : 0xf2);
    if (m->p->wide && draw(m, 3) == 0)
        e8(m, 0x48);
    e8(m, opcodes[draw(m, sizeof(opcodes))]);
    e8(m, 0xfc);
}

static void stack_item(struct maker *m)
{
    e8(m, draw(m, 4) ? 0x50 + any_register(m) : 0x9c);
    random_row(m);
    e8(m, 0x58 + any_register(m));
}

/* CALL to a routine laid beside the way. */
static void call_item(struct maker *m)
{
    e8(m, 0xeb);
    unsigned hole = m->at;
    e8(m, 0);
    u32 routine = here(m);
    m->in_routine = true;
    random_row(m), random_row(m);
    m->in_routine = false;
    e8(m, 0xc3);
    m->code[hole] = (u8)(m->at - hole - 1);
    if (draw(m, 2)) {
        e8(m, 0xe8), e32(m, routine - (here(m) + 4));
    } else {
        move_immediate(m, REG_RAX, routine);
        e8(m, 0xff), e8(m, 0xd0); /* CALL rAX */
    }
}

static void slot_item(struct maker *m)
{
    if (m->slot_count == SLOTS)
        return;
    bool wide = draw(m, 2);
    m->slot_wide[m->slot_count] = wide;
    m->slot[m->slot_count++] = here(m) + 1;
    if (wide)
        move_immediate(m, any_register(m), draw(m, 0x7fffffff));
    else
        e8(m, 0x89), e8(m, 0xc8);
}

static void patch_item(struct maker *m)
{
    static const u8 modrm[4] = {0xc8, 0xd0, 0xd8, 0xf0};
    if (!m->slot_count)
        return;
    unsigned i = draw(m, m->slot_count);
    if (!m->slot_wide[i])
        on_absolute(m, 0xc6, 0, m->slot[i]), e8(m, modrm[draw(m, 4)]);
    else if (draw(m, 2))
        on_absolute(m, 0xc7, 0, m->slot[i]), e32(m, draw(m, 0x7fffffff));
    else
        on_absolute(m, 0xff, 0, m->slot[i]); /* INC of the immediate */
}

/* Data amid code. */
static void datum_item(struct maker *m)
{
    e8(m, 0xeb), e8(m, 4);
    u32 datum = here(m);
    e32(m, draw(m, 0x7fffffff));
    on_absolute(m, draw(m, 2) ? 0xff : 0x29, draw(m, 2), datum);
}

/* Take a data page's presence, or its writability, away. */
static void evict_item(struct maker *m)
{
    u32 page = draw(m, PROGRAM_DATA_SIZE / PAGE_SIZE), la = PROGRAM_DATA + page * PAGE_SIZE;
    if (m->p->user)
        return;
    if (m->p->wide)
        e8(m, 0x48);
    on_absolute(m, 0x83, 4, LEAVES + (la >> 12) * (m->p->wide ? 8 : 4)), e8(m, draw(m, 2) ? 0xfe : 0xfd);
    on_absolute(m, 0x0f01, 7, la);
}

static void item(struct maker *m)
{
    unsigned kind = draw(m, 40);
    if (kind < 3)
        string_item(m);
    else if (kind < 5)
        stack_item(m);
    else if (kind < 7)
        call_item(m);
    else if (kind < 9)
        evict_item(m);
    else if (kind < 13 && m->p->modify)
        slot_item(m);
    else if (kind < 17 && m->p->modify)
        patch_item(m);
    else if (kind < 18 && m->p->modify)
        datum_item(m);
    else
        random_row(m);
}

/* Jcc over one to three items. */
static void skip_item(struct maker *m)
{
    e8(m, 0x0f), e8(m, 0x80 + draw(m, 16));
    unsigned hole = m->at;
    e32(m, 0);
    for (unsigned n = 1 + draw(m, 3); n; n--)
        item(m);
    put32(m, hole, m->at - hole - 4);
}

static void block(struct maker *m, unsigned number)
{
    u32 counter = COUNTERS + number % 64 * 4;
    on_absolute(m, 0xc7, 0, PROGRAM_VARIABLES);
    unsigned recover = m->at;
    e32(m, 0);
    move_immediate(m, REG_RSP, PROGRAM_STACK);
    on_absolute(m, 0xc7, 0, counter), e32(m, 1 + draw(m, 12));
    unsigned head = m->at;
    for (unsigned n = 4 + draw(m, 10); n; n--)
        draw(m, 6) ? item(m) : skip_item(m);
    on_absolute(m, 0x83, 5, counter), e8(m, 1);
    e8(m, 0x0f), e8(m, 0x85), e32(m, head - (m->at + 4));
    if (draw(m, 3) == 0) { /* leave a gap */
        u32 gap = draw(m, 700);
        e8(m, 0xe9), e32(m, gap);
        m->at += gap;
    }
    put32(m, recover, here(m));
}

/* The machine under it. */

static void put(struct phys *phys, u64 at, u64 value, unsigned width) { phys_write(phys, at, value, width); }

static void lay_gate(const struct program *p, struct phys *phys, unsigned vector, unsigned handler)
{
    u64 offset = HANDLERS + handler * HANDLER_SIZE, at = IDT + vector * (p->wide ? 16 : 8);
    put(phys, at, (offset & 0xffff) | SEL_CODE << 16 | 0xee00ull << 32 | offset >> 16 << 48, 8);
}

static void lay_tables(const struct program *p, struct phys *phys)
{
    u64 code = p->wide ? 0x00af9b000000ffff : 0x00cf9b000000ffff, data = 0x00cf93000000ffff, user = 3ull << 45;
    put(phys, GDT + SEL_CODE, code, 8), put(phys, GDT + SEL_DATA, data, 8);
    put(phys, GDT + (SEL_USER_CODE & ~7), code | user, 8), put(phys, GDT + (SEL_USER_DATA & ~7), data | user, 8);
    put(phys, TSS + 4, KERNEL_STACK, p->wide ? 8 : 4);
    if (!p->wide)
        put(phys, TSS + 8, SEL_DATA, 4);
    for (unsigned v = 0; v < 48; v++) {
        bool error = v == 8 || (v >= 10 && v <= 13) || v == 17;
        lay_gate(p, phys, v, v >= 32 ? H_IRQ : v == 14 ? H_PF : error ? H_ERROR : H_PLAIN);
    }
    lay_gate(p, phys, 48, H_END);
    for (unsigned i = 0; i < 5; i++)
        phys_copy_in(phys, HANDLERS + i * HANDLER_SIZE, p->wide ? handlers64[i] : handlers32[i], HANDLER_SIZE);
    unsigned size = p->wide ? 8 : 4;
    for (u64 page = 0; page < 1024; page++)
        put(phys, LEAVES + page * size, page << 12 | 7, size);
    if (p->wide) {
        put(phys, ROOT, (ROOT + 0x1000) | 7, 8), put(phys, ROOT + 0x1000, (ROOT + 0x2000) | 7, 8);
        put(phys, ROOT + 0x2000, LEAVES | 7, 8), put(phys, ROOT + 0x2008, (LEAVES + 0x1000) | 7, 8);
    } else {
        put(phys, ROOT, LEAVES | 7, 4);
    }
}

static void start_state(const struct program *p, struct cpu *cpu)
{
    struct cpu_state s;
    u16 dpl = p->user ? 0x60 : 0;
    cpu_get_state(cpu, &s);
    struct cpu_segment data = {p->user ? SEL_USER_DATA : SEL_DATA, (u16)(0xc093 | dpl),
                               p->segments ? 0x3fffff : 0xffffffff, 0};
    for (unsigned i = 0; i <= SEG_GS; i++)
        s.seg[i] = data;
    s.seg[SEG_CS] = (struct cpu_segment){p->user ? SEL_USER_CODE : SEL_CODE, (u16)((p->wide ? 0xa09b : 0xc09b) | dpl),
                                         0xffffffff, 0};
    s.seg[SEG_TR] = (struct cpu_segment){SEL_TSS, 0x8b, 0x67, TSS};
    s.seg[SEG_LDTR] = (struct cpu_segment){0, 0, 0, 0};
    s.gdt_base = GDT, s.gdt_limit = 0x37, s.idt_base = IDT, s.idt_limit = 0xfff;
    s.cr0 = CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_PG;
    s.cr3 = ROOT;
    s.cr4 = CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_OSXSAVE | (p->wide ? CR4_PAE : 0);
    s.efer = p->wide ? EFER_LME | EFER_LMA | EFER_SCE : 0;
    s.xcr0 = 3;
    for (unsigned i = 0; i < 16; i++)
        s.gpr[i] = i < 8 || p->wide ? (p->wide ? 0x0123456789abcdef : 0x01234567) * (i + 1) : 0;
    for (unsigned i = 0; i < 8 && !p->wide; i++)
        s.gpr[i] = (u32)s.gpr[i];
    s.gpr[REG_RSP] = PROGRAM_STACK;
    s.gpr[REG_RBP] = BASE;
    s.rip = PROGRAM_CODE;
    s.rflags = FLAG_FIXED | (p->timer ? FLAG_IF : 0);
    cpu_set_state(cpu, &s);
    cpu->x87.control = 0x37f, cpu->x87.tag = 0xffff;
}

static void start_timer(struct bus *io)
{
    static const struct {
        u16 port;
        u8 value;
    } writes[] = {{0x20, 0x11}, {0x21, 0x20}, {0x21, 4}, {0x21, 1}, {0x21, 0xfe},
                  {0xa1, 0xff}, {0x43, 0x34}, {0x40, 3}, {0x40, 0}};
    for (unsigned i = 0; i < sizeof(writes) / sizeof(writes[0]); i++)
        bus_write(io, writes[i].port, writes[i].value, 1);
}

void program_load(struct machine *machine, const struct program *p)
{
    struct phys *phys = machine_phys(machine);
    struct maker m = {.p = p, .cpu = machine_cpu(machine), .random = p->seed * 2654435761u + 1};
    lay_tables(p, phys);
    start_state(p, m.cpu);
    m.code = calloc(1, CODE_SIZE);
    m.rows = calloc(isa_row_count, sizeof(*m.rows));
    if (!m.code || !m.rows)
        abort();
    choose_rows(&m);
    for (unsigned i = 0; i < p->blocks && m.at < CODE_SIZE - 0x8000; i++)
        block(&m, i);
    e8(&m, 0xcd), e8(&m, 48); /* INT 30h: the end */
    phys_copy_in(phys, PROGRAM_CODE, m.code, m.at);
    u8 data[PROGRAM_DATA_SIZE];
    for (unsigned i = 0; i < sizeof(data); i++)
        data[i] = (u8)draw(&m, 256);
    phys_copy_in(phys, PROGRAM_DATA, data, sizeof(data));
    if (p->timer)
        start_timer(machine_io(machine));
    free(m.code);
    free(m.rows);
}

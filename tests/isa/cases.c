/* SPDX-License-Identifier: MIT */
#include "tests/isa/cases.h"

#include <string.h>

#include "tests/support/vm.h"

static const struct isa_index *isa;
static const struct features *features;
static u64 fs_base, gs_base, seed = 0x9e3779b97f4a7c15;

enum { MODE = MODE_CODE64 | MODE_STACK32 | MODE_FLAT | MODE_FS | MODE_GS | MODE_CS };

void cases_setup(const struct isa_index *index, const struct features *f, u64 fs, u64 gs)
{
    isa = index, features = f;
    fs_base = fs, gs_base = gs;
}

u64 case_random(void)
{
    seed ^= seed >> 12, seed ^= seed << 25, seed ^= seed >> 27;
    return seed * 2685821657736338717ull;
}

void case_seed(u64 with)
{
    seed = with * 0x9e3779b97f4a7c15 ^ 0x9e3779b97f4a7c15;
    if (!seed)
        seed = 1;
}

bool case_one_in(unsigned n) { return case_random() % n == 0; }

static bool is(const struct row *row, const char *name) { return !strcmp(row->name, name); }

/* What rows do with the stack: their rSP must be good. */
static bool uses_stack(const struct row *row)
{
    static const char *const names[] = {"PUSH",      "POP",      "POP_E",   "CALL",     "CALL_E",
                                        "RET",       "ENTER",    "LEAVE",   "PUSHF",    "POPF",
                                        "PUSH_Sreg", "POP_Sreg", "RET_far", "CALL_far", "IRET"};
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
        if (is(row, names[i]))
            return true;
    return false;
}

/* Encodings. */

static unsigned immediate_size(u8 code, const struct op *op)
{
    switch (code) {
    case OPR_Ib:
    case OPR_Ibs:
    case OPR_Jb: return 1;
    case OPR_Iw: return 2;
    case OPR_Iz: return op->osize == 2 ? 2 : 4;
    case OPR_Jz: return 4;
    case OPR_Iv: return op->osize;
    default: return 0;
    }
}

static unsigned put_prefixes(u8 *b, const struct row *row)
{
    static const u8 mandatory[] = {[PFX_P66] = 0x66, [PFX_PF3] = 0xf3, [PFX_PF2] = 0xf2, [PFX_VF2] = 0};
    bool string = row->op[0] >= OPR_Xb && row->op[0] <= OPR_Yv;
    string = string || (row->op[1] >= OPR_Xb && row->op[1] <= OPR_Yv);
    unsigned n = 0;
    if (case_one_in(8))
        b[n++] = case_one_in(2) ? 0x64 : 0x65;
    if (case_one_in(6) && !(n && b[0] == 0x64)) /* FS is the host's: 32 bits do not reach back from there */
        b[n++] = 0x67;
    if ((row->prefix == PFX__ || row->prefix >= PFX_PF3) && row->prefix < PFX_VNP && case_one_in(4))
        b[n++] = 0x66;
    if (string && row->prefix == PFX__ && !case_one_in(3))
        b[n++] = case_one_in(2) ? 0xf2 : 0xf3;
    if (row->attributes & ATTR_LOCK && case_one_in(6))
        b[n++] = 0xf0;
    if (mandatory[row->prefix])
        b[n++] = mandatory[row->prefix];
    return n;
}

static unsigned put_opcode(u8 *b, const struct row *row)
{
    static const u8 pp[] = {[PFX_VNP] = 0, [PFX_V66] = 1, [PFX_VF3] = 2, [PFX_VF2] = 3};
    unsigned n = 0, map = row->opcode >= 0x3a00 ? 3 : row->opcode >= 0x3800 ? 2 : row->opcode >= 0xf00 ? 1 : 0;
    if (row->prefix >= PFX_VNP) {
        bool vvvv = row->op[0] == OPR_By || row->op[1] == OPR_By || row->op[2] == OPR_By;
        b[n++] = 0xc4;
        b[n++] = (u8)((case_random() & 0xe0) | map);
        b[n++] = (u8)((vvvv ? case_random() & 0xf8 : (case_random() & 0x80) | 0x78) | pp[row->prefix]);
        b[n++] = (u8)row->opcode;
        return n;
    }
    if (case_one_in(2))
        b[n++] = (u8)(0x40 | (case_random() & 15));
    if (map)
        b[n++] = 0x0f;
    if (map > 1)
        b[n++] = map == 2 ? 0x38 : 0x3a;
    b[n++] = (u8)row->opcode;
    return n;
}

static u8 random_modrm(u16 want)
{
    u8 modrm = (u8)case_random();
    if (want & MRC_BYTE)
        return (u8)want;
    if (want & MRC_REG)
        modrm = (u8)((modrm & 0xc7) | (want & 7) << 3);
    if (want & MRC_RM)
        modrm |= 0xc0;
    if (want & MRC_MEM && modrm >= 0xc0)
        modrm &= 0x7f;
    return modrm;
}

/* Where the displacement lies. */
static void find_displacement(struct encoding *e, unsigned at)
{
    u8 modrm = e->bytes[at], mod = modrm >> 6;
    unsigned after = at + 1;
    e->disp_size = 0;
    if (modrm >= 0xc0)
        return;
    bool none = false;
    if ((modrm & 7) == 4)
        none = mod == 0 && (e->bytes[after++] & 7) == 5;
    e->disp_at = after;
    e->disp_size = mod == 1 ? 1 : mod == 2 || none || (mod == 0 && (modrm & 7) == 5) ? 4 : 0;
}

bool case_encode(const struct row *row, struct encoding *e)
{
    bool has_modrm = isa->modrm[row->opcode < 0x100    ? 0
                                : row->opcode < 0x1000 ? 1
                                : row->opcode < 0x3a00 ? 2
                                                       : 3][row->opcode & 0xff];
    memset(e, 0, sizeof *e);
    for (unsigned i = 0; i < 16; i++)
        e->bytes[i] = (u8)case_random();
    e->row = row;
    unsigned n = row->prefix >= PFX_VNP ? (case_one_in(6) ? e->bytes[0] = 0x67, 1 : 0) : put_prefixes(e->bytes, row);
    n += put_opcode(e->bytes + n, row);
    if (has_modrm) {
        e->bytes[n] = random_modrm(row->modrm);
        find_displacement(e, n);
    }
    if (decode(isa, features, MODE, e->bytes, 15, &e->op) != DECODE_OK || e->op.fn == op_ud ||
        &isa_rows[e->op.row] != row)
        return is(row, "UD") && (e->length = e->op.len, true);
    e->length = e->op.len;
    unsigned immediates = 0;
    for (unsigned i = 0; i < 3; i++)
        immediates += immediate_size(row->op[i], &e->op);
    e->imm_at = e->length - immediates;
    if (row->op[0] == OPR_Ob || row->op[0] == OPR_Ov || row->op[1] == OPR_Ob || row->op[1] == OPR_Ov) {
        e->disp_at = n, e->disp_size = e->op.asize;
    }
    return true;
}

static void redecode(struct encoding *e) { decode(isa, features, MODE, e->bytes, 15, &e->op); }

/* Values. */

static u64 random_value(void)
{
    static const u64 edge[] = {0,
                               1,
                               2,
                               0x7f,
                               0x80,
                               0xff,
                               0x100,
                               0x7fff,
                               0x8000,
                               0xffff,
                               0x10000,
                               0x7fffffff,
                               0x80000000,
                               0xffffffff,
                               0x100000000,
                               0x7fffffffffffffff,
                               0x8000000000000000,
                               ~0ull,
                               ~1ull,
                               0xffffffff80000000,
                               0xffffffffffff8000,
                               0xffffffffffffff80};
    switch (case_random() % 6) {
    case 0: return edge[case_random() % (sizeof edge / sizeof edge[0])];
    case 1: return case_random() >> (case_random() & 63);
    case 2: return ~(case_random() >> (case_random() & 63));
    case 3: return BIT(case_random() & 63) + case_random() % 3 - 1;
    default: return case_random();
    }
}

/* Somewhere in the data: mostly good, sometimes across pages, at the edges, beyond them, read-only. */
static u64 random_target(bool aligned)
{
    enum { END = NATIVE_DATA + NATIVE_DATA_SIZE, READ_ONLY = END - PAGE_SIZE };
    u64 t;
    switch (case_random() % 64) {
    case 0: t = NATIVE_DATA - 1 - case_random() % 20; break;
    case 1: t = END - case_random() % 20; break;
    case 2: t = READ_ONLY - 16 + case_random() % 64; break;
    case 3: t = 0x8000000000000000 + case_random() % 64; break;
    case 4:
    case 5:
    case 6: t = NATIVE_DATA + PAGE_SIZE - case_random() % 16; break;
    default: t = NATIVE_DATA + 256 + case_random() % (2 * PAGE_SIZE); break;
    }
    return aligned || t >> 47 ? t & ~15ull : t; /* not both misaligned and non-canonical: #SS or #GP */
}

static u8 number_of(u8 offset) { return offset / 8; }

static bool is_register(u8 offset) { return offset < 128; }

static void put(struct encoding *e, unsigned at, u64 value, unsigned size) { memcpy(e->bytes + at, &value, size); }

/* An inverse of an odd number modulo 2^64 (Newton). */
static u64 inverse(u64 odd)
{
    u64 x = odd;
    for (unsigned i = 0; i < 6; i++)
        x *= 2 - odd * x;
    return x;
}

static u64 effective_address(const struct encoding *e, const struct case_state *s)
{
    const struct op *op = &e->op;
    u64 ea = (u64)op->disp + (is_register(op->index) ? s->gpr[number_of(op->index)] << op->scale : 0);
    if (op->base == offsetof(struct cpu, ip_page))
        ea += NATIVE_CASE + e->length;
    else if (is_register(op->base))
        ea += s->gpr[number_of(op->base)];
    return op->asize == 8 ? ea : (u32)ea;
}

/* Set registers and displacement so that the operand is at `target`. False if the form cannot reach it. */
static bool aim(struct encoding *e, struct case_state *s, u64 target)
{
    struct op *op = &e->op;
    u64 segment = op->seg == SEG_FS ? fs_base : op->seg == SEG_GS ? gs_base : 0;
    u64 need = target - segment - (u64)op->disp;
    if (op->base == offsetof(struct cpu, ip_page)) {
        put(e, e->disp_at, target - segment - NATIVE_CASE - e->length, 4);
    } else if (!is_register(op->base) && !is_register(op->index)) {
        put(e, e->disp_at, target - segment, e->disp_size);
    } else if (!is_register(op->index)) {
        s->gpr[number_of(op->base)] = need;
    } else if (!is_register(op->base) || op->base == op->index) {
        u64 factor = is_register(op->base) ? 1 + (1ull << op->scale) : 1ull << op->scale,
            odd = factor >> __builtin_ctzll(factor);
        u64 rest = need & ((1ull << __builtin_ctzll(factor)) - 1);
        if (rest) {
            if (!e->disp_size || (e->disp_size == 1 && op->disp == 127))
                return false;
            put(e, e->disp_at, (u64)op->disp + rest, e->disp_size);
            need -= rest;
        }
        s->gpr[number_of(op->index)] = (need >> __builtin_ctzll(factor)) * inverse(odd);
    } else {
        if (case_one_in(2))
            s->gpr[number_of(op->index)] = case_random() % 64;
        s->gpr[number_of(op->base)] = need - (s->gpr[number_of(op->index)] << op->scale);
    }
    if (op->asize == 4 && target >> 32 == 0 && op->seg < SEG_FS && case_one_in(2) && is_register(op->base) &&
        op->base != REG_RSP * 8)
        s->gpr[number_of(op->base)] ^= case_random() << 32; /* ignored */
    redecode(e);
    return effective_address(e, s) + segment == target;
}

/* Rows with demands of their own. */

static void poke(struct case_state *s, u64 at, const void *bytes, unsigned size)
{
    struct poke *p = &s->poke[s->pokes++];
    p->at = at, p->size = size;
    memcpy(p->bytes, bytes, size);
}

/* A slot to jump to; those of the case itself are no slots. */
static u64 slot_at(u64 n)
{
    u64 at = NATIVE_CODE + n * NATIVE_SLOT;
    return at >= NATIVE_CASE && at < NATIVE_CASE + NATIVE_CASE_SIZE ? at - NATIVE_CASE_SIZE : at;
}

static u64 code_target(void)
{
    switch (case_random() % 40) {
    case 0: return 0x100 + case_random() % 64; /* unmapped */
    case 1: return NATIVE_DATA - 0x100;
    default: return slot_at(case_random() % (NATIVE_CODE_SIZE / NATIVE_SLOT));
    }
}

static void stack_operands(const struct row *row, struct encoding *e, struct case_state *s)
{
    u64 top = NATIVE_STACK + 0x800 + case_random() % 0x1000,
        frame[5] = {code_target(), 0x33, 0x202 | (case_random() & 0x8d5), NATIVE_STACK + 0x800, 0x2b};
    if (case_one_in(2))
        top &= ~7ull;
    if (case_one_in(40) && !is(row, "RET_far") && !is(row, "IRET") &&
        !is(row, "POPF")) /* which slot they read first is nobody's promise */
        top = NATIVE_STACK + (case_one_in(2) ? case_random() % 24 : NATIVE_STACK_SIZE - case_random() % 24);
    s->gpr[REG_RSP] = top;
    if (is(row, "LEAVE") || is(row, "ENTER"))
        s->gpr[REG_RBP] = NATIVE_STACK + 0x800 + case_random() % 0x1000;
    if (is(row, "LEAVE") && case_one_in(30))
        s->gpr[REG_RBP] = NATIVE_STACK + NATIVE_STACK_SIZE - case_random() % 12;
    if (is(row, "ENTER")) {
        put(e, e->imm_at, case_random() % 0x600, 2);
        put(e, e->imm_at + 2, case_one_in(2) ? 0 : case_random() & 0xff, 1);
    }
    if (is(row, "RET")) {
        if (row->op[0] == OPR_Iw)
            put(e, e->imm_at, case_random() % 0x200, 2);
        poke(s, top, frame, 8);
    }
    if (is(row, "POPF") || is(row, "POP_Sreg")) {
        static const u16 selectors[] = {0, 3, 0x2b, 0, 0xfff8, 0x28, 0x33};
        u64 flags = case_random() & 0x3fdeff & ~(u64)(3 << 12); /* no TF; IOPL is not ours */
        poke(s, top, is(row, "POPF") ? (const void *)&flags : &selectors[case_random() % 7], is(row, "POPF") ? 8 : 2);
    }
    if (is(row, "RET_far") || is(row, "IRET")) {
        unsigned size = e->op.osize == 8 ? 8 : 4;
        u8 bytes[40];
        for (unsigned i = 0; i < 5; i++)
            memcpy(bytes + i * size, &frame[i], size);
        poke(s, top, bytes, 5 * size);
        if (row->op[0] == OPR_Iw)
            put(e, e->imm_at, case_random() % 0x200, 2);
    }
}

static bool near_branch(const struct row *row) { return row->op[0] == OPR_Jb || row->op[0] == OPR_Jz; }

static void branch_operands(const struct row *row, struct encoding *e, struct case_state *s)
{
    u64 target = code_target();
    if (row->op[0] == OPR_Jb) { /* within reach: three slots before, one behind */
        u64 n = case_random() % 4;
        target = n ? NATIVE_CASE - n * NATIVE_SLOT : NATIVE_CASE + NATIVE_CASE_SIZE;
    }
    put(e, e->imm_at, target - NATIVE_CASE - e->length, row->op[0] == OPR_Jb ? 1 : 4);
    if (is(row, "LOOP") || is(row, "LOOPE") || is(row, "LOOPNE") || is(row, "JCXZ"))
        s->gpr[REG_RCX] = case_one_in(2)   ? case_random() % 3
                          : case_one_in(2) ? case_random() << 32 | case_random() % 2
                                           : random_value();
}

static void string_operands(const struct row *row, struct encoding *e, struct case_state *s)
{
    bool rep = e->op.flags & (OP_REPE | OP_REPNE);
    u64 segment = e->op.seg == SEG_FS ? fs_base : e->op.seg == SEG_GS ? gs_base : 0;
    u64 source = random_target(false), destination = random_target(false);
    if (case_one_in(3))
        destination = source + case_random() % 32 - 16;
    if (e->op.asize == 4) {
        source = case_random() << 32 | (u32)source;
        destination = case_random() << 32 | (u32)destination;
    }
    s->gpr[REG_RSI] = source - segment;
    s->gpr[REG_RDI] = destination;
    s->rflags |= case_one_in(2) ? FLAG_DF : 0;
    if (rep) {
        s->gpr[REG_RCX] = case_one_in(12) ? case_random() % 1000 : case_random() % 40;
        if (e->op.asize == 4 && s->gpr[REG_RCX] &&
            case_one_in(2)) /* a count of 0 is written back by Intel (so says Bochs), not by AMD */
            s->gpr[REG_RCX] |= case_random() << 32;
        if (is(row, "INS") || is(row, "OUTS"))
            s->gpr[REG_RCX] |= 1; /* with a count of 0 the order of checks is nobody's promise */
    }
    u8 same[64];
    memset(same, (int)s->gpr[REG_RAX], sizeof same);
    if ((is(row, "SCAS") || is(row, "CMPS")) && case_one_in(2) && destination >= NATIVE_DATA + 64 &&
        destination < NATIVE_DATA + 0x2f00) {
        poke(s, destination - 32, same, 64);
        for (unsigned i = 1; i < 8; i++)
            s->gpr[REG_RAX] |= (s->gpr[REG_RAX] & 0xff) << (8 * i);
        if (is(row, "CMPS") && source >= NATIVE_DATA + 64 && source < NATIVE_DATA + 0x2f00)
            poke(s, source - 32, same, 64);
    }
}

static void arithmetic_operands(const struct row *row, struct encoding *e, struct case_state *s)
{
    unsigned bits = e->op.osize * 8;
    if (is(row, "DIV") || is(row, "IDIV")) {
        s64 low = (s64)(s->gpr[REG_RAX] << (64 - bits)) >> (64 - bits);
        if (bits == 8)
            s->gpr[REG_RAX] = case_one_in(2) ? case_random() & 0xff : (u64)(s64)(s8)case_random() & 0xffff;
        else if (!case_one_in(8))
            s->gpr[REG_RDX] = is(row, "DIV")
                                  ? (case_one_in(2) ? 0 : case_random() >> (66 - bits + case_random() % (bits - 2)))
                                  : (u64)(low >> 63);
    }
    if (row->op[1] == OPR_CL || row->op[2] == OPR_CL)
        s->gpr[REG_RCX] =
            (s->gpr[REG_RCX] & ~0xffull) | (case_one_in(4) ? case_random() & 0xff : case_random() % (bits + 2));
    if (is(row, "BEXTR") || is(row, "BZHI")) {
        u64 control = case_random() % 70 | (case_random() % 70) << 8;
        s->gpr[number_of(e->op.s)] = case_one_in(3) ? random_value() : control;
    }
    if (is(row, "CMPXCHG8B") && case_one_in(2)) {
        s->gpr[REG_RAX] = random_value();
        s->gpr[REG_RDX] = random_value();
    }
}

static bool bit_test(const struct row *row)
{
    return row->name[0] == 'B' && row->name[1] == 'T' && row->op[1] == OPR_Gv;
}

/* Bytes from there to where writing ends. */
static u64 writable_from(u64 at)
{
    enum { DATA_END = NATIVE_DATA + NATIVE_DATA_SIZE - PAGE_SIZE, STACK_END = NATIVE_STACK + NATIVE_STACK_SIZE };
    if (at >= NATIVE_DATA && at < DATA_END)
        return DATA_END - at;
    return at >= NATIVE_STACK && at < STACK_END ? STACK_END - at : 0;
}

/* What lies at the memory operand. */
static void operand_in_memory(const struct row *row, struct encoding *e, struct case_state *s)
{
    u64 v[4] = {random_value(), random_value(), random_value(), random_value()};
    if (is(row, "CMPXCHG") && case_one_in(2))
        v[0] = s->gpr[REG_RAX];
    if (is(row, "CMPXCHG8B") && case_one_in(2)) {
        v[0] = e->op.osize == 8 ? s->gpr[REG_RAX] : (u32)s->gpr[REG_RAX] | s->gpr[REG_RDX] << 32;
        v[1] = s->gpr[REG_RDX];
    }
    if (is(row, "CALL_E") || is(row, "JMP_E"))
        v[0] = code_target();
    if (is(row, "CALL_far") || is(row, "JMP_far")) {
        static const u16 selectors[] = {0x33, 0x33, 0x33, 0, 0x2b, 0xfff8};
        u16 selector = selectors[case_random() % 6];
        v[0] = code_target();
        memcpy((u8 *)v + (e->op.osize == 2 ? 2 : 4), &selector, 2);
    }
    if (is(row, "LSS") || is(row, "LAR") || is(row, "LSL") || is(row, "VERR") || is(row, "VERW") ||
        is(row, "MOV_to_Sreg")) {
        static const u16 selectors[] = {0, 3, 0x2b, 0xfff8, 0x28, 0x33, 0x83};
        u16 selector = selectors[case_random() % (is(row, "LSS") || is(row, "MOV_to_Sreg") ? 7 : 2)];
        memcpy((u8 *)v + (is(row, "LSS") ? e->op.osize : 0), &selector, 2);
    }
    if (is(row, "LDMXCSR"))
        v[0] = (case_random() & 0xffff) | (case_one_in(8) ? BIT(16 + case_random() % 16) & ~BIT(17) : 0);
    if (is(row, "FLDCW"))
        v[0] |= 0x37f;
    for (unsigned i = 0; i < 4 && (row->attributes & (ATTR_SSE | ATTR_FPU)) && case_one_in(2); i++)
        v[i] = (v[i] & 0x800fffffffffffff) | (1023 + case_random() % 80 - 40) << 52;
    u64 room = writable_from(s->target);
    poke(s, s->target, v, room < sizeof v ? (unsigned)room : sizeof v);
}

static bool memory_operand(const struct row *row, struct encoding *e, struct case_state *s)
{
    struct op *op = &e->op;
    bool aligned =
        row->attributes & ATTR_SSE ? !case_one_in(8) : is(row, "CMPXCHG8B") && op->osize == 8 && !case_one_in(8);
    if (uses_stack(row) && op->base == REG_RSP * 8) {
        if (e->disp_size)
            put(e, e->disp_at, case_random() & 0x7f, e->disp_size);
        if (is_register(op->index))
            s->gpr[number_of(op->index)] = case_random() & 0x3f;
        redecode(e);
        s->target = effective_address(e, s);
        return op->seg < SEG_FS;
    }
    s->target = bit_test(row) ? NATIVE_DATA + 0x1000 + case_random() % 0x400 : random_target(aligned);
    if (!aim(e, s, s->target))
        return false;
    if (bit_test(row)) { /* the bit offset is within reach, if the register does not also address */
        u64 *offset = &s->gpr[op->reg];
        if (op->reg * 8 == op->base || op->reg * 8 == op->index)
            return false;
        *offset = op->osize == 8 ? case_random() % 16000 - 8000 : (*offset << 32) | (u32)(case_random() % 16000 - 8000);
    }
    return true;
}

static void random_fx(struct native_block *b)
{
    memset(&b->fx, 0, sizeof b->fx);
    b->fx.fcw = 0x37f;
    b->fx.mxcsr = 0x1f80 | (case_one_in(2) ? (u32)case_random() & 0xe07f : 0);
    if (case_one_in(8))
        b->fx.mxcsr &= ~(u32)(case_random() & 0x1f80);
    b->fx.ftw = (u16)(case_random() & 0xff);
    b->fx.fsw = (u16)(case_random() & 0x4700);
    for (unsigned i = 0; i < 8; i++) {
        b->fx.st[i].mantissa = case_one_in(4) ? 0 : case_random() | (case_one_in(8) ? 0 : BIT(63));
        b->fx.st[i].exponent = (u16)(case_one_in(8)   ? case_random()
                                     : case_one_in(8) ? 0x7fff
                                                      : (0x3fff + case_random() % 128 - 64) | (case_random() & 0x8000));
    }
    for (unsigned i = 0; i < 32; i++) {
        u64 v = random_value();
        if (case_one_in(2))
            v = (v & 0x800fffffffffffff) | (1023 + case_random() % 100 - 50) << 52;
        else if (case_one_in(2))
            v = (v & 0x807fffff807fffff) | (127 + case_random() % 64 - 32) << 23 |
                (127 + case_random() % 64 - 32) << 55;
        b->fx.xmm[i / 2][i % 2] = v;
    }
}

bool case_operands(struct encoding *e, struct case_state *s, struct native_block *block)
{
    const struct row *row = e->row;
    s->pokes = 0, s->target = 0;
    for (unsigned i = 0; i < 16; i++)
        s->gpr[i] = random_value();
    if (case_one_in(3))
        s->gpr[e->op.rm & 15] = s->gpr[e->op.reg & 15];
    s->rflags = 0x202 | (case_random() & FLAGS_ARITH) | (case_one_in(16) ? FLAG_ID : 0) |
                (case_one_in(16) ? FLAG_DF : 0) | (case_one_in(32) ? FLAG_AC : 0);
    s->fx = row->attributes & (ATTR_FPU | ATTR_SSE | ATTR_MMXR) || row->op[0] >= OPR_V || row->op[1] >= OPR_V;
    if (s->fx)
        random_fx(block);
    if (row->op[1] == OPR_Ib || row->op[2] == OPR_Ib || row->op[0] == OPR_Ib)
        e->bytes[e->imm_at + (row->op[0] == OPR_Iw ? 2 : 0)] =
            (u8)(case_one_in(2) ? case_random() : case_random() % 66);
    if (is(row, "INT") && (e->bytes[e->imm_at] == 0x80 || e->bytes[e->imm_at] / 16 == 1))
        e->bytes[e->imm_at] = 0x20; /* the host's system call, and vectors a virtual host may use */
    redecode(e);
    arithmetic_operands(row, e, s);
    if (uses_stack(row))
        stack_operands(row, e, s);
    if (near_branch(row))
        branch_operands(row, e, s);
    if (row->op[0] == OPR_Xb || row->op[0] == OPR_Xv || row->op[0] == OPR_Yb || row->op[0] == OPR_Yv ||
        row->op[1] == OPR_Xb || row->op[1] == OPR_Xv)
        string_operands(row, e, s);
    else if (row->op[1] == OPR_Yb || row->op[1] == OPR_Yv)
        string_operands(row, e, s);
    if (is(row, "CALL_E") && !op_is_mem(&e->op) && e->op.rm == REG_RSP)
        return false; /* its stack would be the code */
    if ((is(row, "CALL_E") || is(row, "JMP_E")) && !op_is_mem(&e->op))
        s->gpr[e->op.rm] = code_target();
    if (is(row, "XLAT"))
        s->gpr[REG_RBX] = random_target(false) -
                          (e->op.seg == SEG_FS   ? fs_base
                           : e->op.seg == SEG_GS ? gs_base
                                                 : 0) -
                          (u8)s->gpr[REG_RAX];
    if (is(row, "MASKMOVQ") || is(row, "MASKMOVDQU"))
        s->gpr[REG_RDI] = NATIVE_DATA + 0x800 +
                          case_random() % 0x1000 - /* if a byte not stored may fault is nobody's promise */
                          (e->op.seg == SEG_FS   ? fs_base
                           : e->op.seg == SEG_GS ? gs_base
                                                 : 0);
    if (op_is_mem(&e->op) && !is(row, "LEA") && !is(row, "UD") && !is(row, "NOP")) {
        if (!memory_operand(row, e, s))
            return false;
        operand_in_memory(row, e, s);
    } else if (row->op[0] == OPR_Ew || row->op[1] == OPR_Ew) {
        static const u16 selectors[] = {0, 3, 0x2b, 0xfff8, 0x28, 0x33, 0x83};
        if (is(row, "LAR") || is(row, "LSL") || is(row, "VERR") || is(row, "VERW"))
            s->gpr[e->op.rm] = selectors[case_random() % 2] | case_random() << 16;
        if (is(row, "MOV_to_Sreg"))
            s->gpr[e->op.rm] = selectors[case_random() % 7] | case_random() << 16;
    }
    redecode(e);
    return e->op.len == e->length;
}

/* SPDX-License-Identifier: MIT */
/* Encoding rows of the instruction list with memory operands, and giving each what it needs to complete. */
#include "tests/atomic/scene.h"

#include <string.h>

#include "cpu/segment.h"

const struct placement placements[] = {
    {0, 0, 0, CODE_MID, FORM_BASE},
    {1, 1, 6, CODE_MID, FORM_INDEX},
    {3, 2, 10, CODE_TAIL, FORM_SEGMENT},
    {0, 3, 16, CODE_END, FORM_SHORT},
};
const unsigned placement_count = sizeof(placements) / sizeof(placements[0]);

static bool is(const struct row *row, const char *name) { return !strcmp(row->name, name); }

static bool is_any(const struct row *row, const char *const *names)
{
    for (; *names; names++)
        if (is(row, *names))
            return true;
    return false;
}

bool row_is_string(const struct row *row)
{
    static const char *const names[] = {"MOVS", "CMPS", "STOS", "LODS", "SCAS", "INS", "OUTS", NULL};
    return is_any(row, names);
}

static bool code_is_memory(u8 code)
{
    return (code >= OPR_Eb && code <= OPR_Ey) || (code >= OPR_Mb && code <= OPR_Mdq) || code == OPR_W || code == OPR_Q;
}

bool row_has_memory_form(const struct row *row)
{
    if (row->modrm & (MRC_RM | MRC_BYTE))
        return false;
    return code_is_memory(row->op[0]) || code_is_memory(row->op[1]) || code_is_memory(row->op[2]);
}

unsigned scene_specials(const struct row *row)
{
    static const struct {
        const char *name;
        unsigned count;
    } table[] = {
        {"MOVS", 4},  {"CMPS", 4},    {"SCAS", 4},        {"STOS", 3},     {"LODS", 3},    {"INS", 3},
        {"OUTS", 3},  {"CMPXCHG", 2}, {"CMPXCHG8B", 2},   {"ENTER", 2},    {"Jcc", 2},     {"LOOP", 2},
        {"LOOPE", 2}, {"LOOPNE", 2},  {"JCXZ", 2},        {"CALL_far", 4}, {"JMP_far", 4}, {"RET_far", 2},
        {"IRET", 3},  {"INT", 2},     {"MOV_to_Sreg", 3}, {"ARPL", 2},
    };
    for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (is(row, table[i].name))
            return table[i].count;
    return 1;
}

/* Encoding. */

struct writer {
    u8 *code;
    unsigned at;
};

static void byte(struct writer *w, unsigned b) { w->code[w->at++] = (u8)b; }
static void bytes(struct writer *w, u64 v, unsigned n)
{
    while (n--)
        byte(w, (unsigned)v & 0xff), v >>= 8;
}

static bool has_operand(const struct row *row, u8 first, u8 last)
{
    for (unsigned i = 0; i < 3; i++)
        if (row->op[i] >= first && row->op[i] <= last)
            return true;
    return false;
}

static bool uses_modrm(const struct row *row)
{
    return row->modrm || has_operand(row, OPR_Eb, OPR_Gy) || has_operand(row, OPR_Sw, OPR_Dd) ||
           has_operand(row, OPR_V, OPR_ST);
}

/* ModRM.reg: rCX, but where the row or the operand says otherwise. */
static unsigned reg_field(const struct scene *s)
{
    static const u8 segments[3] = {SEG_ES, SEG_SS, SEG_FS};
    if (s->row->modrm & MRC_REG)
        return s->row->modrm & 7;
    if (is(s->row, "MOV_to_Sreg"))
        return segments[s->special];
    if (has_operand(s->row, OPR_Sw, OPR_Sw))
        return SEG_DS;
    if (has_operand(s->row, OPR_Cd, OPR_Cd))
        return is(s->row, "MOV_to_CR") ? 2 : 0;
    return has_operand(s->row, OPR_Dd, OPR_Dd) ? 0 : 1;
}

static unsigned address_size(const struct rig *r, const struct scene *s)
{
    bool other = s->place->form == FORM_SHORT;
    if (is_code64(r->ctx))
        return other ? 4 : 8;
    return (r->ctx->mode == CTX_16) != other ? 2 : 4;
}

enum { DISPLACEMENT = 0x40, INDEX = 0x10 };

static void emit_memory(struct writer *w, const struct rig *r, const struct scene *s, unsigned reg)
{
    bool narrow = address_size(r, s) == 2, index = s->place->form == FORM_INDEX;
    if (narrow)
        byte(w, (index ? 0x40 : 0x87) | reg << 3), bytes(w, DISPLACEMENT, index ? 1 : 2); /* [BX+SI+d8], [BX+d16] */
    else if (index)
        byte(w, 0x44 | reg << 3), byte(w, 0x73), bytes(w, DISPLACEMENT, 1); /* [rBX+rSI*2+d8] */
    else
        byte(w, 0x83 | reg << 3), bytes(w, DISPLACEMENT, 4); /* [rBX+d32] */
}

static void emit_modrm(struct writer *w, const struct rig *r, struct scene *s)
{
    const struct row *row = s->row;
    if (row->modrm & MRC_BYTE)
        byte(w, row->modrm & 0xff);
    else if (row->modrm & MRC_RM || !(row_has_memory_form(row) || row->modrm & MRC_MEM))
        byte(w, 0xc2 | reg_field(s) << 3);
    else
        emit_memory(w, r, s, reg_field(s));
}

static void emit_vex(struct writer *w, const struct scene *s)
{
    static const u8 pp[] = {[PFX_VNP] = 0, [PFX_V66] = 1, [PFX_VF3] = 2, [PFX_VF2] = 3};
    bool third = has_operand(s->row, OPR_By, OPR_By);
    byte(w, 0xc4);
    byte(w, 0xe0 | (s->row->opcode >> 8 == 0x38 ? 2 : 3));
    byte(w, (s->prefix == 2 ? 0x80 : 0) | (third ? 14 : 15) << 3 | pp[s->row->prefix]);
    byte(w, s->row->opcode & 0xff);
}

/* False where the prefix makes no other instruction of it. */
static bool emit_prefixes(struct writer *w, const struct rig *r, const struct scene *s)
{
    const struct row *row = s->row;
    unsigned p = row->prefix;
    bool wide =
        has_operand(row, OPR_Ev, OPR_Ey) || has_operand(row, OPR_Mv, OPR_My) || has_operand(row, OPR_Gv, OPR_Gy);
    if (s->prefix == 2 && !is_code64(r->ctx))
        return false;
    if (s->prefix == 1 && (p == PFX_NP || p == PFX_P66 || p >= PFX_VNP || (p > PFX_P66 && !wide)))
        return false;
    if (s->prefix == 2 && p != PFX__ && !wide && !has_operand(row, OPR_By, OPR_By) && !(row->op[0] == OPR_M))
        return false;
    if (s->place->form == FORM_SEGMENT)
        byte(w, 0x64);
    if (s->place->form == FORM_SHORT)
        byte(w, 0x67);
    if (p < PFX_VNP) {
        if (s->prefix == 1 || p == PFX_P66)
            byte(w, 0x66);
        if (s->rep || p == PFX_PF3 || p == PFX_PF2)
            byte(w, s->rep ? s->rep : p == PFX_PF3 ? 0xf3 : 0xf2);
        if (s->prefix == 2)
            byte(w, 0x48);
    }
    return true;
}

static void emit_opcode(struct writer *w, const struct scene *s)
{
    unsigned opcode = s->row->opcode;
    if (s->row->prefix >= PFX_VNP) {
        emit_vex(w, s);
        return;
    }
    if (opcode >= 0x3800)
        byte(w, 0x0f), byte(w, opcode >> 8);
    else if (opcode >= 0x0f00)
        byte(w, 0x0f);
    byte(w, opcode & 0xff);
}

static unsigned immediate_size(u8 code, const struct op *op)
{
    switch (code) {
    case OPR_Ib:
    case OPR_Ibs:
    case OPR_Jb: return 1;
    case OPR_Iw: return 2;
    case OPR_Iz:
    case OPR_Jz: return op->osize == 2 ? 2 : 4;
    case OPR_Iv: return op->osize;
    case OPR_Ap: return (op->osize == 2 ? 2 : 4) + 2;
    case OPR_Ob:
    case OPR_Ov: return op->asize;
    default: return 0;
    }
}

static bool decode_scene(struct rig *r, struct scene *s)
{
    arch_give(r->cpu, &r->start);
    if (decode(r->cpu->isa, &r->cpu->features, r->cpu->mode, s->code, 15, &s->op) != DECODE_OK)
        return false;
    return s->op.fn != op_ud || s->ud;
}

/* What each needs. */

static u64 flags_of(const struct scene *s)
{
    bool port = is(s->row, "IN") || is(s->row, "OUT") || is(s->row, "INS") || is(s->row, "OUTS");
    u64 f = FLAG_FIXED | (port ? 0 : FLAG_IOPL) | (s->special & 1 ? FLAG_ZF | FLAG_PF : FLAG_CF | FLAG_AF | FLAG_SF);
    if (is(s->row, "INTO"))
        f |= FLAG_OF;
    if (row_is_string(s->row) && s->special == 2)
        f |= FLAG_DF;
    return f;
}

static unsigned stack_slots(const struct row *row)
{
    static const char *const many[] = {"PUSHA", "POPA", "ENTER", "CALL_far", "RET_far", "IRET",
                                       "INT",   "INT3", "INT1",  "INTO",     NULL};
    return is_any(row, many) ? 2 : 1;
}

static bool pops(const struct row *row)
{
    static const char *const names[] = {"POP", "POP_E",   "POPA", "POPF",  "POP_Sreg",
                                        "RET", "RET_far", "IRET", "LEAVE", NULL};
    return is_any(row, names);
}

static u64 near_boundary(const struct scene *s, unsigned page, bool below)
{
    unsigned k = stack_slots(s->row) > 1 ? s->place->stack_many : s->place->stack_one;
    return k == 0 ? AT(page) + (below ? 0x400 : 0x800) : below ? AT(page) - k : AT(page) + k;
}

/* The far pointer's and INT's ways. False if the mode has no such thing. */
static bool far_selector(const struct rig *r, const struct scene *s, u16 *selector)
{
    static const u8 index[4] = {D_SPARE_CODE, D_GATE, D_TASK, D_TASK_GATE};
    unsigned cpl = r->ctx->cpl;
    if (s->special >= 2 && is_long(r->ctx))
        return false;
    if (s->special == 1 && cpl == 3 && is(s->row, "JMP_far"))
        return false;
    *selector = SELECTOR(index[s->special], cpl);
    return true;
}

/* The descriptor's DPL becomes 3, or its type byte something else. */
static void descriptor_byte(struct rig *r, unsigned index, u8 clear, u8 set)
{
    u64 at = r->gdt + index * 8 + 5 - AT(PG_GDT0);
    u8 *b = &r->memory[PG_GDT0 + at / PAGE_SIZE][at % PAGE_SIZE];
    *b = (u8)((*b & ~clear) | set);
}

static void put_task(struct rig *r)
{
    unsigned cpl = r->ctx->cpl;
    u64 t = r->task;
    const u16 segments[6] = {SELECTOR(D_TEXTRA, cpl), SELECTOR(D_TCODE, cpl), SELECTOR(D_TSTACK, cpl),
                             SELECTOR(D_TDATA, cpl),  SELECTOR(D_TDATA, cpl), 0};
    rig_put_value(r, t + 4, AT(PG_KERNEL_STACK) + 0xff0, 4);
    if (is_long(r->ctx)) { /* for LTR */
        rig_put_value(r, t + 36, AT(PG_KERNEL_STACK) + 0x800, 8);
        return;
    }
    rig_put_value(r, t + 8, SELECTOR(D_KDATA, 0), 4);
    rig_put_value(r, t + 0x1c, TABLE_ROOT, 4);
    rig_put_value(r, t + 0x20, AT(PG_TARGET) + 0x20 - r->base[SEG_CS], 4);
    rig_put_value(r, t + 0x24, FLAG_FIXED | FLAG_CF, 4);
    for (unsigned i = 0; i < 8; i++)
        rig_put_value(r, t + 0x28 + 4 * i, i == REG_RSP ? AT(PG_STACK0) + 0x200 - r->base[SEG_SS] : 0x1010101 * i, 4);
    for (unsigned i = 0; i < 6; i++)
        rig_put_value(r, t + 0x48 + 4 * i, segments[i], 4);
    descriptor_byte(r, D_TASK, 0x60, (u8)(cpl << 5));
}

static void prepare_stack(struct rig *r, struct scene *s)
{
    struct arch *a = &r->start;
    u64 sp = near_boundary(s, PG_STACK1, pops(s->row));
    a->gpr[REG_RSP] = sp - r->base[SEG_SS];
    a->gpr[REG_RBP] = near_boundary(s, PG_FRAME1, is(s->row, "LEAVE")) - r->base[SEG_SS];
    rig_put_value(r, sp, 0x1234567, 8);
    if (is(s->row, "RET"))
        rig_put_value(r, sp, AT(PG_TARGET) + 0x10 - r->base[SEG_CS], 8);
    if (is(s->row, "POP_Sreg"))
        rig_put_value(r, sp, SELECTOR(D_SPARE_DATA, r->ctx->cpl), 8);
    if (is(s->row, "POPF"))
        rig_put_value(r, sp, FLAG_FIXED | FLAG_IOPL | FLAG_OF | FLAG_ZF, 8);
}

static bool prepare_return(struct rig *r, struct scene *s)
{
    bool iret = is(s->row, "IRET"), outer = s->special == 1, task = s->special == 2;
    unsigned w = s->op.osize, cpl = r->ctx->cpl;
    u64 sp = r->start.gpr[REG_RSP] + r->base[SEG_SS];
    if (!iret && !is(s->row, "RET_far"))
        return true;
    if (outer && cpl == 3)
        return false;
    if (task) {
        if (is_long(r->ctx))
            return false;
        rig_put_value(r, r->tss, SELECTOR(D_TASK, 0), 2);
        descriptor_byte(r, D_TASK, 0, SYS_BUSY);
        r->start.rflags |= FLAG_NT;
    }
    u64 base = outer ? 0 : r->base[SEG_CS];
    rig_put_value(r, sp, AT(outer ? PG_OUTER : PG_TARGET) + 0x10 - base, w);
    rig_put_value(r, sp + w, outer ? SELECTOR(D_OCODE, 3) : SELECTOR(D_SPARE_CODE, cpl), w);
    sp += 2 * w;
    if (iret)
        rig_put_value(r, sp, FLAG_FIXED | FLAG_IOPL | FLAG_ZF, w), sp += w;
    else if (s->row->op[0] == OPR_Iw)
        sp += 8; /* what it releases */
    if (outer || (iret && is_code64(r->ctx))) {
        rig_put_value(r, sp, outer ? AT(PG_OUTER_STACK) + 0x800 : AT(PG_STACK1) + 0x900, w);
        rig_put_value(r, sp + w, outer ? SELECTOR(D_ODATA, 3) : SELECTOR(D_TSTACK, cpl), w);
    }
    return true;
}

/* Memory operands with a meaning. */
static bool prepare_operand(struct rig *r, struct scene *s)
{
    const struct row *row = s->row;
    unsigned w = s->op.osize, cpl = r->ctx->cpl;
    u64 at = s->operand, target = AT(PG_TARGET) + 0x10 - r->base[SEG_CS];
    static const u8 zero[576];
    static const char *const selectors[] = {"MOV_to_Sreg", "VERR", "VERW", "LAR", "LSL", NULL}, *const load[] = {
                                                                                                    "LES", "LDS", "LSS",
                                                                                                    "LFS", "LGS", NULL};
    static const char *const images[] = {"FLDENV",   "FRSTOR",  "FXRSTOR", "XRSTOR", "XSAVE",
                                         "XSAVEOPT", "INVPCID", "BOUND",   NULL};
    if (is_any(row, images))
        rig_put(r, at, zero, sizeof(zero));
    if (is_any(row, selectors))
        rig_put_value(r, at, SELECTOR(D_SPARE_DATA, cpl), 2);
    if (is_any(row, load))
        rig_put_value(r, at, 0x1234, w), rig_put_value(r, at + w, SELECTOR(D_SPARE_DATA, cpl), 2);
    if (is(row, "LLDT") || is(row, "LTR"))
        rig_put_value(r, at, SELECTOR(is(row, "LTR") ? D_TASK : D_LDT, 0), 2);
    if (is(row, "LGDT") || is(row, "LIDT")) {
        struct table_register t = is(row, "LGDT") ? r->start.gdt : r->start.idt;
        rig_put_value(r, at, t.limit, 2), rig_put_value(r, at + 2, t.base, 8);
    }
    if (is(row, "ARPL"))
        rig_put_value(r, at, s->special ? 0x13 : 0x10, 2);
    if (is(row, "LMSW"))
        rig_put_value(r, at, CR0_PE | CR0_MP, 2);
    if (is(row, "FLDCW") || is(row, "FLDENV") || is(row, "FRSTOR"))
        rig_put_value(r, at, 0x37f, 2);
    if (is(row, "LDMXCSR"))
        rig_put_value(r, at, 0x1fa0, 4);
    if (is(row, "FXRSTOR") || is(row, "XRSTOR"))
        rig_put_value(r, at, 0x37f, 2), rig_put_value(r, at + 24, 0x1f80, 4);
    if (is(row, "XRSTOR"))
        rig_put_value(r, at + 512, 3, 8);
    if (is(row, "BOUND"))
        rig_put_value(r, at + w, 0x7f, w);
    if ((is(row, "CMPXCHG") || is(row, "CMPXCHG8B")) && s->special == 0)
        rig_put_value(r, at, 0x123, 8), rig_put_value(r, at + 8, 0, 8);
    if (is(row, "JMP_E") || is(row, "CALL_E"))
        rig_put_value(r, at, target, 8);
    if (row->op[0] == OPR_Mp && row->op[1] == OPR__) {
        u16 selector;
        if (!far_selector(r, s, &selector))
            return false;
        rig_put_value(r, at, target, w), rig_put_value(r, at + w, selector, 2);
    }
    return true;
}

/* Registers with a meaning. */
static void prepare_registers(struct rig *r, struct scene *s)
{
    const struct row *row = s->row;
    u64 *g = r->start.gpr, offset = s->operand - r->base[s->place->form == FORM_SEGMENT ? SEG_FS : SEG_DS];
    static const char *const state[] = {"XSAVE", "XRSTOR", "XSAVEOPT", "XSAVEC", "XSETBV", NULL},
                             *const zero[] = {"XGETBV", "XSETBV", "RDPKRU", "WRPKRU", "MONITOR", NULL};
    if (is_any(row, state))
        g[REG_RAX] = 3;
    if (is_any(row, zero))
        g[REG_RCX] = 0;
    if (is(row, "WRPKRU"))
        g[REG_RAX] = 0;
    if (is(row, "RDMSR") || is(row, "WRMSR"))
        g[REG_RCX] = 0x174;
    if (is(row, "INVPCID"))
        g[REG_RCX] = 2;
    if (is(row, "MONITOR"))
        g[REG_RAX] = offset;
    if (is(row, "MASKMOVQ") || is(row, "MASKMOVDQU")) {
        g[REG_RDI] = offset;
        r->start.xmm[2].q[0] = r->start.xmm[2].q[1] =
            0x80ff00ff80008080; /* the mask is register 2: set where a page may begin */
        r->start.x87.r[2].mantissa = 0x80ff00ff80008080;
    }
    if (is(row, "XLAT"))
        g[REG_RBX] = offset - (u8)g[REG_RAX];
    if (is(row, "JCXZ") && s->special)
        g[REG_RCX] = 0;
}

static bool prepare_system_call(struct rig *r, struct scene *s)
{
    const struct row *row = s->row;
    struct arch *a = &r->start;
    bool wide = s->prefix == 2, is64 = is_code64(r->ctx);
    u64 *msr = a->msr, handler = AT(PG_HANDLER) + 0x800, outer = AT(PG_OUTER) + 0x10;
#define MSR_SLOT(field) msr[offsetof(struct cpu, field) / 8 - offsetof(struct cpu, star) / 8]
    if (is(row, "SYSRET") || is(row, "SYSEXIT")) /* which keep data segments that a return to CPL 3 would null */
        for (unsigned seg = 0; seg <= SEG_GS; seg++)
            a->seg[seg].attributes |= seg == SEG_CS || seg == SEG_SS ? 0 : ATTR_DPL;
    MSR_SLOT(star) = (u64)SELECTOR(D_TSTACK, 3) << 48 | (u64)SELECTOR(D_KCODE, 0) << 32;
    MSR_SLOT(lstar) = MSR_SLOT(sysenter_eip) = handler;
    MSR_SLOT(sysenter_esp) = AT(PG_KERNEL_STACK) + 0xf00;
    MSR_SLOT(sysenter_cs) = SELECTOR(D_KCODE, 0);
    if (is(row, "SYSRET")) {
        a->gpr[REG_RCX] = outer, a->gpr[11] = FLAG_FIXED;
        return wide;
    }
    if (is(row, "SYSEXIT")) {
        a->gpr[REG_RDX] = outer, a->gpr[REG_RCX] = AT(PG_OUTER_STACK) + 0x800;
        MSR_SLOT(sysenter_cs) = SELECTOR(is64 ? D_TCODE : D_TSTACK, 0);
        for (unsigned i = 0; i < 8; i++) /* the stack segment: that after the code segment's place */
            rig_put_value(r, r->gdt + D_TEXTRA * 8 + i,
                          r->memory[page_of(r->gdt + D_ODATA * 8 + i)][(r->gdt + D_ODATA * 8 + i) % PAGE_SIZE], 1);
        return is64 ? wide : !is_long(r->ctx); /* the outer code segment of long mode is a 64-bit one */
    }
    return true;
}

/* Strings: five elements from DATA to DEST, the page boundary within them. */
static void prepare_string(struct rig *r, struct scene *s)
{
    unsigned w = s->op.osize;
    bool down = s->special == 2, overlap = s->special == 3 && is(s->row, "MOVS");
    u64 *g = r->start.gpr, unaligned = s->place->data_back == 3 ? 1 : 0;
    s64 step = down ? -(s64)w : w;
    u64 source =
        s->place->data_back ? AT(PG_DATA1) + (down ? w : 0) - (u64)(step * 2) - unaligned : AT(PG_DATA0) + 0x340;
    u64 dest = s->place->data_back ? AT(PG_DEST1) + (down ? w : 0) - (u64)(step * 3) - unaligned : AT(PG_DEST0) + 0x340;
    if (overlap)
        dest = source + w;
    if (is(s->row, "CMPS") || is(s->row, "SCAS")) {
        for (unsigned page = PG_DATA0; page <= PG_DEST1; page++)
            memset(r->memory[page], 0x5a, PAGE_SIZE);
        g[REG_RAX] = s->special == 3 ? 0x1111111111111111 : 0x5a5a5a5a5a5a5a5a;
        if (s->special == 3)
            memset(r->memory[PG_DEST0], 0xa5, 2 * PAGE_SIZE);
    }
    u64 source_base = s->place->form == FORM_SEGMENT ? r->base[SEG_FS] : r->base[SEG_DS];
    g[REG_RSI] = source - source_base;
    g[REG_RDI] = dest - r->base[SEG_ES];
}

static bool is_moffs(const struct row *row) { return has_operand(row, OPR_Ob, OPR_Ov); }

static void place_operand(struct rig *r, struct scene *s)
{
    static const char *const aligned[] = {"FXSAVE", "FXRSTOR", "XSAVE", "XRSTOR", "XSAVEOPT", "XSAVEC", NULL};
    static const char *const implied[] = {"XLAT", "MASKMOVQ", "MASKMOVDQU", "MONITOR", NULL};
    u64 *g = r->start.gpr, back = s->place->data_back;
    if (back && is_any(s->row, aligned))
        back = back == 1 ? 64 : 512; /* 512: the XSAVE header is on the second page */
    bool modrm = row_has_memory_form(s->row) || s->row->modrm & MRC_MEM;
    s->operand =
        modrm || is_moffs(s->row) || is_any(s->row, implied) ? (back ? AT(PG_DATA1) - back : AT(PG_DATA0) + 0x340) : 0;
    u64 offset = s->operand - (s->place->form == FORM_SEGMENT ? r->base[SEG_FS] : r->base[SEG_DS]);
    if (modrm)
        g[REG_RBX] = offset - DISPLACEMENT -
                     (s->place->form != FORM_INDEX ? 0
                      : address_size(r, s) == 2    ? INDEX
                                                   : 2 * INDEX);
}

/* Immediates go where the operands say, now that their sizes are known. */
static bool place_immediates(struct rig *r, struct scene *s)
{
    const struct row *row = s->row;
    unsigned total = 0;
    for (unsigned i = 0; i < 3; i++)
        total += immediate_size(row->op[i], &s->op);
    struct writer w = {s->code, s->op.len - total};
    for (unsigned i = 0; i < 3; i++) {
        unsigned n = immediate_size(row->op[i], &s->op);
        u64 v = 3;
        if (row->op[i] == OPR_Jz)
            v = AT(PG_TARGET) + 0x10 - (s->at + s->op.len);
        else if (row->op[i] == OPR_Jb)
            v = 0x10;
        else if (is(row, "INT"))
            v = 0x80 + s->special;
        else if (is(row, "ENTER"))
            v = row->op[i] == OPR_Iw ? 0x10 : s->special * 3;
        else if (row->op[i] == OPR_Iw)
            v = 8;
        else if (is_moffs(row))
            v = s->operand - (s->place->form == FORM_SEGMENT ? r->base[SEG_FS] : r->base[SEG_DS]);
        if (row->op[i] == OPR_Ap) {
            u16 selector;
            if (!far_selector(r, s, &selector))
                return false;
            bytes(&w, AT(PG_TARGET) + 0x10 - r->base[SEG_CS], n - 2), bytes(&w, selector, 2);
        } else {
            bytes(&w, v, n);
        }
    }
    return true;
}

static void put_task_gate(struct rig *r)
{
    if (!is_long(r->ctx))
        rig_put_value(r, AT(PG_IDT) + 0x81 * 8, (u64)SELECTOR(D_TASK, 0) << 16 | 0xe5ull << 40, 8);
}

static void lay_code(struct rig *r, struct scene *s)
{
    unsigned len = s->op.len;
    s->at = s->place->code == CODE_MID ? AT(PG_CODE0) + 0x800
                                       : AT(PG_CODE1) - (s->place->code == CODE_END ? len : (len + 1) / 2);
    r->start.rip = s->at - r->base[SEG_CS];
}

bool scene_make(struct rig *r, struct scene *s)
{
    static const char *const undefined[] = {"UD", NULL};
    static u8 blank[PAGES][PAGE_SIZE];
    static const struct context *blank_of;
    static struct arch start;
    if (blank_of != r->ctx) {
        rig_blank(r);
        memcpy(blank, r->memory, sizeof(blank));
        start = r->start;
        blank_of = r->ctx;
    }
    memcpy(r->memory, blank, sizeof(blank));
    r->start = start;
    u64 *g = r->start.gpr;
    for (unsigned i = 0; i < 16; i++)
        g[i] = is_code64(r->ctx) ? 0x0123456789abcdef * (i + 1) : i < 8 ? 0x01234567 * (i + 1) : 0;
    g[REG_RAX] = 0x123, g[REG_RCX] = 5, g[REG_RDX] = 0, g[REG_RSI] = INDEX, g[REG_RDI] = 0x20;
    s->ud = is_any(s->row, undefined);
    s->rep = row_is_string(s->row) && s->special ? (s->special == 3 && !is(s->row, "MOVS") ? 0xf2 : 0xf3) : 0;
    if (is_code64(r->ctx) && s->row->op[0] == OPR_M && is(s->row, "CMPXCHG8B") && s->prefix == 2 && s->place->data_back)
        return false; /* CMPXCHG16B must be aligned */
    struct writer w = {.code = s->code};
    memset(s->code, 0, sizeof(s->code));
    if (!emit_prefixes(&w, r, s))
        return false;
    emit_opcode(&w, s);
    if (s->row->prefix < PFX_VNP ? uses_modrm(s->row) : true)
        emit_modrm(&w, r, s);
    if (!decode_scene(r, s) || s->op.row != s->row - isa_rows)
        return false;
    lay_code(r, s);
    place_operand(r, s);
    r->start.rflags = flags_of(s);
    prepare_stack(r, s);
    prepare_registers(r, s);
    put_task(r);
    put_task_gate(r);
    if (row_is_string(s->row))
        prepare_string(r, s);
    if (!place_immediates(r, s) || !prepare_return(r, s) || !prepare_system_call(r, s) ||
        (s->operand && !prepare_operand(r, s)))
        return false;
    rig_put(r, s->at, s->code, s->op.len);
    return true;
}

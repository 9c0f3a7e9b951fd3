/* SPDX-License-Identifier: MIT */
/* The decoder (SDM Vol. 2A, "Instruction Format"; Appendix A "Opcode Map"): prefixes, opcode, row, ModRM, immediates,
 * handler. */
#include "cpu/decode.h"

#include <string.h>

#include "cpu/access.h"

/* Bytes being read. Running out is noted and reads as zero; the caller looks once, at the end. */
struct reader {
    const u8 *bytes;
    unsigned size, at;
    bool out;
};

static u8 take_byte(struct reader *r)
{
    if (r->at < r->size)
        return r->bytes[r->at++];
    r->out = true;
    return 0;
}

static u64 take_bytes(struct reader *r, unsigned n)
{
    u64 v = 0;
    for (unsigned i = 0; i < n; i++)
        v |= (u64)take_byte(r) << (8 * i);
    return v;
}

struct prefixes {
    bool operand, address, lock, rex, vex;
    u8 rep;     /* 0, F2 or F3: the last one */
    s8 segment; /* enum SEG or -1 */
    bool w, r, x, b;
    u8 vvvv, length, map; /* VEX; map: 0 one byte, 1 0F, 2 0F38, 3 0F3A */
};

/* "Instruction Prefixes". Returns the first byte that is not one. A REX not followed by the opcode is ignored. */
static u8 read_prefixes(struct reader *r, bool code64, struct prefixes *p)
{
    static const s8 segment_of[256] = {[0x26] = SEG_ES + 1, [0x2e] = SEG_CS + 1, [0x36] = SEG_SS + 1,
                                       [0x3e] = SEG_DS + 1, [0x64] = SEG_FS + 1, [0x65] = SEG_GS + 1};
    *p = (struct prefixes){.segment = -1};
    for (;;) {
        u8 byte = take_byte(r);
        if (r->out)
            return 0;
        if (segment_of[byte]) {
            if (!code64 || byte >= 0x64) /* the others are ignored in 64-bit mode */
                p->segment = (s8)(segment_of[byte] - 1);
        } else if (byte == 0x66) {
            p->operand = true;
        } else if (byte == 0x67) {
            p->address = true;
        } else if (byte == 0xf0) {
            p->lock = true;
        } else if (byte == 0xf2 || byte == 0xf3) {
            p->rep = byte;
        } else {
            if (!code64 || (byte & 0xf0) != 0x40)
                return byte;
            p->rex = true;
            p->w = byte & 8, p->r = byte & 4, p->x = byte & 2, p->b = byte & 1;
            u8 after = r->at < r->size ? r->bytes[r->at] : 0;
            if (segment_of[after] || after == 0x66 || after == 0x67 || after == 0xf0 || after == 0xf2 ||
                after == 0xf3 || (after & 0xf0) == 0x40) {
                p->rex = p->w = p->r = p->x = p->b = false;
                continue;
            }
            return take_byte(r);
        }
    }
}

/* "The VEX Prefix". False where it makes the encoding undefined. */
static bool read_vex(struct reader *r, bool code64, u8 lead, struct prefixes *p)
{
    if (p->operand || p->rep || p->lock || p->rex)
        return false;
    u8 b1 = take_byte(r), b2 = lead == 0xc4 ? take_byte(r) : (u8)((b1 & 0x7f) | 0);
    p->vex = true;
    p->r = !(b1 & 0x80);
    p->map = 1;
    if (lead == 0xc4) {
        p->x = !(b1 & 0x40), p->b = !(b1 & 0x20);
        p->map = b1 & 0x1f;
        p->w = b2 & 0x80;
    }
    if (!code64)
        p->r = p->x = p->b = false;
    p->vvvv = (~b2 >> 3) & 15;
    p->length = b2 >> 2 & 1;
    static const u8 reps[4] = {0, 0, 0xf3, 0xf2};
    p->rep = reps[b2 & 3];
    p->operand = (b2 & 3) == 1;
    return p->map >= 1 && p->map <= 3;
}

static bool prefix_matches(const struct row *row, const struct prefixes *p)
{
    static const u8 rep_of[] = {[PFX_PF3] = 0xf3, [PFX_PF2] = 0xf2, [PFX_VF3] = 0xf3, [PFX_VF2] = 0xf2};
    bool vex = row->prefix >= PFX_VNP;
    if (vex != p->vex || (vex && p->length))
        return false;
    switch (row->prefix) {
    case PFX__: return true;
    case PFX_NP:
    case PFX_VNP: return !p->rep && !p->operand;
    case PFX_P66:
    case PFX_V66: return !p->rep && p->operand;
    default: return p->rep == rep_of[row->prefix];
    }
}

static bool modrm_matches(u16 want, u8 modrm)
{
    if (want & MRC_BYTE)
        return modrm == (want & 0xff);
    if ((want & MRC_MEM && modrm >= 0xc0) || (want & MRC_RM && modrm < 0xc0))
        return false;
    return !(want & MRC_REG) || (modrm >> 3 & 7) == (want & 7);
}

static const struct row *find_row(const struct isa_index *index, const struct features *features,
                                  const struct prefixes *p, u8 opcode, u8 modrm, bool code64)
{
    for (unsigned i = index->first[p->map][opcode]; i; i = index->next[i - 1]) {
        const struct row *row = &isa_rows[i - 1];
        if (row->attributes & (code64 ? ATTR_I64 : ATTR_O64))
            continue;
        if (prefix_matches(row, p) && modrm_matches(row->modrm, modrm) && has_feature(features, row->feature))
            return row;
    }
    return NULL;
}

/* "Operand Size": with REX.W, 66, the code segment's default, and the row's own rules. */
static u8 operand_size(const struct row *row, const struct prefixes *p, u32 mode)
{
    bool prefix = p->operand && !(row->attributes & ATTR_NO66);
    static const u8 bytes[] = {[OPR_Eb] = 1, [OPR_Gb] = 1, [OPR_Zb] = 1, [OPR_AL] = 1, [OPR_Ob] = 1,
                               [OPR_Xb] = 1, [OPR_Yb] = 1, [OPR_Mb] = 1, [OPR_ST] = 0};
    if (bytes[row->op[0]] || row->attributes & ATTR_WIDTH)
        return 1;
    if (mode & MODE_CODE64) {
        if (row->attributes & ATTR_F64)
            return 8;
        if (p->w)
            return 8;
        if (p->vex)
            return 4;
        return prefix ? 2 : row->attributes & ATTR_D64 ? 8 : 4;
    }
    if (p->vex)
        return 4;
    return !!(mode & MODE_CODE32) != prefix ? 4 : 2;
}

static const u8 REGISTER_ZERO = offsetof(struct cpu, zero);

static u8 byte_register(unsigned reg, bool rex)
{
    return (u8)(!rex && reg >= 4 && reg < 8 ? (reg - 4) * 8 + 1 : reg * 8);
}

/* "ModR/M and SIB Bytes", Table "16-Bit Addressing Forms". */
static void address16(struct reader *r, struct op *op)
{
    static const u8 base[8] = {REG_RBX, REG_RBX, REG_RBP, REG_RBP, REG_RSI, REG_RDI, REG_RBP, REG_RBX};
    unsigned mod = op->modrm >> 6, rm = op->modrm & 7;
    op->base = (u8)(base[rm] * 8);
    op->index = rm < 4 ? (u8)((rm & 1 ? REG_RDI : REG_RSI) * 8) : REGISTER_ZERO;
    op->seg = rm == 2 || rm == 3 || rm == 6 ? SEG_SS : SEG_DS;
    if (mod == 0 && rm == 6) {
        op->base = REGISTER_ZERO;
        op->seg = SEG_DS;
        op->disp = (s64)take_bytes(r, 2);
    } else if (mod == 1) {
        op->disp = (s8)take_byte(r);
    } else if (mod == 2) {
        op->disp = (s16)take_bytes(r, 2);
    }
}

/* 32- and 64-bit forms. */
static void address32(struct reader *r, const struct prefixes *p, bool code64, struct op *op)
{
    unsigned mod = op->modrm >> 6, rm = op->modrm & 7, base = rm;
    op->index = REGISTER_ZERO;
    op->seg = SEG_DS;
    if (rm == 4) {
        u8 sib = take_byte(r);
        unsigned index = (sib >> 3 & 7) | (p->x ? 8 : 0);
        base = sib & 7;
        if (index != 4) {
            op->index = (u8)(index * 8);
            op->scale = sib >> 6;
        }
    }
    if (base == 5 && mod == 0) {
        op->base = REGISTER_ZERO;
        op->disp = (s32)take_bytes(r, 4);
        if (rm == 5 && code64)
            op->base = offsetof(struct cpu, ip_page); /* decode_place adds where the next instruction is */
        return;
    }
    if (base == 4 || base == 5) /* rSP, rBP: whatever REX.B makes of them, below */
        op->seg = p->b ? SEG_DS : SEG_SS;
    op->base = (u8)((base | (p->b ? 8 : 0)) * 8);
    if (mod == 1)
        op->disp = (s8)take_byte(r);
    else if (mod == 2)
        op->disp = (s32)take_bytes(r, 4);
}

static void read_modrm(struct reader *r, const struct prefixes *p, u32 mode, struct op *op)
{
    op->reg = (op->modrm >> 3 & 7) | (p->r ? 8 : 0);
    op->rm = (op->modrm & 7) | (p->b ? 8 : 0);
    if (op->modrm >= 0xc0)
        return;
    op->flags |= OP_MEM;
    if (op->asize == 2)
        address16(r, op);
    else
        address32(r, p, mode & MODE_CODE64, op);
}

/* Immediates, in the order of the operands. */
static void read_immediate(struct reader *r, u8 code, struct op *op)
{
    switch (code) {
    case OPR_Ib:
        if (op->opcode == 0xc8)
            op->imm2 = take_byte(r); /* ENTER's second */
        else
            op->imm = take_byte(r);
        break;
    case OPR_Ibs:
    case OPR_Jb: op->imm = (s8)take_byte(r); break;
    case OPR_Iw: op->imm = (s32)take_bytes(r, 2); break;
    case OPR_Iz:
    case OPR_Jz: op->imm = op->osize == 2 ? (s16)take_bytes(r, 2) : (s32)take_bytes(r, 4); break;
    case OPR_Iv:
        op->imm64 = take_bytes(r, op->osize);
        op->imm = (s32)op->imm64;
        break;
    case OPR_Ap:
        op->imm = op->osize == 2 ? (s32)take_bytes(r, 2) : (s32)take_bytes(r, 4);
        op->imm2 = (u16)take_bytes(r, 2);
        break;
    case OPR_Ob:
    case OPR_Ov:
        op->flags |= OP_MEM;
        op->base = op->index = REGISTER_ZERO;
        op->seg = SEG_DS;
        op->disp = (s64)take_bytes(r, op->asize);
        break;
    case OPR_one: op->imm = 1; break;
    default: break;
    }
}

/* Outside 64-bit mode there are eight registers, and the top bit of VEX.vvvv is ignored. */
static u8 vex_register(const struct prefixes *p, const struct op *op)
{
    return (u8)((p->vvvv & (op->flags & OP_CODE64 ? 15 : 7)) * 8);
}

enum place_kind { KIND_NONE, KIND_REG, KIND_MEM, KIND_IMM };

/* Where an operand lives: its kind, and for registers the byte offset. */
static enum place_kind operand_place(u8 code, const struct op *op, const struct prefixes *p, u8 opcode, u8 *offset)
{
    bool rex = op->flags & OP_REX;
    unsigned z = (opcode & 7u) | (p->b ? 8u : 0);
    switch (code) {
    case OPR_Eb: *offset = byte_register(op->rm, rex); return op_is_mem(op) ? KIND_MEM : KIND_REG;
    case OPR_Ew:
    case OPR_Ed:
    case OPR_Eq:
    case OPR_Ev:
    case OPR_Ey:
    case OPR_Rw:
    case OPR_Rd:
    case OPR_Rv:
    case OPR_Ry: *offset = (u8)(op->rm * 8); return op_is_mem(op) ? KIND_MEM : KIND_REG;
    case OPR_Mb:
    case OPR_Mw:
    case OPR_Md:
    case OPR_Mq:
    case OPR_Mv:
    case OPR_My:
    case OPR_M:
    case OPR_Ob:
    case OPR_Ov: return KIND_MEM;
    case OPR_Gb: *offset = byte_register(op->reg, rex); return KIND_REG;
    case OPR_Gw:
    case OPR_Gd:
    case OPR_Gv:
    case OPR_Gy: *offset = (u8)(op->reg * 8); return KIND_REG;
    case OPR_Zb: *offset = byte_register(z, rex); return KIND_REG;
    case OPR_Zv: *offset = (u8)(z * 8); return KIND_REG;
    case OPR_By: *offset = vex_register(p, op); return KIND_REG;
    case OPR_AL:
    case OPR_AX:
    case OPR_rAX: *offset = REG_RAX * 8; return KIND_REG;
    case OPR_CL: *offset = REG_RCX * 8; return KIND_REG;
    case OPR_DX: *offset = REG_RDX * 8; return KIND_REG;
    case OPR_Ib:
    case OPR_Ibs:
    case OPR_Iw:
    case OPR_Iz:
    case OPR_Iv:
    case OPR_one: return KIND_IMM;
    default: return KIND_NONE;
    }
}

unsigned operand_form(const struct op *op, u32 mode)
{
    u32 needs = op->seg == SEG_FS ? MODE_FS : op->seg == SEG_GS ? MODE_GS : MODE_FLAT;
    bool flat_segment = (mode & needs) && (op->seg != SEG_CS || mode & MODE_CODE64);

    if (!flat_segment || mode & MODE_AC || op->asize != (mode & MODE_CODE64 ? 8 : 4) ||
        !(mode & (MODE_CODE32 | MODE_CODE64)))
        return ADDR_SLOW;
    return op->seg >= SEG_FS || op->index != REGISTER_ZERO ? ADDR_BIS : ADDR_BD;
}

/* The specialised handler for the forms the operands take. */
static op_fn *regular_handler(const struct handlers *h, const struct row *row, struct op *op, enum place_kind k1,
                              enum place_kind k2, u32 mode)
{
    unsigned w = width_index(op->osize), form = op_is_mem(op) ? operand_form(op, mode) : 0;
    if (k2 == KIND_NONE && row->access[0] == ACC_r) { /* only a source: MUL, DIV */
        op->s = op->d;
        return k1 == KIND_MEM ? h->rm[form][w] : h->rr[w];
    }
    if (k1 == KIND_MEM)
        return k2 == KIND_IMM ? h->mi[form][w] : h->mr[form][w];
    if (k2 == KIND_MEM)
        return h->rm[form][w];
    return k2 == KIND_IMM ? h->ri[w] : h->rr[w];
}

static op_fn *irregular_wrapper(const struct row *row, u32 mode)
{
    if (unlikely(mode & MODE_TOLD) && row->handlers->resumes)
        return op_irregular_told;
    if (row->handlers->transfers)
        return op_irregular_transfer;
    bool checked = row->attributes & (ATTR_CPL0 | ATTR_PROT | ATTR_FPU | ATTR_SSE | ATTR_MMXR);
    if (row->attributes & ATTR_END)
        return checked ? op_irregular_end_checked : op_irregular_end;
    return checked ? op_irregular_checked : op_irregular;
}

static void pick_handler(const struct row *row, const struct prefixes *p, u8 opcode, u32 mode, struct op *op)
{
    const struct handlers *h = row->handlers;
    enum place_kind k1 = operand_place(row->op[0], op, p, opcode, &op->d),
                    k2 = operand_place(row->op[1], op, p, opcode, &op->s);
    if (p->vex) /* three operands: s is VEX.vvvv whatever its column */
        op->s = vex_register(p, op);
    if (k2 == KIND_NONE && k1 == KIND_REG)
        op->s = op->d;
    if (h->exec) /* chosen handlers may fall back to it */
        op->exec = h->exec;
    op->fn = h->choose ? h->choose(op, mode) : NULL;
    if (op->fn)
        return;
    if (h->exec) {
        op->fn = irregular_wrapper(row, mode);
        return;
    }
    op->fn = regular_handler(h, row, op, k1, k2, mode);
}

static bool names_operand(const struct row *row, u8 code)
{
    return row->op[0] == code || row->op[1] == code || row->op[2] == code;
}

/* LOCK is #UD but on the instructions that list it, with a memory destination. */
static bool lock_valid(const struct row *row, const struct op *op)
{
    return (row->attributes & ATTR_LOCK) && op_is_mem(op);
}

static void set_sizes(const struct prefixes *p, u32 mode, struct op *op)
{
    bool code64 = mode & MODE_CODE64;
    op->asize = code64 ? (p->address ? 4 : 8) : !!(mode & MODE_CODE32) != p->address ? 4 : 2;
    op->stack_size = code64 ? 8 : mode & MODE_STACK32 ? 4 : 2;
    op->flags = (p->lock ? OP_LOCK : 0) | (p->rep == 0xf3 ? OP_REPE : 0) | (p->rep == 0xf2 ? OP_REPNE : 0) |
                (p->rex ? OP_REX : 0) | (code64 ? OP_CODE64 : 0) | (p->operand ? OP_66 : 0);
}

/* The escape bytes: which map, and its opcode. */
static u8 read_opcode(struct reader *r, u8 byte, bool code64, struct prefixes *p, bool *undefined)
{
    u8 peek = r->at < r->size ? r->bytes[r->at] : 0;
    if ((byte == 0xc4 || byte == 0xc5) && (code64 || peek >= 0xc0)) {
        if (r->at >= r->size)
            r->out = true;
        *undefined = !read_vex(r, code64, byte, p);
        return take_byte(r);
    }
    if (byte != 0x0f)
        return byte;
    byte = take_byte(r);
    p->map = 1;
    if (byte == 0x38 || byte == 0x3a) {
        p->map = byte == 0x38 ? 2 : 3;
        byte = take_byte(r);
    }
    return byte;
}

enum decode_status decode(const struct isa_index *index, const struct features *features, u32 mode, const u8 *bytes,
                          unsigned size, struct op *op)
{
    static const u16 map_base[4] = {0, 0x0f00, 0x3800, 0x3a00};
    struct reader r = {.bytes = bytes, .size = size};
    struct prefixes p;
    bool code64 = mode & MODE_CODE64, undefined = false;
    u8 opcode = read_opcode(&r, read_prefixes(&r, code64, &p), code64, &p, &undefined);
    *op = (struct op){.fn = op_ud, .base = REGISTER_ZERO, .index = REGISTER_ZERO, .seg = SEG_DS};
    set_sizes(&p, mode, op);
    if (r.out)
        return DECODE_MORE;
    if (!undefined) {
        op->opcode = map_base[p.map] | opcode;
        op->cond = opcode & 15;
        if (index->modrm[p.map][opcode])
            op->modrm = take_byte(&r);
        const struct row *row = r.out ? NULL : find_row(index, features, &p, opcode, op->modrm, code64);
        if (row) {
            op->row = (u16)(row - isa_rows);
            op->osize = operand_size(row, &p, mode);
            if (names_operand(
                    row,
                    OPR_Rdv)) /* "the 2 bits in the mod field are ignored" (MOV to/from control and debug registers) */
                op->modrm |= 0xc0;
            if (index->modrm[p.map][opcode])
                read_modrm(&r, &p, mode, op);
            for (unsigned i = 0; i < 3; i++)
                read_immediate(&r, row->op[i], op);
            if (p.segment >= 0)
                op->seg = (u8)p.segment;
            bool vvvv_valid = !p.vex || p.vvvv == 0 || names_operand(row, OPR_By); /* unused, it must be 1111b */
            if (vvvv_valid && (!p.lock || lock_valid(row, op)))
                pick_handler(row, &p, opcode, mode, op);
        }
    }
    op->len = (u8)r.at;
    return r.out ? DECODE_MORE : DECODE_OK;
}

static bool has_relative_target(const struct op *op)
{
    u8 code = isa_rows[op->row].op[0];
    return op->fn != op_ud && (code == OPR_Jb || code == OPR_Jz);
}

void decode_place(struct op *op, unsigned off)
{
    op->off = (u16)off;
    if (op->base == offsetof(struct cpu, ip_page))
        op->disp += off + op->len;
    if (has_relative_target(op))
        op->imm += (s32)(off + op->len);
    if (op->opcode == 0xe8)
        call_place(op);
}

enum flow op_flow(const struct op *op)
{
    const struct row *row = &isa_rows[op->row];
    if (op->fn == op_ud || row->attributes & ATTR_END)
        return FLOW_END;
    if (has_relative_target(op))
        return op->opcode == 0xe8 || op->opcode == 0xe9 || op->opcode == 0xeb ? FLOW_JUMP : FLOW_BRANCH;
    if (row->opcode == 0xc2 || row->opcode == 0xc3 ||
        (row->opcode == 0xff && (row->modrm == MR_n2 || row->modrm == MR_n4)))
        return FLOW_END;
    return FLOW_NEXT;
}

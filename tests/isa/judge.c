/* SPDX-License-Identifier: MIT */
#include "tests/isa/judge.h"

#include <string.h>

/* Names. */

static bool word_in(const char *word, const char *list)
{
    size_t n = strlen(word);
    for (const char *at = list; (at = strstr(at, word)); at += n)
        if ((at == list || at[-1] == ' ') && (at[n] == ' ' || !at[n]))
            return true;
    return false;
}

static const struct {
    const char *row, *spellings;
} names[] = {
#define NAME(row, spellings) {#row, spellings},
#include "tests/isa/names.def"
#undef NAME
    {NULL, NULL},
};

static bool condition_fits(const char *prefix, unsigned cond, const char *name)
{
    static const char *const spellings[16] = {"o", "no", "b c nae", "nb nc ae", "z e",   "nz ne", "be na", "nbe a",
                                              "s", "ns", "p pe",    "np po",    "l nge", "nl ge", "le ng", "nle g"};
    size_t n = strlen(prefix);
    return !strncmp(name, prefix, n) && word_in(name + n, spellings[cond]);
}

static bool name_fits(const struct op *op, const char *name)
{
    const char *row = isa_rows[op->row].name;
    if (!strcmp(row, "Jcc"))
        return condition_fits("j", op->cond, name);
    if (!strcmp(row, "CMOVcc"))
        return condition_fits("cmov", op->cond, name);
    if (!strcmp(row, "SETcc"))
        return condition_fits("set", op->cond, name);
    for (unsigned i = 0; names[i].row; i++)
        if (!strcmp(names[i].row, row))
            return word_in(name, names[i].spellings);
    for (; *row && *name; row++, name++)
        if ((*row | 0x20) != *name && *row != *name)
            return false;
    return !*row && !*name;
}

/* capstone's mnemonic has the prefix in front. */
static const char *without_prefix(const char *name)
{
    static const char *const prefixes[] = {"lock ",  "rep ",      "repe ",     "repne ", "repz ",
                                           "repnz ", "xacquire ", "xrelease ", "bnd ",   "notrack "};
    for (unsigned again = 0; again < 2; again++)
        for (unsigned i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++)
            if (!strncmp(name, prefixes[i], strlen(prefixes[i])))
                name += strlen(prefixes[i]);
    return name;
}

/* Operands. */

static u64 masked(s64 value, unsigned bits) { return bits >= 64 ? (u64)value : (u64)value & (BIT(bits) - 1); }

static const char *memory_differs(const struct op *op, const struct reference_operand *m, bool segments)
{
    u8 base = m->base == BASE_NONE ? offsetof(struct cpu, zero)
              : m->base == BASE_IP ? offsetof(struct cpu, ip_page)
                                   : (u8)(m->base * 8);
    u8 index = m->index == BASE_NONE ? offsetof(struct cpu, zero) : (u8)(m->index * 8);
    bool swapped = op->asize == 2 && op->base == index && op->index == base; /* [BX+SI], [SI+BX] */
    if (!swapped && op->base != base)
        return "base";
    if (!swapped && op->index != index)
        return "index";
    if (m->index != BASE_NONE && op->scale != m->scale)
        return "scale";
    if (masked(op->disp, op->asize * 8) != masked(m->value, op->asize * 8))
        return "displacement";
    bool based = op->flags & OP_CODE64 && op->seg < SEG_FS && m->segment < SEG_FS; /* all are at 0 */
    bool unused = isa_rows[op->row].access[1] == ACC__;                            /* LEA */
    return segments && op->seg != m->segment && !based && !unused ? "segment" : NULL;
}

enum { SIZE_OWN = 0 };

/* The bits of an operand by its code; SIZE_OWN where they are the instruction's business. */
static unsigned operand_bits(u8 code, const struct op *op, bool wide)
{
    switch (code) {
    case OPR_Eb:
    case OPR_Gb:
    case OPR_Mb:
    case OPR_Zb:
    case OPR_Ob: return 8;
    case OPR_Ew:
    case OPR_Mw:
    case OPR_Gw:
    case OPR_Rw: return 16;
    case OPR_Ed:
    case OPR_Md:
    case OPR_Gd:
    case OPR_Rd: return 32;
    case OPR_Eq:
    case OPR_Mq: return 64;
    case OPR_Mdq: return 128;
    case OPR_Ev:
    case OPR_Gv:
    case OPR_Mv:
    case OPR_Rv:
    case OPR_Zv:
    case OPR_Ov: return op->osize * 8;
    case OPR_Ey:
    case OPR_Gy:
    case OPR_My:
    case OPR_Ry:
    case OPR_By: return wide ? 64 : 32;
    case OPR_Rdv: return op->flags & OP_CODE64 ? 64 : 32;
    default: return SIZE_OWN;
    }
}

static enum reference_role role_of(u8 code)
{
    if ((code >= OPR_Eb && code <= OPR_Rdv) || code == OPR_W || code == OPR_U || code == OPR_Q || code == OPR_N ||
        code == OPR_Ob || code == OPR_Ov)
        return ROLE_RM;
    if ((code >= OPR_Gb && code <= OPR_Gy) || (code >= OPR_Sw && code <= OPR_Dd) || code == OPR_V || code == OPR_P)
        return ROLE_REG;
    if (code >= OPR_Ib && code <= OPR_Jz)
        return ROLE_IMMEDIATE;
    return code == OPR_Zb || code == OPR_Zv ? ROLE_OPCODE : code == OPR_By ? ROLE_VVVV : ROLE_OTHER;
}

static u8 byte_offset(unsigned reg, bool rex)
{
    return (u8)(!rex && reg >= 4 && reg < 8 ? (reg - 4) * 8 + 1 : reg * 8);
}

static const char *register_differs(const struct op *op, u8 code, unsigned slot, const struct reference_operand *r)
{
    enum reference_role role = role_of(code);
    const struct row *row = &isa_rows[op->row];
    unsigned number = role == ROLE_REG ? op->reg : op->rm;
    if (!r->general)
        return role == ROLE_RM || role == ROLE_REG
                   ? ((code >= OPR_P && code <= OPR_N) || code == OPR_Sw ? number & 7 : number) != r->number
                         ? "register number"
                         : NULL
                   : NULL;
    bool byte = code == OPR_Eb || code == OPR_Gb || code == OPR_Zb;
    if (role == ROLE_RM || role == ROLE_REG) {
        u8 offset = byte ? byte_offset(number, op->flags & OP_REX) : (u8)(number * 8);
        if (offset != r->offset)
            return "register";
    }
    if (role == ROLE_VVVV)
        return op->s != r->offset ? "vvvv" : NULL;
    if (row->prefix >= PFX_VNP || slot > 1 || (code >= OPR_Rdv && code <= OPR_Rdv))
        return NULL;
    return (slot ? op->s : op->d) != r->offset ? "register place" : NULL;
}

static const char *immediate_differs(const struct op *op, u8 code, const struct reference *ref)
{
    const struct reference_operand *a = &ref->operand[ROLE_IMMEDIATE], *b = &ref->operand[ROLE_IMMEDIATE2];
    if (code == OPR_one)
        return NULL;
    if (a->kind != REF_IMMEDIATE)
        return "immediate";
    if (op->opcode == 0xc8) /* ENTER */
        return (u16)op->imm != (u16)a->value || (u8)op->imm2 != (u8)b->value ? "immediates" : NULL;
    unsigned bits = code == OPR_Ib                                        ? 8
                    : code == OPR_Iw                                      ? 16
                    : code == OPR_Iv || code == OPR_Iz || code == OPR_Ibs ? op->osize * 8
                                                                          : 32;
    if (code == OPR_Iv)
        return masked((s64)op->imm64, bits) != masked(a->value, bits) ? "immediate" : NULL;
    return masked(op->imm, bits) != masked(a->value, bits) ? "immediate" : NULL;
}

static enum kind operands_differ(const struct op *op, unsigned bits, bool wide, const struct reference *ref,
                                 const char **detail)
{
    const struct row *row = &isa_rows[op->row];
    (void)bits;
    for (unsigned i = 0; i < 3; i++) {
        enum reference_role role = role_of(row->op[i]);
        const struct reference_operand *r = &ref->operand[role];
        if (role == ROLE_IMMEDIATE && (*detail = immediate_differs(op, row->op[i], ref)))
            return OPERAND;
        if (role == ROLE_OTHER || role == ROLE_IMMEDIATE || !r->kind)
            continue;
        bool memory = op_is_mem(op) && role == ROLE_RM;
        if (memory != (r->kind == REF_MEMORY))
            return *detail = "memory or register", OPERAND;
        unsigned size = operand_bits(row->op[i], op, wide);
        if (size && r->bits && size != r->bits)
            return *detail = i == 0 ? "first operand" : i == 1 ? "second operand" : "third operand", SIZE;
        if (memory && i < 2 && row->access[i] != ACC__ && r->write != !!(row->access[i] & ACC_w))
            return *detail = "access: read or written", OPERAND;
        if (!memory && (*detail = register_differs(op, row->op[i], i, r)))
            return OPERAND;
    }
    return AGREE;
}

/* The judgement. */

static bool wide_of(const struct scan *s, unsigned bits) { return bits == 64 && s->prefixes & PW; }

enum kind judge_zydis(const struct op *op, bool valid, unsigned bits, const struct scan *s, const struct reference *ref,
                      const char **detail)
{
    *detail = "";
    if (!valid || !ref->valid)
        return valid == ref->valid ? AGREE : valid ? THEY_REFUSE : THEY_ACCEPT;
    if (op->len != ref->length)
        return LENGTH;
    if (!name_fits(op, ref->name))
        return NAMES;
    if (ref->address_bits && ref->memory.kind && op->asize * 8 != ref->address_bits)
        return *detail = "address size", SIZE;
    if (op_is_mem(op) != !!ref->memory.kind)
        return *detail = "is there one", MEMORY;
    if (op_is_mem(op) && (*detail = memory_differs(op, &ref->memory, true)))
        return MEMORY;
    if (ref->reads_string && op->seg != ref->string_segment &&
        (bits != 64 || op->seg >= SEG_FS || ref->string_segment >= SEG_FS))
        return *detail = "string segment", MEMORY;
    return operands_differ(op, bits, wide_of(s, bits), ref, detail);
}

enum kind judge_capstone(const struct op *op, bool valid, const struct reference *ref, bool details,
                         const char **detail)
{
    *detail = "";
    if (!valid || !ref->valid)
        return valid == ref->valid ? AGREE : valid ? THEY_REFUSE : THEY_ACCEPT;
    if (op->len != ref->length)
        return LENGTH;
    if (!name_fits(op, without_prefix(ref->name)))
        return NAMES;
    if (details && op_is_mem(op) && ref->memory.kind && (*detail = memory_differs(op, &ref->memory, false)))
        return MEMORY;
    return AGREE;
}

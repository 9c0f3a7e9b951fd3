/* SPDX-License-Identifier: MIT */
/*
 * The decoder against capstone and Zydis, every row of the list in every mode, and every byte string the other way round: is it valid, how
 * long is it, which instruction, what size, which operands. Who errs where they differ is settled in disagreements.def, or the test fails.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/access.h"
#include "tests/isa/reference.h"
#include "tests/isa/scan.h"
#include "tests/support/vm.h"

/* Kinds of disagreement, and the table's columns. */
enum kind { AGREE, THEY_ACCEPT, THEY_REFUSE, LENGTH, NAMES, SIZE, OPERAND, MEMORY, KINDS };
static const char *const kind_names[] = {"agree", "they accept", "they refuse", "length", "name", "size", "operand", "memory"};

enum who { ZYDIS, CAPSTONE };
enum { ANY = 0xffff, ANYREG = 8, M16 = 1, M32 = 2, M64 = 4, MALL = 7, MOLD = 3, MEMONLY = 16, REGONLY = 32 };

struct disagreement {
    enum who who;
    enum kind kind;
    u16 first, last;      /* opcodes */
    u8 reg;               /* ModRM.reg or ANYREG, | MEMONLY, REGONLY */
    u8 modes;
    u16 prefixes;         /* all of these are there */
    const char *set;      /* Zydis's instruction set, or NULL */
    const char *why;
    unsigned used;
};

static struct disagreement disagreements[] = {
#define DISAGREE(who, kind, first, last, reg, modes, prefixes, why) {who, kind, first, last, reg, modes, prefixes, NULL, why, 0},
#define FOREIGN(set, why) {ZYDIS, THEY_ACCEPT, 0, ANY, ANYREG, MALL, 0, set, why, 0},
#include "tests/isa/disagreements.def"
#undef DISAGREE
#undef FOREIGN
};
enum { DISAGREEMENTS = sizeof disagreements / sizeof disagreements[0] };

static struct isa_index *isa;
static struct features all_features;
static struct vm *vms[3];
static unsigned hits[2048], failures;
static u64 compared, explained[2], settled_by_running;
static u64 seed = 0x9e3779b97f4a7c15;

static u64 rnd(void)
{
    seed ^= seed >> 12, seed ^= seed << 25, seed ^= seed >> 27;
    return seed * 2685821657736338717ull;
}

/* Failures, grouped: one line for each kind, opcode and mode. */

struct group {
    enum who who;
    enum kind kind;
    u16 opcode;
    u8 regs; /* ModRM.reg values seen, as a mask */
    unsigned bits, count;
    char example[240];
};
static struct group groups[4096];
static unsigned group_count;

static const char *hex(const u8 *bytes, unsigned n)
{
    static char text[64];
    for (unsigned i = 0; i < n && i < 20; i++)
        snprintf(text + 3 * i, 4, "%02x ", bytes[i]);
    return text;
}

static void fail(enum who who, enum kind kind, unsigned bits, const struct scan *s, const u8 *bytes, const struct op *op, const struct reference *ref,
                 const char *detail)
{
    unsigned i;
    failures++;
    for (i = 0; i < group_count; i++)
        if (groups[i].who == who && groups[i].kind == kind && groups[i].opcode == s->opcode && groups[i].bits == bits)
            break;
    if (i == sizeof groups / sizeof groups[0])
        return;
    struct group *g = &groups[i];
    if (i == group_count) {
        group_count++;
        *g = (struct group){who, kind, s->opcode, 0, bits, 0, ""};
        snprintf(g->example, sizeof g->example, "%s| ours %s %u, theirs %s %s %u [%s] %s", hex(bytes, 12), op->fn == op_ud ? "#UD" : isa_rows[op->row].name, op->len,
                 ref->valid ? "ok" : "refuse", ref->name, ref->length, ref->set, detail);
    }
    g->regs |= (u8)(1u << (s->modrm >> 3 & 7));
    g->count++;
}

static bool entry_fits(const struct disagreement *d, enum who who, enum kind kind, unsigned bits, const struct scan *s, const struct reference *ref)
{
    u8 mode = bits == 16 ? M16 : bits == 32 ? M32 : M64, reg = d->reg & 15;
    if (d->who != who || d->kind != kind || s->opcode < d->first || s->opcode > d->last || !(d->modes & mode))
        return false;
    if (reg != ANYREG && reg != (s->modrm >> 3 & 7))
        return false;
    if ((d->reg & MEMONLY && s->modrm >= 0xc0) || (d->reg & REGONLY && s->modrm < 0xc0))
        return false;
    if ((s->prefixes & d->prefixes) != d->prefixes)
        return false;
    return !d->set || !strcmp(d->set, ref->set);
}

static bool is_explained(enum who who, enum kind kind, unsigned bits, const struct scan *s, const struct reference *ref)
{
    for (unsigned i = 0; i < DISAGREEMENTS; i++) {
        if (entry_fits(&disagreements[i], who, kind, bits, s, ref)) {
            disagreements[i].used++;
            explained[who]++;
            return true;
        }
    }
    return false;
}

/* Names. */

static bool word_in(const char *word, const char *list)
{
    size_t n = strlen(word);
    for (const char *at = list; (at = strstr(at, word)); at += n)
        if ((at == list || at[-1] == ' ') && (at[n] == ' ' || !at[n]))
            return true;
    return false;
}

static const struct { const char *row, *spellings; } names[] = {
#define NAME(row, spellings) {#row, spellings},
#include "tests/isa/names.def"
#undef NAME
    {NULL, NULL},
};

static bool condition_fits(const char *prefix, unsigned cond, const char *name)
{
    static const char *const spellings[16] = {"o", "no", "b c nae", "nb nc ae", "z e", "nz ne", "be na", "nbe a", "s", "ns", "p pe", "np po", "l nge", "nl ge", "le ng", "nle g"};
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
    static const char *const prefixes[] = {"lock ", "rep ", "repe ", "repne ", "repz ", "repnz ", "xacquire ", "xrelease ", "bnd ", "notrack "};
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
    u8 base = m->base == BASE_NONE ? offsetof(struct cpu, zero) : m->base == BASE_IP ? offsetof(struct cpu, ip_page) : (u8)(m->base * 8);
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
    bool unused = isa_rows[op->row].access[1] == ACC__; /* LEA */
    return segments && op->seg != m->segment && !based && !unused ? "segment" : NULL;
}

enum { SIZE_OWN = 0 };

/* The bits of an operand by its code; SIZE_OWN where they are the instruction's business. */
static unsigned operand_bits(u8 code, const struct op *op, bool wide)
{
    switch (code) {
    case OPR_Eb: case OPR_Gb: case OPR_Mb: case OPR_Zb: case OPR_Ob: return 8;
    case OPR_Ew: case OPR_Mw: case OPR_Gw: case OPR_Rw: return 16;
    case OPR_Ed: case OPR_Md: case OPR_Gd: case OPR_Rd: return 32;
    case OPR_Eq: case OPR_Mq: return 64;
    case OPR_Mdq: return 128;
    case OPR_Ev: case OPR_Gv: case OPR_Mv: case OPR_Rv: case OPR_Zv: case OPR_Ov: return op->osize * 8;
    case OPR_Ey: case OPR_Gy: case OPR_My: case OPR_Ry: case OPR_By: return wide ? 64 : 32;
    case OPR_Rdv: return op->flags & OP_CODE64 ? 64 : 32;
    default: return SIZE_OWN;
    }
}

static enum reference_role role_of(u8 code)
{
    if ((code >= OPR_Eb && code <= OPR_Rdv) || code == OPR_W || code == OPR_U || code == OPR_Q || code == OPR_N || code == OPR_Ob || code == OPR_Ov)
        return ROLE_RM;
    if ((code >= OPR_Gb && code <= OPR_Gy) || (code >= OPR_Sw && code <= OPR_Dd) || code == OPR_V || code == OPR_P)
        return ROLE_REG;
    if (code >= OPR_Ib && code <= OPR_Jz)
        return ROLE_IMMEDIATE;
    return code == OPR_Zb || code == OPR_Zv ? ROLE_OPCODE : code == OPR_By ? ROLE_VVVV : ROLE_OTHER;
}

static u8 byte_offset(unsigned reg, bool rex) { return (u8)(!rex && reg >= 4 && reg < 8 ? (reg - 4) * 8 + 1 : reg * 8); }

static const char *register_differs(const struct op *op, u8 code, unsigned slot, const struct reference_operand *r)
{
    enum reference_role role = role_of(code);
    const struct row *row = &isa_rows[op->row];
    unsigned number = role == ROLE_REG ? op->reg : op->rm;
    if (!r->general)
        return role == ROLE_RM || role == ROLE_REG ? ((code >= OPR_P && code <= OPR_N) || code == OPR_Sw ? number & 7 : number) != r->number ? "register number" : NULL : NULL;
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
    unsigned bits = code == OPR_Ib ? 8 : code == OPR_Iw ? 16 : code == OPR_Iv || code == OPR_Iz || code == OPR_Ibs ? op->osize * 8 : 32;
    if (code == OPR_Iv)
        return masked((s64)op->imm64, bits) != masked(a->value, bits) ? "immediate" : NULL;
    return masked(op->imm, bits) != masked(a->value, bits) ? "immediate" : NULL;
}

static enum kind operands_differ(const struct op *op, unsigned bits, bool wide, const struct reference *ref, const char **detail)
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

static enum kind judge_zydis(const struct op *op, bool valid, unsigned bits, const struct scan *s, const struct reference *ref, const char **detail)
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
    if (ref->reads_string && op->seg != ref->string_segment && (bits != 64 || op->seg >= SEG_FS || ref->string_segment >= SEG_FS))
        return *detail = "string segment", MEMORY;
    return operands_differ(op, bits, wide_of(s, bits), ref, detail);
}

static enum kind judge_capstone(const struct op *op, bool valid, const struct reference *ref, bool details, const char **detail)
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

/* Does it raise #UD when run? For what the decoder leaves to the instruction. */
static bool undefined_when_run(unsigned bits, const u8 *bytes)
{
    struct vm *vm = vms[bits == 16 ? 0 : bits == 32 ? 1 : 2];
    vm_code(vm, bytes, 15);
    vm_reset(vm);
    vm_run(vm, 1);
    bool undefined = vm->raised && vm->event.vector == 6;
    vm_restore(vm);
    return undefined;
}

static u32 mode_for(unsigned bits)
{
    return bits == 64 ? MODE_CODE64 | MODE_STACK32 | MODE_FLAT | MODE_FS | MODE_GS | MODE_CS : bits == 32 ? MODE_CODE32 | MODE_STACK32 | MODE_FLAT | MODE_CS : MODE_FLAT;
}

static void check_bytes(unsigned bits, const u8 *bytes, bool details)
{
    struct op op;
    struct reference z, c;
    const char *detail;
    struct scan s = scan_bytes(bits, bytes);
    bool whole = decode(isa, &all_features, mode_for(bits), bytes, 15, &op) == DECODE_OK;
    bool valid = whole && (op.fn != op_ud || !strcmp(isa_rows[op.row].name, "UD"));
    compared++;
    if (valid)
        hits[op.row]++;
    zydis_decode(bits, bytes, 15, &z);
    capstone_decode(bits, bytes, 15, details, &c);
    enum kind by_capstone = judge_capstone(&op, valid, &c, details, &detail);
    enum kind by_zydis = judge_zydis(&op, valid, bits, &s, &z, &detail);
    if (by_zydis == AGREE && by_capstone == AGREE)
        return;
    if (by_zydis == THEY_REFUSE && undefined_when_run(bits, bytes)) {
        settled_by_running++;
        valid = false;
        op.fn = op_ud;
        by_zydis = judge_zydis(&op, false, bits, &s, &z, &detail);
        by_capstone = judge_capstone(&op, false, &c, details, &detail);
    }
    bool zydis_explained = by_zydis != AGREE && is_explained(ZYDIS, by_zydis, bits, &s, &z);
    if (by_zydis != AGREE && !zydis_explained) {
        fail(ZYDIS, by_zydis, bits, &s, bytes, &op, &z, detail);
        return;
    }
    if (by_capstone == AGREE || (zydis_explained && by_capstone == by_zydis) || is_explained(CAPSTONE, by_capstone, bits, &s, &z))
        return;
    judge_capstone(&op, valid, &c, details, &detail);
    fail(CAPSTONE, by_capstone, bits, &s, bytes, &op, &c, detail);
}

/* Byte strings from rows. */

static const u8 prefix_bytes[] = {0x66, 0x67, 0xf2, 0xf3, 0xf0, 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65};

static void fill_random(u8 *bytes)
{
    for (unsigned i = 0; i < 16; i += 8) {
        u64 v = rnd();
        memcpy(bytes + i, &v, 8);
    }
}

static unsigned put_legacy(u8 *b, const struct row *row, unsigned bits, unsigned variant)
{
    static const u8 mandatory[] = {[PFX_P66] = 0x66, [PFX_PF3] = 0xf3, [PFX_PF2] = 0xf2, [PFX_VF2] = 0};
    unsigned n = 0;
    for (unsigned extra = variant % 4; extra; extra--) { /* 0 to 3 prefixes of any kind */
        u8 p = prefix_bytes[rnd() % sizeof prefix_bytes];
        if (row->prefix == PFX__ || (p != 0xf2 && p != 0xf3 && (p != 0x66 || row->prefix >= PFX_PF3)))
            b[n++] = p;
    }
    if (mandatory[row->prefix])
        b[n++] = mandatory[row->prefix];
    if (bits == 64 && variant & 4)
        b[n++] = 0x40 | (rnd() & 15);
    if (row->opcode >= 0xf00)
        b[n++] = 0x0f;
    if (row->opcode >= 0x3800)
        b[n++] = (u8)(row->opcode >> 8);
    b[n++] = (u8)row->opcode;
    return n;
}

static unsigned put_vex(u8 *b, const struct row *row, unsigned bits)
{
    static const u8 pp[] = {[PFX_VNP] = 0, [PFX_V66] = 1, [PFX_VF3] = 2, [PFX_VF2] = 3};
    unsigned n = 0, map = row->opcode >= 0x3a00 ? 3 : row->opcode >= 0x3800 ? 2 : 1;
    if (rnd() % 4 == 0)
        b[n++] = rnd() & 1 ? 0x67 : prefix_bytes[5 + rnd() % 6];
    b[n++] = 0xc4;
    b[n++] = (u8)((bits == 64 ? rnd() & 0xe0 : 0xc0 | (rnd() & 0x20)) | map);
    b[n++] = (u8)((rnd() & (rnd() % 8 ? 0xf8 : 0xfc)) | pp[row->prefix]);
    b[n++] = (u8)row->opcode;
    return n;
}

static bool modrm_fits(u16 want, u8 modrm)
{
    if (want & MRC_BYTE)
        return modrm == (u8)want;
    return !((want & MRC_MEM && modrm >= 0xc0) || (want & MRC_RM && modrm < 0xc0) || (want & MRC_REG && (modrm >> 3 & 7) != (want & 7)));
}

static void check_row(const struct row *row)
{
    enum { VARIANTS = 8 };
    seed = 0x9e3779b97f4a7c15 ^ ((u64)row->opcode << 32 | (u64)row->modrm << 8 | row->prefix); /* a row's cases do not depend on the others */
    for (unsigned bits = 16; bits <= 64; bits *= 2) {
        for (unsigned modrm = 0; modrm < 256; modrm++) {
            if (!modrm_fits(row->modrm, (u8)modrm))
                continue;
            for (unsigned variant = 0; variant < VARIANTS; variant++) {
                u8 bytes[16];
                fill_random(bytes);
                unsigned n = row->prefix >= PFX_VNP ? put_vex(bytes, row, bits) : put_legacy(bytes, row, bits, variant);
                bytes[n] = (u8)modrm;
                check_bytes(bits, bytes, variant < 3);
            }
        }
    }
}

/* Byte strings as such. */

static void sweep_opcodes(unsigned bits)
{
    static const u8 lead[][3] = {{0}, {1, 0x66}, {1, 0xf2}, {1, 0xf3}, {1, 0x67}, {1, 0xf0}, {2, 0x66, 0xf2}, {2, 0x66, 0xf3}, {1, 0x48}, {2, 0x66, 0x48}, {2, 0xf3, 0x4c}};
    static const u8 escape[][3] = {{0}, {1, 0x0f}, {2, 0x0f, 0x38}, {2, 0x0f, 0x3a}};
    for (unsigned l = 0; l < (bits == 64 ? 11 : 8); l++)
        for (unsigned e = 0; e < 4; e++)
            for (unsigned opcode = 0; opcode < 256; opcode++)
                for (unsigned modrm = 0; modrm < 256; modrm++) {
                    u8 bytes[24];
                    fill_random(bytes);
                    unsigned n = lead[l][0];
                    memcpy(bytes, lead[l] + 1, n);
                    memcpy(bytes + n, escape[e] + 1, escape[e][0]);
                    n += escape[e][0];
                    bytes[n++] = (u8)opcode;
                    bytes[n] = (u8)modrm;
                    if ((l && modrm % 3 != l % 3) && modrm < 0xc0) /* a third of the memory forms with prefixes */
                        continue;
                    check_bytes(bits, bytes, false);
                }
}

static void sweep_vex(unsigned bits)
{
    for (unsigned opcode = 0; opcode < 256; opcode++)
        for (unsigned i = 0; i < 512; i++) {
            u8 bytes[16];
            fill_random(bytes);
            bytes[0] = i & 1 ? 0xc4 : 0xc5;
            if (i & 1) {
                bytes[1] = (u8)((bytes[1] & 0xe0) | (rnd() % 16 ? 1 + rnd() % 3 : rnd() & 31));
                bytes[3] = (u8)opcode;
            } else {
                bytes[2] = (u8)opcode;
            }
            if (i % 32 == 2)
                bytes[0] = 0x62; /* EVEX, or BOUND */
            check_bytes(bits, bytes, false);
        }
}

static void sweep_random(unsigned bits, unsigned count)
{
    while (count--) {
        u8 bytes[16];
        fill_random(bytes);
        for (unsigned i = 0, n = (unsigned)(rnd() % 5); i < n; i++)
            bytes[i] = prefix_bytes[rnd() % sizeof prefix_bytes];
        check_bytes(bits, bytes, false);
    }
}

static void sweep_long(void)
{
    for (unsigned n = 1; n < 15; n++)
        for (unsigned tries = 0; tries < 2000; tries++) {
            u8 bytes[16];
            fill_random(bytes);
            for (unsigned i = 0; i < n; i++)
                bytes[i] = prefix_bytes[rnd() % 2 ? rnd() % 2 : rnd() % sizeof prefix_bytes];
            for (unsigned bits = 16; bits <= 64; bits *= 2)
                check_bytes(bits, bytes, false);
        }
}

/* Report. */

static unsigned check_coverage(void)
{
    unsigned missing = 0;
    for (unsigned i = 0; i < isa_row_count; i++)
        if (!hits[i]) {
            printf("FAIL row %u (%s, opcode %x) is never decoded: a row before it takes all its encodings\n", i, isa_rows[i].name, isa_rows[i].opcode);
            missing++;
        }
    for (unsigned i = 0; i < DISAGREEMENTS; i++)
        if (!disagreements[i].used && !disagreements[i].set) {
            printf("FAIL disagreements.def, entry %u (%s): nothing disagrees there\n", i + 1, disagreements[i].why);
            missing++;
        }
    return missing;
}

int main(void)
{
    static const enum vm_mode modes[] = {VM_PROT16_FLAT, VM_PROT32_FLAT, VM_LONG64};
    setvbuf(stdout, NULL, _IOLBF, 0);
    isa = isa_index_create();
    memset(&all_features, 0xff, sizeof all_features.has);
    for (unsigned i = 0; i < 3; i++) {
        vms[i] = vm_create(modes[i], NULL);
        vms[i]->cpu->features.has[0] = vms[i]->cpu->features.has[1] = ~0ull;
        for (unsigned r = 0; r < 16; r++)
            vms[i]->start.gpr[r] = r == REG_RSP ? vms[i]->stack : vms[i]->data;
        vm_snapshot(vms[i]);
    }
    for (unsigned i = 0; i < isa_row_count; i++)
        check_row(&isa_rows[i]);
    for (unsigned bits = 16; bits <= 64; bits *= 2) {
        seed = bits;
        sweep_opcodes(bits);
        sweep_vex(bits);
        sweep_random(bits, 200000);
    }
    sweep_long();
    for (unsigned i = 0; i < group_count; i++)
        printf("FAIL %s %-11s %4x/%02x %2u bits %6u times: %s\n", groups[i].who == ZYDIS ? "zydis   " : "capstone", kind_names[groups[i].kind], groups[i].opcode, groups[i].regs,
               groups[i].bits, groups[i].count, groups[i].example);
    unsigned bad = failures + check_coverage();
    printf("%u rows; explained: Zydis %llu, capstone %llu; settled by running: %llu\n", isa_row_count, (unsigned long long)explained[ZYDIS],
           (unsigned long long)explained[CAPSTONE], (unsigned long long)settled_by_running);
    printf("%llu passed, %u failed\n", (unsigned long long)(compared - failures), bad);
    return bad != 0;
}

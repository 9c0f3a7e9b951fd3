/* SPDX-License-Identifier: MIT */
/*
 * The decoder against capstone and Zydis, every row of the list in every mode, and every byte string the other way
 * round: is it valid, how long is it, which instruction, what size, which operands. Who errs where they differ is
 * settled in disagreements.def, or the test fails.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/isa/judge.h"
#include "tests/support/vm.h"

/* The kinds' names, and the table's columns. */
static const char *const kind_names[] = {"agree", "they accept", "they refuse", "length",
                                         "name",  "size",        "operand",     "memory"};

enum who { ZYDIS, CAPSTONE };
enum { ANY = 0xffff, ANYREG = 8, M16 = 1, M32 = 2, M64 = 4, MALL = 7, MOLD = 3, MEMONLY = 16, REGONLY = 32 };

struct disagreement {
    enum who who;
    enum kind kind;
    u16 first, last; /* opcodes */
    u8 reg;          /* ModRM.reg or ANYREG, | MEMONLY, REGONLY */
    u8 modes;
    u16 prefixes;    /* all of these are there */
    const char *set; /* Zydis's instruction set, or NULL */
    const char *why;
    unsigned used;
};

static struct disagreement disagreements[] = {
#define DISAGREE(who, kind, first, last, reg, modes, prefixes, why) \
    {who, kind, first, last, reg, modes, prefixes, NULL, why, 0},
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

static void fail(enum who who, enum kind kind, unsigned bits, const struct scan *s, const u8 *bytes,
                 const struct op *op, const struct reference *ref, const char *detail)
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
        snprintf(g->example, sizeof g->example, "%s| ours %s %u, theirs %s %s %u [%s] %s", hex(bytes, 12),
                 op->fn == op_ud ? "#UD" : isa_rows[op->row].name, op->len, ref->valid ? "ok" : "refuse", ref->name,
                 ref->length, ref->set, detail);
    }
    g->regs |= (u8)(1u << (s->modrm >> 3 & 7));
    g->count++;
}

static bool entry_fits(const struct disagreement *d, enum who who, enum kind kind, unsigned bits, const struct scan *s,
                       const struct reference *ref)
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
    return bits == 64   ? MODE_CODE64 | MODE_STACK32 | MODE_FLAT | MODE_FS | MODE_GS | MODE_CS
           : bits == 32 ? MODE_CODE32 | MODE_STACK32 | MODE_FLAT | MODE_CS
                        : MODE_FLAT;
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
    if (by_capstone == AGREE || (zydis_explained && by_capstone == by_zydis) ||
        is_explained(CAPSTONE, by_capstone, bits, &s, &z))
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
    return !((want & MRC_MEM && modrm >= 0xc0) || (want & MRC_RM && modrm < 0xc0) ||
             (want & MRC_REG && (modrm >> 3 & 7) != (want & 7)));
}

static void check_row(const struct row *row)
{
    enum { VARIANTS = 8 };
    seed = 0x9e3779b97f4a7c15 ^ ((u64)row->opcode << 32 | (u64)row->modrm << 8 |
                                 row->prefix); /* a row's cases do not depend on the others */
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
    static const u8 lead[][3] = {{0},       {1, 0x66},       {1, 0xf2},       {1, 0xf3},
                                 {1, 0x67}, {1, 0xf0},       {2, 0x66, 0xf2}, {2, 0x66, 0xf3},
                                 {1, 0x48}, {2, 0x66, 0x48}, {2, 0xf3, 0x4c}};
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

/* Without its feature, a row's encodings are undefined, or another row's (BSF for TZCNT). */
static unsigned check_features(void)
{
    unsigned wrong = 0;
    for (unsigned i = 0; i < isa_row_count; i++) {
        const struct row *row = &isa_rows[i];
        struct features without = all_features;
        if (row->feature == FEAT_ALWAYS)
            continue;
        without.has[row->feature / 64] &= ~BIT(row->feature % 64);
        for (unsigned modrm = 0, bad = 0; modrm < 256 && !bad; modrm++) {
            unsigned bits = row->attributes & ATTR_I64 ? 32 : 64;
            u8 bytes[16];
            struct op op;
            if (!modrm_fits(row->modrm, (u8)modrm))
                continue;
            fill_random(bytes);
            bytes[row->prefix >= PFX_VNP ? put_vex(bytes, row, bits) : put_legacy(bytes, row, bits, 0)] = (u8)modrm;
            decode(isa, &without, mode_for(bits), bytes, 15, &op);
            bad = op.fn != op_ud && &isa_rows[op.row] == row;
            if (bad)
                printf("FAIL row %u (%s) is decoded without its feature\n", i, row->name);
            wrong += bad;
            compared++;
        }
    }
    return wrong;
}

/* Report. */

static unsigned check_coverage(void)
{
    unsigned missing = 0;
    for (unsigned i = 0; i < isa_row_count; i++)
        if (!hits[i]) {
            printf("FAIL row %u (%s, opcode %x) is never decoded: a row before it takes all its encodings\n", i,
                   isa_rows[i].name, isa_rows[i].opcode);
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
        features_remove(&vms[i]->cpu->features, FEAT_APIC); /* the test machine has none to be asked */
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
        printf("FAIL %s %-11s %4x/%02x %2u bits %6u times: %s\n", groups[i].who == ZYDIS ? "zydis   " : "capstone",
               kind_names[groups[i].kind], groups[i].opcode, groups[i].regs, groups[i].bits, groups[i].count,
               groups[i].example);
    unsigned bad = failures + check_coverage() + check_features();
    printf("%u rows; explained: Zydis %llu, capstone %llu; settled by running: %llu\n", isa_row_count,
           (unsigned long long)explained[ZYDIS], (unsigned long long)explained[CAPSTONE],
           (unsigned long long)settled_by_running);
    printf("%llu passed, %u failed\n", (unsigned long long)(compared - failures), bad);
    for (unsigned i = 0; i < 3; i++)
        vm_destroy(vms[i]);
    isa_index_destroy(isa);
    reference_close();
    return bad != 0;
}

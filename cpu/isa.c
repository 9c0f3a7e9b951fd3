/* SPDX-License-Identifier: MIT */
/* The instruction list as a table, and its index. */
#include "cpu/isa.h"

#include <stdlib.h>
#include <string.h>

#include "cpu/decode.h"
#include "cpu/fault.h"

#define INSN(opcode, prefix, modrm, NAME, ...) extern const struct handlers handlers_##NAME;
#include "cpu/isa.def"
#undef INSN

/* The attribute column's words. */
enum {
    _ = 0,
    LOCK = ATTR_LOCK,
    I64 = ATTR_I64,
    O64 = ATTR_O64,
    D64 = ATTR_D64,
    F64 = ATTR_F64,
    CPL0 = ATTR_CPL0,
    PROT = ATTR_PROT,
    END = ATTR_END,
    FPU = ATTR_FPU,
    SSE = ATTR_SSE,
    MMXR = ATTR_MMXR,
    NO66 = ATTR_NO66,
    WIDTH = ATTR_WIDTH,
};

const struct row isa_rows[] = {
#define INSN(code, pfx, mr, NAME, op1, acc1, op2, acc2, op3, feat, attrs) \
    {.opcode = code,                                                      \
     .modrm = MR_##mr,                                                    \
     .prefix = PFX_##pfx,                                                 \
     .op = {OPR_##op1, OPR_##op2, OPR_##op3},                             \
     .access = {ACC_##acc1, ACC_##acc2},                                  \
     .feature = FEAT_##feat,                                              \
     .attributes = attrs,                                                 \
     .name = #NAME,                                                       \
     .handlers = &handlers_##NAME},
#include "cpu/isa.def"
#undef INSN
};
const unsigned isa_row_count = sizeof isa_rows / sizeof isa_rows[0];

static bool operand_uses_modrm(u8 code)
{
    return (code >= OPR_Eb && code <= OPR_Gy) || (code >= OPR_Sw && code <= OPR_Dd) ||
           (code >= OPR_V && code <= OPR_ST);
}

static unsigned map_of(u16 opcode) { return opcode < 0x100 ? 0 : opcode < 0x1000 ? 1 : opcode < 0x3a00 ? 2 : 3; }

struct isa_index *isa_index_create(void)
{
    struct isa_index *index = calloc(1, sizeof *index);
    if (index)
        index->next = calloc(isa_row_count, sizeof *index->next);
    if (!index || !index->next) {
        free(index);
        return NULL;
    }
    for (unsigned i = isa_row_count; i-- > 0;) {
        const struct row *row = &isa_rows[i];
        unsigned map = map_of(row->opcode);
        u8 byte = (u8)row->opcode;
        index->next[i] = index->first[map][byte];
        index->first[map][byte] = (u16)(i + 1);
        index->modrm[map][byte] |= row->modrm || operand_uses_modrm(row->op[0]) || operand_uses_modrm(row->op[1]) ||
                                   operand_uses_modrm(row->op[2]);
    }
    return index;
}

void isa_index_destroy(struct isa_index *index)
{
    if (index)
        free(index->next);
    free(index);
}

void isa_check(struct cpu *cpu, const struct row *row)
{
    unsigned a = row->attributes;
    if ((a & ATTR_PROT) && (!in_protected(cpu) || in_v86(cpu)))
        raise_ud(cpu);
    if ((a & (ATTR_SSE | ATTR_MMXR)) && ((cpu->cr0 & CR0_EM) || ((a & ATTR_SSE) && !(cpu->cr4 & CR4_OSFXSR))))
        raise_ud(cpu);
    if ((a & ATTR_FPU) && (cpu->cr0 & (CR0_EM | CR0_TS)))
        raise_nm(cpu);
    if ((a & (ATTR_SSE | ATTR_MMXR)) && (cpu->cr0 & CR0_TS))
        raise_nm(cpu);
    if ((a & ATTR_CPL0) && cpu->cpl != 0)
        raise_gp(cpu, 0);
}

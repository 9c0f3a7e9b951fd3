/* SPDX-License-Identifier: MIT */
#include "cpu/isa_list.h"

#include <string.h>

#include "cpu/features.h"

struct text_row {
    u16 opcode;
    u8 feature;
    const char *prefix, *modrm, *name, *operand[3], *access[2], *attributes;
};

static const struct text_row rows[] = {
#define INSN(code, pfx, mr, NAME, op1, acc1, op2, acc2, op3, feat, attrs) \
    {code, FEAT_##feat, #pfx, #mr, #NAME, {#op1, #op2, #op3}, {#acc1, #acc2}, #attrs},
#include "cpu/isa.def"
#undef INSN
};

static const char *const feature_names[] = {
#define FEATURE(id, leaf, subleaf, reg, bit, name) name,
#include "cpu/features.def"
#undef FEATURE
};

/* "_" is nothing. */
static const char *column(const char *text) { return strcmp(text, "_") ? text : ""; }

unsigned isa_list_count(void) { return sizeof(rows) / sizeof(rows[0]); }

struct isa_entry isa_list_entry(unsigned number)
{
    const struct text_row *row = &rows[number];
    struct isa_entry e = {
        .opcode = row->opcode,
        .prefix = column(row->prefix),
        .modrm = column(row->modrm),
        .row = row->name,
        .operand = {column(row->operand[0]), column(row->operand[1]), column(row->operand[2])},
        .access = {column(row->access[0]), column(row->access[1])},
        .feature = row->feature == FEAT_ALWAYS ? "" : feature_names[row->feature],
        .attributes = column(row->attributes),
    };
    size_t n = strcspn(row->name, "_");

    if (n >= sizeof(e.mnemonic))
        n = sizeof(e.mnemonic) - 1;
    memcpy(e.mnemonic, row->name, n);
    return e;
}

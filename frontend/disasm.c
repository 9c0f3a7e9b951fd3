/* SPDX-License-Identifier: MIT */
#include "frontend/disasm.h"

#include "frontend/text.h"

#include <capstone/capstone.h>
#include <stdlib.h>
#include <string.h>

/* A power of two; 2048 lines of about 150 bytes. */
#define CACHE_LINES 2048u

enum { SIZE_16, SIZE_32, SIZE_64, SIZES };

struct line {
    u64 key[2]; /* the bytes, their number in the last */
    u64 rip;    /* matters when the text names an address relative to it */
    bool relative;
    bool filled;
    u8 size; /* SIZE_* */
    struct disasm_line out;
};

struct disasm {
    csh handle[SIZES];
    bool open[SIZES];
    struct line cache[CACHE_LINES];
};

struct disasm *disasm_create(void)
{
    static const cs_mode modes[SIZES] = {CS_MODE_16, CS_MODE_32, CS_MODE_64};
    struct disasm *d = calloc(1, sizeof(*d));

    if (!d)
        return NULL;
    for (int i = 0; i < SIZES; i++) {
        d->open[i] = cs_open(CS_ARCH_X86, modes[i], &d->handle[i]) == CS_ERR_OK;
        if (d->open[i])
            cs_option(d->handle[i], CS_OPT_DETAIL, CS_OPT_ON);
    }
    return d;
}

void disasm_destroy(struct disasm *d)
{
    if (!d)
        return;
    for (int i = 0; i < SIZES; i++)
        if (d->open[i])
            cs_close(&d->handle[i]);
    free(d);
}

static void disassemble(struct disasm *d, struct line *l, const u8 *bytes, unsigned n)
{
    struct text t = TEXT_OVER(l->out.text);
    cs_insn *insn;

    l->out = (struct disasm_line){.length = 0};
    l->relative = false;
    if (!d->open[l->size] || cs_disasm(d->handle[l->size], bytes, n, l->rip, 1, &insn) != 1)
        return;
    l->out.length = (u8)insn->size;
    text_string(&t, insn->mnemonic);
    if (insn->op_str[0]) {
        text_char(&t, ' ');
        text_string(&t, insn->op_str);
    }
    text_end(&t);
    l->relative =
        cs_insn_group(d->handle[l->size], insn, CS_GRP_JUMP) || cs_insn_group(d->handle[l->size], insn, CS_GRP_CALL);
    cs_free(insn, 1);
}

const struct disasm_line *disasm_at(struct disasm *d, unsigned bits, u64 rip, const u8 *bytes, unsigned n)
{
    u8 size = bits == 64 ? SIZE_64 : bits == 32 ? SIZE_32 : SIZE_16;
    u64 key[2] = {0, 0}, hash;
    struct line *l;

    if (n > DISASM_MAX)
        n = DISASM_MAX;
    memcpy(key, bytes, n);
    key[1] |= (u64)n << 56;
    hash = (key[0] ^ key[1] * 31 ^ size) * 0x9e3779b97f4a7c15ull;
    l = &d->cache[hash >> 40 & (CACHE_LINES - 1)];
    if (l->filled && l->key[0] == key[0] && l->key[1] == key[1] && l->size == size && (!l->relative || l->rip == rip))
        return &l->out;
    l->filled = true;
    l->key[0] = key[0];
    l->key[1] = key[1];
    l->rip = rip;
    l->size = size;
    disassemble(d, l, bytes, n);
    return &l->out;
}

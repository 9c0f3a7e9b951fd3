/* SPDX-License-Identifier: MIT */
/* The page walk against the specification: random paging state, access and chain of entries. */
#include <stdio.h>

#include "tests/fuzz/fuzz.h"
#include "tests/unit/walk_spec.h"

/* Serves the chain, one entry a read, and sees that each is read where it lies. */
struct tables {
    const struct question *q;
    const struct facts *f;
    unsigned next;
    bool astray;
};

static u64 read_entry(void *ctx, u64 pa, unsigned width)
{
    struct tables *t = ctx;
    unsigned i = t->next++;

    if (i >= t->q->count || pa != t->f->at[i] || width != (t->q->p.mode == PAGING_32BIT ? 4 : 8)) {
        t->astray = true;
        return 0;
    }
    return t->q->chain[i];
}

static const char *differs(const struct walk *x, const struct walk *y)
{
    if (x->cause != y->cause || x->also != y->also)
        return "cause";
    if (x->error != y->error)
        return "error code";
    if (x->level != y->level || x->bit != y->bit || x->steps != y->steps)
        return "deciding entry";
    for (unsigned i = 0; i < x->steps; i++)
        if (x->step[i].level != y->step[i].level || x->step[i].at != y->step[i].at ||
            x->step[i].entry != y->step[i].entry || x->set[i] != y->set[i])
            return "entries visited";
    if (x->cause == CAUSE_NOT_PRESENT || x->cause == CAUSE_RESERVED_BIT)
        return NULL;
    return x->pa == y->pa && x->page_size == y->page_size && x->user == y->user && x->writable == y->writable &&
                   x->nx == y->nx && x->global == y->global && x->key == y->key && x->dirty == y->dirty
               ? NULL
               : "translation";
}

static void take_question(struct input *in, struct question *q)
{
    static const u8 levels[] = {[PAGING_32BIT] = 2, [PAGING_PAE] = 3, [PAGING_4LEVEL] = 4, [PAGING_5LEVEL] = 5};
    u64 flags = input_take(in, 2);

    memset(q, 0, sizeof(*q));
    q->p.mode = (enum paging_mode)(PAGING_32BIT + input_byte(in) % 4);
    q->p.maxphyaddr = (u8)(32 + input_byte(in) % WIDTHS);
    q->p.wp = flags & 1, q->p.pse = flags & 2, q->p.pse36 = flags & 4, q->p.page1gb = flags & 8;
    q->p.nxe = flags & 16 && q->p.mode != PAGING_32BIT;
    q->p.smep = flags & 32, q->p.smap = flags & 64;
    q->p.pke = flags & 128 && q->p.mode >= PAGING_4LEVEL;
    q->a.user = flags & 256, q->a.ac = flags & 512;
    q->a.kind = (enum access_kind)((flags >> 10) % 3);
    q->a.implicit = (enum implicit)((flags >> 12) % (IMPLICIT_BITMAP + 1));
    q->p.pkru = (u32)input_take(in, 4);
    q->p.cr3 = input_take(in, 8);
    q->la = input_take(in, 8);
    if (q->p.mode < PAGING_4LEVEL)
        q->la = (u32)q->la;
    else
        q->la = (u64)((s64)(q->la << (q->p.mode == PAGING_5LEVEL ? 7 : 16)) >> (q->p.mode == PAGING_5LEVEL ? 7 : 16));
    q->count = levels[q->p.mode];
    for (unsigned i = 0; i < q->count; i++)
        q->chain[i] = input_take(in, 8) & (q->p.mode == PAGING_32BIT ? 0xffffffff : ~0ull);
    q->p.pks = input_byte(in) & 1 && q->p.mode >= PAGING_4LEVEL;
    q->p.pkrs = (u32)input_take(in, 4);
}

int LLVMFuzzerTestOneInput(const u8 *bytes, size_t size)
{
    static struct spec *spec;
    struct input in = {bytes, size};
    struct question q;
    struct facts f;
    struct walk want, got;
    struct tables tables = {&q, &f, 0, false};
    const char *what;

    if (!spec)
        spec = spec_create();
    take_question(&in, &q);
    if (q.p.mode == PAGING_PAE) { /* registers, checked when loaded: no reserved bit is ever set in one */
        if (!walk_pdpte_valid(&q.p, q.chain[0]))
            q.chain[0] &= ~(BITS(2, 1) | BITS(8, 5) | BITS(63, q.p.maxphyaddr));
        if (!walk_pdpte_valid(&q.p, q.chain[0]))
            fuzz_found("a PDPTE without reserved bits is refused: %llx", (unsigned long long)q.chain[0]);
        q.p.pdpte[q.la >> 30 & 3] = q.chain[0];
        tables.next = 1;
    }
    facts_find(spec, &q, &f);
    expect(&q, &f, &want);
    got = walk(&q.p, q.la, q.a, (struct walk_reader){read_entry, &tables});
    what = tables.astray || tables.next != f.end + 1 ? "entries read" : differs(&want, &got);
    if (what)
        fuzz_found("walk and specification differ in %s: mode %d, address %llx, error code %x, not %x", what, q.p.mode,
                   (unsigned long long)q.la, got.error, want.error);
    return 0;
}

/* SPDX-License-Identifier: MIT */
#include "frontend/modules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frontend/btf.h"
#include "frontend/symbol_table.h"
#include "mmu/state.h"
#include "mmu/host_memory.h"

#define LIST_MOST 1024u       /* modules in the list */
#define READ_MOST 4096u       /* modules that are read in a run; a guest may load and unload all day */
#define SYMBOLS_MOST 2000000u /* of all of them */
#define ORCS_MOST 4000000u    /* entries, likewise */
#define BTF_MOST (64u << 20)  /* bytes */
#define BTF_TRIES 8u
#define SIZE_MOST (256u << 20) /* of a module */
#define NAME_BYTES 56u         /* MODULE_NAME_LEN of 64-bit kernels; 60 in 32-bit ones, of which nobody uses the rest */
#define SYMBOL_BYTES 200u
#define STATE_LIVE 0u
#define SHN_NONE 0u
#define TYPE_FUNCTION 2u

/* Offsets in the kernel's structures. */
struct layouts {
    u32 state, list, name, base, size, kallsyms;
    u32 symtab, count, strtab;     /* of struct mod_kallsyms */
    u32 orcs, orc_items, orc_rows; /* of struct module */
    bool has_orc;
};

struct module {
    u64 at, base, symtab, strtab, orc_items, orc_rows;
    u32 size, count, orcs;
    bool loaded;
    char name[NAME_BYTES];
    struct symbol_table table;
    struct orc *orc;
};

struct modules {
    struct module *item[READ_MOST]; /* all that were read: records may still name those that are gone */
    unsigned count, symbols, orcs;
    bool known; /* the layouts are */
    unsigned tries;
    struct layouts layout;
    bool settled; /* the list was read, and no module was on its way in or out */
    u64 hash;     /* of what changes with the list, then */
};

struct reader {
    struct cpu *cpu;
    unsigned word;
};

struct modules *modules_create(void) { return calloc(1, sizeof(struct modules)); }

void modules_destroy(struct modules *m)
{
    if (!m)
        return;
    for (unsigned i = 0; i < m->count; i++) {
        table_free(&m->item[i]->table);
        orc_destroy(m->item[i]->orc);
        free(m->item[i]);
    }
    free(m);
}

void modules_forget(struct modules *m)
{
    for (unsigned i = 0; i < m->count; i++)
        m->item[i]->loaded = false;
    m->known = m->settled = false;
    m->tries = 0;
}

/* ---- Reading the guest ---- */

static bool get(const struct reader *r, u64 at, void *to, size_t size)
{
    return cpu_peek(r->cpu, at, to, size) == size;
}

static bool get32(const struct reader *r, u64 at, u32 *value) { return get(r, at, value, 4); }

static bool get_word(const struct reader *r, u64 at, u64 *value)
{
    *value = 0;
    return get(r, at, value, r->word);
}

/* Since 6.4 a module is in parts, the first of which is its code; before, it was one block. */
static bool find_base(struct layouts *l, const struct btf *b)
{
    u32 part, base, size;
    bool parts = btf_member(b, "module", "mem", &part);
    const char *kind = parts ? "module_memory" : "module_layout";

    if ((!parts && !btf_member(b, "module", "core_layout", &part)) || !btf_member(b, kind, "base", &base) ||
        !btf_member(b, kind, "size", &size))
        return false;
    l->base = part + base;
    l->size = part + size;
    return true;
}

static void find_orc(struct layouts *l, const struct btf *b)
{
    u32 arch;

    l->has_orc = btf_member(b, "module", "arch", &arch) && btf_member(b, "mod_arch_specific", "num_orcs", &l->orcs) &&
                 btf_member(b, "mod_arch_specific", "orc_unwind_ip", &l->orc_items) &&
                 btf_member(b, "mod_arch_specific", "orc_unwind", &l->orc_rows);
    l->orcs += arch;
    l->orc_items += arch;
    l->orc_rows += arch;
}

static bool find_layouts(struct layouts *l, const struct btf *b)
{
    *l = (struct layouts){0};
    if (!btf_member(b, "module", "state", &l->state) || !btf_member(b, "module", "list", &l->list) ||
        !btf_member(b, "module", "name", &l->name) || !btf_member(b, "module", "kallsyms", &l->kallsyms) ||
        !btf_member(b, "mod_kallsyms", "symtab", &l->symtab) ||
        !btf_member(b, "mod_kallsyms", "num_symtab", &l->count) ||
        !btf_member(b, "mod_kallsyms", "strtab", &l->strtab) || !find_base(l, b))
        return false;
    find_orc(l, b);
    return true;
}

static bool read_layouts(struct modules *m, const struct reader *r, const struct module_places *p)
{
    size_t size = p->btf_end - p->btf;
    struct btf b;
    u8 *bytes;

    if (m->known)
        return true;
    if (!p->btf || p->btf_end <= p->btf || p->btf_end - p->btf > BTF_MOST || m->tries == BTF_TRIES)
        return false;
    m->tries++;
    bytes = host_alloc(size);
    m->known = bytes && get(r, p->btf, bytes, size) && btf_open(&b, bytes, size) && find_layouts(&m->layout, &b);
    free(bytes);
    return m->known;
}

/* ---- A module ---- */

/* A kernel's modules are named so; what is not is no module. */
static bool is_name(const char *name)
{
    size_t length = strnlen(name, NAME_BYTES);

    return length && length < NAME_BYTES &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.") == length;
}

/* An ELF symbol, of either width. */
static void add_symbol(struct module *module, const struct reader *r, const u8 *symbol)
{
    unsigned wide = r->word == 8, info = symbol[wide ? 4 : 12];
    u64 value = 0, size = 0;
    char name[SYMBOL_BYTES];
    size_t got;
    u32 string;
    u16 section;

    memcpy(&string, symbol, 4);
    memcpy(&value, symbol + (wide ? 8 : 4), r->word);
    memcpy(&size, symbol + (wide ? 16 : 8), r->word);
    memcpy(&section, symbol + (wide ? 6 : 14), 2);
    if (section == SHN_NONE || value - module->base >= module->size || !string)
        return;
    got = cpu_peek(r->cpu, module->strtab + string, name, sizeof(name));
    table_add(&module->table, value, size, name, strnlen(name, got),
              (info & 15) != TYPE_FUNCTION ? SYMBOL_DATA
              : info >> 4                  ? SYMBOL_GLOBAL
                                           : SYMBOL_LOCAL);
}

static void read_symbols(struct modules *m, struct module *module, const struct reader *r)
{
    unsigned each = r->word == 8 ? 24 : 16;
    u8 symbol[24];

    for (u32 i = 0; i < module->count && m->symbols < SYMBOLS_MOST; i++, m->symbols++) {
        if (!get(r, module->symtab + (u64)i * each, symbol, each))
            break;
        add_symbol(module, r, symbol);
    }
    if (!table_finish(&module->table))
        table_free(&module->table); /* its name is known all the same */
}

static void read_orc(struct modules *m, struct module *module, const struct reader *r, const struct orc *kernel)
{
    size_t count = module->orcs;
    u8 *items, *rows;

    if (!count || !kernel || count > ORCS_MOST - m->orcs)
        return;
    m->orcs += (unsigned)count;
    items = malloc(count * ORC_ITEM_BYTES);
    rows = malloc(count * ORC_ENTRY_BYTES);
    if (items && rows && get(r, module->orc_items, items, count * ORC_ITEM_BYTES) &&
        get(r, module->orc_rows, rows, count * ORC_ENTRY_BYTES))
        module->orc = orc_copy(kernel, module->orc_items, items, rows, count);
    free(items);
    free(rows);
}

/* What identifies a module as the list has it now. False while it is not complete. */
static bool read_module(struct module *module, const struct layouts *l, const struct reader *r, u64 at)
{
    u64 kallsyms;

    *module = (struct module){.at = at};
    if (!get(r, at + l->name, module->name, NAME_BYTES) || !is_name(module->name) ||
        !get_word(r, at + l->base, &module->base) || !get32(r, at + l->size, &module->size) || !module->base ||
        !module->size || module->size > SIZE_MOST || !get_word(r, at + l->kallsyms, &kallsyms) || !kallsyms ||
        !get_word(r, kallsyms + l->symtab, &module->symtab) || !get32(r, kallsyms + l->count, &module->count) ||
        !get_word(r, kallsyms + l->strtab, &module->strtab))
        return false;
    if (l->has_orc && r->word == 8 &&
        (!get32(r, at + l->orcs, &module->orcs) || !get_word(r, at + l->orc_items, &module->orc_items) ||
         !get_word(r, at + l->orc_rows, &module->orc_rows)))
        module->orcs = 0;
    return true;
}

static bool is_same(const struct module *a, const struct module *b)
{
    return a->at == b->at && a->base == b->base && a->size == b->size && a->symtab == b->symtab &&
           a->strtab == b->strtab && a->count == b->count && a->orcs == b->orcs && strcmp(a->name, b->name) == 0;
}

/* False if it is not complete, or cannot be kept. */
static bool take_module(struct modules *m, const struct reader *r, const struct module_places *p, u64 at)
{
    struct module found, *module;

    if (!read_module(&found, &m->layout, r, at))
        return false;
    for (unsigned i = m->count; i--;)
        if (is_same(m->item[i], &found)) {
            m->item[i]->loaded = true;
            return true;
        }
    module = m->count < READ_MOST && m->symbols < SYMBOLS_MOST ? malloc(sizeof(*module)) : NULL;
    if (!module)
        return true;
    *module = found;
    module->loaded = true;
    m->item[m->count++] = module;
    read_symbols(m, module, r);
    read_orc(m, module, r, p->orc);
    return true;
}

/* ---- The list ---- */

/* New modules come at its head; which was unloaded last is noted. */
static bool hash_list(const struct reader *r, const struct module_places *p, u64 *hash)
{
    u8 words[16], unloaded[NAME_BYTES] = "";

    if (!p->list || !get(r, p->list, words, 2 * r->word))
        return false;
    if (p->unloaded)
        cpu_peek(r->cpu, p->unloaded, unloaded, sizeof(unloaded));
    *hash = state_hash(state_hash(p->list, words, 2 * r->word), unloaded, sizeof(unloaded));
    return true;
}

/* True if all of it could be read, and no module is being loaded. */
static bool read_list(struct modules *m, const struct reader *r, const struct module_places *p)
{
    u64 before = p->list, node, next, previous;
    bool complete = true;
    u32 state;

    if (!get_word(r, p->list, &node))
        return false;
    for (unsigned n = 0; n < LIST_MOST && node != p->list; n++) {
        u64 at = node - m->layout.list;

        if (!get_word(r, node, &next) || !get_word(r, node + r->word, &previous) || previous != before)
            return false;
        complete &= take_module(m, r, p, at) && get32(r, at + m->layout.state, &state) && state == STATE_LIVE;
        before = node;
        node = next;
    }
    return complete && node == p->list;
}

void modules_follow(struct modules *m, struct cpu *cpu, const struct module_places *p)
{
    struct reader r = {.cpu = cpu, .word = p->word};
    u64 hash;

    if (!hash_list(&r, p, &hash) || (m->settled && hash == m->hash) || !read_layouts(m, &r, p))
        return;
    for (unsigned i = 0; i < m->count; i++)
        m->item[i]->loaded = false;
    m->settled = read_list(m, &r, p);
    m->hash = hash;
}

/* ---- Lookup ---- */

bool modules_find(const struct modules *m, u64 address, struct module_place *place)
{
    for (unsigned i = m->count; i--;) {
        const struct module *module = m->item[i];
        const struct symbol *symbol;

        if (!module->loaded || address - module->base >= module->size)
            continue;
        symbol = table_find(&module->table, address);
        *place = (struct module_place){.module = module->name,
                                       .name = symbol ? module->table.strings + symbol->name : NULL,
                                       .offset = symbol ? address - symbol->address : 0,
                                       .orc = module->orc};
        return true;
    }
    return false;
}

bool modules_address(const struct modules *m, const char *name, u64 *address)
{
    for (unsigned i = 0; i < m->count; i++) {
        const struct symbol_table *t = &m->item[i]->table;

        for (size_t k = 0; m->item[i]->loaded && k < t->count; k++)
            if (strcmp(t->strings + t->symbol[k].name, name) == 0) {
                *address = t->symbol[k].address;
                return true;
            }
    }
    return false;
}

void modules_list(const struct modules *m, void (*line)(void *ctx, const char *), void *ctx)
{
    for (unsigned i = 0; i < m->count; i++) {
        const struct module *module = m->item[i];
        char text[160];

        if (!module->loaded)
            continue;
        snprintf(text, sizeof(text), "0x%016llx-0x%016llx %zu symbols, module %s", (unsigned long long)module->base,
                 (unsigned long long)(module->base + module->size), module->table.count, module->name);
        line(ctx, text);
    }
}

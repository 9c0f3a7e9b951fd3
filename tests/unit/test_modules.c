/* SPDX-License-Identifier: MIT */
/* Modules of a Linux kernel: type information and a list of modules made by hand, in two layouts and two widths, good
 * and damaged. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "devices/machine.h"
#include "frontend/btf.h"
#include "frontend/modules.h"
#include "tests/unit/device_bench.h"

#define ROOT 0x10000u
#define LIST 0x20000u
#define UNLOADED 0x20100u
#define BTF 0x21000u
#define MODULE(i) (0x30000u + (i)*0x1000u) /* struct module; behind it its kallsyms, symbols and strings */
#define TEXT(i) (0x100000u + (i)*0x10000u)
#define TEXT_SIZE 0x2000u

/* Offsets as no kernel has them; in words those that are of words. */
enum { STATE = 4, LIST_AT = 8, NAME = 24, KALLSYMS = 88, LAYOUT = 96, BASE = 8, SIZE = 16, ARCH = 136, ORCS = 0 };
enum { SYMTAB = 8, COUNT = 20, STRTAB = 24 };

struct guest {
    struct machine *machine;
    unsigned word;
    struct module_places places;
};

static void poke(struct guest *g, u64 at, u64 value, unsigned width)
{
    phys_copy_in(machine_phys(g->machine), at, &value, width);
}

static void poke_text(struct guest *g, u64 at, const char *text)
{
    phys_copy_in(machine_phys(g->machine), at, text, strlen(text) + 1);
}

/* ---- Type information ---- */

struct types {
    u8 types[1024];
    char strings[512];
    size_t size, strings_size;
};

static u32 string_of(struct types *t, const char *s)
{
    u32 at = (u32)t->strings_size;

    strcpy(t->strings + at, s);
    t->strings_size += strlen(s) + 1;
    return at;
}

static void put32(struct types *t, u32 value)
{
    memcpy(t->types + t->size, &value, 4);
    t->size += 4;
}

static void put_type(struct types *t, const char *name, unsigned kind, unsigned count)
{
    put32(t, *name ? string_of(t, name) : 0);
    put32(t, kind << 24 | count);
    put32(t, 0);
}

static void put_member(struct types *t, const char *name, u32 offset)
{
    put32(t, string_of(t, name));
    put32(t, 1);
    put32(t, offset * 8);
}

/* With what stands before and between the structures in a kernel: every kind that has a tail. */
static void make_types(struct types *t, bool parts)
{
    static const struct {
        u8 kind, count, words;
    } others[] = {{1, 0, 1},  {2, 0, 0},  {3, 0, 3},  {5, 2, 6},  {6, 3, 6},
                  {13, 2, 4}, {14, 0, 1}, {15, 2, 6}, {17, 0, 1}, {19, 1, 3}};

    *t = (struct types){.strings_size = 1};
    for (unsigned i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        put_type(t, "module", others[i].kind, others[i].count);
        for (unsigned w = 0; w < others[i].words; w++)
            put32(t, 0x04040404);
    }
    put_type(t, "module", 4, 1); /* another of this name */
    put_member(t, "something", 4);
    put_type(t, "module", 4, 6);
    put_member(t, "state", STATE);
    put_member(t, "list", LIST_AT);
    put_member(t, "name", NAME);
    put_member(t, "kallsyms", KALLSYMS);
    put_member(t, parts ? "mem" : "core_layout", LAYOUT);
    put_member(t, "arch", ARCH);
    put_type(t, parts ? "module_memory" : "module_layout", 4, 2);
    put_member(t, "base", BASE);
    put_member(t, "size", SIZE);
    put_type(t, "mod_kallsyms", 4, 3);
    put_member(t, "symtab", SYMTAB);
    put_member(t, "num_symtab", COUNT);
    put_member(t, "strtab", STRTAB);
}

static size_t file_of(const struct types *t, u8 *file)
{
    const u32 head[6] = {0x0001eb9f, 24, 0, (u32)t->size, (u32)t->size, (u32)t->strings_size};

    memcpy(file, head, 24);
    memcpy(file + 24, t->types, t->size);
    memcpy(file + 24 + t->size, t->strings, t->strings_size);
    return 24 + t->size + t->strings_size;
}

/* ---- A guest ---- */

static struct guest make_guest(unsigned word, bool parts)
{
    struct machine_config config = {.ram_bytes = 4 << 20};
    char why[256] = "";
    struct guest g = {.machine = machine_create(&config, why, sizeof(why)), .word = word};
    struct cpu_state s;
    struct types types;
    u8 file[4096];
    size_t size;

    ck_assert_msg(g.machine != NULL, "%s", why);
    cpu_get_state(machine_cpu(g.machine), &s);
    s.cr0 |= 1;
    if (word == 8) { /* the first 2 MiB, as they are */
        poke(&g, ROOT, (ROOT + 0x1000) | 3, 8);
        poke(&g, ROOT + 0x1000, (ROOT + 0x2000) | 3, 8);
        poke(&g, ROOT + 0x2000, 0x83, 8);
        s.cr0 |= BIT(31);
        s.cr3 = ROOT;
        s.cr4 = BIT(5);
        s.efer = BIT(8) | BIT(10);
    }
    s.seg[SEG_CS] = (struct cpu_segment){.selector = 8, .limit = 0xffffffff, .attributes = word == 8 ? 0xa09b : 0xc09b};
    for (int i = 0; i < 6; i++)
        if (i != SEG_CS)
            s.seg[i] = (struct cpu_segment){.selector = 16, .limit = 0xffffffff, .attributes = 0xc093};
    cpu_set_state(machine_cpu(g.machine), &s);
    make_types(&types, parts);
    size = file_of(&types, file);
    phys_copy_in(machine_phys(g.machine), BTF, file, size);
    g.places =
        (struct module_places){.list = LIST, .unloaded = UNLOADED, .btf = BTF, .btf_end = BTF + size, .word = word};
    return g;
}

static void put_symbol(struct guest *g, unsigned i, unsigned n, unsigned name, u64 value, unsigned section)
{
    u64 at = MODULE(i) + 0x200 + n * (g->word == 8 ? 24 : 16);

    poke(g, at, name, 4);
    poke(g, at + (g->word == 8 ? 4 : 12), 0x12, 1); /* a global function */
    poke(g, at + (g->word == 8 ? 6 : 14), section, 2);
    poke(g, at + (g->word == 8 ? 8 : 4), value, g->word);
    poke(g, at + (g->word == 8 ? 16 : 8), 0x100, g->word);
}

/* Module i: "first", "second", .. with functions of its own at 0x100 and 0x200. */
static void put_module(struct guest *g, unsigned i, const char *name)
{
    char function[32];

    poke(g, MODULE(i) + STATE, 0, 4);
    poke_text(g, MODULE(i) + NAME, name);
    poke(g, MODULE(i) + KALLSYMS, MODULE(i) + 0x100, g->word);
    poke(g, MODULE(i) + LAYOUT + BASE, TEXT(i), g->word);
    poke(g, MODULE(i) + LAYOUT + SIZE, TEXT_SIZE, 4);
    poke(g, MODULE(i) + 0x100 + SYMTAB, MODULE(i) + 0x200, g->word);
    poke(g, MODULE(i) + 0x100 + COUNT, 4, 4);
    poke(g, MODULE(i) + 0x100 + STRTAB, MODULE(i) + 0x800, g->word);
    put_symbol(g, i, 0, 0, 0, 0);
    put_symbol(g, i, 1, 1, TEXT(i) + 0x100, 1);
    put_symbol(g, i, 2, 20, TEXT(i) + 0x200, 1);
    put_symbol(g, i, 3, 40, TEXT(i) + 0x180, 0); /* an import */
    sprintf(function, "read%u", i);
    poke_text(g, MODULE(i) + 0x801, function);
    sprintf(function, "write%u", i);
    poke_text(g, MODULE(i) + 0x800 + 20, function);
    poke_text(g, MODULE(i) + 0x800 + 40, "imported");
}

/* The list has these modules, in this order. */
static void link_modules(struct guest *g, const unsigned *order, unsigned count)
{
    u64 before = LIST;

    for (unsigned k = 0; k < count; k++) {
        u64 node = MODULE(order[k]) + LIST_AT;

        poke(g, before, node, g->word);
        poke(g, node + g->word, before, g->word);
        before = node;
    }
    poke(g, before, LIST, g->word);
    poke(g, LIST + g->word, before, g->word);
}

static void check_place(struct modules *m, u64 address, const char *module, const char *name, u64 offset)
{
    struct module_place p;
    bool found = modules_find(m, address, &p);

    ck_assert_int_eq(found, module != NULL);
    if (!found)
        return;
    ck_assert_str_eq(p.module, module);
    ck_assert_int_eq(p.name != NULL, name != NULL);
    if (name)
        ck_assert_str_eq(p.name, name);
    ck_assert_uint_eq(p.offset, offset);
}

START_TEST(both_layouts)
{
    struct guest g = make_guest(_i & 1 ? 4 : 8, _i & 2);
    struct modules *m = modules_create();
    struct module_place kept;
    u64 address;

    link_modules(&g, NULL, 0);
    modules_follow(m, machine_cpu(g.machine), &g.places);
    check_place(m, TEXT(0) + 0x100, NULL, NULL, 0);
    put_module(&g, 0, "first");
    put_module(&g, 1, "second_one");
    link_modules(&g, (unsigned[]){1, 0}, 2);
    modules_follow(m, machine_cpu(g.machine), &g.places);
    check_place(m, TEXT(0) + 0x100, "first", "read0", 0);
    check_place(m, TEXT(0) + 0x1ff, "first", "read0", 0xff); /* not what it imports */
    check_place(m, TEXT(0) + 0x210, "first", "write0", 0x10);
    check_place(m, TEXT(0) + 0x300, "first", NULL, 0);
    check_place(m, TEXT(0) + TEXT_SIZE, NULL, NULL, 0);
    check_place(m, TEXT(1) + 0x204, "second_one", "write1", 4);
    ck_assert(modules_address(m, "read1", &address));
    ck_assert_uint_eq(address, TEXT(1) + 0x100);
    ck_assert(!modules_address(m, "imported", &address));
    modules_find(m, TEXT(0) + 0x100, &kept);
    /* One goes, from behind: the head is the same, but it is noted. */
    link_modules(&g, (unsigned[]){1}, 1);
    poke_text(&g, UNLOADED, "first");
    modules_follow(m, machine_cpu(g.machine), &g.places);
    check_place(m, TEXT(0) + 0x100, NULL, NULL, 0);
    check_place(m, TEXT(1) + 0x100, "second_one", "read1", 0);
    ck_assert(!modules_address(m, "read0", &address));
    ck_assert_str_eq(kept.name, "read0"); /* what was named stays named */
    /* Another is on its way in: it is not yet laid out, then it is. */
    put_module(&g, 2, "third");
    poke(&g, MODULE(2) + STATE, 3, 4);
    poke(&g, MODULE(2) + LAYOUT + BASE, 0, g.word);
    link_modules(&g, (unsigned[]){2, 1}, 2);
    modules_follow(m, machine_cpu(g.machine), &g.places);
    check_place(m, TEXT(2) + 0x100, NULL, NULL, 0);
    poke(&g, MODULE(2) + LAYOUT + BASE, TEXT(2), g.word);
    poke(&g, MODULE(2) + STATE, 1, 4);
    modules_follow(m, machine_cpu(g.machine), &g.places);
    check_place(m, TEXT(2) + 0x100, "third", "read2", 0);
    modules_forget(m);
    check_place(m, TEXT(2) + 0x100, NULL, NULL, 0);
    modules_destroy(m);
    machine_destroy(g.machine);
}
END_TEST

/* Lists that are none: what was read before the place where they break stays. */
START_TEST(broken_lists)
{
    static const struct {
        u64 at, value;
        unsigned width;
        bool first, second;
    } breaks[] = {
        {LIST, 0, 8, false, false},
        {LIST, 0x7fffffffffff, 8, false, false},
        {LIST, LIST, 8, false, false},
        {MODULE(0) + LIST_AT, MODULE(0) + LIST_AT, 8, true, false}, /* round and round */
        {MODULE(0) + LIST_AT, 0x123456789abc, 8, true, false},
        {MODULE(0) + LIST_AT + 8, 0, 8, false, false},
        {MODULE(1) + LIST_AT + 8, LIST, 8, true, false},
        {MODULE(0) + NAME, 0x20, 1, false, true},
        {MODULE(0) + NAME, 0, 1, false, true},
        {MODULE(0) + LAYOUT + SIZE, 0xffffffff, 4, false, true},
        {MODULE(0) + KALLSYMS, 0x7fffffffffff, 8, false, true},
    };

    for (unsigned i = 0; i < sizeof(breaks) / sizeof(breaks[0]); i++) {
        struct guest g = make_guest(8, false);
        struct modules *m = modules_create();

        put_module(&g, 0, "first");
        put_module(&g, 1, "second");
        link_modules(&g, (unsigned[]){0, 1}, 2);
        poke(&g, breaks[i].at, breaks[i].value, breaks[i].width);
        modules_follow(m, machine_cpu(g.machine), &g.places);
        check_place(m, TEXT(0) + 0x100, breaks[i].first ? "first" : NULL, "read0", 0);
        check_place(m, TEXT(1) + 0x100, breaks[i].second ? "second" : NULL, "read1", 0);
        modules_destroy(m);
        machine_destroy(g.machine);
    }
}
END_TEST

START_TEST(type_information)
{
    struct types types;
    struct btf b;
    u8 file[4096];
    size_t size;
    u32 offset;

    make_types(&types, true);
    size = file_of(&types, file);
    ck_assert(btf_open(&b, file, size));
    ck_assert(btf_member(&b, "module", "kallsyms", &offset));
    ck_assert_uint_eq(offset, KALLSYMS);
    ck_assert(btf_member(&b, "mod_kallsyms", "strtab", &offset));
    ck_assert_uint_eq(offset, STRTAB);
    ck_assert(!btf_member(&b, "module", "strtab", &offset));
    ck_assert(!btf_member(&b, "modul", "list", &offset));
    for (size_t cut = 0; cut < size; cut++)
        ck_assert(!btf_open(&b, file, cut));
    file[0] ^= 1;
    ck_assert(!btf_open(&b, file, size));
}
END_TEST

static u32 next_random(u32 *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 8;
}

/* Bytes of all that is read made others: nothing but wrong names comes of it. */
START_TEST(damaged)
{
    struct guest g = make_guest(_i ? 4 : 8, false);
    u8 *clean = malloc(0x20000), *bytes = malloc(0x20000);
    unsigned whole = 0;
    u32 seed = 11;

    put_module(&g, 0, "first");
    put_module(&g, 1, "second");
    link_modules(&g, (unsigned[]){0, 1}, 2);
    phys_copy_out(machine_phys(g.machine), LIST, clean, 0x20000);
    for (unsigned i = 0; i < 400; i++) {
        struct modules *m = modules_create();
        struct module_place p;

        memcpy(bytes, clean, 0x20000);
        for (unsigned n = next_random(&seed) % 6; n; n--) {
            u32 where = next_random(&seed) % 4, at = next_random(&seed);
            u32 place = where == 0   ? LIST + at % 16
                        : where == 1 ? BTF + at % (u32)(g.places.btf_end - BTF)
                                     : MODULE(where - 2) + at % 0x300;

            bytes[place - LIST] = next_random(&seed) % 3 ? (u8)next_random(&seed) : 0xff;
        }
        phys_copy_in(machine_phys(g.machine), LIST, bytes, 0x20000);
        modules_follow(m, machine_cpu(g.machine), &g.places);
        modules_follow(m, machine_cpu(g.machine), &g.places);
        for (u64 at = TEXT(0); at < TEXT(2); at += 0x80)
            whole += modules_find(m, at, &p) && p.name && strlen(p.name) > 0;
        modules_destroy(m);
    }
    ck_assert_uint_gt(whole, 400);
    free(clean);
    free(bytes);
    machine_destroy(g.machine);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("modules");
    TCase *tc = tcase_create("modules");

    tcase_set_timeout(tc, 300);
    tcase_add_loop_test(tc, both_layouts, 0, 4);
    tcase_add_test(tc, broken_lists);
    tcase_add_test(tc, type_information);
    tcase_add_loop_test(tc, damaged, 0, 2);
    return bench_finish(suite, tc);
}

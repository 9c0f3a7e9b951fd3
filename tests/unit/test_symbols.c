/* SPDX-License-Identifier: MIT */
/* Names: files of symbols, a kernel's own list in its memory, and where a kernel that has moved is. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "frontend/symbol_table.h"
#include "devices/machine.h"
#include "frontend/symbols.h"
#include "tests/unit/device_bench.h"

/* ---- A kernel image with a list of symbols, laid out as scripts/kallsyms.c lays it out ---- */

#define IMAGE (4u << 20)
#define BASE 0xffffffff81000000ull
#define SYMBOLS 3000u

enum layout { LAYOUT_OLD, LAYOUT_SEQUENCES, LAYOUT_NEW };

struct image {
    u8 *memory;
    size_t at;
    u16 index[256];
};

static void put(struct image *m, const void *bytes, size_t size)
{
    ck_assert(m->at + size <= IMAGE);
    memcpy(m->memory + m->at, bytes, size);
    m->at += size;
}

static void pad(struct image *m, unsigned word) { m->at = (m->at + word - 1) & ~(size_t)(word - 1); }

/* Token c is the character c, but 1 is "sys_of_a_long_name_" and 2 is "func". */
static const char *token(unsigned c, char *buffer)
{
    if (c == 1)
        return "sys_of_a_long_name_";
    if (c == 2)
        return "func";
    buffer[0] = (char)(c > ' ' && c < 0x7f ? c : 'x');
    buffer[1] = 0;
    return buffer;
}

/* Symbol i is "Tsys_of_a_long_name_func<i>", at BASE + 64 i; each hundredth is long. */
static unsigned name_of(unsigned i, u8 *tokens)
{
    char digits[16];
    unsigned n = 0;

    tokens[n++] = 'T';
    tokens[n++] = 1;
    for (unsigned k = 0; k < (i % 100 == 99 ? 70u : 1u); k++)
        tokens[n++] = 2;
    for (int k = 0, size = snprintf(digits, sizeof(digits), "%u", i); k < size; k++)
        tokens[n++] = (u8)digits[k];
    return n;
}

static void put_names(struct image *m, unsigned word, u32 *marker)
{
    size_t begin = m->at;

    for (unsigned i = 0; i < SYMBOLS; i++) {
        u8 tokens[128];
        unsigned n = name_of(i, tokens);

        if (i % 256 == 0)
            marker[i / 256] = (u32)(m->at - begin);
        put(m, &(u8){(u8)n}, 1);
        put(m, tokens, n);
    }
    pad(m, word);
}

static void put_tokens(struct image *m, unsigned word)
{
    size_t begin = m->at;
    char buffer[2];

    for (unsigned c = 0; c < 256; c++) {
        const char *s = token(c, buffer);

        m->index[c] = (u16)(m->at - begin);
        put(m, s, strlen(s) + 1);
    }
    pad(m, word);
    put(m, m->index, sizeof(m->index));
    pad(m, word);
}

static void put_addresses(struct image *m, unsigned word, bool percpu)
{
    u64 base = BASE;

    for (unsigned i = 0; i < SYMBOLS; i++) {
        s32 offset = percpu ? -(s32)(i * 64) - 1 : (s32)(i * 64);

        put(m, &offset, 4);
    }
    pad(m, word);
    put(m, &base, word);
}

static struct image make_image(enum layout layout, unsigned word, bool percpu, size_t from)
{
    struct image m = {.memory = calloc(1, IMAGE), .at = from};
    u32 marker[(SYMBOLS + 255) / 256], count = SYMBOLS;

    if (layout != LAYOUT_NEW)
        put_addresses(&m, word, percpu);
    put(&m, &count, 4);
    pad(&m, word);
    put_names(&m, word, marker);
    put(&m, marker, sizeof(marker));
    pad(&m, word);
    if (layout == LAYOUT_SEQUENCES)
        m.at += SYMBOLS * 3 + word;
    pad(&m, word);
    put_tokens(&m, word);
    if (layout == LAYOUT_NEW)
        put_addresses(&m, word, percpu);
    return m;
}

static void handlers_of(u64 *handler, unsigned n, unsigned word)
{
    for (unsigned i = 0; i < n; i++)
        handler[i] = (word == 4 ? (u32)BASE : BASE) + (i * 37 + 5) * 64;
}

static void check_table(const struct symbol_table *t, unsigned word)
{
    u64 base = word == 4 ? (u32)BASE : BASE;

    ck_assert_uint_eq(t->count, SYMBOLS);
    for (unsigned i = 0; i < SYMBOLS; i++) {
        const struct symbol *s = table_find(t, base + i * 64 + 63);
        char name[512] = "sys_of_a_long_name_";

        for (unsigned k = 0; k < (i % 100 == 99 ? 70u : 1u); k++)
            strcat(name, "func");
        sprintf(name + strlen(name), "%u", i);
        name[200] = 0; /* longer ones are cut */
        ck_assert_ptr_nonnull(s);
        ck_assert_uint_eq(s->address, base + i * 64);
        ck_assert_str_eq(t->strings + s->name, name);
    }
}

START_TEST(kallsyms_layouts)
{
    for (int layout = LAYOUT_OLD; layout <= LAYOUT_NEW; layout++)
        for (unsigned word = 4; word <= 8; word += 4)
            for (int percpu = 0; percpu < 2; percpu++) {
                struct image m = make_image(layout, word, percpu, 0x12340);
                struct phys *phys = phys_create(8u << 20);
                struct symbol_table t = {0};
                u64 handler[8];

                handlers_of(handler, 8, word);
                ck_assert(phys_copy_in(phys, 1u << 20, m.memory, IMAGE));
                ck_assert_msg(table_read_kallsyms(&t, phys, 1u << 20, word, handler, 8), "layout %d, %u bytes, %d",
                              layout, word, percpu);
                check_table(&t, word);
                table_free(&t);
                /* Other handlers: this is another kernel's list. */
                handler[0] += 8, handler[1] += 8, handler[2] += 8, handler[3] += 8, handler[4] += 8;
                ck_assert(!table_read_kallsyms(&t, phys, 1u << 20, word, handler, 8));
                phys_destroy(phys);
                free(m.memory);
            }
}
END_TEST

/* The guest may have written anything. Whatever is found, nothing is read outside (the sanitizers look). */
START_TEST(kallsyms_hostile)
{
    u64 random = 1;

    for (int round = 0; round < 24; round++) {
        struct image m = make_image(round % 3, 8, round & 1, 0x800);
        struct phys *phys = phys_create(8u << 20);
        struct symbol_table t = {0};
        u64 handler[8];

        handlers_of(handler, 8, 8);
        for (int i = 0; i < 1 + round / 4; i++) {
            random = random * 6364136223846793005ull + 1442695040888963407ull;
            m.memory[0x800 + (random >> 33) % (m.at - 0x800)] = (u8)(random >> 25);
        }
        phys_copy_in(phys, 1u << 20, m.memory, IMAGE);
        if (table_read_kallsyms(&t, phys, 1u << 20, 8, handler, 8))
            ck_assert_ptr_nonnull(table_find(&t, handler[7]));
        table_free(&t);
        phys_destroy(phys);
        free(m.memory);
    }
}
END_TEST

/* ---- Files ---- */

static char *file_with(const char *text)
{
    static char path[64];
    FILE *f;

    snprintf(path, sizeof(path), "/tmp/faultline-symbols-%d", (int)getpid());
    f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    fputs(text, f);
    fclose(f);
    return path;
}

static void check_text(struct symbols *s, u64 address, const char *want)
{
    char words[300];
    struct text t = TEXT_OVER(words);
    bool found = symbols_text(s, address, &t);

    text_end(&t);
    ck_assert_int_eq(found, want[0] != 0);
    ck_assert_str_eq(words, want);
}

START_TEST(system_map)
{
    struct symbols *s = symbols_create();
    char why[256], *path = file_with("0000000000000000 A nothing\n"
                                     "ffffffff81000000 T _stext\nffffffff81000000 t other\n"
                                     "ffffffff81000100 t do_\"one\n"
                                     "ffffffff81000200 t less\nffffffff81000200 T more\n"
                                     "ffffffff82000000 D data\n");
    u64 address;

    ck_assert_msg(symbols_add(s, path, why, sizeof(why)), "%s", why);
    check_text(s, 0xffffffff81000000, "_stext");
    check_text(s, 0xffffffff810000ff, "_stext+0xff");
    check_text(s, 0xffffffff81000110, "do_?one+0x10");
    check_text(s, 0xffffffff81000200, "more");
    check_text(s, 0xffffffff82000004, "data+0x4");
    check_text(s, 0xffffffff80ffffff, "");
    check_text(s, 0xffffffff90000000, "");
    check_text(s, 5, "");
    ck_assert(symbols_address(s, "data", &address));
    ck_assert_uint_eq(address, 0xffffffff82000000);
    ck_assert(!symbols_address(s, "nothing", &address));
    unlink(path);
    symbols_destroy(s);
}
END_TEST

static void refused(const char *spec, const char *reason)
{
    struct symbols *s = symbols_create();
    char why[512];

    ck_assert_msg(!symbols_add(s, spec, why, sizeof(why)), "%s", spec);
    ck_assert_msg(strstr(why, reason) != NULL, "%s: %s", spec, why);
    symbols_destroy(s);
}

START_TEST(broken_files)
{
    char spec[128], *path = file_with("hello\n");

    refused(path, "neither an ELF file");
    snprintf(spec, sizeof(spec), "%s,offset=1x", path);
    refused(spec, "not a number");
    file_with("");
    refused(path, "neither an ELF file");
    file_with("\177ELF\2\1\1");
    refused(path, "ELF");
    unlink(path);
    refused(path, "No such file");
    refused("/", "not a regular file");
}
END_TEST

static int named_here(void) { return 7; }

/* This program itself, linked to be moved: by where it is. */
START_TEST(elf_file)
{
    struct symbols *s = symbols_create();
    char why[256], spec[64];
    u64 linked, here = (u64)(uintptr_t)named_here;
    unsigned line = 0;
    const char *file;

    ck_assert_msg(symbols_add(s, "/proc/self/exe", why, sizeof(why)), "%s", why);
    ck_assert(symbols_address(s, "named_here", &linked));
    file = symbols_line(s, linked, &line);
    ck_assert_ptr_nonnull(file);
    ck_assert_ptr_nonnull(strstr(file, "test_symbols.c"));
    ck_assert_uint_gt(line, 0);
    symbols_destroy(s);
    s = symbols_create();
    snprintf(spec, sizeof(spec), "/proc/self/exe,offset=%llu", (unsigned long long)(here - linked));
    ck_assert_msg(symbols_add(s, spec, why, sizeof(why)), "%s", why);
    check_text(s, here, "named_here");
    ck_assert_ptr_nonnull(symbols_line(s, here, &line));
    symbols_destroy(s);
}
END_TEST

/* ---- A kernel that has moved ---- */

#define LINKED 0x00100000u
#define SLIDE 0x00321000u
#define IDT 0x8000u

static void put_gate(struct phys *phys, unsigned vector, u32 entry)
{
    u32 gate[2] = {(entry & 0xffff) | 8u << 16, (entry & 0xffff0000) | 0x8e00};

    phys_copy_in(phys, IDT + vector * 8, gate, 8);
}

START_TEST(moved_kernel)
{
    struct machine_config config = {.ram_bytes = 16u << 20};
    char why[256], map[8000] = "", *path;
    struct machine *m = machine_create(&config, why, sizeof(why));
    struct symbols *s = symbols_create();
    struct cpu_state state;

    for (unsigned i = 0; i < 200; i++)
        sprintf(map + strlen(map), "%016x T handler%u\n", LINKED + i * i * 16, i);
    path = file_with(map);
    ck_assert_msg(symbols_add(s, path, why, sizeof(why)), "%s", why);
    unlink(path);
    cpu_get_state(machine_cpu(m), &state);
    state.cr0 |= 1;
    state.idt_base = IDT;
    state.idt_limit = 32 * 8 - 1;
    cpu_set_state(machine_cpu(m), &state);
    symbols_follow(s, machine_cpu(m), machine_phys(m));
    check_text(s, LINKED + 16, "handler1"); /* there are no handlers yet: where it was linked */
    for (unsigned v = 0; v < 32; v++)
        put_gate(machine_phys(m), v, LINKED + SLIDE + (v + 100) * (v + 100) * 16);
    for (unsigned i = 0; i < 4; i++)
        symbols_follow(s, machine_cpu(m), machine_phys(m));
    check_text(s, LINKED + SLIDE + 16, "handler1");
    check_text(s, LINKED + SLIDE + 114 * 114 * 16 + 5, "handler114+0x5");
    symbols_destroy(s);
    machine_destroy(m);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("symbols");
    TCase *tc = tcase_create("symbols");

    tcase_add_test(tc, kallsyms_layouts);
    tcase_add_test(tc, kallsyms_hostile);
    tcase_add_test(tc, system_map);
    tcase_add_test(tc, broken_files);
    tcase_add_test(tc, elf_file);
    tcase_add_test(tc, moved_kernel);
    return bench_finish(suite, tc);
}

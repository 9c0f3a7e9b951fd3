/* SPDX-License-Identifier: MIT */
/* A Linux guest's VMCOREINFO: found in memory, whole or not at all, and put into the core file. */
#define _GNU_SOURCE /* memmem */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "devices/machine.h"
#include "frontend/core.h"
#include "frontend/vmcoreinfo.h"
#include "tests/unit/device_bench.h"

#define RAM (8u << 20)
#define TEXT "OSRELEASE=6.1\nPAGESIZE=4096\nSYMBOL(_stext)=0000000000300000\nKERNELOFFSET=33200000\nX=12\n"

static struct machine *make_machine(void)
{
    struct machine_config config = {.ram_bytes = RAM};
    char why[256] = "";
    struct machine *m = machine_create(&config, why, sizeof(why));

    ck_assert_msg(m != NULL, "%s", why);
    return m;
}

/* Paging in 32 bits: 0 to 4 MiB as they are, nothing else. */
static void begin_paging(struct machine *m)
{
    struct cpu_state s;
    u32 entry = 0x83;

    phys_copy_in(machine_phys(m), 0x1000, &entry, 4);
    cpu_get_state(machine_cpu(m), &s);
    s.cr0 |= 1 | BIT(31);
    s.cr3 = 0x1000;
    s.cr4 = BIT(4);
    s.seg[SEG_CS] = (struct cpu_segment){.selector = 8, .limit = 0xffffffff, .attributes = 0xc09b};
    for (int i = 0; i < 6; i++)
        if (i != SEG_CS)
            s.seg[i] = (struct cpu_segment){.selector = 16, .limit = 0xffffffff, .attributes = 0xc093};
    cpu_set_state(machine_cpu(m), &s);
}

/* The note as the kernel makes it; `length` may be another than the text's. */
static void put_note(struct machine *m, u64 pa, const char *text, u32 length)
{
    u32 head[3] = {11, length, 0};

    phys_copy_in(machine_phys(m), pa, head, sizeof(head));
    phys_copy_in(machine_phys(m), pa + 12, "VMCOREINFO\0", 12);
    phys_copy_in(machine_phys(m), pa + 24, text, strlen(text) + 1);
}

START_TEST(found)
{
    struct machine *m = make_machine();
    char text[VMCOREINFO_MOST], most[VMCOREINFO_MOST + 1];

    ck_assert_uint_eq(vmcoreinfo_find(m, text), 0);
    put_note(m, 0x200000, TEXT, strlen(TEXT));
    ck_assert_uint_eq(vmcoreinfo_find(m, text), strlen(TEXT));
    ck_assert_mem_eq(text, TEXT, strlen(TEXT));
    /* The longest, into a second page, up to the end of memory. */
    memset(most, 'x', sizeof(most));
    memcpy(most, "OSRELEASE=", 10);
    most[VMCOREINFO_MOST] = 0;
    put_note(m, 0x200000, "", 0);
    put_note(m, RAM - 2 * PAGE_SIZE, most, VMCOREINFO_MOST);
    ck_assert_uint_eq(vmcoreinfo_find(m, text), VMCOREINFO_MOST);
    ck_assert_mem_eq(text, most, VMCOREINFO_MOST);
    machine_destroy(m);
}
END_TEST

/* What only looks like it. */
START_TEST(refused)
{
    static const struct {
        const char *text;
        u32 length;
        u64 pa;
    } notes[] = {
        {TEXT, 0, 0x200000},
        {TEXT, VMCOREINFO_MOST + 1, 0x200000},
        {TEXT, ~0u, 0x200000},
        {TEXT, strlen(TEXT), 0x200010},
        {TEXT, strlen(TEXT) + 1, 0x200000}, /* a NUL */
        {TEXT, VMCOREINFO_MOST, RAM - PAGE_SIZE},
        {"OSRELEASE=\x80", 11, 0x200000},
        {"RELEASE=6.1\n", 12, 0x200000},
        {"OSREL", 5, 0x200000},
    };

    for (unsigned i = 0; i < sizeof(notes) / sizeof(notes[0]); i++) {
        struct machine *m = make_machine();
        char text[VMCOREINFO_MOST];

        put_note(m, notes[i].pa, notes[i].text, notes[i].length);
        ck_assert_msg(vmcoreinfo_find(m, text) == 0, "note %u", i);
        machine_destroy(m);
    }
}
END_TEST

/* A kernel that was started by another: its code is what is mapped. Where none is, the first. */
START_TEST(several)
{
    static const char *const text[] = {"OSRELEASE=1\nSYMBOL(_stext)=0000000000500000\n",
                                       "OSRELEASE=2\nSYMBOL(_stext)=0000000000300000\n", "OSRELEASE=3\n"};
    static const struct {
        u8 order[3];
        char first, running;
    } cases[] = {{{0, 1, 2}, '1', '2'}, {{1, 0, 2}, '2', '2'}, {{2, 0, 1}, '3', '2'}};

    for (unsigned i = 0; i < 3; i++) {
        struct machine *m = make_machine();
        char got[VMCOREINFO_MOST];

        for (unsigned k = 0; k < 3; k++)
            put_note(m, 0x200000 + k * 0x10000, text[cases[i].order[k]], (u32)strlen(text[cases[i].order[k]]));
        begin_paging(m);
        ck_assert_uint_gt(vmcoreinfo_find(m, got), 0);
        ck_assert_int_eq(got[10], cases[i].running);
        put_note(m, 0x200000 + 0x10000 * (i == 0 ? 1 : i == 1 ? 0 : 2), text[2], (u32)strlen(text[2]));
        ck_assert_uint_gt(vmcoreinfo_find(m, got), 0);
        ck_assert_int_eq(got[10], i == 1 ? '3' : cases[i].first);
        machine_destroy(m);
    }
}
END_TEST

START_TEST(in_core)
{
    char path[] = "/tmp/faultline-core-XXXXXX", why[256] = "";
    u8 want[24 + sizeof(TEXT)], file[0x4000];
    u32 head[3] = {11, strlen(TEXT), 0};
    int fd = mkstemp(path);

    memcpy(want, head, 12);
    memcpy(want + 12, "VMCOREINFO\0", 12);
    memcpy(want + 24, TEXT, strlen(TEXT));
    ck_assert_int_ge(fd, 0);
    for (int present = 0; present < 2; present++) {
        struct machine *m = make_machine();
        ssize_t size;

        if (present)
            put_note(m, 0x200000, TEXT, strlen(TEXT));
        ck_assert_msg(core_write(m, path, why, sizeof(why)), "%s", why);
        size = pread(fd, file, sizeof(file), 0);
        ck_assert_int_gt(size, 0x1000);
        ck_assert_int_eq(memmem(file, (size_t)size, want, 24 + strlen(TEXT)) != NULL, present);
        machine_destroy(m);
    }
    close(fd);
    unlink(path);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("vmcoreinfo");
    TCase *tc = tcase_create("vmcoreinfo");

    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, found);
    tcase_add_test(tc, refused);
    tcase_add_test(tc, several);
    tcase_add_test(tc, in_core);
    return bench_finish(suite, tc);
}

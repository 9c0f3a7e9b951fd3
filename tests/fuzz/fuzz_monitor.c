/* SPDX-License-Identifier: MIT */
/*
 * Any lines as monitor commands, on a machine in any state: control registers, segments and tables are the input's
 * first bytes. Each answer ends in a newline and has no other control character; with --json it is JSON. Looking
 * changes no byte of memory.
 */
#include <stdio.h>
#include <stdlib.h>

#include "frontend/monitor.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/json.h"

enum { RAM = 1 << 20, TABLES = 0x1000, TABLES_SIZE = 0x3000 };

static struct machine *machine; /* one for all inputs */

static void leave(void) { machine_destroy(machine); }

static struct machine *make(void)
{
    struct machine_config config = {.ram_bytes = RAM, .no_vga = true};
    char why[256] = "";
    struct machine *m = machine_create(&config, why, sizeof(why));

    if (!m)
        fuzz_found("no machine: %s", why);
    atexit(leave);
    return m;
}

/* State from 24 bytes: mode bits, registers' addresses, and a pattern for the tables. */
static void set_state(struct machine *m, struct input *in)
{
    u8 *tables = malloc(TABLES_SIZE);
    struct cpu_state s;
    u64 mode, pattern;

    cpu_get_state(machine_cpu(m), &s);
    mode = input_take(in, 4);
    s.cr0 = (mode & 1) | (u64)(mode >> 1 & 1) << 16 | (u64)(mode >> 2 & mode & 1) << 31;
    s.cr4 = (mode >> 3 & 0xff) << 4 | (mode >> 11 & 0x7f) << 16;
    s.efer = mode >> 18 & 0xff00 & 0xd00;
    if (mode & BIT(20))
        s.cr4 |= BIT(5), s.efer |= 0x500, s.cr0 |= BIT(31) | 1;
    s.rflags = 2 | (u64)(mode >> 24 & 1) << 17;
    s.cr3 = TABLES;
    s.rip = input_take(in, 8);
    s.gpr[REG_RSP] = input_take(in, 4) | (s.rip & ~0xffffffffull);
    for (int i = 0; i < SEG_COUNT; i++)
        s.seg[i] = (struct cpu_segment){.attributes = (u16)(mode >> i) | 0x90, .limit = (u32)s.rip, .base = s.rip << i};
    cpu_set_state(machine_cpu(m), &s);
    pattern = input_take(in, 8);
    for (unsigned i = 0; tables && i < TABLES_SIZE; i += 8) {
        u64 entry = pattern ^ (i % 512 ? 0 : 7 | (TABLES + (i / 512 % 3) * 0x1000));

        memcpy(tables + i, &entry, 8);
    }
    phys_copy_in(machine_phys(m), TABLES, tables, TABLES_SIZE);
    free(tables);
}

static void check(struct monitor *monitor, const char *line)
{
    struct reply r;
    const char *text, *bad;

    reply_init(&r, false);
    monitor_command(monitor, line, &r);
    text = reply_text(&r);
    if (*text && text[strlen(text) - 1] != '\n')
        fuzz_found("an answer without an end: '%s'", line);
    for (const char *c = text; *c; c++)
        if ((unsigned char)*c < 0x20 && *c != '\n')
            fuzz_found("a control character in the answer to '%s'", line);
    if (r.error && strchr(text, '\n') != text + strlen(text) - 1)
        fuzz_found("an error of several lines: '%s'", line);
    if (r.json && (bad = json_error(text)))
        fuzz_found("no JSON from '%.30s' on: '%s'", bad, line);
    reply_free(&r);
}

int LLVMFuzzerTestOneInput(const u8 *bytes, size_t size)
{
    static u8 before[RAM], after[RAM];
    struct input in = {bytes, size};
    struct monitor monitor;
    char *text, *line, candidate[128];
    size_t left;

    if (!machine)
        machine = make();
    set_state(machine, &in);
    if (!monitor_init(&monitor, machine) || !(text = calloc(1, in.left + 1)))
        fuzz_found("no memory");
    left = input_rest(&in, (u8 *)text, in.left);
    phys_copy_out(machine_phys(machine), 0, before, RAM);
    for (line = text; line <= text + left; line += strlen(line) + 1) {
        char *end = strchr(line, '\n');

        if (end)
            *end = '\0';
        if (!strstr(line, ".png")) /* no files of anybody's naming */
            check(&monitor, line);
        for (unsigned n = 0; n < 4 && monitor_complete(&monitor, line, n, candidate, sizeof(candidate)); n++)
            ;
    }
    phys_copy_out(machine_phys(machine), 0, after, RAM);
    if (memcmp(before, after, RAM) != 0)
        fuzz_found("a command wrote to memory");
    free(text);
    monitor_free(&monitor);
    return 0;
}

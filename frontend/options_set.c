/* SPDX-License-Identifier: MIT */
/* What each option means: one handler an option, option_HANDLER of options.def. */
#include "frontend/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "frontend/expect.h"
#include "frontend/filter.h"
#include "frontend/gdb.h"
#include "frontend/trail.h"

/* ---- Tools ---- */

bool option_number(const char *text, u64 max, u64 *value)
{
    unsigned base = 10;
    u64 v = 0;

    if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
        base = 16;
        text += 2;
    }
    if (!*text)
        return false;
    for (; *text; text++) {
        unsigned digit = *text >= '0' && *text <= '9'   ? (unsigned)(*text - '0')
                         : *text >= 'a' && *text <= 'f' ? (unsigned)(*text - 'a' + 10)
                         : *text >= 'A' && *text <= 'F' ? (unsigned)(*text - 'A' + 10)
                                                        : 99;

        if (digit >= base || __builtin_mul_overflow(v, base, &v) || __builtin_add_overflow(v, digit, &v))
            return false;
    }
    if (v > max)
        return false;
    *value = v;
    return true;
}

/* One item of a list with commas; false at the end. */
static bool next_item(const char **list, char *item, size_t size)
{
    size_t n;

    if (!*list)
        return false;
    n = strcspn(*list, ",");
    snprintf(item, size, "%.*s", (int)(n < size ? n : size - 1), *list);
    *list = (*list)[n] ? *list + n + 1 : NULL;
    return true;
}

static bool set_path(struct setting *s, const char **path, const char *value)
{
    if (!*value)
        return option_refuse(s, "the file name is empty");
    *path = value;
    return true;
}

/* ---- The guest ---- */

bool option_kernel(struct setting *s, const char *value) { return set_path(s, &s->o->kernel, value); }

bool option_initrd(struct setting *s, const char *value) { return set_path(s, &s->o->initrd, value); }

bool option_append(struct setting *s, const char *value)
{
    s->o->append = value;
    return true;
}

bool option_rom(struct setting *s, const char *value)
{
    if (s->o->rom)
        return option_refuse(s, "-bios has already named %s", s->o->rom);
    return set_path(s, &s->o->rom, value);
}

bool option_bios(struct setting *s, const char *value)
{
    if (!strcmp(value, "none")) {
        s->o->bios_none = true;
        return true;
    }
    if (s->o->rom)
        return option_refuse(s, "-rom has already named %s", s->o->rom);
    return set_path(s, &s->o->rom, value);
}

/* ---- The machine ---- */

/* Whole MiB unless a suffix says otherwise. */
bool option_memory(struct setting *s, const char *value)
{
    static const char suffixes[] = "KMG";
    size_t n = strlen(value);
    unsigned shift = 20;
    char digits[32];
    u64 v;

    if (!strncmp(value, "size=", 5))
        value += 5, n -= 5;
    if (n && strchr("kmgKMG", value[n - 1])) {
        shift = 10 * (unsigned)(strchr(suffixes, value[n - 1] & ~0x20) - suffixes + 1);
        n--;
    }
    if (n >= sizeof(digits))
        return option_refuse(s, "'%s' is not a size", value);
    memcpy(digits, value, n);
    digits[n] = '\0';
    if (!option_number(digits, UINT64_MAX, &v))
        return option_refuse(s, "'%s' is not a size: a number of MiB, or with K, M or G", value);
    if (v > UINT64_MAX >> shift || (v << shift) < 1 << 20 || (v << shift) > PHYS_MAX_RAM)
        return option_refuse(s, "'%s' is not between 1M and 16G", value);
    if ((v << shift) % PAGE_SIZE)
        return option_refuse(s, "'%s' is not a multiple of 4K", value);
    s->o->ram_bytes = v << shift;
    s->o->ram_set = true;
    return true;
}

/* The processor knows its own models; what is wrong with this one comes out when it is made. */
bool option_cpu(struct setting *s, const char *value)
{
    if (!*value)
        return option_refuse(s, "the model is empty");
    s->o->cpu_model = value;
    return true;
}

bool option_smp(struct setting *s, const char *value)
{
    char digits[32];
    const char *list = value;
    u64 n;

    if (!next_item(&list, digits, sizeof(digits)) ||
        !option_number(!strncmp(digits, "cpus=", 5) ? digits + 5 : digits, UINT64_MAX, &n) || n == 0)
        return option_refuse(s, "'%s' is not a number of processors", value);
    if (n > 1)
        return option_refuse(s, "more than one processor is not available yet");
    return true;
}

bool option_seed(struct setting *s, const char *value)
{
    if (!option_number(value, UINT64_MAX, &s->o->seed))
        return option_refuse(s, "'%s' is not a number below 2^64", value);
    s->o->seed_set = true;
    return true;
}

static bool digits_at(const char *text, unsigned n, unsigned low, unsigned high, unsigned *value)
{
    unsigned v = 0;

    for (unsigned i = 0; i < n; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        v = v * 10 + (unsigned)(text[i] - '0');
    }
    *value = v;
    return v >= low && v <= high;
}

/* Days from 1970-01-01 to a date of the Gregorian calendar. */
static s64 days_since_1970(unsigned year, unsigned month, unsigned day)
{
    static const u16 before[12] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    s64 y = year - 1, leaps = y / 4 - y / 100 + y / 400 - (1969 / 4 - 1969 / 100 + 1969 / 400);
    bool leap = (year % 4 == 0 && year % 100) || year % 400 == 0;

    return ((s64)year - 1970) * 365 + leaps + before[month - 1] + (month > 2 && leap) + day - 1;
}

static unsigned days_in(unsigned year, unsigned month)
{
    return (unsigned)(month == 12 ? 31 : days_since_1970(year, month + 1, 1) - days_since_1970(year, month, 1));
}

/* 2026-01-31 or 2026-01-31T12:34:56, UTC. */
static bool parse_date(const char *text, s64 *seconds)
{
    unsigned year, month, day, hour = 0, minute = 0, second = 0;
    size_t n = strlen(text);

    if ((n != 10 && n != 19) || text[4] != '-' || text[7] != '-' || !digits_at(text, 4, 1980, 2199, &year) ||
        !digits_at(text + 5, 2, 1, 12, &month) || !digits_at(text + 8, 2, 1, 31, &day) || day > days_in(year, month))
        return false;
    if (n == 19 && ((text[10] != 'T' && text[10] != ' ') || text[13] != ':' || text[16] != ':' ||
                    !digits_at(text + 11, 2, 0, 23, &hour) || !digits_at(text + 14, 2, 0, 59, &minute) ||
                    !digits_at(text + 17, 2, 0, 59, &second)))
        return false;
    *seconds = days_since_1970(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
    return true;
}

/* The host's clock would make runs differ, so utc and localtime start at the fixed date as well. */
bool option_rtc(struct setting *s, const char *value)
{
    const char *list = value;
    char item[64];

    while (next_item(&list, item, sizeof(item))) {
        if (!strncmp(item, "clock=", 6) || !strncmp(item, "driftfix=", 9) || !strcmp(item, "base=utc") ||
            !strcmp(item, "base=localtime")) {
            s->note = true;
            continue;
        }
        if (strncmp(item, "base=", 5))
            return option_refuse(s, "'%s' is not base=DATE", item);
        if (!parse_date(item + 5, &s->o->rtc_base))
            return option_refuse(s, "'%s' is not a date from 1980 to 2199: 2026-01-31 or 2026-01-31T12:00:00",
                                 item + 5);
        s->o->rtc_base_set = true;
    }
    return true;
}

static bool debug_exit(struct setting *s, const char *list)
{
    u64 iobase = 0x501, iosize = 2;
    char item[64];

    while (next_item(&list, item, sizeof(item))) {
        if (!strncmp(item, "iobase=", 7)) {
            if (!option_number(item + 7, 0xfffc, &iobase) || !iobase)
                return option_refuse(s, "isa-debug-exit: '%s' is not a port", item + 7);
        } else if (!strncmp(item, "iosize=", 7)) {
            if (!option_number(item + 7, 4, &iosize) || !iosize)
                return option_refuse(s, "isa-debug-exit: '%s' is not a size of 1 to 4 ports", item + 7);
        } else {
            return option_refuse(s, "isa-debug-exit: unknown property '%s'", item);
        }
    }
    if (s->o->debug_exit_port)
        return option_refuse(s, "isa-debug-exit: given twice");
    s->o->debug_exit_port = (u16)iobase;
    return true;
}

bool option_device(struct setting *s, const char *value)
{
    const char *list = value;
    char name[64];

    if (!next_item(&list, name, sizeof(name)) || !*name)
        return option_refuse(s, "the name is empty");
    if (!strcmp(name, "isa-debug-exit"))
        return debug_exit(s, list);
    if (!strcmp(name, "pc-testdev")) {
        if (list)
            return option_refuse(s, "pc-testdev: it has no properties");
        s->o->testdev = true;
        return true;
    }
    s->note = true;
    return true;
}

bool option_no_reboot(struct setting *s, const char *value)
{
    (void)value;
    s->o->no_reboot = true;
    return true;
}

/* ---- Its ends ---- */

static bool set_endpoint(struct setting *s, struct endpoint *e, const char *value)
{
    if (!strcmp(value, "stdio")) {
        e->kind = ENDPOINT_STDIO;
    } else if (!strcmp(value, "none") || !strcmp(value, "null")) {
        e->kind = ENDPOINT_NONE;
    } else if (!strncmp(value, "file:", 5)) {
        e->kind = ENDPOINT_FILE;
        return set_path(s, &e->path, value + 5);
    } else if (!strcmp(value, "pty") || !strncmp(value, "unix:", 5)) {
        return option_refuse(s, "'%s' is not available yet; stdio, none or file:PATH", value);
    } else {
        return option_refuse(s, "'%s' is not stdio, none or file:PATH", value);
    }
    return true;
}

bool option_serial(struct setting *s, const char *value)
{
    if (s->o->serials == MACHINE_COMS)
        return option_refuse(s, "given more than %d times: a PC has that many ports", MACHINE_COMS);
    if (!strcmp(value, "mon:stdio")) {
        s->o->nographic = true;
        value = "stdio";
    }
    return set_endpoint(s, &s->o->serial[s->o->serials++], value);
}

bool option_debugcon(struct setting *s, const char *value) { return set_endpoint(s, &s->o->debugcon, value); }

/* Other properties of other devices are accepted. */
bool option_global(struct setting *s, const char *value)
{
    static const char iobase[] = "isa-debugcon.iobase=";
    u64 port;

    if (strncmp(value, iobase, sizeof(iobase) - 1)) {
        s->note = true;
        return true;
    }
    if (!option_number(value + sizeof(iobase) - 1, 0xffff, &port) || !port)
        return option_refuse(s, "'%s' is not a port", value + sizeof(iobase) - 1);
    s->o->debugcon_port = (u16)port;
    return true;
}

bool option_parallel(struct setting *s, const char *value)
{
    if (!set_endpoint(s, &s->o->parallel, value))
        return false;
    return s->o->parallel.kind != ENDPOINT_STDIO || option_refuse(s, "file:PATH or none, not stdio");
}

bool option_nographic(struct setting *s, const char *value)
{
    (void)value;
    s->o->nographic = true;
    return true;
}

/* ---- Faults ---- */

bool option_trace_faults(struct setting *s, const char *value)
{
    s->o->trace_format = trace_format_of(value);
    if (s->o->trace_format == TRACE_NONE)
        return option_refuse(s, "%s: the name must end in .jsonl, .csv, .flt or .json, which says the format", value);
    s->o->trace = value;
    return true;
}

bool option_explain(struct setting *s, const char *value)
{
    (void)value;
    s->o->explain = true;
    return true;
}

bool option_symbols(struct setting *s, const char *value)
{
    if (strcmp(value, "none") == 0) {
        s->o->no_symbols = true;
        return true;
    }
    if (s->o->symbol_files == OPTIONS_SYMBOLS)
        return option_refuse(s, "given more than %d times", OPTIONS_SYMBOLS);
    s->o->symbols[s->o->symbol_files++] = value;
    return true;
}

bool option_trace_filter(struct setting *s, const char *value)
{
    struct filter parsed;
    char reason[256];

    if (!filter_parse(&parsed, value, FILTER_DECIDED, reason, sizeof(reason)))
        return option_refuse(s, "'%s': %s", value, reason);
    s->o->trace_filter = value;
    return true;
}

bool option_expect(struct setting *s, const char *value)
{
    struct expectation parsed;
    char reason[256];

    if (s->o->expects == OPTIONS_EXPECTS)
        return option_refuse(s, "given more than %d times", OPTIONS_EXPECTS);
    if (!expect_parse(&parsed, value, reason, sizeof(reason)))
        return option_refuse(s, "'%s': %s", value, reason);
    s->o->expect[s->o->expects++] = value;
    return true;
}

bool option_fail_on(struct setting *s, const char *value)
{
    const char *list = value;
    char item[64];

    while (next_item(&list, item, sizeof(item))) {
        if (!strcmp(item, "triple-fault"))
            s->o->fail_on_triple_fault = true;
        else if (!strcmp(item, "unexpected-pf"))
            s->o->fail_on_unexpected = true;
        else if (!strcmp(item, "loop"))
            s->o->fail_on_loop = true;
        else if (!strcmp(item, "user-exec-kernel"))
            s->o->fail_on_user_exec = true;
        else if (!options_fail_on_check(s->o, item))
            return option_refuse(s,
                                 "'%s' is not triple-fault, unexpected-pf, loop, user-exec-kernel, stale-tlb, lint or"
                                 " strict",
                                 item);
    }
    return true;
}

bool option_junit(struct setting *s, const char *value)
{
    if (!*value)
        return option_refuse(s, "the file name is empty");
    s->o->junit = value;
    return true;
}

/* ---- The run ---- */

bool option_gdb(struct setting *s, const char *value)
{
    char reason[160];

    if (s->o->gdb)
        return option_refuse(s, "-s has named another place");
    if (!gdb_where_valid(value, reason, sizeof(reason)))
        return option_refuse(s, "%s", reason);
    s->o->gdb = value;
    return true;
}

bool option_s(struct setting *s, const char *value)
{
    (void)value;
    if (s->o->gdb)
        return option_refuse(s, "-gdb has named another place");
    s->o->gdb = "tcp:127.0.0.1:1234";
    return true;
}

bool option_stopped(struct setting *s, const char *value)
{
    (void)value;
    s->o->stopped = true;
    return true;
}

bool option_history(struct setting *s, const char *value)
{
    static const char insns[] = "insns=";
    char item[32];
    u64 n;

    for (const char *at = value;; at++) {
        size_t size = strcspn(at, ",");
        bool faults = strncmp(at, insns, sizeof(insns) - 1) != 0;

        snprintf(item, sizeof(item), "%.*s", (int)(size < sizeof(item) ? size : sizeof(item)), at);
        if (!option_number(faults ? item : item + sizeof(insns) - 1, faults ? 4096 : TRAIL_MAX, &n) || !n)
            return option_refuse(s, "'%s' is not a number of faults from 1 to 4096, or insns= and one to %u", item,
                                 TRAIL_MAX);
        *(faults ? &s->o->history : &s->o->history_insns) = (unsigned)n;
        at += size;
        if (!*at)
            return true;
    }
}

bool option_dump_core(struct setting *s, const char *value) { return set_path(s, &s->o->dump_core, value); }

bool option_max_instructions(struct setting *s, const char *value)
{
    if (!option_number(value, UINT64_MAX, &s->o->max_instructions) || !s->o->max_instructions)
        return option_refuse(s, "'%s' is not a number from 1 to 2^64 - 1", value);
    return true;
}

bool option_stop_on(struct setting *s, const char *value)
{
    if (!*value)
        return option_refuse(s, "the text is empty");
    s->o->stop_on = value;
    return true;
}

bool option_expect_post(struct setting *s, const char *value)
{
    u64 v;

    if (!option_number(value, 0xff, &v))
        return option_refuse(s, "'%s' is not a POST code from 0 to 0xff", value);
    s->o->expect_post = true;
    s->o->post = (u8)v;
    return true;
}

bool option_ram_hash(struct setting *s, const char *value)
{
    (void)value;
    s->o->ram_hash = true;
    return true;
}

bool option_stats(struct setting *s, const char *value)
{
    (void)value;
    s->o->stats = true;
    return true;
}

bool option_save_state(struct setting *s, const char *value) { return set_path(s, &s->o->save_state, value); }

bool option_load_state(struct setting *s, const char *value) { return set_path(s, &s->o->load_state, value); }

bool option_help(struct setting *s, const char *value)
{
    (void)value;
    s->o->help = true;
    return true;
}

bool option_version(struct setting *s, const char *value)
{
    (void)value;
    s->o->version = true;
    return true;
}

/* ---- Of no effect, and not yet ---- */

bool option_without_effect(struct setting *s, const char *value)
{
    (void)value;
    s->note = true;
    return true;
}

/* To ask for none of it is to ask for what there is. */
bool option_absent_device(struct setting *s, const char *value)
{
    s->note = strcmp(value, "none") != 0;
    return true;
}

/* ---- Together ---- */

static unsigned stdio_users(const struct options *o)
{
    unsigned n = (o->debugcon.kind == ENDPOINT_STDIO) + (o->monitor.kind == ENDPOINT_STDIO) +
                 (o->display == DISPLAY_ANSI) + (o->gdb && !strncmp(o->gdb, "stdio", 5));

    for (int i = 0; i < MACHINE_COMS; i++)
        n += o->serial[i].kind == ENDPOINT_STDIO;
    return n;
}

bool options_settle(struct options *o, char *why, size_t size)
{
    const char *what = NULL;

    /* COM1 speaks on standard output unless somebody else does. */
    if (o->serial[0].kind == ENDPOINT_UNSET)
        o->serial[0].kind = !o->nographic && stdio_users(o) ? ENDPOINT_NONE : ENDPOINT_STDIO;
    if (stdio_users(o) > 1)
        what = "stdio: two users of it among -serial, -debugcon, -monitor, -gdb and -display ansi";
    else if (o->record && o->replay)
        what = "-record-input: a recording is replayed as well";
    else if (o->script && o->replay)
        what = "-script: a recording is replayed as well";
    else if (o->stopped && !o->gdb && o->monitor.kind != ENDPOINT_STDIO && o->monitor.kind != ENDPOINT_UNIX &&
             (!o->nographic || o->monitor.kind == ENDPOINT_NONE))
        what = "-S: nobody could let the guest go: -s, -gdb or -monitor";
    else if (o->trace_filter && !o->trace)
        what = "-trace-filter: there is no -trace-faults whose records it would choose";
    else if (o->no_vga && (o->screenshot || o->script || o->display > DISPLAY_NONE))
        what = "-vga: none, but a screen is asked for";
    else if (o->demo && (o->image || o->kernel || o->rom || o->initrd || o->append))
        what = "demo: runs the embedded guest, and takes no image of another";
    else if (o->image && o->kernel)
        what = "-kernel: an IMAGE is named as well";
    else if (o->bios_none && o->rom)
        what = "-bios: none, but a ROM is named";
    else if (o->kernel && o->rom)
        what = "-kernel: a ROM is named as well";
    else if (!o->load_state && !o->image && !o->kernel && !o->rom && !o->demo && o->bios_none)
        what = "nothing to run: name an IMAGE, a -kernel or a -rom, or try demo; --help says more";
    else if (!o->load_state && !o->image && !o->kernel && o->initrd)
        what = "-initrd: needs a -kernel";
    else if (!o->load_state && !o->image && !o->kernel && o->append)
        what = "-append: needs a -kernel";
    if (!what)
        return true;
    snprintf(why, size, "%s", what);
    return false;
}

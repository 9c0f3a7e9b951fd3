/* SPDX-License-Identifier: MIT */
/* Many machines in one process, by the public header alone: a thousand made, run for a million instructions and
 * destroyed; some at once, in pieces of odd sizes, which must be the same runs; hostile arguments. Its process must not
 * grow. usage: many ROM */
#include <faultline.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MANY 1000
#define AT_ONCE 8
#define INSTRUCTIONS 1000000

struct seen {
    unsigned raised, decided, bytes;
    uint64_t sum;
};

static int failures;

static void expect(int truth, const char *what)
{
    if (!truth) {
        printf("FAILED: %s\n", what);
        failures++;
    }
}

static void on_raised(void *ctx, const struct faultline_fault *f)
{
    struct seen *s = ctx;

    s->raised++;
    s->sum = s->sum * 31 + f->address + f->icount + f->error;
    expect(!f->outcome && *f->why && *f->cure && f->json[0] == '{', "a fault is complete when it is raised");
}

static void on_decided(void *ctx, const struct faultline_fault *f)
{
    ((struct seen *)ctx)->decided++;
    expect(f->outcome != NULL, "a decided fault has an outcome");
}

static void on_serial(void *ctx, int port, uint8_t byte)
{
    ((struct seen *)ctx)->bytes += port == 0;
    ((struct seen *)ctx)->sum = ((struct seen *)ctx)->sum * 31 + byte;
}

static struct faultline *make(const char *rom, struct seen *seen)
{
    struct faultline_callbacks tell = {
        .size = sizeof(tell), .ctx = seen, .raised = on_raised, .decided = on_decided, .serial = on_serial};
    const char *const options[] = {"-m", "2M", "-no-reboot", "-vga", "none", "-rom", rom};
    char why[256] = "";
    struct faultline *f = faultline_create(options, 7, &tell, why, sizeof(why));

    if (!f) {
        printf("FAILED: %s\n", why);
        exit(1);
    }
    return f;
}

static struct seen whole(const char *rom, uint64_t *icount)
{
    struct faultline_run end = {.size = sizeof(end)};
    struct seen seen = {0};
    struct faultline *f = make(rom, &seen);

    faultline_run(f, INSTRUCTIONS, &end);
    *icount = end.icount;
    faultline_destroy(f);
    return seen;
}

static void at_once(const char *rom, const struct seen *one, uint64_t icount)
{
    struct seen seen[AT_ONCE] = {{0}};
    struct faultline *f[AT_ONCE];
    struct faultline_run end[AT_ONCE];

    for (int i = 0; i < AT_ONCE; i++) {
        f[i] = make(rom, &seen[i]);
        end[i] = (struct faultline_run){.size = sizeof(end[i])};
    }
    for (int turn = 0, left = AT_ONCE; left; turn++)
        for (int i = left = 0; i < AT_ONCE; i++) {
            uint64_t piece = 5000 + 777 * i + turn % 13;

            if (end[i].icount >= icount || (turn && end[i].end != FAULTLINE_BUDGET))
                continue;
            if (piece > icount - end[i].icount)
                piece = icount - end[i].icount;
            faultline_run(f[i], piece, &end[i]);
            left++;
        }
    for (int i = 0; i < AT_ONCE; i++) {
        expect(end[i].icount == icount, "a run in pieces is as long");
        faultline_destroy(f[i]);
        expect(!memcmp(&seen[i], one, sizeof(*one)), "and tells the same");
    }
}

static void arguments(const char *rom)
{
    static const char *const bad[][3] = {{"-nosuchoption", NULL, NULL},  {"-m", "lots", NULL},
                                         {"-serial", "file:x", NULL},    {"-monitor", "stdio", NULL},
                                         {"-explain", NULL, NULL},       {"-trace-faults", "x.csv", NULL},
                                         {"-display", "sdl", NULL},      {"-max-instructions", "5", NULL},
                                         {"-rom", "/nonexistent", NULL}, {"-help", NULL, NULL}};
    struct faultline_callbacks old = {.size = sizeof(size_t)};
    uint64_t value = 0;
    unsigned char bytes[16];
    struct seen seen = {0};
    struct faultline *f;
    char why[256];

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        *why = '\0';
        expect(!faultline_create(bad[i], bad[i][1] ? 2 : 1, NULL, why, sizeof(why)) && *why && !strchr(why, '\n'),
               bad[i][0]);
    }
    expect(!faultline_create((const char *const[]){NULL}, 1, NULL, NULL, 0), "a NULL option");
    f = faultline_create((const char *const[]){"-rom", rom, "-vga", "none"}, 4, &old, why, sizeof(why));
    expect(f != NULL, "callbacks of an older program");
    expect(faultline_run(f, 1000, NULL) == FAULTLINE_BUDGET, "no result is wanted");
    faultline_destroy(f);
    faultline_destroy(NULL);

    f = make(rom, &seen);
    expect(faultline_get_register(f, "rip", &value) == 0 && value == 0xfff0, "RIP after reset");
    expect(faultline_get_register(f, "cs_base", &value) == 0 && value == 0xffff0000, "and CS");
    expect(faultline_get_register(f, "start_kernel", &value) == -1 && faultline_get_register(f, "1", &value) == -1,
           "no register");
    expect(faultline_set_register(f, "rbx", 0x1234) == 0 && faultline_get_register(f, "bh", &value) == 0 &&
               value == 0x12,
           "a register written");
    expect(faultline_set_register(f, "cr3", 0) == -1, "cr3 is not written");
    expect(faultline_write_physical(f, 0x1ffff8, "0123456789abcdef", 16) == 8, "the end of RAM");
    expect(faultline_read_physical(f, 0x1ffff8, bytes, 16) == 8 && !memcmp(bytes, "01234567", 8), "read back");
    expect(faultline_write(f, 0x1000, "abc", 3) == 3 && faultline_read(f, 0x1000, bytes, 3) == 3 &&
               !memcmp(bytes, "abc", 3),
           "linear memory");
    expect(strstr(faultline_command(f, "print b[0x1000]"), "0x61") != NULL, "a command");
    expect(faultline_command(f, "bogus --json")[0] == '{', "a command that is none");
    expect(strstr(faultline_command(f, "cont"), "not from here") != NULL, "cont is the caller's");
    faultline_interrupt(f);
    expect(faultline_run(f, 0, NULL) == FAULTLINE_STOPPED, "interrupted");
    faultline_destroy(f);
}

static long resident_kib(void)
{
    long pages = 0, total;
    FILE *statm = fopen("/proc/self/statm", "r");

    if (!statm || fscanf(statm, "%ld %ld", &total, &pages) != 2)
        pages = 0;
    if (statm)
        fclose(statm);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

int main(int argc, char **argv)
{
    struct seen one, again;
    uint64_t icount, other;
    long before = 0;

    if (argc != 2)
        return 2;
    expect(faultline_api() == FAULTLINE_API && *faultline_version(), "version");
    one = whole(argv[1], &icount);
    expect(one.raised && one.raised == one.decided && one.bytes, "the ROM faults and speaks");
    arguments(argv[1]);
    at_once(argv[1], &one, icount);
    for (int i = 0; i < MANY; i++) {
        again = whole(argv[1], &other);
        if (other != icount || memcmp(&again, &one, sizeof(one)) != 0) {
            expect(0, "every run is the same run");
            break;
        }
        if (i == 100)
            before = resident_kib();
    }
    expect(resident_kib() - before < 2048, "the process does not grow");
    printf("%ld KiB, then %ld KiB; %llu instructions, %u faults each\n", before, resident_kib(),
           (unsigned long long)icount, one.raised);
    return failures != 0;
}

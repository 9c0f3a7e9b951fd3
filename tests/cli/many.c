/* SPDX-License-Identifier: MIT */
/* Many machines in one process, by the public header alone: a thousand made, run for a million instructions and
 * destroyed; some at once, in pieces of odd sizes, which must be the same runs; a thousand times back to a snapshot,
 * and on from a file; hostile arguments. Its process must not grow. usage: many ROM STATE (a file it may write) */
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

/* ---- Going back ---- */

#define MEMORY (2u << 20)
#define HALF (INSTRUCTIONS / 40)
#define BACK 1000

struct place {
    uint64_t icount, ram, rip, rsp, rflags;
};

static struct place place_of(struct faultline *f)
{
    static unsigned char bytes[MEMORY];
    struct faultline_run end = {.size = sizeof(end)};
    struct place p = {0};
    uint64_t word;

    faultline_run(f, 1, &end);
    p.icount = end.icount;
    memset(bytes, 0, sizeof(bytes));
    for (size_t at = 0; at < MEMORY; at += 4096) /* not all of it is RAM */
        faultline_read_physical(f, at, bytes + at, 4096);
    for (size_t at = 0; at < MEMORY; at += 8) {
        memcpy(&word, bytes + at, 8);
        p.ram = (p.ram ^ word) * 1099511628211u + 1;
    }
    expect(!faultline_get_register(f, "rip", &p.rip) && !faultline_get_register(f, "rsp", &p.rsp) &&
               !faultline_get_register(f, "rflags", &p.rflags),
           "registers");
    return p;
}

/* From here on: where it is at once, and in a while. */
static void course(struct faultline *f, struct place *now, struct place *then)
{
    *now = place_of(f);
    faultline_run(f, HALF, NULL);
    *then = place_of(f);
}

static int same(const struct place *a, const struct place *b) { return !memcmp(a, b, sizeof(*a)); }

static char reason[256];
static struct faultline *inside;
static struct faultline_snapshot *outside;
static const char *forbidden;

/* Nothing of this is allowed while the machine runs. */
static void on_raised_try(void *ctx, const struct faultline_fault *f)
{
    (void)ctx, (void)f;
    expect(!faultline_snapshot(inside, reason, sizeof(reason)) && strstr(reason, "callback") != NULL,
           "no snapshot then");
    expect(faultline_restore(inside, outside, NULL, 0) == -1, "and no way back");
    expect(faultline_save_state(inside, forbidden, reason, sizeof(reason)) == -1, "nor a state");
    expect(faultline_load_state(inside, forbidden, NULL, 0) == -1, "neither way");
    faultline_stop(inside);
}

static void in_a_callback(const char *rom, const char *path)
{
    struct faultline_callbacks tell = {.size = sizeof(tell), .raised = on_raised_try};
    const char *const options[] = {"-m", "2M", "-no-reboot", "-vga", "none", "-rom", rom};

    inside = faultline_create(options, 7, &tell, NULL, 0);
    outside = faultline_snapshot(inside, reason, sizeof(reason));
    forbidden = path;
    remove(path);
    expect(outside && faultline_run(inside, INSTRUCTIONS, NULL) == FAULTLINE_STOPPED, "it faults");
    expect(access(path, F_OK) != 0, "nothing was written");
    faultline_destroy(inside); /* with its snapshot */
}

/* Snapshots: the same run each time, from each of them, in any order, and also from a machine that has ended. */
static void back_and_forth(const char *rom, const struct seen *one, uint64_t icount)
{
    struct place now[2], then[2], a, b;
    struct faultline_snapshot *s[2], *others;
    struct seen seen = {0}, nothing = {0};
    struct faultline *f = make(rom, &seen), *other = make(rom, &nothing);
    struct faultline_run end = {.size = sizeof(end)};
    long before = 0;

    s[0] = faultline_snapshot(f, reason, sizeof(reason)); /* before the first instruction */
    course(f, &now[0], &then[0]);
    s[1] = faultline_snapshot(f, reason, sizeof(reason));
    course(f, &now[1], &then[1]);
    expect(s[0] && s[1] && !same(&now[0], &now[1]) && now[0].icount == 1, "snapshots");
    for (int i = 0; i < BACK; i++) {
        int which = i * 7 / 3 % 2;

        expect(faultline_restore(f, s[which], reason, sizeof(reason)) == 0, "back");
        if (i % 16 == 0) {
            course(f, &a, &b);
            expect(same(&a, &now[which]) && same(&b, &then[which]), "the same run");
        } else {
            faultline_run(f, 100 + i, NULL);
        }
        if (i == 100)
            before = resident_kib();
    }
    expect(resident_kib() - before < 1024, "a thousand restores leave nothing");
    expect(faultline_restore(other, s[0], reason, sizeof(reason)) == -1 && strstr(reason, "another machine") != NULL,
           "a snapshot of another machine");
    others = faultline_snapshot(other, NULL, 0);
    faultline_snapshot_free(s[1]);
    expect(faultline_restore(f, s[0], NULL, 0) == 0, "what one holds stays when another goes");
    memset(&seen, 0, sizeof(seen));
    faultline_run(f, INSTRUCTIONS, &end);
    expect(end.icount == icount && seen.raised == one->raised && seen.sum == one->sum, "all of the run, over again");
    expect(faultline_restore(f, s[0], NULL, 0) == 0 && faultline_run(f, 1000, &end) == FAULTLINE_BUDGET &&
               end.icount == 1000,
           "an ended machine goes back, and on");
    faultline_snapshot_free(NULL);
    faultline_snapshot_free(others);
    faultline_destroy(other);
    faultline_destroy(f);
}

/* A state goes on in another machine, and is refused by one of another kind. */
static void on_from_a_file(const char *rom, const char *path)
{
    static const char *const small[] = {"-m", "1M", "-no-reboot", "-vga", "none", "-rom"};
    struct seen seen = {0};
    struct faultline *f = make(rom, &seen), *g = make(rom, &seen), *h;
    const char *options[7];
    struct place now, then, a, b;
    FILE *file;

    faultline_run(f, HALF, NULL);
    expect(faultline_save_state(f, "/nonexistent/state", reason, sizeof(reason)) == -1 &&
               strstr(reason, "/nonexistent"),
           "no such directory");
    expect(faultline_save_state(f, path, reason, sizeof(reason)) == 0, reason);
    course(f, &now, &then);
    expect(faultline_load_state(g, path, reason, sizeof(reason)) == 0, reason);
    course(g, &a, &b);
    expect(same(&a, &now) && same(&b, &then), "another machine goes on from a file");
    memcpy(options, small, sizeof(small));
    options[6] = rom;
    h = faultline_create(options, 7, NULL, reason, sizeof(reason));
    faultline_run(h, 500, NULL);
    a = place_of(h);
    expect(faultline_load_state(h, path, reason, sizeof(reason)) == -1 && strstr(reason, "memory size") &&
               !strchr(reason, '\n'),
           "another memory size");
    b = place_of(h);
    expect(b.icount == a.icount + 1, "and it is where it was");
    file = fopen(path, "r+b");
    if (file) {
        fseek(file, 100, SEEK_SET);
        fputs("damage", file);
        fclose(file);
    }
    expect(file && faultline_load_state(g, path, reason, sizeof(reason)) == -1 && *reason, "a damaged file");
    expect(faultline_load_state(g, "/nonexistent", NULL, 0) == -1, "no file");
    expect(faultline_save_state(f, path, NULL, 0) == 0, "a state in place of the damaged one");
    printf("saved at %llu\n", (unsigned long long)then.icount);
    faultline_destroy(f);
    faultline_destroy(g);
    faultline_destroy(h);
}

int main(int argc, char **argv)
{
    struct seen one, again;
    uint64_t icount, other;
    long before = 0;

    if (argc != 3)
        return 2;
    expect(faultline_api() == FAULTLINE_API && *faultline_version(), "version");
    one = whole(argv[1], &icount);
    expect(one.raised && one.raised == one.decided && one.bytes, "the ROM faults and speaks");
    arguments(argv[1]);
    at_once(argv[1], &one, icount);
    in_a_callback(argv[1], argv[2]);
    back_and_forth(argv[1], &one, icount);
    on_from_a_file(argv[1], argv[2]);
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

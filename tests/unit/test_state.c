/* SPDX-License-Identifier: MIT */
/*
 * Saved state: every struct there and back with random contents, every range held to, every member accounted for; whole
 * machines saved, loaded and gone back; states that were tampered with.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bios/boot.h"
#include "bios/demo/demo_image.h"
#include "devices/clock.h"
#include "devices/machine_state.h"
#include "devices/state_file.h"
#include "frontend/saved.h"
#include "tests/unit/state_members.h"

/* ---- A machine that runs the embedded guest ---- */

static const struct boot_config demo = {.kernel = "demo", .text_screen = true};

static struct machine *make(u64 ram)
{
    struct machine_config config = {.ram_bytes = ram, .com = {[1] = true}, .testdev = true, .debug_exit_port = 0xF4};
    char why[256] = "";
    struct machine *m;

    config.drive[1] = (struct machine_drive){.kind = MACHINE_CDROM};
    config.floppy[0].present = true;
    m = machine_create(&config, why, sizeof(why));
    ck_assert_msg(m != NULL, "%s", why);
    return m;
}

static struct machine *boot(u64 ram, struct boot_config *config)
{
    struct machine *m = make(ram);
    char why[256] = "";

    *config = demo;
    config->image = demo_image;
    config->image_size = demo_image_size;
    ck_assert_msg(boot_load(m, config, why, sizeof(why)), "%s", why);
    return m;
}

static struct machine_end run_to(struct machine *m, u64 count)
{
    return machine_run(m, (struct machine_limits){.max_instructions = count});
}

static void save(struct machine *m, struct state_memory *to)
{
    struct state s = {.stream = state_memory_writer(to)};

    machine_state(m, &s);
    ck_assert_msg(!s.failed, "%s", s.why);
}

static void load(struct machine *m, struct state_memory *from)
{
    struct state s = {.stream = state_memory_reader(from)};

    machine_state(m, &s);
    ck_assert_msg(!s.failed, "%s", s.why);
    ck_assert_uint_eq(from->at, from->size);
}

static void same(struct machine *a, struct machine *b)
{
    struct cpu_state x, y;

    memset(&x, 0, sizeof(x)), memset(&y, 0, sizeof(y));
    cpu_get_state(machine_cpu(a), &x);
    cpu_get_state(machine_cpu(b), &y);
    ck_assert_uint_eq(cpu_icount(machine_cpu(a)), cpu_icount(machine_cpu(b)));
    ck_assert_uint_eq(machine_time(a), machine_time(b));
    ck_assert_int_eq(memcmp(&x, &y, sizeof(x)), 0);
    ck_assert_uint_eq(phys_ram_hash(machine_phys(a)), phys_ram_hash(machine_phys(b)));
}

/* ---- What a run makes of a state's options ---- */

/* Only a drive for CDs or floppy disks can be empty: a disk is its image. */
START_TEST(a_disk_without_an_image)
{
    struct saved *s = calloc(1, sizeof(*s));
    struct options o = {0};
    char why[256] = "";

    s->path = "x.state";
    s->options.drive[0] = (struct saved_drive){.used = true, .cdrom = true};
    s->options.drive[MACHINE_DRIVES] = (struct saved_drive){.used = true};
    ck_assert_msg(saved_settle(s, &o, why, sizeof(why)), "%s", why);
    s->options.drive[0].cdrom = false;
    o = (struct options){0};
    ck_assert(!saved_settle(s, &o, why, sizeof(why)));
    ck_assert_str_eq(why, "x.state: is damaged: it has a disk without an image");
    free(s);
}
END_TEST

/* ---- Every struct, by its table ---- */

struct tables {
    const struct state_table *table[128];
    unsigned count;
};

static void note_table(struct tables *t, const struct state_table *table)
{
    for (unsigned i = 0; i < t->count; i++)
        if (t->table[i] == table)
            return;
    ck_assert_uint_lt(t->count, 128);
    t->table[t->count++] = table;
    for (u32 i = 0; i < table->fields; i++)
        if (table->field[i].kind == STATE_KIND_STRUCT)
            note_table(t, table->field[i].table);
}

static void on_table(void *ctx, const struct state_table *table) { note_table(ctx, table); }

static void all_tables(struct tables *t)
{
    struct machine *m = make(1 << 20);
    struct state_memory bytes = {0};
    struct state s = {.stream = state_memory_writer(&bytes), .visit = on_table, .visit_ctx = t};

    machine_config_save(m, &s);
    machine_state(m, &s);
    ck_assert(!s.failed);
    ck_assert_uint_gt(t->count, 40);
    state_memory_free(&bytes);
    machine_destroy(m);
}

static bool is_timer(const struct state_field *f) { return f->custom == clock_timer_state; }

/* Custom members belong to whole machines, timers aside. */
static bool is_plain(const struct state_table *t)
{
    for (u32 i = 0; i < t->fields; i++) {
        const struct state_field *f = &t->field[i];

        if ((f->kind == STATE_KIND_CUSTOM && !is_timer(f)) || (f->kind == STATE_KIND_STRUCT && !is_plain(f->table)))
            return false;
    }
    return true;
}

static u64 random64(void) { return (u64)random() << 62 ^ (u64)random() << 31 ^ (u64)random(); }

static void randomize(const struct state_table *t, u8 *object)
{
    for (u32 i = 0; i < t->fields; i++) {
        const struct state_field *f = &t->field[i];
        u8 *at = object + f->offset;

        for (u32 n = 0; f->kind == STATE_KIND_BYTES && n < f->size; n++)
            at[n] = (u8)random();
        for (u32 n = 0; f->kind == STATE_KIND_STRUCT && n < f->size; n += f->table->size)
            randomize(f->table, at + n);
        for (u32 n = 0; f->kind == STATE_KIND_NUMBER && n < f->size; n += f->width) {
            u64 span = (u64)f->high - (u64)f->low + 1, value = (u64)f->low + (span ? random64() % span : random64());

            memcpy(at + n, &value, f->width);
        }
        if (is_timer(f))
            ((struct timer *)at)->at = random() & 1 ? CLOCK_NEVER : (u64)random();
    }
}

/* The first kept byte that differs, as a field's name; NULL if none does. */
static const char *difference(const struct state_table *t, const u8 *a, const u8 *b)
{
    for (u32 i = 0; i < t->fields; i++) {
        const struct state_field *f = &t->field[i];
        const char *inner = NULL;

        for (u32 n = 0; f->kind == STATE_KIND_STRUCT && n < f->size && !inner; n += f->table->size)
            inner = difference(f->table, a + f->offset + n, b + f->offset + n);
        if (inner)
            return inner;
        if ((f->kind == STATE_KIND_BYTES || f->kind == STATE_KIND_NUMBER) &&
            memcmp(a + f->offset, b + f->offset, f->size) != 0)
            return f->name;
        if (is_timer(f) && ((const struct timer *)(a + f->offset))->at != ((const struct timer *)(b + f->offset))->at)
            return f->name;
    }
    return NULL;
}

static u64 no_time(void *ctx)
{
    (void)ctx;
    return 0;
}

static void blank(const struct state_table *t, u8 *object)
{
    memset(object, 0, t->size);
    for (u32 i = 0; i < t->fields; i++) {
        const struct state_field *f = &t->field[i];

        if (is_timer(f))
            *(struct timer *)(object + f->offset) = timer_make(NULL, NULL);
        for (u32 n = 0; f->kind == STATE_KIND_STRUCT && n < f->size; n += f->table->size)
            blank(f->table, object + f->offset + n);
    }
}

static void there_and_back(const struct state_table *t, u8 *a, u8 *b)
{
    struct clock *clock = clock_create(no_time, NULL);
    struct state_memory bytes = {0};
    struct state out = {.stream = state_memory_writer(&bytes), .timers = clock}, in = {.timers = clock};
    const char *where;

    blank(t, a), blank(t, b);
    randomize(t, a);
    state_struct(&out, t, a);
    ck_assert(!out.failed);
    in.stream = state_memory_reader(&bytes);
    clock_state_begin(clock, &in);
    state_struct(&in, t, b);
    ck_assert_msg(!in.failed, "%s: %s", t->name, in.why);
    ck_assert_uint_eq(bytes.at, bytes.size);
    where = difference(t, a, b);
    ck_assert_msg(!where, "%s.%s is not what it was", t->name, where ? where : "");
    state_memory_free(&bytes);
    clock_destroy(clock);
}

START_TEST(test_every_struct_there_and_back)
{
    struct tables t = {.count = 0};

    all_tables(&t);
    srandom(1);
    for (unsigned i = 0; i < t.count; i++) {
        u8 *a = calloc(1, t.table[i]->size), *b = calloc(1, t.table[i]->size);

        for (unsigned n = 0; is_plain(t.table[i]) && n < 20; n++)
            there_and_back(t.table[i], a, b);
        free(a), free(b);
    }
}
END_TEST

/* One value beyond each end of the range of each number: refused by name, and not stored. */
static void beyond(const struct state_table *t, const struct state_field *f, s64 value, u8 *a, u8 *b)
{
    struct clock *clock = clock_create(no_time, NULL);
    struct state_memory bytes = {0};
    struct state out = {.stream = state_memory_writer(&bytes), .timers = clock}, in = {.timers = clock};

    snprintf(in.section, sizeof(in.section), "here");
    blank(t, a), blank(t, b);
    randomize(t, a);
    memcpy(a + f->offset + f->size - f->width, &value, f->width);
    memcpy(b + f->offset + f->size - f->width, &f->low, f->width);
    state_struct(&out, t, a);
    in.stream = state_memory_reader(&bytes);
    clock_state_begin(clock, &in);
    state_struct(&in, t, b);
    ck_assert_msg(in.failed, "%s.%s takes %lld", t->name, f->name, (long long)value);
    ck_assert_msg(strncmp(in.why, "here.", 5) == 0 && !strncmp(in.why + 5, f->name, strlen(f->name)), "%s", in.why);
    ck_assert_msg(memcmp(b + f->offset + f->size - f->width, &value, f->width) != 0, "%s.%s was stored", t->name,
                  f->name);
    state_memory_free(&bytes);
    clock_destroy(clock);
}

/* Can the member's type hold this value, and does it mean it? */
static bool holds(const struct state_field *f, s64 value)
{
    s64 back = 0;

    memcpy(&back, &value, f->width);
    if (f->low < 0 && f->width < 8)
        back = (s64)((u64)back << (64 - 8 * f->width)) >> (64 - 8 * f->width);
    return back == value;
}

START_TEST(test_every_range_is_held_to)
{
    struct tables t = {.count = 0};
    unsigned checked = 0;

    all_tables(&t);
    for (unsigned i = 0; i < t.count; i++) {
        const struct state_table *table = t.table[i];
        u8 *a = calloc(1, table->size), *b = calloc(1, table->size);

        for (u32 n = 0; is_plain(table) && n < table->fields; n++) {
            const struct state_field *f = &table->field[n];

            if (f->kind != STATE_KIND_NUMBER)
                continue;
            if (f->high != INT64_MAX && holds(f, f->high + 1))
                beyond(table, f, f->high + 1, a, b), checked++;
            if (f->low != INT64_MIN && holds(f, f->low - 1))
                beyond(table, f, f->low - 1, a, b), checked++;
        }
        free(a), free(b);
    }
    ck_assert_uint_gt(checked, 100);
}
END_TEST

START_TEST(test_every_member_is_accounted_for)
{
    struct tables t = {.count = 0};

    all_tables(&t);
    ck_assert(members_open());
    for (unsigned i = 0; i < t.count; i++) {
        char why[256];

        ck_assert_msg(members_accounted(t.table[i], why, sizeof(why)), "%s", why);
    }
    members_close();
}
END_TEST

/* The check itself: a table that leaves a member out is noticed. */
struct left_out {
    u8 kept, forgotten;
    u32 number;
    bool flag;
    struct timer *pointer;
};
struct left_out left_out_example; /* so that the compiler describes it */

START_TEST(test_a_forgotten_member_is_noticed)
{
    static const struct state_field whole[] = {STATE_ANY(left_out, kept), STATE_ANY(left_out, forgotten),
                                               STATE_ANY(left_out, number), STATE_BOOL(left_out, flag),
                                               STATE_WIRED(left_out, pointer)};
    static const struct state_field less[] = {STATE_ANY(left_out, kept), STATE_ANY(left_out, number),
                                              STATE_BOOL(left_out, flag), STATE_WIRED(left_out, pointer)};
    static const struct state_field raw_bool[] = {STATE_ANY(left_out, kept), STATE_ANY(left_out, forgotten),
                                                  STATE_ANY(left_out, number), STATE_ANY(left_out, flag),
                                                  STATE_WIRED(left_out, pointer)};
    static const struct state_field raw_pointer[] = {STATE_ANY(left_out, kept), STATE_ANY(left_out, forgotten),
                                                     STATE_ANY(left_out, number), STATE_BOOL(left_out, flag),
                                                     STATE_ANY(left_out, pointer)};
    const struct state_table good = STATE_TABLE(left_out, whole),
                             bad[] = {STATE_TABLE(left_out, less), STATE_TABLE(left_out, raw_bool),
                                      STATE_TABLE(left_out, raw_pointer)};
    char why[256] = "";

    ck_assert(members_open());
    ck_assert_msg(members_accounted(&good, why, sizeof(why)), "%s", why);
    for (unsigned i = 0; i < 3; i++)
        ck_assert(!members_accounted(&bad[i], why, sizeof(why)));
    members_close();
}
END_TEST

/* ---- Whole machines ---- */

START_TEST(test_goes_on_in_another_machine)
{
    struct boot_config ca, cb;
    struct machine *a = boot(8 << 20, &ca);

    for (u64 at = 1; at < 1700000; at = at * 3 + 12345) {
        struct machine *b = boot(8 << 20, &cb);
        struct state_memory bytes = {0}, again = {0};

        run_to(a, at);
        save(a, &bytes);
        load(b, &bytes);
        save(b, &again); /* nothing is lost or added on the way */
        ck_assert_uint_eq(bytes.size, again.size);
        ck_assert_int_eq(memcmp(bytes.bytes, again.bytes, bytes.size), 0);
        run_to(b, at + 200000);
        run_to(a, at + 200000);
        same(a, b);
        machine_destroy(b);
        machine_destroy(a);
        a = boot(8 << 20, &ca);
        state_memory_free(&bytes);
        state_memory_free(&again);
    }
    machine_destroy(a);
}
END_TEST

/* ---- Snapshots ---- */

static double ms_since(const struct timespec *begun)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)(now.tv_sec - begun->tv_sec) * 1e3 + (double)(now.tv_nsec - begun->tv_nsec) / 1e6;
}

static struct machine_snapshot *take(struct machine *m)
{
    char why[256] = "";
    struct machine_snapshot *s = machine_snapshot(m, why, sizeof(why));

    ck_assert_msg(s != NULL, "%s", why);
    return s;
}

static void go_back(struct machine *m, const struct machine_snapshot *s)
{
    char why[256] = "";

    ck_assert_msg(machine_restore(m, s, why, sizeof(why)), "%s", why);
}

/* Forwards and back between several, in random order, and each time the same machine. */
START_TEST(test_snapshots)
{
    enum { COUNT = 12, STEP = 60000 };
    struct boot_config config;
    struct machine *m = boot(16 << 20, &config);
    struct machine_snapshot *taken[COUNT];
    u64 ram[COUNT], time[COUNT];

    for (unsigned i = 0; i < COUNT; i++) {
        ck_assert_uint_eq(run_to(m, (i + 1) * STEP).icount, (i + 1) * STEP);
        ram[i] = phys_ram_hash(machine_phys(m));
        time[i] = machine_time(m);
        taken[i] = take(m);
    }
    srandom(2);
    for (unsigned n = 0; n < 60; n++) {
        unsigned i = (unsigned)random() % (COUNT - 1);

        go_back(m, taken[i]);
        ck_assert_uint_eq(machine_time(m), time[i]);
        ck_assert_uint_eq(phys_ram_hash(machine_phys(m)), ram[i]);
        if (n == 30) { /* what others hold stays when one goes */
            machine_snapshot_free(m, taken[i]);
            taken[i] = take(m);
        }
        run_to(m, (i + 2) * STEP);
        ck_assert_uint_eq(machine_time(m), time[i + 1]);
        ck_assert_uint_eq(phys_ram_hash(machine_phys(m)), ram[i + 1]);
    }
    for (unsigned i = 0; i < COUNT; i++)
        machine_snapshot_free(m, taken[i]);
    machine_destroy(m);
}
END_TEST

/* 512 MiB that the guest has filled: under 10 ms of processor time, the best of some tries. */
START_TEST(test_a_snapshot_is_quick)
{
    struct boot_config config;
    struct machine *m = boot(512ull << 20, &config);
    struct machine_snapshot *first;
    double best = 1e9, back = 1e9;
    struct timespec begun;

    run_to(m, 100000);
    for (u64 at = 16 << 20; at < 512 << 20; at += PAGE_SIZE)
        phys_write(machine_phys(m), at, at * 7919, 8);
    first = take(m);
    for (unsigned n = 0; n < 5; n++) {
        struct machine_snapshot *s;

        run_to(m, 200000 + n * 100000);
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begun);
        s = take(m);
        best = ms_since(&begun) < best ? ms_since(&begun) : best;
        run_to(m, 250000 + n * 100000);
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begun);
        go_back(m, s);
        back = ms_since(&begun) < back ? ms_since(&begun) : back;
        machine_snapshot_free(m, s);
    }
    printf("## a snapshot of 512 MiB: %.2f ms, back: %.2f ms\n", best, back);
#if !defined(__SANITIZE_ADDRESS__) && !defined(FAULTLINE_COVERAGE)
    ck_assert_msg(best < 10 && back < 10, "%.2f ms, %.2f ms", best, back);
#endif
    machine_snapshot_free(m, first);
    machine_destroy(m);
}
END_TEST

/* ---- Tampering ---- */

static void tamper(struct state_memory *bad, const struct state_memory *good, unsigned n)
{
    memcpy(bad->bytes, good->bytes, good->size);
    bad->size = n % 5 == 0 ? (u64)random() % good->size : good->size;
    for (unsigned i = 0; i <= n % 4; i++)
        bad->bytes[(u64)random() % good->size] ^= (u8)(1u << random() % 8);
    if (n % 7 == 0)
        memset(bad->bytes + (u64)random() % (good->size - 16), (int)random(), 16);
}

/* Beyond the reach of checksums: each is refused with a line, or makes a machine that runs. Whatever it was, the
 * machine can go back to what it was before. */
START_TEST(test_tampered_states)
{
    struct boot_config config, other;
    struct machine *m = boot(8 << 20, &config), *reference;
    struct state_memory good = {0}, bad = {0};
    struct machine_snapshot *before;
    unsigned refused = 0;
    u64 ram;

    ck_assert_uint_eq(run_to(m, 700000).icount, 700000);
    ram = phys_ram_hash(machine_phys(m));
    save(m, &good);
    before = take(m);
    bad.bytes = malloc(good.size);
    srandom(3);
    for (unsigned n = 0; n < 1000; n++) {
        struct state s = {.failed = false};

        tamper(&bad, &good, n);
        s.stream = state_memory_reader(&bad);
        machine_state(m, &s);
        ck_assert(!s.failed || (*s.why && !strchr(s.why, '\n')));
        refused += s.failed;
        if (!s.failed)
            run_to(m, cpu_icount(machine_cpu(m)) + 20000);
        go_back(m, before);
    }
    printf("## of 1000 tampered states %u were refused, the others ran\n", refused);
    ck_assert_uint_gt(refused, 200);
    ck_assert_uint_eq(phys_ram_hash(machine_phys(m)), ram);
    reference = boot(8 << 20, &other);
    ck_assert_uint_eq(run_to(m, 1200000).icount, 1200000);
    run_to(reference, 1200000);
    same(m, reference);
    machine_destroy(reference);
    machine_snapshot_free(m, before);
    machine_destroy(m);
    state_memory_free(&good);
    free(bad.bytes);
}
END_TEST

/* ---- Files ---- */

static size_t read_whole(const char *path, u8 *bytes, size_t room)
{
    FILE *f = fopen(path, "rb");
    size_t n;

    ck_assert_ptr_nonnull(f);
    n = fread(bytes, 1, room, f);
    fclose(f);
    return n;
}

static void write_whole(const char *path, const u8 *bytes, size_t size)
{
    FILE *f = fopen(path, "wb");

    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(bytes, 1, size, f), size);
    fclose(f);
}

static void save_file(const char *path)
{
    struct boot_config config;
    struct machine *m = boot(8 << 20, &config);
    char why[512] = "";
    struct state_file *f = state_file_create(path, why, sizeof(why));
    struct state s = {.stream = state_file_stream(f)};

    ck_assert_msg(f != NULL, "%s", why);
    run_to(m, 300000);
    machine_state(m, &s);
    ck_assert_msg(state_file_finish(f, &s, why, sizeof(why)), "%s", why);
    machine_destroy(m);
}

/* A thousand damaged files: cut off, with bits turned over, with more behind. None passes. */
START_TEST(test_damaged_files)
{
    enum { ROOM = 4 << 20 };
    char path[] = "/tmp/faultline-state-XXXXXX", why[512];
    u8 *good = malloc(ROOM), *bad = malloc(ROOM);
    struct state_file *f;
    size_t size;
    int fd = mkstemp(path);

    ck_assert_int_ge(fd, 0);
    close(fd);
    save_file(path);
    size = read_whole(path, good, ROOM - 8);
    f = state_file_open(path, why, sizeof(why));
    ck_assert_msg(f != NULL, "%s", why);
    state_file_close(f);
    srandom(4);
    for (unsigned n = 0; n < 1000; n++) {
        size_t length = n % 3 == 0 ? (size_t)random() % size : n % 3 == 1 ? size : size + 1 + (size_t)random() % 8;

        memset(bad + size, 0, 8);
        memcpy(bad, good, size);
        if (n % 3 == 1)
            bad[n % 2 ? (size_t)random() % 32 : (size_t)random() % size] ^= (u8)(1u << random() % 8);
        write_whole(path, bad, length);
        *why = '\0';
        f = state_file_open(path, why, sizeof(why));
        ck_assert_msg(!f, "damage %u passed", n);
        ck_assert_msg(!strncmp(why, path, strlen(path)) && !strchr(why, '\n'), "%s", why);
    }
    unlink(path);
    free(good);
    free(bad);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("state");
    TCase *tables = tcase_create("tables"), *machines = tcase_create("machines");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_test(tables, a_disk_without_an_image);
    tcase_add_test(tables, test_every_struct_there_and_back);
    tcase_add_test(tables, test_every_range_is_held_to);
    tcase_add_test(tables, test_every_member_is_accounted_for);
    tcase_add_test(tables, test_a_forgotten_member_is_noticed);
    tcase_add_test(machines, test_goes_on_in_another_machine);
    tcase_add_test(machines, test_snapshots);
    tcase_add_test(machines, test_a_snapshot_is_quick);
    tcase_add_test(machines, test_tampered_states);
    tcase_add_test(machines, test_damaged_files);
    tcase_set_timeout(tables, 120);
    tcase_set_timeout(machines, 600);
    suite_add_tcase(suite, tables);
    suite_add_tcase(suite, machines);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

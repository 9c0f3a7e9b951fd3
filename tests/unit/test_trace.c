/* SPDX-License-Identifier: MIT */
/* Traces: what is written is read back, in every format; what is cut off or damaged is said to be. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "frontend/flt.h"
#include "frontend/trace_read.h"
#include "frontend/trace_write.h"

enum { RECORDS = 2500, FEW = 40, LINE = 16384 };

static u64 seed;

static u64 any(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

/* As a guest's, and now and then anything at all. */
static struct record make_record(u64 n, bool wild)
{
    struct record r = {.seq = n + 1, .vector = 14, .has_error = true, .during = -1, .parent = RECORD_NONE};
    u64 base = 0x1000;

    r.icount = wild ? any() : 1000 * n + any() % 500;
    r.time_ns = r.icount + (any() % 3 ? 0 : 77);
    r.cr2 = wild ? any() : 0x7ffd00000000 + any() % 0x100000;
    r.cr3 = base;
    r.cr4 = r.efer = any() % 2 ? 0 : 0x20;
    r.rip = 0x400000 + any() % 64;
    r.cpl = any() % 2 ? 3 : 0;
    r.error = (u32)(any() & 7);
    r.mode = MODE_LONG64;
    r.walk.cause = (enum fault_cause)(1 + any() % (CAUSE_COUNT - 1));
    r.walk.also = (u32)any() & 0x3fe;
    r.walk.level = 1;
    r.walk.steps = (u8)(any() % (WALK_MAX_STEPS + 1));
    for (unsigned i = 0; i < r.walk.steps; i++)
        r.walk.step[i] = (struct walk_step){(u8)(r.walk.steps - i), wild ? any() : base + 8 * (any() % 512), any()};
    r.access.kind = (enum access_kind)(any() % 3);
    r.bytes_count = (u8)(any() % 16);
    r.outcome = (enum outcome)(any() % OUTCOME_COUNT);
    r.entries = any() % 4;
    r.pte_after = any();
    r.handled_at = any() % 5 ? r.icount + any() % 100000 : RECORD_NONE;
    if (wild && any() % 2) {
        r.vector = 13;
        r.during = 14;
        r.parent = any();
    }
    return r;
}

static void write_trace(const char *path, enum trace_format format, unsigned records, bool wild)
{
    struct trace_schema schema;
    struct trace_writer *w;
    struct output out;
    char why[256], scratch[TRACE_SCRATCH];

    seed = 88172645463325252;
    trace_schema_init(&schema);
    ck_assert(output_open(&out, path, why, sizeof(why)));
    w = trace_writer_create(&out, format, &schema);
    for (unsigned i = 0; i < records; i++) {
        struct record r = make_record(i, wild && i % 7 == 0);
        struct disasm_line line = {.length = 1};
        struct trace_row row;

        snprintf(line.text, sizeof(line.text), "mov rax, [\"%u\\\"]", i % 50);
        trace_row_of(&row, &r, i % 9 ? &line : NULL, scratch);
        trace_writer_row(w, &row);
    }
    trace_writer_end(w);
    trace_writer_destroy(w);
    ck_assert(output_close(&out));
}

/* The file's records as .jsonl lines, appended to `to`; how many. */
static u64 read_trace(const char *path, FILE *to, char fault[640], char note[640])
{
    struct trace_reader *t = trace_reader_open(path, fault, 640);
    const struct trace_row *row;
    u64 n;

    *note = '\0';
    if (!t)
        return 0;
    *fault = '\0';
    while ((row = trace_reader_next(t))) {
        static char line[LINE];
        struct text text = TEXT_OVER(line);

        ck_assert_uint_le(trace_row_bound(trace_reader_schema(t), row), LINE);
        json_row(&text, trace_reader_schema(t), row);
        if (to)
            fwrite(line, 1, (size_t)(text.at - line), to);
    }
    n = trace_reader_records(t);
    if (trace_reader_fault(t))
        snprintf(fault, 640, "%s", trace_reader_fault(t));
    if (trace_reader_note(t))
        snprintf(note, 640, "%s", trace_reader_note(t));
    trace_reader_close(t);
    return n;
}

static char *text_of(const char *path, size_t *size, u64 records)
{
    char *text = NULL, fault[640], note[640];
    FILE *to = open_memstream(&text, size);

    ck_assert_uint_eq(read_trace(path, to, fault, note), records);
    fclose(to);
    ck_assert_str_eq(fault, "");
    ck_assert_str_eq(note, "");
    return text;
}

static void temporary(char path[64], const char *suffix)
{
    snprintf(path, 64, "/tmp/faultline-%ld-trace.%s", (long)getpid(), suffix);
}

START_TEST(formats_agree)
{
    static const char *const suffixes[] = {"jsonl", "csv", "flt"};
    char path[64], *first = NULL;
    size_t first_size = 0;

    for (int i = 0; i < 3; i++) {
        size_t size;
        char *text;

        temporary(path, suffixes[i]);
        write_trace(path, trace_format_of(path), RECORDS, true);
        text = text_of(path, &size, RECORDS);
        if (!first) {
            first = text;
            first_size = size;
            continue;
        }
        ck_assert_msg(size == first_size && !memcmp(text, first, size), "%s says other than .jsonl", suffixes[i]);
        free(text);
        unlink(path);
    }
    temporary(path, "jsonl");
    unlink(path);
    free(first);
}
END_TEST

static u8 *load(const char *path, size_t *size)
{
    FILE *f = fopen(path, "rb");
    u8 *bytes = malloc(1 << 20);

    *size = fread(bytes, 1, 1 << 20, f);
    fclose(f);
    return bytes;
}

static void store(const char *path, const u8 *bytes, size_t size)
{
    FILE *f = fopen(path, "wb");

    fwrite(bytes, 1, size, f);
    fclose(f);
}

/* Cut off anywhere: a note, no fault, and the whole records before. */
START_TEST(cut_off)
{
    static const char *const suffixes[] = {"flt", "jsonl", "csv"};
    char path[64], fault[640], note[640];
    u64 last = 0;
    size_t size;
    u8 *bytes;

    temporary(path, suffixes[_i]);
    write_trace(path, trace_format_of(path), FEW, false);
    bytes = load(path, &size);
    for (size_t n = _i ? size - 3000 : 17; n < size; n += _i ? 7 : 1) {
        u64 records;

        store(path, bytes, n);
        records = read_trace(path, NULL, fault, note);
        ck_assert_msg(!*fault, "cut at %zu of %zu: %s", n, size, fault);
        ck_assert_msg(*note || bytes[n - 1] == '\n' || bytes[n] == '\n', "cut at %zu of %zu: nothing said", n, size);
        ck_assert(records >= last && records <= FEW);
        last = records;
    }
    unlink(path);
    free(bytes);
}
END_TEST

/* A flipped bit anywhere in a .flt file: said in one line, and nothing that was not written is read. */
START_TEST(damaged)
{
    char path[64], fault[640], note[640];
    size_t size, whole_size;
    char *whole;
    u8 *bytes;

    temporary(path, "flt");
    write_trace(path, TRACE_FLT, FEW, false);
    whole = text_of(path, &whole_size, FEW);
    bytes = load(path, &size);
    for (size_t at = 0; at < size; at++) {
        char *text = NULL;
        size_t n;
        FILE *to = open_memstream(&text, &n);

        bytes[at] ^= (u8)(1 << at % 8);
        store(path, bytes, size);
        read_trace(path, to, fault, note);
        fclose(to);
        ck_assert_msg(*fault || *note, "byte %zu flipped, and nothing said", at);
        ck_assert(!strchr(fault, '\n'));
        ck_assert_msg(n <= whole_size && !memcmp(text, whole, n), "byte %zu flipped, and other records read", at);
        bytes[at] ^= (u8)(1 << at % 8);
        free(text);
    }
    unlink(path);
    free(whole);
    free(bytes);
}
END_TEST

static const struct {
    const char *text, *says;
} refused[] = {
    {"[\n]\n", "a trace for Perfetto"},
    {"hello\n", "neither a trace nor"},
    {"{\"seq\":1", ""},
    {"{\"seq\":1}\n{\"seq\":x}\n", "line 2: the value of seq"},
    {"{\"seq\":-1}\n", "line 1: the value of seq"},
    {"{\"seq\":18446744073709551616}\n", "line 1: the value of seq"},
    {"{\"cr2\":\"0x12345678123456789\"}\n", "line 1: the value of cr2"},
    {"{\"walk\":[{\"level\":1,\"at\":\"0x0\",\"entry\":\"0x0\"},]}\n", "line 1: the value of walk"},
    {"{\"bytes\":\"0g\"}\n", "line 1: bytes: not hexadecimal"},
    {"{\"bytes\":\"000\"}\n", "line 1: bytes: an odd number"},
    {"{\"new\":[1,2}\n", "line 1: the value of new"},
    {"{\"why\":\"\\q\"}\n", "line 1: the value of why"},
    {"{} {}\n", "line 1: something follows"},
    {"seq,seq\n", "line 1: a column too many"},
    {"seq,cr2\n1\n", "line 2: 1 columns of 2"},
    {"seq,cr2\n1,2,3\n", "line 2: more than 2"},
    {"seq,why\n1,\"a\"b\n", "line 2: why: its quotes"},
    {"seq,walk\n1,1:2:3\n", "line 2: walk: not LEVEL"},
    {"seq\n0x\n", "line 2: seq: not a"},
};

START_TEST(refusals)
{
    char path[64], fault[640], note[640];

    temporary(path, "text");
    store(path, (const u8 *)refused[_i].text, strlen(refused[_i].text));
    read_trace(path, NULL, fault, note);
    ck_assert_msg(strstr(fault, refused[_i].says), "%s: '%s'", refused[_i].text, fault);
    ck_assert_msg(*fault || *note, "%s: taken", refused[_i].text);
    unlink(path);
}
END_TEST

/* Keys that we do not know go along. */
START_TEST(unknown_keys)
{
    static const char line[] = "{\"seq\":7, \"cr2\" : \"0x1000\",\"who\":{\"a\":[1,\"0x1000 0x77 "
                               "123456\"]},\"why\":\"a \\\"b\\\" \\u00e9\"}\n";
    char path[64], *text;
    size_t size;

    temporary(path, "jsonl");
    store(path, (const u8 *)line, strlen(line));
    text = text_of(path, &size, 1);
    ck_assert_ptr_nonnull(strstr(text, "\"seq\":7,"));
    ck_assert_ptr_nonnull(strstr(text, "\"why\":\"a \\\"b\\\" \xc3\xa9\","));
    ck_assert_ptr_nonnull(strstr(text, ",\"who\":{\"a\":[1,\"0x1000 0x77 123456\"]}}"));
    free(text);
    unlink(path);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("trace");
    TCase *t = tcase_create("files");
    SRunner *runner;
    int failed;

    suite_add_tcase(s, t);
    tcase_set_timeout(t, 600);
    tcase_add_test(t, formats_agree);
    tcase_add_loop_test(t, cut_off, 0, 3);
    tcase_add_test(t, damaged);
    tcase_add_loop_test(t, refusals, 0, (int)(sizeof(refused) / sizeof(refused[0])));
    tcase_add_test(t, unknown_keys);
    runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

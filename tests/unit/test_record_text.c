/* SPDX-License-Identifier: MIT */
/* Fault records as text: a record made by hand, in the two text formats. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "frontend/output.h"
#include "frontend/record.h"
#include "frontend/trace.h"
#include "frontend/writers.h"

/* The example of the trace format's description. */
static struct record example(void)
{
    struct record r = {
        .seq = 17,
        .icount = 81734021,
        .time_ns = 90211000,
        .parent = RECORD_NONE,
        .during = -1,
        .vector = 14,
        .has_error = true,
        .error = 6,
        .cr2 = 0x7f12a000,
        .access = {.kind = ACCESS_WRITE, .user = true},
        .size = 8,
        .walk = {.cause = CAUSE_NOT_PRESENT,
                 .error = 6,
                 .level = 1,
                 .steps = 2,
                 .step = {{2, 0x1f01bf0, 0x1f33067}, {1, 0x1f33950, 0}}},
        .cs = 0x33,
        .cpl = 3,
        .mode = MODE_LONG64,
        .code_bits = 64,
        .rip = 0x401136,
        .rsp = 0x7ffc10,
        .rflags = 0x10246,
        .cr0 = 0x80050033,
        .cr3 = 0x1e4c000,
        .cr4 = 0x3506f0,
        .efer = 0xd01,
        .bytes_count = 15,
        .bytes = {0x48, 0xc7, 0x00, 0x01, 0x00, 0x00, 0x00, 0xcc},
        .outcome = OUTCOME_MAPPED,
        .entries = true,
        .pte_after = 0x8000000012345867,
        .handled_at = 81734021 + 2113,
    };

    return r;
}

static const char expected_json[] =
    "{\"seq\":17,\"icount\":81734021,\"time_ns\":90211000,\"cpu\":0,\"vector\":14,\"parent\":null,\"during\":null,"
    "\"cr2\":\"0x7f12a000\",\"error\":6,\"bits\":[\"W\",\"U\"],\"cause\":\"not-present\",\"also\":[],\"level\":1,"
    "\"why\":\"PTE of 0x7f12a000 is not present\",\"cure\":\"P=1 in the PTE at 0x1f33950\","
    "\"rip\":\"0x401136\",\"cs\":\"0x33\",\"cpl\":3,\"mode\":\"long64\",\"rsp\":\"0x7ffc10\",\"rflags\":\"0x10246\","
    "\"cr0\":\"0x80050033\",\"cr3\":\"0x1e4c000\",\"cr4\":\"0x3506f0\",\"efer\":\"0xd01\",\"pkru\":\"0x0\","
    "\"access\":\"write\",\"size\":8,\"implicit\":null,\"bytes\":\"48c70001000000\","
    "\"insn\":\"mov qword ptr [rax], 1\",\"symbol\":null,"
    "\"walk\":[{\"level\":2,\"at\":\"0x1f01bf0\",\"entry\":\"0x1f33067\"},"
    "{\"level\":1,\"at\":\"0x1f33950\",\"entry\":\"0x0\"}],"
    "\"outcome\":\"mapped\",\"then\":null,\"pte_before\":\"0x0\",\"pte_after\":\"0x8000000012345867\","
    "\"handler_instructions\":2113,\"writer\":null,\"changes\":null,\"source\":null,\"backtrace\":[]}\n";

/* As a trace file has it. */
static void put_row(struct text *t, const struct record *r, const struct disasm_line *line,
                    void (*put)(struct text *, const struct trace_schema *, const struct trace_row *))
{
    struct trace_schema schema;
    struct trace_row row;
    char scratch[TRACE_SCRATCH];

    trace_schema_init(&schema);
    trace_row_of(&row, r, line, scratch);
    put(t, &schema, &row);
    ck_assert_uint_lt(trace_row_bound(&schema, &row), OUTPUT_ROOM);
}

START_TEST(json)
{
    struct record r = example();
    struct disasm *d = disasm_create();
    char buffer[4096];
    struct text t = TEXT_OVER(buffer);

    put_row(&t, &r, record_line(d, &r), json_row);
    text_end(&t);
    ck_assert_str_eq(buffer, expected_json);
    disasm_destroy(d);
}
END_TEST

/* Columns of a line, with quotes as RFC 4180 has them. */
static unsigned columns(const char *line)
{
    unsigned n = 1;
    bool quoted = false;

    for (; *line && *line != '\n'; line++) {
        quoted ^= *line == '"';
        n += *line == ',' && !quoted;
    }
    ck_assert(!quoted);
    return n;
}

START_TEST(csv)
{
    struct record r = example();
    struct disasm *d = disasm_create();
    struct trace_schema schema;
    char header[4096], line[4096];
    struct text h = TEXT_OVER(header), t = TEXT_OVER(line);

    trace_schema_init(&schema);
    csv_columns(&h, &schema);
    text_end(&h);
    put_row(&t, &r, record_line(d, &r), csv_row);
    text_end(&t);
    ck_assert(!strncmp(header, "seq,icount,time_ns,cpu,vector,parent,during,cr2,error,bits,cause,also,level,", 76));
    ck_assert_uint_eq(columns(header), columns(line));
    ck_assert(!strncmp(line, "17,81734021,90211000,0,14,,,0x7f12a000,6,W;U,not-present,,1,\"PTE of", 66));
    ck_assert_ptr_nonnull(strstr(line, ",\"mov qword ptr [rax], 1\",,2:0x1f01bf0:0x1f33067;1:0x1f33950:0x0,mapped,,"));
    disasm_destroy(d);
}
END_TEST

/* Worst cases stay far from the room that is reserved for a record. */
START_TEST(longest_record)
{
    struct record r = {.has_error = true, .entries = true};
    struct disasm_line line = {.length = 15};
    char buffer[8192];
    struct text t = TEXT_OVER(buffer);

    r.seq = r.icount = r.time_ns = r.cr2 = r.rip = r.rsp = r.rflags = r.cr0 = r.cr3 = r.cr4 = r.efer = UINT64_MAX;
    r.pte_before = r.pte_after = UINT64_MAX;
    r.error = r.pkru = UINT32_MAX;
    r.walk.also = UINT32_MAX;
    r.cs = 0xffff;
    memset(line.text, 'x', sizeof(line.text) - 1);
    r.vector = 14;
    r.cpl = 3;
    r.mode = MODE_LONG64;
    r.during = 14;
    r.parent = 1;
    r.outcome = OUTCOME_SWITCHED;
    r.then = OUTCOME_MADE_WRITABLE;
    r.access = (struct access){.kind = ACCESS_EXECUTE, .implicit = IMPLICIT_EXCEPTION_STACK};
    r.walk.cause = CAUSE_SUPERVISOR_PAGE;
    r.walk.steps = WALK_MAX_STEPS;
    for (int i = 0; i < WALK_MAX_STEPS; i++)
        r.walk.step[i] = (struct walk_step){.level = 3, .at = UINT64_MAX, .entry = UINT64_MAX & ~(u64)PTE_U};
    put_row(&t, &r, &line, json_row);
    ck_assert_uint_lt((size_t)(t.at - buffer), 4096);
}
END_TEST

START_TEST(numbers)
{
    char buffer[64];
    struct text t = TEXT_OVER(buffer), tiny = {buffer, buffer + 3};

    text_hex(&t, 0);
    text_char(&t, ' ');
    text_hex(&t, UINT64_MAX);
    text_char(&t, ' ');
    text_decimal(&t, UINT64_MAX);
    text_char(&t, ' ');
    text_grouped(&t, 1234567);
    text_end(&t);
    ck_assert_str_eq(buffer, "0x0 0xffffffffffffffff 18446744073709551615 1,234,567");
    text_string(&tiny, "abcdef");
    text_end(&tiny);
    ck_assert_str_eq(buffer, "ab");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("record as text");
    TCase *cases = tcase_create("cases");
    SRunner *runner;
    int failed;

    tcase_add_test(cases, json);
    tcase_add_test(cases, csv);
    tcase_add_test(cases, longest_record);
    tcase_add_test(cases, numbers);
    suite_add_tcase(suite, cases);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* SPDX-License-Identifier: MIT */
/* Conditions over fault records: what holds of two records and what does not, and how each refusal is worded. */
#include "frontend/filter.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct filter filter;
static char why[256];

/* A user's write to a read-only page, copied. */
static const struct record fault = {
    .seq = 5,
    .icount = 1000,
    .parent = RECORD_NONE,
    .during = -1,
    .vector = 14,
    .has_error = true,
    .error = PF_P | PF_W | PF_U,
    .cr2 = 0x7fff12345678,
    .access = {.kind = ACCESS_WRITE, .user = true},
    .walk = {.cause = CAUSE_WRITE_PROTECTED, .also = BIT(CAUSE_PROTECTION_KEY), .level = 1},
    .size = 8,
    .cs = 0x33,
    .cpl = 3,
    .mode = MODE_LONG64,
    .code_bits = 64,
    .rip = 0x401000,
    .cr3 = 0x1e4c000,
    .symbol = {.name = "copy_user", .offset = 4},
    .frames = 2,
    .frame = {0x402000, 0x403000},
    .frame_symbol = {{.name = "do_read", .offset = 9}, {.name = NULL}},
    .outcome = OUTCOME_COPIED,
    .handled_at = 3000,
};
/* A #GP of the kernel while a #PF was being delivered. */
static const struct record other = {
    .seq = 6,
    .parent = 5,
    .during = 14,
    .vector = 13,
    .has_error = true,
    .error = 0x10,
    .mode = MODE_PROT32,
    .rip = UINT64_MAX,
    .outcome = OUTCOME_SWITCHED,
    .then = OUTCOME_FIXUP,
    .handled_at = RECORD_NONE,
};
static const struct disasm_line line = {.length = 3, .text = "rep movsb byte ptr [rdi], byte ptr [rsi]"};

static const struct {
    const char *text;
    bool fault, other;
} truths[] = {
    {"cpl==3", true, false},
    {"cpl = 3", true, false},
    {"cpl != 3", false, true},
    {"cpl", true, false},
    {"!cpl", false, true},
    {"!!cpl", true, false},
    {"cpl<3", false, true},
    {"cpl<=3", true, true},
    {"cpl>3", false, false},
    {"cpl>=3", true, false},
    {"vector==14", true, false},
    {"vector==pf", true, false},
    {"vector == #GP", false, true},
    {"vector in gp..pf", true, true},
    {"during", false, true},
    {"during==pf", false, true},
    {"during==null", true, false},
    {"during!=null", false, true},
    {"during<20", false, true}, /* null is neither below .. */
    {"during>=0", false, true}, /* .. nor above */
    {"during!=3", true, true},
    {"during in 0-31", false, true},
    {"va==0x7fff12345678", true, false},
    {"cr2==0x7FFF12345678", true, false},
    {"va in 0x7fff00000000-0x7fffffffffff", true, false},
    {"va in 0x7fff00000000..0x7fffffffffff", true, false},
    {"va in 0x7fff12345678", true, false},
    {"va in 0x7fff12345679..", false, false},
    {"va in 0..", true, false},
    {"va in 0 .. 0x7fff12345677", false, false},
    {"va in 0x7fff12345678 - 0x7fff12345678 && cpl==3", true, false},
    {"rip==18446744073709551615", false, true},
    {"rip==0xffffffffffffffff", false, true},
    {"rip in 0x401000-0x401fff", true, false},
    {"ec==7", true, false},
    {"error & 0x10", false, true},
    {"ec&2==2", true, false},
    {"ec & 2 != 0 && cpl", true, false},
    {"access==write", true, false},
    {"access==WRITE", true, false},
    {"access!=write", false, true},
    {"access==null", false, true},
    {"access", true, false},
    {"implicit", false, false},
    {"cause==write-protected", true, false},
    {"also has protection-key", true, false},
    {"also has smap", false, false},
    {"also", true, false},
    {"bits has W", true, false},
    {"bits has p && bits has U && !bits has RSVD", true, false},
    {"!(bits has I)", true, true},
    {"mode==long64", true, false},
    {"mode==prot32 || mode==long64", true, true},
    {"outcome==copied", true, false},
    {"outcome==switched && then==fixup", false, true},
    {"handler_instructions==2000", true, false},
    {"handler_instructions==null", false, true},
    {"seq<vector", true, true},
    {"outcome!=then", true, true},
    {"insn has \"movsb\"", true, false},
    {"insn has movsb", true, false},
    {"insn has \"byte ptr [rsi]\"", true, false},
    {"insn==null", false, true},
    {"symbol==do_anonymous_page", false, false},
    {"symbol==null", false, true},
    {"symbol==copy_user", true, false},
    {"symbol has user", true, false},
    {"backtrace has do_read", true, false},
    {"backtrace has do_rea", false, false},
    {"why has writ", true, false},
    {"cure==null", false, true},
    {"cpl==3 && access==write || vector==gp", true, true},
    {"vector==gp || cpl==3 && access==read", false, true},
    {"(vector==gp || cpl==3) && access==read", false, false},
    {"! (cpl==3 && access==write)", false, true},
    {"!cpl==3", false, true}, /* ! is of the comparison, not of the number */
    {"\tcpl\t==\t3\t", true, false},
    {"((((((((cpl))))))))", true, false},
    {"cpl==3 && cause==write-protected && va in 0x7fff00000000-0x7fff20000000", true, false},
};

START_TEST(test_truth)
{
    const char *text = truths[_i].text;

    ck_assert_msg(filter_parse(&filter, text, FILTER_DECIDED, why, sizeof(why)), "%s: %s", text, why);
    ck_assert_msg(filter_matches(&filter, &fault, &line) == truths[_i].fault, "%s: the page fault", text);
    ck_assert_msg(filter_matches(&filter, &other, NULL) == truths[_i].other, "%s: the other", text);
}
END_TEST

static const struct {
    const char *text, *why;
} refusals[] = {
    {"", "column 1: a key of the trace is expected, not the end"},
    {"cpl==", "column 6: a number is expected, decimal or 0x.."},
    {"cpl==3 &&", "column 10: a key of the trace is expected, not the end"},
    {"cpl==3 & access", "column 8: '& access' is too much: && or || is expected, or the end"},
    {"cpl==3 cpl", "column 8: 'cpl' is too much: && or || is expected, or the end"},
    {"(cpl==3", "column 8: ')' is missing, for the '(' of column 1"},
    {"cpl==3)", "column 7: ')' is too much: && or || is expected, or the end"},
    {"cpl==3x", "column 6: a number is expected, decimal or 0x.."},
    {"cpl==x3", "column 6: 'x3' is no number, and cpl is one"},
    {"cpl==0x", "column 6: a number is expected, decimal or 0x.."},
    {"cpl==-1", "column 6: a number is expected, decimal or 0x.."},
    {"cpl==18446744073709551616", "column 6: the number has more than 64 bits"},
    {"cpl==0x10000000000000000", "column 6: the number has more than 64 bits"},
    {"cpl in", "column 7: a number is expected, decimal or 0x.."},
    {"cpl in 3-2", "column 7: the range ends before it begins"},
    {"cpl in 3-", "column 10: a number is expected, decimal or 0x.."},
    {"cpl in vector-3", "column 8: 'vector-3' is no number, and cpl is one"},
    {"cpl in null", "column 7: a range is of two numbers: N..M or N-M"},
    {"ring==3", "column 1: 'ring' is no key of the trace"},
    {"3==cpl", "column 1: a key of the trace is expected"},
    {"access==wirte", "column 9: 'wirte' is no access: read, write, execute"},
    {"access==", "column 9: a value of access is expected: read, write, execute"},
    {"access==2", "column 9: a value of access is expected: read, write, execute"},
    {"access<write", "column 7: access is no number: == or !="},
    {"access in 1-2", "column 8: access is no number, and has no range"},
    {"access has read", "column 8: access is no list: =="},
    {"access & 1", "column 8: access is no number, and has no bits"},
    {"mode==long", "column 7: 'long' is no mode: real, v86, prot16, prot32, compat, long64"},
    {"bits==W", "column 5: bits is a list: has"},
    {"bits has X", "column 10: 'X' is no bits: P, W, U, RSVD, I, PK, SS"},
    {"bits has null", "column 6: has: a name is expected"},
    {"vector==xx", "column 9: 'xx' is no number, and vector is one"},
    {"bytes==x", "column 1: 'bytes' cannot be compared"},
    {"walk", "column 1: 'walk' cannot be compared"},
    {"insn has \"x", "column 10: the quotation mark is not closed"},
    {"cpl%3", "column 4: '%3' is too much: && or || is expected, or the end"},
};

START_TEST(test_refusal)
{
    const char *text = refusals[_i].text;

    ck_assert_msg(!filter_parse(&filter, text, FILTER_DECIDED, why, sizeof(why)), "%s was taken", text);
    ck_assert_msg(!strcmp(why, refusals[_i].why), "%s: %s", text, why);
}
END_TEST

START_TEST(test_moment)
{
    ck_assert(!filter_parse(&filter, "cpl && outcome==mapped", FILTER_AT_FAULT, why, sizeof(why)));
    ck_assert_str_eq(why, "column 8: 'outcome' is not known yet when the fault is raised");
    ck_assert(!filter_parse(&filter, "access==then", FILTER_AT_FAULT, why, sizeof(why)));
    ck_assert(filter_parse(&filter, "cpl && pte_before", FILTER_AT_FAULT, why, sizeof(why)));
}
END_TEST

/* What a parser of anyone's text may not do: recur or write beyond its bounds. */
START_TEST(test_bounds)
{
    char text[4096];
    size_t n = 0;

    memset(text, '(', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    ck_assert(!filter_parse(&filter, text, FILTER_DECIDED, why, sizeof(why)));
    ck_assert_str_eq(why, "column 33: nested more than 32 deep");
    memset(text, '!', sizeof(text) - 1);
    ck_assert(!filter_parse(&filter, text, FILTER_DECIDED, why, sizeof(why)));
    while (n < 1000)
        n += (size_t)sprintf(text + n, "cpl||");
    strcpy(text + n, "cpl");
    ck_assert(!filter_parse(&filter, text, FILTER_DECIDED, why, sizeof(why)));
    ck_assert_ptr_nonnull(strstr(why, "more than 64 parts"));
    text[31 * 5 + 3] = '\0'; /* 32 keys, 31 relations */
    ck_assert_msg(filter_parse(&filter, text, FILTER_DECIDED, why, sizeof(why)), "%s", why);
    ck_assert(filter_matches(&filter, &fault, NULL));
    memset(text, 'x', sizeof(text) - 1);
    memcpy(text, "symbol==\"", 9);
    text[600] = '"';
    text[601] = '\0';
    ck_assert(!filter_parse(&filter, text, FILTER_DECIDED, why, sizeof(why)));
    ck_assert_ptr_nonnull(strstr(why, "more than 512 characters"));
    memset(text, 'x', 200);
    ck_assert(!filter_parse(&filter, text, FILTER_DECIDED, why, 16)); /* cut off, not beyond */
    ck_assert_uint_eq(strlen(why), 15);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("filter");
    TCase *tc = tcase_create("filter");

    tcase_add_loop_test(tc, test_truth, 0, (int)(sizeof(truths) / sizeof(truths[0])));
    tcase_add_loop_test(tc, test_refusal, 0, (int)(sizeof(refusals) / sizeof(refusals[0])));
    tcase_add_test(tc, test_moment);
    tcase_add_test(tc, test_bounds);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}

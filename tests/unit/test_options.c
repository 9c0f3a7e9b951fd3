/* SPDX-License-Identifier: MIT */
/* The command line: what is taken, and the one line that refuses the rest. Also --expect and the search of
 * --stop-on. */
#include "frontend/options.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "frontend/console.h"
#include "frontend/expect.h"

#define WORDS 24
#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

static struct options options;
static char why[256], notes[1024];

/* Words are separated by blanks; ' quotes. */
static bool parse(const char *line)
{
    static char copy[512]; /* the options point into it */
    char *argv[WORDS] = {NULL}, *p = copy;
    FILE *f = fmemopen(notes, sizeof(notes), "w");
    int argc = 0;
    bool ok;

    snprintf(copy, sizeof(copy), "faultline %s", line);
    while (*p && argc < WORDS) {
        char end = *p == '\'' ? '\'' : ' ';

        p += end == '\'';
        argv[argc++] = p;
        p += strcspn(p, end == '\'' ? "'" : " ");
        if (*p)
            *p++ = '\0';
        p += end == '\'' && *p == ' ';
    }
    memset(notes, 0, sizeof(notes));
    strcpy(why, "");
    ok = options_parse(&options, argc, argv, f, why, sizeof(why));
    fclose(f);
    return ok;
}

static void taken(const char *line) { ck_assert_msg(parse(line), "%s: %s", line, why); }

static const struct {
    const char *line, *why; /* what the reason begins with */
} refusals[] = {
    {"-m", "-m: needs an argument: SIZE"},
    {"x -m 0", "-m: '0' is not between 1M and 16G"},
    {"x -m 17G", "-m: '17G' is not between"},
    {"x -m 1023K", "-m: '1023K' is not between"},
    {"x -m 1025K", "-m: '1025K' is not a multiple of 4K"},
    {"x -m 4294967296", "-m: '4294967296' is not between"},
    {"x -m 18446744073709551616", "-m: '18446744073709551616' is not a size"},
    {"x -m 17592186044417M", "-m: '17592186044417M' is not between"},
    {"x -m 99999999999999999999999999999999999999999999M", "-m: '999"},
    {"x -m -1", "-m: '-1' is not a size"},
    {"x -m ' 1'", "-m: ' 1' is not a size"},
    {"x -m ''", "-m: '' is not a size"},
    {"x -m K", "-m: 'K' is not a size"},
    {"x -m 1.5G", "-m: '1.5G' is not a size"},
    {"x -m 0x", "-m: '0x' is not a size"},
    {"x -m 64 -m 64", "-m: given twice"},
    {"x --max-instructions 0", "-max-instructions: '0' is not a number from 1"},
    {"x --max-instructions 18446744073709551616", "-max-instructions: '18446744073709551616'"},
    {"x --max-instructions 1e9", "-max-instructions: '1e9'"},
    {"x --expect-post 256", "-expect-post: '256' is not a POST code"},
    {"x --stop-on ''", "-stop-on: the text is empty"},
    {"x -smp 2", "-smp: more than one processor is not available yet"},
    {"x -smp 0", "-smp: '0' is not a number"},
    {"x -seed x", "-seed: 'x' is not a number"},
    {"x -rtc base=2026-02-30", "-rtc: '2026-02-30' is not a date"},
    {"x -rtc base=2026-13-01", "-rtc: '2026-13-01' is not a date"},
    {"x -rtc base=1979-12-31", "-rtc: '1979-12-31' is not a date"},
    {"x -rtc base=2026-01-01T24:00:00", "-rtc: '2026-01-01T24:00:00'"},
    {"x -rtc bas=2026-01-01", "-rtc: 'bas=2026-01-01' is not base=DATE"},
    {"x -device isa-debug-exit,iobase=0x10000", "-device: isa-debug-exit: '0x10000' is not a port"},
    {"x -device isa-debug-exit,iosize=9", "-device: isa-debug-exit: '9' is not a size"},
    {"x -device pc-testdev,iobase=1", "-device: pc-testdev: it has no properties"},
    {"x -device isa-debug-exit,colour=red", "-device: isa-debug-exit: unknown property 'colour=red'"},
    {"x -device isa-debug-exit -device isa-debug-exit", "-device: isa-debug-exit: given twice"},
    {"x -device ''", "-device: the name is empty"},
    {"x -serial stdio -debugcon stdio", "stdio: two users"},
    {"x -serial stdio -serial stdio", "stdio: two users"},
    {"x -nographic -debugcon stdio", "stdio: two users"},
    {"x -serial stdio -monitor stdio", "stdio: two users"},
    {"x -serial tcp::4444", "-serial: 'tcp::4444' is not stdio"},
    {"x -serial pty", "-serial: 'pty' is not available yet"},
    {"x -serial file:", "-serial: the file name is empty"},
    {"x -serial none -serial none -serial none -serial none -serial none", "-serial: given more than 4 times"},
    {"x --trace-faults a", "-trace-faults: a: the name must end"},
    {"x --trace-filter cpl", "-trace-filter: there is no -trace-faults"},
    {"x --trace-faults a.csv --trace-filter cpl==", "-trace-filter: 'cpl==': column 6: a number is expected"},
    {"x --expect 'gp va=1'", "-expect: 'gp va=1': must begin with pf"},
    {"x --expect 'pf va'", "-expect: 'pf va': 'va' is none of"},
    {"x --expect 'pf va=z'", "-expect: 'pf va=z': va= wants a number"},
    {"x --expect 'pf va=5..4'", "-expect: 'pf va=5..4': va= wants"},
    {"x --expect 'pf ec=1 ec=1'", "-expect: 'pf ec=1 ec=1': ec= comes twice"},
    {"x --expect 'pf cause=rain'", "-expect: 'pf cause=rain': cause=rain: no such cause"},
    {"x --expect 'pf outcome='", "-expect: 'pf outcome=': outcome=: no such outcome"},
    {"x -d int,,cpu", "-d: an item's name is empty; -d help lists them"},
    {"x -d ''", "-d: an item's name is empty"},
    {"x -d cpu_reset,in_asmx", "-d: 'in_asmx' is no item of the log; -d help lists them"},
    {"x -D ''", "-D: the name is empty"},
    {"x -dfilter 5", "-dfilter: '5': ranges are"},
    {"x -dfilter 5..", "-dfilter: '5..': ranges are"},
    {"x -dfilter 5..6,", "-dfilter: '5..6,': ranges are"},
    {"x -dfilter 5+0", "-dfilter: '5+0': ranges are"},
    {"x -dfilter 5-7", "-dfilter: '5-7': ranges are"},
    {"x -dfilter -1..6", "-dfilter: '-1..6': ranges are"},
    {"x -dfilter 0xffffffffffffffff+2", "-dfilter: '0xffffffffffffffff+2': ranges are"},
    {"x -dfilter 1..2,1..2,1..2,1..2,1..2,1..2,1..2,1..2,1..2,1..2,1..2,1..2,1..2,1..2,1..2,1..2,1..2",
     "-dfilter: more than 16 ranges"},
    {"x --fail-on fire", "-fail-on: 'fire' is not triple-fault"},
    {"x --junit ''", "-junit: the file name is empty"},
    {"x --nographics", "--nographics: unknown option; did you mean -nographic?"},
    {"x --zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz", "--zzzz"},
    {"x --=", "--=: unknown option"},
    {"x --stats=yes", "-stats: takes no argument"},
    {"x -hda a -hda b", "-hda: given twice"},
    {"x -hda ''", "-hda: the file name is empty"},
    {"x -hdc a -cdrom b", "-cdrom: another option has plugged a drive in there"},
    {"-drive if=ide", "-drive: needs a file=FILE"},
    {"-drive file=", "-drive: needs a file=FILE"},
    {"-drive file=a,if=virtio", "-drive: if=virtio: ide or floppy"},
    {"-drive file=a,format=qcow2", "-drive: format=qcow2: raw is the only one"},
    {"-drive file=a,index=4", "-drive: index=4: a number up to 3"},
    {"-drive file=a,bus=3", "-drive: there are four IDE drives"},
    {"-drive file=a,if=floppy,index=2", "-drive: there are two floppy drives"},
    {"-drive file=a,if=floppy,media=cdrom", "-drive: a floppy drive takes no media=cdrom"},
    {"-drive file=a,colour=red", "-drive: 'colour' is no property"},
    {"-drive file=a,readonly=maybe", "-drive: readonly=maybe: on or off"},
    {"-hda a -hdb a -hdc a -hdd a -drive file=b", "-drive: there are 4 IDE drives already"},
    {"x -boot order=xyz", "-boot: 'x' is no drive"},
    {"x -boot menu=perhaps", "-boot: menu=perhaps: on or off"},
    {"x -boot turbo=1", "-boot: 'turbo' is not order, once or menu"},
    {"x -parallel stdio", "-parallel: file:PATH or none"},
    {"x -global isa-debugcon.iobase=0", "-global: '0' is not a port"},
    {"x -gdb tcp:127.0.0.1", "-gdb: 'tcp:127.0.0.1' is not tcp:HOST:PORT"},
    {"x -gdb tcp::0", "-gdb: 'tcp::0' is not tcp:HOST:PORT"},
    {"x -gdb tcp::65536", "-gdb: 'tcp::65536' is not tcp:HOST:PORT"},
    {"x -gdb unix:", "-gdb: 'unix:' is not tcp:HOST:PORT, unix:PATH or stdio"},
    {"x -gdb :1234", "-gdb: ':1234' is not tcp:HOST:PORT"},
    {"x -gdb stdio,arch=arm", "-gdb: 'arch=arm' is not arch=i386, arch=i8086 or arch=x86-64"},
    {"x -gdb stdio -serial stdio", "stdio: two users"},
    {"x -s -gdb stdio", "-gdb: -s has named another place"},
    {"x -gdb stdio -s", "-s: -gdb has named another place"},
    {"x -S", "-S: nobody could let the guest go"},
    {"x y", "y: one IMAGE only, and x is one"},
    {"x -kernel y", "-kernel: an IMAGE is named as well"},
    {"-rom r -kernel y", "-kernel: a ROM is named as well"},
    {"-rom r -append y", "-append: needs a -kernel"},
    {"-rom r -initrd y", "-initrd: needs a -kernel"},
    {"-rom r -bios s", "-bios: -rom has already named r"},
    {"-bios none -rom r", "-bios: none, but a ROM"},
    {"-bios none", "nothing to run"},
    {"-kernel ''", "-kernel: the file name is empty"},
    {"-", "-: an image cannot come from standard input"},
    {"''", "IMAGE: the name is empty"},
    {"x -cpu ''", "-cpu: the model is empty"},
    {"x --\n\t", "--??: unknown option"},
};

START_TEST(refused)
{
    const char *expected = refusals[_i].why;

    ck_assert_msg(!parse(refusals[_i].line), "taken: %s", refusals[_i].line);
    ck_assert_msg(!strncmp(why, expected, strlen(expected)), "%s: '%s'", refusals[_i].line, why);
    ck_assert_ptr_null(strpbrk(why, "\n\r\t"));
}
END_TEST

START_TEST(values)
{
    taken("run -m 64 --seed 0x10 -cpu 486 -no-reboot --max-instructions=18446744073709551615 image");
    ck_assert_uint_eq(options.ram_bytes, 64 << 20);
    ck_assert_uint_eq(options.seed, 16);
    ck_assert_str_eq(options.cpu_model, "486");
    ck_assert(options.no_reboot);
    ck_assert_uint_eq(options.max_instructions, UINT64_MAX);
    ck_assert_str_eq(options.image, "image");
    ck_assert_int_eq(options.serial[0].kind, ENDPOINT_STDIO);
    taken("-m size=16G -kernel k -append 'a b' -initrd i -bios none");
    ck_assert_uint_eq(options.ram_bytes, 16ull << 30);
    ck_assert_str_eq(options.append, "a b");
    taken("x --trace-faults a.csv --trace-filter 'cpl==3 && outcome==mapped && va in 0x1000-0x1fff'");
    ck_assert_str_eq(options.trace_filter, "cpl==3 && outcome==mapped && va in 0x1000-0x1fff");
    taken("x -m 1M --trace-faults a.b.csv -device isa-debug-exit,iobase=0xf4,iosize=0x04 --expect-post 0xff");
    ck_assert_uint_eq(options.ram_bytes, 1 << 20);
    ck_assert_int_eq(options.trace_format, TRACE_CSV);
    ck_assert_uint_eq(options.debug_exit_port, 0xf4);
    ck_assert_uint_eq(options.post, 0xff);
    taken("x -device isa-debug-exit");
    ck_assert_uint_eq(options.debug_exit_port, 0x501);
    ck_assert(!options.testdev);
    taken("x -device pc-testdev");
    ck_assert(options.testdev);
    taken("-- -odd-name");
    ck_assert_str_eq(options.image, "-odd-name");
    taken("-kernel k --help --frob"); /* what follows does not matter */
    ck_assert(options.help);
}
END_TEST

START_TEST(ends)
{
    taken("x -s -S");
    ck_assert_str_eq(options.gdb, "tcp:127.0.0.1:1234");
    ck_assert(options.stopped && options.serial[0].kind == ENDPOINT_STDIO);
    taken("x -gdb stdio,arch=i386");
    ck_assert_int_eq(options.serial[0].kind, ENDPOINT_NONE);
    taken("x -gdb unix:/tmp/a,server,nowait");
    taken("x -debugcon stdio");
    ck_assert_int_eq(options.serial[0].kind, ENDPOINT_NONE);
    taken("x -serial file:/tmp/a -serial stdio -debugcon file:b");
    ck_assert_int_eq(options.serial[0].kind, ENDPOINT_FILE);
    ck_assert_str_eq(options.serial[0].path, "/tmp/a");
    ck_assert_int_eq(options.serial[1].kind, ENDPOINT_STDIO);
    taken("x -serial mon:stdio");
    ck_assert(options.nographic);
}
END_TEST

START_TEST(qemu_habits)
{
    taken("-nodefaults -machine q35,accel=kvm -accel tcg -device pc-testdev"
          " -device isa-debug-exit,iobase=0xf4,iosize=0x4 -kernel k -vnc none -serial stdio -device pci-testdev"
          " -machine pc -smp 1 -display none -vga none");
    ck_assert_str_eq(notes, "faultline: -nodefaults: accepted, no effect yet\n"
                            "faultline: -machine: accepted, no effect yet\n"
                            "faultline: -accel: accepted, no effect yet\n"
                            "faultline: -device: accepted, no effect yet\n");
}
END_TEST

START_TEST(logs)
{
    taken("x -d int,io -d cr3 -D l -dfilter 0x10..0x1f,0x100+0x10 -dfilter 9-5");
    ck_assert_uint_eq(options.log.items, 1u << LOG_INT | 1u << LOG_IO | 1u << LOG_CR3);
    ck_assert_str_eq(options.log_file, "l");
    ck_assert_uint_eq(options.log.ranges, 3);
    ck_assert(options.log.range[0].first == 0x10 && options.log.range[0].last == 0x1f);
    ck_assert(options.log.range[1].first == 0x100 && options.log.range[1].last == 0x10f);
    ck_assert(options.log.range[2].first == 5 && options.log.range[2].last == 9);
    taken("x -d help");
    ck_assert(options.log_help);
}
END_TEST

START_TEST(rtc)
{
    taken("x -rtc base=2026-01-01");
    ck_assert_int_eq(options.rtc_base, RTC_DEFAULT_BASE);
    taken("x -rtc base=2000-02-29T23:59:59,clock=vm");
    ck_assert_int_eq(options.rtc_base, 951868799);
    taken("x -rtc base=2100-03-01");
    ck_assert_int_eq(options.rtc_base, 4107542400);
    taken("x -rtc base=utc");
    ck_assert(!options.rtc_base_set);
}
END_TEST

START_TEST(help_names_every_option)
{
    static const char *const names[] = {
#define GROUP(title)
#define OPTION(name, argument, handler, many, help) name,
#include "frontend/options.def"
    };
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);

    options_help(f);
    fclose(f);
    for (int i = 0; i < COUNT(names); i++) {
        char word[64];

        snprintf(word, sizeof(word), " -%s", names[i]);
        ck_assert_msg(strstr(text, word), "%s", word);
    }
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
        ck_assert_uint_le(strlen(line), 110);
    free(text);
}
END_TEST

START_TEST(expectations)
{
    struct record r = {.cr2 = 0x1234, .error = 6, .rip = 0x400000, .cpl = 3};
    struct expectation e;
    char reason[256];

    ck_assert(expect_parse(&e, "pf va=0x1000..0x1fff ec=6 cpl=3 count=2", reason, sizeof(reason)));
    ck_assert(!expect_met(&e));
    ck_assert(expect_matches(&e, &r));
    r.error = 7;
    ck_assert(!expect_matches(&e, &r));
    r.error = 6;
    ck_assert(expect_matches(&e, &r) && expect_met(&e));
    ck_assert(expect_matches(&e, &r) && !expect_met(&e));
    ck_assert(expect_parse(&e, "pf rip=0x400000..", reason, sizeof(reason)));
    ck_assert(expect_matches(&e, &r) && expect_met(&e));
    r.walk.cause = CAUSE_SMAP;
    r.access.kind = ACCESS_WRITE;
    r.outcome = OUTCOME_SWITCHED;
    r.then = OUTCOME_FIXUP;
    ck_assert(expect_parse(&e, "pf cause=smap access=write", reason, sizeof(reason)) && !expect_waits(&e));
    ck_assert(expect_matches(&e, &r) && expect_met(&e));
    ck_assert(expect_parse(&e, "pf outcome=fixup count=1..3", reason, sizeof(reason)) && expect_waits(&e));
    ck_assert(expect_matches(&e, &r) && expect_met(&e));
    ck_assert(expect_parse(&e, "pf outcome=mapped", reason, sizeof(reason)) && !expect_matches(&e, &r));
    ck_assert(expect_parse(&e, "pf cause=smep", reason, sizeof(reason)) && !expect_matches(&e, &r));
    ck_assert(expect_parse(&e, "pf rip=copy_from_user", reason, sizeof(reason)) && !expect_matches(&e, &r));
    r.symbol.name = "copy_from_user";
    ck_assert(expect_matches(&e, &r));
    ck_assert(expect_parse(&e, "pf count=0", reason, sizeof(reason)) && expect_met(&e));
    ck_assert(expect_matches(&e, &r) && !expect_met(&e));
}
END_TEST

static long find(const char *text, const char *in)
{
    struct matcher m;
    long at = -1;

    ck_assert(matcher_init(&m, text));
    for (long i = 0; in[i] && at < 0; i++)
        if (matcher_byte(&m, (u8)in[i]))
            at = i;
    matcher_free(&m);
    return at;
}

START_TEST(matching)
{
    ck_assert_int_eq(find("a", "bba"), 2);
    ck_assert_int_eq(find("aab", "aaab"), 3);
    ck_assert_int_eq(find("abcabd", "abcabcabd"), 8);
    ck_assert_int_eq(find("login: ", "logilogin: "), 10);
    ck_assert_int_eq(find("aaa", "aabaabaa"), -1);
    ck_assert_int_eq(find("\xff\x80", "x\xff\xff\x80"), 3);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("options");
    TCase *cases = tcase_create("cases");
    SRunner *runner;
    int failed;

    tcase_add_loop_test(cases, refused, 0, COUNT(refusals));
    tcase_add_test(cases, values);
    tcase_add_test(cases, ends);
    tcase_add_test(cases, qemu_habits);
    tcase_add_test(cases, logs);
    tcase_add_test(cases, rtc);
    tcase_add_test(cases, help_names_every_option);
    tcase_add_test(cases, expectations);
    tcase_add_test(cases, matching);
    suite_add_tcase(suite, cases);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

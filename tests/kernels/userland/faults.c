/* SPDX-License-Identifier: MIT */
/*
 * Touches pages in known ways, and prints what the kernel counted meanwhile, a line a phase:
 *
 *     phase NUMBER NAME FIRST LAST MINFLT
 *
 * FIRST and LAST are addresses that bound what is touched; MINFLT is how ru_minflt has grown. Each phase lies between
 * two reads of the addresses MARK_BEGIN + NUMBER and MARK_END + NUMBER, where nothing can be mapped: the faults are
 * seen in a trace, and skipped by the handler of SIGSEGV. What a phase stores in afterwards is written before it
 * begins, so that nothing faults between the counts and the marks.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

enum {
    PAGE = 4096,
    PAGES = 37,
    AROUND = 16,
    FILE_PAGES = 6 * AROUND,
    MARK_BEGIN = 0x2000,
    MARK_END = 0x3000,
    MARK_NONE = 0x4000
};

/* Below the kernel's share in 32 bits, and away from what the kernel and the C library choose. Aligned, so that the
 * sixteen pages a kernel maps at once around one of a file are what they look like. */
#define REGION ((char *)0x50000000)
#define REGION_SIZE 0x1000000

#ifdef __x86_64__
#define REG_IP REG_RIP
#else
#define REG_IP REG_EIP
#endif

static struct rusage before, after;
static int phase_number;
static const char *phase_name;
static char *repaired_first, *repaired_last;
static int repaired_rights, file;

/* Two bytes: mov al, [eax/rax]. */
static void mark(unsigned long at) { __asm__ volatile(".byte 0x8a, 0x00" : "+a"(at)::"memory"); }

static void caught(int number, siginfo_t *info, void *context)
{
    char *at = info->si_addr;

    (void)number;
    if (at >= repaired_first && at <= repaired_last)
        mprotect((void *)((unsigned long)at & -PAGE), PAGE, repaired_rights);
    else if ((unsigned long)at <= MARK_NONE)
        ((ucontext_t *)context)->uc_mcontext.gregs[REG_IP] += 2;
    else
        _exit(3);
}

static char *region(void) { return REGION + phase_number * REGION_SIZE; }

static char *map(unsigned pages, int flags, int fd)
{
    char *at = mmap(region(), pages * PAGE, PROT_READ | PROT_WRITE, MAP_FIXED | MAP_PRIVATE | flags, fd, 0);

    if (at != region())
        _exit(4);
    madvise(at, pages * PAGE, MADV_NOHUGEPAGE); /* fails where the kernel has none: then there are none */
    return at;
}

static char *anonymous(unsigned pages) { return map(pages, MAP_ANONYMOUS, -1); }

static void phase_begin(const char *name)
{
    phase_name = name;
    memset(&before, 1, sizeof(before));
    memset(&after, 1, sizeof(after));
    mark(MARK_NONE); /* a signal's frame has been on the stack by now, and a result where it goes: after a fork, copies
                      */
    getrusage(RUSAGE_SELF, &before);
    mark(MARK_BEGIN + phase_number);
    getrusage(RUSAGE_SELF, &before);
}

static void phase_end(const void *first, const void *last)
{
    char line[128];
    int length;

    ((volatile char *)&after)[0] = 1; /* a fork has made it read-only again */
    getrusage(RUSAGE_SELF, &after);
    mark(MARK_END + phase_number);
    length = snprintf(line, sizeof(line), "phase %d %s %p %p %ld\n", phase_number, phase_name, first, last,
                      after.ru_minflt - before.ru_minflt);
    if (write(1, line, (size_t)length) != length)
        _exit(5);
    phase_number++;
}

static void reads(char *at, unsigned pages)
{
    for (unsigned i = 0; i < pages; i++)
        (void)*(volatile char *)(at + i * PAGE + 5);
}

static void writes(char *at, unsigned pages)
{
    for (unsigned i = 0; i < pages; i++)
        *(volatile char *)(at + i * PAGE + 9) = 1;
}

static void ends(char *at, unsigned pages) { phase_end(at, at + pages * PAGE - 1); }

static void fresh(void)
{
    char *at = anonymous(PAGES);

    phase_begin("write");
    writes(at, PAGES);
    ends(at, PAGES);

    at = anonymous(PAGES);
    phase_begin("read");
    reads(at, PAGES);
    ends(at, PAGES);

    at = anonymous(PAGES);
    reads(at, PAGES);
    phase_begin("read-then-write");
    writes(at, PAGES);
    ends(at, PAGES);

    at = anonymous(PAGES);
    writes(at, PAGES);
    madvise(at, PAGES * PAGE, MADV_DONTNEED);
    phase_begin("dontneed");
    writes(at, PAGES);
    ends(at, PAGES);
}

static void wait_for_byte(int fd)
{
    char byte;

    if (read(fd, &byte, 1) != 1)
        _exit(6);
}

/* Who writes first gets a copy; who writes then is alone with the frame. The phase within the child has numbers of its
 * own. */
static void forks(int child_first)
{
    char *at = anonymous(PAGES);
    int ends_of[2], status;
    pid_t child;

    writes(at, PAGES);
    if (pipe(ends_of))
        _exit(7);
    child = fork();
    if (child == 0) {
        phase_number++;
        if (!child_first)
            wait_for_byte(ends_of[0]);
        phase_begin(child_first ? "child-first" : "child-second");
        writes(at, PAGES);
        ends(at, PAGES);
        _exit(0);
    }
    if (child_first)
        waitpid(child, &status, 0);
    phase_begin(child_first ? "parent-second" : "parent-first");
    writes(at, PAGES);
    ends(at, PAGES);
    if (!child_first && write(ends_of[1], "", 1) == 1)
        waitpid(child, &status, 0);
    close(ends_of[0]);
    close(ends_of[1]);
    if (status)
        _exit(8);
    phase_number++;
}

static void files(void)
{
    char *at = map(FILE_PAGES, 0, file);

    phase_begin("file-read");
    reads(at, FILE_PAGES);
    ends(at, FILE_PAGES);

    at = map(FILE_PAGES, 0, file);
    phase_begin("file-write");
    writes(at, FILE_PAGES);
    ends(at, FILE_PAGES);

    at = map(FILE_PAGES, 0, file);
    reads(at, FILE_PAGES);
    phase_begin("file-read-then-write");
    writes(at, FILE_PAGES);
    ends(at, FILE_PAGES);
}

static void signals(const char *name, int rights)
{
    char *at = anonymous(PAGES);

    writes(at, PAGES);
    mprotect(at, PAGES * PAGE, rights);
    repaired_first = at;
    repaired_last = at + PAGES * PAGE - 1;
    repaired_rights = PROT_READ | PROT_WRITE;
    phase_begin(name);
    writes(at, PAGES);
    ends(at, PAGES);
}

/* What runs is a return instruction on each of the pages. */
static void executes(void)
{
    char *at = anonymous(PAGES);

    for (unsigned i = 0; i < PAGES; i++)
        at[i * PAGE] = (char)0xc3;
    repaired_first = at;
    repaired_last = at + PAGES * PAGE - 1;
    repaired_rights = PROT_READ | PROT_EXEC;
    phase_begin("execute");
    for (unsigned i = 0; i < PAGES; i++)
        __asm__ volatile("call *%0" ::"r"(at + i * PAGE) : "memory", "cc");
    ends(at, PAGES);
}

/* Page by page below all that was ever used of the stack, which grows by it. */
static void stack(void)
{
    char here, *lowest = (char *)((unsigned long)&here & -PAGE) - 64 * PAGE, *top = lowest + (PAGES - 1) * PAGE;

    phase_begin("stack");
    for (unsigned i = 0; i < PAGES; i++)
        *(volatile char *)(top - i * PAGE + 9) = 1;
    ends(lowest, PAGES);
}

static void kernel_touches(void)
{
    char *at = anonymous(PAGES);
    int ends_of[2];

    lseek(file, 0, SEEK_SET);
    phase_begin("kernel-writes");
    if (read(file, at, PAGES * PAGE) != PAGES * PAGE)
        _exit(9);
    ends(at, PAGES);

    at = anonymous(AROUND / 2);
    if (pipe(ends_of))
        _exit(10);
    phase_begin("kernel-reads");
    if (write(ends_of[1], at, AROUND / 2 * PAGE) != AROUND / 2 * PAGE)
        _exit(11);
    ends(at, AROUND / 2);
}

/* One process after the other dies of its fault, which therefore has no end. The next may get its tables, and is where
 * it was. */
static void deaths(void)
{
    char *at = anonymous(PAGES);
    int status;

    writes(at, PAGES);
    mprotect(at, PAGES * PAGE, PROT_READ);
    phase_begin("killed");
    for (unsigned i = 0; i < PAGES; i++) {
        pid_t child = fork();

        if (child == 0) {
            signal(SIGSEGV, SIG_DFL);
            at[i * PAGE] = 1;
            _exit(0);
        }
        if (waitpid(child, &status, 0) != child || !WIFSIGNALED(status))
            _exit(13);
    }
    ends(at, PAGES);
}

int main(void)
{
    struct sigaction action = {.sa_sigaction = caught, .sa_flags = SA_SIGINFO};
    static char block[PAGE];

    sigaction(SIGSEGV, &action, NULL);
    setvbuf(stdout, NULL, _IONBF, 0);
    file = open("faults.data", O_RDWR | O_CREAT | O_TRUNC, 0600);
    for (int i = 0; i < FILE_PAGES; i++)
        if (write(file, block, PAGE) != PAGE)
            return 12;
    phase_begin("nothing"); /* also maps the code of all this */
    phase_end(REGION, REGION);
    fresh();
    forks(1);
    forks(0);
    files();
    signals("repair-read-only", PROT_READ);
    signals("repair-no-access", PROT_NONE);
    executes();
    stack();
    kernel_touches();
    deaths();
    return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * What a userland asks of its processor and kernel, one line of output a subject. The same program, run on the host,
 * prints what the guest must print: nothing here depends on the machine, its word size or its clock.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = 4096, PAGES = 300 };

static sigjmp_buf out;
static volatile sig_atomic_t repaired;
static char *guarded;

/* The exit code of a child (-1: any), or 1000 + the signal that ended it. */
static int wait_for(pid_t child)
{
    int status = -1;

    if (waitpid(child, &status, 0) < 0)
        return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static void forks(void)
{
    int sum = 0;

    for (int i = 0; i < 20; i++) {
        pid_t child = fork();

        if (child == 0)
            _exit(i * 3);
        sum += wait_for(child);
    }
    printf("fork: %d\n", sum);
}

static void executes(const char *self)
{
    pid_t child;
    int status;

    fflush(stdout);
    child = fork();
    if (child == 0) {
        execl(self, self, "child", "of", "exec", (char *)NULL);
        _exit(99);
    }
    status = wait_for(child);
    printf("exec: exit %d\n", status);
}

static void pipes(void)
{
    int ends[2];
    uint32_t sum = 0, value;

    if (pipe(ends))
        return;
    fflush(stdout);
    if (fork() == 0) {
        close(ends[0]);
        for (value = 1; value <= 100000; value++)
            if (write(ends[1], &value, sizeof(value)) != sizeof(value))
                _exit(1);
        _exit(0);
    }
    close(ends[1]);
    while (read(ends[0], &value, sizeof(value)) == sizeof(value))
        sum = sum * 31 + value;
    close(ends[0]);
    printf("pipe: %08x, exit %d\n", sum, wait_for(-1));
}

static void maps(const char *path)
{
    uint32_t *page = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uint32_t zero = 0, sum = 0;
    int fd = open(path, O_RDONLY);
    struct stat st;

    for (int i = 0; i < PAGES; i++)
        zero |= page[i * PAGE / 4 + 7];
    for (int i = PAGES - 1; i >= 0; i--)
        page[i * PAGE / 4] = (uint32_t)i * 2654435761u;
    for (int i = 0; i < PAGES; i++)
        sum ^= page[i * PAGE / 4];
    munmap(page, PAGES * PAGE);
    printf("mmap: fresh %u, sum %08x\n", zero, sum);
    if (fd < 0 || fstat(fd, &st))
        return;
    const uint8_t *file = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    for (sum = 0, zero = 0; zero < st.st_size; zero++)
        sum = sum * 33 + file[zero];
    printf("file: %ld bytes, sum %08x\n", (long)st.st_size, sum);
    close(fd);
}

static void copies_on_write(void)
{
    int *shared = mmap(NULL, 64 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int status, sum = 0;

    for (int i = 0; i < 64; i++)
        shared[i * PAGE / 4] = i;
    pid_t child = fork();
    if (child == 0) {
        for (int i = 0; i < 64; i++)
            shared[i * PAGE / 4] += 1000;
        for (int i = 0; i < 64; i++)
            sum += shared[i * PAGE / 4] == 1000 + i;
        _exit(sum);
    }
    status = wait_for(child);
    for (int i = 0; i < 64; i++)
        sum += shared[i * PAGE / 4];
    printf("copy on write: child %d, parent %d\n", status, sum);
}

static void caught(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)context;
    if (guarded && (char *)info->si_addr >= guarded && (char *)info->si_addr < guarded + PAGE) {
        repaired++;
        mprotect(guarded, PAGE, PROT_READ | PROT_WRITE);
        return;
    }
    siglongjmp(out, info->si_addr == (void *)16 && info->si_code == SEGV_MAPERR ? 1 : 2);
}

static void signals(void)
{
    struct sigaction action = {.sa_sigaction = caught, .sa_flags = SA_SIGINFO};
    volatile int *volatile nowhere = (int *)16;
    int how, before = 0;

    sigaction(SIGSEGV, &action, NULL);
    how = sigsetjmp(out, 1);
    if (how == 0)
        *nowhere = 1;
    guarded = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < 3; i++) {
        guarded[i] = (char)(i + 1);
        before += guarded[i];
        mprotect(guarded, PAGE, PROT_READ);
    }
    printf("SIGSEGV: way out %d, repaired %d, sum %d\n", how, (int)repaired, before);
    signal(SIGSEGV, SIG_DFL);
    fflush(stdout);
    if (fork() == 0) {
        *nowhere = 1;
        _exit(0);
    }
    printf("SIGSEGV: child ends %d\n", wait_for(-1));
    if (fork() == 0) {
        volatile int zero = 0;

        _exit(1000 / zero);
    }
    printf("SIGFPE: child ends %d\n", wait_for(-1));
}

static void floats(void)
{
    volatile double x = 1.0, third = 1.0 / 3.0;
    volatile long double l = 1.0L;

    for (int i = 1; i <= 20; i++) {
        x *= i;
        l = l * i / 3.0L;
    }
    printf("float: %.3f %.17g %a %La\n", x, third, third, l);
    printf("libm: %.9f %.9f %.9f %.9f %.9f\n", sin(third), cos(x), exp(third), log(x), pow(third, 2.5));
    printf("strtod: %.17g %.17g %.17g\n", strtod("2.2250738585072014e-308", NULL), strtod("0.1", NULL),
           strtod("1e308", NULL));
    printf("long: %lld %llu\n", 1234567890123456789LL / 97 % 1000003, 18446744073709551557ULL / 1000000007);
}

static void *worker(void *counter)
{
    for (int i = 0; i < 50000; i++)
        __atomic_add_fetch((int *)counter, 1, __ATOMIC_SEQ_CST);
    return counter;
}

static void threads(void)
{
    pthread_t thread[4];
    int counter = 0;

    for (int i = 0; i < 4; i++)
        pthread_create(&thread[i], NULL, worker, &counter);
    for (int i = 0; i < 4; i++)
        pthread_join(thread[i], NULL);
    printf("threads: %d\n", counter);
}

static void recursion(void)
{
    char deep[200000];

    memset(deep, 3, sizeof(deep));
    __asm__ volatile("" ::"r"(deep) : "memory");
    printf("stack: %d\n", deep[0] + deep[sizeof(deep) - 1]);
}

int main(int argc, char **argv)
{
    if (argc == 4) {
        printf("child: %s %s %s\n", argv[1], argv[2], argv[3]);
        return 17;
    }
    if (argc != 2)
        return 2;
    forks();
    executes(argv[0]);
    pipes();
    maps(argv[1]);
    copies_on_write();
    signals();
    floats();
    threads();
    recursion();
    return fflush(stdout) ? 1 : 0;
}

/* SPDX-License-Identifier: MIT */
/* The command: signals, standard descriptors, and which subcommand. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "frontend/isa.h"
#include "frontend/options.h"
#include "frontend/report.h"
#include "frontend/run.h"
#include "frontend/test.h"

#define VERSION "faultline 0.1.0"

static void arm(void);
static void disarm(void);

/* What signal handlers see: the only state of file scope. */
static struct host host = {.armed = arm, .disarmed = disarm};

static const int end_signals[] = {SIGINT, SIGTERM, SIGHUP};

static void set_handler(int number, void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_ONSTACK};

    sigemptyset(&action.sa_mask);
    sigaction(number, &action, NULL);
}

/* The first asks for a clean end, the second takes it. */
static void on_end_signal(int number)
{
    int saved = errno;

    if (host.signal || !host.machine) {
        terminal_leave(&host.terminal);
        set_handler(number, SIG_DFL);
        raise(number);
    } else {
        host.signal = number;
        machine_request_stop(host.machine);
    }
    errno = saved;
}

static void arm(void)
{
    for (size_t i = 0; i < sizeof(end_signals) / sizeof(end_signals[0]); i++)
        set_handler(end_signals[i], on_end_signal);
}

static void disarm(void)
{
    for (size_t i = 0; i < sizeof(end_signals) / sizeof(end_signals[0]); i++)
        set_handler(end_signals[i], SIG_DFL);
}

#ifndef __SANITIZE_ADDRESS__
static void on_crash(int number)
{
    static const char text[] = "faultline: internal error: the emulator crashed\n";
    ssize_t ignored;

    (void)number;
    terminal_leave(&host.terminal);
    ignored = write(STDERR_FILENO, text, sizeof(text) - 1);
    (void)ignored;
    _exit(EXIT_INTERNAL);
}

static void expect_crashes(void)
{
    static const int numbers[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
    stack_t stack = {.ss_size = 65536};

    stack.ss_sp = malloc(stack.ss_size);
    if (stack.ss_sp)
        sigaltstack(&stack, NULL);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        set_handler(numbers[i], on_crash);
}
#endif

/* A closed standard descriptor must not become the next file we open. What stands in for it cannot be used. */
static void fill_standard_descriptors(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
            (void)!open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

static int print(void (*text)(FILE *))
{
    text(stdout);
    if (fflush(stdout) == 0 && !ferror(stdout))
        return EXIT_GOOD;
    fprintf(stderr, "faultline: standard output: %s\n", strerror(errno));
    return EXIT_FILES;
}

static void print_version(FILE *to) { fputs(VERSION "\n", to); }

int main(int argc, char **argv)
{
    struct options options;
    char why[1024];

    fill_standard_descriptors();
    signal(SIGPIPE, SIG_IGN);
#ifndef __SANITIZE_ADDRESS__
    expect_crashes();
#endif
    if (argc > 1 && !strcmp(argv[1], "isa"))
        return isa_command(argc, argv);
    if (argc > 1 && !strcmp(argv[1], "test"))
        return test_command(argc, argv, &host);
    if (argc > 1 && !strcmp(argv[1], "report"))
        return report_command(argc, argv);
    if (argc > 1 && !strcmp(argv[1], "diff"))
        return diff_command(argc, argv);
    if (!options_parse(&options, argc, argv, stderr, why, sizeof(why))) {
        fprintf(stderr, "faultline: %s\n", why);
        return EXIT_FILES;
    }
    if (options.help)
        return print(options_help);
    if (options.log_help)
        return print(log_help);
    if (options.version)
        return print(print_version);
    return run_guest(&options, &host);
}

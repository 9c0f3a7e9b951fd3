/* SPDX-License-Identifier: MIT */
/*
 * measure [-t SECONDS] [-c CPU] [-s FIFO] [-u TEXT] COMMAND...
 *
 * Runs an emulator and reads its guest's serial port: from the command's standard output, or from a FIFO, in which case
 * the command gets a terminal of its own. Prints the CPU seconds of the process, of all its threads and in user and
 * kernel mode, between the arrival of the lines START and END, and the checksum of the line SUM; with -u, from its
 * start to the arrival of a line that contains TEXT. "- reason" otherwise.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct run {
    pid_t pid;
    int serial;   /* what the guest prints */
    int terminal; /* the command's, or -1 */
    int pinned;
    double deadline, start, end;
    const char *until; /* -u */
    char line[256];
    size_t length;
    char sum[32];
};

static double wall_time(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Of all threads, those that have ended too, in user and kernel mode. */
static double cpu_time(pid_t pid)
{
    struct timespec t;
    clockid_t clock;

    if (clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &t))
        return 0;
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void child(struct run *r, char **command, int out)
{
    int in = open(r->terminal >= 0 ? ptsname(r->terminal) : "/dev/null", O_RDWR);

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (r->pinned >= 0) {
        cpu_set_t set;

        CPU_ZERO(&set);
        CPU_SET((unsigned)r->pinned, &set);
        sched_setaffinity(0, sizeof(set), &set);
    }
    if (r->terminal >= 0)
        out = in;
    setsid();
    dup2(in, 0);
    dup2(out, 1);
    if (r->terminal >= 0)
        dup2(out, 2);
    execvp(command[0], command);
    perror(command[0]);
    _exit(127);
}

/* True when the run is over. */
static int take_line(struct run *r)
{
    if (r->until) {
        if (!strstr(r->line, r->until))
            return 0;
        r->end = cpu_time(r->pid);
        strcpy(r->sum, "-");
        return 1;
    }
    if (!strcmp(r->line, "START"))
        r->start = cpu_time(r->pid);
    else if (!strcmp(r->line, "END"))
        r->end = cpu_time(r->pid);
    else if (sscanf(r->line, "SUM %31s", r->sum) == 1)
        return 1;
    return 0;
}

static int take_bytes(struct run *r, const char *bytes, ssize_t n)
{
    for (ssize_t i = 0; i < n; i++) {
        if (bytes[i] == '\n') {
            r->line[r->length] = '\0';
            r->length = 0;
            if (take_line(r))
                return 1;
        } else if (bytes[i] != '\r' && r->length < sizeof(r->line) - 1) {
            r->line[r->length++] = bytes[i];
        }
    }
    return 0;
}

/* NULL, or why there is no measurement. */
static const char *follow(struct run *r)
{
    for (;;) {
        struct pollfd p[2] = {{r->serial, POLLIN, 0}, {r->terminal, POLLIN, 0}};
        char bytes[4096];
        ssize_t n;

        if (wall_time() > r->deadline)
            return "timeout";
        if (poll(p, 2, 100) < 0 && errno != EINTR)
            return "poll";
        if (p[1].revents && read(r->terminal, bytes, sizeof(bytes)) < 0)
            return "ended";
        if (p[0].revents) {
            n = read(r->serial, bytes, sizeof(bytes));
            if (n <= 0)
                return "ended";
            if (take_bytes(r, bytes, n))
                return (r->until || r->start > 0) && r->end > 0 ? NULL : "incomplete";
        }
    }
}

static int open_terminal(void)
{
    int t = posix_openpt(O_RDWR | O_NOCTTY);

    if (t < 0 || grantpt(t) || unlockpt(t)) {
        perror("measure: terminal");
        exit(2);
    }
    return t;
}

int main(int argc, char **argv)
{
    struct run r = {.terminal = -1, .pinned = -1};
    const char *fifo = NULL, *why;
    double limit = 120;
    int ends[2], option;

    while ((option = getopt(argc, argv, "+t:c:s:u:")) != -1) {
        if (option == 't')
            limit = atof(optarg);
        else if (option == 'c')
            r.pinned = atoi(optarg);
        else if (option == 's')
            fifo = optarg;
        else if (option == 'u')
            r.until = optarg;
        else
            return 2;
    }
    if (optind == argc || pipe(ends)) {
        fprintf(stderr, "usage: measure [-t SECONDS] [-c CPU] [-s FIFO] [-u TEXT] COMMAND...\n");
        return 2;
    }
    r.serial = ends[0];
    if (fifo) {
        r.serial = open(fifo, O_RDWR);
        r.terminal = open_terminal();
    }
    r.deadline = wall_time() + limit;
    r.pid = fork();
    if (!r.pid)
        child(&r, argv + optind, ends[1]);
    close(ends[1]);
    why = r.pid < 0 ? "fork" : follow(&r);
    if (r.pid > 0) {
        kill(-r.pid, SIGKILL);
        kill(r.pid, SIGKILL);
        waitpid(r.pid, NULL, 0);
    }
    if (why)
        printf("- %s\n", why);
    else
        printf("%.4f %s\n", r.end - r.start, r.sum);
    return why != NULL;
}

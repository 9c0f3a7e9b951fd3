/* SPDX-License-Identifier: MIT */
#include "frontend/twice.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static bool uses_stdin(const struct options *o)
{
    for (int i = 0; i < MACHINE_COMS; i++)
        if (o->serial[i].kind == ENDPOINT_STDIO)
            return true;
    return false;
}

/* What comes from outside comes the same again only from a file, or from nowhere. */
static const char *obstacle(const struct options *o)
{
    struct stat st;

    if (o->gdb || o->monitor.kind == ENDPOINT_STDIO || o->monitor.kind == ENDPOINT_UNIX)
        return "a debugger cannot give the same commands twice";
    if (o->replay)
        return NULL;
    if (o->display == DISPLAY_SDL || o->display == DISPLAY_ANSI)
        return "a screen takes keys, which do not come the same twice: record the run with -record-input, and replay "
               "it";
    if (uses_stdin(o) && fstat(STDIN_FILENO, &st) == 0 && !S_ISREG(st.st_mode) && !(S_ISCHR(st.st_mode) && !isatty(0)))
        return "input from here does not come the same twice: give it as a file, or record the run with -record-input, "
               "and "
               "replay it";
    return NULL;
}

/* The same run, without what it would leave behind. */
static void make_silent(struct options *o)
{
    o->log.items = 0;
    o->log_file = o->trace = o->screenshot = o->record = o->junit = o->save_state = NULL;
    o->explain = o->stats = o->ram_hash = o->fail_on_unexpected = false;
    o->monitor.kind = ENDPOINT_NONE;
    o->expects = 0;
    o->display = DISPLAY_NONE;
    o->snapshot = true;
    memset(o->check, 0, sizeof(o->check));
    for (int i = 0; i < MACHINE_COMS; i++)
        if (o->serial[i].kind == ENDPOINT_FILE)
            o->serial[i].kind = ENDPOINT_NONE;
    if (o->debugcon.kind == ENDPOINT_FILE)
        o->debugcon.kind = ENDPOINT_NONE;
    if (o->parallel.kind == ENDPOINT_FILE)
        o->parallel.kind = ENDPOINT_NONE;
}

static void run_silently(struct options *o, int (*run)(struct options *, struct host *), struct host *host)
{
    int nowhere = open("/dev/null", O_WRONLY);

    if (nowhere < 0)
        _exit(1);
    dup2(nowhere, STDOUT_FILENO);
    dup2(nowhere, STDERR_FILENO);
    make_silent(o);
    o->who_lists = true;
    run(o, host);
    _exit(0);
}

bool twice_first(struct options *o, int (*run)(struct options *, struct host *), struct host *host, char *why,
                 size_t size)
{
    const char *reason = obstacle(o);
    off_t input = lseek(STDIN_FILENO, 0, SEEK_CUR);
    int status;
    pid_t child;

    if (!reason) {
        o->who_pages =
            mmap(NULL, TWICE_PAGES / 8 * 2, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        reason = o->who_pages == MAP_FAILED ? "out of memory" : NULL;
    }
    if (reason) {
        snprintf(why, size, "-who: %s", reason);
        return false;
    }
    if (o->display == DISPLAY_UNSET)
        o->display = DISPLAY_NONE;
    fflush(NULL);
    child = fork();
    if (child == 0)
        run_silently(o, run, host);
    if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        snprintf(why, size, "-who: the first of the two runs failed");
        return false;
    }
    if (input >= 0)
        lseek(STDIN_FILENO, input, SEEK_SET);
    return true;
}

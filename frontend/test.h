/* SPDX-License-Identifier: MIT */
/* `faultline test`: guests that say themselves whether they pass, each in a process of its own. test.c is the command,
 * test_expect.c reads .expect files, test_run.c runs processes, test_verdict.c judges, test_report.c prints. */
#ifndef FAULTLINE_FRONTEND_TEST_H
#define FAULTLINE_FRONTEND_TEST_H

#include <stdio.h>
#include <sys/types.h>

#include "frontend/console.h"
#include "frontend/options.h"
#include "frontend/run.h"

/* Strings of our own, in order. */
struct words {
    char **at;
    size_t n;
};
/* These end the command with EXIT_INTERNAL when memory runs out. */
void *test_alloc(size_t size); /* zeroed */
char *test_copy(const char *);
void words_add(struct words *, const char *);
void words_free(struct words *);

/* One .expect file: what the run must show, and how it is to be made. */
struct test_expect {
    bool has_exit, has_post, reboot;
    u8 exit, post;
    struct words text, no_text, debugcon; /* of COM1: must come, must not come; of port 0xE9 */
    u8 *output;                           /* what COM1 must say, to the byte; or NULL */
    size_t output_size;
    char *skip;           /* why it is not run, or NULL */
    struct words options; /* "-name=value" */
};
/* The file beside the ROM, if there is one. False with one line, "FILE:LINE: reason", in `why`. */
bool test_expect_load(struct test_expect *, const char *rom, char *why, size_t size);
void test_expect_free(struct test_expect *);
/* A machine option, "-name=value" or "-name": may a test have it? False with the reason in `why`. */
bool test_option_allowed(const char *word, char *why, size_t size);
/* Do two such words name the same option? */
bool test_option_same(const char *, const char *);

/* Something that a guest, or the machine, wrote: the last of it, and what was looked for. */
#define STREAM_TAIL 2048u
enum { STREAM_COM1, STREAM_DEBUGCON, STREAM_ERRORS, STREAMS };
struct stream {
    u64 size;    /* bytes seen */
    u64 differs; /* offset of the first byte that is not as the output= file has it; UINT64_MAX: none so far */
    char tail[STREAM_TAIL]; /* a ring */
    struct matcher *matcher;
    bool *found;
    size_t matchers;
};

enum test_verdict { TEST_WAITING, TEST_OK, TEST_NOT_OK, TEST_SKIPPED, TEST_CRASHED };

struct test_case {
    const char *path;
    struct test_expect expect;
    struct words argv; /* what `options` was made from, and points into */
    struct options options;
    /* the run */
    pid_t pid;
    int fd[STREAMS]; /* read ends; -1: closed */
    unsigned slot;
    struct stream *stream; /* STREAMS of them, while it runs and until it is reported */
    struct run_report report;
    int wait_status;
    double seconds; /* of host processor time */
    enum test_verdict verdict;
    char reason[512];
};

/* From the report, the wait status and the streams to the verdict. */
void test_judge(struct test_case *);

struct test_plan {
    struct test_case *cases;
    size_t count;
    unsigned jobs;
    struct host *host;
    struct words machine; /* options for all */
    u64 budget;
    const char *junit, *filter;
    unsigned shard, shards;
};

/* Runs all; reports each on stdout, in order. The signal that ended it early, or 0. */
int test_run_all(struct test_plan *);

void report_plan(const struct test_plan *);
void report_case(const struct test_case *, size_t number);
void report_progress(const struct test_plan *, size_t done, size_t failed, const char *name);
void report_progress_clear(void);
bool report_junit(const struct test_plan *, FILE *);

int test_command(int argc, char **argv, struct host *);

#endif

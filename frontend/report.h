/* SPDX-License-Identifier: MIT */
/* `faultline report` and `faultline diff`: what can be done with traces. */
#ifndef FAULTLINE_FRONTEND_REPORT_H
#define FAULTLINE_FRONTEND_REPORT_H

#include "frontend/trace_read.h"
#include "frontend/output.h"

/* The command lines from "report" and "diff" on; they return the exit status. */
int report_command(int argc, char **argv);
int diff_command(int argc, char **argv);

/* Several files as one sequence of records, with the columns of all. */
#define TRACES_MAX 256u

struct traces {
    const char *path[TRACES_MAX];
    unsigned count;
    struct trace_schema schema;
    int name_column; /* "trace", the file's name, if there are several; or -1 */
    /* the one being read */
    unsigned current;
    struct trace_reader *reader;
    unsigned mapped; /* columns of it that `column` says */
    int column[TRACE_COLUMNS];
    struct trace_row row;
    char why[640];
};

/* Finds out the columns, for which .jsonl files are read whole. False with one line in `why`. */
bool traces_begin(struct traces *);
/* The next record; NULL at the end, or with one line in `why`. Files that are cut off are noted on stderr. */
const struct trace_row *traces_next(struct traces *);
void traces_end(struct traces *);

/* report_page.c: all records as one HTML page. False with one line in the traces' `why`, or with the output's error. */
bool report_page(struct traces *, struct output *);

#endif

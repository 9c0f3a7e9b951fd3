/* SPDX-License-Identifier: MIT */
#include "frontend/faults.h"

#include <stdlib.h>

#include "frontend/explain.h"
#include "frontend/writers.h"

bool faults_begin(struct faults *h)
{
    *h = (struct faults){.fault = calloc(FAULTS_KEPT, sizeof(*h->fault)), .disasm = disasm_create()};
    if (h->fault && h->disasm)
        return true;
    faults_end(h);
    return false;
}

void faults_end(struct faults *h)
{
    free(h->fault);
    disasm_destroy(h->disasm);
    *h = (struct faults){0};
}

void faults_raised(void *history, const struct record *r)
{
    struct faults *h = history;

    h->fault[r->seq % FAULTS_KEPT] = *r;
    h->count = r->seq;
}

/* Outcomes come in any order, and some so late that the place has been taken. */
void faults_decided(void *history, const struct record *r)
{
    struct faults *h = history;
    struct record *kept = &h->fault[r->seq % FAULTS_KEPT];

    if (r->seq > h->count) /* of a triple fault's chain: it was never raised as a page fault */
        h->count = r->seq;
    else if (kept->seq != r->seq)
        return;
    *kept = *r;
}

const struct record *faults_last(const struct faults *h, u64 n)
{
    const struct record *r;

    if (!h->fault || !n || n > h->count || n > FAULTS_KEPT)
        return NULL;
    r = &h->fault[(h->count - n + 1) % FAULTS_KEPT];
    return r->seq == h->count - n + 1 ? r : NULL;
}

void faults_line(struct faults *h, const struct record *r, struct text *t)
{
    if (record_outcome(r) == OUTCOME_NONE) {
        explain_fault(t, r, record_line(h->disasm, r));
        text_string(t, " -> its handling is under way");
    } else {
        explain_line(t, r, record_line(h->disasm, r));
    }
    if (t->at > t->end - 1)
        t->at = t->end - 1;
    if (t->at[-1] == '\n')
        t->at--;
    text_end(t);
}

void faults_tell(struct faults *h, u64 most, FILE *to)
{
    for (u64 n = most; n; n--) {
        const struct record *r = faults_last(h, n);
        char line[1024];
        struct text t = TEXT_OVER(line);

        if (!r)
            continue;
        faults_line(h, r, &t);
        fprintf(to, "%s\n", line);
    }
}

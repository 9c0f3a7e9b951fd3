/* SPDX-License-Identifier: MIT */
/* A recorded fault, as the trace format has it, before it is text. */
#ifndef FAULTLINE_FRONTEND_RECORD_H
#define FAULTLINE_FRONTEND_RECORD_H

#include "cpu/cpu.h"
#include "frontend/disasm.h"
#include "frontend/symbols.h"
#include "frontend/text.h"
#include "mmu/tables.h"

#define RECORD_FRAMES 8     /* of the guest's stack */
#define RECORD_NONE (~0ull) /* no parent, no outcome yet */

enum outcome {
    OUTCOME_NONE,
    OUTCOME_MAPPED,
    OUTCOME_COPIED,
    OUTCOME_MADE_WRITABLE,
    OUTCOME_PERMITTED,
    OUTCOME_SPURIOUS,
    OUTCOME_FIXUP,
    OUTCOME_DELIVERED,
    OUTCOME_SWITCHED,
    OUTCOME_LOOP,
    OUTCOME_DOUBLE_FAULT,
    OUTCOME_TRIPLE_FAULT,
    OUTCOME_PENDING,
    OUTCOME_COUNT,
};

const char *outcome_name(enum outcome);

/* Where delivery of an exception takes its stack pointer from. */
struct stack_source {
    char name[8]; /* "IST3", "RSP0", "ESP0", "SP0"; "" if it stays on its stack, or nobody knows */
    u64 tss;      /* linear */
    u64 pointer;  /* what is there */
};
/* Delivery of `vector` in the state of now. */
void stack_source(struct stack_source *, struct cpu *, unsigned vector);
void stack_source_text(struct text *, const struct stack_source *); /* "IST3 of the TSS at 0x..", if it has a name */

#define RECORD_CHANGES 8u /* of the tables, kept of one fault's handling */

struct record {
    u64 seq, icount, time_ns;
    u64 parent; /* seq, or RECORD_NONE */
    int during; /* vector, or -1 */
    u8 vector;  /* 14; others in a triple-fault story only */
    bool has_error;
    u32 error;
    u64 cr2; /* vector 14 */
    struct access access;
    struct walk walk;
    unsigned size;                             /* bytes of the part that faulted */
    struct stack_source stack;                 /* IMPLICIT_EXCEPTION_STACK: whose */
    char failure[160];                         /* its delivery failed: for what reason; "" otherwise */
    char reason[240];                          /* what lies behind the fault; "" if nothing is known to */
    char lost[240];                            /* its handler could not go back: why; "" otherwise */
    bool open;                                 /* `reason` is one only if nobody resolves the fault */
    bool before_maps;                          /* the tables of the CR3 before would have allowed it: that, and */
    u64 cr3_before, switch_icount, switch_rip; /* when it was left, and the instruction behind */
    const char *story; /* another vector: the step at which its delivery failed; NULL if that was not tried */

    u16 cs;
    u8 cpl;
    enum cpu_mode mode;
    u8 code_bits; /* 16, 32, 64 */
    u64 rip, rsp, rflags, cr0, cr3, cr4, efer, fs_base, gs_base;
    u32 pkru;
    u32 pkrs; /* not in the trace format, but in the words about a supervisor page */
    u8 bytes_count;
    u8 bytes[DISASM_MAX];

    struct symbol_place symbol; /* where RIP is; its name is NULL if no symbol is known */
    const char *source;         /* and in which line; NULL likewise */
    unsigned source_line;
    u8 frames; /* callers found on the stack, innermost first */
    u64 frame[RECORD_FRAMES];
    struct symbol_place frame_symbol[RECORD_FRAMES];

    enum outcome outcome, then; /* `then` is set if outcome is switched */
    bool entries;               /* pte_after is known */
    u64 pte_before, pte_after;
    u64 handled_at; /* instruction count when the context ran again, or RECORD_NONE */

    /* Who: of the deciding entry. `writer` is its last change if past is PAST_KNOWN, the `writes`th. */
    enum table_past past;
    struct table_change writer;
    u64 writes;
    /* A recent change that made present what is not present here: the entry of the same index in a table that is not
     * walked. */
    bool misplaced, beside; /* ... or beside this one, in the same table: news if nobody repairs that */
    struct table_change elsewhere;
    struct symbol_place writer_symbol, elsewhere_symbol; /* where their RIPs are, as above */
    u64 register_source;                                 /* a PAE PDPTE register decided: what memory holds there now */

    /* What then: entries changed until the context ran again, the first of them in order. */
    u64 serial; /* of the last change before the fault */
    u32 changed;
    u8 changes;
    struct table_change change[RECORD_CHANGES];
    u32 repeats;                  /* outcome loop: the same fault came so often before */
    struct walk_step still;       /* outcome loop: the entry that refused when the context ran again, */
    enum fault_cause still_cause; /* and why */
    u64 missed_la;                /* the same, and change[0] is no entry of this access: that of another address, */
    u8 missed_level;              /* and its level; 0: of none in this address space */
    u64 sole_at, sole_la;         /* or the table of `still` has a single entry: where, and whose; 0: it has not */
    bool holds_linear;            /* reserved bits: because the entry holds a linear address, */
    u64 linear_pa;                /* and where that is */
};

/* The final outcome, whether or not another address space ran first. */
enum outcome record_outcome(const struct record *);

/* PML5E .. PTE */
const char *level_name(unsigned level);
const char *access_name(enum access_kind);
const char *implicit_name(enum implicit);                 /* NULL for none */
const char *vector_name(unsigned vector);                 /* #PF ..., NULL if it has none */
void record_symbol(struct text *, const struct record *); /* name+0x1f */
void record_source(struct text *, const struct record *); /* file:line */
void error_bits(struct text *, u32 error, const char *quote, const char *between);

/* One plain sentence: the entry and bit that decided, and the control state that made it matter. */
void verdict_why(struct text *, const struct record *);
/* The smallest change after which the access would have passed. */
void verdict_cure(struct text *, const struct record *);
/* Who wrote the deciding entry, as a clause: ", last written by 0x.. at instruction 1,234 through 0x.. (0x0 -> 0x..)".
 * Nothing where tables were not watched. */
void verdict_who(struct text *, const struct record *);
/* Outcome loop: why it cannot make progress. A clause, "the handler wrote no entry of any table". */
void verdict_loop(struct text *, const struct record *);
/* A change of an entry: "by 0x.. at instruction 1,234 through 0x..". */
void verdict_writer(struct text *, const struct table_change *,
                    const struct symbol_place *); /* where its RIP is, or NULL */
/* The tables before, as a clause like that: of a fault that nobody resolves. */
void verdict_before(struct text *, const struct record *);
/* Somebody has repaired what was wrong, or gone on without. */
bool record_is_resolved(const struct record *);
/* The entry that decided; NULL if there is none. */
const struct walk_step *record_deciding(const struct record *);
/* The first clause alone, for a line: "PTE not present". */
void verdict_short(struct text *, const struct record *);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * The processor, as its users see it: make one, run it to an exact instruction count, drive its
 * pins, read its registers, be told of its faults. Everything else in cpu/ is internal.
 */
#ifndef FAULTLINE_CPU_CPU_H
#define FAULTLINE_CPU_CPU_H

#include "mmu/base.h"
#include "mmu/bus.h"
#include "mmu/paging.h"
#include "mmu/phys.h"
#include "mmu/tables.h"

struct cpu;

/* General registers in encoding order. */
enum { REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI, REG_R8 };
/* Segment registers in encoding order, then the system segments. */
enum { SEG_ES, SEG_CS, SEG_SS, SEG_DS, SEG_FS, SEG_GS, SEG_LDTR, SEG_TR, SEG_COUNT };

/* The mode names of the trace format. */
enum cpu_mode { MODE_REAL, MODE_V86, MODE_PROT16, MODE_PROT32, MODE_COMPAT, MODE_LONG64 };
const char *cpu_mode_name(enum cpu_mode);

struct cpu_segment {
    u16 selector;
    u16 attributes; /* descriptor bits 40..47 in 7:0 (type, S, DPL, P), 52..55 in 15:12 (AVL, L, D/B, G) */
    u32 limit;      /* in bytes, granularity applied */
    u64 base;
};

/* A copy of the architectural state (cpu_get_state) or the state to take (cpu_set_state). */
struct cpu_state {
    u64 gpr[16];
    u64 rip, rflags;
    struct cpu_segment seg[SEG_COUNT];
    u64 gdt_base, idt_base;
    u16 gdt_limit, idt_limit;
    u64 cr0, cr2, cr3, cr4, cr8, efer, xcr0;
    u64 dr[8];
    u32 pkru, pkrs;
    u64 pdpte[4];
};

/* Why cpu_run() came back. */
enum cpu_stop {
    CPU_STOP_DEADLINE,  /* the count asked for is reached */
    CPU_STOP_HALTED,    /* HLT or MWAIT, or frozen by an x87 error with CR0.NE = 0, and no interrupt is pending:
                         * advance time or end the run */
    CPU_STOP_SHUTDOWN,  /* triple fault; cpu_reset() is the only way on */
    CPU_STOP_REQUESTED, /* cpu_request_stop() was called by a device or an observer, or INIT was taken */
    CPU_STOP_BREAK,     /* for the debugger: cpu_broke() says why, cpu_go_on() must come before the next cpu_run() */
    CPU_STOP_STUCK, /* a million exceptions were delivered and no instruction retired; cpu_run() may be called again */
};

/* One exception being delivered, or tried. */
struct cpu_event {
    u8 vector;
    bool has_error;
    u32 error;
    u64 cr2;              /* vector 14: the linear address (already in CR2 when delivery starts) */
    struct access access; /* vector 14, a fault: what was refused */
    enum { EVENT_FAULT, EVENT_TRAP, EVENT_ABORT, EVENT_SOFTWARE, EVENT_EXTERNAL, EVENT_NMI, EVENT_ICEBP } kind;
    u64 next_rip; /* EVENT_SOFTWARE (INT n, INT3, INTO) and EVENT_ICEBP (INT1): the RIP delivery saves */
};

/* A delivery that was begun, with the instructions retired before it. */
struct cpu_delivery {
    struct cpu_event event;
    u64 icount;
};
#define CPU_RECENT 8u /* deliveries that are remembered; a power of two */
/* The last one begun (0), the one before (1), ..; NULL beyond those remembered. Borrowed until the next. */
const struct cpu_delivery *cpu_recent(const struct cpu *, unsigned back);

/* What a guest has asked to be invalidated. */
struct cpu_invalidation {
    enum {
        INVALIDATED_NONE,
        INVALIDATED_PAGE,     /* INVLPG: `la`, under `pcid` */
        INVALIDATED_ADDRESS,  /* INVPCID type 0: the same */
        INVALIDATED_PCID,     /* INVPCID type 1, or MOV to CR3 without PCIDs: `pcid`, but for global translations */
        INVALIDATED_SWITCH,   /* MOV to CR3 that loads `pcid`: the same */
        INVALIDATED_CONTEXTS, /* INVPCID type 3: all but global translations */
        INVALIDATED_KEPT,     /* MOV to CR3 with bit 63: nothing; `pcid` is current from there on */
    } how;
    u64 la, icount;
    u16 pcid;
};

/* What a check found: the use of a translation whose entries have changed since it was loaded, or of an entry above the
 * leaf that has. */
struct cpu_stale {
    u64 la; /* of the access */
    struct access access;
    u64 page, size;         /* what is held: first linear address and size of the page, or of what the entry covers, */
    u64 pa;                 /* and the physical address of the page or table it leads to */
    u8 level;               /* 0: a translation; 2 to 5: a PDE, PDPTE, PML4E, PML5E of a paging-structure cache, */
    const struct walk *old; /* and what a walk from it finds; else NULL */
    bool global;
    u16 pcid;               /* that it is held for; 0 without PCIDs */
    u64 loaded;             /* instruction count when it was loaded */
    const struct walk *now; /* what the tables say of the access now */
    u64 entry;              /* physical address of the entry that has changed (the first from the root) */
    /* The old translation was used. False: it was not here any more, for it had been replaced or dropped; another
     * processor might have used it. */
    bool used;
    bool other_tables;              /* no entry has changed, but CR3, and the PCID is the same */
    bool dirty_lost;                /* the same page still, but D was cleared, and this write does not set it again */
    struct cpu_invalidation missed; /* since the change, and it looks as if it was meant for this */
    bool missed_early;              /* or shortly before it: it reached this, which was loaded anew */
    bool marks_old;                 /* the same page still, but A or D is set in the tables of before */
};

/* What a guest has done that the manual forbids or has go another way than some emulators do, which let it pass. The
 * processor does what the manual says; STRICT_LIMIT to STRICT_PDPTE are told as the exception is about to be raised. */
struct cpu_strict {
    enum cpu_strict_rule {
        STRICT_LIMIT,     /* beyond a segment's limit, in protected or compatibility mode: `address` is the offset */
        STRICT_CANONICAL, /* an access to a non-canonical linear address */
        STRICT_TARGET,  /* a transfer to one: at the instruction that makes it, or (delivery) at the interrupted one */
        STRICT_PDPTE,   /* reserved bits in `value`, a PDPTE at physical `address`, as it is loaded */
        STRICT_SWITCH,  /* CR0 was written; `value`: PE and PG where they changed; `address`: the next instruction */
        STRICT_A20,     /* A20 is masked: physical `address` is not what is accessed for linear `value` */
        STRICT_CONTROL, /* CR0, CR3, CR4 (`seg`: 0, 3, 4) or EFER (8) may not be `value`, `why`: #GP is about to be
                           raised */
    } rule;
    u64 address, value;
    unsigned width;        /* bytes; STRICT_LIMIT, STRICT_CANONICAL */
    enum access_kind kind; /* likewise; ACCESS_EXECUTE: where RIP is to go, or has gone */
    u8 seg;                /* enum SEG_* */
    u32 limit;             /* STRICT_LIMIT */
    const char *why;       /* STRICT_CONTROL: a clause */
};

/*
 * Observers. All are optional, called synchronously, off the fast path. They may read state (cpu_get_state,
 * cpu_peek) but not change it, other than by cpu_request_stop.
 */
struct cpu_observer {
    void *ctx;
    /* A #PF is raised: before delivery, with the state of the faulting instruction. during: the vector being delivered
     * when it was raised, or -1. `access` and `walk` are the refused access and its verdict; width in bytes of the part
     * that faulted. */
    void (*page_fault)(void *ctx, struct cpu *, u64 la, unsigned width, const struct access *, const struct walk *,
                       int during);
    /* Any exception or interrupt is about to be delivered (after page_fault, for vector 14). during as above. */
    void (*event)(void *ctx, struct cpu *, const struct cpu_event *, int during);
    /* What delivery of an event failed on: for the triple-fault story. `step` is a literal: "IDT entry", "TSS stack",
     * "push" ... */
    void (*delivery_failed)(void *ctx, struct cpu *, const struct cpu_event *first, const struct cpu_event *second,
                            const char *step);
    /* Control returns to an interrupted context, or moves to another: after IRET, SYSRET, SYSEXIT, far RET to an outer
     * level, task switch, MOV to CR3; registers already show the resumed context. */
    void (*resume)(void *ctx, struct cpu *);
    void (*stale)(void *ctx, struct cpu *, const struct cpu_stale *);   /* where cpu_hold() asked for it */
    void (*strict)(void *ctx, struct cpu *, const struct cpu_strict *); /* as often as it happens */
    void (*shutdown)(void *ctx, struct cpu *); /* triple fault, state as it was when the last delivery failed */
    /* Code was decoded at CS:RIP: whole instructions, `size` bytes in all. kept: as a trace, which will not be decoded
     * again while it is there; else it is one instruction, decoded at each execution or (one that crosses a page) kept
     * elsewhere. */
    void (*decoded)(void *ctx, struct cpu *, const u8 *bytes, unsigned size, bool kept);
    /* An instruction (or its iteration) reads or writes a port: after the read, before the write. */
    void (*port)(void *ctx, struct cpu *, u16 port, unsigned width, u64 value, bool write);
    void (*reset)(void *ctx, struct cpu *, bool init); /* RESET# or INIT is about to be taken */
};

/* The local APIC beside the processor, as the processor's instructions reach it. All are called with the `apic` of the
 * configuration, and may drive the pins below. */
struct cpu_apic {
    bool (*on)(void *apic); /* IA32_APIC_BASE.EN: what CPUID shows */
    /* MSRs 1Bh, 6E0h and 800h-8FFh; false is #GP(0). Reserved bits of 1Bh are checked before. */
    bool (*msr_read)(void *apic, u32 msr, u64 *value);
    bool (*msr_write)(void *apic, u32 msr, u64 value);
    u8 (*tpr)(void *apic); /* the task priority; CR8 is its bits 7:4 */
    void (*set_tpr)(void *apic, u8 tpr);
    void (*tsc_moved)(void *apic); /* the time-stamp counter was written to */
};

/* What the processor is wired to. All borrowed for its life. */
struct cpu_config {
    struct phys *phys;
    struct bus *io;                      /* port space */
    const char *model;                   /* "max", "486,+pae,phys-bits=36": the contract's -cpu; NULL is "max" */
    u64 seed;                            /* of RDRAND and RDSEED */
    int (*acknowledge)(void *ctx);       /* INTA: the vector of the interrupt being taken */
    void (*ferr)(void *ctx, bool level); /* FERR# pin has changed: an x87 error, with CR0.NE = 0; may be NULL */
    u64 (*time)(void *ctx); /* nanoseconds to add to the instruction count to get guest time, for TSC; may be NULL: 0 */
    void *ctx;
    const struct cpu_apic *apic_ops; /* NULL: there is no local APIC, whatever the model says */
    void *apic;
    u32 apic_id;      /* the initial one: CPUID.01H:EBX[31:24], CPUID.0BH:EDX */
    bool application; /* not the bootstrap processor: after RESET and INIT it waits for a start-up message */
};

/* NULL with a one-line reason in `why` (size bytes) if the model string is wrong or memory ran out. */
struct cpu *cpu_create(const struct cpu_config *, char *why, size_t size);
void cpu_destroy(struct cpu *);

void cpu_reset(struct cpu *); /* RESET#: SDM "Processor State After Reset"; the instruction count goes on */

/* Run until the instruction count is exactly `deadline` or something else stops it. May be moved earlier meanwhile by
 * cpu_set_deadline. */
enum cpu_stop cpu_run(struct cpu *, u64 deadline);
void cpu_set_deadline(struct cpu *, u64 deadline); /* from a device: the run must come back no later than this count */
void cpu_request_stop(struct cpu *);               /* come back after the current instruction */

u64 cpu_icount(const struct cpu *); /* instructions retired, exact also from inside a device access */

/* Pins. */
void cpu_set_intr(struct cpu *, bool level);
void cpu_pulse_nmi(struct cpu *);
void cpu_pulse_init(struct cpu *); /* SDM "Processor State After Reset", column INIT, before the next instruction */
void cpu_startup(struct cpu *, u8 vector); /* the start-up IPI: heard only while waiting for it */
/* IGNNE#: while it is asserted, waiting x87 instructions go on in spite of an error with CR0.NE = 0. */
void cpu_set_ignne(struct cpu *, bool level);
void cpu_set_a20(struct cpu *, bool enabled); /* false masks physical address bit 20 */
/* What answers at a physical address has changed (not the contents of RAM): what is known of it is forgotten. */
void cpu_memory_moved(struct cpu *);
bool cpu_halted(const struct cpu *);

u64 cpu_tsc(const struct cpu *); /* the time-stamp counter; it advances by one an instruction, and a nanosecond */
bool cpu_has(const struct cpu *, const char *feature); /* a feature by its name in -cpu */

void cpu_get_state(struct cpu *, struct cpu_state *);
/* Takes the state whole (a loader's or test's entry state); caches are flushed. */
void cpu_set_state(struct cpu *, const struct cpu_state *);

/* All of it, between runs: translations and pending events too. To be loaded after the memory map is what it was; what
 * the processor is wired to, observers and decoded code are not part of it. saved.c */
void cpu_state(struct cpu *, struct state *);
/* Pages are to be asked for again before they are written to (phys_will_write). No guest can notice. */
void cpu_forget_writes(struct cpu *);

enum cpu_mode cpu_mode(struct cpu *);
unsigned cpu_cpl(struct cpu *);
/* Translate without side effects and without the TLB, as the current context or as a supervisor. */
struct walk cpu_walk(struct cpu *, u64 la, struct access);
/* The control state the walk sees now (borrowed, changes as the processor runs), and a reader of paging-structure
 * entries for looking only: A20 applies, and where there is neither RAM nor ROM it reads 0, for no device is touched.
 */
const struct paging *cpu_paging(const struct cpu *);
struct walk_reader cpu_table_reader(struct cpu *);
/* Read guest linear memory for a debugger: no faults, no A bits, no device reads. Bytes read before the first hole. */
size_t cpu_peek(struct cpu *, u64 la, void *to, size_t size);
/* Write it likewise, whatever its rights: no D bits, no device writes, ROM stays. Bytes written. No watchpoint is hit,
 * and what was decoded from there is decoded again. cpu_poke_physical is the same for RAM by physical address. */
size_t cpu_poke(struct cpu *, u64 la, const void *from, size_t size);
size_t cpu_poke_physical(struct cpu *, u64 pa, const void *from, size_t size);

/* The rest of what a debugger shows: x87, SSE, and MSRs that name bases. */
struct cpu_float_state {
    struct {
        u64 mantissa;
        u16 exponent;                 /* sign in bit 15 */
    } st[8];                          /* ST(0) first */
    u16 control, status, tag, opcode; /* tag: the full word, two bits a physical register */
    u16 code_segment, data_segment;
    u64 code_offset, data_offset;
    u8 xmm[16][16];
    u32 mxcsr;
    u64 kernel_gs_base;
};
/* The base of GS, and the one that SWAPGS would give it (IA32_KERNEL_GS_BASE). */
void cpu_gs_bases(const struct cpu *, u64 *base, u64 *other);
void cpu_get_float_state(struct cpu *, struct cpu_float_state *);
void cpu_set_float_state(struct cpu *, const struct cpu_float_state *); /* reserved bits of MXCSR are dropped */

/* The debugger's change of registers while the processor stands: like cpu_set_state, but translations are kept where
 * no control register changed, an event that waits to be delivered stays unless RIP moved, and so does HLT. */
void cpu_set_registers(struct cpu *, const struct cpu_state *);

/*
 * Break- and watchpoints. None touches guest memory, and each may be where nothing is mapped. All calls: while the
 * processor does not run. Without points and catches attached nothing of this costs anything.
 *
 * CPU_POINT_EXECUTE stops before an instruction that begins at `address`, once its bytes could be fetched. The others
 * stop after an instruction, an iteration of a repetition, or the delivery of an event, that accessed a byte of
 * [address, address + size): linear ones see explicit accesses and the processor's own to descriptors, TSS, IDT and
 * stacks; physical ones, besides, A and D bits being set and writes by devices (DMA), but neither reads of page walks
 * nor DMA reads. A page with a watchpoint is translated at each access: it has no entry in the TLB.
 */
struct cpu_point {
    enum { CPU_POINT_EXECUTE = 1, CPU_POINT_READ = 2, CPU_POINT_WRITE = 4, CPU_POINT_ACCESS = 6 } kind;
    bool physical;
    u64 address, size; /* size: 1 for CPU_POINT_EXECUTE, else from 1 on */
};
#define CPU_POINTS_MAX 256
bool cpu_point_add(struct cpu *, const struct cpu_point *);    /* false: too many, or no memory */
bool cpu_point_remove(struct cpu *, const struct cpu_point *); /* one of those added; false: there is none */

/* Asked of each exception as it is raised, with the state of the faulting instruction, and of other events as they are
 * delivered; during: the vector whose delivery raised it, or -1. True stops: an exception before it is delivered, so
 * that cpu_run() delivers it; all else at its handler's first instruction. NULL removes. */
typedef bool cpu_catch_fn(void *ctx, struct cpu *, const struct cpu_event *, int during);
bool cpu_catch(struct cpu *, cpu_catch_fn *, void *ctx); /* false: no memory */
/* While on, the delivery of an event stops too: one step is cpu_run() to the next count, or to a handler. */
bool cpu_stop_at_handlers(struct cpu *, bool on); /* false: no memory */
/* No interrupt is taken before the next instruction, as behind STI. */
void cpu_hold_interrupts(struct cpu *);

struct cpu_break {
    enum { CPU_BREAK_NONE, CPU_BREAK_POINT, CPU_BREAK_ACCESS, CPU_BREAK_EVENT, CPU_BREAK_HANDLER } kind;
    struct cpu_point point; /* CPU_BREAK_POINT, _ACCESS: the one that was met */
    u64 address;            /* CPU_BREAK_ACCESS: the first byte of the range that was accessed, linear or physical */
    bool write, device;     /* CPU_BREAK_ACCESS: it was written, by DMA */
    bool delivered;         /* CPU_BREAK_EVENT: its handler is about to run */
    struct cpu_event event; /* CPU_BREAK_EVENT, _HANDLER */
};
const struct cpu_break *cpu_broke(const struct cpu *); /* kind is CPU_BREAK_NONE when it did not */
/* The debugger has done what it wanted: the next cpu_run() goes on, past a breakpoint at this very instruction, unless
 * RIP was moved there. */
void cpu_go_on(struct cpu *);
void cpu_debug_detach(struct cpu *); /* all points, catches: gone */

/* From now on pages that walks use as tables are watched there, and what is watched there already is watched (borrowed;
 * one for all processors). NULL ends it. The guest cannot tell. */
void cpu_watch_tables(struct cpu *, struct tables *);
/* The pages that are watched there are about to be others, since a state is loaded; now they are. Translations stay. */
void cpu_tables_leave(struct cpu *);
void cpu_tables_enter(struct cpu *);

/* How long translations are kept, and whether the use of old ones is reported. */
enum cpu_tlb {
    CPU_TLB_FAST,   /* as is best for this program; global pages are dropped by MOV to CR3 */
    CPU_TLB_REAL,   /* 2048 translations, global ones and those of other PCIDs kept as a processor of today does */
    CPU_TLB_HOSTILE /* kept as long as the manual allows, forgotten at random, loaded before they are needed */
};
/* Needs cpu_watch_tables. False without memory. `seed`: of HOSTILE's choices. */
bool cpu_hold(struct cpu *, enum cpu_tlb, bool report_stale, u64 seed);

/* A translation that is held for the current address space: a page of 4 KiB, whatever maps it. */
struct cpu_translation {
    u64 la, pa;
    bool code;     /* for fetches; else for data */
    bool writable; /* data: for writes too */
    enum { CPU_FOR_SUPERVISOR, CPU_FOR_SUPERVISOR_AC, CPU_FOR_USER } who;
};
/* Each one, in no order. */
void cpu_translations(struct cpu *, void (*each)(void *ctx, const struct cpu_translation *), void *ctx);

void cpu_observe(struct cpu *, const struct cpu_observer *); /* copied; NULL removes */

/* Execution knobs for tests and debugging (never change what the guest sees). */
struct cpu_tuning {
    bool all_step;        /* one instruction at a time, nothing decoded kept: observer.decoded hears of each */
    unsigned tlb_entries; /* 0 = default; a power of two from 4 on */
    unsigned trace_ops;   /* 0 = default; size of the trace arena */
};
void cpu_tune(struct cpu *, struct cpu_tuning);

struct cpu_stats {
    u64 instructions, tlb_misses, traces_built, trace_invalidations, arena_flushes, page_faults, interrupts, exceptions;
};
void cpu_get_stats(const struct cpu *, struct cpu_stats *);

#endif

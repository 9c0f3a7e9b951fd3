/* SPDX-License-Identifier: MIT */
/* The processor's state, in the SDM's order: what software sees first, what makes it fast after. Internal to cpu/. */
#ifndef FAULTLINE_CPU_STATE_H
#define FAULTLINE_CPU_STATE_H

#include <setjmp.h>

#include "cpu/cpu.h"
#include "cpu/features.h"
#include "mmu/base.h"
#include "mmu/paging.h"
#include "mmu/phys.h"

/* EFLAGS. The arithmetic flags live in struct flags while instructions run; the rest in cpu->rflags. */
#define FLAG_CF BIT(0)
#define FLAG_FIXED BIT(1)
#define FLAG_PF BIT(2)
#define FLAG_AF BIT(4)
#define FLAG_ZF BIT(6)
#define FLAG_SF BIT(7)
#define FLAG_TF BIT(8)
#define FLAG_IF BIT(9)
#define FLAG_DF BIT(10)
#define FLAG_OF BIT(11)
#define FLAG_IOPL (3ull << 12)
#define FLAG_NT BIT(14)
#define FLAG_RF BIT(16)
#define FLAG_VM BIT(17)
#define FLAG_AC BIT(18)
#define FLAG_VIF BIT(19)
#define FLAG_VIP BIT(20)
#define FLAG_ID BIT(21)
#define FLAGS_ARITH (FLAG_CF | FLAG_PF | FLAG_AF | FLAG_ZF | FLAG_SF | FLAG_OF)

#define CR0_PE BIT(0)
#define CR0_MP BIT(1)
#define CR0_EM BIT(2)
#define CR0_TS BIT(3)
#define CR0_ET BIT(4)
#define CR0_NE BIT(5)
#define CR0_WP BIT(16)
#define CR0_AM BIT(18)
#define CR0_NW BIT(29)
#define CR0_CD BIT(30)
#define CR0_PG BIT(31)

#define CR4_VME BIT(0)
#define CR4_PVI BIT(1)
#define CR4_TSD BIT(2)
#define CR4_DE BIT(3)
#define CR4_PSE BIT(4)
#define CR4_PAE BIT(5)
#define CR4_MCE BIT(6)
#define CR4_PGE BIT(7)
#define CR4_PCE BIT(8)
#define CR4_OSFXSR BIT(9)
#define CR4_OSXMMEXCPT BIT(10)
#define CR4_UMIP BIT(11)
#define CR4_LA57 BIT(12)
#define CR4_FSGSBASE BIT(16)
#define CR4_PCIDE BIT(17)
#define CR4_OSXSAVE BIT(18)
#define CR4_SMEP BIT(20)
#define CR4_SMAP BIT(21)
#define CR4_PKE BIT(22)
#define CR4_PKS BIT(24)

#define EFER_SCE BIT(0)
#define EFER_LME BIT(8)
#define EFER_LMA BIT(10)
#define EFER_NXE BIT(11)

/* Segment attributes, in the layout of struct cpu_segment (descriptor bits 40..47 and 52..55). */
#define ATTR_TYPE 0x000f
#define ATTR_ACCESSED 0x0001
#define ATTR_WRITABLE 0x0002    /* data: writable; code: readable */
#define ATTR_EXPAND_DOWN 0x0004 /* data: expand-down; code: conforming */
#define ATTR_CODE 0x0008
#define ATTR_S 0x0010
#define ATTR_DPL 0x0060
#define ATTR_P 0x0080
#define ATTR_AVL 0x1000
#define ATTR_L 0x2000
#define ATTR_DB 0x4000
#define ATTR_G 0x8000
#define ATTR_DPL_OF(attr) (((attr) >> 5) & 3)

/* A segment register with its hidden part. A null selector loaded in protected mode leaves attributes = 0 (P = 0):
 * unusable. */
struct segment {
    u64 base;
    u32 limit;
    u16 selector;
    u16 attributes;
};

/*
 * The arithmetic flags, kept as what they are computed from. `result` and `carries` are sign-extended from
 * the operation's width. ZF = (zero == 0); SF = sign(sign); PF = parity of the low byte of sign; CF = carry & 1; AF =
 * bit 4 of carries; OF = sign(carries) ^ CF, since carries = a ^ b ^ result holds the carry *into* each bit. No type is
 * needed to read them, so a fault can be precise without knowing what set them.
 */
struct flags {
    u64 zero;
    u64 sign;
    u64 carries;
    u64 carry;
};

struct table_register {
    u64 base;
    u16 limit;
};

union xmm {
    u8 b[16];
    u16 w[8];
    u32 d[4];
    u64 q[2];
};

/* x87 registers are 80-bit images, st[] physical (R0..R7). */
struct x87 {
    struct x87_register {
        u64 mantissa;
        u16 exponent;
    } r[8];
    u16 control, status,
        tag; /* tag: two bits each, of which only 3, empty, counts (x87_tag_word); TOP lives in status */
    u16 fop;
    u16 fcs, fds;
    u64 fip, fdp;
};

#define TLB_ENTRIES 4096

/* 32 bytes. A tag is the page's linear address | the key of the context that may use it; see memory.h. */
struct tlb_entry {
    u64 read_tag, write_tag;
    u64 addend; /* host address - linear address */
    u64 pa;     /* physical page | TLB_* flags */
};

/* One translation of a code page. */
struct code_tlb_entry {
    u64 tag; /* linear page | key; TLB_NO_TAG when empty */
    u64 pa;  /* physical page */
    const u8 *host;
};
#define CODE_TLB_ENTRIES 512

/*
 * What a gate of the IDT and its code segment came to, with the bytes they were read from. While the tables hold the
 * same bytes every check has the same outcome, so a delivery that finds them so need not make it again. interrupt.c
 */
struct gate_entry {
    u32 key; /* vector and context; 0 when empty */
    u16 selector, ss_selector, tss_at;
    u8 dpl, cpl;
    bool inner, interrupt; /* to a more privileged level; clears IF */
    u64 gate[2], cs_bytes, ss_bytes;
    u64 rip;
    struct segment cs, ss;
};
#define GATE_ENTRIES 16

/* The same of the segments an IRET returns to. iret.c */
struct return_entry {
    u32 key;
    u16 cs_selector, ss_selector;
    u64 cs_bytes, ss_bytes;
    struct segment cs, ss;
};
#define RETURN_ENTRIES 4

/* Jump cache: linear RIP to decoded trace, valid while key matches (mode bits and translation generation). */
struct jump_entry {
    u64 rip;
    u64 key;
    const struct op *op;
};
#define JUMP_ENTRIES 4096

struct op;
struct trace_cache;

enum { SHADOW_NONE, SHADOW_STI, SHADOW_MOV_SS };
/* cpu->halted: by HLT or MWAIT; frozen by a waiting x87 instruction, which runs again at the end of it */
enum { HALTED_NOT, HALTED_HLT, HALTED_X87 };

enum {
    ATTENTION_STOP = 1,   /* return from cpu_run */
    ATTENTION_TABLES = 2, /* an entry of a table that leads to another was written: see watch.c */
};

struct cpu {
    /* Registers an op names by byte offset come first: offsets 0..255. */
    u64 gpr[16];
    u64 zero;        /* pseudo-register: always 0 */
    u64 ip_page;     /* pseudo-register: RIP of the first byte of the page being executed */
    u64 seg_base[8]; /* by enum SEG: what a BIS operand adds; mirrors seg[].base (0 for ES..DS in 64-bit mode) */

    /* What every trace touches. */
    struct flags f;
    s64 budget;    /* instructions left before the run loop must look: see run.c */
    u64 addr_mask; /* of linear addresses in the current code size: ~0 or 0xffffffff */
    u64 ip_mask;   /* of RIP likewise */
    u64 tlb_key;   /* low 12 bits of a matching tag for explicit accesses now */
    u64 tlb_mask;  /* (entries - 1) << 5: an index as a byte offset */
    u64 jump_key;
    const struct op *op; /* the op being executed, valid inside slow paths; NULL in the run loop */

    /* Architectural state. */
    u64 rip;      /* current between instructions and inside irregular ones (start of the instruction) */
    u64 next_rip; /* inside irregular instructions: where they go on; branches store to it */
    u64 rflags;   /* all but the arithmetic flags, which are in f (bits read 0 here) */
    struct segment seg[SEG_COUNT];
    u8 cpl;
    struct table_register gdt, idt;
    u64 cr0, cr2, cr3, cr4, cr8, efer, xcr0;
    u64 dr[8];
    u32 pkru;
    struct paging paging; /* digest of the above */

    /* MSRs that are plain state; the list is msr.def */
    u64 star, lstar, cstar, fmask, kernel_gs_base;
    u64 sysenter_cs, sysenter_esp, sysenter_eip;
    u64 tsc_offset, tsc_aux, pat, misc_enable, mtrr_def_type, mtrr_fixed[11], mtrr_phys[16];
    u64 tsc_adjust, debugctl, pkrs, spec_ctrl;
    u64 mcg_status, mc_bank[4][4]; /* CTL, STATUS, ADDR, MISC */
    u64 syscfg, hwcr, top_mem[2];  /* AMD's, as the performance counters */
    u64 perf_select[4], perf_counter[4];

    struct x87 x87;
    union xmm xmm[16];
    u32 mxcsr;

    /* Execution control. */
    u8 shadow;      /* SHADOW_*: events held off until after the next instruction */
    u8 shadow_step; /* of the same, for the loop: the instruction it covers has begun */
    bool waiting;   /* for a start-up IPI: halted, and deaf to all else but INIT */
    bool init_pending;
    u8 halted; /* HALTED_*: waits for an interrupt */
    bool shutdown, intr, nmi_pending, nmi_blocked;
    u8 attention;                           /* ATTENTION_*: what the loop is to do before the next instruction */
    bool ferr, ignne;                       /* pins of the x87's errors: FERR# as we drive it, IGNNE# as it is driven */
    u64 step_rf;                            /* RFLAGS.RF before the instruction of a step, which clears it; else 0 */
    u64 dr6_pending;                        /* debug traps found during the instruction: DR6 bits */
    s16 delivering;                         /* vector being delivered, or -1 */
    struct cpu_event event;                 /* raised, to be delivered by the run loop */
    struct cpu_delivery recent[CPU_RECENT]; /* a ring; while delivering, the last is on the way */
    u64 deliveries;                         /* begun so far */
    const char *delivery_step;              /* what delivery is doing, for the triple-fault story */
    jmp_buf landing;
    u64 deadline;       /* instruction count at which cpu_run returns */
    u64 delivery_count; /* instruction count at the last delivery, */
    u32 fruitless;      /* and how many came in a row without an instruction between them */
    u64 limit;          /* icount = limit - budget (+ the op's place in its trace): see run.c */
    u64 rng[4];         /* RDRAND */
    u64 a20_mask;
    u64 monitor_address;
    bool monitor_armed;

    /* Paged memory. */
    u16 tlb_generation, tlb_generations_used; /* current; highest handed out. See tlb.c */
    struct pcid_slot {
        u16 pcid;
        u16 generation;
        bool used;
    } pcid[16];
    struct tlb_entry tlb[TLB_ENTRIES];
    struct code_tlb_entry code_tlb[CODE_TLB_ENTRIES];
    struct jump_entry jump[JUMP_ENTRIES];
    struct gate_entry gates[GATE_ENTRIES];
    struct return_entry returns[RETURN_ENTRIES];
    struct trace_cache *traces;
    struct isa_index *isa;
    struct crossing *crossings; /* decoded instructions that cross a page: run.c */
    /* The operand of the instruction on the slow path, where it is not one stretch of host memory: a page crossing or a
     * device. */
    struct bounce {
        bool active, write, device;
        u8 width, first; /* bytes; bytes on the first page */
        u64 pa[2];       /* of the first byte on each page */
        u64 la;          /* of the first byte */
        u8 bytes[16];
    } bounce;
    bool left_trace;  /* a slow path made going on in this trace unsafe: return to the loop after the instruction */
    bool resumed;     /* an instruction handed control to another context: where MODE_TOLD is, this one */
    bool switched;    /* a task switch is past its point of no return: faults belong to the new task, at next_rip */
    struct op *patch; /* a branch (or stale op) whose target the loop is about to find: link it, */
    u64 patch_page;   /* if that is in this physical page */
    bool raised;      /* `event` waits to be delivered */
    struct cpu_debug *debug;   /* NULL: no debugger has points, or catches anything. points.c */
    bool rip_moved;            /* by the debugger, since the last stop */
    bool data_breakpoints;     /* DR7 has any: no inlined accesses, each is looked at */
    bool ports_watched;        /* it has I/O breakpoints, or an observer wants to hear of port accesses */
    bool delivery_watched;     /* observer.event is there, or points are: interrupt.h */
    bool misses_watched;       /* translations are held, or observer.page_fault or points are there: tlb.c */
    u32 mode;                  /* MODE_* bits: the execution mode traces are built for */
    u64 jump_epoch;            /* bumped to invalidate the jump cache */
    u64 jump_pages[64];        /* a filter of the pages whose addresses are in it, hashed */
    u64 large_low, large_high; /* the linear range covered by translations from large pages */
    bool step_mode;            /* TF, code breakpoints: one instruction at a time */
    bool single_step; /* TF was set when this instruction began: a trap follows, unless it delivered an interrupt */

    struct features features;
    struct cpu_config config;
    struct phys *phys;
    u8 watch_level;                                       /* of the entry read last */
    struct held *held;                                    /* NULL, or a model of what may be cached: held.c */
    struct tables *tables;                                /* NULL, or who is told of writes to tables: watch.c */
    u64 (*read_entry)(void *cpu, u64 pa, unsigned width); /* how a TLB miss reads paging-structure entries */
    struct cpu_observer observer;
    struct cpu_tuning tuning;
    struct cpu_stats stats;
};

/* Named registers. */
#define RAX gpr[REG_RAX]
#define RCX gpr[REG_RCX]
#define RDX gpr[REG_RDX]
#define RBX gpr[REG_RBX]
#define RSP gpr[REG_RSP]
#define RBP gpr[REG_RBP]
#define RSI gpr[REG_RSI]
#define RDI gpr[REG_RDI]

/* Modes, from architectural state. */
static inline bool in_protected(const struct cpu *cpu) { return cpu->cr0 & CR0_PE; }
static inline bool in_v86(const struct cpu *cpu) { return cpu->rflags & FLAG_VM; }
static inline bool in_long(const struct cpu *cpu) { return cpu->efer & EFER_LMA; }
static inline bool in_code64(const struct cpu *cpu) { return in_long(cpu) && (cpu->seg[SEG_CS].attributes & ATTR_L); }
static inline unsigned iopl(const struct cpu *cpu) { return (cpu->rflags >> 12) & 3; }

/* The whole RFLAGS, arithmetic flags gathered; and the reverse. flags.c */
u64 flags_get(const struct cpu *);
void flags_set(struct cpu *, u64 rflags); /* takes all bits as given (bit 1 forced); callers mask by privilege */

/*
 * After a change of CS, SS, CPL, CR0, CR4, EFER, CR3, EFLAGS.VM/TF/AC, DR7 or segment bases/limits: recompute what
 * execution caches of them (mode of traces, addr_mask, seg_base, tlb_key, struct paging). Cheap, idempotent; never
 * flushes translations. run.c
 */
void cpu_refresh(struct cpu *);
/* The same where nothing of these but CPL, EFLAGS.TF and EFLAGS.AC has changed, or segments for others as flat. */
void cpu_refresh_privilege(struct cpu *);

/* Flushing translations. tlb.c */
void tlb_flush_all(struct cpu *); /* globals too: CR0.PG/WP, CR4.PGE/PSE/PAE/..., EFER.NXE, A20 */
void tlb_flush_rights(
    struct cpu *); /* the same, for rights are part of our translations; the guest asked for no flush */
void tlb_flush_contexts(struct cpu *);                       /* all but global ones: INVPCID type 3 */
void tlb_flush_context(struct cpu *);                        /* MOV CR3 without PCID: non-global entries */
void tlb_switch_pcid(struct cpu *, u16 pcid, bool keep);     /* MOV CR3 with PCIDE: keep = bit 63 */
void tlb_flush_pcid(struct cpu *, u16 pcid);                 /* INVPCID type 1 */
void tlb_invalidate_page(struct cpu *, u64 la);              /* INVLPG */
void tlb_invalidate_address(struct cpu *, u16 pcid, u64 la); /* INVPCID type 0 */

#endif

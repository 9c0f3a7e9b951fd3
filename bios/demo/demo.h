/* SPDX-License-Identifier: MIT */
/*
 * The demo guest: a 64-bit kernel small enough to read in one sitting, that does what every kernel does about page
 * faults and says so on COM1. Reading order: fault.c (the heart), memory.c, process.c, trap.S, scenes.c, user.c.
 * Comments cite the Intel SDM and the Multiboot specification by section title.
 */
#ifndef DEMO_H
#define DEMO_H

#include "text.h"
#include "user.h"

#define PAGE 4096ul
#define KERNEL_BASE 0xFFFFFFFF80000000ul /* physical 0..16 MiB are seen from here on, in every address space */
#define USER_END 0x0000800000000000ul    /* processes have the lower half of the canonical addresses, */
#define KERNEL_HALF 0xFFFF800000000000ul /* the kernel has the upper half */
#define RAM_USED 0x1000000ul             /* all the memory the kernel uses: 16 MiB */

/* ---- console.c: COM1, and text wrapped to the width of a terminal ---- */

void console_init(void);
void print(const char *format, ...) __attribute__((format(printf, 1, 2)));
void say(const char *lead, const char *format, ...) __attribute__((format(printf, 2, 3)));
void say_list(const char *lead, const char *format, va_list);
void shut_down(int failed) __attribute__((noreturn));
void panic(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* ---- memory.c: frames and page tables ---- */

/* SDM, "4-Level Paging and 5-Level Paging": the bits of an entry. Bits 9 to 11 are free for software. */
enum {
    PTE_P = 1 << 0,    /* present */
    PTE_W = 1 << 1,    /* writable */
    PTE_U = 1 << 2,    /* user mode may use it */
    PTE_PS = 1 << 7,   /* in a page directory: a 2 MiB page */
    PTE_G = 1 << 8,    /* global: survives a change of CR3 */
    PTE_COW = 1 << 9,  /* ours: read-only because it is shared, copy it on the first write */
    PTE_DISK = 1 << 1, /* ours, in an entry that is not present: the page is in the disk slot of bits 12 and up */
};
#define PTE_NX (1ul << 63)
#define PTE_FRAME 0x000FFFFFFFFFF000ul

void memory_init(void);
u64 frame_take(void);        /* a free frame, filled with zeros, used once */
void frame_share(u64 frame); /* used once more */
void frame_drop(u64 frame);  /* used once less; free when nobody is left */
unsigned frame_users(u64 frame);
unsigned frames_in_use(void);
void *frame_bytes(u64 frame); /* where the kernel sees it */
unsigned frame_number(u64 frame);

u64 space_create(void);                               /* an address space: a PML4 table with the kernel's half in it */
void space_destroy(u64 root);                         /* drops every user page, then the tables */
void space_copy(u64 from, u64 to);                    /* shares every user page, writable ones copy-on-write */
u64 *space_entry(u64 root, u64 address, bool create); /* the PTE of an address; NULL if no table reaches it */
void space_enter(u64 root);
void page_flush(u64 address);

/* ---- disk.c: a disk of a few pages, simulated in memory ---- */

#define DISK_SLOTS 4
unsigned disk_write(u64 frame);           /* into a free slot, which is returned */
void disk_read(unsigned slot, u64 frame); /* and the slot is free again */
void disk_free(unsigned slot);
unsigned program_pages(void);
u64 program_frame(unsigned page); /* a page of the program file if it is in memory, or 0 */
void program_load(void);          /* reads the whole program file into frames */
void program_forget(void);

/* ---- process.c ---- */

/* What a trap leaves of a process, in the order in which trap.S and the processor push it.
 * SDM, "64-Bit Mode Stack Frame". */
struct registers {
    u64 r15, r14, r13, r12, r11, r10, r9, r8, rbp, rdi, rsi, rdx, rcx, rbx, rax;
    u64 vector, error;
    u64 rip, cs, rflags, rsp, ss;
};

/* An area is a promise: these addresses may be used, in these ways. Pages come later, one fault at a time. */
enum rights { MAY_READ = 1, MAY_WRITE = 2, MAY_EXECUTE = 4 };
enum contents { FROM_FILE, FROM_ZERO };
struct area {
    const char *name;
    u64 start, end;
    u64 limit; /* how far down it may grow; equal to start if it may not */
    enum rights rights;
    enum contents contents;
};

enum { AREA_PROGRAM, AREA_HEAP, AREA_STACK, AREAS };
enum { PROCESSES = 8 };

enum state { NOBODY, READY, WAITING };
struct process {
    struct registers regs __attribute__((aligned(16))); /* the processor aligns the stack it switches to */
    unsigned id;
    enum state state;
    u64 root; /* physical address of its PML4 table: its CR3 */
    struct area areas[AREAS];
    u64 on_violation;    /* where it wants to be told of an access violation, or 0 */
    u64 disk_address;    /* WAITING: the page the disk is to bring, */
    unsigned disk_turns; /* and how many turns of others that takes */
};

struct process *process_create(enum role role);
struct process *process_current(void);
void run_until_ended(unsigned id); /* turns for everybody, until that process has ended; 0: until nobody is left */
void run_turns(unsigned turns);
unsigned checks_failed(void);

/* ---- fault.c ---- */

enum verdict { RETRY, SLEEP, VIOLATION };
struct fault {
    struct process *process;
    u64 address, error; /* CR2 and the error code */
    const struct registers *regs;
};
enum verdict page_fault(const struct fault *);    /* SLEEP: the process waits for the disk */
void page_arrived(struct process *, u64 address); /* brings a page from disk and maps it */
void fault_summary(void);

/* ---- trap.S ---- */

/* Runs a process until it traps; its registers, vector and error code are then in the structure. */
void enter_user(struct registers *);
/* Copies from addresses a process gave. False if they cannot be read; the only kernel code that may fault. */
bool copy_from_user(void *to, u64 from, u64 size);
extern const char copy_from_user_touch[], copy_from_user_failed[];

/* ---- traps.c: the tables of the processor ---- */

void traps_init(void);
void traps_stack(struct process *); /* the next trap from user mode saves into this process's registers */
u64 read_cr2(void);
const char *vector_name(u64 vector);

#endif

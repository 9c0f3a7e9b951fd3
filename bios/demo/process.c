/* SPDX-License-Identifier: MIT */
/* Processes, their turns, and what they can ask of the kernel. */
#include "demo.h"

enum { VECTOR_PAGE_FAULT = 14, VECTOR_SYSTEM_CALL = 0x80, RFLAGS_FIXED = 2 };

static struct process processes[PROCESSES];
static struct process *current;
static int last_turn = PROCESSES - 1;
static unsigned last_id, failed;

/* ---- Birth and end ---- */

static struct process *new_process(void)
{
    for (int i = 0; i < PROCESSES; i++)
        if (processes[i].state == NOBODY) {
            processes[i] = (struct process){.id = ++last_id, .state = READY, .root = space_create()};
            return &processes[i];
        }
    panic("too many processes");
}

/* The program's pages if they are in memory already, and one page of stack; everything else comes by faults. */
static void map_at_birth(struct process *p)
{
    u64 *entry = space_entry(p->root, STACK_END - PAGE, true);

    *entry = frame_take() | PTE_P | PTE_W | PTE_U | PTE_NX;
    for (unsigned i = 0; program_frame(i); i++) {
        *space_entry(p->root, PROGRAM_START + i * PAGE, true) = program_frame(i) | PTE_P | PTE_U;
        frame_share(program_frame(i));
    }
}

struct process *process_create(enum role role)
{
    struct process *p = new_process();

    p->areas[AREA_PROGRAM] =
        (struct area){"program",     PROGRAM_START,          PROGRAM_START + program_pages() * PAGE,
                      PROGRAM_START, MAY_READ | MAY_EXECUTE, FROM_FILE};
    p->areas[AREA_HEAP] = (struct area){"heap", HEAP_START, HEAP_END, HEAP_START, MAY_READ | MAY_WRITE, FROM_ZERO};
    p->areas[AREA_STACK] =
        (struct area){"stack", STACK_END - PAGE, STACK_END, STACK_LIMIT, MAY_READ | MAY_WRITE, FROM_ZERO};
    map_at_birth(p);
    p->regs.rip = PROGRAM_START;
    p->regs.rsp = STACK_END;
    p->regs.rflags = RFLAGS_FIXED;
    p->regs.rdi = role;
    return p;
}

static struct process *fork(struct process *parent)
{
    struct process *child = new_process();
    unsigned id = child->id;
    u64 root = child->root;

    *child = *parent;
    child->id = id;
    child->root = root;
    child->regs.rax = 0;
    space_copy(parent->root, child->root);
    return child;
}

static void process_end(struct process *p, const char *how)
{
    unsigned before = frames_in_use();

    space_destroy(p->root);
    p->state = NOBODY;
    print("\n  Process %u %s; %u frames are free again.\n", p->id, how, before - frames_in_use());
}

struct process *process_current(void) { return current; }

unsigned checks_failed(void) { return failed; }

/* ---- System calls ---- */

static u64 sys_write(struct process *p, u64 text, u64 length)
{
    char copy[USER_TEXT_MAX + 1];

    /* Without the test of the address a process could have the kernel read the kernel's own memory to it. */
    if (length > USER_TEXT_MAX || text > USER_END - length || !copy_from_user(copy, text, length))
        return (u64)-1;
    copy[length] = '\0';
    print("\n  process %u:\n", p->id);
    say("      ", "\"%s\"", copy);
    return 0;
}

static u64 *user_entry(struct process *p, u64 address)
{
    return address < USER_END ? space_entry(p->root, address, false) : NULL;
}

/* What a kernel short of memory does to a page that has not been used for long. */
static u64 sys_evict(struct process *p, u64 address)
{
    u64 *entry = user_entry(p, address), frame;
    unsigned slot;

    if (!entry || !(*entry & PTE_P) || frame_users(*entry & PTE_FRAME) > 1)
        return (u64)-1;
    frame = *entry & PTE_FRAME;
    slot = disk_write(frame);
    print("\n");
    say("  ",
        "Memory, let us say, is short: the kernel writes page %lx of process %u to disk slot %u; frame %x is "
        "free for others. The entry, %lx, becomes %lx: not present, but it remembers the slot.",
        address, p->id, slot, frame_number(frame), *entry, (u64)slot << 12 | PTE_DISK);
    *entry = (u64)slot << 12 | PTE_DISK;
    page_flush(address);
    memset(frame_bytes(frame), 0xDD, PAGE); /* whoever gets the frame next may write what it likes */
    frame_drop(frame);
    return 0;
}

static u64 sys_frame(struct process *p, u64 address)
{
    const u64 *entry = user_entry(p, address);

    return entry && *entry & PTE_P ? frame_number(*entry & PTE_FRAME) : 0;
}

/* True if the process goes on at once, false if its turn is over. */
static bool system_call(struct process *p)
{
    struct registers *r = &p->regs;

    switch ((enum system_call)r->rax) {
    case SYS_EXIT: process_end(p, "has finished"); return false;
    case SYS_YIELD: return false;
    case SYS_WRITE: r->rax = sys_write(p, r->rdi, r->rsi); return true;
    case SYS_FORK: r->rax = fork(p)->id; return true;
    case SYS_EVICT: r->rax = sys_evict(p, r->rdi); return true;
    case SYS_FRAME: r->rax = sys_frame(p, r->rdi); return true;
    case SYS_HANDLER: p->on_violation = r->rdi < USER_END ? r->rdi : 0; return true;
    case SYS_CHECK:
        if (!r->rdi) {
            failed++;
            print("  process %u: this is NOT as it should be\n", p->id);
        }
        return true;
    }
    r->rax = (u64)-1;
    return true;
}

/* ---- Faults ---- */

/* The other ending. A process that asked for it is told, by running on at its handler; otherwise it is over. */
static bool access_violation(struct process *p, u64 address)
{
    if (!p->on_violation) {
        process_end(p, "is ended");
        return false;
    }
    say("      result:  ", "process %u asked to be told: it goes on, not at the instruction but in its handler at %lx",
        p->id, p->on_violation);
    p->regs.rip = p->on_violation;
    p->regs.rdi = address;
    p->regs.rsp = ((p->regs.rsp - 128) & ~15ull) - 8;
    p->on_violation = 0;
    return true;
}

static bool user_page_fault(struct process *p)
{
    struct fault f = {p, read_cr2(), p->regs.error, &p->regs};

    switch (page_fault(&f)) {
    case RETRY: return true;
    case SLEEP: p->state = WAITING; return false;
    default: return access_violation(p, f.address);
    }
}

/* ---- Turns ---- */

/* Round robin: the next one after the last, until it yields, waits or ends. */
static void take_turn(struct process *p)
{
    bool goes_on = true;

    current = p;
    space_enter(p->root);
    traps_stack(p);
    while (goes_on) {
        enter_user(&p->regs);
        if (p->regs.vector == VECTOR_SYSTEM_CALL) {
            goes_on = system_call(p);
        } else if (p->regs.vector == VECTOR_PAGE_FAULT) {
            goes_on = user_page_fault(p);
        } else {
            print("  process %u: %s at RIP %lx\n", p->id, vector_name(p->regs.vector), p->regs.rip);
            process_end(p, "is ended by the kernel");
            goes_on = false;
        }
    }
    current = NULL;
}

static void disk_progress(bool nobody_else)
{
    for (int i = 0; i < PROCESSES; i++) {
        struct process *p = &processes[i];

        if (p->state != WAITING || (p->disk_turns-- && !nobody_else))
            continue;
        print("\n  The disk has done its work for process %u:\n", p->id);
        page_arrived(p, p->disk_address);
        p->state = READY;
    }
}

/* True if somebody had a turn or was woken. */
static bool one_turn(void)
{
    bool waiting = false;

    for (int i = 1; i <= PROCESSES; i++) {
        int n = (last_turn + i) % PROCESSES;

        waiting |= processes[n].state == WAITING;
        if (processes[n].state != READY)
            continue;
        last_turn = n;
        disk_progress(false);
        take_turn(&processes[n]);
        return true;
    }
    disk_progress(true);
    return waiting;
}

void run_turns(unsigned turns)
{
    while (turns-- && one_turn())
        ;
}

static bool alive(unsigned id)
{
    for (int i = 0; i < PROCESSES; i++)
        if (processes[i].state != NOBODY && (!id || processes[i].id == id))
            return true;
    return false;
}

void run_until_ended(unsigned id)
{
    while (alive(id) && one_turn())
        ;
    if (!alive(0))
        last_turn = PROCESSES - 1; /* the next round begins at the beginning */
}

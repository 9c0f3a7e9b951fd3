/* SPDX-License-Identifier: MIT */
/*
 * The page-fault handler. It asks three questions, always in this order:
 *
 *   1. Is the address one the process was promised?           No: access violation (but a stack may grow).
 *   2. Was it promised for this kind of access?               No: access violation.
 *   3. Why, then, did the processor object?                   The page table entry tells, and the cause is removed.
 *
 * Then it returns, and IRET runs the faulting instruction again as if nothing had happened.
 */
#include "demo.h"

/* SDM, "Page-Fault Exceptions": the error code. */
enum { ERROR_P = 1 << 0, ERROR_W = 1 << 1, ERROR_U = 1 << 2, ERROR_I = 1 << 4 };

enum { RED_ZONE = 128, DISK_TURNS = 2 }; /* a function may use 128 bytes below RSP (System V ABI, AMD64) */

static struct counts {
    unsigned zero, loaded, arrived, copied, reused, grown, violations;
} counts;

/* ---- In words ---- */

static enum rights right_needed(const struct fault *f)
{
    return f->error & ERROR_I ? MAY_EXECUTE : f->error & ERROR_W ? MAY_WRITE : MAY_READ;
}

static const char *rights_in_words(enum rights r)
{
    if (r & MAY_EXECUTE)
        return "may be read and executed";
    return r & MAY_WRITE ? "may be read and written" : "may be read";
}

static const char *right_denied(const struct fault *f)
{
    return f->error & ERROR_I ? "executed" : f->error & ERROR_W ? "written" : "read";
}

static const char *access_in_words(const struct fault *f)
{
    return f->error & ERROR_I ? "instruction fetch" : f->error & ERROR_W ? "write" : "read";
}

static void describe(const struct fault *f)
{
    static unsigned number;
    const char *does = f->error & ERROR_I ? "jumps to" : f->error & ERROR_W ? "writes to" : "reads";

    print("\n  [%u] ", ++number);
    if (f->error & ERROR_U)
        print("process %u %s %lx (RIP %lx)\n", f->process->id, does, f->address, f->regs->rip);
    else
        print("the kernel, working for process %u, %s %lx\n", f->process->id, does, f->address);
    say("      seen:    ", "CR2 %lx, error %lx: page %s, %s, %s mode", f->address, f->error,
        f->error & ERROR_P ? "present" : "not present", access_in_words(f), f->error & ERROR_U ? "user" : "kernel");
}

static void decide(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void decide(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    say_list("      decided: ", format, args);
    va_end(args);
}

static void set_entry(u64 *entry, u64 value)
{
    say("      entry:   ", "%lx becomes %lx", *entry, value);
    *entry = value;
}

/* ---- The third question: what is in the way? ---- */

static u64 rights_of_entry(const struct area *a)
{
    return PTE_P | PTE_U | (a->rights & MAY_WRITE ? PTE_W : 0) | (a->rights & MAY_EXECUTE ? 0 : PTE_NX);
}

/* Nothing in the entry: the first touch. */
static enum verdict fill_with_zeros(const struct area *a, u64 *entry)
{
    u64 frame = frame_take();

    counts.zero++;
    decide("touched for the first time: map frame %x, all zeros, and retry", frame_number(frame));
    set_entry(entry, frame | rights_of_entry(a));
    return RETRY;
}

/* Reading a file costs so much that its neighbours come along (a kernel calls this read-ahead). */
static enum verdict load_from_file(const struct fault *f, const struct area *a, u64 *entry)
{
    unsigned page = (unsigned)((f->address - a->start) / PAGE);

    counts.loaded++;
    if (!program_frame(page))
        program_load();
    decide("read the file's %u pages from disk, the wanted one into frame %x, map them and retry", program_pages(),
           frame_number(program_frame(page)));
    set_entry(entry, program_frame(page) | rights_of_entry(a));
    frame_share(program_frame(page));
    for (unsigned i = 0; i < program_pages(); i++) {
        u64 *other = space_entry(f->process->root, a->start + i * PAGE, true);

        if (!*other) {
            *other = program_frame(i) | rights_of_entry(a);
            frame_share(program_frame(i));
        }
    }
    return RETRY;
}

/* A disk slot in the entry. The disk is slow: a process must wait, and others run. The kernel itself cannot wait. */
static enum verdict fetch_from_disk(const struct fault *f, u64 *entry)
{
    if (f->error & ERROR_U) {
        decide("the entry, %lx, says where the page is: disk slot %lu. Let process %u sleep until it has been read, "
               "and others run",
               *entry, *entry >> 12, f->process->id);
        f->process->disk_address = f->address;
        f->process->disk_turns = DISK_TURNS;
        return SLEEP;
    }
    decide("the entry, %lx, says where the page is: disk slot %lu. Read it now and retry", *entry, *entry >> 12);
    page_arrived(f->process, f->address);
    return RETRY;
}

void page_arrived(struct process *p, u64 address)
{
    u64 *entry = space_entry(p->root, address, false), frame = frame_take();
    const struct area *a = &p->areas[AREA_HEAP]; /* only the heap goes to disk */
    unsigned slot = (unsigned)(*entry >> 12);

    counts.arrived++;
    disk_read(slot, frame);
    print("      disk:    slot %u has been read into frame %x\n", slot, frame_number(frame));
    set_entry(entry, frame | rights_of_entry(a));
}

/* Present and read-only, though the area may be written: shared since a fork. */
static enum verdict copy_on_write(const struct fault *f, u64 *entry)
{
    u64 shared = *entry & PTE_FRAME, rest = (*entry & ~PTE_FRAME & ~(u64)PTE_COW) | PTE_W;

    if (frame_users(shared) > 1) {
        u64 own = frame_take();

        memcpy(frame_bytes(own), frame_bytes(shared), PAGE);
        counts.copied++;
        decide("frame %x is shared by %u processes: copy it to frame %x, which process %u may write, and retry",
               frame_number(shared), frame_users(shared), frame_number(own), f->process->id);
        set_entry(entry, own | rest);
        frame_drop(shared);
    } else {
        counts.reused++;
        decide("frame %x was shared, but process %u is the last to use it: make it writable without a copy, and retry",
               frame_number(shared), f->process->id);
        set_entry(entry, shared | rest);
    }
    page_flush(f->address); /* the TLB may still hold the read-only entry */
    return RETRY;
}

static enum verdict remove_cause(const struct fault *f, const struct area *a)
{
    u64 *entry = space_entry(f->process->root, f->address, true);

    if (*entry & PTE_P) {
        if (!(*entry & PTE_COW))
            panic("a fault on %lx, but its entry %lx allows the access", f->address, *entry);
        return copy_on_write(f, entry);
    }
    if (*entry & PTE_DISK)
        return fetch_from_disk(f, entry);
    return a->contents == FROM_FILE ? load_from_file(f, a, entry) : fill_with_zeros(a, entry);
}

/* ---- The first two questions: is it allowed? ---- */

static void look(const struct area *a)
{
    say("      found:   ", "area \"%s\", %s, %s", a->name, rights_in_words(a->rights),
        a->contents == FROM_FILE ? "from the program file" : "zeros at first");
}

static enum verdict violation(const char *why, const char *what)
{
    counts.violations++;
    decide("access violation: %s%s", why, what);
    return VIOLATION;
}

static enum verdict not_promised(const struct fault *f)
{
    if (f->address >= KERNEL_HALF) {
        say("      found:   ", "the upper half of every address space is the kernel's");
        return violation("the page is there, but its U/S bit keeps user mode out", "");
    }
    say("      found:   ", "no area of process %u holds this address%s", f->process->id,
        f->address < PAGE ? ": page 0 is never promised to anybody, so that null pointers are caught" : "");
    return violation("the address is not valid", "");
}

/* Below the stack, but not below what it may grow to. A program moves RSP before it uses the memory above RSP, so an
 * access far below RSP is a stray pointer and not a growing stack. */
static enum verdict grow_stack(const struct fault *f, struct area *stack)
{
    u64 rsp = f->process->regs.rsp;

    if (f->address < rsp - RED_ZONE) {
        say("      found:   ", "below area \"stack\", and %lu bytes below RSP, %lx", rsp - f->address, rsp);
        return violation("a stray pointer, not a growing stack", "");
    }
    counts.grown++;
    stack->start = f->address & ~(PAGE - 1);
    say("      found:   ",
        "below area \"stack\", but not below RSP, %lx: the stack has grown. The area begins at %lx "
        "from now on",
        rsp, stack->start);
    return remove_cause(f, stack);
}

enum verdict page_fault(const struct fault *f)
{
    describe(f);
    for (int i = 0; i < AREAS; i++) {
        struct area *a = &f->process->areas[i];

        if (f->address >= a->limit && f->address < a->start)
            return grow_stack(f, a);
        if (f->address < a->start || f->address >= a->end)
            continue;
        look(a);
        if (!(a->rights & right_needed(f)))
            return violation("the area may not be ", right_denied(f));
        return remove_cause(f, a);
    }
    return not_promised(f);
}

void fault_summary(void)
{
    const struct {
        unsigned count;
        const char *what;
    } rows[] = {
        {counts.loaded, "loaded from the program file"},
        {counts.zero - counts.grown, "mapped to a page of zeros"},
        {counts.grown, "mapped to a page of zeros for a growing stack"},
        {counts.arrived, "brought back from the disk"},
        {counts.copied, "copied on write"},
        {counts.reused, "made writable again, without a copy"},
        {counts.violations, "access violations"},
    };
    unsigned sum = 0;

    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        print("  %4u  %s\n", rows[i].count, rows[i].what);
        sum += rows[i].count;
    }
    print("  %4u  faults in all\n", sum);
}

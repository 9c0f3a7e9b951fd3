/* SPDX-License-Identifier: MIT */
/* The story, scene by scene. */
#include "demo.h"

void kernel_main(void);

static void scene(const char *title, const char *text)
{
    static unsigned number;

    print("\n\nScene %u. %s\n", ++number, title);
    say("  ", "%s", text);
}

static void alone(enum role role) { run_until_ended(process_create(role)->id); }

static void valid_addresses(void)
{
    scene("The first instruction",
          "A process is born with promises, not pages: areas that say which addresses it may use, and page tables that "
          "are almost empty. It starts at an address where nothing is mapped.");
    alone(ROLE_NEWBORN);

    scene("Zeros on demand",
          "Memory that is promised costs nothing until it is touched. From here on the program's own pages are in "
          "memory already, and new processes share them.");
    alone(ROLE_ZERO);

    scene("A growing stack", "One page of stack is there at birth. Deeper calls reach below it.");
    alone(ROLE_STACK);

    scene("Back from the disk",
          "A page can lose its frame without its process knowing, if it is brought back when it is missed. The disk is "
          "slow, so another process runs meanwhile.");
    process_create(ROLE_DISK);
    process_create(ROLE_NEIGHBOUR);
    run_until_ended(0);
}

static void several_processes(void)
{
    scene("One address, two pages",
          "Two processes use the same address at the same time. Each has its own page tables, and CR3 says whose are "
          "in force.");
    process_create(ROLE_TWIN_A);
    process_create(ROLE_TWIN_B);
    run_until_ended(0);

    scene("Copy on write",
          "A fork copies no memory. Parent and child share every page, the stack included, and all are read-only until "
          "one of the two writes.");
    alone(ROLE_FORK);
    run_until_ended(0);

    scene("The kernel faults, too",
          "A process has the kernel read its memory: first a page that is on the disk, then an address that is not "
          "valid.");
    alone(ROLE_BORROWED_HANDS);
}

static void the_other_ending(void)
{
    static const enum role offenders[] = {ROLE_NULL, ROLE_READ_ONLY, ROLE_KERNEL, ROLE_NO_EXECUTE, ROLE_FAR_BELOW};
    unsigned witness;

    scene("The other ending",
          "If the address is not valid, or the access not allowed, retrying would not help. The process is ended, and "
          "only it: a witness counts on beside the offenders.");
    witness = process_create(ROLE_WITNESS)->id;
    run_turns(1);
    for (unsigned i = 0; i < sizeof(offenders) / sizeof(offenders[0]); i++) {
        alone(offenders[i]);
        run_turns(1);
    }
    run_until_ended(witness);

    scene("A violation need not be the end",
          "A process may ask to be told instead (a kernel calls this a signal, or a structured exception).");
    alone(ROLE_CAREFUL);
}

void kernel_main(void)
{
    unsigned before;

    console_init();
    traps_init();
    memory_init();
    before = frames_in_use();

    print("What a kernel does about page faults\n"
          "====================================\n");
    say("",
        "This is a small 64-bit kernel: 4-level paging, user processes at CPL 3, a round-robin scheduler. Every "
        "fault below is real: the processor raises it, and the kernel's handler says what it saw and what it decided.");
    valid_addresses();
    several_processes();
    the_other_ending();

    print("\n\nThe end\n");
    fault_summary();
    program_forget();
    say("  ", "Frames in use: %u before the first process, %u after the last. %s", before, frames_in_use(),
        checks_failed() ? "Some checks FAILED." : "Every check of every process held.");
    shut_down(checks_failed() || frames_in_use() != before);
}

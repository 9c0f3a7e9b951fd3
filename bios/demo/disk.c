/* SPDX-License-Identifier: MIT */
/* The simulated disk: a swap area of a few slots, and the file that holds the program. */
#include "demo.h"

static u8 slots[DISK_SLOTS][PAGE];
static bool slot_used[DISK_SLOTS];

extern const u8 program_file[], program_file_end[]; /* program.S */

enum { PROGRAM_PAGES_MAX = 4 };
static u64 program[PROGRAM_PAGES_MAX];

/* ---- Swap ---- */

unsigned disk_write(u64 frame)
{
    for (unsigned slot = 0; slot < DISK_SLOTS; slot++)
        if (!slot_used[slot]) {
            slot_used[slot] = true;
            memcpy(slots[slot], frame_bytes(frame), PAGE);
            return slot;
        }
    panic("the disk is full");
}

void disk_read(unsigned slot, u64 frame)
{
    memcpy(frame_bytes(frame), slots[slot], PAGE);
    disk_free(slot);
}

void disk_free(unsigned slot)
{
    if (!slot_used[slot])
        panic("disk slot %u is free already", slot);
    slot_used[slot] = false;
}

/* ---- The program file ---- */

static u64 program_size(void) { return (u64)(program_file_end - program_file); }

unsigned program_pages(void) { return (unsigned)((program_size() + PAGE - 1) / PAGE); }

u64 program_frame(unsigned page) { return page < PROGRAM_PAGES_MAX ? program[page] : 0; }

void program_load(void)
{
    if (program_pages() > PROGRAM_PAGES_MAX)
        panic("the program file is too large");
    for (unsigned i = 0; i < program_pages(); i++) {
        u64 left = program_size() - i * PAGE;

        program[i] = frame_take();
        memcpy(frame_bytes(program[i]), program_file + i * PAGE, left < PAGE ? left : PAGE);
    }
}

void program_forget(void)
{
    for (unsigned i = 0; i < PROGRAM_PAGES_MAX; i++)
        if (program[i]) {
            frame_drop(program[i]);
            program[i] = 0;
        }
}

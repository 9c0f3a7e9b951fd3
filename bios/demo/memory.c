/* SPDX-License-Identifier: MIT */
/* Physical frames and the tables that map them (SDM, "4-Level Paging and 5-Level Paging"). */
#include "demo.h"

enum { FIRST_FRAME = 0x200, FRAMES = (int)(RAM_USED / PAGE), ENTRIES = 512, USER_ENTRIES = 256 };

/* How often each frame is used: by page tables, by page table entries, by the cache of the program file. */
static u16 users[FRAMES];
static unsigned next_frame = FIRST_FRAME, used_frames;

static u64 kernel_root;

extern char kernel_text_start[], kernel_text_end[], kernel_rodata_end[], kernel_end[];

/* ---- Frames ---- */

void *frame_bytes(u64 frame) { return (void *)(frame + KERNEL_BASE); }

unsigned frame_number(u64 frame) { return (unsigned)(frame / PAGE); }

/* The search goes round, so that a frame is not used again soon: its number then names one page in the story. */
u64 frame_take(void)
{
    for (int tried = 0; tried < FRAMES - FIRST_FRAME; tried++) {
        unsigned n = next_frame;

        next_frame = n + 1 < FRAMES ? n + 1 : FIRST_FRAME;
        if (!users[n]) {
            users[n] = 1;
            used_frames++;
            memset(frame_bytes(n * PAGE), 0, PAGE);
            return n * PAGE;
        }
    }
    panic("out of memory");
}

void frame_share(u64 frame) { users[frame_number(frame)]++; }

void frame_drop(u64 frame)
{
    if (!users[frame_number(frame)])
        panic("frame %lx is dropped more often than it was taken", frame / PAGE);
    if (!--users[frame_number(frame)])
        used_frames--;
}

unsigned frame_users(u64 frame) { return users[frame_number(frame)]; }

unsigned frames_in_use(void) { return used_frames; }

/* ---- Tables ---- */

static u64 *table_of(u64 entry) { return frame_bytes(entry & PTE_FRAME); }

/* One step of the walk. Upper levels allow everything: the last level alone decides what a page may be used for. */
static u64 *next_table(u64 *entry, bool create)
{
    if (!(*entry & PTE_P)) {
        if (!create)
            return NULL;
        *entry = frame_take() | PTE_P | PTE_W | PTE_U;
    }
    return table_of(*entry);
}

u64 *space_entry(u64 root, u64 address, bool create)
{
    u64 *table = frame_bytes(root);

    for (unsigned shift = 39; shift > 12; shift -= 9) {
        table = next_table(&table[address >> shift & (ENTRIES - 1)], create);
        if (!table)
            return NULL;
    }
    return &table[address >> 12 & (ENTRIES - 1)];
}

/* SDM, "Invalidation of TLBs and Paging-Structure Caches": INVLPG for one page, MOV to CR3 for all but global ones. */
void page_flush(u64 address) { __asm__ volatile("invlpg (%0)" : : "r"(address) : "memory"); }

void space_enter(u64 root) { __asm__ volatile("mov %0, %%cr3" : : "r"(root) : "memory"); }

u64 space_create(void)
{
    u64 root = frame_take();
    u64 *kernel = frame_bytes(kernel_root), *own = frame_bytes(root);

    for (unsigned i = USER_ENTRIES; i < ENTRIES; i++)
        own[i] = kernel[i];
    return root;
}

/* Visits the tables below one of `level`; level 1 holds the pages. */
static void destroy_level(u64 frame, unsigned level, unsigned entries)
{
    u64 *table = frame_bytes(frame);

    for (unsigned i = 0; i < entries; i++) {
        if (table[i] & PTE_P && level > 1)
            destroy_level(table[i] & PTE_FRAME, level - 1, ENTRIES);
        else if (table[i] & PTE_P)
            frame_drop(table[i] & PTE_FRAME);
        else if (table[i] & PTE_DISK)
            disk_free((unsigned)(table[i] >> 12));
    }
    frame_drop(frame);
}

void space_destroy(u64 root)
{
    space_enter(kernel_root);
    destroy_level(root, 4, USER_ENTRIES);
}

static void copy_level(u64 from, u64 to, unsigned level, unsigned entries)
{
    u64 *source = frame_bytes(from), *target = frame_bytes(to);

    for (unsigned i = 0; i < entries; i++) {
        if (level == 1 && source[i] & PTE_DISK && !(source[i] & PTE_P))
            panic("a fork with a page on the disk is beyond this kernel");
        if (!(source[i] & PTE_P))
            continue;
        if (level > 1) {
            next_table(&target[i], true);
            copy_level(source[i] & PTE_FRAME, target[i] & PTE_FRAME, level - 1, ENTRIES);
            continue;
        }
        if (source[i] & PTE_W)
            source[i] = (source[i] & ~(u64)PTE_W) | PTE_COW;
        target[i] = source[i];
        frame_share(source[i] & PTE_FRAME);
    }
}

/* The pages that lose their W bit may still be in the TLB with it: entering the space again flushes them. */
void space_copy(u64 from, u64 to)
{
    copy_level(from, to, 4, USER_ENTRIES);
    space_enter(from);
}

/* ---- The kernel's own half ---- */

/* The image in 4 KiB pages, each writable or executable but not both; the frames above it in 2 MiB pages. */
static void map_kernel(void)
{
    u64 *directory;

    for (u64 at = (u64)kernel_text_start; at < (u64)kernel_end; at += PAGE) {
        u64 rights = PTE_NX | PTE_W;

        if (at < (u64)kernel_text_end)
            rights = 0;
        else if (at < (u64)kernel_rodata_end)
            rights = PTE_NX;
        *space_entry(kernel_root, at, true) = (at - KERNEL_BASE) | rights | PTE_P | PTE_G;
    }
    directory = frame_bytes(kernel_root);
    directory = table_of(directory[ENTRIES - 1]);
    directory = table_of(directory[ENTRIES - 2]);
    for (u64 at = 0x200000; at < RAM_USED; at += 0x200000)
        directory[at / 0x200000] = at | PTE_P | PTE_W | PTE_PS | PTE_G | PTE_NX;
}

void memory_init(void)
{
    kernel_root = frame_take();
    map_kernel();
    space_enter(kernel_root);
}

/* SPDX-License-Identifier: MIT */
/*
 * A kernel that reaches page tables through a window onto all memory, and gives part of that window away:
 * docs/example-wrong-alias.md. FIXED is the kernel with the mistake mended.
 */
#include "example.h"

#define WINDOW 0xc0000000u /* physical memory, all of it, from here on */
#define MEMORY (16u << 20)
#define phystokv(physical) ((void *)((physical) + WINDOW))

static uint32_t page_next; /* the next free frame */
static uint32_t kmem_next; /* the next free address for the kernel's own allocations */
static uint32_t *kernel_directory;
static uint32_t *task_directory; /* where the kernel sees it */
static int task_faults;

static uint32_t page_alloc(void)
{
    page_next += PAGE_SIZE;
    return page_next - PAGE_SIZE;
}

static uint32_t *table_of(uint32_t *directory, uint32_t address)
{
    uint32_t *entry = &directory[address >> 22];
    if (!(*entry & P)) {
        uint32_t frame = page_alloc();
        uint32_t *table = phystokv(frame);
        for (int i = 0; i < 1024; i++)
            table[i] = 0;
        *entry = frame | P | RW;
    }
    return phystokv(FRAME(*entry));
}

/* Map `frame` at `address`: written, and read back to be sure. */
static void pmap_enter(uint32_t *directory, uint32_t address, uint32_t frame)
{
    volatile uint32_t *entry = &table_of(directory, address)[address >> 12 & 1023];
    *entry = frame | P | RW;
    if (*entry != (frame | P | RW)) {
        say("pmap_enter: the entry did not stay\n");
        leave(2);
    }
    __asm__ volatile("invlpg (%0)" : : "r"(address) : "memory");
}

/* Wired memory of the kernel's: addresses from kmem_next on, whatever frames are free. */
static void *kmem_alloc(int pages)
{
    uint32_t start = kmem_next;
    for (; pages > 0; pages--, kmem_next += PAGE_SIZE)
        pmap_enter(kernel_directory, kmem_next, page_alloc());
    return (void *)start;
}

void page_fault(uint32_t address, uint32_t error)
{
    (void)error;
    task_faults++;
    pmap_enter(task_directory, address, page_alloc());
}

/* One directory with memory at 0 (to begin with) and in the window; the tables are at the end of the image. */
static void pmap_bootstrap(void)
{
    uint32_t tables = FRAME((uint32_t)image_end + PAGE_SIZE - 1);
    uint32_t *directory = (uint32_t *)tables;
    for (uint32_t i = 0; i < 1024; i++)
        directory[i] = 0;
    for (uint32_t i = 0; i < MEMORY >> 22; i++) {
        uint32_t *table = (uint32_t *)(tables + (i + 1) * PAGE_SIZE);
        for (uint32_t j = 0; j < 1024; j++)
            table[j] = i << 22 | j << 12 | P | RW;
        directory[i] = directory[(WINDOW >> 22) + i] = (uint32_t)table | P | RW;
    }
    directory[(WINDOW >> 22) + (MEMORY >> 22)] = tables + 5 * PAGE_SIZE + P + RW;
    paging_on(directory);
    page_next = tables + 6 * PAGE_SIZE;
    kernel_directory = phystokv((uint32_t)directory);
#ifdef FIXED
    kmem_next = (uint32_t)phystokv(MEMORY);
#else
    kmem_next = (uint32_t)phystokv(page_next);
#endif
}

static void task_create(void)
{
    task_directory = kmem_alloc(1);
    for (int i = 0; i < 1024; i++)
        task_directory[i] = i >= 768 || i == 0 ? kernel_directory[i] : 0;
    uint32_t entry = ((uint32_t *)phystokv(
        FRAME(kernel_directory[(uint32_t)task_directory >> 22])))[(uint32_t)task_directory >> 12 & 1023];
    __asm__ volatile("mov %0, %%cr3" : : "r"(FRAME(entry)) : "memory");
}

static void copyout(const char *from, uint32_t to)
{
    do
        *(volatile char *)to++ = *from;
    while (*from++);
}

void kernel_main(void)
{
    pmap_bootstrap();
    task_create();
    say("task: created\n");
    copyout("server", 0x42e000);
    say("task: name copied\n");
    void *stack = kmem_alloc(2);
    say("thread: stack at ");
    say_hex((uint32_t)stack);
    say("\n");
    copyout("--verbose", 0x42f000);
    say("task: arguments copied\n");
    leave(0);
}

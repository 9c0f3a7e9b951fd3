/* SPDX-License-Identifier: MIT */
/*
 * A kernel that loads a library over pages it has mapped before, and whose INVLPG invalidates another page:
 * docs/example-missing-flush.md. FIXED is the kernel with the mistake mended.
 */
#include "example.h"

#define LIBRARY 0x40000000u /* where it is mapped: code, then data, then what starts as zeros */
#define DATA (LIBRARY + 4 * PAGE_SIZE)
#define FILE 0x800000u /* the file's pages in memory */
#define FILE_PAGES 64
#define DYNAMIC 0x6ffffef5u /* what the data begins with */

static uint32_t directory[1024] __attribute__((aligned(4096)));
static uint32_t tables[5][1024] __attribute__((aligned(4096)));
static uint32_t page_next = 0x400000;

static void page_invalidate(uint32_t address)
{
#ifdef FIXED
    __asm__ volatile("invlpg (%0)" : : "r"(address) : "memory");
#else
    __asm__ volatile("invlpg %0" : : "m"(address) : "memory");
#endif
}

static void map(uint32_t address, uint32_t frame)
{
    tables[4][address >> 12 & 1023] = frame | P | RW;
    page_invalidate(address);
}

static void map_zeros(uint32_t address, int pages)
{
    for (; pages > 0; pages--, address += PAGE_SIZE) {
        map(address, page_next);
        page_next += PAGE_SIZE;
        for (uint32_t i = 0; i < PAGE_SIZE; i += 4)
            *(volatile uint32_t *)(address + i) = 0;
    }
}

static void map_file(uint32_t address, uint32_t offset, int pages)
{
    for (; pages > 0; pages--, address += PAGE_SIZE, offset += PAGE_SIZE)
        map(address, FILE + offset);
}

static uint32_t checksum(uint32_t address, int pages)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < pages * PAGE_SIZE / 4; i += PAGE_SIZE / 16)
        sum += ((volatile uint32_t *)address)[i];
    return sum;
}

void page_fault(uint32_t address, uint32_t error)
{
    say("unhandled page fault at ");
    say_hex(address);
    say("\n");
    leave((uint8_t)error);
}

static void paging(void)
{
    for (uint32_t i = 0; i < 4 * 1024; i++)
        tables[i >> 10][i & 1023] = i << 12 | P | RW;
    for (int i = 0; i < 4; i++)
        directory[i] = (uint32_t)tables[i] | P | RW;
    directory[LIBRARY >> 22] = (uint32_t)tables[4] | P | RW;
    paging_on(directory);
}

void kernel_main(void)
{
    paging();
    *(volatile uint32_t *)(FILE + 4 * PAGE_SIZE) = DYNAMIC;
    map_file(LIBRARY, 0, 4);
    map_zeros(DATA, 3);
    say("loader: code and zeros mapped\n");
    map_file(DATA, 4 * PAGE_SIZE, 1);
    say("loader: data mapped\n");
    if (checksum(FILE, FILE_PAGES) != DYNAMIC)
        leave(2);
    uint32_t tag = *(volatile uint32_t *)DATA;
    if (tag != DYNAMIC) {
        say("loader: no dynamic section: tag ");
        say_hex(tag);
        say("\n");
        leave(1);
    }
    say("loader: library linked\n");
    leave(0);
}

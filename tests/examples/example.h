/* SPDX-License-Identifier: MIT */
/* What the two kernels share: words for the tables, the serial line, the end. */
#include <stdint.h>

#define PAGE_SIZE 4096u
#define P 1u
#define RW 2u
#define FRAME(entry) ((entry) & ~0xfffu)

static inline void out(uint16_t port, uint8_t value) { __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port)); }

static void say(const char *text)
{
    while (*text)
        out(0x3f8, (uint8_t)*text++);
}

static void say_hex(uint32_t value)
{
    say("0x");
    for (int shift = 28; shift >= 0; shift -= 4)
        out(0x3f8, (uint8_t) "0123456789abcdef"[value >> shift & 15]);
}

/* The run ends with exit status 2 * code + 1 (isa-debug-exit). */
static _Noreturn void leave(uint8_t code)
{
    out(0xf4, code);
    for (;;)
        __asm__ volatile("cli; hlt");
}

static inline void paging_on(const uint32_t *directory)
{
    uint32_t cr0;
    __asm__ volatile("mov %0, %%cr3" : : "r"(directory) : "memory");
    __asm__ volatile("mov %%cr0, %0" : "=r"(cr0));
    __asm__ volatile("mov %0, %%cr0" : : "r"(cr0 | 0x80010000u) : "memory");
}

extern char image_end[];
void kernel_main(void);
void page_fault(uint32_t address, uint32_t error);

/* SPDX-License-Identifier: MIT */
/* Reads "name count" from the command line, runs that workload and prints START, END and its checksum on COM1. */
#include "bench.h"
#include "port.h"

enum { COM1 = 0x3F8, LSR = COM1 + 5, LSR_THRE = 0x20, LSR_TEMT = 0x40 };
enum { INFO_FLAGS = 0, INFO_HAS_CMDLINE = 4, INFO_CMDLINE = 4 };

void main(const u32 *information) __attribute__((noreturn));

/* The compiler may call these. */
void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
    void *at = to;

    __asm__ volatile("rep movsb" : "+D"(at), "+S"(from), "+c"(size) : : "memory");
    return to;
}

void *memset(void *to, int byte, size_t size)
{
    void *at = to;

    __asm__ volatile("rep stosb" : "+D"(at), "+c"(size) : "a"(byte) : "memory");
    return to;
}

/* ---- COM1 ---- */

static void wait_for(u8 bit)
{
    while (!(port_in(LSR) & bit))
        ;
}

static void print(const char *s)
{
    for (; *s; s++) {
        wait_for(LSR_THRE);
        port_out(COM1, (u8)*s);
    }
}

static void print_hex(u32 value)
{
    char digits[9] = {0};

    for (int i = 7; i >= 0; i--, value >>= 4)
        digits[i] = "0123456789abcdef"[value & 15];
    print(digits);
}

static void console_init(void)
{
    port_out(COM1 + 1, 0);
    port_out(COM1 + 3, 0x80);
    port_out(COM1, 1);
    port_out(COM1 + 1, 0);
    port_out(COM1 + 3, 3);
    port_out(COM1 + 2, 0);
}

/* The line has left the UART when the clock starts, and the clock stops when it begins to. */
void begin(void)
{
    print("START\n");
    wait_for(LSR_TEMT);
}

void end(void)
{
    print("END\n");
    wait_for(LSR_TEMT);
}

/* ---- The command line ---- */

/* Length of the name if `s` begins with it as a word, or 0. */
static unsigned match(const char *s, const char *name)
{
    unsigned n = 0;

    while (name[n] && s[n] == name[n])
        n++;
    return !name[n] && s[n] == ' ' ? n : 0;
}

static u32 read_number(const char *s)
{
    u32 value = 0;

    while (*s == ' ')
        s++;
    while (*s >= '0' && *s <= '9')
        value = value * 10 + (u32)(*s++ - '0');
    return value;
}

/* Loaders may put the kernel's name first: each word is tried. */
static const struct workload *find(const char *line, u32 *count)
{
    static const struct workload *const groups[] = {integer_workloads, sha256_workloads, x87_workloads,
                                                    sse2_workloads,    memory_workloads, system_workloads};

    while (*line) {
        for (unsigned g = 0; g < sizeof(groups) / sizeof(groups[0]); g++)
            for (const struct workload *w = groups[g]; w->name; w++) {
                unsigned length = match(line, w->name);

                if (!length)
                    continue;
                *count = read_number(line + length);
                return w;
            }
        while (*line && *line != ' ')
            line++;
        while (*line == ' ')
            line++;
    }
    return NULL;
}

static void shut_down(void)
{
    for (const char *c = "Shutdown"; *c; c++)
        port_out(0x8900, (u8)*c);
    port_out(0xF4, 0);
    for (;;)
        __asm__ volatile("cli; hlt");
}

void main(const u32 *information)
{
    const struct workload *w = NULL;
    u32 count = 0;

    console_init();
    if (information[INFO_FLAGS] & INFO_HAS_CMDLINE)
        w = find((const char *)(word)information[INFO_CMDLINE], &count);
    if (w) {
        u32 sum = w->run(count);

        print("SUM ");
        print_hex(sum);
        print("\n");
    } else {
        print("no such workload; the command line is \"name count\"\n");
    }
    wait_for(LSR_TEMT);
    shut_down();
    for (;;)
        ;
}

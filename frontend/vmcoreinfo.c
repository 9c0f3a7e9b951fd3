/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* memmem */
#include "frontend/vmcoreinfo.h"

#include <stdlib.h>
#include <string.h>

#define NAME "VMCOREINFO"
#define FIRST "OSRELEASE="
#define HEAD (12u + 12u) /* sizes and type; the name, padded to words */

/* An address of RAM follows the hole below MACHINE_HIGH_RAM. */
static u64 ram_page(struct machine *m, u64 at)
{
    u64 low = machine_low_ram(m);

    return at < low ? at : at - low + MACHINE_HIGH_RAM;
}

/* A note of the right name and type, whose text is one: lines of printable characters. */
static size_t note_at(struct machine *m, u64 pa, char *text)
{
    u8 note[HEAD + VMCOREINFO_MOST];
    const u8 *page = phys_page_read(machine_phys(m), pa), *next;
    u32 head[3];

    if (!page)
        return 0;
    memcpy(head, page, sizeof(head));
    if (head[0] != sizeof(NAME) || !head[1] || head[1] > VMCOREINFO_MOST || head[2] ||
        memcmp(page + 12, NAME, sizeof(NAME)) != 0)
        return 0;
    memcpy(note, page, PAGE_SIZE);
    if (HEAD + head[1] > PAGE_SIZE) {
        next = phys_page_read(machine_phys(m), pa + PAGE_SIZE);
        if (!next)
            return 0;
        memcpy(note + PAGE_SIZE, next, sizeof(note) - PAGE_SIZE);
    }
    for (u32 i = 0; i < head[1]; i++)
        if (note[HEAD + i] != '\n' && (note[HEAD + i] < ' ' || note[HEAD + i] > '~'))
            return 0;
    if (head[1] < strlen(FIRST) || memcmp(note + HEAD, FIRST, strlen(FIRST)) != 0)
        return 0;
    memcpy(text, note + HEAD, head[1]);
    return head[1];
}

/* Is the code of the kernel that wrote it where it says? */
static bool is_running(struct machine *m, const char *text, size_t length)
{
    static const char key[] = "\nSYMBOL(_stext)=";
    const char *at = memmem(text, length, key, strlen(key));
    char digits[17] = "";
    u64 address;

    if (!at)
        return false;
    at += strlen(key);
    memcpy(digits, at, (size_t)(text + length - at) < 16 ? (size_t)(text + length - at) : 16);
    address = strtoull(digits, NULL, 16);
    return address && cpu_walk(machine_cpu(m), address, (struct access){.kind = ACCESS_EXECUTE}).cause == CAUSE_NONE;
}

size_t vmcoreinfo_find(struct machine *m, char *text)
{
    u64 total = machine_low_ram(m) + machine_high_ram(m);
    char other[VMCOREINFO_MOST];
    size_t first = 0;

    for (u64 at = 0; at < total; at += PAGE_SIZE) {
        size_t length = note_at(m, ram_page(m, at), other);

        if (!length)
            continue;
        if (!first || is_running(m, other, length)) {
            memcpy(text, other, length);
            first = length;
        }
        if (is_running(m, other, length))
            break;
    }
    return first;
}

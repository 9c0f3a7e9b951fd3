/* SPDX-License-Identifier: MIT */
#include "frontend/core.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "frontend/ptdump.h"
#include "frontend/vmcoreinfo.h"

#define EFER_LMA BIT(10)
#define SEGMENTS_MAX 65000u /* program headers; e_phnum has 16 bits */
#define NOTES_SIZE (1024u + VMCOREINFO_MOST)

struct core {
    struct machine *machine;
    struct cpu_state s;
    u64 kernel_gs_base;
    bool wide; /* ELF64 */
    Elf64_Phdr *header;
    unsigned headers;
    u8 notes[NOTES_SIZE];
    size_t notes_size;
    u64 data; /* where RAM begins in the file */
};

/* ---- Notes ---- */

static void put(u8 *at, u64 value, unsigned width) { memcpy(at, &value, width); }

static void add_note(struct core *c, const char *name, u32 type, const void *desc, u32 size)
{
    Elf64_Nhdr head = {(u32)strlen(name) + 1, size, type}; /* the same in ELF32 */
    u8 *at = c->notes + c->notes_size;

    memcpy(at, &head, sizeof(head));
    memcpy(at + sizeof(head), name, head.n_namesz);
    memcpy(at + sizeof(head) + (head.n_namesz + 3) / 4 * 4, desc, size);
    c->notes_size += sizeof(head) + (head.n_namesz + 3) / 4 * 4 + (size + 3) / 4 * 4;
}

/* Linux's struct elf_prstatus of the x86-64: pr_pid at 32, pr_reg (struct user_regs_struct) at 112. */
static void add_prstatus_64(struct core *c)
{
    const struct cpu_state *s = &c->s;
    const u64 reg[27] = {s->gpr[15],
                         s->gpr[14],
                         s->gpr[13],
                         s->gpr[12],
                         s->gpr[REG_RBP],
                         s->gpr[REG_RBX],
                         s->gpr[11],
                         s->gpr[10],
                         s->gpr[9],
                         s->gpr[8],
                         s->gpr[REG_RAX],
                         s->gpr[REG_RCX],
                         s->gpr[REG_RDX],
                         s->gpr[REG_RSI],
                         s->gpr[REG_RDI],
                         ~0ull, /* orig_rax: in no system call */
                         s->rip,
                         s->seg[SEG_CS].selector,
                         s->rflags,
                         s->gpr[REG_RSP],
                         s->seg[SEG_SS].selector,
                         s->seg[SEG_FS].base,
                         s->seg[SEG_GS].base,
                         s->seg[SEG_DS].selector,
                         s->seg[SEG_ES].selector,
                         s->seg[SEG_FS].selector,
                         s->seg[SEG_GS].selector};
    u8 desc[336] = {0};

    put(desc + 32, 1, 4);
    memcpy(desc + 112, reg, sizeof(reg));
    add_note(c, "CORE", NT_PRSTATUS, desc, sizeof(desc));
}

/* Of the i386: pr_pid at 24, pr_reg at 72. gdb has no segment bases there, so a linear EIP and ESP would be wrong for
 * it in segments that do not begin at 0; they are as the guest has them. */
static void add_prstatus_32(struct core *c)
{
    const struct cpu_state *s = &c->s;
    const u64 reg[17] = {s->gpr[REG_RBX],
                         s->gpr[REG_RCX],
                         s->gpr[REG_RDX],
                         s->gpr[REG_RSI],
                         s->gpr[REG_RDI],
                         s->gpr[REG_RBP],
                         s->gpr[REG_RAX],
                         s->seg[SEG_DS].selector,
                         s->seg[SEG_ES].selector,
                         s->seg[SEG_FS].selector,
                         s->seg[SEG_GS].selector,
                         ~0u,
                         s->rip,
                         s->seg[SEG_CS].selector,
                         s->rflags,
                         s->gpr[REG_RSP],
                         s->seg[SEG_SS].selector};
    u8 desc[144] = {0};

    put(desc + 24, 1, 4);
    for (int i = 0; i < 17; i++)
        put(desc + 72 + 4 * i, reg[i], 4);
    add_note(c, "CORE", NT_PRSTATUS, desc, sizeof(desc));
}

/* Version 1 of the note that crash and others know from QEMU. */
static void add_qemu(struct core *c)
{
    static const u8 order[] = {REG_RAX, REG_RBX, REG_RCX, REG_RDX, REG_RSI, REG_RDI, REG_RSP, REG_RBP,
                               8,       9,       10,      11,      12,      13,      14,      15};
    static const u8 segments[] = {SEG_CS, SEG_DS, SEG_ES, SEG_FS, SEG_GS, SEG_SS, SEG_LDTR, SEG_TR};
    const struct cpu_state *s = &c->s;
    u8 desc[440] = {0}, *at = desc + 8;

    put(desc, 1, 4);
    put(desc + 4, sizeof(desc), 4);
    for (unsigned i = 0; i < 16; i++, at += 8)
        put(at, s->gpr[order[i]], 8);
    put(at, s->rip, 8);
    put(at + 8, s->rflags, 8);
    at += 16;
    for (unsigned i = 0; i < 8; i++, at += 24) { /* selector, limit, descriptor bits 8 up, padding, base */
        const struct cpu_segment *g = &s->seg[segments[i]];

        put(at, g->selector, 4);
        put(at + 4, g->limit, 4);
        put(at + 8, (u64)g->attributes << 8, 4);
        put(at + 16, g->base, 8);
    }
    put(at + 4, s->gdt_limit, 4), put(at + 16, s->gdt_base, 8);
    put(at + 28, s->idt_limit, 4), put(at + 40, s->idt_base, 8);
    at += 48;
    put(at, s->cr0, 8), put(at + 16, s->cr2, 8), put(at + 24, s->cr3, 8), put(at + 32, s->cr4, 8);
    put(at + 40, c->kernel_gs_base, 8);
    add_note(c, "QEMU", 0, desc, sizeof(desc));
}

/* A Linux guest's own, as it is in its memory. */
static void add_vmcoreinfo(struct core *c)
{
    char text[VMCOREINFO_MOST];
    size_t length = vmcoreinfo_find(c->machine, text);

    if (length)
        add_note(c, "VMCOREINFO", 0, text, (u32)length);
}

/* ---- Segments ---- */

/* RAM is one block in the file: low, then high. */
static bool ram_offset(const struct core *c, u64 pa, u64 *offset, u64 *room)
{
    u64 low = machine_low_ram(c->machine), high = machine_high_ram(c->machine);

    if (pa < low) {
        *offset = pa;
        *room = low - pa;
    } else if (pa >= MACHINE_HIGH_RAM && pa - MACHINE_HIGH_RAM < high) {
        *offset = low + pa - MACHINE_HIGH_RAM;
        *room = high - (pa - MACHINE_HIGH_RAM);
    } else {
        return false;
    }
    return true;
}

/* What of [pa, pa + size) is RAM, at its beginning; a range continues the one before where it can. */
static void add_range(struct core *c, u64 linear, u64 pa, u64 size)
{
    Elf64_Phdr *last = c->headers ? &c->header[c->headers - 1] : NULL;
    u64 offset, room;

    if (!size || !ram_offset(c, pa, &offset, &room) || c->headers == SEGMENTS_MAX)
        return;
    size = size < room ? size : room;
    if (last && last->p_type == PT_LOAD && last->p_vaddr + last->p_memsz == linear &&
        last->p_paddr + last->p_memsz == pa) {
        last->p_memsz = last->p_filesz = last->p_memsz + size;
        return;
    }
    c->header[c->headers++] = (Elf64_Phdr){.p_type = PT_LOAD,
                                           .p_flags = PF_R | PF_W | PF_X,
                                           .p_offset = offset,
                                           .p_vaddr = linear,
                                           .p_paddr = pa,
                                           .p_filesz = size,
                                           .p_memsz = size};
}

static void add_segments(struct core *c)
{
    u64 low = machine_low_ram(c->machine), high = machine_high_ram(c->machine), base = c->wide ? CORE_PHYSICAL : 0;
    struct ptdump dump;

    c->header[c->headers++] = (Elf64_Phdr){.p_type = PT_NOTE, .p_flags = PF_R};
    ptdump_take(&dump, machine_cpu(c->machine), 0, ~0ull);
    for (size_t i = 0; i < dump.count && c->headers < SEGMENTS_MAX - 2; i++) {
        const struct range *r = &dump.range[i];

        if (!r->bad)
            add_range(c, r->first, r->pa, r->last - r->first + 1);
    }
    ptdump_free(&dump);
    add_range(c, base, 0, low);
    if (high)
        add_range(c, base + MACHINE_HIGH_RAM, MACHINE_HIGH_RAM, high);
}

/* ---- The file ---- */

static bool write_all(int fd, const void *bytes, size_t size, u64 at)
{
    const u8 *from = bytes;

    while (size) {
        ssize_t n = pwrite(fd, from, size, (off_t)at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        from += n;
        at += (u64)n;
        size -= (size_t)n;
    }
    return true;
}

static bool write_headers(struct core *c, int fd)
{
    size_t head = c->wide ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr);
    size_t each = c->wide ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
    Elf64_Ehdr wide = {.e_type = ET_CORE,
                       .e_machine = EM_X86_64,
                       .e_version = EV_CURRENT,
                       .e_phoff = head,
                       .e_ehsize = (u16)head,
                       .e_phentsize = (u16)each,
                       .e_phnum = (u16)c->headers};
    Elf32_Ehdr narrow = {.e_type = ET_CORE,
                         .e_machine = EM_386,
                         .e_version = EV_CURRENT,
                         .e_phoff = (u32)head,
                         .e_ehsize = (u16)head,
                         .e_phentsize = (u16)each,
                         .e_phnum = (u16)c->headers};
    u8 *ident = c->wide ? wide.e_ident : narrow.e_ident;
    u64 notes = head + each * c->headers;

    memcpy(ident, ELFMAG, SELFMAG);
    ident[EI_CLASS] = c->wide ? ELFCLASS64 : ELFCLASS32;
    ident[EI_DATA] = ELFDATA2LSB;
    ident[EI_VERSION] = EV_CURRENT;
    c->data = (notes + c->notes_size + PAGE_SIZE - 1) & PAGE_MASK;
    c->header[0].p_offset = notes;
    c->header[0].p_filesz = c->notes_size;
    for (unsigned i = 0; i < c->headers; i++) {
        Elf64_Phdr *p = &c->header[i];

        p->p_offset += i ? c->data : 0;
        Elf32_Phdr small = {p->p_type,        (u32)p->p_offset, (u32)p->p_vaddr, (u32)p->p_paddr,
                            (u32)p->p_filesz, (u32)p->p_memsz,  p->p_flags,      0};
        if (!write_all(fd, c->wide ? (void *)p : (void *)&small, each, head + each * i))
            return false;
    }
    return write_all(fd, c->wide ? (void *)&wide : (void *)&narrow, head, 0) &&
           write_all(fd, c->notes, c->notes_size, notes);
}

/* Pages of zeros are holes. RAM that a ROM hides is read through phys all the same: the guest sees the ROM. */
static bool write_ram(struct core *c, int fd)
{
    static const u8 zeros[PAGE_SIZE];
    u64 low = machine_low_ram(c->machine), total = low + machine_high_ram(c->machine);

    for (u64 at = 0; at < total; at += PAGE_SIZE) {
        u64 pa = at < low ? at : at - low + MACHINE_HIGH_RAM;
        const u8 *page = phys_page_read(machine_phys(c->machine), pa);

        if (page && memcmp(page, zeros, PAGE_SIZE) != 0 && !write_all(fd, page, PAGE_SIZE, c->data + at))
            return false;
    }
    return ftruncate(fd, (off_t)(c->data + total)) == 0;
}

bool core_write(struct machine *m, const char *path, char *why, size_t size)
{
    struct core *c = calloc(1, sizeof(*c));
    struct cpu_float_state f;
    struct stat st;
    bool good;
    int fd;

    if (!c || !(c->header = calloc(SEGMENTS_MAX, sizeof(*c->header)))) {
        snprintf(why, size, "out of memory");
        free(c);
        return false;
    }
    c->machine = m;
    cpu_get_state(machine_cpu(m), &c->s);
    cpu_get_float_state(machine_cpu(m), &f);
    c->kernel_gs_base = f.kernel_gs_base;
    c->wide = c->s.efer & EFER_LMA || machine_high_ram(m);
    if (c->wide)
        add_prstatus_64(c);
    else
        add_prstatus_32(c);
    add_qemu(c);
    add_vmcoreinfo(c);
    add_segments(c);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    good = fd >= 0 && write_headers(c, fd) && write_ram(c, fd);
    if (!good)
        snprintf(why, size, "%s", strerror(errno));
    if (fd >= 0 && close(fd) != 0 && good) {
        snprintf(why, size, "%s", strerror(errno));
        good = false;
    }
    if (!good && fd >= 0 && stat(path, &st) == 0 && S_ISREG(st.st_mode))
        unlink(path);
    free(c->header);
    free(c);
    return good;
}

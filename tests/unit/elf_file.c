/* SPDX-License-Identifier: MIT */
#include "tests/unit/elf_file.h"

#include <elf.h>
#include <stdint.h>
#include <string.h>

#define FRAME_ADDRESS 0x21000u
#define SECTIONS 6

struct section {
    uint32_t type, flags, link, info;
    uint64_t address, offset, size, entry;
    const char *name;
};

static void put(struct elf_file *f, const void *bytes, size_t size)
{
    if (size)
        memcpy(f->bytes + f->size, bytes, size);
    f->size += size;
}

static void put_number(struct elf_file *f, uint64_t value, size_t width) { put(f, &value, width); }

static void pad(struct elf_file *f, size_t to)
{
    while (f->size % to)
        put_number(f, 0, 1);
}

static size_t word_of(const struct elf_file *f) { return f->wide ? 8 : 4; }

/* DWARF 5, "Structure of Call Frame Information"; LSB Core, "The .eh_frame section". */
static size_t begin_entry(struct elf_file *f)
{
    put_number(f, 0, 4);
    return f->size;
}

static void end_entry(struct elf_file *f, size_t start)
{
    uint32_t length;

    while ((f->size - start + 4) % word_of(f))
        put_number(f, 0, 1); /* DW_CFA_nop */
    length = (uint32_t)(f->size - start);
    memcpy(f->bytes + start - 4, &length, 4);
}

static size_t put_cie(struct elf_file *f, bool signal)
{
    size_t start = begin_entry(f), column = f->wide ? 16 : 8, sp = f->wide ? 7 : 4;
    const uint8_t instructions[] = {0x0c, (uint8_t)sp, (uint8_t)word_of(f), (uint8_t)(0x80 | column), 1};

    put_number(f, f->debug ? 0xffffffff : 0, 4);
    put_number(f, 1, 1);
    if (!f->debug)
        put(f, signal ? "zRS" : "zR", signal ? 3 : 2);
    put_number(f, 0, 1);
    put_number(f, 1, 1);
    put_number(f, f->wide ? 0x78 : 0x7c, 1); /* -8, -4 */
    put_number(f, column, 1);
    if (!f->debug)
        put_number(f, 0x1b01, 2); /* one byte: relative to here, four bytes */
    put(f, instructions, sizeof(instructions));
    end_entry(f, start);
    return start - 4;
}

static void put_fde(struct elf_file *f, size_t cie, unsigned function, const void *program, size_t length)
{
    size_t start = begin_entry(f), width = f->debug ? word_of(f) : 4;
    uint64_t address = ELF_TEXT + function * ELF_FUNCTION;

    put_number(f, f->debug ? cie - f->frame_at : start - cie, 4);
    put_number(f, f->debug ? address : address - (FRAME_ADDRESS + f->size - f->frame_at), width);
    put_number(f, ELF_FUNCTION, width);
    if (!f->debug)
        put_number(f, 0, 1);
    put(f, program, length);
    end_entry(f, start);
}

static void put_frames(struct elf_file *f)
{
    const uint8_t last[] = {0x07, f->wide ? 16 : 8}; /* DW_CFA_undefined: the return address */
    size_t cie;

    pad(f, 16);
    f->frame_at = f->size;
    put_fde(f, put_cie(f, f->signal), 0, f->program, f->program_length);
    cie = put_cie(f, false);
    put_fde(f, cie, 1, NULL, 0);
    put_fde(f, cie, 2, last, sizeof(last));
    if (!f->debug)
        put_number(f, 0, 4);
    f->frame_size = f->size - f->frame_at;
}

static void put_symbols(struct elf_file *f)
{
    static const uint32_t names[] = {1, 7, 14};

    for (unsigned i = 0; i < 4; i++) {
        uint64_t value = i ? ELF_TEXT + (i - 1) * ELF_FUNCTION : 0, size = i ? ELF_FUNCTION : 0;
        uint8_t info = i ? ELF64_ST_INFO(STB_GLOBAL, STT_FUNC) : 0;
        Elf64_Sym wide = {.st_name = i ? names[i - 1] : 0, .st_info = info, .st_shndx = i ? 1 : 0};
        Elf32_Sym narrow = {.st_name = wide.st_name, .st_info = info, .st_shndx = wide.st_shndx};

        wide.st_value = value;
        wide.st_size = size;
        narrow.st_value = (uint32_t)value;
        narrow.st_size = (uint32_t)size;
        put(f, f->wide ? (void *)&wide : (void *)&narrow, f->wide ? sizeof(wide) : sizeof(narrow));
    }
}

/* libdwfl takes no program that is not loaded. */
static void put_segment(struct elf_file *f)
{
    Elf64_Phdr wide = {.p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_vaddr = ELF_TEXT, .p_memsz = 0x2000};
    Elf32_Phdr narrow = {.p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_vaddr = ELF_TEXT, .p_memsz = 0x2000};

    f->size = f->wide ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr);
    put(f, f->wide ? (void *)&wide : (void *)&narrow, f->wide ? sizeof(wide) : sizeof(narrow));
}

static void put_headers(struct elf_file *f, const struct section *section, size_t names)
{
    Elf64_Ehdr wide = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
                       .e_type = ET_EXEC,
                       .e_machine = EM_X86_64,
                       .e_version = EV_CURRENT,
                       .e_phoff = sizeof(wide),
                       .e_phnum = 1,
                       .e_shoff = f->size,
                       .e_ehsize = sizeof(wide),
                       .e_phentsize = sizeof(Elf64_Phdr),
                       .e_shentsize = sizeof(Elf64_Shdr),
                       .e_shnum = SECTIONS,
                       .e_shstrndx = 5};
    Elf32_Ehdr narrow = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS32, ELFDATA2LSB, EV_CURRENT},
                         .e_type = ET_EXEC,
                         .e_machine = EM_386,
                         .e_version = EV_CURRENT,
                         .e_phoff = sizeof(narrow),
                         .e_phnum = 1,
                         .e_shoff = (uint32_t)f->size,
                         .e_ehsize = sizeof(narrow),
                         .e_phentsize = sizeof(Elf32_Phdr),
                         .e_shentsize = sizeof(Elf32_Shdr),
                         .e_shnum = SECTIONS,
                         .e_shstrndx = 5};

    for (unsigned i = 0; i < SECTIONS; i++) {
        const struct section *s = &section[i];
        uint32_t name =
            s->name ? (uint32_t)(strstr((char *)f->bytes + names + 1, s->name) - (char *)f->bytes - names) : 0;
        Elf64_Shdr w = {name,    s->type, s->flags, s->address, s->offset,
                        s->size, s->link, s->info,  word_of(f), s->entry};
        Elf32_Shdr n = {name,    s->type, s->flags, (uint32_t)s->address, (uint32_t)s->offset, (uint32_t)s->size,
                        s->link, s->info, 4,        (uint32_t)s->entry};

        put(f, f->wide ? (void *)&w : (void *)&n, f->wide ? sizeof(w) : sizeof(n));
    }
    memcpy(f->bytes, f->wide ? (void *)&wide : (void *)&narrow, f->wide ? sizeof(wide) : sizeof(narrow));
}

void elf_file_make(struct elf_file *f)
{
    /* All names one behind the other, as section headers find them. */
    static const char strings[] = "\0inner\0caller\0outer", names[] = "\0.text\0.eh_frame\0.debug_frame\0.symtab\0"
                                                                      ".strtab\0.shstrtab";
    struct section s[SECTIONS] = {
        {0},
        {.name = ".text", .type = SHT_NOBITS, .flags = SHF_ALLOC, .address = ELF_TEXT, .size = 3 * ELF_FUNCTION},
        {.name = f->debug ? ".debug_frame" : ".eh_frame",
         .type = SHT_PROGBITS,
         .flags = f->debug ? 0 : SHF_ALLOC,
         .address = f->debug ? 0 : FRAME_ADDRESS},
        {.name = ".symtab", .type = SHT_SYMTAB, .link = 4, .info = 1, .entry = f->wide ? 24 : 16},
        {.name = ".strtab", .type = SHT_STRTAB},
        {.name = ".shstrtab", .type = SHT_STRTAB},
    };

    memset(f->bytes, 0, sizeof(f->bytes));
    put_segment(f);
    s[1].offset = f->size;
    put_frames(f);
    s[2].offset = f->frame_at;
    s[2].size = f->frame_size;
    pad(f, 8);
    s[3].offset = f->size;
    put_symbols(f);
    s[3].size = f->size - s[3].offset;
    s[4].offset = f->size;
    s[4].size = sizeof(strings);
    put(f, strings, sizeof(strings));
    s[5].offset = f->size;
    s[5].size = sizeof(names);
    put(f, names, sizeof(names));
    pad(f, 8);
    /* strstr() stops at a NUL: names are looked for with newlines between. */
    for (size_t i = s[5].offset + 1; i + 1 < s[5].offset + s[5].size; i++)
        if (!f->bytes[i])
            f->bytes[i] = '\n';
    put_headers(f, s, s[5].offset);
    for (size_t i = s[5].offset; i < s[5].offset + s[5].size; i++)
        if (f->bytes[i] == '\n')
            f->bytes[i] = 0;
}

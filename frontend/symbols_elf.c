/* SPDX-License-Identifier: MIT */
/* Symbols and lines of ELF files, by elfutils, which only this and cfi.c know. */
#include <elfutils/libdwfl.h>
#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "frontend/symbol_table.h"

struct lines {
    Dwfl *dwfl; /* NULL until a line is wanted: opening a kernel's DWARF takes time */
    Dwfl_Module *module;
    Dwfl_Callbacks callbacks;
    int fd; /* -1: there is no DWARF to be had */
};

static enum symbol_rank rank_of(const GElf_Sym *sym)
{
    if (GELF_ST_TYPE(sym->st_info) == STT_OBJECT)
        return SYMBOL_DATA;
    if (GELF_ST_TYPE(sym->st_info) == STT_NOTYPE)
        return SYMBOL_LABEL;
    return GELF_ST_BIND(sym->st_info) == STB_LOCAL ? SYMBOL_LOCAL : SYMBOL_GLOBAL;
}

/* Code and data of the program itself: no files, sections, constants or imports. */
static bool is_place(const GElf_Sym *sym)
{
    unsigned type = GELF_ST_TYPE(sym->st_info);

    return sym->st_shndx != SHN_UNDEF && sym->st_shndx != SHN_ABS && sym->st_shndx != SHN_COMMON &&
           (type == STT_FUNC || type == STT_OBJECT || type == STT_NOTYPE || type == STT_GNU_IFUNC);
}

static void read_symbols(struct symbol_table *t, Elf *elf, Elf_Scn *scn, const GElf_Shdr *shdr)
{
    Elf_Data *data = elf_getdata(scn, NULL);
    size_t n = data && shdr->sh_entsize ? data->d_size / shdr->sh_entsize : 0;

    for (size_t i = 0; i < n; i++) {
        GElf_Sym sym;
        const char *name;

        if (!gelf_getsym(data, (int)i, &sym) || !is_place(&sym))
            continue;
        name = elf_strptr(elf, shdr->sh_link, sym.st_name);
        if (name && strncmp(name, ".L", 2) != 0)
            table_add(t, sym.st_value, sym.st_size, name, strlen(name), rank_of(&sym));
    }
}

static void read_sections(struct symbol_table *t, Elf *elf, GElf_Word type)
{
    Elf_Scn *scn = NULL;

    while ((scn = elf_nextscn(elf, scn)) != NULL) {
        GElf_Shdr shdr;

        if (gelf_getshdr(scn, &shdr) && shdr.sh_type == type)
            read_symbols(t, elf, scn, &shdr);
    }
}

bool table_read_elf(struct symbol_table *t, int fd, char *why, size_t size)
{
    Elf *elf;

    elf_version(EV_CURRENT);
    elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
    if (!elf || elf_kind(elf) != ELF_K_ELF) {
        snprintf(why, size, "not a whole ELF file");
        elf_end(elf);
        return false;
    }
    read_sections(t, elf, SHT_SYMTAB);
    if (!t->count)
        read_sections(t, elf, SHT_DYNSYM);
    elf_end(elf);
    if (!table_finish(t)) {
        snprintf(why, size, t->exhausted ? "out of memory" : "it has no symbols");
        return false;
    }
    t->lines = calloc(1, sizeof(*t->lines));
    if (t->lines)
        t->lines->fd = dup(fd);
    return true;
}

/* What is not in the file itself is not searched for: a run does not depend on what else the host has. */
static int find_nothing(Dwfl_Module *module, void **user, const char *name, Dwarf_Addr base, const char *file,
                        const char *link, GElf_Word crc, char **found)
{
    (void)module, (void)user, (void)name, (void)base, (void)file, (void)link, (void)crc, (void)found;
    return -1;
}

static void lines_open(struct lines *l)
{
    int fd = l->fd;

    l->callbacks = (Dwfl_Callbacks){.find_debuginfo = find_nothing, .section_address = dwfl_offline_section_address};
    l->fd = -1;
    l->dwfl = dwfl_begin(&l->callbacks);
    l->module = l->dwfl ? dwfl_report_elf(l->dwfl, "guest", "guest", fd, 0, true) : NULL;
    if (!l->module) {
        close(fd);
        return;
    }
    dwfl_report_end(l->dwfl, NULL, NULL);
}

Dwfl_Module *lines_module(struct lines *l)
{
    if (l->fd >= 0)
        lines_open(l);
    return l->module;
}

const char *lines_find(struct lines *l, u64 address, unsigned *line)
{
    Dwfl_Line *found;
    int number = 0;
    const char *file;

    found = lines_module(l) ? dwfl_getsrc(l->dwfl, address) : NULL;
    file = found ? dwfl_lineinfo(found, NULL, &number, NULL, NULL, NULL) : NULL;
    *line = (unsigned)number;
    return file;
}

void lines_close(struct lines *l)
{
    if (l->dwfl)
        dwfl_end(l->dwfl);
    if (l->fd >= 0)
        close(l->fd);
    free(l);
}

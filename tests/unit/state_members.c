/* SPDX-License-Identifier: MIT */
#include "tests/unit/state_members.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static Dwarf *dwarf;
static int file = -1;

bool members_open(void)
{
    file = open("/proc/self/exe", O_RDONLY);
    dwarf = file < 0 ? NULL : dwarf_begin(file, DWARF_C_READ);
    return dwarf;
}

void members_close(void)
{
    dwarf_end(dwarf);
    close(file);
}

static u64 number(Dwarf_Die *die, unsigned name)
{
    Dwarf_Attribute attribute;
    Dwarf_Word value = 0;

    if (dwarf_attr(die, name, &attribute))
        dwarf_formudata(&attribute, &value);
    return value;
}

/* The type behind typedefs and qualifiers; of an array, its element's. */
static bool core_type(Dwarf_Die *die, Dwarf_Die *type, bool elements)
{
    Dwarf_Attribute attribute;

    if (!dwarf_attr_integrate(die, DW_AT_type, &attribute) || !dwarf_formref_die(&attribute, type))
        return false;
    for (;;) {
        int tag = dwarf_tag(type);
        bool through = tag == DW_TAG_typedef || tag == DW_TAG_const_type || tag == DW_TAG_volatile_type ||
                       (elements && tag == DW_TAG_array_type);

        if (!through)
            return true;
        if (!dwarf_attr_integrate(type, DW_AT_type, &attribute) || !dwarf_formref_die(&attribute, type))
            return false;
    }
}

static const struct state_field *field_at(const struct state_table *t, const char *name)
{
    for (u32 i = 0; i < t->fields; i++)
        if (!strcmp(t->field[i].name, name))
            return &t->field[i];
    return NULL;
}

static bool kind_fits(const struct state_field *f, Dwarf_Die *type)
{
    bool kept = f->kind != STATE_KIND_WIRED && f->kind != STATE_KIND_CACHE;

    switch (dwarf_tag(type)) {
    case DW_TAG_pointer_type: return !kept;
    case DW_TAG_enumeration_type: return f->kind != STATE_KIND_BYTES;
    case DW_TAG_structure_type: return f->kind != STATE_KIND_BYTES && f->kind != STATE_KIND_NUMBER;
    case DW_TAG_base_type: return number(type, DW_AT_encoding) != DW_ATE_boolean || f->kind != STATE_KIND_BYTES;
    default: return true; /* unions are bytes */
    }
}

static bool members_fit(Dwarf_Die *structure, const struct state_table *t, char *why, size_t size)
{
    unsigned found = 0;
    Dwarf_Die member;

    if (dwarf_child(structure, &member) != 0)
        return false;
    do {
        const char *name = dwarf_diename(&member);
        const struct state_field *f;
        Dwarf_Die type, element;
        Dwarf_Word bytes = 0;

        if (dwarf_tag(&member) != DW_TAG_member)
            continue;
        f = name ? field_at(t, name) : NULL;
        if (!f) {
            snprintf(why, size, "struct %s: %s is neither saved nor said not to be", t->name, name ? name : "?");
            return false;
        }
        if (!core_type(&member, &type, false) || !core_type(&member, &element, true))
            return false;
        dwarf_aggregate_size(&type, &bytes);
        if (f->offset != number(&member, DW_AT_data_member_location) || f->size != bytes || !kind_fits(f, &element)) {
            snprintf(why, size, "struct %s: %s is of another place, size or kind", t->name, name);
            return false;
        }
        found++;
    } while (dwarf_siblingof(&member, &member) == 0);
    if (found == t->fields)
        return true;
    snprintf(why, size, "struct %s: the table has %u fields of %u members", t->name, t->fields, found);
    return false;
}

/* Structs within structs too. */
static bool search(Dwarf_Die *die, const struct state_table *t, bool *seen, char *why, size_t size)
{
    Dwarf_Die child;

    if (dwarf_child(die, &child) != 0)
        return false;
    do {
        const char *name = dwarf_diename(&child);

        if (dwarf_tag(&child) != DW_TAG_structure_type)
            continue;
        if (name && !strcmp(name, t->name) && number(&child, DW_AT_byte_size) == t->size) {
            *seen = true;
            if (members_fit(&child, t, why, size))
                return true;
        }
        if (search(&child, t, seen, why, size))
            return true;
    } while (dwarf_siblingof(&child, &child) == 0);
    return false;
}

bool members_accounted(const struct state_table *t, char *why, size_t size)
{
    Dwarf_Off at = 0, next;
    size_t head;
    bool seen = false;

    for (; dwarf_nextcu(dwarf, at, &next, &head, NULL, NULL, NULL) == 0; at = next) {
        Dwarf_Die unit;

        if (dwarf_offdie(dwarf, at + head, &unit) && search(&unit, t, &seen, why, size))
            return true;
    }
    if (!seen)
        snprintf(why, size, "struct %s: the compiler describes none of %u bytes", t->name, t->size);
    return false;
}

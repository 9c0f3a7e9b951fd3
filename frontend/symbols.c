/* SPDX-License-Identifier: MIT */
#include "frontend/symbols.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "frontend/modules.h"
#include "frontend/symbol_table.h"
#include "mmu/state.h"

#define TABLES 16
#define EXCEPTIONS 32u /* handlers that are looked at: those of the processor's own vectors */
#define ORC_SAMPLES 200u
#define LINUX_LOWEST \
    0x40000000u        /* its part of the address space begins here or above: looking through memory takes time */
#define STUB_MAX 16u   /* bytes of a stub that pushes its number and goes on; handlers with names take more */
#define LOOKS_FREE 64u /* looks through memory whenever gates change; then, ever rarer */
#define AGREE 3u       /* handlers that must be symbols for a table to fit */

struct symbols {
    struct symbol_table table[TABLES];
    unsigned tables;
    bool ask_guest;
    u64 idt_base;   /* where the tables were last looked at */
    u64 gates;      /* what it held then, as a hash */
    u64 looks;      /* so far */
    u64 calls, due; /* of symbols_follow; the call that looks again although nothing has changed */
    struct orc *orc;
    u64 orc_for;  /* the handler by which they were looked for */
    bool settled; /* everything that can be known from these handlers is */
    struct modules *modules;
    struct module_places places;
};

struct symbols *symbols_create(void)
{
    struct symbols *s = calloc(1, sizeof(*s));

    if (s)
        s->modules = modules_create();
    if (s && !s->modules) {
        free(s);
        return NULL;
    }
    return s;
}

void symbols_destroy(struct symbols *s)
{
    if (!s)
        return;
    for (unsigned i = 0; i < s->tables; i++)
        table_free(&s->table[i]);
    orc_destroy(s->orc);
    modules_destroy(s->modules);
    free(s);
}

void symbols_ask_guest(struct symbols *s) { s->ask_guest = true; }

/* ---- Files ---- */

/* A line of System.map: address, kind, name. False if it is something else. */
static bool map_line(struct symbol_table *t, const char *line)
{
    char kind, name[512];
    unsigned long long address;
    enum symbol_rank rank;

    if (sscanf(line, "%16llx %c %511s", &address, &kind, name) != 3)
        return false;
    rank = kind == 'T' || kind == 'W' ? SYMBOL_GLOBAL : kind == 't' || kind == 'w' ? SYMBOL_LOCAL : SYMBOL_DATA;
    if (kind != 'A' && kind != 'a' && kind != 'U')
        table_add(t, address, 0, name, strlen(name), rank);
    return true;
}

static bool read_map(struct symbol_table *t, int fd, char *why, size_t size)
{
    FILE *file = fdopen(dup(fd), "r");
    char *line = NULL;
    size_t room = 0;
    bool good = file != NULL;

    while (good && getline(&line, &room, file) > 0)
        good = map_line(t, line);
    free(line);
    if (file)
        fclose(file);
    if (good && table_finish(t))
        return true;
    snprintf(why, size, t->exhausted ? "out of memory" : "neither an ELF file with symbols nor a System.map");
    return false;
}

static bool read_file(struct symbol_table *t, char *why, size_t size)
{
    int fd = open(t->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    char magic[4] = "";
    struct stat st;
    bool good;

    if (fd < 0 || fstat(fd, &st) != 0) {
        snprintf(why, size, "%s", strerror(errno));
        if (fd >= 0)
            close(fd);
        return false;
    }
    if (!S_ISREG(st.st_mode)) {
        snprintf(why, size, "not a regular file");
        good = false;
    } else if (pread(fd, magic, 4, 0) == 4 && memcmp(magic, "\177ELF", 4) == 0) {
        good = table_read_elf(t, fd, why, size);
    } else {
        good = read_map(t, fd, why, size);
    }
    close(fd);
    return good;
}

/* Cuts ",offset=N" off the path. */
static bool take_offset(struct symbol_table *t)
{
    char *comma = strstr(t->path, ",offset="), *end;
    const char *digits;

    if (!comma)
        return true;
    digits = comma + strlen(",offset=");
    errno = 0;
    t->slide = strtoull(digits, &end, 0);
    t->fixed = true;
    *comma = 0;
    return end != digits && !*end && !errno;
}

bool symbols_add(struct symbols *s, const char *spec, char *why, size_t size)
{
    struct symbol_table *t = &s->table[s->tables];
    char reason[256] = "out of memory";

    if (s->tables == TABLES) {
        snprintf(why, size, "%s: there are %d files of symbols already", spec, TABLES);
        return false;
    }
    t->path = strdup(spec);
    if (t->path && !take_offset(t)) {
        snprintf(why, size, "%s: the offset is not a number", spec);
        table_free(t);
        return false;
    }
    if (!t->path || !read_file(t, reason, sizeof(reason))) {
        snprintf(why, size, "%s: %s", t->path ? t->path : spec, reason);
        table_free(t);
        return false;
    }
    s->tables++;
    s->settled = false;
    return true;
}

/* ---- Lookup ---- */

static const struct symbol *find_in(struct symbols *s, u64 address, struct symbol_table **table)
{
    for (unsigned i = 0; i < s->tables; i++) {
        struct symbol_table *t = &s->table[i];
        u64 linked = address - t->slide;
        const struct symbol *found;

        if (linked < t->low || linked >= t->high)
            continue;
        found = table_find(t, linked);
        *table = t;
        if (found)
            return found;
    }
    return NULL;
}

bool symbols_find(struct symbols *s, u64 address, struct symbol_place *place)
{
    struct symbol_table *t;
    const struct symbol *found;
    struct module_place m;

    if (modules_find(s->modules, address, &m)) {
        *place = (struct symbol_place){.name = m.name, .offset = m.offset, .module = m.module};
        return m.name != NULL;
    }
    found = find_in(s, address, &t);
    if (!found)
        return false;
    *place = (struct symbol_place){.name = t->strings + found->name, .offset = address - t->slide - found->address};
    return true;
}

const char *symbols_line(struct symbols *s, u64 address, unsigned *line)
{
    struct symbol_table *t;

    if (!find_in(s, address, &t) || !t->lines)
        return NULL;
    return lines_find(t->lines, address - t->slide, line);
}

enum unwound symbols_unwind(struct symbols *s, const struct stack *stack, struct frame *f)
{
    u64 address = f->interrupted ? f->ip : f->ip - 1; /* a CALL may be a function's last instruction */

    for (unsigned i = 0; i < s->tables; i++) {
        struct symbol_table *t = &s->table[i];
        u64 linked = address - t->slide;
        enum unwound u;

        if (!t->lines || linked < t->low || linked >= t->high || !table_find(t, linked))
            continue;
        u = lines_unwind(t->lines, linked, stack, f);
        if (u != UNWOUND_UNKNOWN)
            return u;
    }
    return UNWOUND_UNKNOWN;
}

bool symbols_address(struct symbols *s, const char *name, u64 *address)
{
    for (unsigned i = 0; i < s->tables; i++) {
        const struct symbol_table *t = &s->table[i];

        for (size_t k = 0; k < t->count; k++)
            if (strcmp(t->strings + t->symbol[k].name, name) == 0) {
                *address = t->symbol[k].address + t->slide;
                return true;
            }
    }
    return modules_address(s->modules, name, address);
}

void symbol_text(struct text *to, const struct symbol_place *place)
{
    text_string(to, place->name);
    if (place->offset) {
        text_char(to, '+');
        text_hex(to, place->offset);
    }
    if (place->module) {
        text_string(to, " [");
        text_string(to, place->module);
        text_char(to, ']');
    }
}

bool symbols_text(struct symbols *s, u64 address, struct text *to)
{
    struct symbol_place place;

    if (!s || !symbols_find(s, address, &place))
        return false;
    symbol_text(to, &place);
    return true;
}

void symbols_list(const struct symbols *s, void (*line)(void *ctx, const char *), void *ctx)
{
    for (unsigned i = 0; i < s->tables; i++) {
        const struct symbol_table *t = &s->table[i];
        char text[512];

        snprintf(text, sizeof(text), "0x%016llx-0x%016llx %zu symbols, offset 0x%llx%s, %s",
                 (unsigned long long)(t->low + t->slide), (unsigned long long)(t->high + t->slide), t->count,
                 (unsigned long long)t->slide, t->fixed ? " (fixed)" : "", t->path);
        line(ctx, text);
    }
    modules_list(s->modules, line, ctx);
}

/* ---- Where the kernel is ---- */

struct handlers {
    u64 entry[EXCEPTIONS];
    unsigned count;
    u64 faults; /* that of #PF */
    bool stubs; /* it is of an array, as Linux's first handlers are: nothing is told apart there */
};

/* The kernel's entry points, from its IDT: each address once. SDM "IDT Descriptors". */
static bool read_handlers(struct cpu *cpu, const struct cpu_state *state, struct handlers *h)
{
    bool wide = state->efer & BIT(10); /* LMA */
    unsigned size = wide ? 16 : 8;
    u64 before = 0, before_that = 0;

    *h = (struct handlers){0};
    for (unsigned v = 0; v < EXCEPTIONS && (v + 1) * size <= state->idt_limit + 1u; v++) {
        u32 gate[4] = {0};
        u64 entry;
        bool known = false;

        if (cpu_peek(cpu, state->idt_base + v * size, gate, size) != size || !(gate[1] & 0x8000))
            continue;
        entry = (gate[0] & 0xffff) | (gate[1] & 0xffff0000) | (u64)gate[2] << 32;
        for (unsigned i = 0; i < h->count; i++)
            known |= h->entry[i] == entry;
        if (!known)
            h->entry[h->count++] = entry;
        if (v == 14) {
            h->faults = entry;
            h->stubs = entry - before <= STUB_MAX && entry - before == before - before_that;
        }
        before_that = before;
        before = entry;
    }
    return h->count >= AGREE;
}

static unsigned agreeing(const struct symbol_table *t, u64 slide, const struct handlers *h)
{
    unsigned n = 0;

    for (unsigned i = 0; i < h->count; i++) {
        const struct symbol *s = table_find(t, h->entry[i] - slide);

        n += s && s->address == h->entry[i] - slide;
    }
    return n;
}

/*
 * A kernel moves by whole pages, so each handler is one of the symbols with its low twelve bits; the slide at which the
 * most handlers are symbols is the kernel's. Half of them must be: chance finds two or three.
 */
static bool place_table(struct symbol_table *t, const struct handlers *h)
{
    unsigned best = agreeing(t, t->slide, h);
    u64 slide = t->slide;

    for (size_t i = 0; i < t->count && best * 2 < h->count + 1; i++) {
        u64 candidate = h->faults - t->symbol[i].address;
        unsigned n;

        if (candidate & ~PAGE_MASK)
            continue;
        n = agreeing(t, candidate, h);
        if (n > best) {
            best = n;
            slide = candidate;
        }
    }
    if (best < AGREE || best * 2 < h->count)
        return false;
    t->slide = slide;
    return true;
}

static bool knows(struct symbols *s, u64 address)
{
    struct symbol_table *t;

    return find_in(s, address, &t) != NULL;
}

static bool ask_guest(struct symbols *s, struct cpu *cpu, struct phys *phys, const struct cpu_state *state,
                      const struct handlers *h)
{
    struct symbol_table *t = &s->table[s->tables];
    struct walk w = cpu_walk(cpu, h->faults, (struct access){.kind = ACCESS_EXECUTE});

    if (s->tables == TABLES || w.cause != CAUSE_NONE || h->faults < LINUX_LOWEST || h->stubs)
        return false;
    if (!table_read_kallsyms(t, phys, w.pa, state->efer & BIT(10) ? 8 : 4, h->entry, h->count))
        return false;
    t->fixed = true;
    t->path = strdup("the guest's kallsyms");
    if (!t->path) {
        table_free(t);
        return false;
    }
    s->tables++;
    return true;
}

bool symbols_has_orc(const struct symbols *s) { return s->orc != NULL; }

const struct orc *symbols_orc(const struct symbols *s, u64 address)
{
    struct module_place m;

    return modules_find(s->modules, address, &m) ? m.orc : s->orc;
}

/* Functions of the kernel before `address`, some of many: global ones, since others may begin in the midst of one. */
static unsigned sample_functions(struct symbols *s, u64 address, u64 *function)
{
    struct symbol_table *t;
    const struct symbol *found = find_in(s, address, &t);
    size_t at = found ? (size_t)(found - t->symbol) : 0, step = at / (2 * ORC_SAMPLES) + 1;
    unsigned n = 0;

    for (size_t i = at; i > step && n < ORC_SAMPLES; i -= step)
        if (t->symbol[i].rank == SYMBOL_GLOBAL)
            function[n++] = t->symbol[i].address + t->slide;
    return n;
}

/* A kernel that has moved has its tables elsewhere, too. */
static void find_orc(struct symbols *s, struct cpu *cpu, struct phys *phys, u64 handler)
{
    struct walk w = cpu_walk(cpu, handler, (struct access){.kind = ACCESS_EXECUTE});

    u64 function[ORC_SAMPLES];
    unsigned n = sample_functions(s, handler, function);

    orc_destroy(s->orc);
    s->orc = w.cause == CAUSE_NONE && cpu_mode(cpu) == MODE_LONG64 ? orc_find(phys, handler, w.pa, function, n) : NULL;
}

static u64 place_of(const struct symbol_table *t, const char *name)
{
    for (size_t i = 0; i < t->count; i++)
        if (strcmp(t->strings + t->symbol[i].name, name) == 0)
            return t->symbol[i].address + t->slide;
    return 0;
}

/* Where the kernel keeps what is to be known of its modules. */
static void find_modules(struct symbols *s, const struct cpu_state *state, u64 handler)
{
    struct symbol_table *t;

    modules_forget(s->modules);
    s->places = (struct module_places){0};
    if (!find_in(s, handler, &t))
        return;
    s->places = (struct module_places){.list = place_of(t, "modules"),
                                       .unloaded = place_of(t, "last_unloaded_module"),
                                       .btf = place_of(t, "__start_BTF"),
                                       .btf_end = place_of(t, "__stop_BTF"),
                                       .word = state->efer & BIT(10) ? 8 : 4, /* LMA */
                                       .orc = s->orc};
}

static bool look(struct symbols *s, struct cpu *cpu, struct phys *phys, const struct cpu_state *state)
{
    struct handlers h;
    bool placed = false;

    if (!read_handlers(cpu, state, &h) || !h.faults)
        return false;
    for (unsigned i = 0; i < s->tables && !placed; i++)
        placed = !s->table[i].fixed && place_table(&s->table[i], &h);
    if (!placed && !knows(s, h.faults) && !(s->ask_guest && ask_guest(s, cpu, phys, state, &h)))
        return false;
    if (h.faults != s->orc_for) {
        find_orc(s, cpu, phys, h.faults);
        find_modules(s, state, h.faults);
    }
    s->orc_for = h.faults;
    return true;
}

static u64 gates_hash(struct cpu *cpu, const struct cpu_state *state)
{
    u8 gates[EXCEPTIONS * 16];
    unsigned size = EXCEPTIONS * (state->efer & BIT(10) ? 16 : 8); /* LMA */

    return state_hash(0, gates, cpu_peek(cpu, state->idt_base, gates, size));
}

/* Whether to look depends on the guest, not on how often it was asked, so that a run that goes on from a saved state
 * finds names where the run that saved it had them. A guest that changes its gates all the time is not followed. */
static void follow_handlers(struct symbols *s, struct cpu *cpu, struct phys *phys)
{
    struct cpu_state state;
    u64 gates;

    s->calls++;
    cpu_get_state(cpu, &state);
    if (s->settled && state.idt_base == s->idt_base)
        return;
    gates = gates_hash(cpu, &state);
    if (s->calls < s->due && (s->looks > LOOKS_FREE || (gates == s->gates && state.idt_base == s->idt_base)))
        return;
    s->idt_base = state.idt_base;
    s->gates = gates;
    s->due = s->calls * 2;
    s->looks++;
    s->settled = look(s, cpu, phys, &state);
}

void symbols_follow(struct symbols *s, struct cpu *cpu, struct phys *phys)
{
    follow_handlers(s, cpu, phys);
    if (s->places.list)
        modules_follow(s->modules, cpu, &s->places);
}

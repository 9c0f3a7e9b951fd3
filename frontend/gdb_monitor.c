/* SPDX-License-Identifier: MIT */
/* `monitor` commands that belong to the stub: catches, points that gdb has no command for, QEMU's gpa2hva. */
#include <stdio.h>
#include <stdlib.h>

#include "frontend/gdb_parts.h"
#include "frontend/options.h"

#define CR4_LA57 BIT(12)
#define EFER_LMA BIT(10)

struct arguments {
    struct gdb *g;
    char *at; /* what stands behind the command's name */
    struct text *out;
};

static char *next_word(char **at)
{
    char *word = *at + strspn(*at, " \t");

    *at = word + strcspn(word, " \t");
    if (**at)
        *(*at)++ = '\0';
    return word;
}

static void say_number(struct text *out, const char *before, u64 value, const char *after)
{
    text_string(out, before);
    text_hex(out, value);
    text_string(out, after);
}

static void do_catch(struct arguments *a)
{
    char why[300];

    if (!*a->at)
        catches_list(&a->g->catches, a->out);
    else if (!catches_add(&a->g->catches, a->at, why, sizeof(why)))
        text_string(a->out, why), text_string(a->out, "\n");
}

static void do_uncatch(struct arguments *a)
{
    char *word = next_word(&a->at);
    u64 n = 0;

    if (*word && (!option_number(word, CATCHES_MAX, &n) || !n))
        text_string(a->out, "uncatch: a number from the list of `catch` is expected, or nothing\n");
    else if (!catches_remove(&a->g->catches, (unsigned)n))
        text_string(a->out, "uncatch: there are not so many\n");
}

/* ADDR [LEN [r|w|rw]] */
static bool parse_point(struct arguments *a, struct cpu_point *p)
{
    char *address = next_word(&a->at), *size = next_word(&a->at), *kind = next_word(&a->at);

    p->size = 1;
    if (!option_number(address, UINT64_MAX, &p->address) || (*size && !option_number(size, 1u << 30, &p->size)) ||
        !p->size || p->address + p->size - 1 < p->address)
        return false;
    if (p->kind == CPU_POINT_EXECUTE)
        return !*size;
    if (*kind)
        p->kind = !strcmp(kind, "r") ? CPU_POINT_READ : !strcmp(kind, "rw") ? CPU_POINT_ACCESS : CPU_POINT_WRITE;
    return !*kind || !strcmp(kind, "r") || !strcmp(kind, "w") || !strcmp(kind, "rw");
}

static void change_point(struct arguments *a, int kind)
{
    struct cpu_point p = {.kind = kind, .physical = true};
    char *first = a->at;
    bool remove = !strncmp(first, "-d ", 3);

    if (remove)
        a->at += 3;
    if (!parse_point(a, &p))
        text_string(a->out, kind == CPU_POINT_EXECUTE ? "pbreak: [-d] ADDR, physical\n"
                                                      : "pwatch: [-d] ADDR [LEN [r|w|rw]], physical\n");
    else if (remove ? !cpu_point_remove(a->g->cpu, &p) : !cpu_point_add(a->g->cpu, &p))
        text_string(a->out, remove ? "there is none\n" : "there are too many\n");
}

static void do_pbreak(struct arguments *a) { change_point(a, CPU_POINT_EXECUTE); }
static void do_pwatch(struct arguments *a) { change_point(a, CPU_POINT_WRITE); }

/* Where RAM is in this process, as tools ask that read it there. */
static void do_gpa2hva(struct arguments *a)
{
    char *word = next_word(&a->at);
    u64 pa;
    u8 *page;

    if (!option_number(word, UINT64_MAX, &pa)) {
        text_string(a->out, "gpa2hva: an address is expected\n");
        return;
    }
    page = phys_page_read(machine_phys(a->g->machine), pa);
    if (!page) {
        say_number(a->out, "No memory is mapped at address ", pa, "\n");
        return;
    }
    say_number(a->out, "Host virtual address for ", pa, "");
    say_number(a->out, " (ram) is ", (u64)(uintptr_t)(page + pa % PAGE_SIZE), "\n");
}

static bool is_linear(struct gdb *g, u64 la)
{
    struct cpu_state s;
    unsigned spare;

    cpu_get_state(g->cpu, &s);
    if (!(s.efer & EFER_LMA))
        return !(la >> 32);
    spare = s.cr4 & CR4_LA57 ? 7 : 16;
    return (u64)((s64)(la << spare) >> spare) == la;
}

static void do_gva2gpa(struct arguments *a)
{
    char *word = next_word(&a->at);
    struct walk w;
    u64 la;

    if (!option_number(word, UINT64_MAX, &la)) {
        text_string(a->out, "gva2gpa: an address is expected\n");
        return;
    }
    if (is_linear(a->g, la))
        w = cpu_walk(a->g->cpu, la, (struct access){.kind = ACCESS_READ});
    else
        w.cause = CAUSE_NOT_PRESENT;
    if (w.cause == CAUSE_NOT_PRESENT || w.cause == CAUSE_RESERVED_BIT)
        text_string(a->out, "Unmapped\n");
    else
        say_number(a->out, "gpa: ", w.pa, "\n");
}

static void do_system_reset(struct arguments *a) { machine_ask_reset(a->g->machine); }
static void do_quit(struct arguments *a) { control_quit(a->g->control); }

static void do_help(struct arguments *a);

static const struct {
    const char *name, *help;
    void (*run)(struct arguments *);
} commands[] = {
    {"catch", "[VECTOR [CONDITION]]: stop when it is raised: catch pf cpl==3 && access==write; alone: the list",
     do_catch},
    {"uncatch", "[N]: no more; alone: none of them", do_uncatch},
    {"pbreak", "[-d] ADDR: a breakpoint at a physical address; -d removes it", do_pbreak},
    {"pwatch", "[-d] ADDR [LEN [r|w|rw]]: a watchpoint on physical memory, DMA and A and D bits included", do_pwatch},
    {"gpa2hva", "ADDR: where physical memory is in this process", do_gpa2hva},
    {"gva2gpa", "ADDR: the physical address of a linear one", do_gva2gpa},
    {"system_reset", ": the reset button", do_system_reset},
    {"quit", ": end the run", do_quit},
    {"help", ": this list", do_help},
};

static void do_help(struct arguments *a)
{
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        text_string(a->out, commands[i].name);
        text_string(a->out, *commands[i].help == ':' ? "" : " ");
        text_string(a->out, commands[i].help);
        text_string(a->out, "\n");
    }
    if (a->g->command)
        a->g->command(a->g->command_ctx, "help", a->out);
}

void gdb_monitor(struct gdb *g, char *line, struct text *out)
{
    char *rest = line + strspn(line, " \t");
    size_t n = strcspn(rest, " \t");
    struct arguments a = {.g = g, .out = out};

    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strlen(commands[i].name) != n || strncmp(rest, commands[i].name, n) != 0)
            continue;
        a.at = rest + n + strspn(rest + n, " \t");
        commands[i].run(&a);
        return;
    }
    if (g->command && g->command(g->command_ctx, rest, out))
        return;
    text_string(out, "unknown command: '");
    text_bytes(out, rest, n < 40 ? n : 40);
    text_string(out, "'; help lists them\n");
}

/* SPDX-License-Identifier: MIT */
/*
 * --check strict: what a guest does against the manual and other emulators let pass, so that it is found on hardware
 * only. "check strict: RULE: what happened; where the manual says so; why nobody else noticed".
 */
#include <string.h>

#include "frontend/checks.h"
#include "frontend/record.h"

#define CR0_PE BIT(0)
#define CR0_PG BIT(31)
#define EFER_LME BIT(8)
#define EFER_LMA BIT(10)
#define CS_L 0x2000
#define CS_DB 0x4000

/* By enum cpu_strict_rule. Sections by their titles in Intel's SDM. */
static const struct {
    const char *name, *section, *elsewhere;
} rules[] = {
    [STRICT_LIMIT] = {"segment limit", "Limit Checking", "emulators that add the base and check no limit let it pass"},
    [STRICT_CANONICAL] = {"non-canonical address", "Canonical Addressing",
                          "emulators that look only at the bits they translate let it pass"},
    [STRICT_TARGET] = {"non-canonical target", "Canonical Addressing",
                       "emulators that check only the fetch raise #GP at the target, after the transfer"},
    [STRICT_PDPTE] = {"reserved bits in a PDPTE", "PDPTE Registers",
                      "emulators that read PDPTEs at each walk notice them when they are used, or never"},
    [STRICT_A20] = {"A20 is masked", "Address Translation in Real-Address Mode",
                    "emulators that leave A20 enabled access the address that was meant"},
    [STRICT_CONTROL] = {"control register refused", "Control Registers",
                        "emulators that do not check it take the value, or its bits that they know"},
};

static unsigned code_bits(const struct cpu_state *s)
{
    u16 a = s->seg[SEG_CS].attributes;

    if (s->efer & EFER_LMA && a & CS_L)
        return 64;
    return a & CS_DB ? 32 : 16;
}

static const char *text_at(struct checks *c, struct cpu *cpu, u64 la, unsigned bits, u64 rip)
{
    u8 bytes[DISASM_MAX];
    size_t n = cpu_peek(cpu, la, bytes, sizeof(bytes));
    const struct disasm_line *line = disasm_at(c->disasm, bits, rip, bytes, (unsigned)n);

    return n && line->length ? line->text : NULL;
}

static void put_place(struct checks *c, struct text *t, struct cpu *cpu, const struct cpu_state *s)
{
    unsigned bits = code_bits(s);
    u64 la = bits == 64 ? s->rip : (u32)(s->seg[SEG_CS].base + s->rip);
    const char *instruction = text_at(c, cpu, la, bits, s->rip);

    text_string(t, " at ");
    text_hex(t, s->rip);
    if (c->symbols)
        symbols_follow(c->symbols, cpu, machine_phys(c->machine));
    checks_put_code(t, c->symbols, la);
    text_string(t, " (");
    text_string(t, instruction ? instruction : "unknown instruction");
    text_string(t, ", instruction ");
    text_grouped(t, cpu_icount(cpu));
    text_char(t, ')');
}

static void put_access(struct text *t, const struct cpu_strict *s)
{
    static const char *const segment[] = {"ES", "CS", "SS", "DS", "FS", "GS"};

    if (s->kind == ACCESS_EXECUTE) {
        text_string(t, "transfer to ");
    } else {
        text_decimal(t, s->width);
        text_string(t, s->kind == ACCESS_WRITE ? "-byte write to " : "-byte read of ");
    }
    if (s->rule == STRICT_LIMIT) {
        text_string(t, segment[s->seg]);
        text_char(t, ':');
    }
    text_hex(t, s->address);
    if (s->rule != STRICT_LIMIT)
        return;
    text_string(t, ", whose limit is ");
    text_hex(t, s->limit);
}

static void put_control(struct text *t, const struct cpu_strict *s)
{
    text_string(t, s->seg == 8 ? "EFER" : s->seg == 4 ? "CR4" : s->seg == 3 ? "CR3" : "CR0");
    text_string(t, " may not be ");
    text_hex(t, s->value);
    text_string(t, ", for ");
    text_string(t, s->why);
    text_char(t, ',');
}

static void put_what(struct text *t, const struct cpu_strict *s)
{
    switch (s->rule) {
    case STRICT_PDPTE:
        text_string(t, "PDPTE at ");
        text_hex(t, s->address);
        text_string(t, " is ");
        text_hex(t, s->value);
        text_string(t, " as it is loaded");
        break;
    case STRICT_A20:
        text_string(t, "access to ");
        text_hex(t, s->value);
        text_string(t, " meets ");
        text_hex(t, s->address & ~BIT(20));
        text_string(t, ", not ");
        text_hex(t, s->address);
        break;
    case STRICT_CONTROL: put_control(t, s); break;
    default: put_access(t, s);
    }
}

static void put_rule(struct text *t, const char *section, const char *elsewhere)
{
    text_string(t, "; SDM, \"");
    text_string(t, section);
    text_string(t, "\"; ");
    text_string(t, elsewhere);
}

/*
 * "Switching to Protected Mode" and "Switching Back to Real-Address Mode" demand a far JMP or CALL right behind the
 * MOV; "Serializing Instructions" recommends a jump behind a change of PG, for processors before the P6; none of those
 * has long mode. Any branch that is always taken will do here: what matters is that nothing is executed that was
 * fetched in the other mode.
 */
static bool branches(const char *text)
{
    static const char *const always[] = {"jmp", "ljmp", "call", "lcall", "ret", "lret", "iret"};

    for (unsigned i = 0; i < sizeof(always) / sizeof(always[0]); i++)
        if (!strncmp(text, always[i], strlen(always[i])))
            return true;
    return false;
}

static void check_switch(struct checks *c, struct cpu *cpu, const struct cpu_strict *s)
{
    const char *section = !(s->value & CR0_PE)         ? "Serializing Instructions"
                          : cpu_mode(cpu) == MODE_REAL ? "Switching Back to Real-Address Mode"
                                                       : "Switching to Protected Mode";
    struct cpu_state state;
    const char *next;
    char line[768], instruction[sizeof(((struct disasm_line *)0)->text)];
    struct text t = TEXT_OVER(line);

    cpu_get_state(cpu, &state);
    if (!s->value || (s->value == CR0_PG && state.efer & EFER_LME))
        return;
    next = text_at(c, cpu, s->address, code_bits(&state), s->address);
    if (!next || branches(next) || !checks_is_new(c, CHECK_STRICT, state.rip))
        return;
    memcpy(instruction, next, sizeof(instruction));
    text_string(&t, "check strict: no branch behind a change of mode: CR0.");
    text_string(&t, s->value == (CR0_PE | CR0_PG) ? "PE and PG" : s->value & CR0_PE ? "PE" : "PG");
    text_string(&t, " written");
    put_place(c, &t, cpu, &state);
    text_string(&t, ", and next is ");
    text_string(&t, instruction);
    put_rule(&t, section, "emulators have no instructions fetched ahead, nor have many processors");
    text_end(&t);
    fprintf(c->to, "%s\n", line);
}

void checks_strict(struct checks *c, struct cpu *cpu, const struct cpu_strict *s)
{
    struct cpu_state state;
    char line[1024];
    struct text t = TEXT_OVER(line);

    if (s->rule == STRICT_SWITCH) {
        check_switch(c, cpu, s);
        return;
    }
    cpu_get_state(cpu, &state);
    if (!checks_is_new(c, CHECK_STRICT, state.rip ^ (u64)s->rule << 50))
        return;
    text_string(&t, "check strict: ");
    text_string(&t, rules[s->rule].name);
    text_string(&t, ": ");
    put_what(&t, s);
    put_place(c, &t, cpu, &state);
    put_rule(&t, rules[s->rule].section, rules[s->rule].elsewhere);
    text_end(&t);
    fprintf(c->to, "%s\n", line);
}

/* SPDX-License-Identifier: MIT */
#include "frontend/expression.h"

#include <ctype.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define NAME_SIZE 64
#define DEPTH_MAX 64u
#define ATTR_DB BIT(14)

/* ---- Registers ---- */

struct name {
    const char *name;
    u16 offset; /* in struct cpu_state */
    u8 bits, shift;
};

#define AT(member) (u16) offsetof(struct cpu_state, member)
#define GENERAL(r64, r32, r16, n) \
    {r64, AT(gpr[n]), 64, 0}, {r32, AT(gpr[n]), 32, 0}, { r16, AT(gpr[n]), 16, 0 }
#define NUMBERED(name, n)                                                                    \
    {name, AT(gpr[n]), 64, 0}, {name "d", AT(gpr[n]), 32, 0}, {name "w", AT(gpr[n]), 16, 0}, \
    {                                                                                        \
        name "b", AT(gpr[n]), 8, 0                                                           \
    }
#define SEGMENT(name, n) \
    {name, AT(seg[n].selector), 16, 0}, { name "_base", AT(seg[n].base), 64, 0 }

static const struct name names[] = {
    GENERAL("rax", "eax", "ax", REG_RAX),
    GENERAL("rcx", "ecx", "cx", REG_RCX),
    GENERAL("rdx", "edx", "dx", REG_RDX),
    GENERAL("rbx", "ebx", "bx", REG_RBX),
    GENERAL("rsp", "esp", "sp", REG_RSP),
    GENERAL("rbp", "ebp", "bp", REG_RBP),
    GENERAL("rsi", "esi", "si", REG_RSI),
    GENERAL("rdi", "edi", "di", REG_RDI),
    NUMBERED("r8", 8),
    NUMBERED("r9", 9),
    NUMBERED("r10", 10),
    NUMBERED("r11", 11),
    NUMBERED("r12", 12),
    NUMBERED("r13", 13),
    NUMBERED("r14", 14),
    NUMBERED("r15", 15),
    {"al", AT(gpr[REG_RAX]), 8, 0},
    {"cl", AT(gpr[REG_RCX]), 8, 0},
    {"dl", AT(gpr[REG_RDX]), 8, 0},
    {"bl", AT(gpr[REG_RBX]), 8, 0},
    {"ah", AT(gpr[REG_RAX]), 8, 8},
    {"ch", AT(gpr[REG_RCX]), 8, 8},
    {"dh", AT(gpr[REG_RDX]), 8, 8},
    {"bh", AT(gpr[REG_RBX]), 8, 8},
    {"spl", AT(gpr[REG_RSP]), 8, 0},
    {"bpl", AT(gpr[REG_RBP]), 8, 0},
    {"sil", AT(gpr[REG_RSI]), 8, 0},
    {"dil", AT(gpr[REG_RDI]), 8, 0},
    {"rip", AT(rip), 64, 0},
    {"eip", AT(rip), 32, 0},
    {"ip", AT(rip), 16, 0},
    {"rflags", AT(rflags), 64, 0},
    {"eflags", AT(rflags), 32, 0},
    SEGMENT("es", SEG_ES),
    SEGMENT("cs", SEG_CS),
    SEGMENT("ss", SEG_SS),
    SEGMENT("ds", SEG_DS),
    SEGMENT("fs", SEG_FS),
    SEGMENT("gs", SEG_GS),
    SEGMENT("ldtr", SEG_LDTR),
    SEGMENT("tr", SEG_TR),
    {"gdt_base", AT(gdt_base), 64, 0},
    {"idt_base", AT(idt_base), 64, 0},
    {"cr0", AT(cr0), 64, 0},
    {"cr2", AT(cr2), 64, 0},
    {"cr3", AT(cr3), 64, 0},
    {"cr4", AT(cr4), 64, 0},
    {"cr8", AT(cr8), 64, 0},
    {"efer", AT(efer), 64, 0},
    {"xcr0", AT(xcr0), 64, 0},
    {"dr0", AT(dr[0]), 64, 0},
    {"dr1", AT(dr[1]), 64, 0},
    {"dr2", AT(dr[2]), 64, 0},
    {"dr3", AT(dr[3]), 64, 0},
    {"dr6", AT(dr[6]), 64, 0},
    {"dr7", AT(dr[7]), 64, 0},
    {"pkru", AT(pkru), 32, 0},
    {"pkrs", AT(pkrs), 32, 0},
};

#define NAMES (sizeof(names) / sizeof(names[0]))

const char *expression_register(unsigned i) { return i < NAMES ? names[i].name : i == NAMES ? "pc" : NULL; }

bool expression_is_register(const char *name)
{
    for (unsigned i = 0; expression_register(i); i++)
        if (!strcmp(name, expression_register(i)))
            return true;
    return false;
}

/* ---- Parsing ---- */

struct parser {
    const struct expression_context *context;
    struct cpu_state state;
    const char *text, *at;
    char *why;
    size_t size;
    bool failed;
    bool words; /* a blank outside of brackets ends it */
    unsigned depth, brackets;
    int segment; /* the last operand was this segment register and nothing else; or -1 */
};

static u64 fail(struct parser *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
static u64 fail(struct parser *p, const char *format, ...)
{
    va_list args;

    if (p->failed)
        return 0;
    va_start(args, format);
    vsnprintf(p->why, p->size, format, args);
    va_end(args);
    p->failed = true;
    return 0;
}

static char peek(struct parser *p)
{
    if (!p->words || p->brackets)
        while (*p->at == ' ' || *p->at == '\t')
            p->at++;
    return *p->at;
}

static bool take(struct parser *p, const char *token)
{
    size_t n = strlen(token);

    peek(p);
    if (strncmp(p->at, token, n) != 0)
        return false;
    p->at += n;
    return true;
}

static u64 sum_of(struct parser *);

static u64 or_of(struct parser *);

static unsigned digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10 : 16;
}

static u64 number(struct parser *p)
{
    const char *begin = p->at;
    unsigned base = 10;
    u64 value = 0;

    if (p->at[0] == '0' && (p->at[1] | 0x20) == 'x')
        base = 16, p->at += 2;
    else if (p->at[0] == '0' && (p->at[1] | 0x20) == 'b')
        base = 2, p->at += 2;
    if (digit_value(*p->at) >= base)
        return fail(p, "'%.20s' is not a number", begin);
    for (; digit_value(*p->at) < base; p->at++) {
        if (__builtin_mul_overflow(value, base, &value) || __builtin_add_overflow(value, digit_value(*p->at), &value))
            return fail(p, "'%.40s' is more than 64 bits", begin);
    }
    if (isalnum((unsigned char)*p->at) || *p->at == '_')
        return fail(p, "'%.20s' is not a number; hex ones begin with 0x", begin);
    return value;
}

static u64 register_value(const struct parser *p, const struct name *n)
{
    const u8 *at = (const u8 *)&p->state + n->offset;
    u64 value = 0;
    unsigned width = n->offset == AT(pkru) || n->offset == AT(pkrs) ? 4 : n->bits == 16 && n->offset >= AT(seg) ? 2 : 8;

    memcpy(&value, at, width);
    value >>= n->shift;
    return n->bits == 64 ? value : value & (BIT(n->bits) - 1);
}

static int segment_of(const char *name)
{
    static const char *const segments[] = {"es", "cs", "ss", "ds", "fs", "gs", "ldtr", "tr"};

    for (int i = 0; i < SEG_COUNT; i++)
        if (!strcmp(name, segments[i]))
            return i;
    return -1;
}

/* The linear address of the next instruction. */
static u64 pc_of(struct parser *p)
{
    u64 linear = p->state.seg[SEG_CS].base + p->state.rip;

    return cpu_mode(p->context->cpu) == MODE_LONG64 ? p->state.rip : (u32)linear;
}

static unsigned code_bytes(struct parser *p)
{
    if (cpu_mode(p->context->cpu) == MODE_LONG64)
        return 8;
    return p->state.seg[SEG_CS].attributes & ATTR_DB ? 4 : 2;
}

/* What stands between '[' and ']', in memory. */
static u64 memory(struct parser *p, unsigned width)
{
    u64 address, value = 0;

    p->brackets++;
    address = or_of(p);
    if (!p->failed && !take(p, "]"))
        return fail(p, "']' is missing");
    p->brackets--;
    p->segment = -1;
    if (p->failed)
        return 0;
    if (cpu_peek(p->context->cpu, address, &value, width) != width)
        return fail(p, "0x%llx: no memory can be read there", (unsigned long long)address);
    return value;
}

static u64 named(struct parser *p)
{
    const struct expression_context *c = p->context;
    bool only_register = take(p, "$");
    char name[NAME_SIZE];
    size_t n = 0;
    u64 value;

    while (isalnum((unsigned char)p->at[n]) || p->at[n] == '_' || p->at[n] == '.')
        n++;
    if (n >= sizeof(name))
        return fail(p, "'%.20s..': a name of %zu characters", p->at, n);
    memcpy(name, p->at, n);
    name[n] = '\0';
    p->at += n;
    if (n == 1 && strchr("bwdq", name[0]) && *p->at == '[') {
        p->at++;
        return memory(p, name[0] == 'b' ? 1 : name[0] == 'w' ? 2 : name[0] == 'd' ? 4 : 8);
    }
    for (size_t i = 0; i < NAMES; i++)
        if (!strcmp(name, names[i].name)) {
            p->segment = segment_of(name);
            return register_value(p, &names[i]);
        }
    if (!strcmp(name, "pc"))
        return pc_of(p);
    if (only_register || !n)
        return fail(p, "'$%s' is no register", name);
    if (c->symbol && c->symbol(c->ctx, name, &value))
        return value;
    return fail(p, c->symbol ? "'%s' is no register and no symbol" : "'%s' is no register, and there are no symbols",
                name);
}

static u64 operand(struct parser *p)
{
    char c = peek(p);
    u64 value;

    p->segment = -1;
    if (p->failed || ++p->depth > DEPTH_MAX)
        return fail(p, "it is nested more than %u deep", DEPTH_MAX);
    if (take(p, "-")) {
        value = 0 - operand(p);
        p->segment = -1;
    } else if (take(p, "~")) {
        value = ~operand(p);
        p->segment = -1;
    } else if (take(p, "[")) {
        value = memory(p, code_bytes(p));
    } else if (take(p, "(")) {
        p->brackets++;
        value = or_of(p);
        if (!p->failed && !take(p, ")"))
            fail(p, "')' is missing");
        p->brackets--;
        p->segment = -1;
    } else if (isdigit((unsigned char)c)) {
        value = number(p);
    } else if (isalpha((unsigned char)c) || c == '_' || c == '$' || c == '.') {
        value = named(p);
    } else if (c) {
        value = fail(p, "'%c' is not expected in an expression", isprint((unsigned char)c) ? c : '?');
    } else {
        value = fail(p, "an expression is expected");
    }
    p->depth--;
    return value;
}

static u64 product_of(struct parser *p)
{
    u64 value = operand(p), by;

    while (!p->failed) {
        char c = peek(p);

        if (c != '*' && c != '/' && c != '%')
            break;
        p->at++;
        by = operand(p);
        if (c != '*' && !by)
            return fail(p, "it divides by 0");
        value = c == '*' ? value * by : c == '/' ? value / by : value % by;
        p->segment = -1;
    }
    return value;
}

static u64 sum_of(struct parser *p)
{
    u64 value = product_of(p), by;

    while (!p->failed) {
        char c = peek(p);

        if (c != '+' && c != '-')
            break;
        p->at++;
        by = product_of(p);
        value = c == '+' ? value + by : value - by;
        p->segment = -1;
    }
    return value;
}

static u64 shift_of(struct parser *p)
{
    u64 value = sum_of(p), by;

    while (!p->failed) {
        bool left = take(p, "<<");

        if (!left && !take(p, ">>"))
            break;
        by = sum_of(p);
        value = by > 63 ? 0 : left ? value << by : value >> by;
        p->segment = -1;
    }
    return value;
}

static u64 or_of(struct parser *p)
{
    u64 value = shift_of(p), kept = 0, exclusive = 0;

    /* & binds closest, then ^, then |: `kept` and `exclusive` are what waits of the latter. */
    while (!p->failed) {
        char c = peek(p);

        if (c != '&' && c != '^' && c != '|')
            break;
        p->at++;
        if (c == '&') {
            value &= shift_of(p);
        } else {
            exclusive ^= value;
            if (c == '|') {
                kept |= exclusive;
                exclusive = 0;
            }
            value = shift_of(p);
        }
        p->segment = -1;
    }
    return kept | (exclusive ^ value);
}

static u64 address_of(struct parser *p)
{
    u64 value = or_of(p), offset;
    enum cpu_mode mode = cpu_mode(p->context->cpu);
    int segment = p->segment;

    if (p->failed || !take(p, ":"))
        return value;
    offset = or_of(p);
    if (segment >= 0) {
        value = p->state.seg[segment].base + offset;
        return mode == MODE_LONG64 ? value : (u32)value;
    }
    if (mode != MODE_REAL && mode != MODE_V86)
        return fail(p, "a selector is an address in real and virtual-8086 mode only; a segment register is in any");
    return (u32)((value << 4) + offset);
}

static bool begin(struct parser *p, const struct expression_context *context, const char *text, char *why, size_t size)
{
    *p = (struct parser){.context = context, .text = text, .at = text, .why = why, .size = size, .segment = -1};
    cpu_get_state(context->cpu, &p->state);
    return true;
}

bool expression_value(const struct expression_context *context, const char *text, u64 *value, char *why, size_t size)
{
    struct parser p;

    begin(&p, context, text, why, size);
    *value = address_of(&p);
    if (!p.failed && peek(&p))
        fail(&p, "'%.40s' is left over after an expression", p.at);
    return !p.failed;
}

bool expression_word(const struct expression_context *context, const char *text, const char **end, u64 *value,
                     char *why, size_t size)
{
    struct parser p;

    while (*text == ' ' || *text == '\t')
        text++;
    begin(&p, context, text, why, size);
    p.words = true;
    *value = address_of(&p);
    if (!p.failed && *p.at && *p.at != ' ' && *p.at != '\t')
        fail(&p, "'%.40s' is left over after an expression", p.at);
    *end = p.at;
    return !p.failed;
}

/* SPDX-License-Identifier: MIT */
/* Commands that show memory: x, xp, disas, print. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "frontend/monitor.h"

#define UNITS_MAX 65536u
#define STRING_MAX 256u
#define PHYSICAL_TOP (1ull << 52)

/* ---- The format after the slash ---- */

struct format {
    u64 count;
    char format; /* x d u o t c s i */
    unsigned width;
};

static bool parse_format(struct monitor *m, const char **text, struct format *f, struct reply *r)
{
    const char *p = *text;

    *f = (struct format){1, m->examine.format, m->examine.width};
    if (*p != '/')
        return true;
    p++;
    if (isdigit((unsigned char)*p))
        for (f->count = 0; isdigit((unsigned char)*p) && f->count <= UNITS_MAX; p++)
            f->count = f->count * 10 + (u64)(*p - '0');
    if (!f->count || f->count > UNITS_MAX)
        return reply_error(r, "x: 1 to %u units", UNITS_MAX);
    for (; *p && !isblank((unsigned char)*p); p++) {
        static const char widths[] = "bhwg", formats[] = "xduotcsi";
        const char *width = strchr(widths, *p);

        if (width)
            f->width = 1u << (width - widths);
        else if (strchr(formats, *p))
            f->format = *p;
        else
            return reply_error(r, "x: '%c' is no format (x d u o t c s i) and no unit (b h w g)", *p);
    }
    m->examine.format = f->format;
    m->examine.width = f->width;
    *text = p + strspn(p, " \t");
    return true;
}

/* ---- Reading ---- */

struct source {
    struct monitor *m;
    bool physical;
};

/* How many bytes of `size` can be read, from the first. */
static size_t read_at(const struct source *s, u64 at, void *to, size_t size)
{
    u8 *bytes = to;

    if (!s->physical)
        return cpu_peek(machine_cpu(s->m->machine), at, to, size);
    for (size_t i = 0; i < size; i++) {
        u64 pa = at + i;
        const u8 *page = pa < PHYSICAL_TOP ? phys_page_read(machine_phys(s->m->machine), pa) : NULL;

        if (!page)
            return i;
        bytes[i] = page[pa & ~PAGE_MASK];
    }
    return size;
}

/* Addresses wrap where the processor's do. */
static u64 address_at(const struct source *s, u64 at)
{
    return s->physical || monitor_digits(s->m) == 16 ? at : (u32)at;
}

/* ---- Units ---- */

static void binary(u64 value, unsigned digits, char *to)
{
    for (unsigned i = 0; i < digits; i++)
        to[i] = (char)('0' + (value >> (digits - 1 - i) & 1));
    to[digits] = '\0';
}

static void unit_text(const struct format *f, u64 value, char *to, size_t size)
{
    unsigned bits = f->width * 8;
    s64 negative = (s64)(value << (64 - bits)) >> (64 - bits);

    switch (f->format) {
    case 'd': snprintf(to, size, "%lld", (long long)negative); break;
    case 'u': snprintf(to, size, "%llu", (unsigned long long)value); break;
    case 'o': snprintf(to, size, "0%llo", (unsigned long long)value); break;
    case 't': binary(value, bits, to); break;
    case 'c': snprintf(to, size, value >= 0x20 && value < 0x7f ? "'%c'" : "'\\x%02x'", (unsigned)(value & 0xff)); break;
    default: snprintf(to, size, "0x%0*llx", (int)f->width * 2, (unsigned long long)value); break;
    }
}

/* What a value is at most as wide as: for columns. */
static int unit_width(const struct format *f)
{
    switch (f->format) {
    case 'd':
    case 'u': return f->width == 1 ? 4 : f->width == 2 ? 6 : f->width == 4 ? 11 : 20;
    case 'o': return (int)(f->width * 8 + 2) / 3 + 1;
    case 't': return (int)f->width * 8;
    case 'c': return 6;
    default: return (int)f->width * 2 + 2;
    }
}

static void begin_line(struct reply *r, const struct source *s, u64 at)
{
    char symbol[192] = "";

    if (!s->physical)
        monitor_symbol(s->m, at, symbol, sizeof(symbol));
    if (r->json) {
        reply_row(r);
        reply_hex(r, "address", at, 16);
        if (*symbol)
            reply_string(r, "symbol", symbol + 1);
        return;
    }
    reply_newline(r);
    reply_label(r, "%0*llx%s:", (int)(s->physical ? 12 : monitor_digits(s->m)), (unsigned long long)at, symbol);
}

/* A line: as many units as fit 16 bytes, or 8 of what is wide to write. False at the first byte that cannot be read. */
static bool put_line(struct reply *r, const struct source *s, const struct format *f, u64 at, unsigned units)
{
    bool whole = true;

    begin_line(r, s, at);
    if (r->json)
        reply_list(r, "values");
    for (unsigned i = 0; i < units && whole; i++) {
        u64 value = 0;
        char text[72];

        whole = read_at(s, address_at(s, at + (u64)i * f->width), &value, f->width) == f->width;
        unit_text(f, value, text, sizeof(text));
        if (r->json && whole)
            reply_item(r, text);
        else if (!r->json)
            reply_label(r, "%*s", whole && f->count > 1 ? unit_width(f) : 0, whole ? text : "cannot be read");
    }
    if (r->json) {
        reply_list_end(r);
        reply_boolean(r, "whole", whole);
    }
    return whole;
}

static u64 put_units(struct reply *r, const struct source *s, const struct format *f, u64 at)
{
    unsigned line = f->format == 't' ? 4 : f->width == 1 ? 16 : 16 / f->width;
    u64 left = f->count;

    if (f->format == 'c' || ((f->format == 'd' || f->format == 'u' || f->format == 'o') && f->width == 1))
        line = 8;
    while (left) {
        unsigned n = left < line ? (unsigned)left : line;

        if (!put_line(r, s, f, at, n))
            break;
        at = address_at(s, at + (u64)n * f->width);
        left -= n;
    }
    return at;
}

static u64 put_strings(struct reply *r, const struct source *s, const struct format *f, u64 at)
{
    for (u64 i = 0; i < f->count; i++) {
        char text[STRING_MAX * 4 + 1];
        u8 bytes[STRING_MAX];
        size_t n = read_at(s, at, bytes, sizeof(bytes)), length = 0;

        begin_line(r, s, at);
        if (!n) {
            if (r->json)
                reply_null(r, "string");
            else
                reply_label(r, "cannot be read");
            break;
        }
        text[0] = '\0';
        for (size_t used = 0; length < n && bytes[length]; length++) {
            u8 c = bytes[length];

            used += (size_t)sprintf(text + used, c >= 0x20 && c < 0x7f ? "%c" : "\\x%02x", c);
        }
        if (r->json)
            reply_string(r, "string", text);
        else
            reply_label(r, "\"%s\"%s", text, length == sizeof(bytes) ? ".." : "");
        at = address_at(s, at + length + (length < n));
    }
    return at;
}

/* ---- Instructions ---- */

static u64 put_instructions(struct reply *r, const struct source *s, u64 at, u64 count)
{
    static const char *const columns[] = {"", ">address", "bytes", "insn", "symbol", NULL};
    u64 pc = monitor_pc(s->m);
    unsigned bits = monitor_code_bits(s->m);

    reply_table(r, "instructions", columns);
    for (u64 i = 0; i < count; i++) {
        u8 bytes[DISASM_MAX];
        size_t n = read_at(s, at, bytes, sizeof(bytes));
        const struct disasm_line *line = disasm_at(s->m->disasm, bits, at, bytes, (unsigned)n);
        unsigned length = line->length ? line->length : n ? 1 : 0;
        char hex[2 * DISASM_MAX + 1] = "", symbol[192] = "";

        for (unsigned j = 0; j < length; j++)
            sprintf(hex + 2 * j, "%02x", bytes[j]);
        if (!s->physical)
            monitor_symbol(s->m, at, symbol, sizeof(symbol));
        reply_row(r);
        reply_string(r, r->json ? "here" : "", !s->physical && at == pc ? "=>" : "");
        reply_hex(r, "address", at, s->physical ? 12 : monitor_digits(s->m));
        reply_string(r, "bytes", hex);
        reply_string(r, "insn", !n ? "cannot be read" : line->length ? line->text : "(bad)");
        reply_string(r, "symbol", *symbol ? symbol + 1 : "");
        if (!n)
            break;
        at = address_at(s, at + length);
    }
    reply_table_end(r);
    return at;
}

void monitor_disas(struct monitor *m, const char *arguments, struct reply *r)
{
    struct source s = {m, false};
    u64 at = monitor_pc(m), count = 10;

    if (*arguments && !monitor_word(m, &arguments, &at, r))
        return;
    if (*arguments && !monitor_value(m, arguments, &count, r))
        return;
    if (!count || count > UNITS_MAX) {
        reply_error(r, "disas: 1 to %u instructions", UNITS_MAX);
        return;
    }
    m->next = put_instructions(r, &s, address_at(&s, at), count);
    m->has_next = true;
}

/* ---- The commands ---- */

static void examine(struct monitor *m, const char *arguments, struct reply *r, bool physical)
{
    struct source s = {m, physical};
    struct format f;
    u64 at = m->next;

    if (!parse_format(m, &arguments, &f, r))
        return;
    if (*arguments ? !(physical ? monitor_value : monitor_address)(m, arguments, &at, r) : !m->has_next) {
        if (!*arguments)
            reply_error(r, "%s: no address, and none before to go on from", physical ? "xp" : "x");
        return;
    }
    if (f.format == 'c' && f.width > 1)
        f.width = 1;
    if (f.format == 'i') {
        m->next = put_instructions(r, &s, at, f.count);
    } else {
        static const char *const columns[] = {"address", "values", NULL};

        if (r->json)
            reply_table(r, "lines", columns);
        m->next = f.format == 's' ? put_strings(r, &s, &f, at) : put_units(r, &s, &f, at);
        if (r->json)
            reply_table_end(r);
        reply_newline(r);
    }
    m->has_next = true;
}

void monitor_x(struct monitor *m, const char *arguments, struct reply *r) { examine(m, arguments, r, false); }

void monitor_xp(struct monitor *m, const char *arguments, struct reply *r) { examine(m, arguments, r, true); }

void monitor_print(struct monitor *m, const char *arguments, struct reply *r)
{
    char symbol[192];
    u64 value;

    if (!monitor_value(m, arguments, &value, r))
        return;
    monitor_symbol(m, value, symbol, sizeof(symbol));
    if (r->json) {
        reply_hex(r, "value", value, 0);
        if (*symbol)
            reply_string(r, "symbol", symbol + 1);
        return;
    }
    reply_label(r, "0x%llx", (unsigned long long)value);
    reply_label(r, "%llu", (unsigned long long)value);
    if (value >> 63)
        reply_label(r, "%lld", (long long)value);
    if (*symbol)
        reply_label(r, "%s", symbol + 1);
    reply_newline(r);
}

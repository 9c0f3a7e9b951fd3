/* SPDX-License-Identifier: MIT */
/* Packets in and out: frames, checksums, acknowledgements; and when the guest runs and stops. */
#include "frontend/gdb.h"

#include <stdio.h>
#include <stdlib.h>

#include "frontend/gdb_parts.h"

#define INTERRUPT 3

static const char digits[] = "0123456789abcdef";

struct gdb *gdb_create(struct control *c, enum gdb_arch arch, gdb_send_fn *send, void *ctx)
{
    struct gdb *g = calloc(1, sizeof(*g));
    struct text xml;

    if (!g)
        return NULL;
    g->control = c;
    g->machine = c->machine;
    g->cpu = machine_cpu(c->machine);
    g->send = send;
    g->send_ctx = ctx;
    g->sstep = GDB_SSTEP_DEFAULT;
    target_init(&g->target, arch);
    xml = TEXT_OVER(g->xml);
    target_describe(&g->target, &xml);
    g->xml_size = (size_t)(xml.at - g->xml);
    if (catches_init(&g->catches, g->cpu, g->machine))
        return g;
    free(g);
    return NULL;
}

struct catches *gdb_catches(struct gdb *g) { return &g->catches; }

void gdb_destroy(struct gdb *g)
{
    if (!g)
        return;
    gdb_points_clear(g);
    catches_free(&g->catches);
    cpu_debug_detach(g->cpu);
    free(g);
}

void gdb_on_command(struct gdb *g, bool (*command)(void *ctx, const char *line, struct text *out), void *ctx)
{
    g->command = command;
    g->command_ctx = ctx;
}

/* ---- Out ---- */

static void send_all(struct gdb *g, const void *bytes, size_t size)
{
    if (!g->gone && !g->send(g->send_ctx, bytes, size))
        g->gone = true;
}

void gdb_begin(struct gdb *g)
{
    g->out[0] = '$';
    g->out_count = 1;
}

static void put_byte(struct gdb *g, u8 byte)
{
    if (g->out_count < sizeof(g->out) - 3)
        g->out[g->out_count++] = byte;
}

void gdb_put(struct gdb *g, const void *bytes, size_t size)
{
    const u8 *b = bytes;

    for (size_t i = 0; i < size; i++) {
        bool escaped = b[i] == '#' || b[i] == '$' || b[i] == '}' || b[i] == '*';

        if (escaped)
            put_byte(g, '}');
        put_byte(g, escaped ? b[i] ^ 0x20 : b[i]);
    }
}

void gdb_put_text(struct gdb *g, const char *text) { gdb_put(g, text, strlen(text)); }

void gdb_put_hex(struct gdb *g, const void *bytes, size_t size)
{
    const u8 *b = bytes;

    for (size_t i = 0; i < size; i++) {
        put_byte(g, (u8)digits[b[i] >> 4]);
        put_byte(g, (u8)digits[b[i] & 15]);
    }
}

void gdb_end(struct gdb *g)
{
    u8 sum = 0;

    for (size_t i = 1; i < g->out_count; i++)
        sum = (u8)(sum + g->out[i]);
    g->out[g->out_count++] = '#';
    g->out[g->out_count++] = (u8)digits[sum >> 4];
    g->out[g->out_count++] = (u8)digits[sum & 15];
    send_all(g, g->out, g->out_count);
}

void gdb_reply(struct gdb *g, const char *text)
{
    gdb_begin(g);
    gdb_put_text(g, text);
    gdb_end(g);
}

void gdb_console(struct gdb *g, const char *text)
{
    size_t n = strlen(text);

    gdb_begin(g);
    gdb_put_text(g, "O");
    gdb_put_hex(g, text, n < GDB_PACKET / 2 ? n : GDB_PACKET / 2);
    gdb_end(g);
}

/* ---- In ---- */

static int nibble(u8 c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

bool gdb_hex(const char **at, u64 *value)
{
    unsigned n = 0;

    *value = 0;
    for (; nibble((u8) * *at) >= 0; ++*at, n++)
        *value = *value << 4 | (u64)nibble((u8) * *at);
    return n > 0 && n <= 16;
}

bool gdb_hex_bytes(const char *at, u8 *to, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        int high = nibble((u8)at[2 * i]), low = high < 0 ? -1 : nibble((u8)at[2 * i + 1]);

        if (low < 0)
            return false;
        to[i] = (u8)(high << 4 | low);
    }
    return true;
}

static void packet_came(struct gdb *g)
{
    bool good = g->sum == g->sum_sent && !g->too_long;

    if (!g->no_ack)
        send_all(g, good ? "+" : "-", 1);
    else if (!good)
        return; /* on a reliable line: noise */
    if (!good)
        return;
    g->in[g->in_count] = '\0';
    gdb_packet(g);
}

/* Escapes are resolved as they come; the checksum is of the bytes as sent. */
static void packet_byte(struct gdb *g, u8 byte)
{
    if (byte == '$') { /* never inside: the packet before was cut off */
        g->in_count = 0;
        g->sum = 0;
        g->too_long = g->escape = false;
        return;
    }
    g->sum = (u8)(g->sum + byte);
    if (!g->escape && byte == '}') {
        g->escape = true;
        return;
    }
    if (g->escape)
        byte ^= 0x20;
    g->escape = false;
    if (g->in_count < GDB_PACKET)
        g->in[g->in_count++] = (char)byte;
    else
        g->too_long = true;
}

static void take_byte(struct gdb *g, u8 byte)
{
    switch (g->state) {
    case GDB_IDLE:
        if (byte == '$') {
            g->state = GDB_IN_PACKET;
            g->in_count = 0;
            g->sum = 0;
            g->too_long = g->escape = false;
        } else if (byte == '-' && !g->no_ack && g->out_count) {
            send_all(g, g->out, g->out_count);
        } else if (byte == INTERRUPT) {
            control_stop(g->control);
        }
        break;
    case GDB_IN_PACKET:
        if (byte == '#')
            g->state = GDB_CHECKSUM_1;
        else
            packet_byte(g, byte);
        break;
    case GDB_CHECKSUM_1:
        g->sum_sent = (u8)(nibble(byte) << 4);
        g->state = nibble(byte) < 0 ? GDB_IDLE : GDB_CHECKSUM_2;
        break;
    case GDB_CHECKSUM_2:
        g->state = GDB_IDLE;
        if (nibble(byte) < 0)
            break;
        g->sum_sent |= (u8)nibble(byte);
        packet_came(g);
        break;
    }
}

/* A packet is for a guest that stands; what may be said to one that runs is one byte. */
static void take_waiting(struct gdb *g)
{
    size_t at = 0;

    while (at < g->waiting_count && g->control->stopped && !g->detached)
        take_byte(g, g->waiting[at++]);
    for (; at < g->waiting_count && !g->detached && g->state == GDB_IDLE; at++) {
        if (g->waiting[at] == INTERRUPT)
            control_stop(g->control);
        else if (g->waiting[at] == '$')
            break;
    }
    memmove(g->waiting, g->waiting + at, g->waiting_count - at);
    g->waiting_count -= at;
}

size_t gdb_room(const struct gdb *g) { return sizeof(g->waiting) - g->waiting_count; }

void gdb_receive(struct gdb *g, const u8 *bytes, size_t size)
{
    if (size > gdb_room(g))
        size = gdb_room(g);
    memcpy(g->waiting + g->waiting_count, bytes, size);
    g->waiting_count += size;
    take_waiting(g);
}

/* ---- The connection ---- */

void gdb_connected(struct gdb *g)
{
    g->connected = true;
    g->no_ack = g->detached = g->gone = g->physical = g->owed = g->swbreak = g->hwbreak = false;
    g->state = GDB_IDLE;
    g->waiting_count = g->out_count = 0;
    g->sstep = GDB_SSTEP_DEFAULT;
    g->range_low = g->range_high = 0;
    snprintf(g->stop_reply, sizeof(g->stop_reply), "T05thread:1;");
    control_stop(g->control); /* nothing is answered before it stands */
}

void gdb_disconnected(struct gdb *g)
{
    g->connected = g->owed = false;
    g->waiting_count = 0;
    gdb_points_clear(g);
}

bool gdb_detached(const struct gdb *g) { return g->detached || g->gone; }

/* ---- Running and stopping ---- */

void gdb_let_go(struct gdb *g, bool step)
{
    g->owed = true;
    if (step && g->sstep & GDB_SSTEP_NOIRQ)
        cpu_hold_interrupts(g->cpu);
    control_go(g->control, step ? 1 : 0);
}

static u64 linear_pc(struct gdb *g)
{
    struct cpu_state s;

    cpu_get_state(g->cpu, &s);
    return cpu_mode(g->cpu) == MODE_LONG64 ? s.rip : (u32)(s.rip + s.seg[SEG_CS].base);
}

/* The signal by which a program would be told of an exception. */
static unsigned signal_of(const struct cpu_event *e)
{
    static const u8 signal[] = {8, 5, 5, 5, 11, 11, 4, 8, 6, 11, 11, 11, 11, 11, 11, 5, 8, 7, 6, 8};

    return e->kind <= EVENT_ABORT && e->vector < sizeof(signal) ? signal[e->vector] : 5;
}

static unsigned stop_reason(struct gdb *g, enum control_why why, char *reason, size_t size)
{
    const struct cpu_break *b = cpu_broke(g->cpu);
    const struct gdb_point *p;

    if (why == CONTROL_ASKED)
        return g->owed ? 2 : 5;
    if (why == CONTROL_END)
        return 6;
    if (why != CONTROL_BREAK)
        return 5;
    if (b->kind == CPU_BREAK_EVENT)
        return signal_of(&b->event);
    p = gdb_point_find(g, &b->point);
    if (b->kind == CPU_BREAK_ACCESS && p)
        snprintf(reason, size, "%s:%llx;",
                 p->type == 2   ? "watch"
                 : p->type == 3 ? "rwatch"
                                : "awatch",
                 (unsigned long long)b->address);
    else if (b->kind == CPU_BREAK_POINT && p && (p->type ? g->hwbreak : g->swbreak))
        snprintf(reason, size, p->type ? "hwbreak:;" : "swbreak:;");
    return 5;
}

/* Some registers are told with the stop, so that gdb need not ask: bp, sp, pc. */
static void make_stop_reply(struct gdb *g, unsigned signal, const char *reason)
{
    const unsigned wide[] = {6, 7, 16}, narrow[] = {5, 4, 8};
    struct text t = TEXT_OVER(g->stop_reply);
    struct target_view v;
    char number[8];

    snprintf(number, sizeof(number), "T%02x", signal);
    text_string(&t, number);
    target_look(&v, g->cpu);
    for (unsigned i = 0; i < 3; i++) {
        unsigned n = g->target.narrow ? narrow[i] : wide[i];
        u8 value[TARGET_VALUE];

        target_read(&g->target, &v, n, value);
        snprintf(number, sizeof(number), "%02x:", n);
        text_string(&t, number);
        text_hex_bytes(&t, value, g->target.reg[n].bytes);
        text_char(&t, ';');
    }
    text_string(&t, "thread:1;");
    text_string(&t, reason);
    text_end(&t);
}

static void tell_why(struct gdb *g, enum control_why why)
{
    const struct cpu_break *b = cpu_broke(g->cpu);
    char line[512];
    struct text t = TEXT_OVER(line);

    if (why == CONTROL_END)
        text_string(&t, "faultline: the guest has come to its end: a triple fault, or a HLT that nothing can end\n");
    else if (why == CONTROL_BREAK && b->kind == CPU_BREAK_EVENT)
        catches_tell(&g->catches, &t);
    else if (why == CONTROL_BREAK && !gdb_point_find(g, &b->point))
        catches_tell_point(b, &t);
    else
        return;
    text_end(&t);
    gdb_console(g, line);
}

void gdb_stopped(struct gdb *g, enum control_why why)
{
    char reason[64] = "";
    unsigned signal;

    if (!g->connected)
        return;
    if (g->owed && why == CONTROL_STEP && g->range_high > g->range_low) {
        u64 at = linear_pc(g);

        if (at >= g->range_low && at < g->range_high) {
            gdb_let_go(g, true);
            return;
        }
    }
    signal = stop_reason(g, why, reason, sizeof(reason));
    make_stop_reply(g, signal, reason);
    if (g->owed) {
        tell_why(g, why);
        gdb_reply(g, g->stop_reply);
    }
    g->owed = false;
    g->range_low = g->range_high = 0;
    take_waiting(g);
}

void gdb_ended(struct gdb *g, int exit_code)
{
    char text[8];

    if (!g->connected || !g->owed)
        return;
    snprintf(text, sizeof(text), "W%02x", (unsigned)exit_code & 0xff);
    gdb_reply(g, text);
    g->owed = false;
}

/* SPDX-License-Identifier: MIT */
/* Devices of one register: system control port A, reset control, POST, debug console, debug exit, "Shutdown". */
#include "devices/devices.h"

#include <stdlib.h>

static void tell(struct tell t, u32 value)
{
    if (t.fn)
        t.fn(t.ctx, value);
}

/* ---- System control port A ---- */

enum { PORT92_FAST_RESET = 0x01, PORT92_A20 = 0x02 };

struct port92 {
    struct wire a20, reset;
    u8 value;
};

struct port92 *port92_create(struct wire a20, struct wire reset)
{
    struct port92 *p = calloc(1, sizeof(*p));

    if (!p)
        return NULL;
    p->a20 = a20;
    p->reset = reset;
    port92_reset(p);
    return p;
}

/* The gate is open after reset: a processor that masks bit 20 could not fetch its reset vector. */
void port92_reset(struct port92 *p) { p->value = PORT92_A20; }

void port92_destroy(struct port92 *p) { free(p); }

void port92_a20_is(struct port92 *p, bool enabled)
{
    p->value = (u8)((p->value & ~PORT92_A20) | (enabled ? PORT92_A20 : 0));
}

static u64 port92_read(void *device, u64 offset, unsigned width)
{
    struct port92 *p = device;

    (void)offset;
    (void)width;
    return p->value;
}

static void port92_write(void *device, u64 offset, u64 value, unsigned width)
{
    struct port92 *p = device;
    bool rise = (value & PORT92_FAST_RESET) && !(p->value & PORT92_FAST_RESET);

    (void)offset;
    (void)width;
    p->value = (u8)value;
    wire_set(p->a20, value & PORT92_A20);
    if (rise)
        wire_set(p->reset, true);
}

const struct region_ops port92_ops = {port92_read, port92_write, 1, 1, "system control port A"};

/* ---- Reset control (82371SB PIIX3, "RC - Reset Control Register") ---- */

enum { RC_SYSTEM = 0x02, RC_CPU = 0x04, RC_FULL = 0x08 };

struct reset_control {
    struct wire reset;
    u8 value;
};

struct reset_control *reset_control_create(struct wire reset)
{
    struct reset_control *r = calloc(1, sizeof(*r));

    if (!r)
        return NULL;
    r->reset = reset;
    return r;
}

void reset_control_reset(struct reset_control *r) { r->value = 0; }

void reset_control_destroy(struct reset_control *r) { free(r); }

static u64 reset_control_read(void *device, u64 offset, unsigned width)
{
    struct reset_control *r = device;

    (void)offset;
    (void)width;
    return r->value;
}

/* The transition of RCPU from 0 to 1 starts the reset; soft or hard by SRST, one and the same here. */
static void reset_control_write(void *device, u64 offset, u64 value, unsigned width)
{
    struct reset_control *r = device;
    bool rise = (value & RC_CPU) && !(r->value & RC_CPU);

    (void)offset;
    (void)width;
    r->value = value & (RC_SYSTEM | RC_CPU | RC_FULL);
    if (rise)
        wire_set(r->reset, true);
}

const struct region_ops reset_control_ops = {reset_control_read, reset_control_write, 1, 1, "reset control"};

/* ---- Coprocessor error (82371SB PIIX3, "Coprocessor Error Register") ---- */

struct fpu_error {
    struct wire irq, ignne;
    bool ferr;
};

struct fpu_error *fpu_error_create(struct wire irq, struct wire ignne)
{
    struct fpu_error *e = calloc(1, sizeof(*e));

    if (!e)
        return NULL;
    e->irq = irq;
    e->ignne = ignne;
    return e;
}

void fpu_error_reset(struct fpu_error *e)
{
    wire_set(e->irq, false);
    wire_set(e->ignne, false);
}

void fpu_error_destroy(struct fpu_error *e) { free(e); }

/* FERR# latches the interrupt, and gates IGNNE#. */
void fpu_error_ferr(struct fpu_error *e, bool level)
{
    bool rise = level && !e->ferr;

    e->ferr = level;
    if (rise)
        wire_set(e->irq, true);
    if (!level)
        wire_set(e->ignne, false);
}

static u64 fpu_error_read(void *device, u64 offset, unsigned width)
{
    (void)device;
    (void)offset;
    (void)width;
    return 0xFF;
}

/* Any value. IGNNE# is asserted only while FERR# is. */
static void fpu_error_write(void *device, u64 offset, u64 value, unsigned width)
{
    struct fpu_error *e = device;

    (void)offset;
    (void)value;
    (void)width;
    wire_set(e->irq, false);
    if (e->ferr)
        wire_set(e->ignne, true);
}

const struct region_ops fpu_error_ops = {fpu_error_read, fpu_error_write, 1, 1, "x87 error"};

/* ---- POST codes ---- */

struct post {
    struct tell tell;
    u8 last;
};

struct post *post_create(struct tell t)
{
    struct post *p = calloc(1, sizeof(*p));

    if (!p)
        return NULL;
    p->tell = t;
    return p;
}

void post_reset(struct post *p) { p->last = 0; }

void post_destroy(struct post *p) { free(p); }

static u64 post_read(void *device, u64 offset, unsigned width)
{
    struct post *p = device;

    (void)offset;
    (void)width;
    return p->last;
}

static void post_write(void *device, u64 offset, u64 value, unsigned width)
{
    struct post *p = device;

    (void)offset;
    (void)width;
    p->last = (u8)value;
    tell(p->tell, (u8)value);
}

const struct region_ops post_ops = {post_read, post_write, 1, 1, "POST code"};

/* ---- Debug console ---- */

struct debugcon {
    struct tell tell;
};

struct debugcon *debugcon_create(struct tell t)
{
    struct debugcon *d = calloc(1, sizeof(*d));

    if (!d)
        return NULL;
    d->tell = t;
    return d;
}

void debugcon_reset(struct debugcon *d) { (void)d; }

void debugcon_destroy(struct debugcon *d) { free(d); }

static u64 debugcon_read(void *device, u64 offset, unsigned width)
{
    (void)device;
    (void)offset;
    (void)width;
    return 0xE9;
}

static void debugcon_write(void *device, u64 offset, u64 value, unsigned width)
{
    struct debugcon *d = device;

    (void)offset;
    (void)width;
    tell(d->tell, (u8)value);
}

const struct region_ops debugcon_ops = {debugcon_read, debugcon_write, 1, 1, "debug console"};

/* ---- Debug exit ---- */

struct debug_exit {
    struct tell tell;
};

struct debug_exit *debug_exit_create(struct tell t)
{
    struct debug_exit *d = calloc(1, sizeof(*d));

    if (!d)
        return NULL;
    d->tell = t;
    return d;
}

void debug_exit_reset(struct debug_exit *d) { (void)d; }

void debug_exit_destroy(struct debug_exit *d) { free(d); }

static u64 debug_exit_read(void *device, u64 offset, unsigned width)
{
    (void)device;
    (void)offset;
    (void)width;
    return 0;
}

static void debug_exit_write(void *device, u64 offset, u64 value, unsigned width)
{
    struct debug_exit *d = device;

    (void)offset;
    (void)width;
    tell(d->tell, (u32)value);
}

const struct region_ops debug_exit_ops = {debug_exit_read, debug_exit_write, 1, 4, "isa-debug-exit"};

/* ---- The Bochs shutdown port ---- */

struct shutdown_port {
    struct tell tell;
    u8 matched; /* characters of the text seen in a row */
};

static const char shutdown_text[] = "Shutdown";

struct shutdown_port *shutdown_port_create(struct tell t)
{
    struct shutdown_port *s = calloc(1, sizeof(*s));

    if (!s)
        return NULL;
    s->tell = t;
    return s;
}

void shutdown_port_reset(struct shutdown_port *s) { s->matched = 0; }

void shutdown_port_destroy(struct shutdown_port *s) { free(s); }

static u64 shutdown_port_read(void *device, u64 offset, unsigned width)
{
    (void)device;
    (void)offset;
    (void)width;
    return 0xFF;
}

static void shutdown_port_write(void *device, u64 offset, u64 value, unsigned width)
{
    struct shutdown_port *s = device;

    (void)offset;
    (void)width;
    if ((u8)value == (u8)shutdown_text[s->matched])
        s->matched++;
    else
        s->matched = (u8)value == (u8)shutdown_text[0];
    if (s->matched == sizeof(shutdown_text) - 1) {
        s->matched = 0;
        tell(s->tell, 1);
    }
}

const struct region_ops shutdown_port_ops = {shutdown_port_read, shutdown_port_write, 1, 1, "shutdown port"};

/* ---- State ---- */

static const struct state_field port92_fields[] = {
    STATE_WIRED(port92, a20),
    STATE_WIRED(port92, reset),
    STATE_ANY(port92, value),
};
static const struct state_table port92_table = STATE_TABLE(port92, port92_fields);

void port92_state(struct port92 *d, struct state *s) { state_struct(s, &port92_table, d); }

static const struct state_field reset_control_fields[] = {
    STATE_WIRED(reset_control, reset),
    STATE_ANY(reset_control, value),
};
static const struct state_table reset_control_table = STATE_TABLE(reset_control, reset_control_fields);

void reset_control_state(struct reset_control *d, struct state *s) { state_struct(s, &reset_control_table, d); }

static const struct state_field fpu_error_fields[] = {
    STATE_WIRED(fpu_error, irq),
    STATE_WIRED(fpu_error, ignne),
    STATE_BOOL(fpu_error, ferr),
};
static const struct state_table fpu_error_table = STATE_TABLE(fpu_error, fpu_error_fields);

void fpu_error_state(struct fpu_error *d, struct state *s) { state_struct(s, &fpu_error_table, d); }

static const struct state_field post_fields[] = {
    STATE_WIRED(post, tell),
    STATE_ANY(post, last),
};
static const struct state_table post_table = STATE_TABLE(post, post_fields);

void post_state(struct post *d, struct state *s) { state_struct(s, &post_table, d); }

static const struct state_field shutdown_port_fields[] = {
    STATE_WIRED(shutdown_port, tell),
    STATE_UPTO(shutdown_port, matched, sizeof(shutdown_text) - 2),
};
static const struct state_table shutdown_port_table = STATE_TABLE(shutdown_port, shutdown_port_fields);

void shutdown_port_state(struct shutdown_port *d, struct state *s) { state_struct(s, &shutdown_port_table, d); }

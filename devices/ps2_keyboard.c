/* SPDX-License-Identifier: MIT */
/* An MF2 keyboard (IBM PS/2 Technical Reference, "Keyboards (101- and 102-Key)"): three scan code sets, typematic. */
#include "devices/ps2.h"

#include <stdlib.h>
#include <string.h>

enum { ACK = 0xFA, RESEND = 0xFE, BAT_OK = 0xAA, ECHO = 0xEE };
enum { FIRST_COMMAND = 0xED, DEFAULT_RATE = 0x2B };
enum { KEY_PRINT = 0xB7, KEY_PAUSE = 0xC6, KEY_CTRL = 0x1D, KEY_ALT = 0x38, KEY_SHIFT = 0x2A, KEY_SHIFT_R = 0x36 };
enum { TYPEMATIC = 'T', MAKE_BREAK = 'B', MAKE_ONLY = 'M' };
#define EXTENDED 0x80u /* of a key's number: E0 goes before it */
#define PAUSE_LENGTH 8u

struct key {
    u8 set2, set3;
    char kind;
};

static const struct key keys[256] = {
#define KEY(name, number, set2, set3, kind) [number] = {set2, set3, kind},
#include "devices/keys.def"
#undef KEY
};

struct ps2_keyboard {
    struct clock *clock;
    struct wire ready;
    struct timer repeat;
    struct ps2_queue queue;
    u8 last;    /* the last byte sent, for resend */
    u8 pending; /* the command that awaits its parameter, 0 if none */
    u8 scan_set, leds, rate;
    bool scanning;
    bool overrun;   /* the queue was full: its last place says so */
    u8 repeating;   /* the key held down last, 0 if none */
    bool down[256]; /* by key */
    char kind[256]; /* in set 3, by its code */
};

bool ps2_put(struct ps2_queue *q, u8 byte)
{
    if (q->count == PS2_QUEUE)
        return false;
    q->byte[(q->first + q->count++) % PS2_QUEUE] = byte;
    return true;
}

bool ps2_take(struct ps2_queue *q, u8 *byte)
{
    if (!q->count)
        return false;
    *byte = q->byte[q->first];
    q->first = (q->first + 1) % PS2_QUEUE;
    q->count--;
    return true;
}

static void answer(struct ps2_keyboard *k, u8 byte)
{
    ps2_put(&k->queue, byte);
    wire_set(k->ready, true);
}

/* ---- Scan codes ---- */

/* What a key says goes out whole or not at all; the last place of the queue is for the overrun code. */
static void say(struct ps2_keyboard *k, const u8 *bytes, unsigned count)
{
    if (k->queue.count + count >= PS2_QUEUE) {
        if (!k->overrun)
            ps2_put(&k->queue, k->scan_set == 1 ? 0xFF : 0x00);
        k->overrun = true;
    } else {
        for (unsigned i = 0; i < count; i++)
            ps2_put(&k->queue, bytes[i]);
    }
    wire_set(k->ready, true);
}

static bool control_down(const struct ps2_keyboard *k) { return k->down[KEY_CTRL] || k->down[KEY_CTRL | EXTENDED]; }
static bool alt_down(const struct ps2_keyboard *k) { return k->down[KEY_ALT] || k->down[KEY_ALT | EXTENDED]; }

/* A code with its prefixes, as sets 1 and 2 write make and break. */
static unsigned put_code(const struct ps2_keyboard *k, u8 *to, u8 key, bool down)
{
    unsigned n = 0;

    if (key & EXTENDED)
        to[n++] = 0xE0;
    if (k->scan_set == 1) {
        to[n++] = (u8)((key & 0x7F) | (down ? 0 : 0x80));
        return n;
    }
    if (!down)
        to[n++] = 0xF0;
    to[n++] = keys[keys[key].set2 ? key : key & 0x7F].set2; /* the shift that is not there has no row */
    return n;
}

/* Pause says make and break at once, and has codes of its own; with control it is Break. */
static void say_pause(struct ps2_keyboard *k)
{
    static const u8 pause[2][PAUSE_LENGTH] = {{0xE1, 0x1D, 0x45, 0xE1, 0x9D, 0xC5},
                                              {0xE1, 0x14, 0x77, 0xE1, 0xF0, 0x14, 0xF0, 0x77}};
    static const u8 stop[2][5] = {{0xE0, 0x46, 0xE0, 0xC6}, {0xE0, 0x7E, 0xE0, 0xF0, 0x7E}};
    bool set2 = k->scan_set == 2;

    if (control_down(k))
        say(k, stop[set2], set2 ? 5 : 4);
    else
        say(k, pause[set2], set2 ? 8 : 6);
}

/* Print Screen comes with a shift that is not there, unless one of shift and control is; with Alt it is SysRq. */
static void say_print(struct ps2_keyboard *k, bool down)
{
    u8 bytes[8];
    unsigned n = 0;
    bool plain = !control_down(k) && !k->down[KEY_SHIFT] && !k->down[KEY_SHIFT_R];

    if (alt_down(k)) {
        n = put_code(k, bytes, 0x54, down);
    } else {
        if (plain && down)
            n = put_code(k, bytes, KEY_SHIFT | EXTENDED, true);
        n += put_code(k, bytes + n, KEY_PRINT, down);
        if (plain && !down)
            n += put_code(k, bytes + n, KEY_SHIFT | EXTENDED, false);
    }
    say(k, bytes, n);
}

static void say_key(struct ps2_keyboard *k, u8 key, bool down)
{
    u8 bytes[8];

    if (k->scan_set == 3) {
        const u8 codes[2] = {0xF0, keys[key].set3};

        if (down)
            say(k, codes + 1, 1);
        else if (k->kind[keys[key].set3] != MAKE_ONLY && k->kind[keys[key].set3] != TYPEMATIC)
            say(k, codes, 2);
    } else if (key == KEY_PAUSE) {
        if (down)
            say_pause(k);
    } else if (key == KEY_PRINT) {
        say_print(k, down);
    } else {
        say(k, bytes, put_code(k, bytes, key, down));
    }
}

/* ---- Typematic ---- */

/* "Set Typematic Rate/Delay": (1 + delay) quarters of a second, then every (8 + A) * 2^B / 240 s. */
static u64 first_delay(const struct ps2_keyboard *k) { return (1 + (k->rate >> 5 & 3u)) * (CLOCK_SECOND / 4); }
static u64 next_delay(const struct ps2_keyboard *k)
{
    return ((u64)(8 + (k->rate & 7)) << (k->rate >> 3 & 3)) * CLOCK_SECOND / 240;
}

static bool repeats(const struct ps2_keyboard *k, u8 key)
{
    char kind = k->kind[keys[key].set3];

    return k->scan_set == 3 ? kind == TYPEMATIC || kind == 'A' : key != KEY_PAUSE;
}

static void repeat_due(void *device, u64 now)
{
    struct ps2_keyboard *k = device;

    if (!k->scanning || !k->repeating)
        return;
    if (!k->queue.count) /* a system that does not read gets no pile of them */
        say_key(k, k->repeating, true);
    clock_arm(k->clock, &k->repeat, now + next_delay(k));
}

void ps2_keyboard_key(struct ps2_keyboard *k, u8 key, bool down)
{
    if (!keys[key].set3 || k->down[key] == down)
        return;
    k->down[key] = down;
    if (!k->scanning)
        return;
    say_key(k, key, down);
    if (down && repeats(k, key)) {
        k->repeating = key;
        clock_arm(k->clock, &k->repeat, clock_now(k->clock) + first_delay(k));
    } else if (down || key == k->repeating) {
        k->repeating = 0;
        clock_disarm(k->clock, &k->repeat);
    }
}

/* ---- Commands ---- */

static void clear(struct ps2_keyboard *k)
{
    k->queue.count = 0;
    k->overrun = false;
    k->repeating = 0;
    clock_disarm(k->clock, &k->repeat);
}

static void set_defaults(struct ps2_keyboard *k)
{
    k->scan_set = 2;
    k->rate = DEFAULT_RATE;
    k->leds = 0;
    for (unsigned i = 0; i < 256; i++)
        if (keys[i].set3)
            k->kind[keys[i].set3] = keys[i].kind;
}

/* F7..FA: all keys; FB..FD: those whose set 3 codes follow. Typematic keys of FA have break codes too. */
static char kind_of_command(u8 command)
{
    static const char kinds[] = {TYPEMATIC, MAKE_BREAK, MAKE_ONLY, 'A', TYPEMATIC, MAKE_BREAK, MAKE_ONLY};

    return kinds[command - 0xF7];
}

static void parameter(struct ps2_keyboard *k, u8 command, u8 v)
{
    answer(k, ACK);
    k->pending = 0;
    if (command == 0xED) {
        k->leds = v & 7;
    } else if (command == 0xF3) {
        k->rate = v & 0x7F;
    } else if (command >= 0xFB) {
        k->kind[v] = kind_of_command(command);
        k->pending = command; /* until a command comes */
    } else if (v == 0) {
        answer(k, k->scan_set);
    } else if (v <= 3) {
        k->scan_set = v;
    }
}

static void command(struct ps2_keyboard *k, u8 v)
{
    switch (v) {
    case ECHO: answer(k, ECHO); return;
    case 0xEF:
    case 0xF1: answer(k, RESEND); return;
    default: answer(k, ACK);
    }
    switch (v) {
    case 0xED:
    case 0xF0:
    case 0xF3: k->pending = v; break;
    case 0xF2:
        answer(k, 0xAB);
        answer(k, 0x83);
        break;
    case 0xF4: k->scanning = true; break;
    case 0xF5:
    case 0xF6:
        set_defaults(k);
        k->scanning = v == 0xF6;
        break;
    case 0xF7:
    case 0xF8:
    case 0xF9:
    case 0xFA: memset(k->kind, kind_of_command(v), sizeof(k->kind)); break;
    case 0xFB:
    case 0xFC:
    case 0xFD:
        k->pending = v;
        k->scanning = false;
        break;
    default: /* FF */
        set_defaults(k);
        k->scanning = true;
        answer(k, BAT_OK);
    }
}

/* A byte from the system ends what the keyboard was about to send. */
static void receive(void *device, u8 v)
{
    struct ps2_keyboard *k = device;
    u8 pending = k->pending;

    if (v == RESEND) {
        answer(k, k->last);
        return;
    }
    clear(k);
    if (pending && v < FIRST_COMMAND) {
        parameter(k, pending, v);
        return;
    }
    k->pending = 0;
    if (v >= FIRST_COMMAND)
        command(k, v);
    else
        answer(k, RESEND);
}

static bool take(void *device, u8 *byte)
{
    struct ps2_keyboard *k = device;

    if (!ps2_take(&k->queue, byte))
        return false;
    k->last = *byte;
    k->overrun = k->overrun && k->queue.count;
    return true;
}

static bool listens(const void *device) { return ((const struct ps2_keyboard *)device)->scanning; }

struct ps2_device ps2_keyboard_device(struct ps2_keyboard *k) { return (struct ps2_device){receive, take, listens, k}; }

bool ps2_keyboard_has_room(const struct ps2_keyboard *k) { return k->queue.count + PAUSE_LENGTH < PS2_QUEUE; }

unsigned ps2_keyboard_leds(const struct ps2_keyboard *k) { return k->leds; }

/* ---- Life ---- */

void ps2_keyboard_reset(struct ps2_keyboard *k)
{
    clear(k);
    set_defaults(k);
    k->pending = k->last = 0;
    k->scanning = true;
}

struct ps2_keyboard *ps2_keyboard_create(struct clock *clock, struct wire ready)
{
    struct ps2_keyboard *k = calloc(1, sizeof(*k));

    if (!k)
        return NULL;
    k->clock = clock;
    k->ready = ready;
    k->repeat = timer_make(repeat_due, k);
    ps2_keyboard_reset(k);
    return k;
}

void ps2_keyboard_destroy(struct ps2_keyboard *k)
{
    if (!k)
        return;
    clock_disarm(k->clock, &k->repeat);
    free(k);
}

/* ---- State ---- */

static const struct state_field queue_fields[] = {
    STATE_ANY(ps2_queue, byte),
    STATE_UPTO(ps2_queue, first, PS2_QUEUE - 1),
    STATE_UPTO(ps2_queue, count, PS2_QUEUE),
};
const struct state_table ps2_queue_table = STATE_TABLE(ps2_queue, queue_fields);

static const struct state_field fields[] = {
    STATE_WIRED(ps2_keyboard, clock),
    STATE_WIRED(ps2_keyboard, ready),
    STATE_TIMER(ps2_keyboard, repeat),
    STATE_STRUCT(ps2_keyboard, queue, &ps2_queue_table),
    STATE_ANY(ps2_keyboard, last),
    STATE_ANY(ps2_keyboard, pending),
    STATE_RANGE(ps2_keyboard, scan_set, 1, 3),
    STATE_ANY(ps2_keyboard, leds),
    STATE_ANY(ps2_keyboard, rate),
    STATE_BOOL(ps2_keyboard, scanning),
    STATE_BOOL(ps2_keyboard, overrun),
    STATE_ANY(ps2_keyboard, repeating),
    STATE_BOOL(ps2_keyboard, down),
    STATE_ANY(ps2_keyboard, kind),
};
static const struct state_table table = STATE_TABLE(ps2_keyboard, fields);

void ps2_keyboard_state(struct ps2_keyboard *k, struct state *s) { state_struct(s, &table, k); }

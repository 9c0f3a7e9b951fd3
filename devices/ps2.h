/* SPDX-License-Identifier: MIT */
/*
 * What can be plugged into a PS/2 port: a keyboard and a wheel mouse. A device hears bytes, and has bytes to send,
 * which the port takes one by one. `ready` rises whenever there is something to take.
 */
#ifndef FAULTLINE_DEVICES_PS2_H
#define FAULTLINE_DEVICES_PS2_H

#include "devices/clock.h"
#include "devices/irq.h"

#define PS2_QUEUE 16u

struct ps2_queue {
    u8 byte[PS2_QUEUE];
    unsigned first, count;
};
extern const struct state_table ps2_queue_table;
bool ps2_put(struct ps2_queue *, u8 byte); /* false if it was full */
bool ps2_take(struct ps2_queue *, u8 *byte);

struct ps2_device {
    void (*receive)(void *device, u8 byte);
    bool (*take)(void *device, u8 *byte); /* false: nothing to send */
    /* Its user may do something that makes it send: input from outside, where there is any, is worth waiting for. */
    bool (*listens)(const void *device);
    void *device;
};

/* Keys are numbered as in keys.def. */
struct ps2_keyboard;
struct ps2_keyboard *ps2_keyboard_create(struct clock *, struct wire ready);
void ps2_keyboard_reset(struct ps2_keyboard *);
void ps2_keyboard_destroy(struct ps2_keyboard *);
void ps2_keyboard_state(struct ps2_keyboard *, struct state *);
void ps2_keyboard_key(struct ps2_keyboard *, u8 key, bool down); /* unknown keys, and no change, are ignored */
bool ps2_keyboard_has_room(const struct ps2_keyboard *);         /* for what any key says, without an overrun */
unsigned ps2_keyboard_leds(const struct ps2_keyboard *);         /* bits: scroll, num, caps */
struct ps2_device ps2_keyboard_device(struct ps2_keyboard *);

enum { PS2_LEFT = 1, PS2_RIGHT = 2, PS2_MIDDLE = 4, PS2_BUTTON4 = 8, PS2_BUTTON5 = 16 };
struct ps2_mouse;
struct ps2_mouse *ps2_mouse_create(struct clock *, struct wire ready);
void ps2_mouse_reset(struct ps2_mouse *);
void ps2_mouse_destroy(struct ps2_mouse *);
void ps2_mouse_state(struct ps2_mouse *, struct state *);
/* Moved by counts to the right and down, wheel turned towards the user; buttons as they are now. */
void ps2_mouse_move(struct ps2_mouse *, int dx, int dy, int wheel, unsigned buttons);
bool ps2_mouse_has_reported(const struct ps2_mouse *); /* its buttons, so that they may change again unlost */
struct ps2_device ps2_mouse_device(struct ps2_mouse *);

#endif

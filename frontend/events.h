/* SPDX-License-Identifier: MIT */
/*
 * What comes from outside while a guest runs: keys, mouse, bytes for the serial line, buttons. Each event strikes at an
 * exact moment of guest time; events can be recorded, and replayed at the same moments.
 *
 * A recording is text. Two lines of head, then one line an event, in order:
 *
 *     faultline-input 2
 *     options HASH listening 0|1          HASH of the options that matter to the guest, 16 hex digits
 *     ICOUNT NS key NAME down|up          instructions retired and guest nanoseconds, decimal; NAME is a sendkey name
 *     ICOUNT NS mouse DX DY WHEEL BUTTONS counts right, down, towards the user; BUTTONS: 1 left 2 right 4 middle 8 16
 *     ICOUNT NS serial HEX | serial end   one byte, or: no byte will ever come
 *     ICOUNT NS reset
 *     ICOUNT NS power                     the ACPI power button
 *     ICOUNT NS media DRIVE HASH PATH     another medium in ide1-cd0, floppy0 ..; HASH of the file's size and time,
 *                                         16 hex digits; PATH goes to the end of the line
 *     ICOUNT NS eject DRIVE               ... or none
 *     ICOUNT NS end CHECK                 the run's end, and FNV-1a of all bytes before CHECK, 16 hex digits
 */
#ifndef FAULTLINE_FRONTEND_EVENTS_H
#define FAULTLINE_FRONTEND_EVENTS_H

#include <stdio.h>

#include "devices/machine.h"

#define EVENTS_PENDING 4096u

enum event_kind { EVENT_KEY, EVENT_MOUSE, EVENT_SERIAL, EVENT_RESET, EVENT_POWER, EVENT_MEDIA, EVENT_END };

struct input_event {
    enum event_kind kind;
    u64 icount, ns;
    u8 key, buttons;
    bool down;
    s32 dx, dy, wheel;
    int byte;       /* -1: the line has ended */
    char drive[16]; /* "ide1-cd0"; before it strikes also "", whichever fits, and "cd" and "floppy", the first */
    char *path;     /* owned; NULL: none, the medium is taken out */
    u64 medium;     /* what tells the file from another of that name; before it strikes 0, any */
};

struct events {
    struct machine *machine;
    void (*serial)(void *ctx, int byte); /* a byte for the serial line; -1: no more will come */
    void *serial_ctx;
    /* Change a medium, and enter in the event which drive and medium it was. False with one line in `why` if it cannot
     * be; nothing has changed then. NULL: there is no drive. */
    bool (*media)(void *ctx, struct input_event *, char *why, size_t size);
    void *media_ctx;
    char said[256]; /* what came of the last change, in words, */
    unsigned says;  /* and how many there were */
    struct timer prepare, apply;
    struct input_event pending[EVENTS_PENDING]; /* a ring */
    unsigned first, count;
    unsigned stalled; /* polls that a key has waited for room in the keyboard */
    /* recording */
    FILE *record;
    const char *name; /* of the file recorded to or replayed */
    u64 check;
    bool failed; /* it cannot be written, or the replay went another way: said once */
    /* replaying */
    bool replaying;
    struct input_event *script;
    size_t length, next;
    char *paste; /* text still to be typed; owned */
    size_t pasted;
    u64 paste_at; /* guest time of the next stroke */
};

u64 events_hash(u64 hash, const void *bytes, size_t size); /* FNV-1a; begin with EVENTS_HASH */
#define EVENTS_HASH 0xCBF29CE484222325ull

void events_init(struct events *);
/* `listening`: somebody is at keyboard and mouse. False with one line in `why`. */
bool events_record(struct events *, const char *path, u64 options, bool listening, char *why, size_t size);
/* Reads and checks all of it. `listening` is what the recording says. */
bool events_replay(struct events *, const char *path, u64 options, bool *listening, char *why, size_t size);
void events_attach(struct events *, struct machine *);
/* A replay that goes on from a saved state, in which so many events have struck. False if they cannot have. */
bool events_skip(struct events *, u64 struck);
/* Writes the end of a recording. False if it could not be written, or a replay failed (said on stderr). */
bool events_finish(struct events *, u64 icount, u64 ns);
void events_free(struct events *);

/* From whoever listens. They wait for events_poll, and are dropped while replaying and where too many wait. */
void events_key(struct events *, unsigned key, bool down);
void events_mouse(struct events *, int dx, int dy, int wheel, unsigned buttons);
void events_serial(struct events *, int byte);
void events_reset(struct events *);
void events_power(struct events *);                                      /* the power button */
void events_media(struct events *, const char *drive, const char *path); /* path NULL: take it out */
void events_type(struct events *, const char *text); /* as keystrokes, some fifty characters a second */
void events_stroke(struct events *, int key_with);   /* press and release, as keys_for_character says */
bool events_are_waiting(const struct events *);

/* From a timer: what waits strikes at the next nanosecond of guest time. */
void events_poll(struct events *, u64 now);

#endif

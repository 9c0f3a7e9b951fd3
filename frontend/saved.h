/* SPDX-License-Identifier: MIT */
/*
 * States of a run as files: what the machine is made of, what it ran, how far its input was read, and the machine. A
 * state suffices to go on: options on the command line may say the same as it, or leave it to it.
 */
#ifndef FAULTLINE_FRONTEND_SAVED_H
#define FAULTLINE_FRONTEND_SAVED_H

#include "devices/machine_state.h"
#include "devices/state_file.h"
#include "frontend/console.h"
#include "frontend/drives.h"
#include "frontend/events.h"
#include "frontend/options.h"
#include "frontend/watch.h"

#define SAVED_PATH 4096

/* The parts of a run that a state has to do with. `console` (to be saved, and to replace a state, not to attach one)
 * and `events` may be NULL. */
struct saved_run {
    const struct options *o;
    struct machine *machine;
    struct console *console;
    struct events *events;
    struct watch *watch;
};

/* A drive as it was given, and where it was then. */
struct saved_drive {
    bool used, cdrom, read_only, snapshot, raw;
    char file[SAVED_PATH], place[SAVED_PATH];
};

/* What a run was asked to do, beside the machine's configuration. Empty: not given. */
struct saved_options {
    bool demo, bios_none, no_reboot;
    char image[SAVED_PATH], kernel[SAVED_PATH], initrd[SAVED_PATH], append[SAVED_PATH], rom[SAVED_PATH];
    struct saved_drive drive[MACHINE_DRIVES + MACHINE_FLOPPIES];
};

struct saved_input {
    bool ended;
    u64 taken;   /* bytes read of a file */
    u64 waiting; /* of them, and of others, not yet with the guest */
    u8 bytes[4096];
    u64 replayed; /* events of a recording that have struck */
};

/* A state being loaded; strings that options point to live in it. */
struct saved {
    struct state_file *file;
    struct state state;
    struct machine_saved machine;
    struct saved_options options;
    struct saved_input input;
    const char *path;
};

/* Between runs. False with one line in `why`; what was at `path` before is there still. */
bool saved_write(const struct saved_run *, const char *path, char *why, size_t size);

/* Loading, step by step; each false with one line in `why`. saved_close() in any case. */
bool saved_open(struct saved *, const char *path, char *why, size_t size);
/* Options that were not given become the state's; those that contradict it are refused. */
bool saved_settle(struct saved *, struct options *, char *why, size_t size);
/* The state into a machine made by these options. One that it fails on must be destroyed. */
bool saved_load(struct saved *, const struct saved_run *, char *why, size_t size);
/* Input goes on where it was: before the run, once console and events are attached. */
bool saved_attach(struct saved *, const struct saved_run *, char *why, size_t size);
void saved_close(struct saved *);

/* A state into a machine that has run: false with one line in `why`, and the machine is as it was. */
bool saved_replace(const struct saved_run *, const char *path, char *why, size_t size);

#endif

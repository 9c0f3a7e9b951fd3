/* SPDX-License-Identifier: MIT */
/*
 * A machine saved, loaded, and snapshots of it in memory. All of it happens between runs (machine_run has returned, or
 * was not called yet). A guest that goes on from a state cannot tell: it executes what it would have executed, with the
 * same interrupts at the same counts. Decoded code and what watches the machine are not part of a state.
 */
#ifndef FAULTLINE_DEVICES_MACHINE_STATE_H
#define FAULTLINE_DEVICES_MACHINE_STATE_H

#include "devices/machine.h"
#include "mmu/state.h"

/* What a machine must be made of to take a state. */
struct machine_saved {
    struct machine_config
        config;        /* callbacks and media are the caller's to fill in; cpu_model and vga_rom point below */
    bool has_debugcon; /* somebody listened to the debug console */
    char cpu_model[256];
    u8 *vga_rom;
};

/* The configuration as it stands at the beginning of a state. machine_config_load() is to be followed by
 * machine_saved_free(), also after a failure. */
void machine_config_save(struct machine *, struct state *);
void machine_config_load(struct machine_saved *, struct state *);
void machine_saved_free(struct machine_saved *);
/* Could this machine take such a state? Else the state fails, and says what differs. */
void machine_config_check(struct machine *, const struct machine_saved *, struct state *);

/*
 * All that follows the configuration, saved or loaded. A machine that a load failed on is good for nothing but
 * machine_destroy() and machine_restore(); s->why is one line without the file's name.
 */
void machine_state(struct machine *, struct state *);

/*
 * In memory: some milliseconds whatever the size of RAM, of which pages are copied when the guest first writes to them.
 * Any number; each is freed before the machine. NULL or false with one line in `why`. A disk that is written to itself
 * cannot go back: with one, there is no snapshot.
 */
struct machine_snapshot;
struct machine_snapshot *machine_snapshot(struct machine *, char *why, size_t size);
bool machine_restore(struct machine *, const struct machine_snapshot *, char *why, size_t size);
void machine_snapshot_free(struct machine *, struct machine_snapshot *);

#endif

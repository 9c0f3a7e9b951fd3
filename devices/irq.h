/* SPDX-License-Identifier: MIT */
/* A wire: a value that carries one level to whoever listens. A device that has an interrupt is handed a wire. */
#ifndef FAULTLINE_DEVICES_IRQ_H
#define FAULTLINE_DEVICES_IRQ_H

#include "mmu/base.h"

struct wire {
    void (*set)(void *listener, int line, bool level);
    void *listener;
    int line; /* the listener's name for this wire */
};

/* An unconnected wire (all zero) is allowed and goes nowhere. */
static inline void wire_set(struct wire w, bool level)
{
    if (w.set)
        w.set(w.listener, w.line, level);
}

#endif

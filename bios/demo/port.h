/* SPDX-License-Identifier: MIT */
#ifndef DEMO_PORT_H
#define DEMO_PORT_H

#include "text.h"

static inline void port_write(u16 port, u8 value) { __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port)); }

static inline u8 port_read(u16 port)
{
    u8 value;

    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

#endif

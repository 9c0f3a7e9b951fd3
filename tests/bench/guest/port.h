/* SPDX-License-Identifier: MIT */
#ifndef BENCH_PORT_H
#define BENCH_PORT_H

#include "bench.h"

static inline void port_out(u16 port, u8 value) { __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port)); }

static inline u8 port_in(u16 port)
{
    u8 value;

    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

#endif

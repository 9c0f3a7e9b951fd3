/* SPDX-License-Identifier: MIT */
/* A rough second look at an instruction's bytes, to name a case by: prefixes, opcode, ModRM. */
#ifndef FAULTLINE_TESTS_SCAN_H
#define FAULTLINE_TESTS_SCAN_H

#include "mmu/base.h"

enum {
    P66 = 1,
    P67 = 2,
    PF2 = 4,
    PF3 = 8,
    PLOCK = 16,
    PREX = 32,
    PW = 64,
    PVEX = 128,
    PSEG = 256,
    PVL = 512,
    PMANY = 2048 /* more than one, the REX prefix in its place not counted */,
    PNOBASE = 1024 /* a SIB byte without base, and REX.B or VEX.B */
};

struct scan {
    unsigned prefixes;
    u16 opcode; /* as in struct row */
    u8 modrm;
};

static inline struct scan scan_bytes(unsigned bits, const u8 *b)
{
    struct scan s = {0};
    bool with_b = false;
    unsigned legacy = 0;
    for (const u8 *end = b + 14; b < end; b++) {
        if (*b == 0x66)
            s.prefixes |= P66;
        else if (*b == 0x67)
            s.prefixes |= P67;
        else if (*b == 0xf2 || *b == 0xf3)
            s.prefixes = (s.prefixes & ~(unsigned)(PF2 | PF3)) | (*b == 0xf2 ? PF2 : PF3);
        else if (*b == 0xf0)
            s.prefixes |= PLOCK;
        else if ((*b & 0xe7) == 0x26 || (*b & 0xfe) == 0x64)
            s.prefixes |= PSEG;
        else if (bits != 64 || (*b & 0xf0) != 0x40)
            break;
        legacy++;
        s.prefixes &= ~(unsigned)(PREX | PW);
        with_b = bits == 64 && (*b & 0xf1) == 0x41;
        if (bits == 64 && (*b & 0xf0) == 0x40)
            s.prefixes |= PREX | (*b & 8 ? PW : 0);
    }
    s.prefixes |= legacy - !!(s.prefixes & PREX) > 1 ? PMANY : 0;
    static const u16 maps[] = {0, 0x0f00, 0x3800, 0x3a00};
    if ((*b == 0xc4 || *b == 0xc5) && (bits == 64 || b[1] >= 0xc0)) {
        u8 last = *b == 0xc4 ? b[2] : b[1] & 0x7f;
        unsigned map = *b == 0xc4 ? b[1] & 31 : 1;
        with_b = *b == 0xc4 && !(b[1] & 0x20);
        b += *b == 0xc4 ? 3 : 2;
        s.prefixes |= PVEX | (last & 0x80 ? PW : 0) | (last & 4 ? PVL : 0);
        s.opcode = (u16)((map < 4 ? maps[map] : 0xf000) | *b);
    } else if (*b != 0x0f) {
        s.opcode = *b;
    } else if (b[1] == 0x38 || b[1] == 0x3a) {
        s.opcode = (u16)(b[1] << 8 | b[2]), b += 2;
    } else {
        s.opcode = (u16)(0x0f00 | b[1]), b++;
    }
    s.modrm = b[1];
    if ((s.modrm & 0xc7) == 4 && (b[2] & 7) == 5 && with_b)
        s.prefixes |= PNOBASE;
    return s;
}

#endif

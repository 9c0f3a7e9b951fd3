/* SPDX-License-Identifier: MIT */
#include "frontend/keys.h"

#include <string.h>

static const struct {
    const char *name;
    u8 key;
} names[] = {
#define KEY(name, number, set2, set3, kind) {name, number},
#include "devices/keys.def"
#undef KEY
};

int keys_by_name(const char *name)
{
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (!strcmp(names[i].name, name))
            return names[i].key;
    return -1;
}

const char *keys_name(unsigned key)
{
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (names[i].key == key)
            return names[i].name;
    return NULL;
}

/* USB HID Usage Tables, "Keyboard/Keypad Page": 04h on. */
static const u8 usages[] = {
    0x1E, 0x30, 0x2E, 0x20, 0x12, 0x21, 0x22, 0x23, 0x17, 0x24, 0x25, 0x26, 0x32, 0x31, 0x18, 0x19, 0x10, /* A.. */
    0x13, 0x1F, 0x14, 0x16, 0x2F, 0x11, 0x2D, 0x15, 0x2C,                                                 /* ..Z */
    0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0A, 0x0B,                                           /* 1..0 */
    0x1C, 0x01, 0x0E, 0x0F, 0x39, 0x0C, 0x0D, 0x1A, 0x1B, 0x2B, 0x2B, 0x27, 0x28, 0x29, 0x33, 0x34, 0x35, /* Enter.. */
    0x3A, 0x3B, 0x3C, 0x3D, 0x3E, 0x3F, 0x40, 0x41, 0x42, 0x43, 0x44, 0x57, 0x58,                         /* Caps, F */
    0xB7, 0x46, 0xC6, 0xD2, 0xC7, 0xC9, 0xD3, 0xCF, 0xD1, 0xCD, 0xCB, 0xD0, 0xC8,                         /* PrtSc.. */
    0x45, 0xB5, 0x37, 0x4A, 0x4E, 0x9C, 0x4F, 0x50, 0x51, 0x4B, 0x4C, 0x4D, 0x47, 0x48, 0x49, 0x52, 0x53, /* keypad */
    0x56, 0xDD,
};
static const u8 modifiers[] = {0x1D, 0x2A, 0x38, 0xDB, 0x9D, 0x36, 0xB8, 0xDC}; /* E0h on */

int keys_by_usage(unsigned hid)
{
    if (hid - 0x04u < sizeof(usages))
        return usages[hid - 0x04];
    return hid - 0xE0u < sizeof(modifiers) ? modifiers[hid - 0xE0] : -1;
}

int keys_for_character(unsigned c)
{
    /* By key number from 02: what a US keyboard types without and with shift. */
    static const char plain[] = "1234567890-=\b\tqwertyuiop[]\n\0asdfghjkl;'`\0\\zxcvbnm,./\0\0\0 ";
    static const char shifted[] = "!@#$%^&*()_+\0\0QWERTYUIOP{}\0\0ASDFGHJKL:\"~\0|ZXCVBNM<>?\0\0\0\0";

    if (c == '\r')
        c = '\n';
    if (c == 0x7F)
        c = '\b';
    if (c == 0x1B)
        return 0x01;
    for (unsigned i = 0; c && c < 0x80 && i < sizeof(plain); i++) {
        if (plain[i] == (char)c)
            return (int)i + 2;
        if (shifted[i] == (char)c)
            return (int)(i + 2) | KEYS_WITH_SHIFT;
    }
    if (c >= 1 && c <= 26)
        return keys_for_character(c - 1 + 'a') | KEYS_WITH_CTRL;
    return -1;
}

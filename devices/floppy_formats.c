/* SPDX-License-Identifier: MIT */
/* The formats of PC floppy disks. */
#include "devices/floppy.h"

const struct floppy_format *floppy_format(u64 bytes)
{
    static const struct floppy_format formats[] = {
        {163840, 40, 1, 8, 2, 1},   /* 160K */
        {184320, 40, 1, 9, 2, 1},   /* 180K */
        {327680, 40, 2, 8, 2, 1},   /* 320K */
        {368640, 40, 2, 9, 2, 1},   /* 360K */
        {737280, 80, 2, 9, 2, 4},   /* 720K */
        {1228800, 80, 2, 15, 0, 2}, /* 1.2M */
        {1474560, 80, 2, 18, 0, 4}, /* 1.44M */
        {1720320, 80, 2, 21, 0, 4}, /* DMF */
        {1763328, 82, 2, 21, 0, 4}, /* 1.72M */
        {2949120, 80, 2, 36, 3, 5}, /* 2.88M */
    };

    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
        if (formats[i].bytes == bytes)
            return &formats[i];
    return NULL;
}

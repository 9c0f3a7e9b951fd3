/* SPDX-License-Identifier: MIT */
#include "frontend/screenshot.h"

#include <errno.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The simplified interface returns errors; the full one would jump. Pixels are B, G, R, 0 in memory. */
bool screenshot_write(const struct surface *s, const char *path, char *why, size_t size)
{
    png_image image = {
        .version = PNG_IMAGE_VERSION,
        .width = s->width,
        .height = s->height,
        .format = PNG_FORMAT_BGR,
    };
    u8 *bytes = malloc((size_t)s->width * s->height * 3);
    FILE *to = NULL;
    bool ok = false;

    if (!bytes) {
        snprintf(why, size, "out of memory");
        return false;
    }
    for (size_t i = 0; i < (size_t)s->width * s->height; i++)
        for (unsigned c = 0; c < 3; c++)
            bytes[3 * i + c] = (u8)(s->pixels[i] >> (8 * c));
    if (!(to = fopen(path, "wb"))) {
        snprintf(why, size, "%s", strerror(errno));
    } else {
        ok = png_image_write_to_stdio(&image, to, 0, bytes, 0, NULL);
        if (!ok)
            snprintf(why, size, "%s", image.message);
        if (fclose(to) != 0 && ok) {
            snprintf(why, size, "%s", strerror(errno));
            ok = false;
        }
    }
    free(bytes);
    return ok;
}

bool screenshot_take(const struct vga *vga, u64 now, const char *path, char *why, size_t size)
{
    struct vga_view view;
    bool ok;

    if (!vga_view_open(&view) || !vga_render(vga, &view, now)) {
        snprintf(why, size, "out of memory");
        ok = false;
    } else {
        ok = screenshot_write(&view.surface, path, why, size);
    }
    vga_view_close(&view);
    return ok;
}

/* SPDX-License-Identifier: MIT */
#include "frontend/screenshot.h"

#include <errno.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frontend/codepage.h"

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

static bool ends_in(const char *path, const char *suffix)
{
    size_t n = strlen(path), m = strlen(suffix);

    return n > m && !strcmp(path + n - m, suffix);
}

bool screenshot_is_picture(const char *path) { return ends_in(path, ".png"); }

bool screenshot_is_text(const char *path) { return ends_in(path, ".txt"); }

static u8 character(const struct vga *vga, unsigned column, unsigned row) { return (u8)vga_text_cell(vga, column, row); }

/* Without the blanks at its end. */
static void print_row(FILE *to, const struct vga *vga, unsigned row, unsigned columns)
{
    char utf8[4];

    while (columns && (character(vga, columns - 1, row) == ' ' || character(vga, columns - 1, row) == 0))
        columns--;
    for (unsigned column = 0; column < columns; column++)
        fwrite(utf8, 1, codepage_utf8(character(vga, column, row), utf8), to);
    fputc('\n', to);
}

static bool write_text(const struct vga *vga, const char *path, char *why, size_t size)
{
    struct vga_text t = vga_text_size(vga);
    FILE *to = t.columns ? fopen(path, "w") : NULL;
    bool good;

    if (!to) {
        snprintf(why, size, "%s", t.columns ? strerror(errno) : "the screen shows no text");
        return false;
    }
    for (unsigned row = 0; row < t.rows; row++)
        print_row(to, vga, row, t.columns);
    good = !ferror(to);
    if (fclose(to) != 0 || !good) {
        snprintf(why, size, "%s", strerror(errno));
        return false;
    }
    return true;
}

bool screenshot_take(const struct vga *vga, u64 now, const char *path, char *why, size_t size)
{
    struct vga_view view;
    bool ok;

    if (screenshot_is_text(path))
        return write_text(vga, path, why, size);
    if (!vga_view_open(&view) || !vga_render(vga, &view, now)) {
        snprintf(why, size, "out of memory");
        ok = false;
    } else {
        ok = screenshot_write(&view.surface, path, why, size);
    }
    vga_view_close(&view);
    return ok;
}

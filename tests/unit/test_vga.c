/* SPDX-License-Identifier: MIT */
/*
 * The display adapter. Modes are set register by register and written through the guest's addresses; what is drawn is
 * compared with pictures of vga_reference.c, which knows neither registers nor planes.
 */
#include "devices/machine.h"
#include "devices/pci.h"
#include "tests/unit/device_bench.h"
#include "tests/unit/vga_reference.h"

#define VGA_FRAMEBUFFER 0xFD000000ull

struct rig {
    struct machine *m;
    struct bus *io;
    struct phys *mem;
    struct vga_view view;
};

static void rig_open(struct rig *r)
{
    struct machine_config config = {.ram_bytes = 2 << 20, .debug_exit_port = 0xF4};
    char why[256] = "";

    r->m = machine_create(&config, why, sizeof(why));
    ck_assert_msg(r->m != NULL, "%s", why);
    r->io = machine_io(r->m);
    r->mem = machine_phys(r->m);
    ck_assert(vga_view_open(&r->view));
    pci_config_write(machine_pci(r->m), VGA_PCI_SLOT << 3, PCI_BAR0, VGA_FRAMEBUFFER, 4);
    pci_config_write(machine_pci(r->m), VGA_PCI_SLOT << 3, PCI_BAR0 + 8, 0xFEBF0000, 4);
    pci_config_write(machine_pci(r->m), VGA_PCI_SLOT << 3, PCI_COMMAND, PCI_COMMAND_MEMORY, 2);
}

static void rig_close(struct rig *r)
{
    vga_view_close(&r->view);
    machine_destroy(r->m);
}

static void out(struct rig *r, u16 port, u8 v) { bus_write(r->io, port, v, 1); }

static u8 in(struct rig *r, u16 port) { return (u8)bus_read(r->io, port, 1); }

static void seq(struct rig *r, u8 index, u8 v) { bus_write(r->io, 0x3C4, index | v << 8, 2); }

static void gfx(struct rig *r, u8 index, u8 v) { bus_write(r->io, 0x3CE, index | v << 8, 2); }

static void crtc(struct rig *r, u8 index, u8 v) { bus_write(r->io, 0x3D4, index | v << 8, 2); }

static void attr(struct rig *r, u8 index, u8 v)
{
    in(r, 0x3DA);
    out(r, 0x3C0, index | 0x20); /* the palette stays the screen's, but for the palette registers */
    out(r, 0x3C0, v);
}

static void poke(struct rig *r, u64 at, u8 v) { phys_write(r->mem, at, v, 1); }

static u8 peek(struct rig *r, u64 at) { return (u8)phys_read(r->mem, at, 1); }

static const struct surface *look(struct rig *r)
{
    ck_assert(vga_render(machine_vga(r->m), &r->view, machine_time(r->m)));
    return &r->view.surface;
}

/* ---- Modes, as their programmers set them ---- */

struct mode {
    u8 misc, seq[5], gfx[9], crtc[25], attr[5]; /* attr from 10h */
};

/* clang-format off */
static const struct mode mode_text = {0x67, {3, 0, 3, 0, 2}, {0, 0, 0, 0, 0, 0x10, 0x0E, 0, 0xFF},
    {0x5F, 0x4F, 0x50, 0x82, 0x55, 0x81, 0xBF, 0x1F, 0, 0x4F, 0x20, 0x0F, 0, 0, 0, 0, 0x9C, 0x8E, 0x8F, 40, 0x1F, 0x96, 0xB9, 0xA3, 0xFF},
    {0x04, 0, 0x0F, 8, 0}};
static const struct mode mode_16 = {0xE3, {3, 1, 0xF, 0, 6}, {0, 0, 0, 0, 0, 0, 0x05, 0xF, 0xFF},
    {0x5F, 0x4F, 0x50, 0x82, 0x54, 0x80, 0x0B, 0x3E, 0, 0x40, 0, 0, 0, 0, 0, 0, 0xEA, 0x8C, 0xDF, 40, 0, 0xE7, 0x04, 0xE3, 0xFF},
    {0x01, 0, 0x0F, 0, 0}};
static const struct mode mode_13h = {0x63, {3, 1, 0xF, 0, 0xE}, {0, 0, 0, 0, 0, 0x40, 0x05, 0xF, 0xFF},
    {0x5F, 0x4F, 0x50, 0x82, 0x54, 0x80, 0xBF, 0x1F, 0, 0x41, 0, 0, 0, 0, 0, 0, 0x9C, 0x8E, 0x8F, 40, 0x40, 0x96, 0xB9, 0xA3, 0xFF},
    {0x41, 0, 0x0F, 0, 0}};
static const struct mode mode_x = {0xE3, {3, 1, 0xF, 0, 6}, {0, 0, 0, 0, 0, 0x40, 0x05, 0xF, 0xFF},
    {0x5F, 0x4F, 0x50, 0x82, 0x54, 0x80, 0x0D, 0x3E, 0, 0x41, 0, 0, 0, 0, 0, 0, 0xEA, 0xAC, 0xDF, 40, 0, 0xE7, 0x06, 0xE3, 0xFF},
    {0x41, 0, 0x0F, 0, 0}};
static const struct mode mode_cga4 = {0x63, {3, 9, 3, 0, 2}, {0, 0, 0, 0, 0, 0x30, 0x0F, 0, 0xFF},
    {0x2D, 0x27, 0x28, 0x90, 0x2B, 0x80, 0xBF, 0x1F, 0, 0xC1, 0, 0, 0, 0, 0, 0, 0x9C, 0x8E, 0x8F, 20, 0, 0x96, 0xB9, 0xA2, 0xFF},
    {0x01, 0, 0x03, 0, 0}};
static const struct mode mode_cga2 = {0x63, {3, 1, 1, 0, 6}, {0, 0, 0, 0, 0, 0, 0x0D, 0, 0xFF},
    {0x5F, 0x4F, 0x50, 0x82, 0x54, 0x80, 0xBF, 0x1F, 0, 0xC1, 0, 0, 0, 0, 0, 0, 0x9C, 0x8E, 0x8F, 40, 0, 0x96, 0xB9, 0xC2, 0xFF},
    {0x01, 0, 0x01, 0, 0}};
/* clang-format on */

/* Attributes 0..15 are DAC entries 0..15, of the CGA's colours. */
static void set_mode(struct rig *r, const struct mode *mode)
{
    out(r, 0x3C2, mode->misc);
    for (u8 i = 0; i < 5; i++)
        seq(r, i, mode->seq[i]);
    for (u8 i = 0; i < 9; i++)
        gfx(r, i, mode->gfx[i]);
    crtc(r, 0x11, 0);
    for (u8 i = 0; i < 25; i++)
        crtc(r, i, mode->crtc[i]);
    in(r, 0x3DA);
    for (u8 i = 0; i < 16; i++) {
        out(r, 0x3C0, i);
        out(r, 0x3C0, i);
    }
    for (u8 i = 0; i < 5; i++) {
        out(r, 0x3C0, 0x10 + i);
        out(r, 0x3C0, mode->attr[i]);
    }
    out(r, 0x3C0, 0x20);
    out(r, 0x3C6, 0xFF);
    out(r, 0x3C8, 0);
    for (unsigned i = 0; i < 16; i++)
        for (int c = 16; c >= 0; c -= 8)
            out(r, 0x3C9, (u8)(reference_cga[i] >> c) >> 2);
}

static void compare_pixels(struct rig *r, u32 (*pixel)(unsigned, unsigned), unsigned wide, unsigned high,
                           unsigned width, unsigned height, const char *what)
{
    struct surface expected = reference_surface(width, height);

    reference_draw_pixels(pixel, wide, high, &expected);
    reference_compare(look(r), &expected, what);
    free(expected.pixels);
}

/* ---- Text ---- */

static unsigned font_dots(u8 code, unsigned row) { return (code * 7u + row * 29u + (code >> 3)) & 0xFF; }

/* Plane 2, as programs load fonts: no odd/even, map mask 4. `slot` is the offset of the font's block. */
static void load_font(struct rig *r, unsigned slot, unsigned (*dots)(u8, unsigned))
{
    seq(r, 2, 4);
    seq(r, 4, 6);
    gfx(r, 5, 0);
    gfx(r, 6, 4);
    for (unsigned code = 0; code < 256; code++)
        for (unsigned row = 0; row < 16; row++)
            poke(r, 0xA0000 + slot + 32 * code + row, (u8)dots((u8)code, row));
    seq(r, 2, 3);
    seq(r, 4, 2);
    gfx(r, 5, 0x10);
    gfx(r, 6, 0x0E);
}

static void fill_cells(struct rig *r, struct reference_cell *cells, unsigned count, u64 at)
{
    for (unsigned i = 0; i < count; i++) {
        cells[i] = (struct reference_cell){(u8)(i * 3), (u8)(i * 5 + i / 256)};
        phys_write(r->mem, at + 2 * i, cells[i].code | cells[i].attribute << 8, 2);
    }
}

static void compare_text(struct rig *r, unsigned cell_width, int cursor_at, const struct reference_cell *cells,
                         const char *what)
{
    struct surface expected = reference_surface(80 * cell_width, 400);
    struct reference_text t = {80, 25, cell_width, 16, cells, font_dots, reference_cga, cursor_at, 13, 14};

    reference_draw_text(&t, &expected);
    reference_compare(look(r), &expected, what);
    free(expected.pixels);
}

START_TEST(text)
{
    static struct reference_cell cells[80 * 26];
    struct rig r;

    rig_open(&r);
    set_mode(&r, &mode_text);
    load_font(&r, 0, font_dots);
    fill_cells(&r, cells, 80 * 26, 0xB8000);
    compare_text(&r, 9, -1, cells, "nine dots");
    seq(&r, 1, 1);
    compare_text(&r, 8, -1, cells, "eight dots");
    crtc(&r, 0x0A, 13);
    crtc(&r, 0x0B, 14);
    crtc(&r, 0x0E, 0);
    crtc(&r, 0x0F, 81);
    compare_text(&r, 8, 81, cells, "cursor");
    crtc(&r, 0x0A, 0x2D);
    crtc(&r, 0x0D, 80);
    compare_text(&r, 8, -1, cells + 80, "started a row later");
    /* A second font in block 1 and the first in block 0: attribute bit 3 chooses. */
    ck_assert_int_eq(peek(&r, 0xB8000), cells[0].code);
    ck_assert_int_eq(peek(&r, 0xB8001), cells[0].attribute);
    rig_close(&r);
}
END_TEST

static unsigned font_inverse(u8 code, unsigned row) { return ~font_dots(code, row) & 0xFF; }

START_TEST(text_two_fonts_blink_and_underline)
{
    struct rig r;
    struct surface s;
    u32 *line;

    rig_open(&r);
    set_mode(&r, &mode_text);
    load_font(&r, 0, font_dots);
    load_font(&r, 0x4000, font_inverse);
    seq(&r, 3, 0x04); /* bit 3 set: block 1; clear: block 0 */
    phys_write(r.mem, 0xB8000, 0x0741 | 0x0F410000u, 4);
    s = *look(&r);
    for (unsigned x = 0; x < 8; x++) {
        bool first = s.pixels[x] == reference_cga[7], second = s.pixels[9 + x] == reference_cga[15];

        ck_assert_int_eq(first, font_dots(0x41, 0) >> (7 - x) & 1);
        ck_assert_int_eq(second, !first);
    }
    /* Underline is for monochrome attributes, 1 and 9. */
    seq(&r, 3, 0);
    crtc(&r, 0x14, 12);
    attr(&r, 0x10, 0x02);
    phys_write(r.mem, 0xB8000, 0x0120 | 0x07200000u, 4);
    line = surface_line(look(&r), 12);
    for (unsigned x = 0; x < 9; x++)
        ck_assert_uint_eq(line[x], reference_cga[1]);
    ck_assert_uint_eq(line[9 + 7], font_dots(0x20, 12) & 1 ? reference_cga[7] : 0);
    /* Blinking: the character is there for 16 frames and away for 16, and the background has seven colours. */
    attr(&r, 0x10, 0x08);
    phys_write(r.mem, 0xB8000, 0x9FDB, 2);
    for (int phase = 0; phase < 2; phase++) {
        ck_assert(vga_render(machine_vga(r.m), &r.view, (u64)phase * 16 * 14270000));
        line = surface_line(&r.view.surface, 0);
        for (unsigned x = 0; x < 8; x++)
            ck_assert_uint_eq(line[x],
                              !phase && font_dots(0xDB, 0) >> (7 - x) & 1 ? reference_cga[15] : reference_cga[1]);
    }
    rig_close(&r);
}
END_TEST

/* ---- Graphics ---- */

static unsigned index16(unsigned x, unsigned y) { return (x / 3 + y * 5 + (x * y >> 6)) % 16; }

static u32 pixel16(unsigned x, unsigned y) { return reference_cga[index16(x, y)]; }

static void draw16(struct rig *r, unsigned width, unsigned height, unsigned pitch)
{
    for (unsigned plane = 0; plane < 4; plane++) {
        seq(r, 2, (u8)(1 << plane));
        for (unsigned y = 0; y < height; y++)
            for (unsigned x = 0; x < width; x += 8) {
                u8 byte = 0;

                for (unsigned i = 0; i < 8; i++)
                    byte |= (u8)((index16(x + i, y) >> plane & 1) << (7 - i));
                poke(r, 0xA0000 + y * pitch + x / 8, byte);
            }
    }
    seq(r, 2, 15);
}

static u32 pixel16_panned(unsigned x, unsigned y) { return y < 100 ? pixel16(x + 11, y + 50) : pixel16(x, y - 100); }

/* A view that has been looked at all along shows what a new one does; for a blinking cursor its lines are drawn again,
 * for blinking characters theirs, and for the two cursors of a move both. */
START_TEST(blinking_is_little_to_draw)
{
    static struct reference_cell cells[80 * 25];
    unsigned cursor_only = 0;
    struct rig r;

    rig_open(&r);
    set_mode(&r, &mode_text);
    load_font(&r, 0, font_dots);
    fill_cells(&r, cells, 80 * 25, 0xB8000);
    for (unsigned i = 0; i < 80 * 25; i++)
        phys_write(r.mem, 0xB8001 + 2 * i, 0x07, 1);
    crtc(&r, 0x0A, 13);
    crtc(&r, 0x0B, 14);
    crtc(&r, 0x0F, 81);
    for (unsigned step = 0; step < 96; step++) {
        u64 now = step * 3 * 14270000ull;
        struct vga_view fresh;

        if (step == 32)
            phys_write(r.mem, 0xB8000 + 2 * 803, 0x8F41, 2);
        if (step == 34)
            attr(&r, 0x10, 0x0C);
        if (step >= 64)
            crtc(&r, 0x0F, (u8)(step * 7));
        ck_assert(vga_view_open(&fresh));
        ck_assert(vga_render(machine_vga(r.m), &r.view, now));
        ck_assert(vga_render(machine_vga(r.m), &fresh, now));
        reference_compare(&r.view.surface, &fresh.surface, "looked at all along");
        vga_view_close(&fresh);
        if (step > 0 && step < 32 && r.view.first <= r.view.last) {
            ck_assert_uint_eq(r.view.first, 16);
            ck_assert_uint_eq(r.view.last, 31);
            cursor_only++;
        }
    }
    ck_assert_uint_ge(cursor_only, 6);
    rig_close(&r);
}
END_TEST

START_TEST(planar)
{
    struct rig r;

    rig_open(&r);
    set_mode(&r, &mode_16);
    crtc(&r, 0x13, 41); /* 82 bytes a line, for panning */
    draw16(&r, 656, 480, 82);
    compare_pixels(&r, pixel16, 1, 1, 640, 480, "640x480x16");
    /* From line 50, 11 dots to the right, and the first lines again below a split at line 99. */
    crtc(&r, 0x0C, 50 * 82 >> 8);
    crtc(&r, 0x0D, (50 * 82 + 0) & 0xFF);
    crtc(&r, 0x08, 0x20); /* one byte */
    attr(&r, 0x13, 3);
    attr(&r, 0x10, 0x21); /* not below the split */
    crtc(&r, 0x18, 99);
    crtc(&r, 0x07, 0x2E);
    crtc(&r, 0x09, 0x00);
    compare_pixels(&r, pixel16_panned, 1, 1, 640, 480, "panned and split");
    rig_close(&r);
}
END_TEST

static u32 dac_ramp(unsigned i)
{
    return (i & 0xFC) << 16 | (i >> 6 & 3u) << 16 | ((~i & 63) << 2 | (~i & 63) >> 4) << 8;
}

static void set_ramp(struct rig *r)
{
    out(r, 0x3C8, 0);
    for (unsigned i = 0; i < 256; i++) {
        out(r, 0x3C9, (u8)(i >> 2));
        out(r, 0x3C9, ~i & 63);
        out(r, 0x3C9, 0);
    }
}

static unsigned index256(unsigned x, unsigned y) { return (x + y * 3 + (x * y >> 5)) & 0xFF; }

static u32 pixel256(unsigned x, unsigned y) { return dac_ramp(index256(x, y)); }

START_TEST(mode_13)
{
    struct rig r;

    rig_open(&r);
    set_mode(&r, &mode_13h);
    set_ramp(&r);
    for (unsigned y = 0; y < 200; y++)
        for (unsigned x = 0; x < 320; x += 4)
            phys_write(
                r.mem, 0xA0000 + 320 * y + x,
                index256(x, y) | index256(x + 1, y) << 8 | index256(x + 2, y) << 16 | (u64)index256(x + 3, y) << 24, 4);
    compare_pixels(&r, pixel256, 2, 2, 640, 400, "mode 13h");
    ck_assert_int_eq(peek(&r, 0xA0000 + 320 * 7 + 5), (int)index256(5, 7));
    /* Only what changes is drawn again. */
    poke(&r, 0xA0000 + 320 * 100 + 9, (u8)~index256(9, 100));
    look(&r);
    ck_assert_uint_eq(r.view.first, 200);
    ck_assert_uint_eq(r.view.last, 201);
    look(&r);
    ck_assert_uint_gt(r.view.first, r.view.last);
    rig_close(&r);
}
END_TEST

START_TEST(mode_x_unchained)
{
    struct rig r;

    rig_open(&r);
    set_mode(&r, &mode_x);
    set_ramp(&r);
    for (unsigned plane = 0; plane < 4; plane++) {
        seq(&r, 2, (u8)(1 << plane));
        for (unsigned y = 0; y < 240; y++)
            for (unsigned x = plane; x < 320; x += 4)
                poke(&r, 0xA0000 + 80 * y + x / 4, (u8)index256(x, y));
    }
    compare_pixels(&r, pixel256, 2, 2, 640, 480, "mode X");
    /* Copying by the latches, four pixels at a time, down a line. */
    seq(&r, 2, 15);
    gfx(&r, 5, 0x41);
    for (unsigned i = 0; i < 80; i++) {
        peek(&r, 0xA0000 + i);
        poke(&r, 0xA0000 + 80 + i, 0);
    }
    look(&r);
    ck_assert_int_eq(memcmp(surface_line(&r.view.surface, 0), surface_line(&r.view.surface, 2), 640 * 4), 0);
    rig_close(&r);
}
END_TEST

static unsigned index4(unsigned x, unsigned y) { return (x / 2 + y) & 3; }

static u32 pixel4(unsigned x, unsigned y) { return reference_cga[index4(x, y)]; }

static u32 pixel2(unsigned x, unsigned y) { return reference_cga[(x * y >> 4) & 1]; }

START_TEST(cga)
{
    struct rig r;

    rig_open(&r);
    set_mode(&r, &mode_cga4);
    for (unsigned y = 0; y < 200; y++)
        for (unsigned x = 0; x < 320; x += 4)
            poke(&r, 0xB8000 + (y & 1) * 0x2000 + y / 2 * 80 + x / 4,
                 (u8)(index4(x, y) << 6 | index4(x + 1, y) << 4 | index4(x + 2, y) << 2 | index4(x + 3, y)));
    compare_pixels(&r, pixel4, 2, 2, 640, 400, "320x200x4");
    set_mode(&r, &mode_cga2);
    for (unsigned y = 0; y < 200; y++)
        for (unsigned x = 0; x < 640; x += 8) {
            u8 byte = 0;

            for (unsigned i = 0; i < 8; i++)
                byte |= (u8)((((x + i) * y >> 4) & 1) << (7 - i));
            poke(&r, 0xB8000 + (y & 1) * 0x2000 + y / 2 * 80 + x / 8, byte);
        }
    compare_pixels(&r, pixel2, 1, 2, 640, 400, "640x200x2");
    rig_close(&r);
}
END_TEST

/* ---- VBE ---- */

static void vbe(struct rig *r, u16 index, u16 v)
{
    bus_write(r->io, 0x1CE, index, 2);
    bus_write(r->io, 0x1CF, v, 2);
}

static u16 vbe_get(struct rig *r, u16 index)
{
    bus_write(r->io, 0x1CE, index, 2);
    return (u16)bus_read(r->io, 0x1CF, 2);
}

static void set_vbe(struct rig *r, u16 width, u16 height, u16 bpp, u16 flags)
{
    vbe(r, 4, 0);
    vbe(r, 1, width);
    vbe(r, 2, height);
    vbe(r, 3, bpp);
    vbe(r, 4, 0x41 | flags);
}

static u32 pixel_true(unsigned x, unsigned y) { return (x * 7 + y * 0x10203 + (x * y << 4)) & 0xFFFFFF; }

static u32 pixel_565(unsigned x, unsigned y)
{
    u32 v = pixel_true(x, y) & 0xFFFF, red = v >> 11, green = v >> 5 & 63, blue = v & 31;

    return (red * 8 + red / 4) << 16 | (green * 4 + green / 16) << 8 | (blue * 8 + blue / 4);
}

static u32 pixel_555(unsigned x, unsigned y)
{
    u32 v = pixel_true(x, y) & 0x7FFF, red = v >> 10, green = v >> 5 & 31, blue = v & 31;

    return (red * 8 + red / 4) << 16 | (green * 8 + green / 4) << 8 | (blue * 8 + blue / 4);
}

static u32 pixel_true_moved(unsigned x, unsigned y) { return pixel_true(x + 24, y + 10); }

START_TEST(vbe_depths)
{
    static const struct {
        u16 width, height, bpp;
        u32 (*pixel)(unsigned, unsigned);
    } modes[] = {{1024, 768, 32, pixel_true},
                 {800, 600, 24, pixel_true},
                 {640, 480, 16, pixel_565},
                 {640, 480, 15, pixel_555},
                 {1920, 1200, 32, pixel_true}};
    struct rig r;

    rig_open(&r);
    set_mode(&r, &mode_text);
    for (int i = 0; i < COUNT(modes); i++) {
        unsigned bytes = (modes[i].bpp + 7u) / 8, width = modes[i].width;

        set_vbe(&r, (u16)width, modes[i].height, modes[i].bpp, 0);
        for (unsigned y = 0; y < modes[i].height; y++)
            for (unsigned x = 0; x < width; x++) {
                u64 at = VGA_FRAMEBUFFER + ((u64)y * width + x) * bytes;

                phys_write(r.mem, at, pixel_true(x, y), bytes == 2 ? 2 : bytes == 4 ? 4 : 2);
                if (bytes == 3)
                    phys_write(r.mem, at + 2, pixel_true(x, y) >> 16, 1);
            }
        compare_pixels(&r, modes[i].pixel, 1, 1, width, modes[i].height, "a VBE mode");
    }
    rig_close(&r);
}
END_TEST

START_TEST(vbe_eight_and_four_bits)
{
    struct rig r;

    rig_open(&r);
    set_mode(&r, &mode_16);
    set_vbe(&r, 800, 600, 4, 0);
    draw16(&r, 800, 600, 100);
    compare_pixels(&r, pixel16, 1, 1, 800, 600, "800x600x4");
    /* Eight bits, through the banked window at A0000, and a DAC of eight bits. */
    set_vbe(&r, 640, 480, 8, 0x20);
    out(&r, 0x3C8, 0);
    for (unsigned i = 0; i < 768; i++)
        out(&r, 0x3C9, (u8)(i % 3 ? 0 : i / 3 ^ 0x55));
    for (unsigned at = 0; at < 640 * 480; at++) {
        if (at % 65536 == 0)
            vbe(&r, 5, (u16)(at >> 16));
        poke(&r, 0xA0000 + at % 65536, (u8)(at * 3));
    }
    look(&r);
    for (unsigned at = 0; at < 640 * 480; at++) {
        if (r.view.surface.pixels[at] != (u32)(u8)(at * 3 ^ 0x55) << 16 ||
            peek(&r, VGA_FRAMEBUFFER + at) != (u8)(at * 3))
            ck_abort_msg("pixel %u is %06x", at, r.view.surface.pixels[at]);
    }
    out(&r, 0x3C7, 0x10);
    ck_assert_int_eq(in(&r, 0x3C9), 0x45);
    vbe(&r, 4, 0x41); /* six bits again: the colours stay */
    out(&r, 0x3C7, 0x10);
    ck_assert_int_eq(in(&r, 0x3C9), 0x45 >> 2);
    rig_close(&r);
}
END_TEST

START_TEST(vbe_registers)
{
    struct rig r;

    rig_open(&r);
    ck_assert_uint_eq(vbe_get(&r, 0), 0xB0C5);
    vbe(&r, 0, 0xB0C2);
    ck_assert_uint_eq(vbe_get(&r, 0), 0xB0C2);
    vbe(&r, 0, 0x1234);
    ck_assert_uint_eq(vbe_get(&r, 0), 0xB0C2);
    ck_assert_uint_eq(vbe_get(&r, 10), 256);
    vbe(&r, 4, 0x02);
    ck_assert_uint_eq(vbe_get(&r, 1), 1920);
    ck_assert_uint_eq(vbe_get(&r, 2), 1200);
    ck_assert_uint_eq(vbe_get(&r, 3), 32);
    vbe(&r, 4, 0);
    vbe(&r, 4, 1); /* no mode: not enabled */
    ck_assert_uint_eq(vbe_get(&r, 4), 0);
    set_vbe(&r, 640, 480, 32, 0);
    ck_assert_uint_eq(vbe_get(&r, 6), 640);
    ck_assert_uint_eq(vbe_get(&r, 7), VGA_MEMORY_SIZE / 2560);
    vbe(&r, 1, 800); /* not while it is on */
    ck_assert_uint_eq(vbe_get(&r, 1), 640);
    vbe(&r, 6, 1024);
    vbe(&r, 8, 24);
    vbe(&r, 9, 10);
    for (unsigned y = 0; y < 490; y++)
        for (unsigned x = 0; x < 664; x++)
            phys_write(r.mem, VGA_FRAMEBUFFER + 4 * (1024 * y + x), pixel_true(x, y), 4);
    compare_pixels(&r, pixel_true_moved, 1, 1, 640, 480, "moved");
    vbe(&r, 8, 0xFFFF); /* no further than the memory goes */
    vbe(&r, 9, 0xFFFF);
    ck_assert_uint_eq(vbe_get(&r, 8), 1024 - 640);
    ck_assert_uint_eq(vbe_get(&r, 9), 4096 - 480);
    look(&r);
    set_vbe(&r, 640, 480, 32, 0x80); /* not cleared */
    ck_assert_uint_eq(phys_read(r.mem, VGA_FRAMEBUFFER + 4 * 5, 4), pixel_true(5, 0));
    set_vbe(&r, 640, 480, 32, 0);
    ck_assert_uint_eq(phys_read(r.mem, VGA_FRAMEBUFFER + 4 * 5, 4), 0);
    set_vbe(&r, 640, 480, 7, 0); /* no such depth: the last one stays */
    ck_assert_uint_eq(vbe_get(&r, 3), 32);
    rig_close(&r);
}
END_TEST

START_TEST(vbe_by_bar2)
{
    struct rig r;
    struct vga *v;

    rig_open(&r);
    v = machine_vga(r.m);
    ck_assert_uint_eq(vga_mmio_ops.read(v, 0x500, 2), 0xB0C5);
    vga_mmio_ops.write(v, 0x502, 800, 2);
    ck_assert_uint_eq(vbe_get(&r, 1), 800);
    vga_mmio_ops.write(v, 0x400 + 2, 0x67, 1); /* 3C2 */
    ck_assert_int_eq(in(&r, 0x3CC), 0x67);
    ck_assert_uint_eq(vga_mmio_ops.read(v, 0x40C, 1), 0x67);
    ck_assert_uint_eq(vga_mmio_ops.read(v, 0x604, 2), 0x1E1E);
    ck_assert_uint_eq(phys_read(r.mem, 0xFEBF0500, 2), 0xB0C5);
    rig_close(&r);
}
END_TEST

/* The frame buffer is where BAR 0 says, while it is decoded; RAM and other devices win. */
START_TEST(framebuffer_moves)
{
    static const struct {
        u32 base;
        bool there;
    } places[] = {{0xE0000000, true}, {0x40000000, true}, {0xFE000000, false}, {0x00000000, false}, {0xFD000000, true}};
    struct rig r;

    rig_open(&r);
    set_vbe(&r, 640, 480, 32, 0);
    vga_memory(machine_vga(r.m))[1000] = 0x5A;
    for (int i = 0; i < COUNT(places); i++) {
        pci_config_write(machine_pci(r.m), VGA_PCI_SLOT << 3, PCI_BAR0, places[i].base, 4);
        ck_assert_int_eq(phys_read(r.mem, places[i].base + 1000, 1) == 0x5A, places[i].there);
        ck_assert_int_eq(phys_read(r.mem, 0x50000000 + 1000, 1), 0xFF);
    }
    pci_config_write(machine_pci(r.m), VGA_PCI_SLOT << 3, PCI_COMMAND, 0, 2);
    ck_assert_int_eq(peek(&r, VGA_FRAMEBUFFER + 1000), 0xFF);
    ck_assert_uint_eq(pci_config_read(machine_pci(r.m), VGA_PCI_SLOT << 3, 0, 4), 0x11111234);
    rig_close(&r);
}
END_TEST

/* ---- Registers ---- */

START_TEST(write_modes)
{
    struct rig r;
    const u64 at = 0xA0000;

    rig_open(&r);
    set_mode(&r, &mode_16);
    /* Mode 0: rotation, set/reset in planes 0 and 2, bit mask, XOR with the latches. */
    poke(&r, at, 0x0F);
    gfx(&r, 0, 0x4); /* set plane 2, reset plane 0 */
    gfx(&r, 1, 0x5);
    gfx(&r, 3, 0x18 | 4);
    gfx(&r, 8, 0xF0);
    peek(&r, at);
    poke(&r, at, 0x5A); /* rotated: A5 */
    for (u8 plane = 0; plane < 4; plane++) {
        static const u8 expected[4] = {0x0F, 0xAF, 0xFF, 0xAF};

        gfx(&r, 4, plane);
        ck_assert_int_eq(peek(&r, at), expected[plane]);
    }
    /* Mode 2: a colour, under the bit mask. */
    gfx(&r, 1, 0);
    gfx(&r, 3, 0);
    gfx(&r, 5, 2);
    gfx(&r, 8, 0x81);
    poke(&r, at + 1, 0); /* latches: at */
    peek(&r, at + 1);
    poke(&r, at + 1, 0x6);
    /* Read mode 1: where the colour is 6, caring for all planes, then for plane 0 alone. */
    gfx(&r, 5, 0x08);
    gfx(&r, 2, 6);
    gfx(&r, 7, 15);
    ck_assert_int_eq(peek(&r, at + 1), 0x81);
    gfx(&r, 7, 1);
    ck_assert_int_eq(peek(&r, at + 1) & 0x81, 0x81);
    /* Mode 3: the set/reset colour, under the byte and the bit mask. */
    gfx(&r, 0, 9);
    gfx(&r, 5, 3);
    gfx(&r, 8, 0x3C);
    peek(&r, at + 2);
    poke(&r, at + 2, 0x18);
    gfx(&r, 5, 0x08);
    gfx(&r, 2, 9);
    gfx(&r, 7, 15);
    ck_assert_int_eq(peek(&r, at + 2), 0x18);
    /* Map mask. */
    gfx(&r, 5, 0);
    gfx(&r, 8, 0xFF);
    gfx(&r, 0, 0);
    poke(&r, at + 3, 0);
    seq(&r, 2, 0xA);
    poke(&r, at + 3, 0xFF);
    for (u8 plane = 0; plane < 4; plane++) {
        gfx(&r, 4, plane);
        ck_assert_int_eq(peek(&r, at + 3), plane & 1 ? 0xFF : 0);
    }
    rig_close(&r);
}
END_TEST

START_TEST(registers)
{
    struct rig r;

    rig_open(&r);
    set_mode(&r, &mode_text);
    /* Protected CRTC registers, and the one bit that is not. */
    crtc(&r, 0x11, 0x80);
    crtc(&r, 0x00, 0x11);
    crtc(&r, 0x07, 0x00);
    out(&r, 0x3D4, 0x00);
    ck_assert_int_eq(in(&r, 0x3D5), 0x5F);
    out(&r, 0x3D4, 0x07);
    ck_assert_int_eq(in(&r, 0x3D5), 0x0F);
    /* The CRTC moves to 3B4 in monochrome. */
    out(&r, 0x3C2, 0x66);
    ck_assert_int_eq(in(&r, 0x3D5), 0xFF);
    ck_assert_int_eq(in(&r, 0x3B5), 0x0F);
    out(&r, 0x3C2, 0x67);
    /* The attribute flip-flop, and the palette that belongs to the screen. */
    in(&r, 0x3DA);
    out(&r, 0x3C0, 0x23);
    out(&r, 0x3C0, 0x3F);
    ck_assert_int_eq(in(&r, 0x3C1), 0x03);
    out(&r, 0x3C0, 0x03);
    out(&r, 0x3C0, 0x3F);
    ck_assert_int_eq(in(&r, 0x3C1), 0x3F);
    /* The DAC: three at a time, and its state. */
    out(&r, 0x3C8, 0x20);
    ck_assert_int_eq(in(&r, 0x3C7), 0);
    for (u8 i = 0; i < 6; i++)
        out(&r, 0x3C9, (u8)(0x80 | (10 + i)));
    ck_assert_int_eq(in(&r, 0x3C8), 0x22);
    out(&r, 0x3C7, 0x20);
    ck_assert_int_eq(in(&r, 0x3C7), 3);
    for (u8 i = 0; i < 6; i++)
        ck_assert_int_eq(in(&r, 0x3C9), 10 + i);
    /* The windows: A0000, B0000 and B8000 answer as the miscellaneous register says, and none without RAM. */
    for (u8 map = 0; map < 4; map++) {
        static const bool there[4][3] = {
            {true, true, true}, {true, false, false}, {false, true, false}, {false, false, true}};
        static const u64 at[3] = {0xA0000, 0xB0000, 0xB8000};

        gfx(&r, 6, (u8)(map << 2));
        for (int i = 0; i < 3; i++) {
            poke(&r, at[i], 0x5A);
            ck_assert_int_eq(peek(&r, at[i]), there[map][i] ? 0x5A : 0xFF);
        }
    }
    out(&r, 0x3C2, 0x65);
    ck_assert_int_eq(peek(&r, 0xB8000), 0xFF);
    rig_close(&r);
}
END_TEST

/* 3DA over two frames of virtual time: 449 lines at 31.47 kHz, of which two are the retrace. */
START_TEST(retrace)
{
    struct bench b;
    struct vga *v;
    unsigned retraces = 0, displayed = 0, samples = 0;
    bool was = false;

    bench_open(&b);
    v = vga_create(b.clock, &(struct vga_wires){0});
    ck_assert_ptr_nonnull(v);
    vga_set_text_mode(v);
    for (b.now = 0; b.now < 28536000; b.now += 1000, samples++) {
        u8 status = (u8)vga_port_ops.read(v, 0x2A, 1);

        retraces += status & 8 && !was;
        was = status & 8;
        displayed += !(status & 1);
        if (status & 8)
            ck_assert(status & 1);
    }
    ck_assert_uint_eq(retraces, 2);
    ck_assert_uint_gt(displayed * 100 / samples, 66); /* 400/449 * 80/100 */
    ck_assert_uint_lt(displayed * 100 / samples, 76);
    vga_destroy(v);
    clock_destroy(b.clock);
}
END_TEST

/* ---- Whatever a guest writes ---- */

static u32 chance(u32 *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

START_TEST(hostile)
{
    struct rig r;
    u32 state = 2463534242u + (u32)_i;

    rig_open(&r);
    set_mode(&r, _i & 1 ? &mode_13h : &mode_text);
    for (int i = 0; i < 60000; i++) {
        u32 what = chance(&state), value = chance(&state);

        if (what % 8 == 0)
            vbe(&r, (u16)(what >> 8) % 12, (u16)(value % 3 ? value % 2048 : value));
        else if (what % 8 < 5)
            bus_write(r.io, 0x3B0 + (what >> 8) % 0x30, value, 1u << (what >> 16) % 3);
        else if (what % 8 == 5)
            phys_write(r.mem, 0xA0000 + (what >> 8) % 0x20000, value, 1u << (what >> 4) % 4);
        else if (what % 8 == 6)
            phys_read(r.mem, 0xA0000 + (what >> 8) % 0x20000, 1u << (what >> 4) % 4);
        else
            bus_read(r.io, 0x3B0 + (what >> 8) % 0x30, 1u << (what >> 16) % 3);
        if (i % 500 == 0) {
            look(&r);
            ck_assert_uint_le(r.view.surface.width, VGA_MAX_WIDTH);
            ck_assert_uint_le(r.view.surface.height, VGA_MAX_HEIGHT);
            for (unsigned row = 0; row < 30; row++)
                vga_text_cell(machine_vga(r.m), value % 100, row);
        }
    }
    rig_close(&r);
}
END_TEST

/* The text mode a directly booted kernel finds: letters where they belong. */
START_TEST(firmware_text)
{
    struct rig r;
    struct vga_text t;
    u8 rows[16];

    rig_open(&r);
    machine_as_firmware_leaves_it(r.m);
    phys_write(r.mem, 0xB8000 + 2 * 81, 0x1E41, 2);
    t = vga_text_size(machine_vga(r.m));
    ck_assert_uint_eq(t.columns, 80);
    ck_assert_uint_eq(t.rows, 25);
    ck_assert_int_eq(t.cursor_column, 0);
    ck_assert_int_eq(t.cursor_row, 0);
    ck_assert_int_eq(vga_text_cell(machine_vga(r.m), 1, 1), 0x1E41);
    ck_assert_int_eq(vga_text_cell(machine_vga(r.m), 80, 1), -1);
    vga_font_glyph('A', rows);
    look(&r);
    ck_assert_uint_eq(r.view.surface.width, 720);
    for (unsigned y = 0; y < 16; y++)
        for (unsigned x = 0; x < 8; x++)
            ck_assert_uint_eq(surface_line(&r.view.surface, 16 + y)[9 + x],
                              rows[y] >> (7 - x) & 1 ? reference_cga[14] : reference_cga[1]);
    rig_close(&r);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("vga");
    TCase *tc = tcase_create("vga");

    tcase_add_test(tc, text);
    tcase_add_test(tc, text_two_fonts_blink_and_underline);
    tcase_add_test(tc, blinking_is_little_to_draw);
    tcase_add_test(tc, planar);
    tcase_add_test(tc, mode_13);
    tcase_add_test(tc, mode_x_unchained);
    tcase_add_test(tc, cga);
    tcase_add_test(tc, vbe_depths);
    tcase_add_test(tc, vbe_eight_and_four_bits);
    tcase_add_test(tc, vbe_registers);
    tcase_add_test(tc, vbe_by_bar2);
    tcase_add_test(tc, framebuffer_moves);
    tcase_add_test(tc, write_modes);
    tcase_add_test(tc, registers);
    tcase_add_test(tc, retrace);
    tcase_add_loop_test(tc, hostile, 0, 8);
    tcase_add_test(tc, firmware_text);
    return bench_finish(suite, tc);
}

/* SPDX-License-Identifier: MIT */
/*
 * What tests do to an X display beside keys and mouse:
 *     x11_tool clipboard TEXT         owns the clipboard until it is killed; says "ready"
 *     x11_tool drop WINDOW X Y FILE   drags FILE from a window of its own over WINDOW and drops it at (X, Y) of the
 * root: status 0 when the other side has taken it (Xdnd protocol, version 5) x11_tool picture WINDOW OUT.png what the
 * display shows of WINDOW
 *     x11_tool halved LARGE.png SMALL.png
 *                                     status 0 if LARGE is twice as wide and high, and its every second pixel SMALL's
 */
#include <X11/Xatom.h>
#include <X11/Xlib.h>
#include <X11/Xutil.h>
#include <png.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATIENCE_MS = 30000 };

static _Noreturn void give_up(const char *why)
{
    fprintf(stderr, "x11_tool: %s\n", why);
    exit(EXIT_FAILURE);
}

static Atom atom(Display *d, const char *name) { return XInternAtom(d, name, False); }

static void next_event(Display *d, XEvent *e)
{
    struct pollfd ready = {.fd = ConnectionNumber(d), .events = POLLIN};

    XFlush(d);
    while (!XPending(d))
        if (poll(&ready, 1, PATIENCE_MS) <= 0)
            give_up("nobody answers");
    XNextEvent(d, e);
}

/* Somebody wants the selection: as `type`, or to know that it is to be had as `type`. */
static void serve(Display *d, const XSelectionRequestEvent *r, Atom type, const char *text)
{
    XEvent answer = {.xselection = {.type = SelectionNotify,
                                    .requestor = r->requestor,
                                    .selection = r->selection,
                                    .target = r->target,
                                    .time = r->time,
                                    .property = r->property ? r->property : r->target}};
    Atom targets = atom(d, "TARGETS");

    if (r->target == targets)
        XChangeProperty(d, r->requestor, answer.xselection.property, XA_ATOM, 32, PropModeReplace,
                        (const unsigned char *)&type, 1);
    else if (r->target == type)
        XChangeProperty(d, r->requestor, answer.xselection.property, type, 8, PropModeReplace,
                        (const unsigned char *)text, (int)strlen(text));
    else
        answer.xselection.property = None;
    XSendEvent(d, r->requestor, False, 0, &answer);
    XFlush(d);
}

static Window window_of_own(Display *d) { return XCreateSimpleWindow(d, DefaultRootWindow(d), 0, 0, 1, 1, 0, 0, 0); }

static int own_clipboard(Display *d, const char *text)
{
    Window own = window_of_own(d);
    XEvent e;

    XSetSelectionOwner(d, atom(d, "CLIPBOARD"), own, CurrentTime);
    XSync(d, False);
    puts("ready");
    fflush(stdout);
    for (;;) {
        XNextEvent(d, &e);
        if (e.type == SelectionRequest)
            serve(d, &e.xselectionrequest, atom(d, "UTF8_STRING"), text);
        else if (e.type == SelectionClear)
            return EXIT_SUCCESS;
    }
}

static void tell(Display *d, Window own, Window to, const char *type, const long data[4])
{
    XEvent e = {.xclient = {.type = ClientMessage, .window = to, .message_type = atom(d, type), .format = 32}};

    e.xclient.data.l[0] = (long)own;
    for (int i = 0; i < 4; i++)
        e.xclient.data.l[i + 1] = data[i];
    XSendEvent(d, to, False, 0, &e);
}

static int drop(Display *d, Window to, int x, int y, const char *file)
{
    Window own = window_of_own(d);
    Atom list = atom(d, "text/uri-list"), status = atom(d, "XdndStatus"), finished = atom(d, "XdndFinished");
    char uri[4200];
    XEvent e;

    snprintf(uri, sizeof(uri), "file://%s\r\n", file);
    XSetSelectionOwner(d, atom(d, "XdndSelection"), own, CurrentTime);
    tell(d, own, to, "XdndEnter", (long[4]){5l << 24, (long)list, 0, 0});
    tell(d, own, to, "XdndPosition", (long[4]){0, (long)x << 16 | y, CurrentTime, (long)atom(d, "XdndActionCopy")});
    for (;;) {
        next_event(d, &e);
        if (e.type == SelectionRequest) {
            serve(d, &e.xselectionrequest, list, uri);
        } else if (e.type == ClientMessage && e.xclient.message_type == status) {
            if (!(e.xclient.data.l[1] & 1))
                give_up("it may not be dropped there");
            tell(d, own, to, "XdndDrop", (long[4]){0, CurrentTime, 0, 0});
        } else if (e.type == ClientMessage && e.xclient.message_type == finished) {
            return EXIT_SUCCESS;
        }
    }
}

static int picture(Display *d, Window window, const char *path)
{
    XWindowAttributes a;
    XImage *image;
    png_image png = {.version = PNG_IMAGE_VERSION, .format = PNG_FORMAT_RGB};
    png_byte *rgb, *to;

    if (!XGetWindowAttributes(d, window, &a) ||
        !(image = XGetImage(d, window, 0, 0, (unsigned)a.width, (unsigned)a.height, AllPlanes, ZPixmap)))
        give_up("no picture of that window");
    png.width = (png_uint_32)a.width;
    png.height = (png_uint_32)a.height;
    to = rgb = malloc((size_t)a.width * (size_t)a.height * 3);
    if (!rgb)
        give_up("out of memory");
    for (int y = 0; y < a.height; y++)
        for (int x = 0; x < a.width; x++) {
            unsigned long pixel = XGetPixel(image, x, y);

            *to++ = (png_byte)(pixel >> 16);
            *to++ = (png_byte)(pixel >> 8);
            *to++ = (png_byte)pixel;
        }
    return png_image_write_to_file(&png, path, 0, rgb, 0, NULL) ? EXIT_SUCCESS : EXIT_FAILURE;
}

static png_byte *load(const char *path, png_image *png)
{
    png_byte *rgb;

    memset(png, 0, sizeof(*png));
    png->version = PNG_IMAGE_VERSION;
    if (!png_image_begin_read_from_file(png, path))
        give_up("no such picture");
    png->format = PNG_FORMAT_RGB;
    rgb = malloc(PNG_IMAGE_SIZE(*png));
    if (!rgb || !png_image_finish_read(png, NULL, rgb, 0, NULL))
        give_up("no such picture");
    return rgb;
}

static int halved(const char *large, const char *small)
{
    png_image a, b;
    png_byte *many = load(large, &a), *few = load(small, &b);
    bool same = a.width == 2 * b.width && a.height == 2 * b.height;

    for (size_t y = 0; same && y < b.height; y++)
        for (size_t x = 0; same && x < b.width; x++)
            same = !memcmp(many + (2 * y * a.width + 2 * x) * 3, few + (y * b.width + x) * 3, 3);
    free(many);
    free(few);
    return same ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    Display *d;

    if (argc == 4 && !strcmp(argv[1], "halved"))
        return halved(argv[2], argv[3]);
    d = XOpenDisplay(NULL);

    if (!d)
        give_up("no display");
    if (argc == 3 && !strcmp(argv[1], "clipboard"))
        return own_clipboard(d, argv[2]);
    if (argc == 6 && !strcmp(argv[1], "drop"))
        return drop(d, strtoul(argv[2], NULL, 0), atoi(argv[3]), atoi(argv[4]), argv[5]);
    if (argc == 4 && !strcmp(argv[1], "picture"))
        return picture(d, strtoul(argv[2], NULL, 0), argv[3]);
    give_up("usage: clipboard TEXT | drop WINDOW X Y FILE | picture WINDOW OUT.png | halved LARGE SMALL");
}

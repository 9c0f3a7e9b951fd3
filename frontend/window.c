/* SPDX-License-Identifier: MIT */
/* The window. SDL is loaded when a window opens, so that a run without one neither needs it nor waits for it. */
#include <SDL.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frontend/display.h"
#include "frontend/keys.h"

#define SDL_LIBRARY "libSDL2-2.0.so.0"

#define SDL_FUNCTIONS(F)                                                                                            \
    F(Init)                                                                                                         \
    F(Quit)                                                                                                         \
    F(GetError)                                                                                                     \
    F(SetHint)                                                                                                      \
    F(CreateWindow)                                                                                                 \
    F(DestroyWindow) F(SetWindowTitle) F(SetWindowSize) F(SetWindowFullscreen) F(GetWindowSurface)                  \
        F(UpdateWindowSurfaceRects) F(CreateRGBSurfaceWithFormatFrom) F(FreeSurface) F(FillRect) F(UpperBlitScaled) \
            F(PollEvent) F(WaitEventTimeout) F(SetRelativeMouseMode) F(SetWindowGrab) F(GetClipboardText) F(free)   \
                F(GetMouseState)

struct window {
    void *library;
#define F(name) __typeof__(SDL_##name) *name;
    SDL_FUNCTIONS(F)
#undef F
    SDL_Window *window;
    unsigned width, height; /* of the picture */
    SDL_Rect at;            /* where it is in the window, */
    unsigned scale;         /* and how many times as large; 0: the window is too small for one */
    bool grabbed, fullscreen, overlay, keys;
    unsigned buttons;
    bool down[256];     /* keys the guest holds, so that they can be let go */
    struct surface mix; /* the picture with the overlay over it */
    u64 title_at, overlay_at;
    unsigned says; /* of the events' words that the title has shown, */
    u64 said_at;   /* since then */
};

bool window_is_possible(void)
{
    const char *x = getenv("DISPLAY"), *wayland = getenv("WAYLAND_DISPLAY"), *driver = getenv("SDL_VIDEODRIVER");

    return (x && *x) || (wayland && *wayland) || (driver && *driver);
}

/* ---- The title ---- */

#define SAID_NS 5000000000u

/* What has just come of a change of media stands there for some seconds. */
static void set_title(struct display *d)
{
    struct window *w = d->own;
    char title[480];

    if (w->says != d->events->says) {
        w->says = d->events->says;
        w->said_at = d->shown;
    }
    snprintf(title, sizeof(title), "Faultline - %.0f MIPS, %.0f faults/s%s%s%s - %s", d->mips, d->fault_rate,
             d->paused ? " - PAUSED (Ctrl-Alt-P)" : "", w->says && d->shown - w->said_at < SAID_NS ? " - " : "",
             w->says && d->shown - w->said_at < SAID_NS ? d->events->said : "",
             w->grabbed ? "Ctrl-Alt-G releases the mouse"
                        : "click or Ctrl-Alt-G gives the guest the mouse, Ctrl-Alt-H lists the keys");
    w->SetWindowTitle(w->window, title);
}

/* ---- The picture: copied into the window's own surface, for most guests change little of their screen at a time ----
 */

static void fit(struct window *w, const struct surface *s)
{
    if (w->width == s->width && w->height == s->height)
        return;
    w->width = s->width;
    w->height = s->height;
    if (!w->fullscreen)
        w->SetWindowSize(w->window, (int)s->width, (int)s->height);
}

/* Whole multiples, unless the window is too small for one. */
static void place(struct window *w, const SDL_Surface *to)
{
    int wide = to->w / (int)w->width, high = to->h / (int)w->height;

    w->scale = (unsigned)(wide < high ? wide : high);
    w->at.w = w->scale ? (int)(w->width * w->scale) : to->w;
    w->at.h = w->scale ? (int)(w->height * w->scale) : to->w * (int)w->height / (int)w->width;
    w->at.x = (to->w - w->at.w) / 2;
    w->at.y = (to->h - w->at.h) / 2;
}

/* Lines first..last, or all of it and what is around. */
static void copy(struct window *w, const struct surface *s, bool all, unsigned first, unsigned last)
{
    SDL_Surface *to = w->GetWindowSurface(w->window), *from;
    SDL_Rect whole = {0, 0, to ? to->w : 0, to ? to->h : 0}, part, here;

    if (!to)
        return; /* it is being resized, or is gone */
    place(w, to);
    if (all || !w->scale) {
        first = 0;
        last = s->height - 1;
        w->FillRect(to, NULL, 0);
    }
    from = w->CreateRGBSurfaceWithFormatFrom(s->pixels, (int)s->width, (int)s->height, 32,
                                             (int)(s->width * sizeof(u32)), SDL_PIXELFORMAT_RGB888);
    if (!from)
        return;
    part = (SDL_Rect){0, (int)first, (int)s->width, (int)(last - first) + 1};
    here = w->scale ? (SDL_Rect){w->at.x, w->at.y + (int)(first * w->scale), w->at.w, part.h * (int)w->scale} : w->at;
    w->UpperBlitScaled(from, &part, to, &here);
    w->FreeSurface(from);
    w->UpdateWindowSurfaceRects(w->window, all || !w->scale ? &whole : &here, 1);
}

/* The overlay's mouse, in pixels of the picture. */
static void mouse_in_picture(struct window *w, int *x, int *y)
{
    w->GetMouseState(x, y);
    *x = w->at.w ? (*x - w->at.x) * (int)w->width / w->at.w : 0;
    *y = w->at.h ? (*y - w->at.y) * (int)w->height / w->at.h : 0;
}

static const struct surface *mixed(struct display *d)
{
    struct window *w = d->own;
    int x, y;

    if (!overlay_fit(&w->mix, &d->view.surface))
        return &d->view.surface;
    mouse_in_picture(w, &x, &y);
    if (!d->paused)
        w->overlay_at = d->shown; /* a pause is for looking: rates and glow stand still, too */
    if (w->keys)
        overlay_keys(&d->view.surface, &w->mix);
    else
        overlay_draw(d->overlay, d->machine, &d->view.surface, &w->mix, x, y, w->overlay_at);
    return &w->mix;
}

static void window_show(struct display *d)
{
    struct window *w = d->own;
    bool overlay = (w->overlay && d->overlay) || w->keys;
    const struct surface *s = overlay ? mixed(d) : &d->view.surface;
    bool all = d->changed || d->view.resized || overlay;

    if (d->shown - w->title_at > 500000000u || d->changed || w->says != d->events->says) {
        set_title(d);
        w->title_at = d->shown;
    }
    if ((!all && d->view.first > d->view.last) || !s->pixels)
        return;
    fit(w, s);
    copy(w, s, all, d->view.first, d->view.last);
}

/* ---- The user ---- */

static void grab(struct display *d, bool on)
{
    struct window *w = d->own;

    w->grabbed = on;
    w->SetRelativeMouseMode(on ? SDL_TRUE : SDL_FALSE);
    w->SetWindowGrab(w->window, on ? SDL_TRUE : SDL_FALSE);
    set_title(d);
}

/* Keys that went down while the window listened must not stay down when it no longer does. */
static void let_go(struct display *d)
{
    struct window *w = d->own;

    for (unsigned key = 0; key < 256; key++)
        if (w->down[key]) {
            w->down[key] = false;
            events_key(d->events, key, false);
        }
}

static void paste(struct display *d)
{
    struct window *w = d->own;
    char *text = w->GetClipboardText();

    if (text)
        events_type(d->events, text);
    w->free(text);
}

static void toggle_fullscreen(struct display *d)
{
    struct window *w = d->own;

    w->fullscreen = !w->fullscreen;
    w->SetWindowFullscreen(w->window, w->fullscreen ? SDL_WINDOW_FULLSCREEN_DESKTOP : 0);
    if (!w->fullscreen && w->width)
        w->SetWindowSize(w->window, (int)w->width, (int)w->height);
    d->changed = true;
}

/* Ctrl-Alt and a key: false if it means nothing to us. */
static bool command(struct display *d, SDL_Scancode key)
{
    struct window *w = d->own;

    switch (key) {
    case SDL_SCANCODE_G: grab(d, !w->grabbed); break;
    case SDL_SCANCODE_F: toggle_fullscreen(d); break;
    case SDL_SCANCODE_V: paste(d); break;
    case SDL_SCANCODE_S: display_screenshot(d); break;
    case SDL_SCANCODE_P: display_pause(d); break;
    case SDL_SCANCODE_R: events_reset(d->events); break;
    case SDL_SCANCODE_Q: display_quit(d); break;
    case SDL_SCANCODE_E: events_media(d->events, "cd", NULL); break;
    case SDL_SCANCODE_D: events_media(d->events, "floppy", NULL); break;
    case SDL_SCANCODE_H:
        w->keys = !w->keys;
        d->changed = true;
        break;
    case SDL_SCANCODE_F12: events_stroke(d->events, keys_by_name("f12")); break;
    default: return false;
    }
    let_go(d);
    return true;
}

static void on_key(struct display *d, const SDL_KeyboardEvent *e)
{
    struct window *w = d->own;
    bool down = e->type == SDL_KEYDOWN;
    int key = keys_by_usage(e->keysym.scancode);

    if (e->repeat)
        return; /* the guest's keyboard repeats by itself */
    if (down && e->keysym.mod & KMOD_CTRL && e->keysym.mod & KMOD_ALT && command(d, e->keysym.scancode))
        return;
    if (e->keysym.scancode == SDL_SCANCODE_F12) {
        w->overlay ^= down;
        w->keys &= !down;
        d->changed = true;
        return;
    }
    if (key < 0 || w->down[key] == down)
        return;
    w->down[key] = down;
    events_key(d->events, (unsigned)key, down);
}

static void on_button(struct display *d, const SDL_MouseButtonEvent *e)
{
    static const u8 bits[6] = {0, PS2_LEFT, PS2_MIDDLE, PS2_RIGHT, PS2_BUTTON4, PS2_BUTTON5};
    struct window *w = d->own;
    u8 bit = e->button < 6 ? bits[e->button] : 0;

    if (!w->grabbed) {
        if (e->type == SDL_MOUSEBUTTONDOWN && !w->overlay)
            grab(d, true);
        return;
    }
    w->buttons = e->type == SDL_MOUSEBUTTONDOWN ? w->buttons | bit : w->buttons & ~bit;
    events_mouse(d->events, 0, 0, 0, w->buttons);
}

static void on_window(struct display *d, const SDL_WindowEvent *e)
{
    struct window *w = d->own;

    if (e->event == SDL_WINDOWEVENT_FOCUS_LOST) {
        let_go(d);
        if (w->grabbed)
            grab(d, false);
    }
    d->changed = true;
}

static void window_pump(struct display *d)
{
    struct window *w = d->own;
    SDL_Event e;

    while (w->PollEvent(&e)) {
        switch (e.type) {
        case SDL_QUIT: display_quit(d); break;
        case SDL_KEYDOWN:
        case SDL_KEYUP: on_key(d, &e.key); break;
        case SDL_MOUSEBUTTONDOWN:
        case SDL_MOUSEBUTTONUP: on_button(d, &e.button); break;
        case SDL_MOUSEMOTION:
            if (w->grabbed)
                events_mouse(d->events, e.motion.xrel, e.motion.yrel, 0, w->buttons);
            break;
        case SDL_MOUSEWHEEL:
            if (w->grabbed)
                events_mouse(d->events, 0, 0, -e.wheel.y, w->buttons);
            break;
        case SDL_DROPFILE:
            events_media(d->events, "", e.drop.file);
            w->free(e.drop.file);
            break;
        case SDL_WINDOWEVENT: on_window(d, &e.window); break;
        default: break;
        }
    }
}

/* Whole milliseconds: what is less is waited for next time. */
static void window_wait(struct display *d, u64 ns)
{
    struct window *w = d->own;

    if (ns >= 1000000)
        w->WaitEventTimeout(NULL, (int)(ns / 1000000));
}

static void window_close(struct display *d)
{
    struct window *w = d->own;

    if (w->window)
        w->DestroyWindow(w->window);
    if (w->Quit)
        w->Quit();
    free(w->mix.pixels);
    free(w); /* the library stays: what it started at its loading does not like to go */
    d->own = NULL;
}

/* ---- Opening ---- */

static bool load(struct window *w, char *why, size_t size)
{
    w->library = dlopen(SDL_LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (!w->library) {
        snprintf(why, size, "the SDL library cannot be loaded: %s", dlerror());
        return false;
    }
#define F(name)                                                      \
    if (!(*(void **)&w->name = dlsym(w->library, "SDL_" #name))) {   \
        snprintf(why, size, "%s has no SDL_%s", SDL_LIBRARY, #name); \
        return false;                                                \
    }
    SDL_FUNCTIONS(F)
#undef F
    return true;
}

static bool make(struct window *w, char *why, size_t size)
{
    w->SetHint(SDL_HINT_NO_SIGNAL_HANDLERS, "1");
    w->SetHint(SDL_HINT_VIDEO_X11_NET_WM_BYPASS_COMPOSITOR, "0");
    w->SetHint(SDL_HINT_FRAMEBUFFER_ACCELERATION,
               "0"); /* where there is no graphics processor, one would be imitated */
    if (w->Init(SDL_INIT_VIDEO) == 0) {
        w->window = w->CreateWindow("Faultline", SDL_WINDOWPOS_CENTERED, SDL_WINDOWPOS_CENTERED, 720, 400,
                                    SDL_WINDOW_RESIZABLE);
        if (w->window && w->GetWindowSurface(w->window))
            return true;
    }
    snprintf(why, size, "no window: %s", w->GetError());
    return false;
}

bool window_open(struct display *d, char *why, size_t size)
{
    static const struct display_ops ops = {window_show, window_pump, window_wait, window_close};
    struct window *w = calloc(1, sizeof(*w));

    if (!w) {
        snprintf(why, size, "out of memory");
        return false;
    }
    d->own = w;
    if (!load(w, why, size) || !make(w, why, size)) {
        window_close(d);
        return false;
    }
    d->ops = &ops;
    return true;
}

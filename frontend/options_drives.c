/* SPDX-License-Identifier: MIT */
/* The options that plug in drives and say from which to boot. */
#include "frontend/options.h"

#include <string.h>

enum { CDROM_INDEX = 2 };

/* ---- Plugging in ---- */

static struct drive_option *free_ide(struct options *o)
{
    for (int i = 0; i < MACHINE_DRIVES; i++)
        if (!o->drive[i].used)
            return &o->drive[i];
    return NULL;
}

static bool plug(struct setting *s, struct drive_option *at, const struct drive_option *d)
{
    if (!at)
        return option_refuse(s, "there are %d IDE drives already", MACHINE_DRIVES);
    if (at->used)
        return option_refuse(s, "another option has plugged a drive in there");
    *at = *d;
    at->used = true;
    return true;
}

static bool plug_file(struct setting *s, struct drive_option *at, const char *file, bool cdrom)
{
    if (!*file)
        return option_refuse(s, "the file name is empty");
    return plug(s, at, &(struct drive_option){.file = file, .cdrom = cdrom, .read_only = cdrom});
}

bool option_hda(struct setting *s, const char *value) { return plug_file(s, &s->o->drive[0], value, false); }
bool option_hdb(struct setting *s, const char *value) { return plug_file(s, &s->o->drive[1], value, false); }
bool option_hdc(struct setting *s, const char *value) { return plug_file(s, &s->o->drive[2], value, false); }
bool option_hdd(struct setting *s, const char *value) { return plug_file(s, &s->o->drive[3], value, false); }
bool option_cdrom(struct setting *s, const char *value) { return plug_file(s, &s->o->drive[CDROM_INDEX], value, true); }
bool option_fda(struct setting *s, const char *value) { return plug_file(s, &s->o->floppy[0], value, false); }
bool option_fdb(struct setting *s, const char *value) { return plug_file(s, &s->o->floppy[1], value, false); }

bool options_plug_image(struct options *o, const char *path, enum drive_kind kind, char *why, size_t size)
{
    struct setting s = {.o = o, .why = why, .size = size};
    struct drive_option *at = kind == DRIVE_FLOPPY  ? &o->floppy[0]
                              : kind == DRIVE_CDROM ? &o->drive[CDROM_INDEX]
                                                    : &o->drive[0];

    if (!at->used)
        return plug_file(&s, at, path, kind == DRIVE_CDROM);
    snprintf(why, size, "%s: another option has plugged a drive in there", path);
    return false;
}

/* ---- -drive ---- */

struct spec {
    struct drive_option drive;
    bool floppy, media_set;
    int index; /* -1: the next that is free */
};

/* One "key=value", `length` bytes at `text`; values other than file names are short. */
struct property {
    char key[24], value[32];
    const char *text; /* the value where it stands */
};

static bool on_off(struct setting *s, const struct property *p, bool *flag)
{
    *flag = !strcmp(p->value, "on");
    if (*flag || !strcmp(p->value, "off"))
        return true;
    return option_refuse(s, "%s=%s: on or off", p->key, p->value);
}

static bool set_interface(struct setting *s, struct spec *d, const char *value)
{
    d->floppy = !strcmp(value, "floppy");
    if (d->floppy || !strcmp(value, "ide"))
        return true;
    return option_refuse(s, "if=%s: ide or floppy", value);
}

static bool set_media(struct setting *s, struct spec *d, const char *value)
{
    d->drive.cdrom = !strcmp(value, "cdrom");
    d->media_set = true;
    if (d->drive.cdrom || !strcmp(value, "disk"))
        return true;
    return option_refuse(s, "media=%s: disk or cdrom", value);
}

static bool set_format(struct setting *s, struct spec *d, const char *value)
{
    d->drive.raw = !strcmp(value, "raw");
    if (d->drive.raw)
        return true;
    return option_refuse(s, "format=%s: raw is the only one; qemu-img convert -O raw makes one", value);
}

static bool set_index(struct setting *s, int *index, const struct property *p, unsigned scale)
{
    u64 n;

    if (!option_number(p->value, 3, &n))
        return option_refuse(s, "%s=%s: a number up to 3", p->key, p->value);
    *index = (*index < 0 ? 0 : *index) + (int)(n * scale);
    return true;
}

static bool set_property(struct setting *s, struct spec *d, const struct property *p)
{
    static const char *const ignored[] = {"id",     "cache",  "aio",    "discard",     "detect-zeroes",
                                          "werror", "rerror", "serial", "copy-on-read"};

    if (!strcmp(p->key, "file")) {
        d->drive.file = *p->text && *p->text != ',' ? p->text : NULL;
        d->drive.listed = true;
        return true;
    }
    if (!strcmp(p->key, "if"))
        return set_interface(s, d, p->value);
    if (!strcmp(p->key, "media"))
        return set_media(s, d, p->value);
    if (!strcmp(p->key, "format"))
        return set_format(s, d, p->value);
    if (!strcmp(p->key, "index") || !strcmp(p->key, "unit"))
        return set_index(s, &d->index, p, 1);
    if (!strcmp(p->key, "bus"))
        return set_index(s, &d->index, p, 2);
    if (!strcmp(p->key, "readonly") || !strcmp(p->key, "read-only"))
        return on_off(s, p, &d->drive.read_only);
    if (!strcmp(p->key, "snapshot"))
        return on_off(s, p, &d->drive.snapshot);
    for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
        if (!strcmp(p->key, ignored[i]))
            return true;
    return option_refuse(s, "'%s' is no property of a drive", p->key);
}

/* The next property; a comma within a file name is written twice. */
static bool next_property(const char **list, struct property *p)
{
    const char *text = *list, *end = text, *equals;

    if (!text)
        return false;
    while (*end && (*end != ',' || end[1] == ','))
        end += *end == ',' ? 2 : 1;
    equals = memchr(text, '=', (size_t)(end - text));
    p->text = equals ? equals + 1 : end;
    snprintf(p->key, sizeof(p->key), "%.*s", (int)((equals ? equals : end) - text), text);
    snprintf(p->value, sizeof(p->value), "%.*s", (int)(end - p->text), p->text);
    *list = *end ? end + 1 : NULL;
    return true;
}

static bool plug_spec(struct setting *s, struct spec *d)
{
    struct options *o = s->o;

    if (d->floppy && d->drive.cdrom)
        return option_refuse(s, "a floppy drive takes no media=cdrom");
    if (!d->drive.file && !d->drive.cdrom && !d->floppy)
        return option_refuse(s, "needs a file=FILE");
    if (d->drive.cdrom)
        d->drive.read_only = true;
    if (d->floppy) {
        if (d->index > 1)
            return option_refuse(s, "there are two floppy drives, index 0 and 1");
        return plug(s, &o->floppy[d->index < 0 ? o->floppy[0].used : d->index], &d->drive);
    }
    if (d->index > 3)
        return option_refuse(s, "there are four IDE drives, index 0 to 3");
    return plug(s, d->index < 0 ? free_ide(o) : &o->drive[d->index], &d->drive);
}

bool option_drive(struct setting *s, const char *value)
{
    struct spec d = {.index = -1};
    const char *list = value;
    struct property p;

    while (next_property(&list, &p))
        if (!set_property(s, &d, &p))
            return false;
    return plug_spec(s, &d);
}

bool option_snapshot(struct setting *s, const char *value)
{
    (void)value;
    s->o->snapshot = true;
    return true;
}

/* ---- -boot ---- */

/* Letters of drives as in DOS, n for a network there is none of. */
static bool set_order(struct setting *s, char order[4], const char *letters)
{
    unsigned n = 0;

    for (; *letters; letters++) {
        char kind = *letters == 'a' || *letters == 'b' ? 'a' : *letters;

        if (!strchr("acdn", kind))
            return option_refuse(s, "'%c' is no drive: a (floppy), c (disk), d (CD)", *letters);
        if (kind == 'n' || memchr(order, kind, n))
            continue;
        order[n++] = kind;
    }
    order[n] = '\0';
    return true;
}

bool option_boot(struct setting *s, const char *value)
{
    const char *list = value;
    struct property p;
    bool on;

    while (next_property(&list, &p)) {
        bool ok = true;

        if (!*p.text && !strchr(p.key, '='))
            ok = set_order(s, s->o->boot_order, p.key);
        else if (!strcmp(p.key, "order"))
            ok = set_order(s, s->o->boot_order, p.value);
        else if (!strcmp(p.key, "once"))
            ok = set_order(s, s->o->boot_once, p.value);
        else if (!strcmp(p.key, "menu"))
            ok = on_off(s, &p, &s->o->boot_menu);
        else if (!strcmp(p.key, "strict"))
            ok = on_off(s, &p, &on);
        else if (strncmp(p.key, "splash", 6) && strcmp(p.key, "reboot-timeout"))
            ok = option_refuse(s, "'%s' is not order, once or menu", p.key);
        if (!ok)
            return false;
    }
    return true;
}

bool option_no_fd_bootchk(struct setting *s, const char *value)
{
    (void)value;
    s->o->any_floppy_boots = true;
    return true;
}

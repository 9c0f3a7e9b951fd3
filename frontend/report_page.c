/* SPDX-License-Identifier: MIT */
/*
 * The report as one HTML page: frontend/report/ with the records in it, as a .flt trace that is compressed as a whole
 * and written in base64. The page's script reads it as docs/trace-format.md says.
 */
#include "frontend/report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "frontend/flt.h"
#include "frontend/options.h"

/* frontend/report/files.S */
extern const char report_html[], report_style[], report_script_trace[], report_script_words[], report_script_model[],
    report_script_charts[], report_script_list[], report_script_detail[], report_script_app[];

struct packer {
    struct output *out;
    z_stream z;
    u8 buffer[49152]; /* three bytes make four characters */
};

/* ---- The records ---- */

static void put_base64(struct output *o, const u8 *from, size_t n)
{
    static const char digits[64] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char to[4096];
    struct text t = TEXT_OVER(to);

    for (; n; from += 3, n -= n < 3 ? n : 3) {
        u32 bits = (u32)from[0] << 16 | (n > 1 ? (u32)from[1] << 8 : 0) | (n > 2 ? from[2] : 0);

        text_char(&t, digits[bits >> 18]);
        text_char(&t, digits[bits >> 12 & 63]);
        text_char(&t, n > 1 ? digits[bits >> 6 & 63] : '=');
        text_char(&t, n > 2 ? digits[bits & 63] : '=');
        if (t.at == t.end || n <= 3) {
            output_bytes(o, to, (size_t)(t.at - to));
            t = TEXT_OVER(to);
        }
    }
}

/* Compresses and writes; a full buffer is a multiple of three. */
static bool pack(struct packer *p, const u8 *bytes, size_t size, int flush)
{
    p->z.next_in = (Bytef *)(uintptr_t)bytes;
    p->z.avail_in = (uInt)size;
    do {
        if (!p->z.avail_out) {
            put_base64(p->out, p->buffer, sizeof(p->buffer));
            p->z.next_out = p->buffer;
            p->z.avail_out = sizeof(p->buffer);
        }
        if (deflate(&p->z, flush) == Z_STREAM_ERROR)
            return false;
    } while (!p->z.avail_out || p->z.avail_in);
    return true;
}

static bool pack_rows(struct packer *p, struct flt_writer *w, struct traces *t)
{
    const struct trace_row *row;
    const u8 *bytes;
    size_t size;

    while ((row = traces_next(t))) {
        if (!flt_write(w, row))
            return false;
        if (!flt_is_full(w))
            continue;
        bytes = flt_take(w, false, &size);
        if (!bytes || !pack(p, bytes, size, Z_NO_FLUSH))
            return false;
    }
    bytes = flt_take(w, true, &size);
    return bytes && pack(p, bytes, size, Z_FINISH);
}

static bool put_trace(struct traces *t, struct output *out)
{
    struct packer *p = calloc(1, sizeof(*p));
    struct flt_writer *w = flt_writer_create(&t->schema, false);
    bool ok = p && w && deflateInit(&p->z, Z_DEFAULT_COMPRESSION) == Z_OK;

    if (ok) {
        p->out = out;
        p->z.next_out = p->buffer;
        p->z.avail_out = sizeof(p->buffer);
        ok = pack_rows(p, w, t);
        put_base64(out, p->buffer, sizeof(p->buffer) - p->z.avail_out);
        deflateEnd(&p->z);
    }
    if (!ok)
        snprintf(t->why, sizeof(t->why), "out of memory");
    flt_writer_destroy(w);
    free(p);
    return ok && !t->why[0];
}

/* ---- The page around them ---- */

static void put_name(struct traces *t, struct output *out)
{
    char name[300];

    snprintf(name, sizeof(name), t->count > 1 ? "%.255s and %u more" : "%.255s", t->path[0], t->count - 1);
    options_one_line(name);
    for (const char *s = name; *s; s++) {
        const char *entity = *s == '<'   ? "&lt;"
                             : *s == '>' ? "&gt;"
                             : *s == '&' ? "&amp;"
                             : *s == '"' ? "&quot;"
                                         : NULL;

        output_bytes(out, entity ? entity : s, entity ? strlen(entity) : 1);
    }
}

static void put_script(struct output *out)
{
    const char *const scripts[] = {report_script_trace, report_script_words,  report_script_model, report_script_charts,
                                   report_script_list,  report_script_detail, report_script_app};

    for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++)
        output_bytes(out, scripts[i], strlen(scripts[i]));
}

/* What stands in the page as @WORD@. False if that failed. */
static bool put_part(const char *word, size_t size, struct traces *t, struct output *out)
{
    if (size == 4 && !memcmp(word, "NAME", 4))
        put_name(t, out);
    else if (size == 5 && !memcmp(word, "STYLE", 5))
        output_bytes(out, report_style, strlen(report_style));
    else if (size == 6 && !memcmp(word, "SCRIPT", 6))
        put_script(out);
    else if (size == 5 && !memcmp(word, "TRACE", 5))
        return put_trace(t, out);
    return true;
}

bool report_page(struct traces *t, struct output *out)
{
    const char *at = report_html;

    for (;;) {
        const char *mark = strchr(at, '@'), *end = mark ? strchr(mark + 1, '@') : NULL;

        if (!end)
            break;
        output_bytes(out, at, (size_t)(mark - at));
        if (!put_part(mark + 1, (size_t)(end - mark - 1), t, out))
            return false;
        at = end + 1;
    }
    output_bytes(out, at, strlen(at));
    return true;
}

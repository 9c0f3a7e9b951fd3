/* SPDX-License-Identifier: MIT */
/* The command history: the last instructions, where the run keeps them. */
#include <stdio.h>

#include "frontend/log.h"
#include "frontend/monitor.h"
#include "frontend/trail.h"

static void put_address(struct reply *r, const struct trail_entry *e)
{
    char text[32];

    if (r->json) {
        reply_hex(r, "cs", e->cs, 0);
        reply_hex(r, "rip", e->rip, 0);
        reply_hex(r, "linear", e->pc, 0);
        return;
    }
    snprintf(text, sizeof(text), "%04x:%0*llx", e->cs,
             e->bits == 64   ? 16
             : e->bits == 32 ? 8
                             : 4,
             (unsigned long long)e->rip);
    reply_string(r, "cs:rip", text);
}

/* An event has no bytes; in a line it stands where instructions do. */
static void put_event(struct reply *r, const struct trail_entry *e)
{
    char text[160];
    struct text t = TEXT_OVER(text);

    if (!r->json)
        text_string(&t, "-- ");
    log_event_text(&t, &e->event);
    text_end(&t);
    if (!r->json)
        reply_string(r, "bytes", "");
    reply_string(r, r->json ? "event" : "insn", text);
}

static void put_instruction(struct monitor *m, struct reply *r, const struct trail_entry *e)
{
    const struct disasm_line *line = disasm_at(m->disasm, e->bits, e->rip, e->bytes, e->size);
    char bytes[2 * sizeof(e->bytes) + 1], symbol[192];
    struct text t = TEXT_OVER(bytes);

    text_hex_bytes(&t, e->bytes, e->size);
    text_end(&t);
    reply_string(r, "bytes", bytes);
    reply_string(r, "insn", line->length ? line->text : "(bytes)");
    monitor_symbol(m, e->pc, symbol, sizeof(symbol));
    reply_string(r, "symbol", *symbol ? symbol + 1 : "");
    if (e->times > 1 || r->json)
        reply_number(r, "times", e->times);
}

void monitor_history(struct monitor *m, const char *arguments, struct reply *r)
{
    static const char *const columns[] = {">icount", "mode",   ">cpl",   "cs:rip", "bytes",
                                          "insn",    "symbol", ">times", NULL};
    u64 n = 10;

    if (*arguments && !monitor_value(m, arguments, &n, r))
        return;
    if (!m->trail) {
        reply_error(r, "history: instructions are not kept; start with --history insns=N");
        return;
    }
    reply_table(r, "history", columns);
    for (n = n < TRAIL_MAX ? n : TRAIL_MAX; n; n--) {
        const struct trail_entry *e = trail_last(m->trail, n);

        if (!e)
            continue;
        reply_row(r);
        reply_number(r, "icount", e->icount);
        reply_string(r, "mode", cpu_mode_name(e->mode));
        reply_number(r, "cpl", e->cpl);
        put_address(r, e);
        if (e->size)
            put_instruction(m, r, e);
        else
            put_event(r, e);
    }
    reply_table_end(r);
}

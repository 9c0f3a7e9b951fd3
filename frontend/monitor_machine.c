/* SPDX-License-Identifier: MIT */
/* Commands about the whole: who called, where names come from, the bus, media, core files. */
#include <stdio.h>
#include <string.h>

#include "devices/pci.h"
#include "frontend/backtrace.h"
#include "frontend/core.h"
#include "frontend/monitor.h"
#include "frontend/record.h"

#define FRAMES 64u

/* ---- Names ---- */

void monitor_backtrace(struct monitor *m, const char *arguments, struct reply *r)
{
    static const char *const columns[] = {">n", ">address", "symbol", NULL};
    struct cpu *cpu = machine_cpu(m->machine);
    u64 frame[FRAMES];
    struct cpu_state s;
    unsigned n;

    (void)arguments;
    if (!m->symbols) {
        reply_error(r, "backtrace: there are no symbols (-symbols FILE)");
        return;
    }
    cpu_get_state(cpu, &s);
    n = backtrace_frames(m->symbols, cpu, &s, frame, FRAMES);
    reply_table(r, "frames", columns);
    for (unsigned i = 0; i <= n; i++) {
        u64 at = i ? frame[i - 1] : monitor_pc(m);
        char symbol[192];

        monitor_symbol(m, at, symbol, sizeof(symbol));
        reply_row(r);
        reply_number(r, "n", i);
        reply_hex(r, "address", at, monitor_digits(m));
        reply_string(r, "symbol", *symbol ? symbol + 1 : "");
    }
    reply_table_end(r);
}

static void put_table(void *ctx, const char *line)
{
    struct reply *r = ctx;

    reply_row(r);
    reply_string(r, "tables", line);
}

void monitor_info_symbols(struct monitor *m, const char *arguments, struct reply *r)
{
    static const char *const columns[] = {"tables", NULL};

    (void)arguments;
    reply_table(r, "symbols", columns);
    if (m->symbols)
        symbols_list(m->symbols, put_table, r);
    reply_table_end(r);
}

/* ---- Faults ---- */

static void put_fault(struct monitor *m, const struct record *f, struct reply *r)
{
    char line[1024], why[512], cure[512];
    struct text t = TEXT_OVER(line), u = TEXT_OVER(why), v = TEXT_OVER(cure);

    faults_line(m->history, f, &t);
    if (!r->json) {
        reply_say(r, "fault", "%s", line);
        return;
    }
    verdict_why(&u, f);
    text_end(&u);
    verdict_cure(&v, f);
    text_end(&v);
    reply_row(r);
    reply_number(r, "seq", f->seq);
    reply_number(r, "icount", f->icount);
    reply_hex(r, "cr2", f->cr2, 16);
    reply_hex(r, "rip", f->rip, 16);
    reply_hex(r, "error", f->error, 0);
    reply_string(r, "cause", fault_cause_name(f->walk.cause));
    reply_string(r, "outcome", record_outcome(f) == OUTCOME_NONE ? "waiting" : outcome_name(record_outcome(f)));
    reply_string(r, "why", why);
    reply_string(r, "cure", cure);
    reply_string(r, "line", line);
}

void monitor_faults(struct monitor *m, const char *arguments, struct reply *r)
{
    static const char *const columns[] = {"fault", NULL};
    u64 n = 10;

    if (*arguments && !monitor_value(m, arguments, &n, r))
        return;
    if (!m->history) {
        reply_error(r, "faults: none are kept here");
        return;
    }
    if (r->json)
        reply_table(r, "faults", columns);
    for (n = n < FAULTS_KEPT ? n : FAULTS_KEPT; n; n--)
        if (faults_last(m->history, n))
            put_fault(m, faults_last(m->history, n), r);
    if (r->json)
        reply_table_end(r);
    else if (!m->history->count)
        reply_say(r, "note", "none so far");
}

/* ---- The bus ---- */

static void put_bars(struct reply *r, const struct pci_function *f)
{
    reply_list(r, "decodes");
    for (unsigned i = 0; i < PCI_BARS; i++) {
        const struct pci_bar *bar = &f->bar[i];
        char text[64];

        if (bar->space == PCI_SPACE_NONE)
            continue;
        snprintf(text, sizeof(text), "%s:%llx+%x%s",
                 bar->space == PCI_SPACE_IO ? "io"
                 : i == PCI_BAR_ROM         ? "rom"
                                            : "mem",
                 (unsigned long long)bar->base, bar->size, bar->decoded ? "" : ",off");
        reply_item(r, text);
    }
    reply_list_end(r);
}

void monitor_info_pci(struct monitor *m, const char *arguments, struct reply *r)
{
    static const char *const columns[] = {"function", ">vendor", ">device", ">class",
                                          ">command", ">irq",    "decodes", NULL};

    (void)arguments;
    reply_table(r, "functions", columns);
    for (unsigned n = 0; n < 256; n++) {
        const struct pci_function *f = pci_find(machine_pci(m->machine), n >> 3, n & 7);
        char place[16];

        if (!f)
            continue;
        snprintf(place, sizeof(place), "00:%02x.%u", n >> 3, n & 7);
        reply_row(r);
        reply_string(r, "function", place);
        reply_hex(r, "vendor", pci_get(f->config, PCI_VENDOR, 2), 4);
        reply_hex(r, "device", pci_get(f->config, PCI_DEVICE, 2), 4);
        reply_hex(r, "class", pci_get(f->config, PCI_CLASS, 2) | pci_get(f->config, PCI_CLASS + 2, 1) << 16, 6);
        reply_hex(r, "command", pci_get(f->config, PCI_COMMAND, 2), 4);
        if (f->config[PCI_INTERRUPT_PIN])
            reply_number(r, "irq", f->config[PCI_INTERRUPT_LINE]);
        else
            reply_null(r, "irq");
        put_bars(r, f);
    }
    reply_table_end(r);
}

/* ---- Media, and core files ---- */

static void change(struct monitor *m, const char *arguments, bool eject, struct reply *r)
{
    size_t n = strcspn(arguments, " \t");
    const char *path = arguments + n + strspn(arguments + n, " \t");
    char drive[16];

    if (!m->events || !m->events->media)
        reply_error(r, "this machine's media cannot be changed");
    else if (m->events->replaying)
        reply_error(r, "a recording is replayed: its input is all there is");
    else if (n >= sizeof(drive))
        reply_error(r, "%.20s..: no drive has such a name", arguments);
    else if (eject && *path)
        reply_error(r, "eject: takes a drive and nothing else");
    else {
        snprintf(drive, sizeof(drive), "%.*s", (int)n, arguments);
        events_media(m->events, drive, eject ? NULL : path);
    }
}

void monitor_change(struct monitor *m, const char *arguments, struct reply *r) { change(m, arguments, false, r); }

void monitor_eject(struct monitor *m, const char *arguments, struct reply *r) { change(m, arguments, true, r); }

void monitor_dump(struct monitor *m, const char *arguments, struct reply *r)
{
    char why[256];

    if (!core_write(m->machine, arguments, why, sizeof(why)))
        reply_error(r, "dump: %s: %s", arguments, why);
}

static void state(struct monitor *m, const char *path, struct reply *r, const char *what,
                  bool (*act)(void *, const char *, char *, size_t))
{
    char why[512];

    if (!act)
        reply_error(r, "%s: not from here", what);
    else if (m->control.stopped && !m->control.stopped(m->control.ctx))
        reply_error(r, "%s: the guest is running; stop it first", what);
    else if (!act(m->state_ctx, path, why, sizeof(why)))
        reply_error(r, "%s: %s", what, why);
}

void monitor_savestate(struct monitor *m, const char *arguments, struct reply *r)
{
    state(m, arguments, r, "savestate", m->save);
}

void monitor_loadstate(struct monitor *m, const char *arguments, struct reply *r)
{
    state(m, arguments, r, "loadstate", m->load);
}

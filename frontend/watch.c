/* SPDX-License-Identifier: MIT */
#include "frontend/watch.h"

#include "frontend/backtrace.h"
#include "frontend/twice.h"
#include "frontend/who.h"
#include "frontend/writers.h"

/* ---- Records ---- */

/* What the recorder does not know: names. */
static void on_describe(void *ctx, struct cpu *cpu, struct record *r)
{
    struct watch *w = ctx;
    struct cpu_state state;

    if (!w->symbols)
        return;
    symbols_follow(w->symbols, cpu, machine_phys(w->machine));
    symbols_find(w->symbols, r->rip, &r->symbol);
    r->source = symbols_line(w->symbols, r->rip, &r->source_line);
    if (r->past == PAST_KNOWN)
        symbols_find(w->symbols, r->writer.write.rip, &r->writer_symbol);
    if (r->misplaced)
        symbols_find(w->symbols, r->elsewhere.write.rip, &r->elsewhere_symbol);
    cpu_get_state(cpu, &state);
    r->frames = (u8)backtrace_frames(w->symbols, cpu, &state, r->frame, RECORD_FRAMES);
    for (unsigned i = 0; i < r->frames; i++)
        if (!symbols_find(w->symbols, r->frame[i] - 1, &r->frame_symbol[i])) /* the CALL, not what is behind it */
            r->frame_symbol[i].name = NULL;
        else
            r->frame_symbol[i].offset++;
}

static void count(struct watch *w, struct watch_count *c, const struct record *r)
{
    struct text t = TEXT_OVER(c->first);

    if (c->count++)
        return;
    explain_fault(&t, r, record_line(w->disasm, r));
    text_end(&t);
}

static void judge(struct watch *w, const struct record *r)
{
    bool expected = false;

    for (unsigned i = 0; i < w->options->expects; i++)
        expected |= expect_matches(&w->expect[i], r);
    if (!expected)
        count(w, &w->unexpected, r);
}

static void on_raised(void *ctx, const struct record *r)
{
    struct watch *w = ctx;

    if (w->overlay)
        overlay_raised(w->overlay, r);
    if (w->listener.raised)
        w->listener.raised(w->listener.ctx, r);
    if (!w->waits)
        judge(w, r);
    if (r->access.kind == ACCESS_EXECUTE && r->access.user && r->walk.cause == CAUSE_SUPERVISOR_PAGE)
        count(w, &w->user_exec, r);
}

static void tell_overlay(struct watch *w, const struct record *r)
{
    char words[OVERLAY_LINE];
    struct text t = TEXT_OVER(words);

    explain_line(&t, r, record_line(w->disasm, r));
    text_end(&t);
    overlay_decided(w->overlay, r, words);
}

/* How often the loop told last has gone on. */
static void tell_repeats(struct watch *w)
{
    struct text t;

    if (!w->repeats)
        return;
    t = output_reserve(w->lines);
    text_string(&t, "... and ");
    text_grouped(&t, w->repeats);
    text_string(&t, w->repeats == 1 ? " time more\n" : " times more\n");
    output_commit(w->lines, &t);
    w->repeats = 0;
}

static void on_decided(void *ctx, const struct record *r)
{
    struct watch *w = ctx;
    struct text t;

    if (w->overlay)
        tell_overlay(w, r);
    if (w->waits && r->vector == 14)
        judge(w, r);
    if (record_outcome(r) == OUTCOME_LOOP)
        count(w, &w->loops, r);
    if (w->listener.decided)
        w->listener.decided(w->listener.ctx, r);
    if (!w->lines)
        return;
    explain_count(&w->explain, r);
    if (record_outcome(r) == OUTCOME_LOOP && r->repeats) {
        w->repeats++; /* it was told once */
        return;
    }
    tell_repeats(w);
    t = output_reserve(w->lines);
    explain_line(&t, r, record_line(w->disasm, r));
    output_commit(w->lines, &t);
    if (w->lines->prompt)
        output_flush(w->lines);
}

static void on_ordered(void *ctx, const struct record *r)
{
    struct watch *w = ctx;
    const struct disasm_line *line = record_line(w->disasm, r);
    char scratch[TRACE_SCRATCH];

    if (w->options->trace_filter && !filter_matches(&w->filter, r, line))
        return;
    trace_row_of(&w->row, r, line, scratch);
    trace_writer_row(w->trace, &w->row);
}

static u64 guest_time(void *ctx)
{
    struct watch *w = ctx;

    return machine_time(w->machine);
}

/* ---- The observer ---- */

static void on_page_fault(void *ctx, struct cpu *cpu, u64 la, unsigned width, const struct access *access,
                          const struct walk *walk, int during)
{
    struct watch *w = ctx;

    if (w->options->check[CHECK_LINT] && !w->linted) {
        w->linted = true;
        if (w->lines)
            output_flush(w->lines);
        checks_lint(&w->checks, cpu, "at the first page fault");
    }
    story_page_fault(&w->story, cpu, la, access, walk);
    if (w->recorder)
        recorder_page_fault(w->recorder, cpu, la, width, access, walk, during);
}

static void on_event(void *ctx, struct cpu *cpu, const struct cpu_event *ev, int during)
{
    struct watch *w = ctx;

    if (w->log)
        log_event(w->log, cpu, ev, during);
    if (w->trail)
        trail_event(w->trail, cpu, ev);
    if (w->recorder)
        recorder_event(w->recorder, cpu, ev, during);
}

static void on_delivery_failed(void *ctx, struct cpu *cpu, const struct cpu_event *first,
                               const struct cpu_event *second, const char *step)
{
    struct watch *w = ctx;

    if (w->log)
        log_delivery_failed(w->log, cpu, first, second, step);
    story_delivery_failed(&w->story, cpu, first, second, step);
    if (w->recorder)
        recorder_delivery_failed(w->recorder, cpu, first, second, step);
}

static void on_resume(void *ctx, struct cpu *cpu)
{
    struct watch *w = ctx;

    if (w->log)
        log_resume(w->log, cpu);
    if (w->recorder)
        recorder_resume(w->recorder, cpu);
}

static void on_decoded(void *ctx, struct cpu *cpu, const u8 *bytes, unsigned size, bool kept)
{
    struct watch *w = ctx;

    if (w->log && log_wants(w->log, LOG_IN_ASM))
        log_decoded(w->log, cpu, bytes, size, kept);
    if (w->trail)
        trail_decoded(w->trail, cpu, bytes, size);
}

static void on_port(void *ctx, struct cpu *cpu, u16 port, unsigned width, u64 value, bool write)
{
    log_port(((struct watch *)ctx)->log, cpu, port, width, value, write);
}

static void on_reset(void *ctx, struct cpu *cpu, bool init) { log_reset(((struct watch *)ctx)->log, cpu, init); }

/* A guest may do nothing else: after these, those are told whose number is a power of two. */
#define STORIES_TOLD 16

/* The story comes after the output that led to it, and before the faults it is made of. */
static void on_shutdown(void *ctx, struct cpu *cpu)
{
    struct watch *w = ctx;

    if (w->lines)
        output_flush(w->lines);
    w->triple_faults++;
    if (w->log)
        log_shutdown(w->log, cpu);
    if (w->listener.quiet) {
        w->story.links = 0;
        return;
    }
    if (w->triple_faults <= STORIES_TOLD || !(w->triple_faults & (w->triple_faults - 1)))
        story_tell(&w->story, cpu, w->tables, stderr);
    if (w->triple_faults == STORIES_TOLD)
        fprintf(
            stderr,
            "faultline: the machine resets again and again; from here only triple faults 32, 64, 128 .. are told\n");
    if (w->recorder)
        recorder_shutdown(w->recorder, cpu, &w->story);
    if (w->lines)
        output_flush(w->lines);
    w->story.links = 0;
}

/* ---- Life ---- */

static void on_stale(void *ctx, struct cpu *cpu, const struct cpu_stale *stale)
{
    struct watch *w = ctx;

    if (w->lines)
        output_flush(w->lines);
    checks_stale(&w->checks, cpu, stale);
}

static void on_strict(void *ctx, struct cpu *cpu, const struct cpu_strict *strict)
{
    struct watch *w = ctx;

    if (w->lines)
        output_flush(w->lines);
    checks_strict(&w->checks, cpu, strict);
}

static void pin_pages(struct tables *t, const u64 *bitmaps)
{
    const u64 *narrow = bitmaps + TWICE_PAGES / 64;

    for (u64 i = 0; i < TWICE_PAGES / 64; i++)
        for (u64 bits = bitmaps[i]; bits; bits &= bits - 1) {
            unsigned bit = (unsigned)__builtin_ctzll(bits);

            tables_pin(t, (i * 64 + bit) << 12, narrow[i] >> bit & 1 ? 4 : 8);
        }
}

/* Who writes entries is told of each fault, and what may be cached needs to know when they change. */
static bool begin_tables(struct watch *w)
{
    const struct options *o = w->options;
    struct cpu *cpu = machine_cpu(w->machine);

    w->checks.machine = w->machine;
    w->checks.to = stderr;
    if (!w->lines && !w->trace && !o->who && !o->check[CHECK_STALE_TLB] && !o->check[CHECK_LINT] &&
        o->tlb == CPU_TLB_FAST)
        return true;
    w->checks.tables = w->tables = tables_create(machine_phys(w->machine));
    if (!w->tables)
        return false;
    if (o->who_lists)
        tables_note_pages(w->tables, o->who_pages, TWICE_PAGES);
    else if (o->who_pages)
        pin_pages(w->tables, o->who_pages);
    cpu_watch_tables(cpu, w->tables);
    return cpu_hold(cpu, o->tlb, o->check[CHECK_STALE_TLB], o->seed);
}

static bool begin_recorder(struct watch *w)
{
    const struct options *o = w->options;
    bool listened = w->listener.raised || w->listener.decided;
    bool asked =
        o->expects || o->fail_on_unexpected || o->fail_on_loop || o->fail_on_user_exec || w->overlay || listened;
    struct recorder_events events = {
        .describe = on_describe,
        .raised = asked ? on_raised : NULL,
        .decided = w->lines || asked ? on_decided : NULL,
        .ordered = w->trace ? on_ordered : NULL,
        .time_ns = guest_time,
        .tables = w->tables,
        .ctx = w,
    };

    bool records = asked || w->lines || w->trace;

    if (records || o->check[CHECK_STRICT]) {
        w->checks.disasm = w->disasm = disasm_create();
        if (!w->disasm)
            return false;
    }
    if (records)
        w->recorder = recorder_create(&events);
    return !records || w->recorder;
}

static bool begin_trace(struct watch *w, struct output *trace)
{
    struct trace_schema schema;

    if (!trace)
        return true;
    trace_schema_init(&schema);
    w->trace = trace_writer_create(trace, w->options->trace_format, &schema);
    return w->trace;
}

bool watch_begin(struct watch *w, struct machine *m, const struct options *o, struct output *trace,
                 struct output *lines, struct overlay *overlay)
{
    struct cpu_observer observer = {
        .ctx = w,
        .delivery_failed = on_delivery_failed,
        .shutdown = on_shutdown,
        .stale = on_stale,
    };

    *w = (struct watch){.listener = w->listener,
                        .log = w->log,
                        .trail = w->trail,
                        .machine = m,
                        .options = o,
                        .lines = lines,
                        .overlay = overlay};
    for (unsigned i = 0; i < o->expects; i++) {
        expect_parse(&w->expect[i], o->expect[i], (char[256]){0}, 256);
        w->waits |= expect_waits(&w->expect[i]);
    }
    if (o->trace_filter)
        filter_parse(&w->filter, o->trace_filter, FILTER_DECIDED, (char[256]){0}, 256);
    if (!begin_trace(w, trace) || !begin_tables(w) || !begin_recorder(w))
        return false;
    if (w->recorder || o->check[CHECK_LINT])
        observer.page_fault = on_page_fault;
    if (w->recorder) {
        w->story.causes = recorder_causes(w->recorder);
        observer.resume = on_resume;
    }
    if (w->recorder || w->log || w->trail)
        observer.event = on_event;
    if (o->check[CHECK_STRICT])
        observer.strict = on_strict;
    if (w->log) {
        observer.decoded = log_wants(w->log, LOG_IN_ASM) ? on_decoded : NULL;
        observer.port = log_wants(w->log, LOG_IO) ? on_port : NULL;
        observer.reset = on_reset;
        observer.resume = log_wants(w->log, LOG_CR3) ? on_resume : observer.resume;
    }
    if (w->trail) {
        observer.decoded = on_decoded;
        trail_follow(w->trail, machine_cpu(m));
    }
    cpu_observe(machine_cpu(m), &observer);
    return true;
}

void watch_name(struct watch *w, struct symbols *symbols)
{
    w->symbols = w->checks.symbols = symbols;
    if (w->log)
        log_name(w->log, symbols);
}

void watch_finish(struct watch *w)
{
    if (w->machine)
        cpu_observe(machine_cpu(w->machine), NULL);
    if (w->recorder)
        recorder_finish(w->recorder);
    if (w->trace)
        trace_writer_end(w->trace);
    if (w->lines) {
        tell_repeats(w);
        output_flush(w->lines);
    }
    if (w->machine && w->options->check[CHECK_LINT])
        checks_lint(&w->checks, machine_cpu(w->machine), "at the end");
    for (unsigned i = 0; w->machine && w->tables && i < w->options->who_addresses; i++)
        who_print(w->tables, w->symbols, machine_cpu(w->machine), w->options->who_address[i], stderr);
    if (w->options->explain)
        explain_table(&w->explain, stderr);
}

void watch_end(struct watch *w)
{
    recorder_destroy(w->recorder);
    disasm_destroy(w->disasm);
    trace_writer_destroy(w->trace);
    w->trace = NULL;
    if (w->machine && w->tables) {
        cpu_hold(machine_cpu(w->machine), CPU_TLB_FAST, false, 0);
        cpu_watch_tables(machine_cpu(w->machine), NULL);
    }
    tables_destroy(w->tables);
    w->tables = NULL;
    w->recorder = NULL;
    w->disasm = NULL;
}

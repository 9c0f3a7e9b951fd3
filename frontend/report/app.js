/* SPDX-License-Identifier: MIT */
"use strict";

/* ---- In words ---- */

function summaryWords(m) {
    let faults = 0, user = 0;
    for (let i = 0; i < m.n; i++) {
        if (!m.isFault(i)) continue;
        faults++;
        if (m.c.cpl.low[i] === 3) user++;
    }
    if (!faults) return [el("p", {}, "The trace holds no page fault.")];
    const top = (id, names, words) => {
        const count = new Uint32Array(names.length);
        for (let i = 0; i < m.n; i++) if (m.isFault(i)) count[id[i]]++;
        const order = names.map((v, k) => [v, count[k]]).filter(x => x[0] && x[1]).sort((a, b) => b[1] - a[1]);
        return order.slice(0, 3).map(([name, n], k) => [k ? k === Math.min(2, order.length - 1) ? " and " : ", " : "", el("b", {}, percent(n, faults)), " ", words[name] || name]).flat();
    };
    const costs = m.costs(), spaces = m.space.values.length;
    const out = [el("p", {}, el("b", {}, plural(faults, "page fault")), ` in ${m.instant ? "one moment" : duration(m.end - m.begin) + " of guest time"}, ${percent(user, faults)} by user programs, in ${plural(spaces, "address space")}. `,
        "In ", ...top(m.c.cause.id, m.c.cause.names, CAUSE_WORDS), ".")];
    out.push(el("p", {}, "What then: in ", ...top(m.final, m.outcomeNames, OUTCOME_WORDS), ". ",
        costs.length ? `Half of those handled took at most ${grouped(costs[costs.length >> 1])} instructions, one in a hundred more than ${grouped(costs[Math.floor((costs.length - 1) * 0.99)])}.` : ""));
    return out;
}

/* What deserves a look, each a filter. */
function oddities(m, app) {
    const outcomes = m.countBy(m.final, m.outcomeNames.length), causes = m.countBy(m.c.cause.id, m.c.cause.names.length), out = [];
    const add = (key, names, id, counts, name, words) => {
        const k = names.indexOf(name);
        if (k > 0 && counts[k]) out.push(el("button.odd", { type: "button", onclick: () => app.toggle(key, name, i => id[i] === k, name) }, el("b", {}, grouped(counts[k])), " ", words));
    };
    add("outcome", m.outcomeNames, m.final, outcomes, "triple-fault", "in a triple fault");
    add("outcome", m.outcomeNames, m.final, outcomes, "double-fault", "became a double fault");
    add("outcome", m.outcomeNames, m.final, outcomes, "loop", "loop: faulted again with nothing changed");
    add("outcome", m.outcomeNames, m.final, outcomes, "delivered", "delivered to the program (a signal)");
    add("outcome", m.outcomeNames, m.final, outcomes, "fixup", "fixed up by the kernel");
    add("cause", m.c.cause.names, m.c.cause.id, causes, "reserved-bit", "with a reserved bit set");
    add("cause", m.c.cause.names, m.c.cause.id, causes, "smep", "stopped by SMEP");
    add("cause", m.c.cause.names, m.c.cause.id, causes, "smap", "stopped by SMAP");
    add("outcome", m.outcomeNames, m.final, outcomes, "pending", "without an outcome");
    return out;
}

/* The records of triple faults, those of one moment together. */
function stories(m, app) {
    const id = m.outcomeNames.indexOf("triple-fault"), rows = [], out = [];
    for (let i = 0; i < m.n && id > 0 && rows.length < 60; i++) if (m.final[i] === id) rows.push(i);
    for (let from = 0; from < rows.length && out.length < 3;) {
        let to = from;
        while (to < rows.length && m.time[rows[to]] === m.time[rows[from]]) to++;
        /* In the order of what happened: the first, what its delivery met, the #DF, what that one's met. */
        const step = r => r.during === 8n ? 3 : r.vector === 8n ? 2 : r.during !== null && r.during !== undefined ? 1 : 0;
        const chain = rows.slice(from, to).map(row => ({ row, r: m.trace.record(row) })).sort((a, b) => step(a.r) - step(b.r));
        out.push(el("div", {}, el("p", {}, `After ${grouped(Number(chain[0].r.icount))} instructions, at `, el("code", {}, bigHex(chain[0].r.rip ?? 0n)), chain[0].r.insn ? [" (", el("code", {}, chain[0].r.insn), ")"] : null, ":"),
            el("ol", {}, chain.map(({ row, r }) => el("li", {}, el("button.link", { type: "button", onclick: () => app.goto(r.seq) }, m.isFault(row) ? "#PF" : VECTORS[r.vector] || "vector " + r.vector), ": ", r.why || "–",
                m.isFault(row) && r.during !== null && r.during !== undefined ? `, while ${VECTORS[r.during] || "vector " + r.during} was being delivered` : "", r.cure ? el("span.muted", {}, " (", r.cure, " would have let it pass)") : null)),
                el("li", {}, el("b", {}, "nothing was left to deliver: the processor shut down")))));
        from = to;
    }
    return out;
}

/* ---- Tables ---- */

const SHARE = 12;

function table(host, heads, rows, more) {
    host.replaceChildren(el("table", {}, el("thead", {}, el("tr", {}, heads.map(([title, number]) => el("th" + (number ? ".number" : ""), { scope: "col" }, title)))),
        el("tbody", {}, rows)), ...(more ? [more] : []));
}

function share(n, most) { return el("td.share", {}, el("i", { style: `width:${Math.max(1, 100 * n / most)}%` }), el("span", {}, grouped(n))); }

class App {
    constructor(trace) {
        this.model = new Model(trace);
        this.selected = null;
        this.limits = { places: SHARE, spaces: SHARE, writers: SHARE };
        this.timeline = new Timeline(document.getElementById("time"), this);
        this.heat = new HeatMap(document.getElementById("heat"), this);
        this.histogram = new Histogram(document.getElementById("cost"), this);
        this.list = new List(this);
        this.detail = new Detail(this);
        this.words();
        this.listen();
        this.refresh();
    }

    words() {
        const m = this.model;
        document.getElementById("summary").replaceChildren(...summaryWords(m));
        const odd = oddities(m, this);
        document.getElementById("odd").replaceChildren(...odd.length ? [el("span.muted", {}, "Worth a look:"), ...odd] : []);
        const told = stories(m, this), story = document.getElementById("story");
        story.hidden = !told.length;
        if (told.length) story.replaceChildren(el("h2", {}, "The triple fault"), ...told);
    }

    listen() {
        let timer;
        const search = document.getElementById("search");
        search.addEventListener("input", () => {
            clearTimeout(timer);
            timer = setTimeout(() => {
                const test = searchTest(this.model, search.value);
                this.choose("search", test ? { test, words: "search: " + search.value.trim() } : null);
            }, this.model.n > 200000 ? 250 : 60);
        });
        document.addEventListener("keydown", e => {
            if (e.key === "/" && !/INPUT|TEXTAREA/.test(document.activeElement.tagName)) { e.preventDefault(); search.focus(); }
            if (e.key === "Escape") { if (document.activeElement === search) search.blur(); else this.select(null); }
        });
        for (const b of document.querySelectorAll("[data-by]"))
            b.addEventListener("click", () => {
                this.timeline.by = b.dataset.by;
                for (const o of document.querySelectorAll("[data-by]")) o.setAttribute("aria-pressed", o === b);
                this.timeline.draw();
            });
        let width = innerWidth;
        addEventListener("resize", () => { if (innerWidth !== width) { width = innerWidth; this.drawCharts(); } });
        dark.addEventListener("change", () => this.refresh());
    }

    /* ---- Choosing ---- */

    choose(key, filter) {
        this.model.choose(key, filter);
        this.refresh();
    }

    toggle(key, value, test, words) {
        this.choose(key, this.model.filters.get(key)?.value === value ? null : { value, test, words });
    }

    chips() {
        const chips = [...this.model.filters].map(([key, f]) => el("button.chip", {
            type: "button", title: "Take this filter away", onclick: () => {
                if (key === "search") document.getElementById("search").value = "";
                this.choose(key, null);
            },
        }, f.words, el("span", { "aria-hidden": "true" }, " ✕")));
        document.getElementById("chips").replaceChildren(...chips);
        document.getElementById("chosen").hidden = !chips.length;
    }

    drawCharts() {
        this.timeline.draw();
        this.heat.draw();
        this.histogram.draw();
    }

    refresh() {
        this.chips();
        this.drawCharts();
        this.places();
        this.spaces();
        this.writers();
        this.list.settle();
    }

    /* ---- The three tables ---- */

    moreButton(kind, count) {
        return count > this.limits[kind] ? el("button.more", { type: "button", onclick: () => { this.limits[kind] *= 4; this[kind](); } }, `${grouped(count - this.limits[kind])} more`) : null;
    }

    places() {
        const m = this.model, g = m.group(m.place.id, m.place.values), most = g.order.length ? g.faults[g.order[0]] : 1;
        table(document.getElementById("places"), [["instruction at"], [""], ["faults", true], ["insns each", true]], g.order.slice(0, this.limits.places).map(k => {
            const i = g.first[k], symbol = m.c.symbol.names[m.c.symbol.id[i]], insn = m.c.insn.names[m.c.insn.id[i]];
            return el("tr" + (m.filters.get("place")?.value === k ? ".on" : ""), { onclick: () => this.toggle("place", k, x => m.place.id[x] === k, "at " + m.place.values[k]) },
                el("td.mono", {}, m.place.values[k]), el("td.mono.clip", { title: insn || "" }, symbol || insn || ""), share(g.faults[k], most), el("td.number", {}, g.handled[k] ? grouped(g.cost[k] / g.handled[k]) : "–"));
        }), this.moreButton("places", g.order.length));
    }

    spaces() {
        const m = this.model, g = m.group(m.space.id, m.space.values), most = g.order.length ? g.faults[g.order[0]] : 1, span = m.end - m.begin;
        table(document.getElementById("spaces"), [["CR3"], ["alive"], ["faults", true], ["at CPL 3", true], ["insns each", true]], g.order.slice(0, this.limits.spaces).map(k => {
            const a = 100 * (m.time[g.first[k]] - m.begin) / span, b = 100 * (m.time[g.last[k]] - m.begin) / span;
            return el("tr" + (m.filters.get("space")?.value === k ? ".on" : ""), { onclick: () => this.toggle("space", k, x => m.space.id[x] === k, "address space " + m.space.values[k]) },
                el("td.mono", {}, m.space.values[k]), el("td.life", { title: `first fault ${moment(m.time[g.first[k]], span)}, last ${moment(m.time[g.last[k]], span)}` }, el("i", { style: `left:${a}%;width:${Math.max(0.8, b - a)}%` })),
                share(g.faults[k], most), el("td.number", {}, percent(g.user[k], g.faults[k])), el("td.number", {}, g.handled[k] ? grouped(g.cost[k] / g.handled[k]) : "–"));
        }), this.moreButton("spaces", g.order.length));
    }

    /* Writers are texts with numbers in them: read when first asked for, a block at a time, while nothing else is to do. */
    writers() {
        const host = document.getElementById("writers"), m = this.model;
        if (this.writer === undefined) {
            this.writer = null;
            if (!m.trace.has("writer")) {
                host.replaceChildren(el("p.muted", {}, "The trace does not say who wrote the entries: the run did not watch the tables (--who)."));
                return;
            }
            this.readWriters(host);
            return;
        }
        if (!this.writer) return;
        const g = m.group(this.writer.id, this.writer.values), order = g.order.filter(k => k), most = order.length ? g.faults[order[0]] : 1;
        table(host, [["last written by"], ["faults", true], ["insns each", true]], order.slice(0, this.limits.writers).map(k => el("tr" + (m.filters.get("writer")?.value === k ? ".on" : ""), {
            onclick: () => this.toggle("writer", k, x => this.writer.id[x] === k, "written by " + this.writer.values[k]),
        }, el("td.mono", {}, this.writer.values[k]), share(g.faults[k], most), el("td.number", {}, g.handled[k] ? grouped(g.cost[k] / g.handled[k]) : "–"))), this.moreButton("writers", order.length));
    }

    readWriters(host) {
        const m = this.model, id = new Uint32Array(m.n), values = [""], ids = new Map();
        let block = 0;
        const step = () => {
            const until = performance.now() + 30;
            for (; block < m.trace.blocks.length && performance.now() < until; block++) {
                const b = m.trace.blocks[block];
                m.trace.records(b).forEach((r, k) => {
                    const w = parseJson(r.writer);
                    if (w === null || w === undefined) return;
                    const name = typeof w === "object" ? [w.symbol, w.rip || w.by].filter(Boolean).join(" ") || "?" : String(w);
                    if (!ids.has(name)) { ids.set(name, values.length); values.push(name); }
                    id[b.first + k] = ids.get(name);
                });
            }
            if (block < m.trace.blocks.length) {
                host.replaceChildren(el("p.muted", {}, `Reading writers: ${percent(block, m.trace.blocks.length)}`));
                setTimeout(step);
            } else {
                this.writer = { id, values };
                this.writers();
            }
        };
        step();
    }

    /* ---- One record ---- */

    select(row) {
        const opened = (this.selected === null) !== (row === null);
        this.selected = row;
        this.detail.show(row);
        if (opened) this.list.head();
        this.list.draw();
    }

    goto(seq) {
        const row = this.model.rowOfSeq(BigInt(seq));
        if (row < 0) return;
        if (!this.list.order.includes(row)) {
            for (const key of [...this.model.filters.keys()]) this.model.choose(key, null);
            document.getElementById("search").value = "";
            this.refresh();
        }
        this.select(row);
        this.list.reveal(row);
        document.getElementById("list").scrollIntoView({ block: "nearest", behavior: "smooth" });
    }
}

async function begin() {
    const started = performance.now(), note = document.getElementById("loading");
    try {
        const holder = document.getElementById("trace"), trace = new Trace(await inflate(holder.textContent));
        holder.remove();
        document.getElementById("page").hidden = false;
        window.app = new App(trace);
        note.remove();
        document.documentElement.dataset.ready = Math.round(performance.now() - started);
        const wanted = /^#(\d+)$/.exec(location.hash);
        if (wanted) window.app.goto(wanted[1]);
    } catch (error) {
        note.textContent = "This page cannot be shown: " + error.message + (typeof DecompressionStream === "undefined" ? " (the browser is too old: it has no DecompressionStream)" : "");
        throw error;
    }
}
addEventListener("DOMContentLoaded", begin);

/* SPDX-License-Identifier: MIT */
/* The list: only the rows on show exist. It keeps its place itself, since no element is as high as a million rows. */
"use strict";

const ROW = 25, TALLEST = 4e6;

class List {
    constructor(app) {
        this.app = app;
        this.host = document.getElementById("rows");
        this.bar = document.getElementById("bar");
        this.top = 0;
        this.sortKey = "seq";
        this.descending = false;
        this.order = app.model.view;
        const c = app.model.c, m = app.model;
        const rank = names => { const r = new Uint32Array(names.length); names.map((v, i) => [v || "", i]).sort((a, b) => a[0] < b[0] ? -1 : 1).forEach(([, i], k) => { r[i] = k; }); return r; };
        const ranked = (id, names) => { const r = rank(names); return { low: Uint32Array.from(id, v => r[v]) }; };
        const zero = new Uint32Array(m.n);
        this.columns = [
            { key: "seq", title: "#", width: "5.5rem", number: true, sort: () => c.seq, cell: i => grouped(c.seq.high[i] * TWO32 + c.seq.low[i]) },
            { key: "time", title: "time", width: "7rem", number: true, sort: () => c.time_ns, cell: i => (m.time[i] / 1e9).toFixed(6) },
            { key: "cause", title: "cause", width: "9.5rem", sort: () => ranked(c.cause.id, c.cause.names), cell: i => this.dot(CAUSE_COLOURS, m.isFault(i) ? c.cause.names[c.cause.id[i]] : "vector " + c.vector.low[i]) },
            { key: "access", title: "access", width: "8.5rem", sort: () => ranked(c.access.id, c.access.names), cell: i => this.access(i) },
            { key: "address", title: "address", width: "10.5rem", mono: true, sort: () => c.cr2, cell: i => c.cr2.known[i] ? hex(c.cr2.high[i], c.cr2.low[i]) : "–" },
            { key: "rip", title: "instruction at", width: "10.5rem", mono: true, sort: () => c.rip, cell: i => m.place.values[m.place.id[i]] },
            { key: "insn", title: "instruction", width: "minmax(8rem, 1fr)", mono: true, sort: () => ranked(c.insn.id, c.insn.names), cell: i => [c.symbol.names[c.symbol.id[i]], c.insn.names[c.insn.id[i]]].filter(Boolean).join(": ") || "–" },
            { key: "space", title: "address space", width: "8.2rem", mono: true, sort: () => c.cr3, cell: i => m.space.values[m.space.id[i]] },
            { key: "outcome", title: "outcome", width: "9rem", sort: () => ranked(m.final, m.outcomeNames), cell: i => this.dot(OUTCOME_COLOURS, m.outcomeNames[m.final[i]]) },
            { key: "cost", title: "insns", width: "6rem", number: true, sort: () => c.handler_instructions, cell: i => m.handled[i] ? grouped(m.cost[i]) : "–" },
        ];
        this.zero = zero;
        this.head();
        this.listen();
    }

    dot(colours, name) { return name ? el("span.dot", {}, el("i", { style: "background:" + colourOf(colours, name) }), name) : "–"; }

    access(i) {
        const c = this.app.model.c, implicit = c.implicit.names[c.implicit.id[i]], kind = c.access.names[c.access.id[i]];
        return kind ? (implicit ? implicit + " " : c.cpl.low[i] === 3 ? "user " : "kernel ") + kind : "–";
    }

    /* Beside an open record there is room for fewer. */
    get visible() { return this.app.selected === null ? this.columns : this.columns.filter(c => !["time", "insn", "space"].includes(c.key)); }

    head() {
        const host = document.getElementById("columns"), flexible = this.app.selected === null ? "" : "minmax(9rem, 1fr)";
        document.getElementById("list").style.setProperty("--columns", this.visible.map(c => flexible && c.key === "outcome" ? flexible : c.width).join(" "));
        host.replaceChildren(...this.visible.map(c => el("button" + (c.number ? ".number" : ""), {
            type: "button", "data-key": c.key, role: "columnheader", "aria-sort": c.key === this.sortKey ? this.descending ? "descending" : "ascending" : "none", onclick: () => this.sortBy(c.key),
        }, c.title, el("span.arrow", {}, c.key === this.sortKey ? this.descending ? " ↓" : " ↑" : ""))));
    }

    sortBy(key) {
        this.descending = key === this.sortKey ? !this.descending : key === "cost";
        this.sortKey = key;
        this.head();
        this.settle();
    }

    /* What is chosen, in its order. */
    settle() {
        const m = this.app.model, column = this.columns.find(c => c.key === this.sortKey), by = column.sort();
        this.order = this.sortKey === "seq" && !this.descending ? m.view : radixSort(m.view, by.low, by.high || this.zero);
        if (this.descending) this.order = Uint32Array.from(this.order).reverse();
        document.getElementById("count").textContent = m.view.length === m.n ? plural(m.n, "record") : `${grouped(m.view.length)} of ${plural(m.n, "record")}`;
        this.bar.firstElementChild.style.height = Math.min(TALLEST, this.order.length * ROW) + "px";
        this.scrollTo(0);
    }

    get shown() { return Math.max(1, Math.floor(this.host.clientHeight / ROW)); }
    get lastTop() { return Math.max(0, this.order.length - this.shown); }

    scrollTo(top) {
        this.top = Math.max(0, Math.min(this.lastTop, top));
        const room = this.bar.scrollHeight - this.bar.clientHeight;
        this.expected = this.lastTop ? Math.round(this.top / this.lastTop * room) : 0;
        this.bar.scrollTop = this.expected;
        this.draw();
    }

    draw() {
        const first = Math.floor(this.top), rows = [];
        for (let k = first; k < Math.min(this.order.length, first + this.shown + 2); k++) {
            const i = this.order[k];
            rows.push(el("div.row" + (i === this.app.selected ? ".selected" : ""), { role: "row", "data-row": i },
                ...this.visible.map(c => el("span" + (c.number ? ".number" : "") + (c.mono ? ".mono" : ""), { role: "cell" }, c.cell(i)))));
        }
        if (!rows.length) rows.push(el("div.empty", {}, "No record is chosen. Take a filter away."));
        this.host.replaceChildren(...rows);
        this.host.style.setProperty("--shift", -(this.top - first) * ROW + "px");
    }

    listen() {
        const move = by => this.scrollTo(this.top + by);
        this.bar.addEventListener("scroll", () => {
            if (Math.abs(this.bar.scrollTop - this.expected) < 2) return;
            const room = this.bar.scrollHeight - this.bar.clientHeight;
            this.expected = this.bar.scrollTop;
            this.top = room > 0 ? this.bar.scrollTop / room * this.lastTop : 0;
            this.draw();
        });
        this.host.addEventListener("wheel", e => {
            const by = e.deltaMode === 1 ? e.deltaY : e.deltaY / ROW;
            if (by < 0 ? this.top > 0 : this.top < this.lastTop) e.preventDefault();
            move(by);
        }, { passive: false });
        this.host.addEventListener("click", e => {
            const row = e.target.closest("[data-row]");
            if (row) this.app.select(Number(row.dataset.row));
        });
        this.host.addEventListener("keydown", e => {
            const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: this.shown - 1, PageUp: 1 - this.shown, Home: -Infinity, End: Infinity }, step = steps[e.key];
            if (step === undefined || !this.order.length) return;
            e.preventDefault();
            const at = this.order.indexOf(this.app.selected);
            const to = Math.max(0, Math.min(this.order.length - 1, at < 0 ? Math.floor(this.top) : at + step));
            this.app.select(this.order[to]);
            this.show(to);
        });
        new ResizeObserver(() => this.scrollTo(this.top)).observe(this.host);
    }

    show(k) {
        if (k < this.top) this.scrollTo(k);
        else if (k >= this.top + this.shown - 1) this.scrollTo(k - this.shown + 2);
        else this.draw();
    }

    /* Brings a record into sight, if it is among those chosen. */
    reveal(row) {
        const k = this.order.indexOf(row);
        if (k >= 0 && (k < this.top || k >= this.top + this.shown - 1)) this.scrollTo(k - Math.floor(this.shown / 3));
    }
}

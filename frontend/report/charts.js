/* SPDX-License-Identifier: MIT */
/* The charts, on canvases. Each draws what is chosen, tells what is below the pointer, and chooses by click or drag. */
"use strict";

const css = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/* Room for a chart: a canvas as wide as its place, sharp on any screen. */
function canvasOf(host, height) {
    const canvas = host.querySelector("canvas") || host.appendChild(el("canvas", { role: "img" }));
    const width = Math.max(host.clientWidth, 120), ratio = devicePixelRatio || 1;
    canvas.style.height = height + "px";
    canvas.style.width = width + "px";
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    const g = canvas.getContext("2d");
    g.setTransform(ratio, 0, 0, ratio, 0, 0);
    g.clearRect(0, 0, width, height);
    g.font = "11px " + css("--sans");
    g.lineWidth = 1;
    return { canvas, g, width, height };
}

const tip = {
    show(event, ...children) {
        const box = document.getElementById("tip");
        box.replaceChildren(...children);
        box.hidden = false;
        const x = Math.min(event.clientX + 14, innerWidth - box.offsetWidth - 8), y = event.clientY + 16 + box.offsetHeight > innerHeight ? event.clientY - box.offsetHeight - 10 : event.clientY + 16;
        box.style.left = Math.max(4, x) + "px";
        box.style.top = Math.max(4, y) + "px";
    },
    hide() { document.getElementById("tip").hidden = true; },
};

/* Round numbers from 0 to `most`. */
function ticks(most, wanted) {
    const raw = most / wanted, size = 10 ** Math.floor(Math.log10(raw || 1));
    const step = [1, 2, 5, 10].map(f => f * size).find(s => s >= raw) || size;
    const out = [];
    for (let v = 0; v <= most * 1.0001; v += step) out.push(v);
    return out;
}

function timeAxis(g, m, left, right, y) {
    const span = m.end - m.begin, x = t => left + (t - m.begin) / span * (right - left);
    const step = ticks(span, Math.max(2, (right - left) / 110))[1] || span;
    g.fillStyle = css("--muted");
    g.strokeStyle = css("--line");
    g.textAlign = "center";
    for (let t = Math.ceil(m.begin / step) * step; t <= m.end; t += step) {
        g.beginPath();
        g.moveTo(x(t) + 0.5, y);
        g.lineTo(x(t) + 0.5, y + 4);
        g.stroke();
        const label = moment(t, span), half = g.measureText(label).width / 2;
        g.fillText(label, Math.min(Math.max(x(t), left + half - 4), right - half + 6), y + 16);
    }
}

function valueAxis(g, most, left, right, top, bottom) {
    g.textAlign = "right";
    for (const v of ticks(most, 4)) {
        const y = Math.round(bottom - v / most * (bottom - top)) + 0.5;
        g.strokeStyle = css("--line");
        g.beginPath();
        g.moveTo(left, y);
        g.lineTo(right, y);
        g.stroke();
        g.fillStyle = css("--muted");
        g.fillText(compact(v), left - 6, y + 4);
    }
}

/* ---- Faults over time ---- */

/* What the colours mean; a click chooses. */
function drawLegend(app, host, s) {
    const m = app.model, counts = m.countBy(s.id, s.names.length);
    const shown = s.names.map((name, k) => ({ name, k, n: counts[k] })).filter(x => x.name && (x.n || m.filters.get(s.key)?.value === x.name)).sort((a, b) => b.n - a.n);
    host.replaceChildren(...shown.map(({ name, k, n }) => el("button.legend" + (m.filters.get(s.key)?.value === name ? ".on" : ""), {
        type: "button", title: (s.key === "cause" ? CAUSE_WORDS : OUTCOME_WORDS)[name] || name,
        onclick: () => app.toggle(s.key, name, i => s.id[i] === k, name),
    }, el("i", { style: "background:" + colourOf(s.colours, name) }), name, el("b", {}, grouped(n)))));
}

class Timeline {
    constructor(host, app) {
        this.host = host;
        this.app = app;
        this.by = "cause";
        host.addEventListener("pointerdown", e => this.press(e));
        host.addEventListener("pointermove", e => this.move(e));
        host.addEventListener("pointerup", e => this.release(e));
        host.addEventListener("pointerleave", tip.hide);
    }

    series() {
        const m = this.app.model;
        return this.by === "cause" ? { id: m.c.cause.id, names: m.c.cause.names, colours: CAUSE_COLOURS, key: "cause" }
            : { id: m.final, names: m.outcomeNames, colours: OUTCOME_COLOURS, key: "outcome" };
    }

    draw() {
        const m = this.app.model, { canvas, g, width, height } = canvasOf(this.host, 210), s = this.series();
        const left = 48, right = width - 8, top = 8, bottom = height - 24, bins = Math.max(20, Math.floor((right - left) / 4));
        const count = new Uint32Array(bins * s.names.length), scale = bins / (m.end - m.begin), total = new Uint32Array(bins);
        for (const i of m.view) {
            const bin = Math.min(bins - 1, Math.floor((m.time[i] - m.begin) * scale));
            count[bin * s.names.length + s.id[i]]++;
            total[bin]++;
        }
        let most = 1;
        for (const t of total) most = Math.max(most, t);
        valueAxis(g, most, left, right, top, bottom);
        timeAxis(g, m, left, right, bottom);
        const order = s.names.map((_, k) => k).filter(k => k), w = (right - left) / bins;
        for (let b = 0; b < bins; b++) {
            let y = bottom;
            for (const k of order) {
                const n = count[b * s.names.length + k];
                if (!n) continue;
                const h = n / most * (bottom - top);
                g.fillStyle = colourOf(s.colours, s.names[k]);
                g.fillRect(left + b * w, y - Math.max(h, 0.7), Math.max(1, w - 1), Math.max(h, 0.7));
                y -= h;
            }
        }
        Object.assign(this, { left, right, top, bottom, bins, count, total, names: s.names });
        canvas.setAttribute("aria-label", "Faults over guest time, by " + this.by);
        this.drawChosen(g);
        drawLegend(this.app, document.getElementById("time-legend"), s);
    }

    drawChosen(g) {
        const chosen = this.drag || this.app.model.filters.get("time")?.range;
        if (!chosen) return;
        const [a, b] = chosen.map(t => this.xOf(t));
        g.fillStyle = css("--select");
        g.fillRect(a, this.top, Math.max(1, b - a), this.bottom - this.top);
        g.strokeStyle = css("--accent");
        g.strokeRect(a + 0.5, this.top + 0.5, Math.max(1, b - a), this.bottom - this.top);
    }

    xOf(t) { const m = this.app.model; return this.left + (t - m.begin) / (m.end - m.begin) * (this.right - this.left); }
    timeAt(e) {
        const m = this.app.model, x = Math.min(this.right, Math.max(this.left, e.clientX - this.host.getBoundingClientRect().left));
        return m.begin + (x - this.left) / (this.right - this.left) * (m.end - m.begin);
    }

    press(e) {
        this.from = this.timeAt(e);
        this.host.setPointerCapture(e.pointerId);
    }
    move(e) {
        if (this.from !== undefined) {
            const t = this.timeAt(e);
            this.drag = [Math.min(t, this.from), Math.max(t, this.from)];
            this.draw();
            return;
        }
        const m = this.app.model, b = Math.min(this.bins - 1, Math.floor((this.timeAt(e) - m.begin) / (m.end - m.begin) * this.bins));
        if (!(b >= 0) || !this.total[b]) { tip.hide(); return; }
        const at = m.begin + b / this.bins * (m.end - m.begin), lines = this.names.map((name, k) => [name, this.count[b * this.names.length + k]]).filter(x => x[0] && x[1]);
        tip.show(e, el("b", {}, moment(at, (m.end - m.begin) / 50) + ": " + plural(this.total[b], "fault")), ...lines.map(([name, n]) => el("div", {}, n + " " + name)));
    }
    release() {
        const range = this.drag, m = this.app.model;
        this.from = this.drag = undefined;
        if (range && this.xOf(range[1]) - this.xOf(range[0]) > 3)
            this.app.choose("time", { range, words: moment(range[0], range[1] - range[0]) + " to " + moment(range[1], range[1] - range[0]), test: i => m.time[i] >= range[0] && m.time[i] <= range[1] });
        else if (m.filters.has("time")) this.app.choose("time", null);
        else this.draw();
    }
}

/* ---- The address space ---- */

/* From the ground's colour to the accent's: equal steps look equal. */
function heatColour(f) {
    const stops = dark.matches ? [[28, 37, 56], [53, 76, 140], [120, 92, 190], [226, 116, 140], [255, 213, 128]] : [[226, 234, 246], [150, 190, 226], [70, 130, 180], [52, 72, 140], [40, 16, 72]];
    const x = f * (stops.length - 1), k = Math.min(stops.length - 2, Math.floor(x)), d = x - k;
    return "rgb(" + [0, 1, 2].map(j => Math.round(stops[k][j] * (1 - d) + stops[k + 1][j] * d)).join(",") + ")";
}

class HeatMap {
    constructor(host, app) {
        this.host = host;
        this.app = app;
        host.addEventListener("pointermove", e => this.move(e));
        host.addEventListener("pointerleave", tip.hide);
        host.addEventListener("click", e => this.click(e));
    }

    draw() {
        const m = this.app.model, rows = m.regions.length, rowHeight = Math.max(7, Math.min(34, Math.floor(330 / Math.max(1, rows))));
        const { canvas, g, width } = canvasOf(this.host, rows * rowHeight + 34), left = 138, right = width - 8, top = 6, bottom = top + rows * rowHeight;
        const bins = Math.max(10, Math.floor((right - left) / 6)), scale = bins / (m.end - m.begin), count = new Uint32Array(bins * rows);
        let most = 1;
        for (const i of m.view) {
            if (m.region[i] === 255) continue;
            const n = ++count[m.region[i] * bins + Math.min(bins - 1, Math.floor((m.time[i] - m.begin) * scale))];
            if (n > most) most = n;
        }
        const w = (right - left) / bins;
        for (let row = 0; row < rows; row++) {
            const y = bottom - (row + 1) * rowHeight; /* high addresses on top */
            for (let b = 0; b < bins; b++) {
                const n = count[row * bins + b];
                if (!n) continue;
                g.fillStyle = heatColour(0.15 + 0.85 * Math.log(1 + n) / Math.log(1 + most));
                g.fillRect(left + b * w, y, Math.max(1, w - 0.5), rowHeight - 1);
            }
            this.label(g, row, y, rowHeight, left, right);
        }
        g.strokeStyle = css("--line");
        g.strokeRect(left - 0.5, top - 0.5, right - left + 1, bottom - top + 1);
        timeAxis(g, m, left, right, bottom);
        Object.assign(this, { left, right, top, bottom, bins, rows, rowHeight, count });
        canvas.setAttribute("aria-label", "Faulting addresses over guest time");
        document.getElementById("heat-note").textContent = `Each row is ${sizeWords(m.regionSize)} of linear addresses; what no fault touched is left out. ` +
            `Darkest: ${plural(most, "fault")}.`.replace("Darkest", dark.matches ? "Brightest" : "Darkest");
    }

    label(g, row, y, rowHeight, left, right) {
        const m = this.app.model, gap = row > 0 && m.regions[row] - m.regions[row - 1] !== m.regionSize;
        const every = Math.ceil(12 / rowHeight);
        if (gap) {
            g.strokeStyle = css("--line");
            g.beginPath();
            g.moveTo(left - 6, y + rowHeight - 0.5);
            g.lineTo(right, y + rowHeight - 0.5);
            g.stroke();
        }
        if (row % every && !(gap && every === 1)) return;
        g.fillStyle = m.filters.get("region")?.value === row ? css("--accent") : css("--muted");
        g.font = "11px " + css("--mono");
        g.textAlign = "right";
        g.fillText(bigHex(m.regions[row]), left - 8, y + rowHeight - Math.max(1, (rowHeight - 9) / 2));
        g.font = "11px " + css("--sans");
    }

    cellAt(e) {
        const box = this.host.getBoundingClientRect(), x = e.clientX - box.left, y = e.clientY - box.top;
        if (!(y >= this.top && y < this.bottom && x < this.right)) return null;
        const row = Math.floor((this.bottom - y) / this.rowHeight), bin = Math.floor((x - this.left) / (this.right - this.left) * this.bins);
        return row >= 0 && row < this.rows ? { row, bin } : null;
    }

    move(e) {
        const cell = this.cellAt(e), m = this.app.model;
        if (!cell) { tip.hide(); return; }
        const { row, bin } = cell, range = bigHex(m.regions[row]) + " to " + bigHex(m.regions[row] + m.regionSize - 1n), lines = [];
        if (bin >= 0) {
            const n = this.count[row * this.bins + bin];
            lines.push(el("div", {}, plural(n, "fault") + " at " + moment(m.begin + bin / this.bins * (m.end - m.begin), (m.end - m.begin) / 50)));
        }
        tip.show(e, el("b", {}, range), ...lines);
    }

    click(e) {
        const cell = this.cellAt(e), m = this.app.model;
        if (cell) this.app.toggle("region", cell.row, i => m.region[i] === cell.row, "addresses from " + bigHex(m.regions[cell.row]));
    }
}

function sizeWords(size) {
    const units = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let n = size, u = 0;
    while (n >= 1024n && u < 5) { n /= 1024n; u++; }
    return n + " " + units[u];
}

/* ---- What handling costs ---- */

class Histogram {
    constructor(host, app) {
        this.host = host;
        this.app = app;
        host.addEventListener("pointermove", e => this.move(e));
        host.addEventListener("pointerleave", tip.hide);
        host.addEventListener("click", e => this.click(e));
    }

    /* Four buckets for each doubling. */
    bucketOf(cost) { return cost < 1 ? 0 : Math.floor(Math.log2(cost) * 4 + 1e-9); }

    draw() {
        const m = this.app.model, { canvas, g, width, height } = canvasOf(this.host, Math.max(200, document.getElementById("heat").clientHeight - 12)), left = 48, right = width - 8, top = 22, bottom = height - 24;
        const names = m.outcomeNames, buckets = new Map();
        let least = Infinity, last = 0;
        for (const i of m.view) {
            if (!m.handled[i]) continue;
            const b = this.bucketOf(m.cost[i]);
            if (!buckets.has(b)) buckets.set(b, new Uint32Array(names.length + 1));
            const counts = buckets.get(b);
            counts[m.final[i]]++;
            counts[names.length]++;
            least = Math.min(least, b);
            last = Math.max(last, b);
        }
        canvas.setAttribute("aria-label", "Instructions from fault to return");
        this.buckets = buckets;
        drawLegend(this.app, document.getElementById("cost-legend"), { id: m.final, names, colours: OUTCOME_COLOURS, key: "outcome" });
        if (!buckets.size) {
            g.fillStyle = css("--muted");
            g.textAlign = "center";
            g.fillText("No fault that is chosen was handled.", width / 2, height / 2);
            return;
        }
        least = Math.floor(least / 4) * 4;
        last = Math.max(last, least + 15);
        const most = Math.max(...[...buckets.values()].map(c => c[names.length])), w = (right - left) / (last - least + 1);
        valueAxis(g, most, left, right, top, bottom);
        for (const [b, counts] of buckets) {
            let y = bottom;
            for (let k = 0; k < names.length; k++) {
                if (!counts[k]) continue;
                const h = counts[k] / most * (bottom - top);
                g.fillStyle = colourOf(OUTCOME_COLOURS, names[k]);
                g.fillRect(left + (b - least) * w, y - Math.max(h, 0.7), Math.max(1, w - 1), Math.max(h, 0.7));
                y -= h;
            }
        }
        Object.assign(this, { left, right, top, bottom, least, last, w });
        this.axis(g);
        this.marks(g);
    }

    axis(g) {
        g.textAlign = "center";
        g.fillStyle = css("--muted");
        const step = Math.ceil((this.last - this.least) / 4 / Math.max(2, (this.right - this.left) / 60));
        for (let p = this.least / 4; p * 4 <= this.last + 1; p += step) g.fillText(compact(2 ** p), this.left + (p * 4 - this.least) * this.w, this.bottom + 16);
    }

    marks(g) {
        const costs = this.app.model.costs();
        let free = -Infinity;
        for (const [label, f] of [["half", 0.5], ["90 %", 0.9], ["99 %", 0.99]]) {
            const v = costs[Math.floor((costs.length - 1) * f)], x = this.left + (Math.log2(Math.max(v, 1)) * 4 - this.least) * this.w;
            g.strokeStyle = css("--ink");
            g.setLineDash([3, 3]);
            g.beginPath();
            g.moveTo(x, this.top);
            g.lineTo(x, this.bottom);
            g.stroke();
            g.setLineDash([]);
            if (x < free) continue;
            g.fillStyle = css("--ink");
            g.textAlign = x > this.right - 60 ? "right" : "left";
            g.fillText(label + ": " + compact(v), x > this.right - 60 ? x : x - 2, this.top - 8);
            free = x + 62;
        }
    }

    bucketAt(e) {
        const x = e.clientX - this.host.getBoundingClientRect().left, b = Math.floor((x - this.left) / this.w) + this.least;
        return this.buckets?.has(b) ? b : null;
    }

    move(e) {
        const b = this.bucketAt(e), m = this.app.model;
        if (b === null) { tip.hide(); return; }
        const counts = this.buckets.get(b), lines = m.outcomeNames.map((name, k) => [name, counts[k]]).filter(x => x[0] && x[1]);
        tip.show(e, el("b", {}, `${grouped(2 ** (b / 4))} to ${grouped(2 ** ((b + 1) / 4))} instructions: ${plural(counts[m.outcomeNames.length], "fault")}`), ...lines.map(([name, n]) => el("div", {}, n + " " + name)));
    }

    click(e) {
        const b = this.bucketAt(e), m = this.app.model;
        if (b !== null) this.app.toggle("cost", b, i => m.handled[i] === 1 && this.bucketOf(m.cost[i]) === b, `${grouped(2 ** (b / 4))} to ${grouped(2 ** ((b + 1) / 4))} instructions`);
    }
}

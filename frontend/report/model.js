/* SPDX-License-Identifier: MIT */
/* The records as arrays, what is chosen of them, and counts over what is chosen. */
"use strict";

const NUMBERS = ["seq", "icount", "time_ns", "vector", "cr2", "rip", "cr3", "cpl", "size", "error", "handler_instructions"];
const TEXTS = ["cause", "outcome", "then", "access", "implicit", "insn", "symbol", "mode", "trace"];
const TWO32 = 4294967296;

/* Numbers that are exact as a double. */
function doubles(pair) {
    const out = new Float64Array(pair.low.length);
    for (let i = 0; i < out.length; i++) out[i] = pair.high[i] * TWO32 + pair.low[i];
    return out;
}

/* The different values of a column, numbered. */
function distinct(pair, lowMask) {
    const n = pair.low.length, id = new Uint32Array(n), halves = new Map(), values = [];
    for (let i = 0; i < n; i++) {
        const high = pair.high[i] & (lowMask ? 0xfffff : -1), low = (lowMask ? pair.low[i] & lowMask : pair.low[i]) >>> 0;
        let lows = halves.get(high);
        if (!lows) halves.set(high, lows = new Map());
        let v = lows.get(low);
        if (v === undefined) {
            v = values.length;
            lows.set(low, v);
            values.push(hex(high >>> 0, low));
        }
        id[i] = v;
    }
    return { id, values };
}

class Model {
    constructor(trace) {
        const c = trace.decode([...NUMBERS], [...TEXTS]);
        this.trace = trace;
        this.n = trace.rows;
        this.c = c;
        this.time = doubles(c.time_ns);
        this.cost = doubles(c.handler_instructions);
        this.handled = c.handler_instructions.known;
        this.place = distinct(c.rip);
        this.space = distinct(c.cr3, 0xfffff000); /* without PCID and cache bits */
        this.settleOutcomes();
        this.begin = Infinity;
        this.end = -Infinity;
        for (let i = 0; i < this.n; i++) {
            if (this.time[i] < this.begin) this.begin = this.time[i];
            if (this.time[i] > this.end) this.end = this.time[i];
        }
        this.instant = !(this.end > this.begin);
        if (!this.n) this.begin = 0;
        if (this.instant) this.end = this.begin + 1000;
        this.filters = new Map(); /* key -> {words, test(row), ...} */
        this.all = new Uint32Array(this.n);
        for (let i = 0; i < this.n; i++) this.all[i] = i;
        this.view = this.all;
        this.makeRegions();
    }

    /* The final outcome: "switched" is what came first. */
    settleOutcomes() {
        const { outcome, then } = this.c, names = outcome.names, ids = new Map(names.map((v, i) => [v, i]));
        const map = then.names.map(v => {
            if (v === null) return 0;
            if (!ids.has(v)) { ids.set(v, names.length); names.push(v); }
            return ids.get(v);
        });
        this.final = Uint16Array.from(outcome.id);
        for (let i = 0; i < this.n; i++) if (then.id[i]) this.final[i] = map[then.id[i]];
        this.outcomeNames = names;
    }

    isFault(i) { return !this.c.vector.known[i] || this.c.vector.low[i] === 14; }

    /* Rows of the heat map: regions of the address space that were touched, so small that they just fit. */
    makeRegions() {
        const { low, high, known } = this.c.cr2, rows = 44;
        let shift = 12, keys = new Set();
        for (let i = 0; i < this.n; i++) if (known[i]) keys.add(high[i] * 1048576 + (low[i] >>> 12));
        while (keys.size > rows) {
            const step = shift < 21 ? 3 : 2, wider = new Set();
            for (const k of keys) wider.add(Math.floor(k / 2 ** step));
            keys = wider;
            shift += step;
        }
        const sorted = [...keys].sort((a, b) => a - b), number = new Map(sorted.map((k, i) => [k, i])), scale = 2 ** (shift - 12);
        this.region = new Uint8Array(this.n).fill(255);
        for (let i = 0; i < this.n; i++)
            if (known[i]) this.region[i] = number.get(Math.floor((high[i] * 1048576 + (low[i] >>> 12)) / scale));
        this.regions = sorted.map(k => BigInt(k) << BigInt(shift));
        this.regionSize = 1n << BigInt(shift);
    }

    /* ---- What is chosen ---- */

    choose(key, filter) {
        if (filter) this.filters.set(key, filter);
        else this.filters.delete(key);
        const tests = [...this.filters.values()].map(f => f.test);
        if (!tests.length) this.view = this.all;
        else {
            const view = new Uint32Array(this.n);
            let n = 0;
            next: for (let i = 0; i < this.n; i++) {
                for (const test of tests) if (!test(i)) continue next;
                view[n++] = i;
            }
            this.view = view.subarray(0, n);
        }
    }

    /* Counts by a numbering of rows. */
    countBy(id, size) {
        const out = new Uint32Array(size), view = this.view;
        for (let i = 0; i < view.length; i++) out[id[view[i]]]++;
        return out;
    }

    group(id, values) {
        const n = values.length, faults = new Uint32Array(n), handled = new Uint32Array(n), cost = new Float64Array(n), user = new Uint32Array(n);
        const first = new Uint32Array(n).fill(0xffffffff), last = new Uint32Array(n), view = this.view, cpl = this.c.cpl.low;
        for (let k = 0; k < view.length; k++) {
            const i = view[k], g = id[i];
            faults[g]++;
            if (this.handled[i]) { handled[g]++; cost[g] += this.cost[i]; }
            if (cpl[i] === 3) user[g]++;
            if (i < first[g]) first[g] = i;
            if (i > last[g]) last[g] = i;
        }
        const order = [];
        for (let g = 0; g < n; g++) if (faults[g]) order.push(g);
        order.sort((a, b) => faults[b] - faults[a] || first[a] - first[b]);
        return { order, faults, handled, cost, user, first, last };
    }

    costs() {
        const out = new Float64Array(this.view.length);
        let n = 0;
        for (const i of this.view) if (this.handled[i]) out[n++] = this.cost[i];
        return out.subarray(0, n).sort();
    }

    rowOfSeq(seq) {
        const { low, high } = this.c.seq, guess = Number(seq) - 1, is = i => i >= 0 && i < this.n && BigInt(high[i]) << 32n === (seq >> 32n) << 32n && low[i] === Number(seq & 0xffffffffn);
        if (is(guess)) return guess;
        for (let i = 0; i < this.n; i++) if (is(i)) return i;
        return -1;
    }
}

/* Sorts row numbers by two halves, lowest first, stably: 16 bits a pass. */
function radixSort(view, low, high) {
    let from = Uint32Array.from(view), to = new Uint32Array(view.length);
    for (const [half, shift] of [[low, 0], [low, 16], [high, 0], [high, 16]]) {
        const count = new Uint32Array(65537);
        for (let i = 0; i < from.length; i++) count[(half[from[i]] >>> shift & 0xffff) + 1]++;
        if (count.indexOf(from.length) >= 0) continue; /* all the same */
        for (let d = 0; d < 65536; d++) count[d + 1] += count[d];
        for (let i = 0; i < from.length; i++) to[count[half[from[i]] >>> shift & 0xffff]++] = from[i];
        [from, to] = [to, from];
    }
    return from;
}

/* ---- The search box ---- */

function parseRange(text) {
    const n = s => { try { return BigInt(s); } catch { return null; } };
    if (/^[<>]=?/.test(text)) {
        const bound = n(text.replace(/^[<>]=?/, ""));
        if (bound === null) return null;
        if (text[0] === ">") return [text[1] === "=" ? bound : bound + 1n, MASK64];
        return [0n, text[1] === "=" ? bound : bound - 1n];
    }
    const parts = text.split(/\.\.|-/);
    const from = n(parts[0] || "0"), to = parts.length > 1 ? parts[1] ? n(parts[1]) : MASK64 : from;
    return parts.length > 2 || from === null || to === null ? null : [from, to];
}

const KEY_NAMES = {
    va: "cr2", address: "cr2", cr2: "cr2", rip: "rip", cr3: "cr3", cpl: "cpl", seq: "seq", vector: "vector", ec: "error", error: "error", size: "size",
    icount: "icount", time: "time_ns", cost: "handler_instructions", cause: "cause", outcome: "outcome", then: "then", access: "access",
    implicit: "implicit", insn: "insn", sym: "symbol", symbol: "symbol", mode: "mode", trace: "trace",
};

/* One word as a test of a row, or null if it says nothing. */
function wordTest(m, word) {
    const colon = word.search(/[:=]/), key = colon > 0 ? KEY_NAMES[word.slice(0, colon).toLowerCase()] : undefined;
    const value = key ? word.slice(colon + 1) : word;
    if (!value) return null;
    if (key && NUMBERS.includes(key)) {
        const range = parseRange(value), { low, high, known } = m.c[key];
        if (!range) return () => false;
        const [fl, fh, tl, th] = [range[0] & 0xffffffffn, range[0] >> 32n, range[1] & 0xffffffffn, range[1] >> 32n].map(Number);
        return i => known[i] === 1 && (high[i] > fh || (high[i] === fh && low[i] >= fl)) && (high[i] < th || (high[i] === th && low[i] <= tl));
    }
    const wanted = value.toLowerCase();
    if (key) return textTest(m, [key], wanted);
    if (/^0x[0-9a-f]+$/.test(wanted)) return hexTest(m, wanted);
    return textTest(m, TEXTS, wanted);
}

function textTest(m, keys, wanted) {
    const sets = keys.map(k => [m.c[k].id, Uint8Array.from(m.c[k].names, v => v !== null && v.toLowerCase().includes(wanted) ? 1 : 0)]);
    return i => {
        for (const [id, hit] of sets) if (hit[id[i]]) return true;
        return false;
    };
}

/* The beginning of an address, an instruction's place, or a CR3. */
function hexTest(m, wanted) {
    const places = Uint8Array.from(m.place.values, v => v.startsWith(wanted) ? 1 : 0);
    const spaces = Uint8Array.from(m.space.values, v => v.startsWith(wanted) ? 1 : 0);
    const { low, high, known } = m.c.cr2;
    return i => places[m.place.id[i]] === 1 || spaces[m.space.id[i]] === 1 || (known[i] === 1 && hex(high[i], low[i]).startsWith(wanted));
}

function searchTest(m, text) {
    const tests = text.trim().split(/\s+/).filter(Boolean).map(word => {
        const not = word.length > 1 && word[0] === "!", test = wordTest(m, not ? word.slice(1) : word);
        return test && not ? i => !test(i) : test;
    }).filter(Boolean);
    return tests.length ? i => tests.every(t => t(i)) : null;
}

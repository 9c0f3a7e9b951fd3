/* SPDX-License-Identifier: MIT */
/*
 * The records: a .flt trace (docs/trace-format.md), whose blocks are not compressed one by one. Columns that charts and
 * the list need are decoded at once, into typed arrays; the rest when a record is looked at.
 */
"use strict";

const SLOT_HEX = 1, SLOT_DECIMAL = 2, SLOT_NEAR = 3, SLOT_COUNT = 4, SLOT_CR2 = 8, SLOT_AFTER = 9, SLOT_AT = 16, SLOT_ENTRY = 24;
const LEAF = 255;

async function inflate(base64) {
    const binary = atob(base64.replace(/\s+/g, ""));
    const bytes = new Uint8Array(binary.length);
    for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
}

/* Reads one block's bytes. Numbers of 64 bits come as two halves, `low` and `high`. */
class Input {
    constructor(bytes, at, end) {
        this.bytes = bytes;
        this.at = at;
        this.end = end;
        this.low = this.high = 0;
    }

    byte() { return this.bytes[this.at++]; }

    /* A number below 2^32. */
    count() {
        let v = 0, shift = 0, b;
        do {
            b = this.bytes[this.at++];
            v += (b & 127) * 2 ** shift;
            shift += 7;
        } while (b & 128);
        return v;
    }

    varint() {
        let b = this.bytes[this.at++];
        this.low = b & 127;
        this.high = 0;
        for (let shift = 7; b & 128; shift += 7) {
            b = this.bytes[this.at++];
            const v = b & 127;
            if (shift < 28) this.low |= v << shift;
            else if (shift === 28) { this.low |= v << 28; this.high = v >>> 4; }
            else this.high |= v << (shift - 32);
        }
        this.low >>>= 0;
        this.high >>>= 0;
    }

    part() {
        const size = this.count(), part = new Input(this.bytes, this.at, this.at + size);
        this.at += size;
        return part;
    }
}

function bitsIn(bytes, at, rows) {
    let n = 0;
    for (let i = 0; i < rows; i++) n += bytes[at + (i >> 3)] >> (i & 7) & 1;
    return n;
}

/* Numbers one after the other, as differences. */
function deltas(input, lane, n) {
    let low = 0, high = 0;
    for (let i = 0; i < n; i++) {
        input.varint();
        const sign = -(input.low & 1);
        const dl = ((input.low >>> 1 | input.high << 31) ^ sign) >>> 0, dh = ((input.high >>> 1) ^ sign) >>> 0;
        const sum = low + dl;
        low = sum >>> 0;
        high = (high + dh + (sum > 0xffffffff ? 1 : 0)) >>> 0;
        lane.low[i] = low;
        lane.high[i] = high;
    }
}

/* A lane: its numbers, how many, and which rows have one. */
function readLane(input, rows) {
    const mode = input.byte(), kind = mode & 15, lane = { n: 0, next: 0, base: -1, nulls: -1, bytes: input.bytes };
    if (kind === 0) return lane;
    lane.n = rows;
    if (mode & 32) lane.base = input.byte();
    if (mode & 16) {
        lane.nulls = input.at;
        input.at += (rows + 7) >> 3;
        lane.n = bitsIn(input.bytes, lane.nulls, rows);
    }
    lane.low = new Uint32Array(lane.n);
    lane.high = new Uint32Array(lane.n);
    if (kind === 1) {
        input.varint();
        lane.low.fill(input.low);
        lane.high.fill(input.high);
    } else if (kind === 2) {
        deltas(input, lane, lane.n);
    } else {
        const n = input.count(), table = { low: new Uint32Array(n), high: new Uint32Array(n) };
        deltas(input, table, n);
        for (let i = 0; i < lane.n; i++) {
            const which = input.count();
            lane.low[i] = table.low[which];
            lane.high[i] = table.high[which];
        }
    }
    if (mode & 64)
        for (let i = 0; i < lane.n; i++) {
            const low = lane.low[i], high = lane.high[i];
            lane.low[i] = low >>> 1 | high << 31;
            lane.high[i] = high >>> 1 | low << 31;
        }
    return lane;
}

/* A lane with its count before it. */
function readPart(input) { return readLane(input, input.count()); }

function laneHas(lane, row) {
    return lane.nulls < 0 ? lane.n > 0 : (lane.bytes[lane.nulls + (row >> 3)] >> (row & 7) & 1) === 1;
}

function takeBig(lane) {
    const i = lane.next++;
    return BigInt(lane.high[i]) << 32n | BigInt(lane.low[i]);
}

const hex = (high, low) => "0x" + (high ? high.toString(16) + low.toString(16).padStart(8, "0") : low.toString(16));
const bigHex = v => "0x" + v.toString(16);
const MASK64 = (1n << 64n) - 1n;

class Trace {
    constructor(bytes) {
        this.bytes = bytes;
        this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
        this.blocks = []; /* {at, end, rows, first} */
        this.columns = [];
        this.rows = 0;
        this.cache = new Map();
        this.scan();
    }

    scan() {
        const decoder = new TextDecoder();
        for (let at = 16; at + 20 <= this.bytes.length;) {
            const tag = decoder.decode(this.bytes.subarray(at, at + 4)), size = this.view.getUint32(at + 4, true);
            const rows = this.view.getUint32(at + 12, true), begin = at + 20;
            if (tag === "COLS") this.readColumns(new Input(this.bytes, begin, begin + size));
            else if (tag === "ROWS") {
                this.blocks.push({ at: begin, end: begin + size, rows, first: this.rows });
                this.rows += rows;
            }
            at = begin + size;
        }
        this.index = new Map(this.columns.map((c, i) => [c.name, i]));
        this.walkColumn = this.columns.findIndex(c => c.type === "w");
    }

    readColumns(input) {
        const decoder = new TextDecoder();
        for (let n = input.count(); n > 0; n--) {
            const type = String.fromCharCode(input.byte()), size = input.count();
            this.columns.push({ type, name: decoder.decode(this.bytes.subarray(input.at, input.at + size)) });
            input.at += size;
        }
    }

    /* Where the strings of a block are, and its parts: the walks' if there are any, then each column's. */
    layout(block) {
        const input = new Input(this.bytes, block.at, block.end), n = input.count(), sizes = new Array(n);
        for (let i = 0; i < n; i++) sizes[i] = input.count();
        const offsets = new Array(n);
        for (let i = 0; i < n; i++) {
            offsets[i] = input.at;
            input.at += sizes[i];
        }
        const walk = this.walkColumn >= 0 ? input.part() : null;
        return { offsets, sizes, walk, parts: this.columns.map(c => c.type === "w" ? null : input.part()) };
    }

    /* The columns named: numbers as {low, high, known}, texts as {id, names}, for all rows. */
    decode(numbers, texts) {
        const out = {};
        numbers.sort((a, b) => (this.index.get(a) ?? 0) - (this.index.get(b) ?? 0)); /* what others are based on first */
        for (const name of numbers)
            out[name] = { low: new Uint32Array(this.rows), high: new Uint32Array(this.rows), known: new Uint8Array(this.rows) };
        for (const name of texts) out[name] = { id: new Uint16Array(this.rows), names: [null], ids: new Map() };
        for (const block of this.blocks) {
            const layout = this.layout(block);
            for (const name of numbers)
                if (this.index.has(name)) this.numbersOf(block, layout, out, name);
            for (const name of texts)
                if (this.index.has(name)) this.textsOf(block, layout, out[name], this.index.get(name));
        }
        return out;
    }

    numbersOf(block, layout, out, name) {
        const to = out[name], lane = readLane(layout.parts[this.index.get(name)], block.rows);
        let base = null;
        if (lane.base >= 0 && lane.base !== LEAF) {
            const of = this.columns[lane.base].name;
            base = out[of] ??= this.decode([of], [])[of];
        }
        for (let row = 0, i = 0; row < block.rows; row++) {
            if (!laneHas(lane, row)) continue;
            const at = block.first + row;
            let low = lane.low[i], high = lane.high[i];
            i++;
            if (base) {
                const sum = low + base.low[at];
                high = (high + base.high[at] + (sum > 0xffffffff ? 1 : 0)) >>> 0;
                low = sum >>> 0;
            }
            to.low[at] = low;
            to.high[at] = high;
            to.known[at] = 1;
        }
    }

    textsOf(block, layout, to, column) {
        const lane = readLane(layout.parts[column], block.rows), local = new Map(), decoder = new TextDecoder();
        for (let row = 0, i = 0; row < block.rows; row++) {
            if (!laneHas(lane, row)) continue;
            const which = lane.low[i++];
            let id = local.get(which);
            if (id === undefined) {
                const at = layout.offsets[which];
                /* A place in a function counts as the function: what is in place of its offset goes. */
                const text = decoder.decode(this.bytes.subarray(at, at + layout.sizes[which])).replace(/\+?[\x01-\x1f]/g, "");
                id = to.ids.get(text);
                if (id === undefined) {
                    id = to.names.length < 65535 ? to.names.length : 65535;
                    to.names[id] = id < 65535 ? text : "(others)";
                    to.ids.set(text, id);
                }
                local.set(which, id);
            }
            to.id[block.first + row] = id;
        }
    }

    /* A whole record: numbers and addresses as BigInt, texts, lists, walk. */
    record(row) {
        let from = 0, to = this.blocks.length - 1;
        while (from < to) {
            const middle = (from + to + 1) >> 1;
            if (this.blocks[middle].first <= row) from = middle;
            else to = middle - 1;
        }
        const block = this.blocks[from];
        if (!this.cache.has(block)) {
            if (this.cache.size > 16) this.cache.delete(this.cache.keys().next().value);
            this.cache.set(block, this.records(block));
        }
        return this.cache.get(block)[row - block.first];
    }

    records(block) {
        const layout = this.layout(block), decoder = new TextDecoder(), strings = new Map();
        const text = which => {
            if (!strings.has(which)) {
                const at = layout.offsets[which];
                strings.set(which, decoder.decode(this.bytes.subarray(at, at + layout.sizes[which])));
            }
            return strings.get(which);
        };
        const lanes = this.columns.map((c, i) => layout.parts[i] ? readLane(layout.parts[i], block.rows) : null);
        const slots = this.columns.map((c, i) => {
            const out = [];
            if (c.type === "p" || c.type === "j")
                for (let n = layout.parts[i].count(); n > 0; n--) out.push(readPart(layout.parts[i]));
            return out;
        });
        const walks = layout.walk ? this.readWalks(layout.walk) : null;
        const out = [];
        for (let row = 0; row < block.rows; row++) out.push(this.oneRecord(row, lanes, slots, walks, text));
        return out;
    }

    readWalks(input) {
        const walks = { wide: input.byte() === 8, steps: readPart(input), level: [], at: [], entry: [] };
        for (let i = 0; i < 5; i++) {
            walks.level.push(readPart(input));
            walks.at.push(readPart(input));
            walks.entry.push(readPart(input));
        }
        return walks;
    }

    oneRecord(row, lanes, slots, walks, text) {
        const r = {}, based = [];
        this.columns.forEach((c, i) => {
            if (c.type !== "n" && c.type !== "x") return;
            if (!laneHas(lanes[i], row)) { r[c.name] = null; return; }
            let v = takeBig(lanes[i]);
            if (lanes[i].base === LEAF) based.push(c.name);
            else if (lanes[i].base >= 0) v = v + (r[this.columns[lanes[i].base].name] ?? 0n) & MASK64;
            r[c.name] = v;
        });
        if (walks) r[this.columns[this.walkColumn].name] = this.walkOf(walks, r);
        const walk = walks ? r[this.columns[this.walkColumn].name] : [];
        for (const name of based) r[name] = r[name] + (walk.length ? walk[walk.length - 1].entry : 0n) & MASK64;
        this.columns.forEach((c, i) => {
            if (c.type === "n" || c.type === "x" || c.type === "w") return;
            if (!laneHas(lanes[i], row)) { r[c.name] = c.type === "l" || c.type === "b" ? "" : null; return; }
            const s = text(lanes[i].low[lanes[i].next++]);
            r[c.name] = c.type === "p" || c.type === "j" ? this.fill(s, slots[i], r, walk) : s;
        });
        return r;
    }

    walkOf(walks, r) {
        const n = Number(takeBig(walks.steps)), out = [], cr2 = r.cr2 ?? 0n;
        let base = r.cr3 ?? 0n;
        for (let i = 0; i < n; i++) {
            const level = Number(takeBig(walks.level[i])), bits = walks.wide ? 9n : 10n;
            let expected = 0n;
            if (level >= 1 && level <= 5)
                expected = (base & (walks.wide ? 0xffffffffff000n : 0xfffff000n)) |
                    (cr2 >> 12n + bits * BigInt(level - 1) & (1n << bits) - 1n) << (walks.wide ? 3n : 2n);
            const at = expected + takeBig(walks.at[i]) & MASK64, entry = takeBig(walks.entry[i]);
            out.push({ level, at, entry });
            base = entry;
        }
        return out;
    }

    /* A text with its numbers put back. */
    fill(s, slots, r, walk) {
        let literal = 0;
        return s.replace(/[\x01-\x1f]/g, c => {
            const slot = c.charCodeAt(0);
            if (slot >= SLOT_ENTRY) return bigHex(walk[slot - SLOT_ENTRY].entry);
            if (slot >= SLOT_AT) return bigHex(walk[slot - SLOT_AT].at);
            if (slot === SLOT_CR2) return bigHex(r.cr2 ?? 0n);
            if (slot === SLOT_AFTER) return bigHex(r.pte_after ?? 0n);
            const v = takeBig(slots[literal++]);
            if (slot === SLOT_NEAR) return bigHex(v + (walk.length ? walk[walk.length - 1].at : 0n) & MASK64);
            if (slot === SLOT_COUNT) return (v + (r.icount ?? 0n) & MASK64).toString();
            return slot === SLOT_HEX ? bigHex(v) : v.toString();
        });
    }

    /* Does any record have it? */
    has(name) {
        if (!this.index.has(name)) return false;
        return this.blocks.some(b => readLane(this.layout(b).parts[this.index.get(name)], b.rows).n > 0);
    }
}

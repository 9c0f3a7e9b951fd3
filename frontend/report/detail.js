/* SPDX-License-Identifier: MIT */
/* One record: the verdict, its walk level by level and bit by bit, what became of it, and everything else it says. */
"use strict";

const CR4_PAE = 1n << 5n, EFER_LMA = 1n << 10n;

/* The fields of an entry, highest first: [name, top bit, low bit, what 1 means]. */
function fieldsOf(level, large, wide, present) {
    if (!present) return [["not present: the other bits are the kernel's own", wide ? 63 : 31, 1], ["P", 0, 0]];
    const out = [];
    if (wide) out.push(["XD", 63, 63], ["key", 62, 59], ["avail", 58, 52]);
    const top = wide ? 51 : 31;
    if (large) {
        const low = level === 3 ? 30 : wide ? 21 : 22;
        out.push(["frame", top, low], ["reserved", low - 1, 13], ["PAT", 12, 12]);
    } else out.push([level === 1 ? "frame" : "next table", top, 12]);
    out.push(["avail", 11, 9], [large || level === 1 ? "G" : "–", 8, 8], [level === 1 ? "PAT" : "PS", 7, 7], [large || level === 1 ? "D" : "–", 6, 6],
        ["A", 5, 5], ["PCD", 4, 4], ["PWT", 3, 3], ["U/S", 2, 2], ["R/W", 1, 1], ["P", 0, 0]);
    return out;
}

const BIT_WORDS = {
    "P": ["not present", "present"], "R/W": ["read-only", "writable"], "U/S": ["supervisor", "user"], "A": ["not accessed", "accessed"],
    "D": ["clean", "dirty"], "PS": ["points to a table", "a large page"], "G": ["not global", "global"], "XD": ["executable", "not executable"],
    "PCD": ["cached", "not cached"], "PWT": ["write-back", "write-through"],
};

/* Which bits of the deciding entry decided. */
function decidingBits(r) {
    const reserved = /reserved bit (\d+)/.exec(r.why || "");
    switch (r.cause) {
    case "not-present": return [0, 0];
    case "write-protected": return [1, 1];
    case "supervisor-page": case "smep": case "smap": return [2, 2];
    case "no-execute": return [63, 63];
    case "protection-key": return [62, 59];
    case "reserved-bit": return reserved ? [Number(reserved[1]), Number(reserved[1])] : null;
    default: return null;
    }
}

function bitsOf(entry, high, low) { return entry >> BigInt(low) & (1n << BigInt(high - low + 1)) - 1n; }

function entryStrip(step, r, decides) {
    const wide = isWide(r, step), present = (step.entry & 1n) === 1n, large = step.level > 1 && step.level < 4 && (step.entry >> 7n & 1n) === 1n;
    const bits = decides ? decidingBits(r) : null;
    return el("div.strip", {}, fieldsOf(step.level, large, wide, present).filter(f => f[1] >= f[2]).map(([name, high, low]) => {
        const value = bitsOf(step.entry, high, low), width = high - low + 1, hit = bits && bits[0] <= high && bits[1] >= low;
        const words = BIT_WORDS[name]?.[Number(value)] || (width > 1 ? name : `bit ${high} is ${value}`);
        const shown = width === 1 ? value.toString() : width > 12 ? "0x" + (name === "frame" || name === "next table" ? value << BigInt(low) : value).toString(16) : "0x" + value.toString(16);
        return el("div.bit" + (width === 1 ? value ? ".one" : ".zero" : ".field") + (hit ? ".hit" : ""), { title: `${name}: ${high === low ? "bit " + high : "bits " + high + ":" + low}, ${words}` },
            el("small", {}, name), el("b", {}, shown), el("em", {}, high === low ? String(high) : high + ":" + low));
    }));
}

function isWide(r, step) { return r.walk.length > 2 || step.level > 2 || ((r.cr4 ?? 0n) & CR4_PAE) !== 0n || ((r.efer ?? 0n) & EFER_LMA) !== 0n; }

/* CR2 as the indexes that the walk used. */
function addressStrip(r) {
    const first = r.walk[0], wide = isWide(r, first), bits = wide ? 9 : 10, parts = [];
    for (let level = first.level; level >= 1; level--) {
        const low = 12 + bits * (level - 1), pae = wide && level === 3 && first.level === 3;
        const index = bitsOf(r.cr2, low + (pae ? 2 : bits) - 1, low), visited = r.walk.some(s => s.level === level);
        parts.push(el("div.index" + (visited ? "" : ".unused"), {}, el("small", {}, LEVELS[level].slice(0, -1) + " index"), el("b", {}, index.toString()), el("em", {}, `${low + (pae ? 2 : bits) - 1}:${low}`)));
    }
    const leaf = r.walk[r.walk.length - 1], offset = leaf.level === 1 || !(leaf.entry & 0x80n) ? 12 : 12 + bits * (leaf.level - 1);
    parts.push(el("div.index", {}, el("small", {}, "offset"), el("b", {}, "0x" + bitsOf(r.cr2, offset - 1, 0).toString(16)), el("em", {}, offset - 1 + ":0")));
    return el("div.address", {}, el("code", {}, bigHex(r.cr2)), el("div.indexes", {}, parts));
}

function walkOf(r) {
    if (!r.walk || !r.walk.length) return el("p.muted", {}, "No entry was read.");
    const steps = r.walk.map((step, i) => {
        const decides = r.level !== null && Number(r.level) === step.level, present = (step.entry & 1n) === 1n;
        return el("li.step" + (decides ? ".decides" : ""), {},
            el("div.stephead", {}, el("b.level", {}, LEVELS[step.level] || "level " + step.level), el("span", {}, "at ", el("code", {}, bigHex(step.at))),
                el("span", {}, "holds ", el("code", {}, bigHex(step.entry))),
                decides ? el("strong", {}, "this entry decided") : !present ? el("span.muted", {}, "not present") : null),
            entryStrip(step, r, decides));
    });
    return el("div", {}, addressStrip(r), el("ol.walk", {}, el("li.root", {}, el("b.level", {}, "CR3"), el("code", {}, bigHex(r.cr3 ?? 0n))), steps));
}

function sentence(r) {
    const who = r.implicit ? `The processor itself (${r.implicit})` : `At CPL ${r.cpl}, ` + (r.insn ? "" : "the instruction at ") ;
    const place = el("code", {}, (r.symbol ? r.symbol + " " : "") + bigHex(r.rip ?? 0n)), what = { read: "read", write: "wrote", execute: "fetched" }[r.access] || "touched";
    const parts = [who];
    if (!r.implicit) parts.push(...(r.insn ? [el("code", {}, r.insn), " at ", place] : [place]));
    else parts.push(", for the instruction at ", place, ",");
    parts.push(` ${what} ${r.size ? plural(Number(r.size), "byte") : ""} ${r.access === "write" ? "to" : r.access === "execute" ? "at" : "from"} `, el("code", {}, bigHex(r.cr2 ?? 0n)), ".");
    return el("p.sentence", {}, parts);
}

/* What changed between two values of the deciding entry. */
function changeOf(before, after) {
    if (before === null || after === null || before === after) return null;
    const words = [];
    for (const [name, bit] of [["P", 0], ["R/W", 1], ["U/S", 2], ["A", 5], ["D", 6], ["XD", 63]]) {
        const a = before >> BigInt(bit) & 1n, b = after >> BigInt(bit) & 1n;
        if (a !== b) words.push(`${name} ${a} → ${b}`);
    }
    if ((before & 0xffffffffff000n) !== (after & 0xffffffffff000n)) words.push("another frame");
    return words.join(", ");
}

function outcomeOf(r) {
    const final = r.outcome === "switched" ? r.then : r.outcome, words = OUTCOME_WORDS[final] || final || "not known", change = changeOf(r.pte_before, r.pte_after);
    return el("section", {}, el("h4", {}, "What then"),
        el("p", {}, el("i.swatch", { style: "background:" + colourOf(OUTCOME_COLOURS, final) }), el("b", {}, final || "–"), ": " + words,
            r.outcome === "switched" ? ", after another program had run" : "", r.handler_instructions !== null && r.handler_instructions !== undefined ? `, ${grouped(Number(r.handler_instructions))} instructions after the fault.` : "."),
        r.pte_after !== null && r.pte_after !== undefined ? el("p", {}, "Its last entry: ", el("code", {}, bigHex(r.pte_before ?? 0n)), " → ", el("code", {}, bigHex(r.pte_after)), change ? ` (${change})` : "") : null);
}

function parseJson(text) {
    try { return typeof text === "string" ? JSON.parse(text) : text; } catch { return text; }
}

/* Who wrote an entry: the object of a trace with provenance, or a word. */
function writerWords(w) {
    if (w === null || w === undefined) return null;
    if (typeof w !== "object") return String(w);
    const by = { instruction: "the instruction", processor: "the processor", outside: "a device or loader" }[w.by] || w.by || "written";
    return [by, w.symbol || "", w.rip ? "at " + w.rip : "", w.icount !== undefined ? "at instruction " + grouped(w.icount) : "", w.la ? "through " + w.la : "",
        w.old !== undefined ? `(${w.old} → ${w.new})` : ""].filter(Boolean).join(" ");
}

function provenanceOf(r) {
    const writer = writerWords(parseJson(r.writer)), changes = parseJson(r.changes), trace = parseJson(r.backtrace);
    const out = [];
    if (writer) out.push(el("section", {}, el("h4", {}, "Who wrote the deciding entry"), el("p", {}, writer)));
    if (Array.isArray(changes) && changes.length)
        out.push(el("section", {}, el("h4", {}, "Changed until its context ran again"), el("ul", {}, changes.map(c => el("li", {}, el("code", {}, String(c.at ?? "")), " ", writerWords(c))))));
    if (Array.isArray(trace) && trace.length)
        out.push(el("section", {}, el("h4", {}, "Called from"), el("ol", {}, trace.map(f => el("li", {}, el("code", {}, typeof f === "object" ? [f.symbol, f.rip].filter(Boolean).join(" ") : String(f)))))));
    return out;
}

function cellText(column, v) {
    if (v === null || v === undefined) return "–";
    if (column.type === "x") return bigHex(v);
    if (column.type === "w") return v.map(s => `${s.level}:${bigHex(s.at)}:${bigHex(s.entry)}`).join(" ");
    return v === "" ? "–" : v.toString();
}

function everything(trace, r) {
    return el("details", {}, el("summary", {}, "Everything in the record"),
        el("dl", {}, trace.columns.map(c => [el("dt", {}, c.name), el("dd", {}, cellText(c, r[c.name]))])));
}

class Detail {
    constructor(app) {
        this.app = app;
        this.host = document.getElementById("detail");
    }

    show(row) {
        const trace = this.app.model.trace;
        this.host.hidden = row === null;
        document.getElementById("list").classList.toggle("open", row !== null);
        if (row === null) return;
        const r = trace.record(row), fault = this.app.model.isFault(row);
        r.walk ??= [];
        const close = el("button.plain", { type: "button", title: "Close", onclick: () => this.app.select(null) }, "✕");
        const parent = r.parent !== null && r.parent !== undefined ? el("p", {}, "It was raised while ", el("button.link", { type: "button", onclick: () => this.app.goto(r.parent) }, "fault " + r.parent), " was being handled.") : null;
        this.host.replaceChildren(...[
            el("header", {}, el("h3", {}, (fault ? "Fault " : "Record ") + grouped(Number(r.seq ?? row + 1))), el("span.muted", {}, `${(Number(r.time_ns ?? 0) / 1e9).toFixed(9)} s, instruction ${grouped(Number(r.icount ?? 0))}`), close),
            el("p.verdict", { style: "border-color:" + colourOf(CAUSE_COLOURS, r.cause) }, r.why || r.cause || "No verdict.", r.cure ? el("span.cure", {}, "It would have passed with ", el("code", {}, r.cure), ".") : null),
            fault ? sentence(r) : el("p.sentence", {}, "Vector " + r.vector + ", at ", el("code", {}, bigHex(r.rip ?? 0n))),
            parent,
            fault ? el("section", {}, el("h4", {}, "The walk"), walkOf(r)) : null,
            fault ? outcomeOf(r) : null, ...provenanceOf(r), everything(trace, r)].filter(Boolean));
        this.host.scrollTop = 0;
    }
}

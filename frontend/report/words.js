/* SPDX-License-Identifier: MIT */
/* What values mean, in words and colours. */
"use strict";

/* Chosen to be told apart by everyone (Paul Tol's bright and light schemes); [light theme, dark theme]. */
const CAUSE_COLOURS = {
    "not-present": ["#3b78b5", "#5b9bd8"], "write-protected": ["#d9a321", "#e3bb4f"],
    "supervisor-page": ["#d1495b", "#f07186"], "no-execute": ["#228b5a", "#46b884"], "smap": ["#e07b39", "#f39c62"],
    "smep": ["#2aa5c0", "#5fd0e6"], "protection-key": ["#8e5ea2", "#b98ccc"], "reserved-bit": ["#aa3377", "#dd6fae"],
    "shadow-stack": ["#7a6a53", "#b3a28a"],
};
const OUTCOME_COLOURS = {
    "mapped": ["#3b78b5", "#5b9bd8"], "copied": ["#2aa5c0", "#5fd0e6"], "made-writable": ["#228b5a", "#46b884"],
    "permitted": ["#7fb069", "#a3d18c"], "spurious": ["#d9a321", "#e3bb4f"], "fixup": ["#e07b39", "#f39c62"],
    "delivered": ["#8e5ea2", "#b98ccc"], "loop": ["#d1495b", "#f07186"], "double-fault": ["#b0223f", "#ff5c7a"],
    "triple-fault": ["#7d0d26", "#ff3355"], "pending": ["#8a8f98", "#9aa3af"], "switched": ["#5c7080", "#8fa5b8"],
};
const CAUSE_WORDS = {
    "not-present": "the page was not present", "write-protected": "the page was read-only",
    "supervisor-page": "user code touched a supervisor page", "no-execute": "code was fetched from a no-execute page",
    "smap": "the kernel touched a user page (SMAP)", "smep": "the kernel executed a user page (SMEP)",
    "protection-key": "a protection key forbade it", "reserved-bit": "an entry had a reserved bit set",
    "shadow-stack": "it was no shadow-stack page",
};
const OUTCOME_WORDS = {
    "mapped": "the kernel mapped the page", "copied": "the kernel gave it a writable frame of its own",
    "made-writable": "the kernel made the page writable", "permitted": "the kernel permitted the access",
    "spurious": "nothing was changed, and the retry passed", "fixup": "the kernel went on at another place",
    "delivered": "the kernel sent the program elsewhere, as for a signal", "loop": "the retry faulted again",
    "double-fault": "its delivery failed: double fault", "triple-fault": "its delivery failed: triple fault",
    "pending": "not decided when the run ended", "switched": "another program ran first",
};
const VECTORS = { 0: "#DE", 1: "#DB", 6: "#UD", 7: "#NM", 8: "#DF", 10: "#TS", 11: "#NP", 12: "#SS", 13: "#GP", 14: "#PF", 17: "#AC" };
const LEVELS = { 5: "PML5E", 4: "PML4E", 3: "PDPTE", 2: "PDE", 1: "PTE" };

const dark = matchMedia("(prefers-color-scheme: dark)");
function colourOf(table, name) {
    const pair = table[name];
    return pair ? pair[dark.matches ? 1 : 0] : dark.matches ? "#9aa3af" : "#8a8f98";
}

const grouped = n => Math.round(n).toLocaleString("en-US");
function compact(n) {
    if (n < 1000) return String(Math.round(n));
    for (const [unit, size] of [["G", 1e9], ["M", 1e6], ["k", 1e3]])
        if (n >= size) return (n / size).toFixed(n >= 10 * size ? 0 : 1) + unit;
}
function duration(ns) {
    if (ns >= 1e9) return (ns / 1e9).toFixed(ns >= 1e10 ? 1 : 3) + " s";
    if (ns >= 1e6) return (ns / 1e6).toFixed(ns >= 1e7 ? 1 : 2) + " ms";
    if (ns >= 1e3) return (ns / 1e3).toFixed(1) + " µs";
    return Math.round(ns) + " ns";
}
/* A place in time, as exact as the span on show makes sensible. */
function moment(ns, span) {
    const digits = Math.max(1, Math.min(9, 11 - Math.floor(Math.log10(span || 1))));
    return (ns / 1e9).toFixed(digits) + " s";
}
function percent(part, whole) {
    if (!whole) return "0 %";
    const p = 100 * part / whole;
    return (p >= 10 || p === 0 ? p.toFixed(0) : p >= 1 ? p.toFixed(1) : p < 0.01 ? "< 0.01" : p.toFixed(2)) + " %";
}
const plural = (n, one, many) => grouped(n) + " " + (n === 1 ? one : many || one + "s");

/* An element: tag.class, properties, children. */
function el(name, properties, ...children) {
    const [tag, ...classes] = name.split("."), e = document.createElement(tag);
    if (classes.length) e.className = classes.join(" ");
    for (const [key, value] of Object.entries(properties || {})) {
        if (key.startsWith("on")) e.addEventListener(key.slice(2), value);
        else if (key === "style") e.style.cssText = value;
        else if (value !== null && value !== undefined) e.setAttribute(key, value);
    }
    for (const child of children.flat()) if (child !== null && child !== undefined) e.append(child);
    return e;
}

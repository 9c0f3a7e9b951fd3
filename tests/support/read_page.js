// SPDX-License-Identifier: MIT
// The records of a report's page as .jsonl, by the page's own script: node read_page.js PAGE.html frontend/report
"use strict";
const fs = require("fs"), vm = require("vm"), path = require("path");
const page = fs.readFileSync(process.argv[2], "latin1"), at = page.indexOf('id="trace">') + 11;
vm.runInThisContext(fs.readFileSync(path.join(process.argv[3], "trace.js"), "utf8") + "\nglobalThis.reader = { inflate, Trace };");

function cell(type, v) {
    if (type === "l") return JSON.stringify(v ? v.split(";") : []);
    if (v === null) return "null";
    if (type === "n") return v.toString();
    if (type === "x") return `"0x${v.toString(16)}"`;
    if (type === "w") return "[" + v.map(s => `{"level":${s.level},"at":"0x${s.at.toString(16)}","entry":"0x${s.entry.toString(16)}"}`).join(",") + "]";
    return type === "j" ? v : JSON.stringify(v);
}

(async () => {
    const trace = new reader.Trace(await reader.inflate(page.slice(at, page.indexOf("</script>", at)))), lines = [];
    for (let row = 0; row < trace.rows; row++) {
        const r = trace.record(row);
        lines.push("{" + trace.columns.map(c => `"${c.name}":${cell(c.type, r[c.name])}`).join(",") + "}\n");
    }
    process.stdout.write(lines.join(""));
})();

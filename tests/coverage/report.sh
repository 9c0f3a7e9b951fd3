#!/bin/bash
# SPDX-License-Identifier: MIT
# report.sh DIR: after a test run of the coverage build in DIR, what was never executed: rows of the instruction list, branches of mmu/. What is not
# named with its reason in coverage.allow is a failure. Lines of coverage.allow: "row NAME OPCODE .. | reason", "branch FILE | TEXT OF THE LINE | reason".
set -u
dir=$(realpath "$1")
cd "$(dirname "$0")/../.." || exit 2
allow=tests/coverage/coverage.allow
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

grep '^0 ' "$dir/rows" | sed 's/^0 /row /; s/ *$//' >"$work/missed"
rows=$(wc -l <"$dir/rows")

# Counts of one source line's branches are summed over the objects it was compiled into: headers are in many.
find "$dir" -name '*.gcda' ! -path '*/tests/*' -print0 | xargs -0 gcov -t -b -c 2>/dev/null | awk '
    /^ *-: *0:Source:/ { sub(/^ *-: *0:Source:/, ""); sub(/^.*\/mmu\//, "mmu/"); file = $0; next }
    /^ *[0-9#=*-]+\*?: *[0-9]+:/ { text = $0; sub(/^[^:]*: */, "", text); line = text; sub(/:.*/, "", line); sub(/^[^:]*:[ \t]*/, "", text); n = 0; next }
    /^branch/ && file ~ /^mmu\// {
        key = file "\t" line "\t" n++; source[key] = text
        taken[key] += /never executed/ ? 0 : $4
    }
    END { for (key in source) { split(key, part, "\t"); total++; if (!taken[key]) print "branch " part[1] " | " source[key] > "/dev/stderr" } print total }
' >"$work/branches" 2>"$work/arms"
sort -u "$work/arms" >>"$work/missed"

failed=0
while IFS= read -r what; do
    grep -qF -- "$what |" "$allow" && continue
    echo "never executed: $what"
    failed=$((failed + 1))
done <"$work/missed"
sed -n 's/^\(row .*\|branch .* | .*\) | .*/\1/p' "$allow" | while IFS= read -r what; do
    grep -qxF -- "$what" "$work/missed" || echo "# no longer needed in coverage.allow: $what"
done
named=$(($(wc -l <"$work/missed") - failed))
gcov -n $(find "$dir/cpu" "$dir/mmu" "$dir/devices" -name '*.gcda') 2>/dev/null |
    awk '/^File/ { f = $2 } /^Lines/ && f ~ /\x27(cpu|mmu|devices)\// { print "#", f, $0; f = "" }'
echo "# $rows rows, $(cat "$work/branches") branches of mmu/; never executed, and named with a reason: $named"
echo "$((rows + $(cat "$work/branches") - failed)) passed, $failed failed, 0 skipped"
[ $failed = 0 ]

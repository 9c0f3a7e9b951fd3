#!/bin/sh
# SPDX-License-Identifier: MIT
# Files over 600 lines and functions over 60, but for those that tests/lint/size.allow names with a reason.
cd "$(dirname "$0")/../.." || exit 2
allow=tests/lint/size.allow
bad=0
for file in mmu/*.[ch] cpu/*.[ch] devices/*.[ch] bios/*.[ch] frontend/*.[ch]; do
    [ -f "$file" ] || continue
    lines=$(wc -l <"$file")
    if [ "$lines" -gt 600 ] && ! grep -q "^$file " "$allow"; then
        echo "$file: $lines lines" >&2
        bad=$((bad + 1))
    fi
done
# A function starts at a line ending a signature in column 0 and ends at a closing brace in column 0.
long=$(awk 'FNR == 1 { start = 0 } /^[a-zA-Z_].*\)$/ { name = $0; start = 0 } /^\{/ { start = FNR }
    /^\}/ && start { if (FNR - start - 1 > 60) { sub(/\(.*/, "", name); sub(/.*[ *]/, "", name); print FILENAME ":" name " " FNR - start - 1 } start = 0 }' \
    mmu/*.c cpu/*.c devices/*.c bios/*.c frontend/*.c)
for entry in $(echo "$long" | sed 's/ .*//'); do
    if ! grep -q "^$entry " "$allow"; then
        echo "$long" | grep "^$entry " >&2
        bad=$((bad + 1))
    fi
done
echo "$((bad == 0)) passed, $bad failed"
[ $bad = 0 ]

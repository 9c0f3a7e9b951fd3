#!/bin/sh
# SPDX-License-Identifier: MIT
# Who may include whom (ARCHITECTURE.md, "Layers"), and which libraries stay where. Prints every violation.
cd "$(dirname "$0")/../.." || exit 2
bad=0
violation() { echo "$1" >&2; bad=$((bad + 1)); }
# layer: pattern of project headers it may include
check() {
    layer=$1 allowed=$2
    out=$(grep -nE '^#include "' "$layer"/*.c "$layer"/*.h 2>/dev/null | grep -vE "#include \"($allowed)\"")
    [ -n "$out" ] && violation "$out"
}
check mmu 'mmu/[a-z0-9_]+\.h'
check cpu '(cpu|mmu)/[a-z0-9_]+\.(h|def)'
check devices '(devices|mmu)/[a-z0-9_]+\.(h|def)|cpu/cpu\.h'
check bios '(bios|devices|mmu)/[a-z0-9_]+\.h|cpu/cpu\.h'
check frontend '(frontend|devices|mmu)/[a-z0-9_]+\.(h|def)|cpu/(cpu|isa_list)\.h|bios/(boot|demo/demo_image)\.h'
out=$(grep -ln '<capstone' cpu/* mmu/* devices/* bios/*.c frontend/*.c 2>/dev/null | grep -v '^frontend/disasm\.c$')
[ -n "$out" ] && violation "capstone outside frontend/disasm.c: $out"
out=$(grep -ln '<SDL' cpu/* mmu/* devices/* bios/*.c frontend/*.c 2>/dev/null | grep -v '^frontend/window\.c$')
[ -n "$out" ] && violation "SDL outside frontend/window.c: $out"
out=$(grep -ln '<check\.h>' cpu/* mmu/* devices/* bios/*.c frontend/* 2>/dev/null)
[ -n "$out" ] && violation "check outside tests: $out"
# longjmp only in cpu/
out=$(grep -nE '\b(long|set)jmp *\(' mmu/*.c devices/*.c bios/*.c frontend/*.c 2>/dev/null)
[ -n "$out" ] && violation "$out"
echo "$((bad == 0)) passed, $bad failed"
[ $bad = 0 ]

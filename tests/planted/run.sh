#!/bin/sh
# SPDX-License-Identifier: MIT
# Guests with one planted paging bug each, and their clean twins: run.sh FAULTLINE DIRECTORY [NAME ..]
# The first sentence of the report must name the planted cause; the twin's report must be empty. README.md says more.
set -u
faultline=$(realpath "${1:?usage: run.sh FAULTLINE DIRECTORY [NAME ..]}")
out=${2:?usage: run.sh FAULTLINE DIRECTORY [NAME ..]}
shift 2
here=$(dirname "$0")
mkdir -p "$out"
passed=0 failed=0

# The text after "//! KEY: " in a guest's source.
value() { sed -n "s|^//! $2: *||p" "$1" | head -n 1; }

build() { # source, PLANTED, rom
    mode=$(value "$1" mode)
    width=32 format=elf_i386
    [ "$mode" = 64 ] && width=64 format=elf_x86_64
    gcc -m$width -c -Wa,--no-pad-sections -I"$here" -DMODE="$mode" -DPLANTED="$2" -o "$3.o" "$1" &&
        ld -m $format -nostdlib -static -e 0 --oformat=binary --no-warn-rwx-segments -T "$here/planted.ld" -o "$3" "$3.o"
}

# What it says: explanations, findings and stories; not the table, the echo of the guest's end, or blank lines.
report() { # source, rom
    eval "set -- \"\$1\" \"\$2\" $(value "$1" options)"
    rom=$2
    shift 2
    "$faultline" -rom "$rom" -m 16 --explain --max-instructions 2000000 -no-reboot -display none "$@" </dev/null 2>&1 >/dev/null |
        grep -a -E '^(#|check |faultline: triple fault: )'
}

fail() {
    echo "FAILED: $1" >&2
    failed=$((failed + 1))
}

check_one() {
    name=$(basename "$1" .S)
    for planted in 1 0; do
        rom=$out/$name.$planted.rom
        if ! build "$1" $planted "$rom"; then
            fail "$name does not build"
            return
        fi
        report "$1" "$rom" >"$out/$name.$planted.txt"
    done
    says=$(value "$1" says)
    if head -n 1 "$out/$name.1.txt" | grep -q -E "$says"; then
        passed=$((passed + 1))
    else
        fail "$name: the first sentence is not '$says' but: $(head -n 1 "$out/$name.1.txt")"
    fi
    twin=$(value "$1" twin)
    [ -n "$twin" ] && sed -i -E "/$twin/d" "$out/$name.0.txt"
    if [ -s "$out/$name.0.txt" ]; then
        fail "$name: of the clean twin it says: $(head -n 1 "$out/$name.0.txt")"
    else
        passed=$((passed + 1))
    fi
}

if [ $# -gt 0 ]; then
    for name; do check_one "$here/$name.S"; done
else
    for source in "$here"/*.S; do check_one "$source"; done
fi
echo "$passed passed, $failed failed"
[ $failed = 0 ]

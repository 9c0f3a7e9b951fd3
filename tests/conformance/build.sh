#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds the conformance ROMs: build.sh DIRECTORY. Always with gcc and GNU ld, whatever builds the emulator.
set -eu
out=$1
here=$(dirname "$0")
mkdir -p "$out"
for source in "$here"/*.S; do
    name=$(basename "$source" .S)
    rom=$out/$name.rom
    newest=$(find "$here" -name '*.h' -newer "$rom" 2>/dev/null | head -n 1)
    [ -f "$rom" ] && [ -z "$newest" ] && [ "$rom" -nt "$source" ] && continue
    width=32
    grep -q '^#define BITS 64' "$source" && width=64
    gcc -m$width -c -Wa,--no-pad-sections -I"$here" -o "$out/$name.o" "$source"
    ld -m "$([ $width = 64 ] && echo elf_x86_64 || echo elf_i386)" -nostdlib -static -e 0 --oformat=binary --no-warn-rwx-segments \
        -T "$here/rom.ld" -o "$rom" "$out/$name.o"
    [ "$(stat -c %s "$rom")" = 65536 ] || { echo "$rom is not 64 KiB" >&2; exit 1; }
done

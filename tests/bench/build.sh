#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds the benchmark guests and the measuring program: build.sh DIRECTORY
# Leaves bench32.elf and bench64.elf (Multiboot kernels), bench32.rom and bench64.rom (at the reset vector), measure.
set -eu

out=$1
here=$(dirname "$0")
guest=$here/guest
cc=gcc # always: the numbers are comparable only for the same guest
flags="-std=gnu11 -O2 -Wall -Wextra -ffreestanding -fno-stack-protector -fno-pic -fno-pie -fcf-protection=none
    -fno-asynchronous-unwind-tables -fno-tree-loop-distribute-patterns -fno-optimize-sibling-calls"
link="-nostdlib -static -Wl,--build-id=none,-z,max-page-size=4096,-z,noexecstack"

mkdir -p "$out"
$cc -O2 -Wall -Wextra -o "$out/measure" "$here/measure.c"
for width in 32 64; do
    objects=
    for source in boot.S main.c integer.c sha256.c x87.c sse2.c memory.c system.c "system$width.S"; do
        object=$out/${source%.*}-$width.o
        case $source in
        x87.c) unit="-mfpmath=387 -msse2 -fno-math-errno -fno-tree-vectorize" ;;
        sse2.c) unit="-mfpmath=sse -msse2 -fno-math-errno" ;;
        *) unit=-mgeneral-regs-only ;;
        esac
        # shellcheck disable=SC2086 # the flags are words
        $cc -m$width $flags $unit -mno-red-zone -c -o "$object" "$guest/$source"
        objects="$objects $object"
    done
    # shellcheck disable=SC2086
    $cc -m$width $link -Wl,--no-warn-rwx-segments -T "$guest/bench.ld" -o "$out/bench$width.elf" $objects
    # shellcheck disable=SC2086
    $cc -m$width $link -Wl,--oformat=binary -T "$guest/bench.ld" -o "$out/bench$width.bin" $objects
    $cc -m32 -DIMAGE="\"$out/bench$width.bin\"" -c -o "$out/rom-$width.o" "$guest/rom.S"
    # shellcheck disable=SC2086
    $cc -m32 $link -Wl,-Ttext=0,-e,0,--oformat=binary -o "$out/bench$width.rom" "$out/rom-$width.o"
done

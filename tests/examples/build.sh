#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds the kernels of docs/example-*.md: build.sh DIRECTORY. NAME.elf has the bug, NAME-fixed.elf has not.
set -eu
here=$(dirname "$0")
out=${1:?usage: build.sh DIRECTORY}
mkdir -p "$out"
for name in wrong-alias missing-flush; do
    for fixed in "" -fixed; do
        gcc -m32 -std=gnu11 -O0 -g -Wall -Wextra -Wno-unused-function ${fixed:+-DFIXED} -ffreestanding -fno-builtin -fno-pie \
            -fno-stack-protector -fno-asynchronous-unwind-tables -nostdlib -static -no-pie \
            -Wl,--build-id=none -Wl,--no-warn-rwx-segments -T "$here/example.ld" -o "$out/$name$fixed.elf" "$here/boot.S" "$here/$name.c"
    done
done

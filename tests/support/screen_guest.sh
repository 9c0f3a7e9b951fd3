#!/bin/sh
# SPDX-License-Identifier: MIT
# usage: screen_guest.sh OUT.rom [TEXT]: assembles screen_guest.S
here=$(dirname "$0")
as --32 ${2:+--defsym "$2=1"} -o "$1.o" "$here/screen_guest.S" && ld -m elf_i386 -Ttext 0 --oformat binary -o "$1" "$1.o" && rm -f "$1.o"

#!/bin/bash
# SPDX-License-Identifier: MIT
# Guests that try to outlast a budget: a handler whose first instruction faults again, so that no instruction ever retires; a machine that resets
# as soon as it starts; a sleeper whose alarm is a day of timer ticks away. A run with a budget ends with exit status 124, and soon.
#   endless.sh FAULTLINE
faultline=$(realpath "${1:?}")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
passed=0 failed=0

# rom NAME CODE: a 64 KiB ROM whose reset vector jumps to F000:0000, where CODE is (hexadecimal bytes)
rom() {
    head -c 65536 /dev/zero >"$dir/$1"
    # shellcheck disable=SC2059 # the bytes are the format
    printf "$(echo "$2" | sed 's/ *\([0-9a-f][0-9a-f]\)/\\x\1/g')" | dd of="$dir/$1" conv=notrunc 2>/dev/null
    printf '\xea\x00\x00\x00\xf0' | dd of="$dir/$1" bs=1 seek=65520 conv=notrunc 2>/dev/null
}
ends() { # name, status, options
    name=$1 want=$2
    shift 2
    timeout -s KILL 60 "$faultline" -rom "$dir/$name" -m 1M -serial none --max-instructions 1000000 "$@" </dev/null >/dev/null 2>&1
    status=$?
    if [ $status = "$want" ]; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "FAILED: $name $*: exit status $status, not $want"; fi
}

# xor ax,ax; mov ds,ax; IVT[6] = F000:0016; ud2 ... 0016: ud2
rom undefined '31 c0 8e d8 c7 06 18 00 16 00 c7 06 1a 00 00 f0 0f 0b 90 90 90 90 0f 0b'
# lidt [cs:0008] (limit 0); ud2: a triple fault
rom triple '2e 0f 01 1e 10 00 0f 0b 90 90 90 90 90 90 90 90 00 00 00 00 00 00'
# jmp $
rom loop 'eb fe'
# rep stosb over and over: iterations count
rom repeat 'b9 ff ff f3 aa eb f9'
# cli; hlt: nothing can end it
rom halt 'fa f4'
# PIT every 2 ticks, but only the RTC's line open, its alarm at 23:59:59; sti; hlt
rom tomorrow 'b0 34 e6 43 b0 02 e6 40 b0 00 e6 40 b0 01 e6 70 b0 59 e6 71 b0 03 e6 70 b0 59 e6 71 b0 05 e6 70 b0 23 e6 71 b0 0b e6 70 b0 22 e6 71 b0 fb e6 21 b0 fe e6 a1 fb f4'
ends undefined 124
ends triple 124
ends triple 122 -no-reboot
ends loop 124
ends repeat 124
ends halt 118
ends tomorrow 124
echo "$passed passed, $failed failed"
[ $failed = 0 ]

#!/bin/bash
# SPDX-License-Identifier: MIT
# Who called, in kernels without frame pointers: tests/backtrace/chain.c is built for 32 and 64 bits, with .eh_frame and with .debug_frame alone, and each
# fault's list of callers must be the exact chain, with offsets that lie behind CALLs. Without these sections it must not be: so it is they that tell.
# usage: backtrace.sh FAULTLINE
set -u
faultline=$(realpath "${1:?usage: backtrace.sh FAULTLINE}") || exit 2
source=$(realpath "$(dirname "$0")/../backtrace") || exit 2
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 2
passed=0 failed=0
verdict() { # what, wanted, got
    if [ "$2" = "$3" ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED: $1: '$3', not '$2'"
    fi
}

# Innermost first, by chain.c's CHAIN.
chains=("" "leaf busy varying aligned aligned_varying kernel_main _start"
    "leaf busy panic stop kernel_main _start"
    "leaf busy on_interrupt interrupt_entry interrupted busy kernel_main _start"
    "read_word assembly busy kernel_main _start"
    "nothing busy kernel_main _start")

build() { # mode, chain, file, more options
    local mode=$1 chain=$2 out=$3
    shift 3
    gcc -m"$mode" -std=gnu11 -O2 -Wall -Wextra -Wno-unused-function -fomit-frame-pointer -ffreestanding -fno-pie -fno-stack-protector -fcf-protection=none \
        -mno-red-zone -mgeneral-regs-only -nostdlib -static -no-pie -Wl,--build-id=none -Wl,--no-warn-rwx-segments -DMODE="$mode" -DCHAIN="$chain" \
        -T "$source/chain.ld" -o "$out" "$@" "$source/boot.S" "$source/chain.c"
}
run() { # kernel, options: trace.jsonl, err
    local kernel=$1
    shift
    "$faultline" -kernel "$kernel" -m 16 -display none -no-reboot --max-instructions 1000000 --trace-faults trace.jsonl "$@" </dev/null >out 2>err
}
# The names of the first fault's place and callers.
names() {
    head -n 1 trace.jsonl | sed -e 's/.*"symbol":\(.*\),"walk".*"backtrace":\[\(.*\)\]}$/\1,\2/' -e 's/null,//' -e 's/+0x[0-9a-f]*//g' -e 's/"//g' -e 's/,/ /g'
}
# Callers whose address in the trace is not that of an instruction behind a CALL (or INT), as the disassembly has it.
not_behind_calls() { # kernel
    local caller start
    objdump -d --no-show-raw-insn "$1" | awk '/^ *[0-9a-f]+:/ { if (after) print $1; after = $2 ~ /^(call|int)/ }' | tr -d : >behind
    for caller in $(head -n 1 trace.jsonl | sed -e 's/.*"backtrace":\[\(.*\)\]}$/\1/' -e 's/"//g' -e 's/,/ /g'); do
        start=$(nm "$1" | sed -n "s/ [tT] ${caller%+*}\$//p")
        grep -qx "$(printf '%x' $((0x$start + ${caller#*+})))" behind || echo "$caller"
    done
}
for mode in 32 64; do
    for chain in 1 2 3 4 5; do
        want=${chains[chain]}
        build "$mode" "$chain" eh.elf -fasynchronous-unwind-tables || exit 2
        build "$mode" "$chain" debug.elf -g -fno-asynchronous-unwind-tables || exit 2
        objcopy -R .eh_frame -R .debug_frame eh.elf without.elf
        run eh.elf
        verdict "$mode bits, chain $chain, .eh_frame" "$want" "$(names)"
        verdict "$mode bits, chain $chain: offsets" "" "$(not_behind_calls eh.elf)"
        # The entry in assembly has .eh_frame alone, whatever the compiler writes.
        run debug.elf
        verdict "$mode bits, chain $chain, .debug_frame" "$want" "$(names)"
        run without.elf
        [ "$(names)" != "$want" ]
        verdict "$mode bits, chain $chain, neither: another list" 0 $?
    done
    readelf -SW debug.elf | grep -q '\.debug_frame'
    verdict "$mode bits: there is a .debug_frame" 0 $?

    # Linked elsewhere than it was loaded.
    build "$mode" 1 moved.elf -fasynchronous-unwind-tables -Wl,--defsym=origin=0x500000 || exit 2
    build "$mode" 1 eh.elf -fasynchronous-unwind-tables || exit 2
    run eh.elf --symbols moved.elf,offset=-0x400000
    verdict "$mode bits, symbols linked elsewhere" "${chains[1]}" "$(names)"
    run eh.elf --symbols moved.elf
    verdict "$mode bits, and not moved back" "" "$(names)"

    # The other ways to ask.
    run eh.elf --explain
    grep -q '^#1 .*leaf+0x[0-9a-f]* <- busy+0x[0-9a-f]* <- varying+0x[0-9a-f]* <- aligned+0x' err
    verdict "$mode bits: --explain" 0 $?
    printf 'catch pf\ncont\nwait\nbacktrace\nquit\n' | "$faultline" -kernel eh.elf -m 16 -display none -no-reboot -S -monitor stdio >out 2>err
    verdict "$mode bits: the monitor's backtrace" "${chains[1]}" "$(sed -n 's/^[0-9]  [0-9a-f]*  <\([a-z_]*\).*/\1/p' out | xargs)"
done
echo "$passed passed, $failed failed"
[ $failed = 0 ]

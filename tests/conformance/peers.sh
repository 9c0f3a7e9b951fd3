#!/bin/bash
# SPDX-License-Identifier: MIT
# Every conformance ROM on Faultline, QEMU's TCG and Bochs, as one table: checks passed, failed, skipped, and how a run ended that said no sum.
# What each said is left in DIRECTORY/NAME.MACHINE.   peers.sh [-v] FAULTLINE DIRECTORY [NAME..]    -v: the checks that failed, too
set -u
verbose=
[ "${1:-}" = -v ] && { verbose=yes; shift; }
faultline=$(realpath "${1:?usage: peers.sh [-v] FAULTLINE DIRECTORY [NAME..]}") || exit 2
mkdir -p "${2:?usage: peers.sh [-v] FAULTLINE DIRECTORY [NAME..]}"
out=$(realpath "$2")
shift 2
"$(dirname "$0")/build.sh" "$out" || exit 1
limit=30 # seconds

run_faultline() {
    timeout $limit "$faultline" -m 32 -no-reboot --max-instructions 1000000000 "$out/$1.rom" </dev/null >"$out/$1.faultline" 2>"$out/$1.errors"
}
run_qemu() {
    timeout $limit qemu-system-x86_64 -accel tcg -cpu max -m 32 -display none -serial "file:$out/$1.qemu" -monitor none -no-reboot -net none \
        -device isa-debug-exit,iobase=0xf4,iosize=4 -bios "$out/$1.rom" </dev/null >/dev/null 2>&1
}
# Debian's Bochs has its debugger built in, which waits for a command; others do not know -rc.
run_bochs() {
    head -c 512 /dev/zero >"$out/vga.bin"
    echo continue >"$out/bochs.commands"
    cat >"$out/bochsrc" <<END
display_library: term
config_interface: textconfig
megs: 32
cpu: model=corei7_icelake_u, count=1, reset_on_triple_fault=0
romimage: file=$out/$1.rom
vgaromimage: file=$out/vga.bin
com1: enabled=1, mode=file, dev=$out/$1.bochs
panic: action=fatal
error: action=ignore
info: action=ignore
debug: action=ignore
log: $out/bochs.log
sound: driver=dummy
END
    debugger=
    bochs --help 2>&1 | grep -q -e '-rc ' && debugger="-rc $out/bochs.commands"
    # shellcheck disable=SC2086 # the options are words
    (cd "$out" && TERM=vt100 timeout -s KILL $limit bochs -q -f bochsrc $debugger </dev/null >/dev/null 2>&1)
}

# "P/F/S", with "hang" or "ended early" where the last line is not the sum.
cell() { # file, exit status
    [ -f "$1" ] || { echo "-"; return; }
    sum=$(sed -n 's/^# \([0-9]*\) passed, \([0-9]*\) failed, \([0-9]*\) skipped.*/\1 \/ \2 \/ \3/p' "$1" | tr -d '\000' | tail -n 1)
    [ -n "$sum" ] && { echo "$sum"; return; }
    ok=$(grep -ac '^ok' "$1")
    bad=$(grep -ac '^not ok' "$1")
    if [ "$2" = 124 ] || [ "$2" = 137 ]; then how=hang; else how='ended early'; fi
    echo "$ok / $bad, $how"
}

machines=faultline
for machine in qemu-system-x86_64 bochs; do
    if command -v $machine >/dev/null 2>&1; then machines="$machines ${machine%-system*}"; else echo "$machine is not installed: left out" >&2; fi
done
worst=0
printf '%-12s' ROM
for machine in $machines; do printf ' | %-22s' "$machine"; done
printf '\n'
for rom in "$out"/*.rom; do
    name=$(basename "$rom" .rom)
    [ $# -gt 0 ] && case " $* " in *" $name "*) ;; *) continue ;; esac
    printf '%-12s' "$name"
    for machine in $machines; do
        rm -f "$out/$name.$machine"
        "run_$machine" "$name"
        status=$?
        cell=$(cell "$out/$name.$machine" $status)
        printf ' | %-22s' "$cell"
        [ "$machine" = faultline ] && ! grep -q '^# [0-9]* passed, 0 failed' "$out/$name.faultline" && worst=1
    done
    printf '\n'
    [ -n "$verbose" ] && for machine in $machines; do grep -a '^not ok' "$out/$name.$machine" | sed "s/^/    $machine: /"; done
done
exit $worst

#!/bin/sh
# SPDX-License-Identifier: MIT
# Faultline beside QEMU's TCG and Bochs: run.sh [-r ROUNDS] [-w "NAME .."] [-b "32 64"] [-e "qemu bochs"] [-n] FAULTLINE DIRECTORY
#
# Each workload of workloads.txt runs on each emulator in turn, ROUNDS times (3); the table shows medians of the CPU
# seconds that the emulator's process used between the guest's START and END, as ratios to QEMU and Bochs, and host
# instructions per guest instruction, counted by valgrind (-n leaves that out). An emulator that is not installed leaves
# its columns empty. Exit status 1 if checksums differ or Faultline fails.
set -u

usage() {
    echo "usage: run.sh [-r ROUNDS] [-w \"NAME ..\"] [-b \"32 64\"] [-e \"qemu bochs\"] [-n] FAULTLINE DIRECTORY" >&2
    exit 2
}

rounds=3
wanted=
widths="32 64"
peers="qemu bochs"
count_instructions=yes
while getopts r:w:b:e:n option; do
    case $option in
    r) rounds=$OPTARG ;;
    w) wanted=" $OPTARG " ;;
    b) widths=$OPTARG ;;
    e) peers=$OPTARG ;;
    n) count_instructions= ;;
    *) usage ;;
    esac
done
shift $((OPTIND - 1))
[ $# -eq 2 ] || usage
here=$(cd "$(dirname "$0")" && pwd)
faultline=$1
out=$2

for name in $wanted; do
    grep -q "^$name " "$here/workloads.txt" || { echo "no workload $name in workloads.txt" >&2; exit 2; }
done

have() {
    command -v "$1" >/dev/null 2>&1 || { echo "$1 is not installed: left out" >&2; return 1; }
}

"$here/build.sh" "$out" || exit 1
emulators=faultline
case $peers in *qemu*) have qemu-system-x86_64 && emulators="$emulators qemu" ;; esac
case $peers in *bochs*) have bochs && emulators="$emulators bochs" ;; esac
[ -n "$count_instructions" ] && { have valgrind || count_instructions=; }
# All on one processor, the last, so that it is the same one for each.
processor=$(($(nproc) - 1))

# ---- One run: "seconds checksum", or "- reason" ----

# Bochs cannot load a kernel: the guest is its ROM, and the command line is patched in where rom.S expects it.
prepare_bochs() {
    cp "$out/bench$1.rom" "$out/bochs.rom"
    printf '%s\0' "$2 $3" | dd of="$out/bochs.rom" bs=1 seek=$((0xFE00)) conv=notrunc 2>/dev/null
    head -c 512 /dev/zero >"$out/vga.rom"
    [ -p "$out/serial" ] || mkfifo "$out/serial"
    echo continue >"$out/bochs.commands"
    cat >"$out/bochsrc" <<END
display_library: term
config_interface: textconfig
megs: 128
cpu: model=core2_penryn_t9600, count=1, reset_on_triple_fault=0
romimage: file=$out/bochs.rom
vgaromimage: file=$out/vga.rom
com1: enabled=1, mode=file, dev=$out/serial
panic: action=fatal
error: action=ignore
info: action=ignore
debug: action=ignore
log: $out/bochs.log
sound: driver=dummy
END
}

# Debian's Bochs has its debugger built in, which waits for a command; others do not know -rc.
run_bochs() {
    prepare_bochs "$@"
    debugger=
    bochs --help 2>&1 | grep -q -e '-rc ' && debugger="-rc $out/bochs.commands"
    # shellcheck disable=SC2086 # the options are words
    TERM=vt100 "$out/measure" -t 300 -c "$processor" -s "$out/serial" bochs -q -f "$out/bochsrc" $debugger
}

run_qemu() {
    "$out/measure" -t 300 -c "$processor" qemu-system-x86_64 -accel tcg -cpu max -m 128 -display none -serial stdio \
        -monitor none -no-reboot -net none -device isa-debug-exit,iobase=0xf4,iosize=4 \
        -kernel "$out/bench$1.elf" -append "$2 $3"
}

run_faultline() {
    "$out/measure" -t 300 -c "$processor" "$faultline" -m 128 -serial stdio -kernel "$out/bench$1.elf" -append "$2 $3"
}

# ---- Host instructions per guest instruction: the difference of two runs that differ only in their count ----

# "host guest"
count_run() {
    valgrind --tool=exp-bbv --instr-count-only=yes --bb-out-file=/dev/null --pc-out-file=/dev/null \
        "$faultline" -m 128 -serial none -stats -kernel "$out/bench$1.elf" -append "$2 $3" 2>&1 </dev/null |
        awk '/Total instructions:/ { host = $NF } / instructions in / { gsub(",", ""); guest = $2 }
             END { print host + 0, guest + 0 }'
}

count_workload() {
    echo "$(count_run "$1" "$2" "$3") $(count_run "$1" "$2" $(($3 * 2)))" |
        awk '{ if ($4 > $2) printf "%.1f\n", ($3 - $1) / ($4 - $2); else print "-" }'
}

# ---- All of them ----

workloads() {
    grep -v '^#' "$here/workloads.txt" | while read -r name group count small; do
        case ${wanted:-" $name "} in
        *" $name "*) echo "$name $group $count $small" ;;
        esac
    done
}

results=$out/results.txt
: >"$results"
for round in $(seq "$rounds"); do
    for width in $widths; do
        workloads | while read -r name group count small; do
            for emulator in $emulators; do
                echo "$width $name $group $emulator $("run_$emulator" "$width" "$name" "$count" </dev/null)" >>"$results"
            done
            printf '\rround %s of %s: %s-bit %-12s' "$round" "$rounds" "$width" "$name" >&2
        done
    done
done
if [ -n "$count_instructions" ]; then
    for width in $widths; do
        workloads | while read -r name group count small; do
            printf '\rcounting: %s-bit %-20s' "$width" "$name" >&2
            echo "$width $name $group insns $(count_workload "$width" "$name" "$small") 0" >>"$results"
        done
    done
fi
printf '\r%-60s\r' '' >&2

date -u '+%Y-%m-%d'
sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1
echo "CPU seconds, medians of $rounds; a ratio below 1 means that Faultline is faster"
echo
awk -v rounds="$rounds" -f "$here/table.awk" "$results"

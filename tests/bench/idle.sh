#!/bin/bash
# SPDX-License-Identifier: MIT
# What a guest that sleeps costs the host, and what a screen costs that changes sixty times a second: idle.sh [-s SECONDS] FAULTLINE DIRECTORY [KERNELS]
#
# Each guest runs, paced to wall time, in a window under Xvfb or in a pseudo-terminal; after some seconds to get there, the processor time of the whole process
# is taken over SECONDS (20). KERNELS is where `make check-guests` unpacked Debian's: without it there is no Linux here. Status 1 if a bound is exceeded.
set -u
seconds=20
while getopts s: option; do
    case $option in
    s) seconds=$OPTARG ;;
    *) exit 2 ;;
    esac
done
shift $((OPTIND - 1))
[ $# -ge 2 ] || { echo "usage: idle.sh [-s SECONDS] FAULTLINE DIRECTORY [KERNELS]" >&2; exit 2; }
faultline=$(realpath "$1")
here=$(realpath "$(dirname "$0")")
kernels=${3:+$(realpath "$3")}
mkdir -p "$2" && cd "$2" || exit 2
for tool in Xvfb script; do command -v $tool >/dev/null || { echo "no $tool here" >&2; exit 2; }; done

load() { # name, HZ, KIND
    as --32 --defsym HZ="$2" --defsym KIND="$3" -o "$1.o" "$here/screen_load.S" && ld -m elf_i386 -Ttext 0x100000 -o "$1.elf" "$1.o" || exit 2
}
load idle-100 100 0
load idle-1000 1000 0
load text-60 60 1
load vbe-60 60 2
rm -f number && mkfifo number
Xvfb -displayfd 3 -screen 0 1280x1024x24 3>number >/dev/null 2>&1 &
xvfb=$! pid=
trap 'kill $xvfb $pid 2>/dev/null' EXIT
read -r -t 60 number <number || exit 2
export DISPLAY=:$number

status=0
used() { sed 's/.*) //' "/proc/$pid/stat" | awk '{ print $12 + $13 }'; }
# name, bound in percent of a processor, seconds to get there; the process is $pid
row() {
    sleep "$3"
    before=$(used)
    sleep "$seconds"
    after=$(used)
    if [ -z "$before" ] || [ -z "$after" ]; then
        printf '%-44s %8s\n' "$1" "ended"
        status=1
        return
    fi
    echo "$before $after $seconds $(getconf CLK_TCK) $2" | awk -v name="$1" '{
        share = ($2 - $1) * 100 / $3 / $4
        printf "%-44s %7.2f%% %7.0f%%%s\n", name, share, $5, (share > $5) ? "  EXCEEDED" : ""
        exit (share > $5) }' || status=1
    kill "$pid"
    wait "$pid" 2>/dev/null
}
window() { # name, bound, seconds to get there, options..
    name=$1 bound=$2 first=$3
    shift 3
    "$faultline" -serial none -display sdl "$@" >/dev/null 2>&1 &
    pid=$!
    row "$name, in a window" "$bound" "$first"
}
terminal() { # the same, in a terminal
    name=$1 bound=$2 first=$3
    shift 3
    rm -f pid
    script -qfc "stty cols 80 rows 25; echo \$\$ >pid; exec '$faultline' $*" /dev/null >/dev/null 2>&1 < <(sleep $((first + seconds + 30))) &
    outer=$!
    while [ ! -s pid ]; do sleep 0.2; done
    pid=$(cat pid)
    row "$name, in a terminal" "$bound" "$first"
    kill $outer 2>/dev/null
    wait $outer 2>/dev/null
}

printf '%-44s %8s %8s\n' guest "of a core" bound
window "SeaBIOS, nothing to boot" 2 6
window "HLT, 100 ticks a second" 2 3 -kernel idle-100.elf
window "HLT, 1000 ticks a second" 2 3 -kernel idle-1000.elf
terminal "HLT, 100 ticks a second" 2 3 -serial none -display ansi -kernel idle-100.elf
terminal "HLT, 100 ticks a second, -nographic" 2 3 -nographic -kernel idle-100.elf
window "text, all of it new 60 times a second" 5 3 -kernel text-60.elf
window "1024x768x32, all of it new 60 times a second" 15 3 -kernel vbe-60.elf
if [ -n "$kernels" ]; then
    images=$kernels/netboot-amd64/usr/lib/debian-installer/images/12/amd64/text/debian-installer/amd64
    linux=(-m 512M -kernel "$images/linux" -initrd "$images/initrd.gz")
    window "Linux, a shell at the prompt" 2 60 "${linux[@]}" -append "rdinit=/bin/sh console=tty0"
    terminal "Linux, a shell at the prompt, -nographic" 2 60 "${linux[@]}" -nographic -append "'rdinit=/bin/sh console=ttyS0'"
fi
exit $status

#!/bin/sh
# SPDX-License-Identifier: MIT
# Debian's installer kernels to "Run /init", beside QEMU's TCG: boot.sh [-r ROUNDS] FAULTLINE DIRECTORY KERNELS
#
# KERNELS is where `make check-guests` unpacked them. Both emulators boot in turn, ROUNDS times (3), on the same processor; the table shows the CPU
# seconds of the whole process up to that line, as medians, and the median of the rounds' ratios.
set -u
rounds=3
while getopts r: option; do
    case $option in
    r) rounds=$OPTARG ;;
    *) exit 2 ;;
    esac
done
shift $((OPTIND - 1))
[ $# -eq 3 ] || { echo "usage: boot.sh [-r ROUNDS] FAULTLINE DIRECTORY KERNELS" >&2; exit 2; }
faultline=$(realpath "$1")
mkdir -p "$2"
out=$(realpath "$2")
kernels=$(realpath "$3") || exit 2
gcc -O2 -Wall -Wextra -o "$out/measure" "$(dirname "$0")/measure.c" || exit 1
processor=$(($(nproc) - 1))

# until EMULATOR..: "seconds -", or "- reason"
until_init() { "$out/measure" -t 600 -c "$processor" -u 'Run /init' "$@" </dev/null 2>/dev/null; }
median() { sort -n | awk '{ v[NR] = $1 } END { if (NR) print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }

printf '%-8s %10s %10s %8s\n' kernel Faultline QEMU x\ QEMU
status=0
for arch in amd64 i386; do
    images=$kernels/netboot-$arch/usr/lib/debian-installer/images/12/$arch/text/debian-installer/$arch
    [ -e "$images/linux" ] || { echo "no kernel in $images: run make check-guests first" >&2; exit 2; }
    : >"$out/boot-$arch.txt"
    for round in $(seq "$rounds"); do
        f=$(until_init "$faultline" -m 1G -kernel "$images/linux" -initrd "$images/initrd.gz" -append console=ttyS0 -nographic)
        q=$(until_init qemu-system-x86_64 -accel tcg -cpu max -m 1G -kernel "$images/linux" -initrd "$images/initrd.gz" \
            -append console=ttyS0 -display none -monitor none -serial stdio -no-reboot -net none)
        echo "${f%% *} ${q%% *}" >>"$out/boot-$arch.txt"
    done
    if grep -q '^-\|-$' "$out/boot-$arch.txt"; then
        echo "$arch: did not boot: $(tail -n 1 "$out/boot-$arch.txt")"
        status=1
        continue
    fi
    printf '%-8s %10s %10s %8s\n' $arch "$(cut -d' ' -f1 "$out/boot-$arch.txt" | median)" "$(cut -d' ' -f2 "$out/boot-$arch.txt" | median)" \
        "$(awk '{ print $1 / $2 }' "$out/boot-$arch.txt" | median)"
done
exit $status

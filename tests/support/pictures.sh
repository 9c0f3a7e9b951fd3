#!/bin/bash
# SPDX-License-Identifier: MIT
# The pictures in docs/: a window with a guest in it, and with the fault overlay over it.
#   pictures.sh FAULTLINE KERNELS DIRECTORY
# KERNELS is where `make check-guests` unpacked Debian's. Linux boots to a shell, which starts programs; the mouse points at one of the last faults.
set -u
faultline=$(realpath "$1") || exit 2
kernels=$(realpath "$2") || exit 2
mkdir -p "$3" && to=$(realpath "$3") || exit 2
support=$(realpath "$(dirname "$0")")
images=$kernels/netboot-amd64/usr/lib/debian-installer/images/12/amd64/text/debian-installer/amd64
[ -r "$images/linux" ] || { echo "no kernel in $images: run make check-guests first" >&2; exit 2; }
. "$support/xvfb.sh"

# A shell on the screen that says on the serial line when it is there.
"$faultline" -m 512M -kernel "$images/linux" -initrd "$images/initrd.gz" -append 'rdinit=/bin/sh console=tty0 quiet' -display sdl -serial stdio >log 2>err </dev/null &
run=$!
await find_window || { echo "no window" >&2; exit 1; }
xdotool windowmove "$window" 0 0 mousemove --window "$window" 300 200 windowfocus "$window"
type_line() { xdotool type --delay 120 "$1" && xdotool key Return; }
patience=20
for ((try = 0; try < 60; try++)); do
    type_line 'mount -t devtmpfs none /dev; mount -t proc none /proc; echo here >/dev/ttyS0'
    await said here && break
done
said here || { echo "Linux has no shell: $(tail -n 3 log err)" >&2; exit 1; }
type_line 'clear; uname -a; ls -l /; grep -E "MemTotal|model name" /proc/meminfo /proc/cpuinfo'
sleep 3
./x11_tool picture "$window" "$to/window.png" || exit 1
type_line 'while :; do ls -l / /bin >/dev/null; sed -n 1p /proc/version >/dev/null; done'
sleep 2
xdotool key F12
sleep 4
xdotool key ctrl+alt+p
xdotool mousemove --window "$window" 100 424 # the third of the last faults
sleep 1
./x11_tool picture "$window" "$to/overlay.png" || exit 1
ls -l "$to/window.png" "$to/overlay.png"

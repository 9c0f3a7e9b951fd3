#!/bin/sh
# SPDX-License-Identifier: MIT
# memtest86+, both builds, at the same time: a full pass over 64 MiB without an error, seen on the screen and on the serial line. The 64-bit one boots through
# SeaBIOS and GRUB from the package's CD image, the 32-bit one with -kernel. A pass is some 221 thousand million instructions, two thirds of them in the
# three minutes for which "Bit fade" leaves the memory alone: about four minutes on two processors that nobody else uses; a budget bounds it.
#   memtest.sh FAULTLINE DIRECTORY
set -u
faultline=$(realpath "$1")
mkdir -p "$2/memtest" && cd "$2/memtest" || exit 2
passed=0
failed=0
ok() { passed=$((passed + 1)); echo "ok: $1"; }
bad() { failed=$((failed + 1)); echo "FAILED: $1" >&2; }

if [ ! -d package ]; then
    rm -f ./*.deb
    apt-get download memtest86+ >apt.log 2>&1 || { apt-get update >/dev/null 2>&1; apt-get download memtest86+ >apt.log 2>&1; }
    dpkg-deb -x memtest86+_*.deb package.new && mv package.new package || { bad "memtest86+: cannot be downloaded: $(tail -n 1 apt.log)"; echo "0 passed, 1 failed"; exit 1; }
fi

# pass NAME OPTIONS..: until the banner is on the screen, and the serial line has said the same
pass() {
    name=$1
    shift
    printf 'timeout 1000\nwait Press any key to remove this banner\nscreenshot %s.txt\nscreenshot %s.png\nsleep 3000\nend\n' "$name" "$name" >"$name.script"
    "$faultline" -m 64 "$@" -display none -script "$name.script" --stats --max-instructions 500000000000 </dev/null >"$name.out" 2>"$name.err"
    echo $? >"$name.status"
}
# A CD made of the package's file: the package's own has a menu without a serial line.
rm -rf iso && mkdir -p iso/boot/grub && cp package/boot/memtest86+x64.bin iso/
printf 'linux /memtest86+x64.bin console=ttyS0,115200\nboot\n' >iso/boot/grub/grub.cfg
grub-mkrescue -o x64.iso iso >iso.log 2>&1 || bad "grub-mkrescue: $(tail -n 1 iso.log)"
pass ia32 -kernel package/boot/memtest86+ia32.bin -append console=ttyS0,115200 &
pass x64 -cdrom x64.iso
wait
for name in x64 ia32; do
    build=$([ $name = x64 ] && echo x64 || echo x32) # as it calls itself
    if [ "$(cat $name.status)" = 0 ]; then ok "$name: $(grep MIPS $name.err)"; else bad "$name: exit status $(cat $name.status): $(tail -n 5 $name.err)"; continue; fi
    grep -q "6\..*\.$build\$" $name.txt && ok "$name: it is the build it should be" || bad "$name: another build: $(tail -n 1 $name.txt)"
    grep -q 'of 63\.' $name.txt && ok "$name: 64 MiB" || bad "$name: not 64 MiB: $(grep Testing $name.txt)"
    grep -q 'Pass:  *1  *Errors: 0 *$' $name.txt && grep -q 'Status: Pass ' $name.txt && ok "$name: a pass, no errors, on the screen" ||
        bad "$name: on the screen: $(grep -e Pass: -e Status: $name.txt)"
    # Every test of the first pass has said its name and number on the line.
    tr '\033' '\n' <$name.out | grep -o '#[0-9]* *\[[A-Z][^]]*\]' | sort -u >$name.tests
    for test in 'Address test, walking ones' 'Moving inversions, 8 bit' 'Moving inversions, random' 'Random number sequence' 'Modulo 20' 'Bit fade'; do
        grep -q "$test" $name.tests && ok "$name: $test" || bad "$name: no $test"
    done
    tr '\033' '\n' <$name.out | grep -q 'Pass:  1  *Errors: 0' && ok "$name: a pass, no errors, on the serial line" || bad "$name: no pass on the serial line"
done
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]

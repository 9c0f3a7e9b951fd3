#!/bin/bash
# SPDX-License-Identifier: MIT
# Media that change while the guest runs: files dropped on the window, and keys that take them out. SeaBIOS then boots what is there; and the session is
# replayed without a window.
# usage: media.sh FAULTLINE
set -u
faultline=$(realpath "${1:?usage: media.sh FAULTLINE}") || exit 2
support=$(realpath "$(dirname "$0")/../support")
[ -r /usr/share/seabios/bios-256k.bin ] || { echo "no SeaBIOS here"; echo "0 passed, 0 failed, 1 skipped"; exit 0; }
. "$support/xvfb.sh"

# A boot sector that says who it is where SeaBIOS keeps its log, and sleeps.
boot_sector() { # text, file
    as --32 -o boot.o - <<END && ld -m elf_i386 -Ttext 0 --oformat binary -o "$2" boot.o
.code16
.intel_syntax noprefix
.globl _start
_start:
    call 1f
1:  pop si
    add si, offset text - 1b
    mov dx, 0x402
2:  lods al, byte ptr cs:[si]
    test al, al
    jz 3f
    out dx, al
    jmp 2b
3:  sti
    hlt
    jmp 3b
text:
    .asciz "\n$1 is here\n"
    .org 510
    .word 0xAA55
END
}
# The least that El Torito asks for: volume descriptors in sectors 16 to 18, the catalogue in 19, the boot sector in 20.
make_cd() { # text, file
    boot_sector "$1" cd.boot || return
    truncate -s $((2048 * 400)) "$2"
    at() { dd of="$1" bs=1 seek=$(($2 * 2048 + $3)) conv=notrunc status=none; }
    printf '\1CD001\1' | at "$2" 16 0
    printf '\0CD001\1EL TORITO SPECIFICATION' | at "$2" 17 0
    printf '\23' | at "$2" 17 71
    printf '\377CD001\1' | at "$2" 18 0
    printf '\1' | at "$2" 19 0
    printf '\252\125\125\252' | at "$2" 19 28 # the words of the validation entry add up to 0
    printf '\210\0\0\0\0\0\1\0\24' | at "$2" 19 32
    at "$2" 20 0 <cd.boot
}
boot_sector 'a floppy disk' floppy.boot || exit 2
cp floppy.boot 'a disk.img' && truncate -s 1474560 'a disk.img' && cp 'a disk.img' large.img && truncate -s 2949120 large.img
make_cd 'a CD' cd.iso || exit 2
echo 'no image' >text.txt

mkfifo pipe
cat pipe >log &
machine=(-m 16 -serial none -drive if=floppy,index=0 -drive if=ide,index=2,media=cdrom -global isa-debugcon.iobase=0x402 -debugcon stdio)
"$faultline" "${machine[@]}" -display sdl --record-input recording --screenshot window.png --ram-hash >pipe 2>err &
run=$!
await said 'No bootable device'
verdict $? "nothing to boot from"
find_window
xdotool mousemove --window "$window" 300 200 windowfocus "$window"
drop() { ./x11_tool drop "$window" 600 500 "$1"; }
reset() {
    xdotool windowfocus "$window"
    mark=$(wc -l <log)
    xdotool key ctrl+alt+r
}

drop "$dir/a%20disk.img" && await title "floppy0: $dir/a disk.img"
verdict $? "a floppy disk is dropped, and the title says so"
reset
await said 'a floppy disk is here'
verdict $? "it boots"
drop "$dir/large.img"
await title 'does not fit'
verdict $? "a larger one does not fit"
drop "$dir/text.txt"
await title 'neither a CD nor a floppy'
verdict $? "no image at all"
xdotool key ctrl+alt+d
await title 'floppy0: empty'
verdict $? "the floppy disk is taken out"
drop "$dir/cd.iso"
await title "ide1-cd0: $dir/cd.iso"
verdict $? "a CD is dropped"
reset
await said 'a CD is here'
verdict $? "it boots, and the floppy disk does not"
xdotool windowfocus "$window" key ctrl+alt+e
await title 'ide1-cd0: empty'
verdict $? "the CD is ejected"
reset
await said 'No bootable device'
verdict $? "and nothing boots"
xdotool key ctrl+alt+q
wait $run
verdict $? "exit status $?"
run=
unset DISPLAY
[ "$(grep -c ' media \| eject ' recording)" = 4 ]
verdict $? "four changes were recorded, and no attempt: $(grep ' media \| eject ' recording)"

replay() { timeout 300 "$faultline" "${machine[@]}" -display none --replay-input recording --ram-hash "$@" >replay.log 2>replay.err </dev/null; }
replay --screenshot replay.png
verdict $? "the replay ends well: $(head -c 300 replay.err)"
cmp log replay.log && cmp window.png replay.png && [ "$(grep 'RAM hash' err)" = "$(grep 'RAM hash' replay.err)" ]
verdict $? "it says and shows the same, with the same memory: $(grep -h 'RAM hash' err replay.err)"
touch -d '2001-01-01' cd.iso
replay
[ $? = 2 ] && grep -q 'recording: .*cd.iso: is not the file that it was' replay.err
verdict $? "another CD of that name is refused: $(cat replay.err)"
rm 'a disk.img'
replay
[ $? = 2 ] && grep -q 'recording: .*a disk.img: ' replay.err
verdict $? "a missing one too: $(cat replay.err)"
echo "$passed passed, $failed failed"
[ $failed = 0 ]

#!/bin/sh
# SPDX-License-Identifier: MIT
# Loaders and installers as somebody before the screen sees them, by -script: GRUB's shell from CD, hard disk and floppy; a kernel from ISOLINUX's prompt;
# Debian's installers from GRUB CDs, on the serial line and, as graphics, on the screen; which of two drives boots.
# Uses what boot.sh and userland.sh have unpacked below $2.
#   screens.sh FAULTLINE DIRECTORY
set -u
faultline=$(realpath "$1")
mkdir -p "$2/screens" && cd "$2" || exit 2
kernels=$PWD
cd screens || exit 2
passed=0
failed=0
ok() { passed=$((passed + 1)); echo "ok: $1"; }
bad() { failed=$((failed + 1)); echo "FAILED: $1" >&2; }
verdict() { if [ "$1" -eq 0 ]; then ok "$2"; else bad "$2: exit status $1: $(tail -c 300 "$3.out") $(tail -n 1 "$3.err")"; fi; }

# guest NAME OPTIONS..: without a window, its status
guest() {
    name=$1
    shift
    "$faultline" "$@" -display none </dev/null >"$name.out" 2>"$name.err"
}

# seen NAME TEXT FILE: is it in what was on the screen?
seen() { if grep -qF -- "$2" "$3"; then ok "$1: \"$2\""; else bad "$1: no \"$2\" in: $(cat "$3")"; fi; }

# ---- GRUB's shell ----
rm -rf iso && mkdir -p iso/boot/grub
printf 'set timeout=-1\nmenuentry "An entry" {\n    echo nothing\n}\n' >iso/boot/grub/grub.cfg
grub-mkrescue -o grub.iso iso >grub.log 2>&1 || bad "grub-mkrescue: $(tail -n 1 grub.log)"
# A floppy with the same menu: boot.img, and behind it a core image with the configuration as a RAM disk.
tar -C iso -cf menu.tar boot
grub-mkimage -O i386-pc -o floppy.core -m menu.tar -p '(memdisk)/boot/grub' biosdisk memdisk tar normal minicmd echo halt ls || bad "grub-mkimage"
dd if=/dev/zero of=floppy.img bs=1474560 count=1 status=none
dd if=/usr/lib/grub/i386-pc/boot.img of=floppy.img conv=notrunc status=none
dd if=floppy.core of=floppy.img bs=512 seek=1 conv=notrunc status=none

# shell NAME DEVICE ROOT OPTIONS..: the menu, then the shell: ls finds DEVICE, set shows ROOT, echo reckons with variables, halt powers off.
shell() {
    name=$1 device=$2 root=$3
    shift 3
    cat >"$name.script" <<EOF
timeout 60
wait *An entry
screenshot $name-menu.txt
key c
wait grub> 
type set seven=seven
key ret
type echo six + one = \$seven on \$grub_cpu-\$grub_platform
key ret
wait six + one = seven on i386-pc
type ls
key ret
wait ($device)
screenshot $name-ls.txt
type set
key ret
wait grub_platform=pc
screenshot $name.txt
screenshot $name.png
type halt
key ret
EOF
    guest "$name" "$@" -serial none -script "$name.script" --max-instructions 20000000000
    verdict $? "$name: shell, power off" "$name"
    seen "$name" 'GNU GRUB  version 2' "$name-menu.txt"
    seen "$name" "root=$root" "$name.txt"
}
shell shell-cd cd hd96 -cdrom grub.iso
shell shell-disk hd0 hd0 -hda grub.iso
shell shell-floppy fd0 memdisk -fda floppy.img

# ---- Which drive boots ----
# boots NAME TEXT OPTIONS..: to TEXT on the screen
boots() {
    name=$1 text=$2
    shift 2
    printf 'timeout 60\nwait %s\nscreenshot %s.txt\nend\n' "$text" "$name" >"$name.script"
    guest "$name" "$@" -serial none -script "$name.script" --max-instructions 4000000000
    verdict $? "$name: $text" "$name"
}
# Boot sectors that say who they are and which number the BIOS has given them, and stop.
sector() { # FILE SIZE LETTER
    # MOV AX, 0E00h + LETTER; INT 10h; MOV AL, DL; SHR AL, 4; ADD AL, '0'; INT 10h; MOV AL, DL; AND AL, 15; ADD AL, '0'; INT 10h; JMP $
    dd if=/dev/zero of="$1" bs="$2" count=1 status=none
    printf "\\270${3}\\016\\315\\020\\210\\320\\300\\350\\004\\004\\060\\315\\020\\210\\320\\044\\017\\004\\060\\315\\020\\353\\376" | dd of="$1" conv=notrunc status=none
    printf '\125\252' | dd of="$1" bs=1 seek=510 conv=notrunc status=none
}
sector disk1.img 1048576 P
sector disk2.img 1048576 Q
sector floppy1.img 1474560 R
sector floppy2.img 1474560 S
for n in 1 2; do # CDs that emulate the floppies
    rm -rf cd && mkdir cd && cp "floppy$n.img" cd/floppy.img
    xorriso -as mkisofs -quiet -o "cd$n.iso" -b floppy.img -c boot.cat cd >cd.log 2>&1 || bad "mkisofs: $(tail -n 1 cd.log)"
done
rm -rf cd && mkdir cd && cp disk1.img cd/ && xorriso -as mkisofs -quiet -o data.iso cd >cd.log 2>&1 || bad "mkisofs: $(tail -n 1 cd.log)"
boots order-default P80 -hda disk1.img -hdb disk2.img -cdrom cd1.iso -fda floppy1.img
boots order-a R00 -hda disk1.img -cdrom cd1.iso -fda floppy1.img -fdb floppy2.img -boot a
boots order-d R00 -hda disk1.img -cdrom cd1.iso -fda floppy2.img -boot order=d
boots order-dc S00 -hda disk1.img -hdc data.iso -drive file=cd2.iso,media=cdrom,index=3 -boot order=dc
boots order-dca P80 -hda disk1.img -cdrom data.iso -fda floppy1.img -boot dca
dd if=floppy1.img of=unsigned.img bs=510 count=1 status=none && truncate -s 1474560 unsigned.img
boots order-ac P80 -hda disk1.img -fda unsigned.img -boot order=ac
boots order-unsigned R00 -hda disk1.img -fda unsigned.img -boot order=ac -no-fd-bootchk
boots order-nd Q80 -hdb disk2.img -boot order=n
boots order-once P80 -hda disk1.img -cdrom cd1.iso -fda floppy1.img -boot order=d,once=c

# ---- ISOLINUX boots a kernel ----
kernel=$(ls "$kernels"/cloud-amd64/boot/vmlinuz-* 2>/dev/null) || bad "run userland.sh first: there is no kernel"
rm -rf root isolinux && mkdir -p root/bin root/proc isolinux
cp "$kernels/busybox-amd64/bin/busybox" root/bin/
cat >root/init <<'EOF'
#!/bin/busybox sh
/bin/busybox mount -t proc proc /proc
/bin/busybox echo "started as: $(/bin/busybox cat /proc/cmdline)"
/bin/busybox poweroff -f
EOF
chmod 755 root/init
(cd root && find . | LC_ALL=C sort | cpio -o -H newc --quiet -R 0:0) | gzip -1n >isolinux/initrd.gz
cp "$kernel" isolinux/vmlinuz
cp /usr/lib/ISOLINUX/isolinux.bin /usr/lib/syslinux/modules/bios/ldlinux.c32 isolinux/
printf 'PROMPT 1\nTIMEOUT 0\nLABEL debian\n  KERNEL vmlinuz\n  INITRD initrd.gz\n  APPEND console=ttyS0 quiet\n' >isolinux/isolinux.cfg
xorriso -as mkisofs -quiet -o isolinux.iso -b isolinux.bin -c boot.cat -no-emul-boot -boot-load-size 4 -boot-info-table isolinux >isolinux.log 2>&1
printf 'timeout 60\nwait boot: \ntype debian greeting=hello\nkey ret\n' >isolinux.script
guest isolinux -m 512M -cdrom isolinux.iso -script isolinux.script --max-instructions 30000000000
verdict $? "isolinux: loads Linux, which powers off" isolinux
seen isolinux 'started as: BOOT_IMAGE=vmlinuz console=ttyS0 quiet initrd=initrd.gz greeting=hello' isolinux.out

# ---- The installers from GRUB CDs ----
# cd_of NAME IMAGES COMMANDS: a CD that loads linux and initrd.gz of a directory
cd_of() {
    rm -rf "$1" && mkdir -p "$1/boot/grub"
    cp "$2/linux" "$2/initrd.gz" "$1/"
    printf "$3" >"$1/boot/grub/grub.cfg"
    grub-mkrescue -o "$1.iso" "$1" >"$1.log" 2>&1 || bad "grub-mkrescue: $(tail -n 1 "$1.log")"
}
for arch in amd64 i386; do
    cd_of "text-$arch" "$kernels/netboot-$arch/usr/lib/debian-installer/images/12/$arch/text/debian-installer/$arch" \
        'linux /linux console=ttyS0\ninitrd /initrd.gz\nboot\n'
    guest "text-$arch" -m 1G -cdrom "text-$arch.iso" --max-instructions 80000000000 --stop-on 'Select a language'
    verdict $? "text-$arch: GRUB, kernel, the installer asks for the language" "text-$arch"
done

# The graphical installer in 1024x768, on Debian's driver for this adapter: the banner's blue, the panel, the list's white, and the line that is chosen, whose
# neighbour the key makes it. Looked at: the dialog "Select a language" as Debian's own documentation shows it.
picture() { # NAME: a PNG as PPM
    pngtopnm "$1.png" >"$1.ppm" 2>/dev/null
    colours=$(ppmhist -noheader "$1.ppm" 2>/dev/null | wc -l)
    if [ "$(head -n 2 "$1.ppm" | tr '\n' ' ')" = 'P6 1024 768 ' ] && [ "$colours" -gt 1000 ]; then ok "$1: 1024x768, $colours colours"; else bad "$1: $(head -n 2 "$1.ppm" | tr '\n' ' '), $colours colours"; fi
}
dot() { # NAME X Y COLOUR WHAT
    got=$(od -An -tu1 -j$((16 + 3 * ($3 * 1024 + $2))) -N3 "$1.ppm" | tr -s ' ' | sed 's/^ //')
    if [ "$got" = "$4" ]; then ok "$1: $5"; else bad "$1: $5: $got, not $4"; fi
}
for arch in amd64 i386; do
    cd_of "gtk-$arch" "$kernels/netboot-$arch/usr/lib/debian-installer/images/12/$arch/gtk/debian-installer/$arch" \
        'insmod all_video\nset gfxpayload=800x600x32\nlinux /linux quiet\ninitrd /initrd.gz\nboot\n'
    printf 'sleep 5000\nscreenshot %s-kernel.png\nsleep 55000\nscreenshot %s.png\nkey down\nsleep 3000\nscreenshot %s-down.png\nend\n' "gtk-$arch" "gtk-$arch" "gtk-$arch" >"gtk-$arch.script"
    guest "gtk-$arch" -m 1G -cdrom "gtk-$arch.iso" -serial none -script "gtk-$arch.script" --max-instructions 80000000000
    verdict $? "gtk-$arch: a minute of the graphical installer" "gtk-$arch"
    for name in "gtk-$arch" "gtk-$arch-down"; do
        picture "$name"
        dot "$name" 10 10 '5 71 92' "the banner"
        dot "$name" 10 400 '237 233 227' "the panel"
        dot "$name" 500 300 '255 255 255' "the list"
    done
    dot "gtk-$arch" 600 438 '41 134 126' "English is chosen"
    dot "gtk-$arch" 600 461 '255 255 255' "Esperanto is not"
    dot "gtk-$arch-down" 600 438 '255 255 255' "English is chosen no more"
    dot "gtk-$arch-down" 600 461 '41 134 126' "Esperanto is chosen"
done

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]

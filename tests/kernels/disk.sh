#!/bin/sh
# SPDX-License-Identifier: MIT
# Boots through SeaBIOS: nothing at all; GRUB from a hard disk, a CD and a floppy disk; ISOLINUX from a CD; and a Debian kernel on a partitioned disk
# with ext4, which writes a file, reboots, finds it again, reads a CD and a floppy, and powers off. Uses what userland.sh has unpacked below $2.
#   disk.sh FAULTLINE DIRECTORY
set -u
faultline=$(realpath "$1")
mkdir -p "$2/disk" && cd "$2" || exit 2
kernels=$PWD
cd disk || exit 2
passed=0
failed=0
ok() { passed=$((passed + 1)); echo "ok: $1"; }
bad() { failed=$((failed + 1)); echo "FAILED: $1" >&2; }

# reaches NAME TEXT OPTIONS..: until TEXT is seen on the serial line
reaches() {
    name=$1 text=$2
    shift 2
    "$faultline" "$@" --max-instructions 2000000000 --stop-on "$text" </dev/null >"$name.out" 2>"$name.err"
    status=$?
    if [ $status -eq 0 ]; then ok "$name: reached \"$text\""; else bad "$name: exit status $status: $(tail -c 300 "$name.out") $(tail -n 1 "$name.err")"; fi
}

# ---- Firmware alone ----
"$faultline" -global isa-debugcon.iobase=0x402 -debugcon stdio -serial none --max-instructions 30000000 </dev/null >bios.out 2>bios.err
if [ $? -eq 124 ] && grep -q 'No bootable device' bios.out; then ok "SeaBIOS: No bootable device"; else bad "SeaBIOS: $(tail -n 3 bios.out)"; fi
grep -q 'Moving pm_base to\|table(FACP)' bios.out && ok "SeaBIOS takes the ACPI tables" || bad "SeaBIOS has not taken the ACPI tables"

# ---- GRUB ----
terminal='serial --unit=0 --speed=115200; terminal_input serial; terminal_output serial'
rm -rf iso && mkdir -p iso/boot/grub
{ echo "$terminal" | tr ';' '\n'; echo 'echo GRUB has read its configuration'; } >iso/boot/grub/grub.cfg
head -c 300000 /dev/urandom >iso/random
grub-mkrescue -o grub.iso iso >grub.log 2>&1 || bad "grub-mkrescue: $(tail -n 1 grub.log)"
reaches grub-disk 'GRUB has read its configuration' -hda grub.iso
reaches grub-cd 'GRUB has read its configuration' -cdrom grub.iso
reaches grub-cd-slave 'GRUB has read its configuration' -drive file=grub.iso,media=cdrom,index=3,format=raw
reaches grub-image 'GRUB has read its configuration' grub.iso

# boot.img, then GRUB's core image behind it
core() { grub-mkimage -O i386-pc -o "$1" -c "$2" -p "$3" biosdisk part_msdos ext2 linux serial terminal echo normal minicmd configfile reboot halt test; }
{ echo "$terminal" | tr ';' '\n'; echo 'echo GRUB is here'; } >floppy.cfg
core floppy.core floppy.cfg /boot
for size in 1228800 1474560 2949120; do
    dd if=/dev/zero of=floppy.img bs=$size count=1 status=none
    dd if=/usr/lib/grub/i386-pc/boot.img of=floppy.img conv=notrunc status=none
    dd if=floppy.core of=floppy.img bs=512 seek=1 conv=notrunc status=none
    reaches "grub-floppy-$size" 'GRUB is here' -fda floppy.img
done

# The order of -boot, and once: the floppy first, then, after GRUB's reboot, the disk.
echo 'reboot' >>floppy.cfg
core floppy.core floppy.cfg /boot
dd if=/dev/zero of=reboot.img bs=1474560 count=1 status=none
dd if=/usr/lib/grub/i386-pc/boot.img of=reboot.img conv=notrunc status=none
dd if=floppy.core of=reboot.img bs=512 seek=1 conv=notrunc status=none
reaches boot-once 'GRUB has read its configuration' -fda reboot.img -hda grub.iso -boot order=c,once=a
grep -q 'GRUB is here' boot-once.out && ok "boot-once: the floppy came first" || bad "boot-once: the floppy did not come first"

# ---- ISOLINUX ----
rm -rf isolinux && mkdir isolinux
cp /usr/lib/ISOLINUX/isolinux.bin /usr/lib/syslinux/modules/bios/ldlinux.c32 isolinux/
printf 'SERIAL 0 115200\nSAY ISOLINUX has read its configuration\nPROMPT 1\nTIMEOUT 0\n' >isolinux/isolinux.cfg
xorriso -as mkisofs -quiet -o isolinux.iso -b isolinux.bin -c boot.cat -no-emul-boot -boot-load-size 4 -boot-info-table isolinux >isolinux.log 2>&1
reaches isolinux 'boot: ' -cdrom isolinux.iso

# ---- A system on a disk ----
modules=$(ls -d "$kernels"/cloud-amd64/lib/modules/*) || { bad "run userland.sh first: there is no kernel"; modules=; }
if [ -n "$modules" ]; then
    rm -rf root tree && mkdir -p root/bin root/dev root/proc root/sys root/mnt root/cd root/lib tree/boot/grub
    cp "$kernels/busybox-amd64/bin/busybox" root/bin/
    list=
    module() { find "$modules" -name "$(echo "$1" | sed 's/[-_]/[-_]/g').ko"; }
    add() {
        case " $list " in *" $1 "*) return ;; esac
        [ -s "$(module "$1")" ] || return
        for dep in $(strings "$(module "$1")" | sed -n 's/^depends=//p' | tr ',' ' '); do add "$dep"; done
        cp "$(module "$1")" "root/lib/$1.ko" && list="$list $1"
    }
    for module in ata_piix sd_mod sr_mod isofs; do add $module; done
    sum=$(sha256sum <iso/random | cut -d' ' -f1)
    cat >root/init <<EOF
#!/bin/busybox sh
b=/bin/busybox
\$b mount -t proc proc /proc; \$b mount -t sysfs sys /sys; \$b mount -t devtmpfs dev /dev
for m in$list; do \$b insmod /lib/\$m.ko; done
for i in 1 2 3 4 5 6 7 8 9 10; do [ -b /dev/sda1 ] && break; \$b sleep 1; done
\$b mount -t ext4 /dev/sda1 /mnt || echo "no root"
if [ -e /mnt/written ]; then
    echo "second boot: \$(\$b sha256sum </mnt/written | \$b cut -d' ' -f1)"
    \$b cmp /mnt/written /mnt/boot/original && echo 'second boot: what was written is there'
    \$b umount /mnt; \$b poweroff -f
fi
\$b mount -t iso9660 -o ro /dev/sr0 /cd && echo "cd: \$(\$b sha256sum </cd/random | \$b cut -d' ' -f1)"
\$b cp /mnt/boot/original /mnt/written; \$b sync; \$b umount /mnt
echo 'first boot: written'
\$b reboot -f
EOF
    chmod 755 root/init
    (cd root && find . | LC_ALL=C sort | cpio -o -H newc --quiet -R 0:0) | gzip -1n >tree/boot/initrd.gz
    cp "$kernels"/cloud-amd64/boot/vmlinuz-* tree/boot/vmlinuz
    head -c 3000000 /dev/urandom >tree/boot/original
    written=$(sha256sum <tree/boot/original | cut -d' ' -f1)
    { echo "$terminal" | tr ';' '\n'; printf 'echo GRUB loads Linux\nlinux /boot/vmlinuz console=ttyS0 quiet\ninitrd /boot/initrd.gz\nboot\n'; } >tree/boot/grub/grub.cfg
    printf 'set root=(hd0,msdos1)\nset prefix=(hd0,msdos1)/boot/grub\n' >disk.cfg
    core disk.core disk.cfg '(hd0,msdos1)/boot/grub'
    # 128 MiB: GRUB in the first track, one Linux partition from sector 2048 on
    rm -f part.img && truncate -s 127M part.img && mke2fs -q -t ext4 -d tree part.img >mke2fs.log 2>&1 || bad "mke2fs: $(tail -n 1 mke2fs.log)"
    rm -f disk.img && truncate -s 128M disk.img
    dd if=/usr/lib/grub/i386-pc/boot.img of=disk.img bs=440 count=1 conv=notrunc status=none
    printf '\200\040\041\000\203\376\377\377\000\010\000\000\000\370\003\000' | dd of=disk.img bs=1 seek=446 conv=notrunc status=none
    printf '\125\252' | dd of=disk.img bs=1 seek=510 conv=notrunc status=none
    dd if=disk.core of=disk.img bs=512 seek=1 conv=notrunc status=none
    dd if=part.img of=disk.img bs=1M seek=1 conv=notrunc,sparse status=none
    cp --sparse=always disk.img fresh.img
    "$faultline" -m 512M -snapshot -hda disk.img -cdrom grub.iso --max-instructions 15000000000 </dev/null >snapshot.out 2>snapshot.err
    [ $? -eq 0 ] && grep -q 'second boot: what was written is there' snapshot.out && ok "snapshot: written, rebooted, found" ||
        bad "snapshot: $(tail -c 300 snapshot.out) $(tail -n 1 snapshot.err)"
    if cmp -s disk.img fresh.img; then ok "snapshot: the image is untouched"; else bad "snapshot: the image has changed"; fi
    "$faultline" -m 512M -hda disk.img -cdrom grub.iso --max-instructions 15000000000 </dev/null >disk.out 2>disk.err
    status=$?
    if [ $status -eq 0 ]; then ok "disk: powered off"; else bad "disk: exit status $status: $(tail -c 300 disk.out) $(tail -n 1 disk.err)"; fi
    grep -q "second boot: $written" disk.out && ok "disk: found what it had written before the reboot" || bad "disk: $(grep boot: disk.out)"
    grep -q "cd: $sum" disk.out && ok "disk: read the CD" || bad "disk: the CD: $(grep cd: disk.out)"
    if cmp -s disk.out snapshot.out; then ok "disk: both runs alike"; else bad "disk: the run with -snapshot differs"; fi
    dd if=disk.img of=part2.img bs=1M skip=1 status=none && e2fsck -fn part2.img >e2fsck.log 2>&1 && ok "disk: the file system is clean" || bad "e2fsck: $(tail -n 2 e2fsck.log)"
    debugfs -R 'dump /written written' part2.img 2>/dev/null
    if cmp -s written tree/boot/original; then ok "disk: the host sees the file"; else bad "disk: the host does not see the file"; fi
fi
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]

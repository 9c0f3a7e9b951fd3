#!/bin/bash
# SPDX-License-Identifier: MIT
# A scripted gdb follows a boot from the reset vector through SeaBIOS and GRUB into Debian's 64-bit cloud kernel and its first user program: a breakpoint
# in every mode, a watchpoint on a page-table entry hit by the kernel's write, a user-mode #PF caught, registers. Then gdb-pt-dump, unmodified, prints the
# mappings of an amd64, a PAE and an i386 guest. Uses what userland.sh has unpacked below $2.
#   gdb.sh FAULTLINE DIRECTORY
set -u
faultline=$(realpath "$1")
here=$(realpath "$(dirname "$0")")
mkdir -p "$2/gdb" && cd "$2" || exit 2
kernels=$PWD
cd gdb || exit 2
export HOME=$PWD
passed=0 failed=0 skipped=0
ok() { passed=$((passed + 1)); echo "ok: $1"; }
bad() { failed=$((failed + 1)); echo "FAILED: $1" >&2; }
# says TEXT: a line of `out`
says() { if grep -qE -e "$1" out; then ok "$1"; else bad "gdb did not say '$1'"; fi; }

rm -rf iso && mkdir -p iso/boot/grub
cp "$kernels"/cloud-amd64/boot/vmlinuz-* iso/vmlinuz && cp "$kernels/initramfs-amd64.gz" iso/initrd.gz || { bad "run userland.sh first: there is no kernel"; exit 1; }
printf 'serial --unit=0 --speed=115200\nterminal_input serial\nterminal_output serial\nlinux /vmlinuz console=ttyS0 quiet nokaslr\ninitrd /initrd.gz\nboot\n' >iso/boot/grub/grub.cfg
grub-mkrescue -o gdb.iso iso >grub.log 2>&1 || bad "grub-mkrescue: $(tail -n 1 grub.log)"
ln -sf "$faultline" qemu-system-x86_64 # gdb-pt-dump looks for a process of this name

# gdb-pt-dump stays outside the checkout: PT_DUMP names it, or it is cloned here.
pt_dump=${PT_DUMP:-$PWD/gdb-pt-dump}
[ -e "$pt_dump/pt.py" ] || git clone -q --depth 1 https://github.com/martinradev/gdb-pt-dump "$pt_dump" 2>/dev/null
# Since the end of 2023 it stops at PAE with a mistake of its own: the last version that does not (PT_DUMP_PAE).
pt_dump_pae=${PT_DUMP_PAE:-$PWD/gdb-pt-dump-pae}
[ -e "$pt_dump_pae/pt.py" ] || { git clone -q https://github.com/martinradev/gdb-pt-dump "$pt_dump_pae" && git -C "$pt_dump_pae" checkout -q 772680d; } 2>/dev/null
# gdb_session OPTIONS..: commands from standard input
gdb_session() {
    { echo 'set pagination off'; echo 'set confirm off'; echo "target remote | ./qemu-system-x86_64 -m 512M -display none -serial file:serial -S -gdb stdio $* 2>err"; cat; } >commands
    timeout 1200 gdb -nx -batch -x "$here/gdb_helpers.py" -x commands >out 2>&1 </dev/null
}

gdb_session -hda gdb.iso <<COMMANDS
printf "reset %x %x %d\n", \$pc, \$cs, (int)\$cr0 & 1
hbreak *0x7c00
hbreak *0x100000
hbreak *0x1000000
continue
printf "boot sector %x %d signature %x\n", \$pc, (int)\$cr0 & 1, *(unsigned short*)0x7dfe
delete 1
continue
printf "GRUB %x %d paging %d\n", \$pc, (int)\$cr0 & 1, (unsigned)\$cr0 >> 31
delete 2
continue
printf "handed over %x paging %d\n", \$pc, (unsigned)\$cr0 >> 31
continue
printf "kernel %x %x efer %x paging %d\n", \$pc, \$cs, (int)\$efer, (unsigned)\$cr0 >> 31
delete 3
monitor catch pf cpl==3 && access==write && cause==not-present && level==1
continue
printf "fault %d %x %x\n", \$cr2 == 0, \$cs, \$ss
set \$fault_pc = \$pc
set \$fault_sp = \$rsp
set \$fault_va = \$cr2
monitor uncatch
python watch_entry()
continue
python show_entry()
printf "writer %d %x\n", (long)\$pc < 0, \$cs
delete
hbreak *\$fault_pc
continue
printf "resumed %d %d %x\n", \$pc == \$fault_pc, \$rsp == \$fault_sp, \$cs
delete
stepi
printf "stepped %d %x\n", \$pc != \$fault_pc, \$cs
python compare_mappings("$pt_dump")
kill
COMMANDS
says '^reset fffffff0 f000 0$'
says '^boot sector 7c00 0 signature aa55$'
says '^GRUB 100000 1 paging 0$'
says '^handed over 1000000 paging 0$'
says '^kernel 1000000 10 efer [0-9a-f]*[5d]0[01] paging 1$'
says '^caught #PF, user write to 0x'
says '^fault 0 33 2b$'
says 'Hardware watchpoint'
says '^entry: was 0x[0-9a-f]*, present 0; now 0x[0-9a-f]*, present 1, user 1$'
says '^writer 1 10$'
says '^resumed 1 1 33$'
says '^stepped 1 33$'

mappings() { # name, and where gdb-pt-dump is
    if [ -e "$2/pt.py" ]; then
        says "^pt-dump: [1-9][0-9]* ranges, [1-9][0-9]* pages asked, 0 differ$"
    else
        skipped=$((skipped + 1))
        echo "## gdb-pt-dump is not there: $1 not compared"
    fi
}
mappings amd64 "$pt_dump"
i386=$kernels/netboot-i386/usr/lib/debian-installer/images/12/i386/text/debian-installer/i386/linux
gdb_session -kernel "$i386" -append '"console=ttyS0 nokaslr nopae quiet"' <<COMMANDS
monitor catch pf 'rip >= 0xc0000000'
continue
python compare_mappings("$pt_dump")
kill
COMMANDS
mappings i386 "$pt_dump"
# With pti=on tables of four entries have a page for themselves, which gdb-pt-dump takes for granted.
gdb_session -kernel "$(ls "$kernels"/pae-i386/boot/vmlinuz-*)" -initrd "$kernels/initramfs-i386.gz" -append '"console=ttyS0 nokaslr pti=on quiet"' <<COMMANDS
monitor catch pf cpl==3 && access==write
continue
printf "CR4.PAE %d\n", (int)\$cr4 >> 5 & 1
python compare_mappings("$pt_dump_pae")
kill
COMMANDS
says '^CR4.PAE 1$'
mappings PAE "$pt_dump_pae"
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]

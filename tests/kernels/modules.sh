#!/bin/sh
# SPDX-License-Identifier: MIT
# The cloud kernel from the disk of faults.sh, to its shell: its core file has its VMCOREINFO; its modules have names, and callers are found through them, in a
# run that goes on from the saved state.
#   modules.sh FAULTLINE DIRECTORY
set -u
faultline=$(realpath "$1")
mkdir -p "$2/modules" && cd "$2" || exit 2
kernels=$PWD
cd modules || exit 2
passed=0
failed=0
ok() { passed=$((passed + 1)); echo "ok: $1"; }
bad() { failed=$((failed + 1)); echo "FAILED: $1" >&2; }
# is WHAT EXPECTED GOT
is() { if [ "$2" = "$3" ]; then ok "$1: $3"; else bad "$1: '$3', not '$2'"; fi; }
# says TEXT: a line of `out`
says() { if grep -qE -e "$1" out; then ok "$1"; else bad "the monitor did not say '$1'"; fi; }

disk=$kernels/faults/disk.img
[ -s "$disk" ] || { bad "run faults.sh first: there is no disk"; exit 1; }
"$faultline" -m 512M -snapshot -hda "$disk" --max-instructions 20000000000 --stop-on 'the shell is here: ' --dump-core linux.core --save-state linux.state \
    </dev/null >boot.out 2>boot.err
is "a shell, exit status" 0 $?

# What crash needs to open a core of a kernel that has moved.
release=$(basename "$kernels"/cloud-amd64/boot/vmlinuz-* | sed 's/^vmlinuz-//')
is "VMCOREINFO in the core" 1 "$(readelf -nW linux.core | grep -c '^ *VMCOREINFO ')"
is "... of this kernel" "OSRELEASE=$release" "$(head -c 65536 linux.core | grep -ao 'OSRELEASE=[-.a-z0-9]*' | head -n 1)"
is "... which has moved" 1 "$(head -c 65536 linux.core | grep -ac 'KERNELOFFSET=[1-9a-f]')"
rm -f linux.core

# What the programs wrote goes to the disk within seconds.
printf '%s\n' 'info symbols' 'break ata_scsi_queuecmd' cont wait backtrace quit |
    "$faultline" -m 512M -snapshot -hda "$disk" --load-state linux.state --max-instructions 100000000000 -S -monitor stdio -serial none -display none >out 2>err
is "the monitor, exit status" 0 $?
for module in scsi_mod libata ata_piix sd_mod; do
    says "^0xffffffff[0-9a-f]*-0xffffffff[0-9a-f]* [0-9]+ symbols, module $module$"
done
says '^ 0  ffffffff[0-9a-f]*  <ata_scsi_queuecmd \[libata\]>$'
says '^ 1  ffffffff[0-9a-f]*  <scsi_queue_rq\+0x[0-9a-f]* \[scsi_mod\]>$'
says '^ 2  ffffffff[0-9a-f]*  <blk_mq_dispatch_rq_list\+0x[0-9a-f]*>$'
# At whose stack's end a kernel thread begins, or a system call.
says '^ ?[0-9]+  ffffffff[0-9a-f]*  <(ret_from_fork|entry_SYSCALL_64_after_hwframe)\+0x[0-9a-f]*>$'
rm -f linux.state
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]

#!/bin/bash
# SPDX-License-Identifier: MIT
# Broken images, options and ROMs by the hundred: each must be refused with exit status 2 and one line on stderr that
# begins "faultline: ", and nothing on stdout. Then the world around the command: closed and full outputs, signals.
# usage: bad_inputs.sh FAULTLINE
set -u
faultline=${1:?usage: bad_inputs.sh FAULTLINE}
faultline=$(realpath "$faultline") || exit 2
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 2
passed=0 failed=0

verdict() { # ok-or-not, what, detail
    if [ "$1" = 0 ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED: $2: $3"
    fi
}

# The command line must be refused. Notes on options of no effect may come before the line.
refuse() {
    timeout 20 "$faultline" "$@" >out 2>err </dev/null
    status=$?
    grep -v ': accepted, no effect yet$' err >line
    ok=1
    [ $status -eq 2 ] && [ "$(wc -l <line)" -eq 1 ] && grep -q '^faultline: .' line && [ ! -s out ] && ok=0
    verdict $ok "$*" "status $status, $(wc -l <line) lines: $(head -c 200 line)"
}

# ... and the line must say this.
refuse_saying() {
    text=$1
    shift
    refuse "$@"
    grep -qF -- "$text" err
    verdict $? "$* says '$text'" "$(head -c 200 err)"
}

le16() { printf '%b' "$(printf '\\x%02x\\x%02x' $(($1 & 255)) $(($1 >> 8 & 255)))"; }
le32() { le16 $(($1 & 65535)); le16 $(($1 >> 16 & 65535)); }
put() { dd of="$1" bs=1 seek="$2" conv=notrunc status=none; } # FILE OFFSET <bytes
zeros() { head -c "$2" /dev/zero >"$1"; }

# ---- Options ----
zeros image 65536
printf '\xea\x00\x00\x00\xf0' | put image 65520 # a ROM that jumps to its beginning: runs forever
refuse -bios none
for value in 0 K -1 1.5G 17G 16385M 4294967296 4294967295G 18446744073709551616 99999999999999999999999 0x 1M1 ' 64' \
             1025K ''; do
    refuse -m "$value" image
done
for value in 0 -1 1e9 x 18446744073709551616 0x1ffffffffffffffff ''; do
    refuse --max-instructions "$value" image
    refuse --expect-post "${value}z" image
done
for value in none486 486,+nonsense 486,nonsense max,phys-bits=99 max,phys-bits=x ''; do
    refuse -cpu "$value" image
done
for value in base= base=2026 base=2026-02-30 base=2026-01-01T25:00:00 now; do
    refuse -rtc "$value" image
done
for value in tcp::1 pty unix:/tmp/x file: '' stdio,x; do
    refuse -serial "$value" image
    refuse -debugcon "$value" image
done
for option in -m -cpu -kernel -initrd -append -rom -bios -serial -seed -device --trace-faults --stop-on --expect; do
    refuse image $option
done
refuse_saying "No such file" --load-state nowhere
for option in -mm --explode -z --stat --trace-fault -nographics $'--new\nline' $'-\e[31m'; do
    refuse $option image
done
refuse_saying "no TRACE" report
refuse_saying "unknown option" report --nonsense x
refuse_saying "no instruction" isa nonsense
refuse_saying "unknown option" isa --nonsense
refuse_saying "did you mean" --max-instruction 5 image
refuse_saying "two users" -serial stdio -debugcon stdio image
refuse_saying "given twice" -m 64 -m 64 image
refuse_saying "one IMAGE" image image
refuse_saying "-smp" -smp 2 image
refuse_saying "does not end in .png" --screenshot file image
refuse_saying "not max" --speed fast image
refuse_saying "not sdl" -display nonsense image
refuse_saying "replayed as well" --record-input a --replay-input b image
refuse_saying "a screen is asked for" -vga none --screenshot a.png image
refuse_saying "let the guest go" -S image
refuse_saying "not tcp:HOST:PORT" -gdb :1234 image
refuse_saying "no/such/socket" -gdb unix:no/such/socket image
refuse_saying "column 6" --trace-faults t.csv --trace-filter 'cpl==' image
refuse image -append x
refuse --fail-on nothing image
refuse --expect 'pf va=zz' image
refuse_saying ".flt" --trace-faults trace.fl image
refuse --trace-faults trace image
refuse_saying "trace.jsonl" --trace-faults no/such/trace.jsonl image
refuse -serial file:no/such/file image
refuse -device isa-debug-exit,iobase=0x20 image
refuse -device isa-debug-exit,iobase=0 image

# ---- Images ----
: >empty
mkdir directory
mkfifo fifo
echo 'just a text' >text
seq 1 40000 | gzip -n | tail -c +20 >noise
zeros zeros 1474560
zeros short.rom 65535
zeros long.rom 16842752
printf '\177ELF' >elf4
printf '\177ELF\001\001\001' >elf7
{ printf '\177ELF\002\001\001'; head -c 57 /dev/zero; } >elf64
{ printf '\177ELF\001\001\001'; head -c 45 /dev/zero; } >elf32
printf '\x1f\x8b' >gzip2
echo hello | gzip >text.gz
head -c 20 text.gz >cut.gz
head -c 1000000 /dev/zero | gzip | head -c 500 >cut2.gz
for name in missing empty directory fifo text noise zeros short.rom long.rom elf4 elf7 elf64 elf32 gzip2 \
            text.gz cut.gz cut2.gz /dev/null /dev/zero /dev/tty '' no/such/dir/image; do
    refuse "$name"
    [ "$name" = fifo ] || [ "$name" = /dev/zero ] || [ "$name" = /dev/tty ] || refuse -kernel "$name"
done
for name in missing empty directory text short.rom long.rom /dev/null; do
    refuse_saying "$name" -rom "$name"
    refuse -bios "$name"
done
for option in -hda -hdb -hdc -hdd -cdrom -fda -fdb; do
    for name in missing empty directory fifo /dev/null /dev/tty no/such/dir/image; do refuse "$option" "$name"; done
done
refuse_saying "is no floppy disk" -fda noise
for magic in 'QFI\xfb' 'KDMV' 'vhdxfile' 'conectix'; do
    zeros foreign 65536 && printf "$magic" | put foreign 0
    refuse_saying "qemu-img convert" -hda foreign
    refuse_saying "qemu-img convert" -drive file=foreign
done
cp zeros disk && printf '\x55\xaa' | put disk 510 && cat disk disk disk >disk2
refuse_saying "plugged a drive in there" disk2 -hda noise
refuse_saying "is in use" -hda noise -hdb noise
refuse_saying "is no property" -drive file=noise,colour=red
refuse_saying "is no drive" -hda noise -boot z
chmod 0 text && [ "$(id -u)" != 0 ] && refuse text
refuse $'no\nsuch\nfile'

# Multiboot kernels with nonsense in their headers.
multiboot() { # FILE FLAGS FIELD..
    file=$1 flags=$2
    shift 2
    zeros "$file" 8192
    for f in $((0x1BADB002)) "$flags" $((-(0x1BADB002 + flags) & 0xffffffff)) "$@"; do le32 "$f"; done | put "$file" 0
}
multiboot mb1 0
multiboot mb2 $((0x10000)) 0xffffffff 0xffffffff 0xffffffff 0xffffffff 0xffffffff
multiboot mb3 $((0x10000)) 0x100000 0x200000 0x300000 0x400000 0x100000
multiboot mb4 $((0x10000)) 0xfffff000 0xfffff000 0xffffffff 0xffffffff 0xfffff000
multiboot mb5 $((0x10000)) 0x100000 0x100000 0x101000 0xf0000000 0x100000
multiboot mb6 8
for n in 1 2 3 4 5 6; do
    refuse mb$n
done
# bzImages cut short and with nonsense in their setup headers.
zeros bz 4096
printf '\x55\xaa' | put bz 510
printf 'HdrS' | put bz 514
le16 0x020f | put bz 518
for change in "497 1" "497 64"; do
    set -- $change
    cp bz bz.x && printf '%b' "\\x$(printf %02x "$2")" | put bz.x "$1"
    refuse bz.x
    refuse -kernel bz.x -m 1M
done
refuse bz
cp bz bz.old && le16 0x0100 | put bz.old 518
refuse bz.old

# ---- The world around ----
world() { # expected status, what; stderr in err
    verdict $(($3 != $1)) "$2" "status $3: $(head -c 200 err)"
}
"$faultline" --help >/dev/full 2>err
world 2 "--help to a full disk" $?
"$faultline" --version >&- 2>err
world 2 "--version to a closed output" $?
# mov dx, 3fbh; mov al, 3; out dx, al; mov dx, 3f8h; mov al, 'A'; again: out dx, al; jmp again
printf '\xba\xfb\x03\xb0\x03\xee\xba\xf8\x03\xb0\x41\xee\xeb\xfd' | put image 0
timeout 60 "$faultline" image </dev/null >/dev/full 2>err
world 2 "guest output to a full disk" $?
timeout 60 "$faultline" image </dev/null >&- 2>err
world 2 "guest output to a closed descriptor" $?
timeout 60 "$faultline" image --stop-on A </dev/null >out 2>err
world 0 "--stop-on" $?
[ "$(cat out)" = A ]
verdict $? "the run ends right after the text" "$(head -c 20 out)"
timeout 60 "$faultline" image --max-instructions 1000 </dev/null >out 2>err
world 124 "the budget" $?
ln -s /dev/full full.csv
timeout 60 "$faultline" image --trace-faults full.csv --max-instructions 1000 </dev/null >out 2>err
world 2 "a trace to a full disk" $?
grep -q 'full.csv: No space' err
verdict $? "a trace to a full disk is told" "$(head -c 200 err)"
timeout 60 "$faultline" image </dev/null 2>err | head -c 10 >/dev/null
world 2 "a reader that goes away" "${PIPESTATUS[0]}"
for signal in INT TERM HUP; do
    timeout -s $signal 1 "$faultline" image -serial none --trace-faults trace.csv --stop-on no </dev/null >out 2>err &
    wait $!
    tail -n 1 err | grep -q "ended by SIG$signal"
    verdict $? "SIG$signal ends the run cleanly" "$(head -c 200 err)"
done

echo "$passed passed, $failed failed"
[ $failed = 0 ]

#!/bin/bash
# SPDX-License-Identifier: MIT
# The monitor from outside: over a pipe, a socket and a terminal; what it changes is recorded and replays.
# usage: monitor.sh FAULTLINE
set -u
faultline=$(realpath "${1:?usage: monitor.sh FAULTLINE}") || exit 2
support=$(realpath "$(dirname "$0")/../support")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 2
passed=0 failed=0
verdict() { # status, what
    if [ "$1" = 0 ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED: $2"
        tail -n 12 out err 2>/dev/null
    fi
}
"$support/screen_guest.sh" text.rom TEXT || exit 2
# libedit keeps two strings of its own for ever; nothing of ours calls wcsdup().
echo 'leak:wcsdup' >leaks
export LSAN_OPTIONS="suppressions=$PWD/leaks:print_suppressions=0"
run() { timeout 30 "$faultline" -m 2 -serial none -display none "$@" >out 2>err; }
script() { printf '%s\n' "$@"; }

# A script over a pipe steps exactly, and the same each time.
script 'step 1000' 'info status' 'step' 'print rip' quit | run -rom text.rom -S -monitor stdio
[ $? = 0 ] && grep -q '^instructions=1000 ' out && grep -q 'status=stopped  instructions=1000 ' out &&
    grep -q '^instructions=1001 ' out && [ ! -s err ]
verdict $? "a script of steps"
cp out first
script 'step 1000' 'info status' 'step' 'print rip' quit >commands
run -rom text.rom -S -monitor stdio <commands
[ $? = 0 ] && cmp -s out first
verdict $? "the same from a file"

# One line of JSON an answer, also to a command that has nothing to say.
script 'info registers --json' 'cont --json' | run -rom text.rom -S -monitor stdio --max-instructions 100000
[ $? = 124 ] && [ "$(grep -c '^{.*}$' out)" = 2 ] && [ "$(wc -l <out)" = 2 ]
verdict $? "JSON, and cont"

# The end of a script that leaves the guest stopped is the end of the run; of one that does not, is not.
script 'step 5' | run -rom text.rom -S -monitor stdio
[ $? = 0 ] && grep -q '^instructions=5 ' out
verdict $? "a script that ends while the guest is stopped"
script 'info status' | run -rom text.rom -monitor stdio --max-instructions 3000000
[ $? = 124 ]
verdict $? "a script that ends while the guest runs"

# Who wrote the entries behind an address: asked at the kernel's second fault there, which the first one's handler caused.
script 'break 0x400113' cont wait 'delete 1' 'watch 0x600010' cont wait 'who 0x600010' quit |
    timeout 60 "$faultline" demo --explain -S -serial none -display none -monitor stdio >out 2>err
grep -q '^history$' out && grep -q '^    by 0xffffffff80.* through 0xffffffff80.*: 0x0 -> 0x' out
verdict $? "who wrote an entry"

# A run that went wrong can still be looked at.
script cont wait 'info cpus' 'step' quit >commands
printf '\xfa\xf4' | dd of=dead.rom bs=1 count=2 2>/dev/null
head -c 65518 /dev/zero >>dead.rom
printf '\xea\x00\x00\x00\xf0' >>dead.rom
truncate -s 65536 dead.rom
run -rom dead.rom -S -monitor stdio <commands
[ $? = 118 ] && grep -q 'the run has ended: HLT that nothing can end' out && grep -q 'halted  real' out &&
    grep -q 'step: not from here' out
verdict $? "a dead halt is looked at"

# Keys from the monitor are input like any other: recorded, and replayed without a monitor.
script 'step 3000000' 'sendkey a' 'sendkey shift-b' 'step 200000000' quit >commands
run -rom text.rom -S -monitor stdio -debugcon file:said --record-input keys.input <commands
[ $? = 0 ] && [ "$(grep -c ' key ' keys.input)" = 6 ] && [ -s said ] && grep -q '(halted)' out
verdict $? "keys are recorded"
cp said said.first
run -rom text.rom -debugcon file:said --replay-input keys.input
[ $? = 0 ] && cmp -s said said.first
verdict $? "and replayed"
script 'screendump shot.png' quit | run -rom text.rom -S -monitor stdio
[ $? = 0 ] && [ "$(head -c 4 shot.png | tail -c 3)" = PNG ]
verdict $? "screendump"

# Break- and watchpoints, catches, the last faults, and a core file that gdb reads as the guest was.
demo() { timeout 60 "$faultline" demo -serial none -display none "$@" >out 2>err; }
script 'step 400000' 'print rsp' 'print q[rsp]' 'break q[rsp]' cont wait 'info status' 'watch rsp 8 rw' break 'delete 1' 'delete 7' \
    'catch pf cpl==3' cont wait 'uncatch 1' delete 'catch pf cpl==3 && access==write' cont wait 'faults 3' 'faults 2 --json' \
    'dump out.core' 'print rip' 'info mem' quit >commands
demo -S -monitor stdio <commands
[ $? = 0 ] && grep -q '^breakpoint at 0xffffffff80' out && grep -q '^read: 0xffffffff80\|^written: 0xffffffff80' out &&
    grep -q 'delete: there is no point 7' out && grep -q '^caught #PF, user write to' out && grep -q ' -> kernel mapped it in' out &&
    grep -q '"cause":"not-present","outcome":"mapped"' out && grep -q ' 2M  *R W - S G' out
verdict $? "points, catches, faults, info mem"
rip=$(grep -o '^0x[0-9a-f]*' out | tail -n 1)
readelf -hl out.core >core.txt 2>&1 && grep -q 'ELF64' core.txt && grep -q 'CORE' core.txt && readelf -n out.core | grep -q PRSTATUS &&
    readelf -n out.core | grep -q QEMU
verdict $? "a core file"
if command -v gdb >/dev/null; then
    gdb -batch -nx -ex 'target core out.core' -ex 'p/x $rip' -ex 'p $cs' -ex 'x/gx $rsp' -ex 'x/gx 0x4000000000000000' >gdb.txt 2>&1
    grep -q "= $rip\$" gdb.txt && grep -q '^0x7ff[0-9a-f]*:.0x' gdb.txt && grep -q '^0x4000000000000000:.0x' gdb.txt
    verdict $? "... and gdb reads it"
    script 'step 5' quit | demo -S -monitor stdio --dump-core narrow.core
    gdb -batch -nx -ex 'target core narrow.core' -ex 'p/x $eip' -ex 'x/wx 0x100000' >gdb.txt 2>&1
    readelf -h narrow.core | grep -q ELF32 && grep -q '= 0x1000' gdb.txt && grep -q '^0x100000:.0x1badb002\|^0x100000:.0x' gdb.txt
    verdict $? "--dump-core outside of long mode"
fi
demo --dump-core /nonexistent/core
[ $? = 2 ] && grep -q '^faultline: /nonexistent/core: No such file or directory$' err
verdict $? "a core file that cannot be written"
demo --history 2 --max-instructions 1500000
[ $? = 124 ] && [ "$(grep -c '^#[0-9]* user\|^#[0-9]* kernel' err)" = 2 ] && grep -q '^rax=' err
verdict $? "--history"

# The devices, as a ROM has programmed them: mov al, 0xa5; out 0x21, al; jmp $.
printf '\xb0\xa5\xe6\x21\xeb\xfe' | cat - <(tail -c +7 dead.rom) >mask.rom
truncate -s 1M image.disk
script 'step 100' 'info pic' 'info pic --json' 'info mtree' 'info block' 'info block --json' quit |
    run -rom mask.rom -S -monitor stdio -drive file=image.disk,format=raw,snapshot=on -cdrom mask.rom
[ $? = 0 ] && grep -q '^master  *[0-9a-f]* *00   00   a5 ' out && grep -q '"imr":"0xa5"' out && grep -q '^ *00000000ffff0000 .*ROM *dropped$' out &&
    grep -q '^ 03f8  03ff  16550A serial port$' out && grep -q '^ide0-hd0  disk  in  *no  *image.disk  1048576  no  *yes$' out &&
    grep -q '"drive":"ide1-cd0","kind":"CD","medium":"in","locked":false,"image":"mask.rom","bytes":65536,"read_only":true' out
verdict $? "info pic, mtree, block"

# The power button: a guest that enabled it, and sleeps till then, is told by its SCI and goes off (S5). Recorded, and replayed.
{
    # ds, ss = 0; IVT 0x71; PICs at 0x68, 0x70 with IRQ 9 open; PMBA 0x600, PMIOSE; PWRBTN_EN; sti; 1: hlt; jmp 1b
    printf '\xfa\x31\xc0\x8e\xd8\x8e\xd0\xbc\x00\x70\xc7\x06\xc4\x01\x80\x00\x8c\x0e\xc6\x01'
    printf '\xb0\x11\xe6\x20\xe6\xa0\xb0\x68\xe6\x21\xb0\x70\xe6\xa1\xb0\x04\xe6\x21\xb0\x02\xe6\xa1\xb0\x01\xe6\x21\xe6\xa1\xb0\xfb\xe6\x21\xb0\xfd\xe6\xa1'
    printf '\x66\xb8\x40\x0b\x00\x80\xba\xf8\x0c\x66\xef\xba\xfc\x0c\x66\xb8\x01\x06\x00\x00\x66\xef'
    printf '\x66\xb8\x80\x0b\x00\x80\xba\xf8\x0c\x66\xef\xba\xfc\x0c\xb0\x01\xee\xba\x02\x06\xb8\x00\x01\xef\xfb\xf4\xeb\xfd'
} >button.rom
truncate -s 128 button.rom
# in ax, PM1_STS; test ax, PWRBTN_STS; je 1f; SLP_EN, S5; 1: iret
printf '\xba\x00\x06\xed\xa9\x00\x01\x74\x07\xb8\x00\x20\xba\x04\x06\xef\xcf' >>button.rom
tail -c +$(($(stat -c %s button.rom) + 1)) dead.rom >>button.rom
script 'step 1000' 'info cpus' 'system_powerdown' cont >commands
run -rom button.rom -S -monitor stdio --max-instructions 100000 --record-input button.input <commands
[ $? = 0 ] && grep -q 'halted  real' out && grep -q '^[0-9]* [0-9]* power$' button.input
verdict $? "the power button"
run -rom button.rom --max-instructions 100000 --replay-input button.input
[ $? = 0 ] && [ ! -s err ]
verdict $? "and replayed"
run -rom button.rom --max-instructions 100000
[ $? = 118 ]
verdict $? "where nobody can press it, it is a dead halt"

# A state, and back to it.
script 'step 400000' 'savestate now.state' 'step 5000' 'print rip' 'loadstate now.state' 'info status' 'step 5000' 'print rip' \
    'loadstate /nonexistent' quit >commands
demo -S -monitor stdio <commands
[ $? = 0 ] && grep -q 'status=stopped  instructions=400000 ' out && [ "$(grep -c '^instructions=405000 ' out)" = 2 ] &&
    [ "$(grep '^0x' out | sort -u | wc -l)" = 1 ] && grep -q '^loadstate: /nonexistent: ' out
verdict $? "savestate and loadstate"

# A socket: clients come and go; what an earlier run left is no obstacle, a file that is none is.
client() { # commands; waits for the socket
    perl -MIO::Socket::UNIX -e '
        my $s; for (1 .. 200) { $s = IO::Socket::UNIX->new(Peer => "m.sock") and last; select(undef, undef, undef, 0.05) }
        $s or die "no socket\n"; $s->autoflush(1); print $s shift; shutdown($s, 1) unless shift; print while <$s>' "$@"
}
for round in 1 2; do
    run -rom text.rom -S -monitor unix:m.sock &
    client $'info status\nstep 7\n' "" >said.socket
    client $'info status --json\nquit\n' stay >>said.socket
    wait $!
    [ $? = 0 ] && grep -q '^status=stopped  instructions=0' said.socket &&
        grep -q '"status":"stopped","instructions":7,' said.socket && [ ! -e m.sock ]
    verdict $? "a socket, round $round"
    perl -MIO::Socket::UNIX -e 'IO::Socket::UNIX->new(Local => "m.sock", Listen => 1) or die'
done
: >plain
run -rom text.rom -monitor unix:plain
[ $? = 2 ] && [ "$(cat err)" = "faultline: -monitor: plain: Address already in use" ] && [ -e plain ]
verdict $? "a file is no socket"
run -rom text.rom -monitor "unix:$(printf '%0200d' 0)"
[ $? = 2 ] && [ "$(wc -l <err)" = 1 ]
verdict $? "a socket's name that is too long"
run -rom text.rom -S
[ $? = 2 ] && [ "$(wc -l <err)" = 1 ] && grep -q -e '-S' err
verdict $? "-S and nobody to let it go"

# A terminal: completion and history; with -nographic ^A c goes there and back, and the terminal is left as it was.
terminal() { # options, then what is typed, piece by piece
    local options=$1
    shift
    (for keys in "$@"; do sleep 0.7; printf "$keys"; done; sleep 2) | TERM=xterm timeout 60 script -qec \
        "stty -g >modes; timeout --foreground 30 $faultline -m 2 $options; echo \"status \$?\"; stty -g | cmp - modes && echo modes kept" \
        /dev/null >out 2>err
}
terminal "-rom text.rom -display none -S -monitor stdio" 'inf\tcpu\t\r' 'ste\t5\r' '\020\r' 'quit\r'
grep -q 'running  real' out && grep -q 'instructions=5 ' out && grep -q 'instructions=10 ' out &&
    grep -q 'status 0' out && grep -q 'modes kept' out
verdict $? "completion and history at a terminal"
printf '\xeb\xfe' | cat - <(tail -c +3 dead.rom) >spin.rom
terminal "-rom spin.rom -nographic" '\001c' 'info cpus\r' 'stop\r' 'step\r' 'cont\r' '\001c' '\001x'
grep -q '(faultline)' out && grep -q 'real    *0' out && grep -q 'status 0' out && grep -q 'modes kept' out
verdict $? "^A c with -nographic"
echo "$passed passed, $failed failed"
[ $failed = 0 ]

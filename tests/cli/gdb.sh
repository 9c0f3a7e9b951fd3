#!/bin/bash
# SPDX-License-Identifier: MIT
# A real gdb follows a guest from the reset vector through real, protected and 64-bit mode into a user program: breakpoints, watchpoints, catches,
# registers, physical memory; then detaches, connects again, interrupts and kills.
# usage: gdb.sh FAULTLINE
set -u
faultline=$(realpath "${1:?usage: gdb.sh FAULTLINE}") || exit 2
support=$(realpath "$(dirname "$0")/../support")
dir=$(mktemp -d)
server=
trap '[ -n "$server" ] && kill $server 2>/dev/null; rm -rf "$dir"' EXIT
cd "$dir" || exit 2
export HOME=$dir
passed=0 failed=0
verdict() { # status, what
    if [ "$1" = 0 ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED: $2"
        tail -n ${LINES_SHOWN:-8} out
    fi
}
as --64 -o guest.o "$support/gdb_guest.S" && ld -m elf_x86_64 -Ttext 0 --oformat binary -o guest.rom guest.o 2>/dev/null || exit 2
[ "$(stat -c %s guest.rom)" = 65536 ] || exit 2

# session OPTIONS..: the commands of standard input, over a pipe; what gdb prints goes to `out`
session() {
    { echo 'set pagination off'; echo 'set confirm off'; echo "target remote | '$faultline' -m 2 -no-reboot -display none -serial none guest.rom -gdb stdio -S $* 2>err"; cat; } >commands
    timeout 120 gdb -nx -batch -x commands >out 2>&1 </dev/null
}
# says TEXT..: each is a part of a line of `out`, in this order
says() {
    local from=1
    for text; do
        at=$(tail -n "+$from" out | grep -n -m 1 -F -e "$text" | cut -d: -f1)
        [ -n "$at" ] || { verdict 1 "'$text' (behind line $from)"; return; }
        from=$((from + at))
    done
    verdict 0
}

# ---- Every mode, with breakpoints set before anything is mapped ----
session <<'COMMANDS'
printf "start %x %x %x %x\n", $pc, $cs, $cs_base, $ip
hbreak *0xf0120
break *0xf0240
hbreak *0xf0340
break *0xf0400
monitor catch pf cpl==3 && access==write
continue
printf "real %x %x %x %x\n", $pc, $cs, $ip, (int)$cr0 & 1
printf "bx %x sp %x\n", $rbx & 0xffff, (int)$rsp & 0xffff
x/1xb $pc
stepi
printf "stepped %x\n", $pc
continue
printf "protected %x %x %x %x %x\n", $pc, $cs, $ss, $rbx, $rsp
continue
printf "long %x %x %lx %x %x\n", $pc, $cs, $r15, $cr3, (int)$efer
printf "cr0 %x cr4 %x xmm3 %lx st0 %g\n", (unsigned)$cr0, (unsigned)$cr4, $xmm3.v2_int64[0], (double)$st0
watch *(long*)0x13800
continue
printf "user %x %x %x\n", $pc, $cs, $ss
continue
printf "fault %x %x %x\n", $pc, $cr2, $cs
monitor catch
stepi
printf "handler %x %x %lx\n", $pc, $cs, *(long*)($rsp + 8)
continue
printf "written %lx at %x\n", *(long*)0x13800, $pc
monitor uncatch
continue
COMMANDS
says 'start fffffff0 f000 ffff0000 fff0' 'real f0120 f000 120 0' 'bx 1234 sp 7000' '0x90' 'stepped f0121' \
    'protected f0240 8 10 89abcdef 7000' 'long f0340 18 1122334455667788 10000 500' 'cr0 e0000011 cr4 620 xmm3 1122334455667788 st0 1' 'user f0400 2b 23' \
    'caught #PF, user write to 0x100000' 'fault f0405 100000 2b' 'caught 1 times' 'handler f0480 18 f0405' 'New value = 1048583' 'written 100007 at f0497' \
    'exited with code 0143'

# ---- A description of 32 bits, in which gdb can be told what code is 16-bit ----
{ echo 'set pagination off'; echo "target remote | '$faultline' -m 2 -display none -serial none guest.rom -gdb stdio,arch=i8086 -S 2>err"; cat <<'COMMANDS'
hbreak *0xf0121
continue
x/2i $pc
printf "sixteen %x %x\n", $eip, $ip
set architecture i386
hbreak *0xf0240
continue
x/2i $pc
kill
COMMANDS
} >commands
timeout 120 gdb -nx -batch -x commands >out 2>&1 </dev/null
says '=> 0xf0121:'$'\t''mov    $0x600,%si' '0xf0124:' 'sixteen f0121 121' '0xf0240:' '0xf0241:'$'\t''mov    $0x10000,%edi'

# ---- Writing: registers, memory, code that has run; physical points ----
session <<'COMMANDS'
hbreak *0xf0340
continue
set $r15 = 0x1234567890abcdef
set $xmm3.v2_int64[1] = 77
set $st0 = 2.5
set $cr2 = 0xabc
printf "set %lx %d %g %x\n", $r15, $xmm3.v2_int64[1], (double)$st0, $cr2
set var *(int*)0x14000 = 0x55aa55aa
printf "memory %x\n", *(int*)0x14000
python
for change in ("$cr0 = 0", "$cs = 8"):
    try: gdb.execute("set " + change)
    except gdb.error as e: print("refused", change, e)
end
printf "still %x %x\n", (unsigned)$cr0, $cs
python
try: gdb.execute("x/xw 0x40000000")
except gdb.error as e: print(e)
end
maint packet Qqemu.PhyMemMode:1
x/xw 0x14000
maint packet Qqemu.PhyMemMode:0
maint packet qqemu.sstepbits
maint packet Qqemu.sstepbits
maint packet Qqemu.sstep
monitor pwatch 0x13800 8 w
monitor pbreak 0xf049a
monitor gpa2hva 0x1000
continue
printf "first %x\n", $pc
continue
printf "then %x\n", $pc
monitor nonsense
monitor catch pf cpl===3
monitor catch gp outcome==mapped
kill
COMMANDS
says 'set 1234567890abcdef 77 2.5 abc' 'memory 55aa55aa' 'refused $cr0' 'refused $cs' 'still e0000011 18' 'Cannot access memory at address 0x40000000' '0x55aa55aa' 'ENABLE=1,NOIRQ=2' \
    'ENABLE=1,NOIRQ=2' 'received: "0x' \
    'Host virtual address for 0x1000 (ram) is 0x' 'written: physical 0x13800' 'first f0497' 'breakpoint at physical 0xf049a' 'then f049a' 'nonsense: no such command' 'catch: column 6' 'column 1: '"'outcome'"' is not known yet'

# ---- A read watchpoint, steps over a repetition and into a handler ----
session <<'COMMANDS'
hbreak *0xf0400
continue
rwatch *(int*)0x100000
awatch *(char*)0x13800
continue
printf "access %x\n", $pc
continue
printf "read %x %x\n", $pc, $rcx
info registers eflags
kill
COMMANDS
says 'Hardware access' 'access f0497' 'read watchpoint' 'read f040d 55'

# ---- Sockets: connect, detach, connect again, interrupt, kill; another's packets ----
cp guest.rom spin.rom && printf '\xeb\xfe' | dd of=spin.rom bs=1 seek=288 conv=notrunc status=none # real mode: jmp $
"$faultline" -m 2 -display none -serial none spin.rom -gdb unix:socket >/dev/null 2>err &
server=$!
attach() {
    for _ in $(seq 100); do [ -S socket ] && break; sleep 0.1; done
    { echo 'set pagination off'; echo 'set confirm off'; echo "target remote $PWD/socket"; cat; } >commands
    timeout 60 gdb -nx -batch -x commands >out 2>&1 </dev/null
}
attach <<'COMMANDS'
hbreak *0xf0121
printf "spins %x\n", $pc
detach
COMMANDS
says 'spins f0120' 'detached'
attach <<'COMMANDS'
python
import threading, os, signal, time
threading.Timer(1.0, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
end
continue
printf "again %x\n", $pc
COMMANDS
says 'SIGINT' 'again f0120'
kill -0 $server
verdict $? "it goes on when gdb has gone"
attach <<'COMMANDS'
kill
COMMANDS
for _ in $(seq 50); do kill -0 $server 2>/dev/null || break; sleep 0.1; done
wait $server
verdict $? "killed: exit status $?"
server=
[ ! -e socket ]
verdict $? "the socket is removed"
"$faultline" -m 2 -display none -serial none spin.rom -gdb unix:/nonexistent/socket >out 2>&1
[ $? = 2 ] && grep -q '/nonexistent/socket' out
verdict $? "a socket that cannot be"

echo "$passed passed, $failed failed"
[ $failed = 0 ]

#!/bin/bash
# SPDX-License-Identifier: MIT
# --history insns=N: the last instructions of runs that end badly, to the instruction that faulted; and of a run that
# does not, nothing. What the guest does is the same.
# usage: history.sh FAULTLINE
set -u
faultline=$(realpath "${1:?usage: history.sh FAULTLINE}") || exit 2
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
        tail -n 40 out err 2>/dev/null
    fi
}
run() { timeout 30 "$faultline" run -m 2 -serial none -display none "$@" >out 2>err; }
rom() { # name, bytes at f000:0000, bytes at f000:0ffe
    head -c 65536 /dev/zero >"$1"
    printf "$2" | dd of="$1" conv=notrunc bs=1 2>/dev/null
    printf "${3-}" | dd of="$1" conv=notrunc bs=1 seek=4094 2>/dev/null
    printf '\xea\x00\x00\x00\xf0' | dd of="$1" conv=notrunc bs=1 seek=65520 2>/dev/null
}

# cli; mov cx, 3; 1: dec cx; jne 1b; lidt [0x1000] (zeros); mov cx, 5; rep movsb; mov cx, 3; jmp 0xffe
# 2: mov ax, 0x1234 (over the end of a page); dec cx; jne 2b; ud2
rom triple.rom '\xfa\xb9\x03\x00\x49\x75\xfd\x0f\x01\x1e\x00\x10\xb9\x05\x00\xf3\xa4\xb9\x03\x00\xe9\xe7\x0f' '\xb8\x34\x12\x49\x75\xfa\x0f\x0b'
cat >expected <<'END'
0 real 0 f000:fff0 ea000000f0 ljmp 0xf000:0
1 real 0 f000:0000 fa cli
2 real 0 f000:0001 b90300 mov cx, 3
3 real 0 f000:0004 49 dec cx
4 real 0 f000:0005 75fd jne 4
5 real 0 f000:0004 49 dec cx
6 real 0 f000:0005 75fd jne 4
7 real 0 f000:0004 49 dec cx
8 real 0 f000:0005 75fd jne 4
9 real 0 f000:0007 0f011e0010 lidt [0x1000]
10 real 0 f000:000c b90500 mov cx, 5
11 real 0 f000:000f f3a4 rep movsb byte ptr es:[di], byte ptr [si]
16 real 0 f000:0011 b90300 mov cx, 3
17 real 0 f000:0014 e9e70f jmp 0xffe
18 real 0 f000:0ffe b83412 mov ax, 0x1234
19 real 0 f000:1001 49 dec cx
20 real 0 f000:1002 75fa jne 0xffe
21 real 0 f000:0ffe b83412 mov ax, 0x1234
22 real 0 f000:1001 49 dec cx
23 real 0 f000:1002 75fa jne 0xffe
24 real 0 f000:0ffe b83412 mov ax, 0x1234
25 real 0 f000:1001 49 dec cx
26 real 0 f000:1002 75fa jne 0xffe
27 real 0 f000:1004 0f0b ud2
27 real 0 f000:1004 -- #UD
END
lines() { sed -n '/^faultline: the last instructions/,/^[re]ax=/p' err | sed '1,2d; $d' | tr -s ' ' | sed 's/^ //'; }
run -rom triple.rom -no-reboot --history insns=10000
status=$?
lines | sed '/-- #GP\|-- #DF/d' | diff expected - >out
[ $? = 0 ] && [ $status = 122 ] && grep -q '^eip=00001004  mode=real' err
verdict $? "every instruction to a triple fault"
run -rom triple.rom -no-reboot --history insns=4
lines | sed '/-- /d' | tail -n 1 | cmp -s - <(sed -n '/ud2/p' expected) && [ "$(lines | wc -l)" = 4 ]
verdict $? "as many as asked for"

# A budget ends a run between two instructions; HLT that nothing ends is itself the last one.
run -rom triple.rom -no-reboot --history insns=3 --max-instructions 24
[ $? = 124 ] && lines | diff <(sed -n '/^2[123] /p' expected) - >out
verdict $? "to the end of the budget"
rom dead.rom '\xfa\xf4'
run -rom dead.rom --history insns=5
[ $? = 118 ] && [ "$(lines | tail -n 1)" = "2 real 0 f000:0001 f4 hlt" ]
verdict $? "a dead halt"
rom spin.rom '\xeb\xfe'
run -rom spin.rom --history insns=5 --max-instructions 1000001
[ $? = 124 ] && [ "$(lines | tail -n 1)" = "1 real 0 f000:0000 ebfe jmp 0 1000000" ] && [ "$(lines | wc -l)" = 2 ]
verdict $? "a loop of one instruction is one line"

# An end that is as it should be needs no history; one that an expectation calls wrong does.
rom exit.rom '\xb0\x10\xe6\xf4'
run -rom exit.rom --history 5,insns=5
[ $? = 33 ] && [ ! -s err ]
verdict $? "nothing after a good end"
run -rom exit.rom --history 5,insns=5 --expect 'pf count=1'
[ $? = 126 ] && [ "$(lines | tail -n 1)" = "2 real 0 f000:0002 e6f4 out 0xf4, al" ]
verdict $? "after an expectation that was not met"

# The monitor has it at any time.
printf '%s\n' 'step 6' 'history 2' 'history 1 --json' quit | run -rom triple.rom -S -monitor stdio --history insns=100
[ $? = 0 ] && grep -q '^     4  real    0  f000:0005  75fd   jne 4$' out &&
    grep -q '^{"history":\[{"icount":5,"mode":"real","cpl":0,"cs":"0xf000","rip":"0x4","linear":"0xf0004","bytes":"49","insn":"dec cx","symbol":"","times":1}\]}$' out
verdict $? "history in the monitor"
printf '%s\n' history quit | run -rom triple.rom -S -monitor stdio
grep -q '^history: instructions are not kept; start with --history insns=N$' out
verdict $? "... unless it was not asked for"
printf '%s\n' 'step 3' 'savestate s.state' 'step 5' 'loadstate s.state' history 'step 1' history quit |
    run -rom triple.rom -S -monitor stdio --history insns=100
[ $? = 0 ] && grep -q '^none$' out && [ "$(grep -c ' f000:0004  49 ' out)" = 1 ]
verdict $? "a state that is loaded has another past"

# The guest cannot tell: faults, instructions and memory of the embedded one are the same.
for how in "" "--history 4096,insns=10000"; do
    timeout 120 "$faultline" demo -serial file:said -display none --max-instructions 1500000 --trace-faults t.jsonl --ram-hash $how >out 2>err
    { cat said t.jsonl && grep 'RAM hash' err; } >"all${how:+.kept}"
done
cmp -s all all.kept && [ "$(wc -l <all)" -gt 20 ]
verdict $? "the same run"
for bad in 0 insns=0 insns=10001 insns= x 5,insns=x , 4097; do
    run -rom exit.rom --history "$bad"
    [ $? = 2 ] && [ "$(wc -l <err)" = 1 ] && grep -q '^faultline: -history: ' err
    verdict $? "--history $bad"
done
echo "$passed passed, $failed failed"
[ $failed = 0 ]

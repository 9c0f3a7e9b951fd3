#!/bin/bash
# SPDX-License-Identifier: MIT
# `faultline test`: every verdict has its ROM here, every key of .expect files a line that is met and one that is not; then what is not a ROM, not
# an .expect file, not an option. usage: test_command.sh FAULTLINE
set -u
faultline=$(realpath "${1:?usage: test_command.sh FAULTLINE}") || exit 2
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 2
passed=0 failed=0

check() { # what, status of the check, detail
    if [ "$2" = 0 ]; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "FAILED: $1: ${3:-$(head -c 600 out err)}"; fi
}
# rom NAME CODE: a 64 KiB ROM whose reset vector jumps to F000:0000, where CODE is (hexadecimal bytes)
rom() {
    head -c 65536 /dev/zero >"$1"
    # shellcheck disable=SC2059 # the bytes are the format
    printf "$(echo "$2" | sed 's/ *\([0-9a-f][0-9a-f]\)/\\x\1/g')" | dd of="$1" conv=notrunc status=none
    printf '\xea\x00\x00\x00\xf0' | dd of="$1" bs=1 seek=65520 conv=notrunc status=none
}
runs() { timeout 120 "$faultline" test --max-instructions 1000000 "$@" >out 2>err </dev/null; }
# verdict WHAT STATUS PATTERN ARGUMENT..: the exit status, and a line of the output
verdict() {
    what=$1 want=$2 pattern=$3
    shift 3
    runs "$@"
    status=$?
    [ $status = "$want" ] && grep -qE -- "$pattern" out
    check "$what" $? "status $status, not $want, or no '$pattern': $(head -c 800 out err)"
}
# expect WHAT STATUS PATTERN LINES: say.rom with this .expect
expect() {
    printf '%b' "$4" >say.expect
    verdict "$1" "$2" "$3" say.rom
    rm -f say.expect
}
refuse() { # PATTERN ARGUMENT..: one line, status 2, no TAP
    pattern=$1
    shift
    runs "$@"
    status=$?
    [ $status = 2 ] && [ "$(wc -l <err)" = 1 ] && grep -qE -- "^faultline: .*$pattern" err && [ ! -s out ]
    check "refused: $*" $? "status $status, wanted '$pattern': $(head -c 600 out err)"
}

# ---- Verdicts ----
rom good.rom 'b0 00 e6 f4'
rom code5.rom 'b0 05 e6 f4'
rom skip77.rom 'b0 4d e6 f4'
rom skip38.rom 'b0 26 e6 f4'
rom loop.rom 'eb fe'
rom halt.rom 'fa f4'
# lidt [cs:0010] (limit 0); ud2
rom triple.rom '2e 0f 01 1e 10 00 0f 0b 90 90 90 90 90 90 90 90 00 00 00 00 00 00'
rom reset.rom 'b0 fe e6 64 f4'
# "Shutdown" to 8900h: mov si, 100h; mov dx, 8900h; mov cx, 8; again: cs lodsb; out dx, al; loop again
rom shutdown.rom 'be 00 01 ba 00 89 b9 08 00 2e ac ee e2 fb f4'
printf Shutdown | dd of=shutdown.rom bs=1 seek=256 conv=notrunc status=none
# "Hi\n" to COM1 (8N1), 'D' to E9h, POST codes 12h and 34h, isa-debug-exit 0
rom say.rom 'ba fb 03 b0 03 ee ba f8 03 b0 48 ee b0 69 ee b0 0a ee b0 44 e6 e9 b0 12 e6 80 b0 34 e6 80 b0 00 e6 f4'
# paging on over an empty directory at 0: mov eax,cr0; or eax,80000001h; mov cr0,eax -> #PF on the next fetch -> triple fault
rom fault.rom '0f 20 c0 66 0d 01 00 00 80 0f 22 c0 90'
verdict "debug exit 0" 0 '^ok 1 - good.rom$' good.rom
verdict "Shutdown" 0 '^ok 1 - shutdown.rom$' shutdown.rom
verdict "guest exit code" 126 "reason: \"the guest's exit code is 5 \(status 11\)\"" code5.rom
verdict "skip by 77" 0 '^ok 1 - skip77.rom # SKIP' skip77.rom
verdict "skip by status 77" 0 '^ok 1 - skip38.rom # SKIP' skip38.rom
verdict "budget" 126 'reason: "instruction budget ran out"' loop.rom
grep -q 'instructions: 1000000$' out
check "budget is exact" $?
verdict "dead HLT" 126 'reason: "HLT that nothing can end"' halt.rom
verdict "triple fault" 126 'reason: "triple fault"' triple.rom
grep -q 'first, #UD' out
check "the triple fault's story" $?
verdict "reset" 126 'reason: ".*reset' reset.rom
verdict "refused machine" 126 'reason: "refused' -cpu nonsense good.rom
verdict "refused option of a file" 126 'reason: "refused' -initrd no-such-file -append x triple.rom

# A crash of the emulator: its process is killed from here.
for signal in KILL SEGV ABRT; do
    timeout 120 "$faultline" test -j 2 --max-instructions 18446744073709551615 loop.rom good.rom >out 2>err </dev/null &
    for _ in $(seq 200); do
        command=$(pgrep -P $! 2>/dev/null | head -n 1)
        child=$(pgrep -P "${command:-0}" 2>/dev/null | head -n 1)
        [ -n "$child" ] && grep -q loop.rom /proc/"$child"/cmdline 2>/dev/null && sleep 0.2 && break
        sleep 0.05
    done
    children=$(pgrep -P "$command" | wc -l)
    [ "$children" = 1 ] && kill -$signal "$child"
    wait $!
    status=$?
    if [ $signal = KILL ] || [ "$children" != 1 ] || ! nm "$faultline" 2>/dev/null | grep -q __asan_init; then
        [ $status = 126 ] && grep -q 'reason: "crash: the emulator was ended by signal' out && grep -q '^ok 2 - good.rom' out
    else # the sanitizer makes an exit of it
        [ $status = 126 ] && grep -qE 'reason: "(crash|internal error)' out && grep -q '^ok 2 - good.rom' out
    fi
    check "a crash by SIG$signal is a verdict" $?
done

# ---- The end from outside ----
for signal in INT TERM HUP; do
    "$faultline" test -j 2 --junit ended.xml --max-instructions 18446744073709551615 good.rom loop.rom loop.rom >out 2>err </dev/null &
    job=$!
    for _ in $(seq 200); do
        grep -q '^ok 1' out && [ "$(pgrep -P $job | wc -l)" = 2 ] && break
        sleep 0.05
    done
    children=$(pgrep -P $job)
    kill -$signal $job
    wait $job
    status=$?
    [ $status = 126 ] && grep -q "^Bail out! ended by SIG$signal" out && grep -q 'skipped="2"' ended.xml
    check "SIG$signal ends all" $? "status $status: $(cat out err)"
    alive=0
    for child in $children; do [ -d /proc/"$child" ] && alive=1; done
    check "SIG$signal leaves no process" $alive
done

# ---- .expect ----
expect "exit met" 0 '^ok 1' 'exit = 1\n'
expect "exit unmet" 126 'reason: "status 33 expected, not 1' 'exit=33\n'
cp triple.rom say2.rom && echo exit=122 >say2.expect
verdict "a triple fault as wanted" 0 '^ok 1' say2.rom
echo exit=124 >loop.expect
verdict "the budget as wanted" 0 '^ok 1' loop.rom
rm loop.expect
cp reset.rom again.rom && printf 'reboot=yes\nexit=124\n' >again.expect
verdict "a reset as wanted" 0 '^ok 1' again.rom
expect "post met" 0 '^ok 1' 'post=0x34\n'
expect "post unmet" 126 'POST code 0x99 expected, 0x34 reached' 'post = 0x99\n'
expect "text met" 0 '^ok 1' 'text=Hi\ntext = "i\\n"\n'
expect "text unmet" 126 "COM1 did not say 'Ho'" 'text=Hi\ntext=Ho\n'
expect "no-text met" 0 '^ok 1' 'no-text=Ho\n'
expect "no-text unmet" 126 "COM1 said 'i'" 'no-text=i\n'
expect "debugcon met" 0 '^ok 1' 'debugcon=D\n'
expect "debugcon unmet" 126 "debug console did not say 'E'" 'debugcon = "\\x45"\n'
printf 'Hi\n' >same && printf 'Ha\n' >other && printf 'Hi\nx' >longer && printf 'H' >shorter
expect "output met" 0 '^ok 1' 'output=same\n'
expect "output unmet" 126 'differs from the expected output at byte 1' 'output=other\n'
expect "output short" 126 'said 3 bytes, not 4' 'output=longer\n'
expect "output long" 126 'differs from the expected output at byte 1' 'output=shorter\n'
expect "stop-on met" 0 '^ok 1' 'stop-on=H\nno-text=i\n'
expect "budget of the file" 126 'instruction budget ran out' 'budget=5\n'
expect "skip" 0 '^ok 1 - say.rom # SKIP no such thing here$' 'skip = no such thing here\n'
expect "comments and blanks" 0 '^ok 1' '# a comment\r\n\n   \n  exit = 1  \n'
expect "options" 0 '^ok 1' 'options = -seed 5 --rtc base=2026-01-01\ncpu=486\nmemory=2M\n'
expect "an absent page fault" 126 'page faults|expectation of faults' 'pf va=0x1000\n'
expect "no page fault" 0 '^ok 1' 'pf count=0\nfail-on=unexpected-pf\n'
printf 'pf va=0xf000c ec=0 count=1\npf va=0x70\nexit=122\n' >fault.expect
verdict "faults met" 0 '^ok 1' fault.rom
printf 'pf va=0x1234\n' >fault.expect
verdict "faults unmet" 126 'the first page fault of 3 that was not expected: #1 kernel fetch of 0xf000c at 0xc' fault.rom
printf 'fail-on=unexpected-pf\npf count=0\n' >fault.expect
verdict "faults that were not expected" 126 'unexpected page faults, the first is kernel fetch|not met' fault.rom
rm fault.expect

bad_expect() { # LINES PATTERN
    printf '%b' "$1" >say.expect
    refuse "$2" say.rom
    rm -f say.expect
}
bad_expect 'exit=1\nnonsense=2\n' "say.expect:2: unknown key 'nonsense'"
bad_expect 'nonsense\n' 'say.expect:1: '
bad_expect 'exit=256\n' 'say.expect:1: '
bad_expect 'exit=\n' 'say.expect:1: '
bad_expect '\n\nexit=1\nexit=1\n' 'say.expect:4: exit comes twice'
bad_expect 'post=x\n' 'say.expect:1: '
bad_expect 'text=\n' 'say.expect:1: the text is empty'
bad_expect 'text="abc\n' 'say.expect:1: '
bad_expect 'text="a\\qc"\n' 'say.expect:1: a backslash'
bad_expect 'text="a\\x00"\n' 'say.expect:1: '
bad_expect 'text="a"b"\n' 'say.expect:1: '
bad_expect 'text="\n' 'say.expect:1: '
bad_expect 'pf va=zz\n' 'say.expect:1: '
bad_expect 'pf\n pf nonsense\n' 'say.expect:2: '
bad_expect 'output=no-such-file\n' 'say.expect:1: no-such-file: No such file'
bad_expect 'output=.\n' 'say.expect:1: .: is a directory'
bad_expect 'options=-serial stdio\n' 'say.expect:1: -serial: is no option of a test'
bad_expect 'options=serial\n' "say.expect:1: 'serial' is no option"
bad_expect 'options=-m\n' "say.expect:1: '-m' needs an argument"
bad_expect 'options=-mm=5\n' 'say.rom: -mm'
bad_expect 'budget=0\n' 'say.rom: -max-instructions'
bad_expect 'memory=0\n' 'say.rom: -m: '
bad_expect 'reboot=maybe\n' 'say.expect:1: '
bad_expect 'skip=\n' 'say.expect:1: '
bad_expect 'text=a\0b\n' 'say.expect:1: the line holds a zero byte'
mkfifo say.expect && refuse 'say.expect: is not a regular file' say.rom
rm say.expect && mkdir say.expect && refuse 'say.expect: is a directory' say.rom
rmdir say.expect && ln -s nowhere say.expect && refuse 'say.expect: No such file' say.rom
rm say.expect && head -c 2000000 /dev/zero >say.expect && refuse 'larger than 1 MiB' say.rom
rm say.expect
head -c 100000 /dev/urandom >say.expect
refuse 'say.expect:' say.rom
rm say.expect

# ---- The command line ----
mkdir folder
mkfifo fifo
: >empty
echo text >text
for what in no-such-file folder fifo empty text /dev/null ''; do
    refuse "${what:-name is empty}" "$what"
    refuse "${what:-name is empty}" good.rom "$what"
done
refuse 'name a ROM'
refuse '-j: ' -j 0 good.rom
refuse '-j: ' -j x good.rom
refuse 'needs an argument' good.rom -j
refuse 'given twice' -j 1 -j 2 good.rom
refuse '-shard' --shard 0/2 good.rom
refuse '-shard' --shard 3/2 good.rom
refuse '-shard' --shard 3 good.rom
refuse '-filter' --filter nothing good.rom
refuse '-max-instructions' good.rom --max-instructions=0
refuse '-serial: is no option of a test' -serial stdio good.rom
refuse 'is no option of a test' --trace-faults=x.csv good.rom
refuse 'unknown option' --explode good.rom
refuse '-m: ' -m 0 good.rom
refuse 'no/such/file' --junit no/such/file good.rom
timeout 60 "$faultline" test good.rom >/dev/full 2>err
check "a full disk" $(($? != 2))
timeout 60 "$faultline" test --junit /dev/full good.rom >out 2>err
check "a full disk for JUnit" $(($? != 2))
timeout 60 "$faultline" test --help >out 2>err
check "--help" $(($? != 0))
grep -q 'no-text' out
check "--help tells of .expect" $?
verdict "the command line comes first" 126 'reason: "refused' -cpu nonsense say.rom
verdict "filter" 0 '^1..2$' --filter skip good.rom skip77.rom skip38.rom
verdict "filter by pattern" 0 '^1..1$' --filter '*.r?m' good.rom
names=
for shard in 1/3 2/3 3/3; do
    runs --shard $shard good.rom shutdown.rom say.rom skip77.rom
    names="$names $(sed -n 's/^ok [0-9]* - \([a-z0-9]*\).*/\1/p' out | tr '\n' ',')"
done
[ "$names" = " good,skip77, shutdown, say," ]
check "shards" $? "$names"
runs --shard 2/2 good.rom && grep -q '^1..0$' out
check "an empty shard" $?
runs -j 1 ./*.rom
cp out one
runs -j 7 ./*.rom
cmp -s one out
check "the same output whatever -j" $? "$(diff one out | head -5)"
runs --junit results.xml good.rom code5.rom skip77.rom
grep -q '<testsuite name="faultline" tests="3" failures="1" errors="0" skipped="1">' results.xml && grep -q 'exit code is 5' results.xml
check "JUnit's counts" $? "$(cat results.xml)"
if command -v python3 >/dev/null; then
    python3 -c 'import sys, xml.dom.minidom as m; m.parse("results.xml")' 2>err
    check "JUnit's XML is well-formed" $?
fi
name=$'odd #1\n<&">.rom'
cp code5.rom "$name"
runs --junit results.xml "$name"
grep -q '^not ok 1 - odd \\#1?<&">.rom$' out && grep -q 'name="odd #1' results.xml
check "an odd name" $?

# ---- isa ----
rows=$(timeout 60 "$faultline" isa --csv | wc -l)
[ "$rows" -gt 800 ]
check "isa prints the list" $? "$rows rows"
timeout 60 "$faultline" isa pop cx8 >out 2>err
[ "$(grep -c '  CMPXCHG8B ' out)" -ge 1 ] && grep -q '^58 .* POP ' out && ! grep -q ' PUSH ' out
check "isa takes mnemonics and features" $?
timeout 60 "$faultline" isa >/dev/full 2>err
check "isa to a full disk" $(($? != 2))
if command -v python3 >/dev/null; then
    timeout 60 "$faultline" isa --json | python3 -c "import sys, json; sys.exit(len(json.load(sys.stdin)) + 1 != $rows)" 2>err
    check "isa --json is JSON, of as many rows" $?
fi

echo "$passed passed, $failed failed"
[ $failed = 0 ]

#!/bin/bash
# SPDX-License-Identifier: MIT
# -d: what the log says of the embedded guest and of a triple fault, against what the run itself shows; refusals.
# usage: log.sh FAULTLINE
set -u
faultline=$(realpath "${1:?usage: log.sh FAULTLINE}") || exit 2
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
        tail -n 12 err 2>/dev/null
    fi
}
demo() { timeout 120 "$faultline" demo -display none --stats --ram-hash "$@" >out 2>err </dev/null; }
sums() { grep -E 'RAM hash|page faults,|faultline: end:' "$1"; grep -oE '^faultline: [0-9,]+ instructions' "$1"; }

demo
status=$? && cp out plain && sums err >plain.sums
demo -d int,cpu -d in_asm,cr3,io,cpu_reset -D log
[ $? = $status ] && cmp -s out plain && sums err | cmp -s - plain.sums && [ -s plain ] && [ "$(wc -l <plain.sums)" = 4 ]
verdict $? "a run is the same with a log: $(sums err)"

# As many lines as events, and as many of page faults.
events=$(sed -nE 's/.* page faults, ([0-9]+) exceptions, ([0-9]+) interrupts.*/\1+\2/p' err)
faults=$(sed -nE 's/^faultline: ([0-9]+) page faults.*/\1/p' err)
[ "$(grep -c '^int: ' log)" = $((events)) ] && [ "$(grep -c '^int: #PF' log)" = "$faults" ] && [ "$faults" -gt 10 ]
verdict $? "events $events, faults $faults: $(grep -c '^int: ' log), $(grep -c '^int: #PF' log)"
[ "$(grep -c '^cpu: registers at' log)" = $((events)) ]
verdict $? "registers at each"

# The registers are those of the place.
awk '/^cpu: / { sub(/.*at [0-9a-f]*:0x/, ""); sub(/[, ].*/, ""); at = $0 }
     /^  rip / { n++; if (substr("0000000000000000" at, length(at) + 1) != $2) bad++ } END { exit !(n > 10 && !bad) }' log
verdict $? "rip"

# Every instruction that was interrupted at user level, but by an instruction fetch, has been listed.
grep -oE '^  0x[0-9a-f]+  [0-9a-f]+ ' log | awk '{print $1}' | sort -u >code
grep '^int: ' log | grep -v '^int: #PF, error 0x[0-9a-f]* ([A-Z ]*I[ )]' |
    sed -nE 's/.* at 0023:(0x[0-9a-f]+).*/\1/p' | sort -u >places
[ "$(wc -l <places)" -ge 3 ] && [ -z "$(comm -23 places code)" ]
verdict $? "interrupted instructions that were never listed: $(comm -23 places code | tr '\n' ' ')"

# Address spaces: each goes on from the one before.
sed -nE 's/^cr3: (0x[0-9a-f]+) to (0x[0-9a-f]+),.*/\1 \2/p' log |
    awk 'NR > 1 && $1 != last || $1 == $2 { bad = 1 } { last = $2 } END { exit !(NR > 1 && !bad) }'
verdict $? "cr3"

# What was written to COM1 is what came out; the first byte is the divisor's.
sed -nE 's/^io: port 0x3f8 written: 0x(..) .*/\1/p' log | tail -n +2 | sed 's/^/\\x/' | tr -d '\n' >bytes
[ "$(wc -c <bytes)" -gt 400 ] && printf "$(cat bytes)" | cmp -s - plain
verdict $? "io"

# Only the asked for: an item, an address.
demo -d cr3 -D cr3
[ "$(grep -vc '^cr3: ' cr3)" = 0 ] && grep '^cr3: ' log | cmp -s - cr3
verdict $? "cr3 alone"
place=$(grep -m 1 '^int: INT 0x80' log | sed -E 's/.* at 0023:(0x[0-9a-f]+).*/\1/')
demo -d int -dfilter "0x1..0x2,$place+1"
grep '^int: ' err >seen
grep "^int: .* at 0023:$place," log | cmp -s - seen && [ -s seen ]
verdict $? "-dfilter $place+1, on stderr"
demo -D empty
[ -f empty ] && [ ! -s empty ]
verdict $? "-D without -d"

# A triple fault, and what the reset found: LIDT of a limit of nothing, then INT3.
head -c 65536 /dev/zero >triple.rom
printf '\x2e\x0f\x01\x1e\x10\x00\xcc' | dd of=triple.rom conv=notrunc status=none
printf '\xea\x00\x00\x00\xf0' | dd of=triple.rom bs=1 seek=65520 conv=notrunc status=none
timeout 20 "$faultline" -m 2 -display none -rom triple.rom -max-instructions 10 -d int,cpu_reset,in_asm -D log >out 2>err
[ $? = 124 ] && [ "$(grep -c '^cpu_reset: RESET at f000:0x6, ' log)" -ge 3 ] && grep -q '^int: delivery of INT 0x3 failed (IDT entry): #GP' log &&
    grep -q '^int: triple fault at f000:0x6, linear 0xf0006, real' log &&
    [ "$(grep -c '^  0xf0006  cc ' log)" = 1 ] && grep -q '^  idt\|idt 00000000 limit 0000' log
verdict $? "a triple fault: $(head -n 20 log)"

# Help and refusals.
timeout 20 "$faultline" -d help >out 2>err && [ ! -s err ] && [ "$(wc -l <out)" = 7 ]
verdict $? "-d help"
refuse() { # text, options
    text=$1
    shift
    timeout 20 "$faultline" demo -display none "$@" >out 2>err </dev/null
    [ $? = 2 ] && [ "$(wc -l <err)" = 1 ] && grep -qF -- "$text" err
    verdict $? "$* is refused: $text"
}
refuse "-d: 'exec' is no item of the log; -d help lists them" -d int,exec
refuse "-d: an item's name is empty" -d int,
refuse "-dfilter: '5..4'" -d int -dfilter 5..4
refuse "no-such-directory/log" -d int -D no-such-directory/log
timeout 60 "$faultline" demo -display none -d in_asm,io -D /dev/full >out 2>err
[ $? = 2 ] && grep -q '/dev/full' err
verdict $? "a full disk"
echo "$passed passed, $failed failed"
[ $failed = 0 ]

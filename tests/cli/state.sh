#!/bin/bash
# SPDX-License-Identifier: MIT
# Saved states: a run that goes on in another process ends as one that was never stopped; states that are no states, or other machines', are refused.
# usage: state.sh FAULTLINE
set -u
faultline=$(realpath "${1:?usage: state.sh FAULTLINE}") || exit 2
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
        tail -n 5 out err 2>/dev/null
    fi
}
run() { timeout 300 "$faultline" "$@" >out 2>err </dev/null; }
hash() { grep 'RAM hash' "$1"; }

# The embedded guest, at several counts: output, memory, instructions and the rest of the trace.
run demo --ram-hash --stats --trace-faults whole.jsonl
cp out whole.out && cp err whole.err
for n in 1 5000 123457 919471 1500000; do
    run demo --max-instructions $n --save-state s --trace-faults first.jsonl
    [ $? = 124 ] && [ -s s ]
    verdict $? "saved at $n"
    cp out first.out
    run --load-state s --ram-hash --stats --trace-faults rest.jsonl
    verdict $? "$n goes on"
    cat first.out out | cmp -s - whole.out
    verdict $? "$n: output"
    [ "$(hash err)" = "$(hash whole.err)" ]
    verdict $? "$n: memory"
    [ "$(grep -o '[0-9,]* instructions in' err)" = "$(grep -o '[0-9,]* instructions in' whole.err)" ]
    verdict $? "$n: instructions"
    awk -F'[:,]' -v n=$n '$4 >= n' whole.jsonl >want
    cmp -s rest.jsonl want
    verdict $? "$n: the rest of the trace"
done

# A state of a state, saved by a run that was loaded.
run demo --max-instructions 100000 --save-state s && false
run --load-state s --max-instructions 400000 --save-state s
run --load-state s --ram-hash
[ "$(hash err)" = "$(hash whole.err)" ]
verdict $? "a state saved over the one it came from"

# A screen, and a serial line that reads a file: both go on where they were.
"$support/screen_guest.sh" picture.rom || exit 2
run -m 2 -rom picture.rom -display none -serial none --screenshot whole.png --max-instructions 300000
run -m 2 -rom picture.rom -display none -serial none --max-instructions 150000 --save-state p
run --load-state p -display none -serial none --screenshot rest.png --max-instructions 300000
cmp -s whole.png rest.png
verdict $? "the screen"

# Options that contradict the state; the same ones are welcome.
refused() { # words, options..
    words=$1
    shift
    run "$@"
    [ $? = 2 ] && [ "$(wc -l <err)" = 1 ] && grep -q "$words" err
    verdict $? "$*"
}
refused 's: was saved with -m' --load-state s -m 8
refused 's: was saved with -cpu' --load-state s -cpu 486
refused 's: was saved with' --load-state s -append text
refused 'picture.rom' --load-state s picture.rom
refused 's: was saved with another set of drives' --load-state s -cdrom picture.rom
refused 's: was saved with fewer serial ports' --load-state s -serial none -serial none
refused 's: was saved with -seed' --load-state s -seed 7
refused 'missing: No such file' --load-state missing
refused 'picture.rom: is not a saved state' --load-state picture.rom
refused '/nonexistent/s: No such file' demo --save-state /nonexistent/s
refused '/dev/null: is not a regular file' demo --save-state /dev/null
run demo --load-state s -m 256 -seed 0
verdict $? "the same options again"

# Damage: a line each.
size=$(stat -c %s s)
damaged() {
    run --load-state d
    [ $? = 2 ] && [ "$(wc -l <err)" = 1 ] && grep -q "^faultline: d: $1" err
    verdict $? "damage $2"
}
for part in 0 7 8 31 32 33 $((size / 2)) $((size - 1)); do
    head -c "$part" s >d
    damaged 'is ' "cut off at $part"
done
for at in 8 16 24 32 40 100 1000 $((size / 2)) $((size - 1)); do
    cp s d
    byte=$(od -An -tu1 -j "$at" -N1 s)
    printf "$(printf '\\%o' $((byte ^ 4)))" | dd of=d bs=1 seek="$at" conv=notrunc status=none
    damaged '\(is damaged\|has version\)' "at $at"
done
cp s d && printf '\4' | dd of=d bs=1 seek=8 conv=notrunc status=none
damaged 'has version 4 of the format, made by a newer faultline' "newer"

# A full disk leaves the old file, and nothing beside it.
if [ "$(id -u)" = 0 ] && mkdir full && mount -t tmpfs -o size=16k tmpfs full 2>/dev/null; then
    echo old >full/s
    run demo --max-instructions 919471 --save-state full/s
    [ $? = 2 ] && [ "$(cat full/s)" = old ] && [ "$(ls full)" = s ] && grep -q 'full/s: No space left' err
    verdict $? "a full disk"
    umount full
fi

# Disks: what was written under -snapshot is in the state; an image written to itself must be as it was.
if [ -r /usr/share/seabios/bios-256k.bin ]; then
    head -c 1000000 /dev/zero >disk.img
    run -hda disk.img -snapshot -display none -serial none --max-instructions 20000000 --save-state s
    run --load-state s -display none -serial none --max-instructions 21000000
    [ $? = 124 ]
    verdict $? "a disk, by its name"
    mkdir else && (cd else && run --load-state ../s -display none -serial none --max-instructions 21000000)
    [ $? = 124 ]
    verdict $? "... from another directory"
    mv disk.img moved.img
    refused 'disk.img' --load-state s -display none -serial none --max-instructions 21000000
    run --load-state s -hda moved.img -display none -serial none --max-instructions 21000000
    [ $? = 124 ]
    verdict $? "... or another name"
    printf x | dd of=moved.img conv=notrunc status=none
    refused 'moved.img: is not the image the state was saved with' --load-state s -hda moved.img -display none -serial none
    mv moved.img disk.img
    run -hda disk.img -display none -serial none --max-instructions 20000000 --save-state s
    touch -d '2001-01-01' disk.img
    refused 'disk.img: was written to since the state was saved' --load-state s -display none -serial none
fi
echo "$passed passed, $failed failed"
[ $failed = 0 ]

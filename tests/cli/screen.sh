#!/bin/bash
# SPDX-License-Identifier: MIT
# The screen without a window: screenshots, the terminal, recordings that are replayed, and recordings that must not be.
# usage: screen.sh FAULTLINE
set -u
faultline=$(realpath "${1:?usage: screen.sh FAULTLINE}") || exit 2
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
"$support/screen_guest.sh" picture.rom && "$support/screen_guest.sh" text.rom TEXT || exit 2
run() { timeout 120 "$faultline" -m 2 -serial none "$@" >out 2>err; }
png_size() { od -An -tu1 -j16 -N8 "$1" | awk '{print $1 * 16777216 + $2 * 65536 + $3 * 256 + $4 "x" $5 * 16777216 + $6 * 65536 + $7 * 256 + $8}'; }

# Without a display nobody will ever press a key: the guest's sleep is its end, and the picture is kept.
run -rom picture.rom -display none -debugcon stdio --screenshot a.png </dev/null
[ $? = 118 ] && [ "$(cat out)" = ready ] && [ "$(png_size a.png)" = 640x400 ]
verdict $? "a screenshot of mode 13h"
run -rom text.rom -display none --screenshot b.png </dev/null
[ "$(png_size b.png)" = 720x400 ]
verdict $? "a screenshot of text"
run -rom text.rom -display none --screenshot /nonexistent/b.png </dev/null
[ $? = 2 ] && [ "$(grep -c /nonexistent/b.png err)" = 1 ]
verdict $? "a screenshot that cannot be written"

# The terminal: keys go in as bytes, the screen comes out as text.
rom=text.rom
typed() { (sleep 2; printf "$1"; sleep 2; printf '\001x') | run -rom "$rom" -display ansi -debugcon file:said "${@:2}"; }
typed 'aA\033[A\003'
verdict $? "-display ansi ends by ^A x: $?"
[ "$(tr '\n' ' ' <said)" = "ready k1e k9e k2a k1e k9e kaa ke0 k48 ke0 kc8 k1d k2e kae k9d " ]
verdict $? "what was typed: $(tr '\n' ' ' <said)"
sed 's/\x1b\[[0-9;?]*[a-zA-Z]//g' out | grep -q '1e9e2a1e9eaae048e0c81d2eae9d'
verdict $? "what the terminal shows"
timeout 120 "$faultline" -m 2 -rom picture.rom -display ansi >out 2>err < <(sleep 2; printf '\001x')
grep -q 'a picture of 640x400' out
verdict $? "a picture in a terminal"

# SeaBIOS finds the video BIOS in the adapter's ROM, and with it prints on the screen.
if [ -r /usr/share/seabios/bios-256k.bin ] && [ -r /usr/share/seabios/vgabios-stdvga.bin ]; then
    timeout 120 "$faultline" -display ansi --speed max --max-instructions 400000000 >out 2>err < <(sleep 100)
    [ $? = 124 ] && grep -q 'SeaBIOS (version' out
    verdict $? "SeaBIOS on the screen"
fi

# Recorded and replayed: the same words, the same screen.
rom=picture.rom
typed 'hello' --record-input rec --screenshot c.png
mv said said.recorded
run -rom picture.rom -display none -debugcon file:said --replay-input rec --screenshot d.png </dev/null
verdict $? "a replay: $(cat err)"
cmp said.recorded said && cmp c.png d.png && ! cmp -s a.png c.png
verdict $? "a replay says and shows the same"

# Serial input from a pipe, which comes whenever it comes.
demo() { timeout 120 "$faultline" demo -display none "$@" >out 2>err; }
(sleep 1; printf 'abc') | demo --record-input rec2 --trace-faults f1.jsonl --ram-hash
cp out out.recorded
cp err err.recorded
demo --replay-input rec2 --trace-faults f2.jsonl --ram-hash </dev/null
verdict $? "a replay of the demonstration: $(head -c 200 err)"
cmp out.recorded out && cmp f1.jsonl f2.jsonl && [ -s f1.jsonl ]
verdict $? "its output and trace are the same"
grep -q '^faultline: RAM hash [0-9a-f]\{16\}$' err && [ "$(grep hash err)" = "$(grep hash err.recorded)" ]
verdict $? "its memory is the same: $(grep hash err)"
demo --max-instructions 1000000 --ram-hash </dev/null
[ "$(grep -c 'RAM hash' err)" = 1 ] && [ "$(grep hash err)" != "$(grep hash err.recorded)" ]
verdict $? "another end has another memory: $(grep hash err)"

# A session in a terminal: a real one (a pty), slowly typed at, with keys of several bytes; and its replay, without any.
if command -v script >/dev/null; then
    rom=text.rom
    (sleep 2; printf 'x'; sleep 0.3; printf '\033[B'; sleep 0.3; printf '\033[15~Q\t'; sleep 0.5; printf '\001x') |
        timeout 120 script -qec "stty cols 80 rows 25; '$faultline' -m 2 -serial none -rom text.rom -display ansi --record-input rec3 --screenshot e.png --ram-hash --trace-faults e.jsonl -debugcon file:said" /dev/null >out
    tr '\r' '\n' <out | grep -a '^.*faultline: RAM hash' | sed 's/.*RAM hash/RAM hash/' >hash
    [ -s hash ] && [ "$(tr '\n' ' ' <said)" = "ready k2d kad ke0 k50 ke0 kd0 k3f kbf k2a k10 k90 kaa k0f k8f " ]
    verdict $? "a session at a terminal: $(tr '\n' ' ' <said) $(cat hash)"
    mv said said.recorded
    run -rom text.rom -display none -debugcon file:said --replay-input rec3 --screenshot f.png --ram-hash --trace-faults f.jsonl </dev/null
    verdict $? "its replay: $(cat err)"
    cmp said.recorded said && cmp e.png f.png && cmp e.jsonl f.jsonl && [ "$(sed -n 's/.*RAM hash/RAM hash/p' err)" = "$(cat hash)" ]
    verdict $? "it says and shows the same, with the same memory"
fi

# Damaged and foreign recordings.
refused() { # what, text
    run -rom picture.rom -display none --replay-input bad </dev/null
    [ $? = 2 ] && [ "$(wc -l <err)" = 1 ] && grep -q "$2" err
    verdict $? "$1"
}
sed '4s/ up$/ down/;t;4s/ down$/ up/' rec >bad
! cmp -s rec bad || exit 2
refused "a changed line" 'check sum'
sed -E '$s/^([0-9]+ [0-9]+) end/\10 end/' rec >bad # ten times the time
! cmp -s rec bad || exit 2
refused "a changed end" 'check sum'
awk '$3 == "end" { $4 = "0" substr($4, 2) } { print }' rec >bad
cmp -s rec bad || refused "a changed sum" 'check sum'
awk '$3 == "end" { $4 = toupper($4) } { print }' rec >bad
cmp -s rec bad || refused "a sum written otherwise" 'check sum'
sed '$d' rec >bad
refused "no end" 'cut off'
head -c 200 rec >bad
refused "cut short" 'cut off'
sed 's/^options .*/options 0123456789abcdef listening 1/' rec >bad
refused "other options" 'other options'
echo x >bad
refused "not a recording" 'not a recording'
sed '1s/2/1/' rec >bad
refused "another version" "another version's format"
printf 'faultline-input 2\0' >bad
refused "with a NUL" 'not a recording'
sed '3s/.*/1 0 key a down/' rec >bad
refused "an impossible moment" 'more instructions'
sed '3s/key .*/key nonsense down/' rec >bad
refused "an unknown key" 'not an event'
(cat rec; echo "9 9 reset") >bad
refused "more after the end" 'after its end'
rm bad
refused "no file" 'No such file'
timeout 60 "$faultline" -m 3 -serial none -rom picture.rom -display none --replay-input rec >out 2>err </dev/null
[ $? = 2 ] && grep -q 'other options' err
verdict $? "a recording of another machine"
for ((i = 0; i < 60; i++)); do # a byte anywhere
    at=$((RANDOM % $(wc -c <rec)))
    cp rec bad
    printf "\\x$(printf %x $((RANDOM % 255 + 1)))" | dd of=bad bs=1 seek=$at conv=notrunc 2>/dev/null
    cmp -s rec bad && continue
    run -rom picture.rom -display none --replay-input bad </dev/null
    [ $? = 2 ] && [ "$(wc -l <err)" = 1 ]
    verdict $? "byte $at changed: $(diff rec bad)"
done
echo "$passed passed, $failed failed"
[ $failed = 0 ]

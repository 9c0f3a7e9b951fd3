#!/bin/bash
# SPDX-License-Identifier: MIT
# -script: waits, keystrokes and pictures at moments of guest time, what a script that does not work out says, and files that are none.
# usage: script.sh FAULTLINE
set -u
faultline=$(realpath "${1:?usage: script.sh FAULTLINE}") || exit 2
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
run() { timeout 120 "$faultline" -m 2 -serial none -rom "${rom:-text.rom}" -display none "$@" >out 2>err </dev/null; }
steps() { printf "$1" >script; }

# The guest writes each byte of the keyboard as two digits on the screen, and tells port E9h.
steps '# a comment\n\ntype aA\nwait 1e9e2a1e9eaa\nkey ctrl-c\nwait 1d2eae9d\nscreenshot a.txt\nscreenshot a.png\nsleep 500\nend\n'
run -debugcon file:said -script script --record-input rec --stats
verdict $? "typed, waited, looked: $?"
[ "$(tr '\n' ' ' <said)" = "ready k1e k9e k2a k1e k9e kaa k1d k2e kae k9d " ]
verdict $? "what was typed: $(tr '\n' ' ' <said)"
grep -q '^1e9e2a1e9eaa1d2eae9d$' a.txt && [ "$(wc -l <a.txt)" = 25 ]
verdict $? "the screen as text: $(head -n 3 a.txt)"
[ "$(od -An -tx1 -j1 -N3 a.png)" = ' 50 4e 47' ]
verdict $? "the screen as a picture"
mv said said.1 && grep -o 'guest time.*' err >time.1
run -debugcon file:said -script script --stats
cmp said said.1 && [ "$(grep -o 'guest time.*' err)" = "$(cat time.1)" ]
verdict $? "the same again, to the nanosecond: $(cat time.1), $(grep -o 'guest time.*' err)"
rm -f said
run -debugcon file:said --replay-input rec
verdict $? "what a script typed, recorded and replayed: $?"
cmp said said.1
verdict $? "the replay says the same"
run -debugcon file:said --screenshot b.txt --max-instructions 1000000
[ "$(wc -l <b.txt)" = 25 ]
verdict $? "--screenshot FILE.txt"

# What does not work out is an expectation not met.
unmet() { # what, its line
    run -script script
    status=$?
    [ $status = 126 ] && [ "$(grep -c '^faultline: script: line' err)" = 1 ] && grep -qF "$2" err
    verdict $? "$1: $status"
}
steps 'timeout 3\nwait nothing of the kind\ntype x\n'
unmet "a text that does not come" 'line 2: nothing of the kind: not seen on the screen in time'
steps 'screenshot /nonexistent/a.png\n'
unmet "a picture that cannot be written" 'line 1: /nonexistent/a.png: No such file'
rom=picture.rom
steps 'timeout 1\nwait x\n'
unmet "text in a graphics mode" 'line 2: x: not seen'
steps 'sleep 10\nscreenshot a.txt\n'
unmet "the text of a graphics mode" 'line 2: a.txt: the screen shows no text'
rom=text.rom
steps 'wait nothing of the kind\nend\n'
run -script script --max-instructions 20000
[ $? = 126 ] && grep -q 'line 1: nothing of the kind: not done when the run ended' err
verdict $? "a run that ends before its script"

# No scripts.
refused() { # what, text
    run -script script
    status=$?
    [ $status = 2 ] && [ "$(wc -l <err)" = 1 ] && grep -qF "$2" err
    verdict $? "$1: $status: $(head -c 200 err)"
}
for line in 'sleep' 'sleep x' 'sleep -1' 'sleep 1000000000' 'key' 'key nonsense' 'key a-b-c-d-e-f-g-h-i' 'key -' 'type' 'wait' 'type \303\244' \
    'screenshot a.gif' 'screenshot .png' 'timeout 1s' 'end now' 'ends' 'nothing' ' wait x'; do
    steps "type x\n$line\n"
    refused "'$line'" 'script: line 2: '
done
printf 'wait x\0y\n' >script
refused "with a NUL" 'not a script'
head -c 2000000 /dev/zero | tr '\0' '\n' >script
refused "too large" 'not a script'
rm script
refused "no file" 'No such file'
mkdir script
refused "a directory" 'Is a directory'
rmdir script
: >script
run -script script --max-instructions 100000
[ $? = 118 ] || [ $? = 124 ]
verdict $? "an empty script"
run -script script --replay-input rec
[ $? = 2 ] && grep -q 'a recording is replayed as well' err
verdict $? "a script beside a replay"
run -script script -vga none
[ $? = 2 ] && grep -q 'a screen is asked for' err
verdict $? "a script without a screen"
echo "$passed passed, $failed failed"
[ $failed = 0 ]

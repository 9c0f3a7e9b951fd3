#!/bin/bash
# SPDX-License-Identifier: MIT
# Keyboard and mouse in a real window under Xvfb, driven by xdotool; what they did is recorded, and replayed without any window.
# usage: window.sh FAULTLINE
set -u
faultline=$(realpath "${1:?usage: window.sh FAULTLINE}") || exit 2
support=$(realpath "$(dirname "$0")/../support")
for tool in Xvfb xdotool; do
    command -v $tool >/dev/null || { echo "no $tool here"; echo "0 passed, 0 failed, 1 skipped"; exit 0; }
done
dir=$(mktemp -d)
xvfb= run=
cleanup() {
    [ -n "$run" ] && kill "$run" 2>/dev/null
    [ -n "$xvfb" ] && kill "$xvfb" 2>/dev/null
    wait 2>/dev/null
    rm -rf "$dir"
}
trap cleanup EXIT
cd "$dir" || exit 2
passed=0 failed=0
verdict() { # status, what
    if [ "$1" = 0 ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED: $2"
        tail -n 5 log err 2>/dev/null
    fi
}
# Until a command succeeds, for at most 60 seconds.
await() {
    for ((i = 0; i < 300; i++)); do
        "$@" && return 0
        sleep 0.2
    done
    return 1
}
# The log from line `mark` on, as one line of words, holds these words.
said() { tail -n +$((mark + 1)) log | tr '\n' ' ' | grep -q "$1"; }
title() { xdotool search --name '^Faultline' getwindowname 2>/dev/null | grep -q "$1"; }

"$support/screen_guest.sh" guest.rom || exit 2
mkfifo number
Xvfb -displayfd 3 -screen 0 1024x768x24 3>number >/dev/null 2>&1 &
xvfb=$!
read -r -t 60 number <number || { echo "Xvfb does not start"; echo "0 passed, 0 failed, 1 skipped"; exit 0; }
export DISPLAY=:$number
# The leak check would look into the X libraries too.
export ASAN_OPTIONS=detect_leaks=0
mkfifo pipe
cat pipe >log &
"$faultline" -rom guest.rom -m 2 -display sdl -debugcon stdio --record-input recording --screenshot window.png >pipe 2>err &
run=$!
mark=0
await said ready
verdict $? "the guest starts"
await title 'Ctrl-Alt-G gives'
verdict $? "the title says how to give the mouse"
window=$(xdotool search --name '^Faultline' | head -n 1)
xdotool mousemove --window "$window" 300 200
xdotool windowfocus "$window"
mark=$(wc -l <log)
xdotool key a
await said 'k1e k9e'
verdict $? "a key"
mark=$(wc -l <log)
xdotool key Up
await said 'ke0 k48 ke0 kc8'
verdict $? "an extended key"
mark=$(wc -l <log)
xdotool keydown Shift_L key b keyup Shift_L
await said 'k2a k30 kb0 kaa'
verdict $? "a key with shift"
mark=$(wc -l <log)
xdotool mousemove_relative 20 0
sleep 1
! said m
verdict $? "a mouse that is not the guest's"
xdotool click 1
await title 'Ctrl-Alt-G releases'
verdict $? "a click gives the mouse, and the title says how to get it back"
xdotool mousemove_relative 20 10
await said 'm[0-9a-f]8 m'
verdict $? "the mouse moves"
mark=$(wc -l <log)
xdotool click 3
await said 'm0a m00 m00'
verdict $? "the right button"
xdotool key ctrl+alt+g
await title 'Ctrl-Alt-G gives'
verdict $? "the mouse comes back"
xdotool key F12
sleep 1
xdotool key F12
kill -0 $run
verdict $? "the overlay comes and goes"
xdotool key ctrl+alt+p
await title PAUSED
verdict $? "pause"
xdotool key ctrl+alt+p
before=$(awk '{print $14 + $15}' /proc/$run/stat)
sleep 4
used=$(($(awk '{print $14 + $15}' /proc/$run/stat) - before))
[ $used -lt $(($(getconf CLK_TCK) * 4 / 3)) ]
verdict $? "a sleeping guest lets the host sleep: $used ticks in 4 s"
mark=$(wc -l <log)
xdotool key ctrl+alt+r
await said ready
verdict $? "the reset button"
xdotool windowfocus "$window"
mark=$(wc -l <log)
xdotool key 7
await said 'k08 k88'
verdict $? "a key after the reset"
xdotool key ctrl+alt+s
await test -s faultline-1.png
verdict $? "a screenshot by key"
xdotool key ctrl+alt+q
await eval '! kill -0 $run 2>/dev/null'
verdict $? "the window closes"
wait $run
verdict $? "exit status $?"
run=
wait -n 2>/dev/null

# The same again, from the recording, without a window.
unset DISPLAY
timeout 300 "$faultline" -rom guest.rom -m 2 -display none -debugcon stdio --replay-input recording --screenshot replay.png >replay.log 2>replay.err </dev/null
verdict $? "the replay ends well: $(head -c 200 replay.err)"
cmp log replay.log
verdict $? "the replayed guest says the same"
cmp window.png replay.png
verdict $? "... and shows the same"
echo "$passed passed, $failed failed"
[ $failed = 0 ]

#!/bin/bash
# SPDX-License-Identifier: MIT
# Keyboard and mouse in a real window under Xvfb, driven by xdotool; what they did is recorded, and replayed without any window.
# usage: window.sh FAULTLINE
set -u
faultline=$(realpath "${1:?usage: window.sh FAULTLINE}") || exit 2
support=$(realpath "$(dirname "$0")/../support")
. "$support/xvfb.sh"

"$support/screen_guest.sh" guest.rom || exit 2
mkfifo pipe
cat pipe >log &
"$faultline" -rom guest.rom -m 2 -display sdl -debugcon stdio --record-input recording --screenshot window.png --ram-hash --trace-faults window.jsonl >pipe 2>err &
run=$!
await said ready
verdict $? "the guest starts"
await title 'Ctrl-Alt-G gives'
verdict $? "the title says how to give the mouse"
find_window
xdotool windowmove "$window" 0 0
sleep 1
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
mark=$(wc -l <log)
xdotool key ctrl+alt+g
await title 'Ctrl-Alt-G gives' && await said 'kb8'
verdict $? "the mouse comes back"
# Does the window show that?
seen() { ./x11_tool picture "$window" seen.png && cmp -s seen.png "$1"; }
# The guest paints its screen in the colour of the last key: until it has.
rests() { ./x11_tool picture "$window" plain.png && sleep 1 && seen plain.png; }
await rests
xdotool key F12
await eval '! seen plain.png'
verdict $? "the overlay comes"
xdotool key F12
await seen plain.png
verdict $? "... and goes"
xdotool key ctrl+alt+h
await eval '! seen plain.png'
verdict $? "the list of keys comes"
xdotool key ctrl+alt+h
await seen plain.png
verdict $? "... and goes"
geometry() { xdotool getwindowgeometry "$window" | sed -n 's/ *Geometry: //p'; }
is() { [ "$(geometry)" = "$1" ]; }
is 640x400
verdict $? "the window is as large as the picture: $(geometry)"
xdotool key ctrl+alt+f
await is 1280x1024
verdict $? "full screen: $(geometry)"
mark=$(wc -l <log)
xdotool key b
await said 'k30 kb0'
verdict $? "a key in full screen"
xdotool key ctrl+alt+f
await is 640x400
verdict $? "full screen is left: $(geometry)"
# Twice as large, each pixel is four; smaller than the picture, it is all there all the same.
xdotool windowmove "$window" 0 0 windowsize "$window" 1280 800
await is 1280x800 && await eval './x11_tool picture "$window" large.png; ./x11_tool halved large.png plain.png'
verdict $? "twice as large: $(geometry)"
xdotool windowsize "$window" 320 200
await is 320x200 && await eval './x11_tool picture "$window" small.png; ./x11_tool halved plain.png small.png'
verdict $? "half as large: $(geometry)"
xdotool windowsize "$window" 640 400
await is 640x400
mark=$(wc -l <log)
./x11_tool clipboard 'aB-1' >owned &
clipboard=$!
await test -s owned
xdotool key ctrl+alt+v
await said 'k1e k9e k2a k30 kb0 kaa k0c k8c k02 k82'
verdict $? "paste: $(tail -n +$((mark + 1)) log | tr '\n' ' ')"
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
kill $clipboard
clipboard=

# The same again, from the recording, without a window.
unset DISPLAY
timeout 300 "$faultline" -rom guest.rom -m 2 -display none -debugcon stdio --replay-input recording --screenshot replay.png --ram-hash --trace-faults replay.jsonl >replay.log 2>replay.err </dev/null
verdict $? "the replay ends well: $(head -c 200 replay.err)"
cmp log replay.log
verdict $? "the replayed guest says the same"
cmp window.png replay.png
verdict $? "... and shows the same"
cmp window.jsonl replay.jsonl && grep -q 'RAM hash' err && [ "$(grep 'RAM hash' err)" = "$(grep 'RAM hash' replay.err)" ]
verdict $? "... with the same memory and faults: $(grep 'RAM hash' err replay.err)"
echo "$passed passed, $failed failed"
[ $failed = 0 ]

# SPDX-License-Identifier: MIT
# For scripts that drive a real window: source it after `faultline` and `support` are set. It makes a directory of its own and goes there, starts an X server
# without a screen (DISPLAY), builds x11_tool there, and leaves with "skipped" where that cannot be. $run is the run that ends with the script.
for tool in Xvfb xdotool cwm; do
    command -v $tool >/dev/null || { echo "no $tool here"; echo "0 passed, 0 failed, 1 skipped"; exit 0; }
done
dir=$(mktemp -d)
xvfb= run= clipboard= manager=
cleanup() {
    for pid in $run $clipboard $manager $xvfb; do kill "$pid" 2>/dev/null; done
    wait 2>/dev/null
    rm -rf "$dir"
}
trap cleanup EXIT
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
    for ((i = 0; i < ${patience:-300}; i++)); do
        "$@" && return 0
        sleep 0.2
    done
    return 1
}
# The log from line `mark` on, as one line of words, holds these words.
mark=0
said() { tail -n +$((mark + 1)) log | tr '\n' ' ' | grep -q "$1"; }
title() { xdotool search --name '^Faultline' getwindowname 2>/dev/null | grep -q "$1"; }
find_window() { window=$(xdotool search --name '^Faultline' | head -n 1); [ -n "$window" ]; }

cc -O1 -o "$dir/x11_tool" "$support/../cli/x11_tool.c" -lX11 -lpng || { echo "x11_tool cannot be built"; exit 2; }
cd "$dir" || exit 2
mkfifo number
Xvfb -displayfd 3 -screen 0 1280x1024x24 3>number >/dev/null 2>&1 &
xvfb=$!
read -r -t 60 number <number || { echo "Xvfb does not start"; echo "0 passed, 0 failed, 1 skipped"; exit 0; }
export DISPLAY=:$number
# A window manager that takes no keys: full screen is its doing.
printf 'unbind-key all\nunbind-mouse all\nborderwidth 0\n' >cwmrc
cwm -c cwmrc >/dev/null 2>&1 &
manager=$!
# The leak check would look into the X libraries too.
export ASAN_OPTIONS=detect_leaks=0

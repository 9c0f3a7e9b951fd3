#!/bin/bash
# SPDX-License-Identifier: MIT
# The manual page has every option and key that --help has, and is good roff.
# usage: man.sh FAULTLINE
set -u
faultline=$(realpath "${1:?usage: man.sh FAULTLINE}") || exit 2
cd "$(dirname "$0")/../.." || exit 2
page=$(mktemp)
trap 'rm -f "$page"' EXIT
passed=0 failed=0
verdict() { # status, what
    if [ "$1" = 0 ]; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "FAILED: $2"; fi
}
awk -f frontend/man.awk frontend/options.def frontend/bindings.def frontend/monitor.def >"$page"
plain=$(sed 's/\\-/-/g; s/\\fB//g; s/\\fI//g; s/\\fR//g' "$page")
help=$("$faultline" --help)
names=$(echo "$help" | grep -oE '^ +-[a-zA-Z-]+|^  (-[a-zA-Z-]+ ?)+$' | tr ' ' '\n' | grep -- - | sort -u)
[ "$(echo "$names" | wc -l)" -gt 40 ]
verdict $? "--help lists options"
for name in $names; do
    echo "$plain" | grep -qE -- "^$name( |\$)"
    verdict $? "$name is not in the manual page"
done
# The keys: those of the table are in both, and those that the window and the terminal look for are those of the table.
keys=$(sed -n 's/^BINDING("[^"]*", "\([^"]*\)".*/\1/p' frontend/bindings.def)
[ "$(echo "$keys" | wc -l)" -ge 15 ]
verdict $? "bindings.def lists keys"
while read -r key; do
    echo "$help" | grep -qF "  $key " && echo "$plain" | grep -qxF ".B $key"
    verdict $? "the key $key is not in --help and the manual page"
done <<<"$keys"
named() { echo "$keys" | sed -n "s/^$1//p" | sort; }
handled=$(sed -n '/^static bool command/,/^}/s/.*case SDL_SCANCODE_\([A-Z0-9]*\):.*/\1/p' frontend/window.c | grep -vx F12 | sort)
[ -n "$handled" ] && [ "$handled" = "$(named Ctrl-Alt-)" ]
verdict $? "the window's keys: $handled; the table's: $(named Ctrl-Alt-)"
handled=$(sed -n "/^static void command/,/^}/s/.*case '\(.\)':.*/\1/p" frontend/ansi.c | sort)
listed=$(sed -n 's/^BINDING("In a terminal", "^A \([a-z]\)", .*-display ansi.*/\1/p' frontend/bindings.def | sort)
[ -n "$handled" ] && [ "$handled" = "$listed" ]
verdict $? "the keys of -display ansi: $handled; the table's: $listed"
# The monitor's commands are those that its help lists.
commands=$(printf 'help\nquit\n' | "$faultline" demo -S -monitor stdio -display none -serial none | sed -n 's/^\(info [a-z]*\|[a-z_]*\) .*/\1/p' | grep -vx 'command\|Commands')
[ "$(echo "$commands" | wc -l)" -gt 40 ]
verdict $? "help lists commands"
while read -r command; do
    echo "$plain" | grep -qE "^$command( |\$)"
    verdict $? "the monitor's $command is not in the manual page"
done <<<"$commands"
if command -v groff >/dev/null; then
    [ -z "$(groff -man -Tutf8 -ww "$page" 2>&1 >/dev/null)" ]
    verdict $? "groff warns: $(groff -man -Tutf8 -ww "$page" 2>&1 >/dev/null | head -n 3)"
fi
echo "$passed passed, $failed failed"
[ $failed = 0 ]

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
awk -f frontend/man.awk frontend/options.def frontend/bindings.def >"$page"
plain=$(sed 's/\\-/-/g; s/\\fB//g; s/\\fI//g; s/\\fR//g' "$page")
help=$("$faultline" --help)
names=$(echo "$help" | grep -oE '^ +-[a-zA-Z-]+|^  (-[a-zA-Z-]+ ?)+$' | tr ' ' '\n' | grep -- - | sort -u)
[ "$(echo "$names" | wc -l)" -gt 40 ]
verdict $? "--help lists options"
for name in $names; do
    echo "$plain" | grep -qE -- "^$name( |\$)"
    verdict $? "$name is not in the manual page"
done
for key in Ctrl-Alt-G F12 '\^A x'; do
    echo "$help" | grep -q "^  $key " && echo "$plain" | grep -q "^.B $key$"
    verdict $? "the key $key"
done
if command -v groff >/dev/null; then
    [ -z "$(groff -man -Tutf8 -ww "$page" 2>&1 >/dev/null)" ]
    verdict $? "groff warns: $(groff -man -Tutf8 -ww "$page" 2>&1 >/dev/null | head -n 3)"
fi
echo "$passed passed, $failed failed"
[ $failed = 0 ]

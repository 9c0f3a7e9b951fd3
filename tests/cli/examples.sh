#!/bin/bash
# SPDX-License-Identifier: MIT
# The worked examples, docs/example-*.md: each command they show is run, and what they quote must be what it says.
# A quoted line may leave out text by "..."; a line "..." stands for any lines. Otherwise all is compared, in order, what the guest says before
# what Faultline says; but addresses of code and counts of instructions may differ, since they are the compiler's.
# usage: examples.sh FAULTLINE
set -u
faultline=$(realpath "${1:?usage: examples.sh FAULTLINE}") || exit 2
cd "$(dirname "$0")/../.." || exit 2
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
passed=0 failed=0

normal() { # code lies in 0x100000..0x100fff; the bytes of instructions in `disas`
    sed -E -e 's/\b(0x|00)?100[0-9a-f]{3}\b/CODE/g' -e 's/\+0x[0-9a-f]+/+N/g' \
        -e 's/instruction [0-9,]+/instruction N/g' -e 's/in [0-9]+ instructions/in N instructions/g' \
        -e 's/[0-9,]+ (times more|page faults came)/N \1/' -e 's/[0-9]+ loop/N loop/' -e 's/^not-present +[0-9]+ +[0-9]+/not-present N N/' \
        -e 's/CODE  [0-9a-f]+ +/CODE  /' -e 's/ +/ /g'
}
# said WANTED FILE: does the file say it?
said() {
    awk 'function fits(line, want,    n, part, i, at) {
             n = split(want, part, /\.\.\./)
             if (substr(line, 1, length(part[1])) != part[1])
                 return 0
             line = substr(line, length(part[1]) + 1)
             for (i = 2; i <= n; i++) {
                 if (i == n)
                     return length(line) >= length(part[i]) && substr(line, length(line) - length(part[i]) + 1) == part[i]
                 at = index(line, part[i])
                 if (!at)
                     return 0
                 line = substr(line, at + length(part[i]))
             }
             return line == ""
         }
         NR == FNR { want[++wanted] = $0; next }
         { got[++lines] = $0 }
         END {
             at = 1
             for (i = 1; i <= wanted; i++) {
                 if (want[i] == "...") {
                     any = 1
                     continue
                 }
                 while (any && at <= lines && !fits(got[at], want[i]))
                     at++
                 if (at > lines || !fits(got[at], want[i])) {
                     print "not said: " want[i]
                     print "but: " got[at]
                     exit 1
                 }
                 at++
                 any = 0
             }
             if (!any && at <= lines) {
                 print "not quoted: " got[at]
                 exit 1
             }
         }' "$1" "$2"
}
status=0
one() { # document, command, file of what it says there
    local command=${2//build\/examples/$dir}
    [ "$command" = make ] && return
    command=${command//build\/faultline/$faultline}
    (exit $status)
    eval "$command" >"$dir/out" 2>"$dir/err" </dev/null
    status=$?
    if [ "$2" != 'echo $?' ] && [ $status -gt 126 ]; then
        failed=$((failed + 1))
        echo "FAILED: $1: $2: status $status"
        return
    fi
    cat "$dir/out" "$dir/err" | normal >"$dir/got"
    normal <"$3" >"$dir/want"
    if said "$dir/want" "$dir/got" >"$dir/why"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED: $1: $2"
        cat "$dir/why"
    fi
}
document() {
    local command= line text continued=
    : >"$dir/quoted"
    while IFS= read -r line; do
        text=${line#    }
        if [ "$text" != "$line" ] && [ "${text#\$ }" != "$text" ]; then
            [ -n "$command" ] && one "$1" "$command" "$dir/quoted"
            command=${text#\$ }
            : >"$dir/quoted"
        elif [ "$text" != "$line" ] && [ -n "$continued" ]; then
            command="${command%\\}$text"
        elif [ "$text" != "$line" ] && [ -n "$command" ]; then
            printf '%s\n' "$text" >>"$dir/quoted"
        elif [ -n "$command" ]; then
            one "$1" "$command" "$dir/quoted"
            command=
        fi
        continued=
        [ -n "$command" ] && [ "${text%\\}" != "$text" ] && continued=yes
    done <"$1"
    [ -n "$command" ] && one "$1" "$command" "$dir/quoted"
}
for text in docs/example-*.md; do
    before=$passed
    document "$text"
    if [ $((passed - before)) -lt 8 ]; then
        failed=$((failed + 1))
        echo "FAILED: $text: only $((passed - before)) commands"
    fi
done
echo "$passed passed, $failed failed"
[ $failed = 0 ]

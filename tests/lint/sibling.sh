#!/bin/bash
# SPDX-License-Identifier: MIT
# In the release build handlers end in a jump to the next op's handler. A compiler that makes a call of it lets the
# host's stack grow with every guest instruction: gcc does so, silently, in a handler that passes on the address of a
# local. So: disassemble every handler and look for indirect calls. Allowed are those of op_irregular*, by their number:
# op->exec, and in op_irregular_told the observer's.
#   sibling.sh DIRECTORY    the release build's, with cpu/*.o
set -u
cd "$(dirname "$0")/../.." || exit 2
dir=${1:-build/release}
if ! ls "$dir"/cpu/exec_*.o >/dev/null 2>&1; then
    echo "# no objects in $dir/cpu"
    echo "0 passed, 1 failed"
    exit 1
fi
result=$(mktemp)
trap 'rm -f "$result"' EXIT

# A handler is what has the shape `const struct op *name(struct cpu *, const struct op *)` in the debug information,
# whatever it is called: two parameters, and the type of the second is the type returned.
handlers_of() {
    objdump --dwarf=info "$1" 2>/dev/null | awk '
        function flush() {
            if (inside && parameters == 2 && type != "" && type == second && !inlined)
                print name
            name = type = first = second = ""
            parameters = inlined = inside = 0
        }
        /Abbrev Number:/ {
            match($0, /<[0-9a-f]+><[0-9a-f]+>/)
            split(substr($0, RSTART, RLENGTH), part, /[<>]+/)
            depth = part[2]
            if (inside && depth <= level)
                flush()
            tag = $0
            sub(/.*\(/, "", tag)
            sub(/\).*/, "", tag)
            target = ""
            if (tag == "DW_TAG_subprogram") {
                flush()
                inside = 1
                level = depth
                target = "function"
            } else if (inside && tag == "DW_TAG_formal_parameter" && depth == level + 1) {
                parameters++
                target = "parameter"
            }
            next
        }
        target == "function" && /DW_AT_name/ { name = $NF }
        target == "function" && /DW_AT_type/ { type = $NF }
        target == "function" && /DW_AT_inline/ { inlined = 1 }
        target == "parameter" && /DW_AT_type/ { if (parameters == 2) second = $NF }
        END { flush() }' | sort -u
}

for object in "$dir"/cpu/*.o; do
    objdump -d --no-show-raw-insn "$object" | awk -v names="$(handlers_of "$object")" -v object="$(basename "$object")" '
        BEGIN { n = split(names, list, /[ \n]+/); for (i = 1; i <= n; i++) handler[list[i]] = 1 }
        /^[0-9a-f]+ <.*>:$/ {
            name = $2
            gsub(/[<>:]/, "", name)
            base = name
            sub(/\.(cold|part|constprop|isra).*/, "", base) # what the compiler split off
            ours = base in handler
            if (ours)
                print "handler", object, name
            next
        }
        ours && /\tcall +\*/ { print "call", object, name }
        ours && /\tjmp +\*/ { print "jump", object, name }'
done >"$result"

awk '
    $1 == "handler" { handlers++ }
    $1 == "jump" { jumps[$2 " " $3] = 1 }
    $1 == "call" && $3 ~ /^op_irregular/ { irregular[$3]++; next }
    $1 == "call" && !bad[$2 " " $3]++ { failed++; print "indirect call in a handler: " $2 ", " $3 }
    END {
        for (name in irregular) {
            allowed = name ~ /_told/ ? 2 : 1
            if (irregular[name] > allowed) {
                failed++
                print name " makes " irregular[name] " indirect calls, not " allowed
            }
        }
        jumping = length(jumps)
        print "# " handlers + 0 " handlers disassembled, " jumping " dispatch by a jump"
        if (handlers < 1000 || jumping < 1000) {
            failed++
            print "fewer than there must be: the search has gone wrong"
        }
        print (handlers > failed ? handlers - failed : 0) " passed, " failed + 0 " failed"
        exit failed > 0
    }' "$result"

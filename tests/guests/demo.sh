#!/bin/sh
# SPDX-License-Identifier: MIT
# The embedded guest: it tells its story word for word (addresses aside, which are the compiler's), every fault is recorded with the outcome the
# story tells, and two runs are the same to the byte.
#   demo.sh FAULTLINE
faultline=$(realpath "$1")
cd "$(dirname "$0")" || exit 2
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
passed=0
failed=0
check() { # what, status
    if [ "$2" -eq 0 ]; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "FAILED: $1" >&2; fi
}
count() { grep -c "\"outcome\":\"$1\"" "$dir/1.jsonl"; }

for run in 1 2; do
    "$faultline" demo --explain --trace-faults "$dir/$run.jsonl" </dev/null >"$dir/$run.out" 2>"$dir/$run.err"
    check "exit status of run $run" $?
done
sed -E 's/0x[0-9a-f]+/0x#/g; s/[[:space:]]+$//' "$dir/1.out" | diff demo.expect - >&2
check "the story" $?
cmp -s "$dir/1.jsonl" "$dir/2.jsonl" && cmp -s "$dir/1.out" "$dir/2.out" && cmp -s "$dir/1.err" "$dir/2.err"
check "two runs alike" $?
for tlb in real hostile; do # whatever is cached, as long as the manual allows it, and whoever looks on
    "$faultline" demo --tlb $tlb -seed 7 --fail-on stale-tlb,lint,strict </dev/null >"$dir/$tlb.out" 2>"$dir/$tlb.err"
    check "exit status with --tlb $tlb" $?
    cmp -s "$dir/1.out" "$dir/$tlb.out"
    check "the same with --tlb $tlb" $?
    [ ! -s "$dir/$tlb.err" ]
    check "no finding with --tlb $tlb" $?
done
"$faultline" demo --who --who 0x400000 --explain </dev/null >"$dir/who.out" 2>"$dir/who.err"
check "exit status with --who" $?
cmp -s "$dir/1.out" "$dir/who.out"
check "the output comes once with --who" $?
! grep -q 'unknown' "$dir/who.err" && grep -q '^who 0x400000:$' "$dir/who.err" && grep -q 'PML4E at .*written' "$dir/who.err"
check "--who knows every writer" $?
"$faultline" demo --explain --symbols "$(dirname "$(realpath "$faultline")")/../demo.elf" </dev/null >"$dir/names.out" 2>"$dir/names.err"
grep -q '^#14 .*last written by 0x[0-9a-f]* copy_level+0x[0-9a-f]* at instruction' "$dir/names.err"
check "the writer of an entry has a name" $?
sleep 1 | "$faultline" demo --who >"$dir/pipe.out" 2>"$dir/pipe.err"
[ $? = 2 ] && grep -q 'does not come the same twice' "$dir/pipe.err"
check "--who refuses a pipe" $?
for outcome in mapped=11 copied=2 made-writable=2 fixup=1 delivered=1 switched=6; do
    [ "$(count "${outcome%=*}")" = "${outcome#*=}" ]
    check "outcome $outcome, not $(count "${outcome%=*}")" $?
done
[ "$(grep -c '^#' "$dir/1.err")" = 23 ]
check "23 explained lines" $?
# Instructions are the compiler's; what became of the faults is not.
table() { sed -n -E 's/^ +//; /^23 page faults/,/^no-execute/{s/ +/ /g; s/^([a-z-]+ [0-9]+) [0-9]+/\1/; p}' "$1"; }
[ -n "$(table "$dir/1.err")" ] && [ "$(table "$dir/1.err")" = "$(table ../../README.md)" ]
check "the table of outcomes, as README shows it" $?
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]

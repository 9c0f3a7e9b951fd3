#!/bin/bash
# SPDX-License-Identifier: MIT
# run.sh WORK [NUMBER..]: puts the bugs of mutations.txt (all, or those of these FAULTS numbers) one at a time into a copy of the tree in WORK,
# builds what changed and the one test named, and wants that test to fail. The tests must pass without any.
# Passed: the bug was noticed. Skipped: the changed text does not compile. The last line is the sum.
set -u
work=$1
shift
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
mkdir -p "$work/tree" && work=$(cd "$work" && pwd)
tree=$work/tree out=build/debug
# Only what differs, so that what an earlier run built serves again; a copy is newer than any object, whatever the times of the original.
(cd "$root" && find Makefile bios cpu devices frontend mmu tests -type f ! -path 'tests/fuzz/corpus/*') | while IFS= read -r f; do
    cmp -s "$root/$f" "$tree/$f" || { mkdir -p "$(dirname "$tree/$f")"; cp "$root/$f" "$tree/$f"; }
done
"$here/mutate.pl" list | awk -F'\t' -v wanted=" $* " 'wanted ~ /^ *$/ || index(wanted, " " $2 " ")' >"$work/list"
build() { make -C "$tree" --no-print-directory -s -j2 MODE=debug WERROR=0 "$@" >"$work/build.log" 2>&1; }
run() { (cd "$tree" && timeout 300 "$out/tests/${1%% *}" $([ "$1" = "${1%% *}" ] || echo "${1#* }")) >"$work/test.log" 2>&1; }
passed=0 failed=0 skipped=0

programs=$(cut -f4 "$work/list" | sed 's/ .*//' | sort -u)
build $(for p in $programs; do echo "$out/tests/$p"; done) || { cat "$work/build.log"; exit 2; }
while IFS= read -r test; do
    run "$test" || { echo "FAIL without any bug: $test"; tail -n 5 "$work/test.log"; failed=$((failed + 1)); }
done < <(cut -f4 "$work/list" | sort -u)
rm -rf "$work/good" && cp -a "$tree/$out" "$work/good"

while IFS=$'\t' read -r index number files test what; do
    for file in ${files//,/ }; do mkdir -p "$work/source/${file%/*}" && cp -p "$tree/$file" "$work/source/$file"; done
    touch "$work/marker"
    sleep 0.01
    if ! "$here/mutate.pl" apply "$tree" "$index" 2>"$work/why"; then
        echo "FAIL $number $what: no longer applies: $(cat "$work/why")"
        failed=$((failed + 1))
    elif ! build "$out/tests/${test%% *}"; then
        echo "skipped $number $what: does not compile: $(grep -m1 error "$work/build.log")"
        skipped=$((skipped + 1))
    elif run "$test"; then
        echo "FAIL $number $what: tests/$test did not notice"
        failed=$((failed + 1))
    else
        echo "ok $number $what: $(grep -m1 -iE 'not ok|:E:|:F:|mismatch|fail' "$work/test.log" | cut -c1-120)"
        passed=$((passed + 1))
    fi
    for file in ${files//,/ }; do cp -p "$work/source/$file" "$tree/$file"; done
    find "$tree/$out" -type f -newer "$work/marker" -printf '%P\n' | while IFS= read -r f; do cp -p "$work/good/$f" "$tree/$out/$f"; done
done <"$work/list"
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]

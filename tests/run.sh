#!/bin/bash
# SPDX-License-Identifier: MIT
# Runs each argument as a test (a program, or "script ARG.." in one word), two at a time, and adds up what their last lines say:
# "N passed, N failed[, N skipped]", or libcheck's "N%: Checks: N, Failures: N, Errors: N". A test that says neither counts by its exit status.
# Lines that begin with "## " are shown in any case: what a test has left out. The last line printed is the sum. Exit status 1 if anything failed.
set -u
jobs=${TEST_JOBS:-2}
unset DISPLAY WAYLAND_DISPLAY SDL_VIDEODRIVER # no windows but those that a test opens on a screen of its own
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
one() {
    n=$1 test=$2
    start=$(date +%s)
    $test >"$dir/$n.out" 2>&1 </dev/null
    status=$?
    line=$(tail -n 1 "$dir/$n.out")
    counts=$(echo "$line" | sed -nE \
        -e 's/^([A-Za-z0-9_-]+: )?([0-9]+) passed, ([0-9]+) failed(, ([0-9]+) skipped)?.*$/\2 \3 \5/p' \
        -e 's/^[0-9]+%: Checks: ([0-9]+), Failures: ([0-9]+), Errors: ([0-9]+)$/check \1 \2 \3/p')
    case $counts in
    check*) set -- $counts; failed=$(($3 + $4)); passed=$(($2 - failed)); skipped=0 ;;
    '') passed=$((status == 0)); failed=$((status != 0)); skipped=0 ;;
    *) set -- $counts; passed=$1; failed=$2; skipped=${3:-0} ;;
    esac
    [ $status -ne 0 ] && [ "$failed" -eq 0 ] && failed=1
    echo "$passed $failed $skipped" >"$dir/$n.sum"
    seconds=$(($(date +%s) - start))
    [ "$failed" -ne 0 ] && sed 's/^/    /' "$dir/$n.out" | tail -n 60
    [ "$failed" -eq 0 ] && sed -n 's/^## /    /p' "$dir/$n.out"
    printf '%-44s %8s passed %4s failed %4s skipped  %4ss\n' "$(echo "$test" | sed 's,[^ ]*/\(build\|tests\)/,,g')" "$passed" "$failed" "$skipped" "$seconds"
}
n=0
running=0
for test; do
    n=$((n + 1))
    one $n "$test" &
    running=$((running + 1))
    if [ $running -ge "$jobs" ]; then
        wait -n 2>/dev/null || wait
        running=$((running - 1))
    fi
done
wait
cat "$dir"/*.sum | awk '{p += $1; f += $2; s += $3} END {printf "%d passed, %d failed, %d skipped\n", p, f, s; exit f > 0 || p == 0}'

#!/bin/bash
# SPDX-License-Identifier: MIT
# run.sh DIR SECONDS NAME..: fuzz each target for that long, two at a time, from the committed corpus; what is found new is kept in DIR/corpus,
# findings and logs in DIR/findings. The last line is the sum; a finding is a failure.
set -u
dir=$1 seconds=$2
shift 2
here=$(dirname "$0")
mkdir -p "$dir/findings"
one() {
    name=$1
    mkdir -p "$dir/corpus/$name" "$here/corpus/$name"
    # Leaks: the processor lies in memory of its own mapping, which the leak checker does not search for pointers.
    nice -n 10 "$dir/tests/fuzz/fuzz_$name" -max_total_time="$seconds" -detect_leaks=0 -timeout=60 -rss_limit_mb=3000 -max_len=4096 -len_control=0 -print_final_stats=1 \
        -artifact_prefix="$dir/findings/$name-" "$dir/corpus/$name" "$here/corpus/$name" >"$dir/findings/$name.log" 2>&1
    status=$?
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$dir/findings/$name.log")
    echo "$name $status ${runs:-0}" >"$dir/findings/$name.sum"
    printf '%-10s %12s executions  %s\n' "$name" "${runs:-?}" "$([ $status = 0 ] && echo 'nothing found' || echo "FOUND, see $dir/findings/$name.log")"
}
running=0
for name; do
    one "$name" &
    running=$((running + 1))
    if [ $running -ge 2 ]; then
        wait -n
        running=$((running - 1))
    fi
done
wait
for name; do cat "$dir/findings/$name.sum"; done | awk '{ if ($2) f++; else p++ } END { printf "%d passed, %d failed\n", p, f; exit f > 0 }'

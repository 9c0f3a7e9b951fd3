#!/bin/bash
# SPDX-License-Identifier: MIT
# afl.sh DIR SECONDS NAME..: AFL++ on each target of DIR/tests/fuzz for that long, two at a time, from the committed corpus; queues, crashes and hangs
# stay in DIR/findings/NAME. The last line is the sum; a crash or a hang is a failure, and so is a target that ran nothing.
set -u
dir=$1 seconds=$2
shift 2
here=$(dirname "$0")
mkdir -p "$dir/findings"
# A fuzzer of one machine among other work: no terminal, no binding to a processor, no core pattern of the host's to be changed. Leaks as in run.sh.
export AFL_NO_UI=1 AFL_SKIP_CPUFREQ=1 AFL_NO_AFFINITY=1 AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1
export ASAN_OPTIONS=abort_on_error=1:symbolize=0:detect_leaks=0 UBSAN_OPTIONS=halt_on_error=1:abort_on_error=1:symbolize=0
one() {
    name=$1 out=$dir/findings/$1
    rm -rf "$out"
    # Memory is not limited: the sanitizer reserves address space by the terabyte.
    nice -n 10 afl-fuzz -V "$seconds" -m none -t 20000+ -G 4096 -i "$here/corpus/$name" -o "$out" -- "$dir/tests/fuzz/fuzz_$name" >"$out.log" 2>&1
    status=$?
    stat() { sed -n "s/^$1 *: *//p" "$out/default/fuzzer_stats" 2>/dev/null; }
    runs=$(stat execs_done) crashes=$(stat saved_crashes) hangs=0
    # AFL++ counts time by the clock, which on a busy machine says little: a hang is one that takes 20 seconds of the processor's.
    for input in "$out"/default/hangs/id*; do
        [ -e "$input" ] || continue
        (ulimit -t 20 && exec "$dir/tests/fuzz/fuzz_$name" "$input") >>"$out.log" 2>&1 || hangs=$((hangs + 1))
    done
    bad=1
    [ $status = 0 ] && [ "${runs:-0}" -gt 0 ] && [ "${crashes:-1}" = 0 ] && [ $hangs = 0 ] && bad=0
    echo "$name $bad" >"$out.sum"
    printf '%-10s %12s executions  %s\n' "$name" "${runs:-?}" \
        "$([ $bad = 0 ] && echo 'nothing found' || echo "FOUND: status $status, ${crashes:-?} crashes, $hangs hangs, see $out and $out.log")"
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

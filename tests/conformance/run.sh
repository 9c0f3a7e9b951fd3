#!/bin/sh
# SPDX-License-Identifier: MIT
# The conformance ROMs on Faultline, on a few processor models: run.sh FAULTLINE DIRECTORY. The ROMs are built in DIRECTORY.
set -u
faultline=${1:?usage: run.sh FAULTLINE DIRECTORY}
out=${2:?usage: run.sh FAULTLINE DIRECTORY}
"$(dirname "$0")/build.sh" "$out" || exit 1
passed=0 failed=0 skipped=0
for model in max 486 pentium3 core2 x86-64-v2; do
    "$faultline" test -m 32 -cpu $model --max-instructions 100000000 "$out"/*.rom >"$out/tap" 2>&1
    status=$?
    sed -n "/^not ok/,/^  \.\.\./s/^/$model: /p" "$out/tap"
    [ $status = 0 ] || [ $status = 126 ] || { cat "$out/tap"; failed=$((failed + 1)); }
    skipped=$((skipped + $(grep -c '^ok .*# SKIP' "$out/tap")))
    passed=$((passed + $(grep -c '^ok ' "$out/tap") - $(grep -c '^ok .*# SKIP' "$out/tap")))
    failed=$((failed + $(grep -c '^not ok ' "$out/tap")))
done
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]

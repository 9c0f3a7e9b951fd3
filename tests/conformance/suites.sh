#!/bin/bash
# SPDX-License-Identifier: MIT
# Public conformance suites, unmodified, fetched and built outside the checkout: suites.sh [-f NAME] FAULTLINE DIRECTORY
#
# kvm-unit-tests and test386.asm are cloned below DIRECTORY at the revisions named here (or found there: DIRECTORY/kvm-unit-tests/{x86_64,i386} and
# DIRECTORY/test386.asm), built, and each row of suites.txt is run, two at a time. Verdict of a row: at least its number of PASS lines, no FAIL, the
# exit status it should have. -f runs only the rows whose name contains NAME. The last line is "N passed, N failed, N skipped".
set -u
filter=
while getopts f: option; do
    case $option in
    f) filter=$OPTARG ;;
    *) exit 2 ;;
    esac
done
shift $((OPTIND - 1))
[ $# -eq 2 ] || { echo "usage: suites.sh [-f NAME] FAULTLINE DIRECTORY" >&2; exit 2; }
faultline=$(realpath "$1")
here=$(realpath "$(dirname "$0")")
mkdir -p "$2" && cd "$2" || exit 2
kut_url=https://gitlab.com/kvm-unit-tests/kvm-unit-tests.git kut_revision=1da1819e
test386_url=https://github.com/barotto/test386.asm.git test386_revision=cfd052d

# clone URL REVISION DIRECTORY
clone() {
    [ -d "$3" ] && return 0
    git clone -q "$1" "$3.new" && git -C "$3.new" checkout -q "$2" && mv "$3.new" "$3" || { echo "cannot fetch $1" >&2; exit 2; }
}

for arch in x86_64 i386; do
    tree=kvm-unit-tests/$arch
    [ -e $tree/x86/smap.flat ] && continue
    mkdir -p kvm-unit-tests
    clone $kut_url $kut_revision $tree
    (cd $tree && ./configure --arch=$arch && make -j2) >$arch.build.log 2>&1 || { echo "kvm-unit-tests do not build: see $PWD/$arch.build.log" >&2; exit 2; }
done
clone $test386_url $test386_revision test386.asm
# Its default configuration, and the same with the port that prints its arithmetic results (POST EE) set.
if [ ! -e test386-print.bin ]; then
    (cd test386.asm/src && nasm -i./ -f bin test386.asm -o ../../test386.bin &&
        sed 's/^OUT_PORT .*/OUT_PORT equ 0xE9/' configuration.asm >configuration.new && mkdir -p ../../print &&
        cp -r . ../../print/ && mv configuration.new ../../print/configuration.asm) >test386.build.log 2>&1 &&
        (cd print && nasm -i./ -f bin test386.asm -o ../test386-print.bin) >>test386.build.log 2>&1 ||
        { echo "test386.asm does not build: see $PWD/test386.build.log" >&2; exit 2; }
fi

printf 'NR_CPUS=1\nMEMSIZE=256\nTEST_DEVICE=1\n' >environment
printf 'NR_CPUS=1\nMEMSIZE=256\nTEST_DEVICE=0\n' >environment-real
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT

# one N ARCH NAME FILE CPU BUDGET PASSES ARGUMENTS..: a line of verdict, and "ok" or "bad"
one() {
    n=$1 arch=$2 name=$3 file=$4 cpu=$5 budget=$6 passes=$7
    shift 7
    output=$arch-$name.txt environment=environment
    # "real": the suite takes the machine for hardware, and ends by the shutdown port
    [ "${1:-}" = real ] && { environment=environment-real; shift; }
    start=$(date +%s)
    "$faultline" -m 256M -cpu "$cpu" -kernel "kvm-unit-tests/$arch/x86/$file.flat" -initrd $environment -append "$*" -nographic -no-reboot \
        -device isa-debug-exit,iobase=0xf4 -device pc-testdev --max-instructions "$budget" -stats </dev/null >"$output" 2>&1
    status=$?
    pass=$(grep -c '^PASS' "$output") fail=$(grep -c '^FAIL' "$output") skip=$(grep -c '^SKIP' "$output")
    verdict=bad
    [ $status -eq 1 ] && [ "$fail" -eq 0 ] && [ "$pass" -ge "$passes" ] && verdict=ok
    instructions=$(sed -n 's/.*faultline: \([0-9,]*\) instructions.*/\1/p' "$output")
    printf '%-6s %-7s %-24s %-34s exit %3s %5s passed %3s failed %2s skipped %18s instructions %4ss\n' $verdict "$arch" "$name" "$cpu" $status "$pass" \
        "$fail" "$skip" "$instructions" $(($(date +%s) - start)) >"$results/$n"
    [ "$skip" -gt 0 ] && sed -n 's/^SKIP/       SKIP/p' "$output" >>"$results/$n"
    [ $verdict = bad ] && { grep '^FAIL' "$output" | head -n 10; tail -n 2 "$output"; } | sed 's/^/       /' >>"$results/$n"
}

# test386 N CPU: POST FF in the default build, and what the printing build prints before it is the suite's reference
run_test386() {
    verdict=bad
    start=$(date +%s)
    "$faultline" -m 16M -cpu "$2" -rom test386.bin -expect-post 0xff -max-instructions 100000000 -serial none </dev/null >"test386-$2.txt" 2>&1
    status=$?
    "$faultline" -m 16M -cpu "$2" -rom test386-print.bin -expect-post 0xff -max-instructions 400000000 -serial none -debugcon file:"test386-$2.ee" \
        </dev/null >>"test386-$2.txt" 2>&1
    printing=$?
    tr -d '\r' <"test386-$2.ee" | cmp -s - <(tr -d '\r' <test386.asm/test386-EE-reference.txt) && same=identical || same=different
    [ $status -eq 0 ] && [ $printing -eq 0 ] && [ $same = identical ] && verdict=ok
    printf '%-6s %-7s %-24s %-34s exit %3s, and %3s printing; output %s %4ss\n' $verdict - test386 "$2" $status $printing $same $(($(date +%s) - start)) >"$results/$1"
}

n=100
while read -r arch name file cpu budget passes arguments; do
    case $arch in '' | \#*) continue ;; esac
    case $name in *"$filter"*) ;; *) continue ;; esac
    n=$((n + 1))
    while [ "$(jobs -rp | wc -l)" -ge 2 ]; do wait -n; done
    if [ "$arch" = test386 ]; then run_test386 $n "$cpu" & else one $n "$arch" "$name" "$file" "$cpu" "$budget" "$passes" $arguments & fi
done <"$here/suites.txt"
wait
cat "$results"/* 2>/dev/null
passed=$(cat "$results"/* | grep -c '^ok ') failed=$(cat "$results"/* | grep -c '^bad ') skipped=$(cat "$results"/* | grep -c '^ *SKIP')
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]

#!/bin/bash
# SPDX-License-Identifier: MIT
# Guests with one planted paging bug each, and their clean twins: run.sh FAULTLINE DIRECTORY [NAME ..]
# The first sentence of the report must name the planted cause; the twin's report must be empty. README.md says more.
set -u
faultline=$(realpath "${1:?usage: run.sh FAULTLINE DIRECTORY [NAME ..]}")
out=${2:?usage: run.sh FAULTLINE DIRECTORY [NAME ..]}
shift 2
here=$(dirname "$0")
mkdir -p "$out"
passed=0 failed=0

# The texts after "//! KEY: " in a guest's source.
read_keys() {
    mode='' options='' says='' twin=''
    while read -r mark key value; do
        [ "$mark" = '//!' ] || continue
        case $key in
        mode:) mode=$value ;;
        options:) options=$value ;;
        says:) says=$value ;;
        twin:) twin=$value ;;
        esac
    done <"$1"
}

build() { # source, PLANTED, rom: made anew if it is older than what it is made of
    [[ $3 -nt $1 && $3 -nt $here/planted.h && $3 -nt $here/planted.ld && $3 -nt $here/run.sh ]] && return
    width=32 format=elf_i386
    [ "$mode" -ge 57 ] && width=64 format=elf_x86_64
    gcc -m$width -c -Wa,--no-pad-sections -I"$here" -DMODE="$mode" -DPLANTED="$2" -o "$3.o" "$1" || return
    [[ $options != *ELF* ]] || # its names
        ld -m $format -nostdlib -static -e 0 --no-warn-rwx-segments -T "$here/planted.ld" -o "$3.elf" "$3.o" || return
    ld -m $format -nostdlib -static -e 0 --oformat=binary --no-warn-rwx-segments -T "$here/planted.ld" -o "$3" "$3.o"
}

# The lines that it says but those that match the pattern: explanations, findings and stories; not the table, the echo
# of the guest's end, or blank lines.
report() { # rom, text, pattern
    # shellcheck disable=SC2086 # options are several words
    "$faultline" -rom "$1" -m 16 --explain --max-instructions 2000000 -no-reboot -display none ${options//ELF/$1.elf} \
        </dev/null >/dev/null 2>"$2.all"
    status=$?
    while IFS= read -r line; do
        [[ $line =~ ^(#|check |faultline: triple fault: ) ]] || continue
        [[ $3 && $line =~ $3 ]] || echo "$line"
    done <"$2.all" >"$2"
}

# The first line of a text.
first() {
    sentence=''
    IFS= read -r sentence <"$1"
}

fail() {
    echo "FAILED: $1" >&2
    failed=$((failed + 1))
}

check_one() {
    name=${1##*/}
    name=${name%.S}
    read_keys "$1"
    for planted in 1 0; do
        rom=$out/$name.$planted.rom pattern=''
        if ! build "$1" $planted "$rom"; then
            fail "$name does not build"
            return
        fi
        [ $planted = 0 ] && pattern=$twin
        report "$rom" "$out/$name.$planted.txt" "$pattern"
    done
    first "$out/$name.1.txt"
    if [[ $sentence =~ $says ]]; then
        passed=$((passed + 1))
    else
        fail "$name: the first sentence is not '$says' but: $sentence"
    fi
    first "$out/$name.0.txt"
    if [ -n "$sentence" ]; then
        fail "$name: of the clean twin it says: $sentence"
    elif [ $status != 1 ]; then
        fail "$name: the clean twin does not come to its EXIT 0: status $status"
    else
        passed=$((passed + 1))
    fi
}

if [ $# = 0 ]; then # all, in batches side by side
    # shellcheck disable=SC2016 # $1 is awk's
    for source in "$here"/*.S; do source=${source##*/} && echo "${source%.S}"; done |
        xargs -P "$(nproc)" -n 8 bash "$0" "$faultline" "$out" |
        awk '{ passed += $1; failed += $3 } END { print passed + 0 " passed, " failed + 0 " failed"; exit failed > 0 || !passed }'
    exit
fi
for name; do check_one "$here/$name.S"; done
echo "$passed passed, $failed failed"
[ $failed = 0 ]

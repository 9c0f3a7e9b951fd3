#!/bin/sh
# SPDX-License-Identifier: MIT
# Boots the unmodified kernels of Debian 12 with traces, each twice, and checks that they get where they should, that every fault was recorded and
# decided, and that both traces are the same to the byte. Packages are downloaded and unpacked below $2, never installed.
#   boot.sh FAULTLINE DIRECTORY
set -u
faultline=$(realpath "$1")
mkdir -p "$2" && cd "$2" || exit 2
passed=0
failed=0
ok() { passed=$((passed + 1)); echo "ok: $1"; }
bad() { failed=$((failed + 1)); echo "FAILED: $1" >&2; }

# package DIRECTORY NAME: unpack it, downloading it first if need be
package() {
    [ -d "$1" ] && return 0
    apt-get download "$2" >/dev/null 2>&1 || { apt-get update >/dev/null 2>&1; apt-get download "$2" >/dev/null 2>&1; }
    deb=$(ls "$2"_*.deb 2>/dev/null | head -n 1)
    [ -n "$deb" ] || { bad "$2: cannot be downloaded"; return 1; }
    dpkg-deb -x "$deb" "$1.new" && mv "$1.new" "$1" && rm -f "$deb"
}

# whole TRACE: is every line a record, numbered without a gap, and every fault decided or pending at the end?
whole() {
    awk 'substr($0, 1, 7) != "{\"seq\":" || substr($0, length($0)) != "}" { bad = 1 }
         { split($0, part, /[:,]/); if (part[2] != NR) bad = 1 }
         END { exit bad || NR == 0 }' "$1"
}

# boot NAME TEXT OPTIONS..: twice, with a trace, until TEXT is seen on the serial line
boot() {
    name=$1 text=$2
    shift 2
    for run in 1 2; do
        "$faultline" "$@" -nographic --trace-faults "$name.$run.jsonl" --stop-on "$text" </dev/null >"$name.$run.out" 2>"$name.$run.err"
        status=$?
        if [ $status -eq 0 ]; then
            ok "$name, run $run: reached \"$text\", $(wc -l <"$name.$run.jsonl") faults"
        else
            bad "$name, run $run: exit status $status; the end of its output: $(tail -n 3 "$name.$run.out" "$name.$run.err")"
        fi
        [ -s "$name.$run.jsonl" ] || continue
        # The kernels carry their own list of symbols, and have moved (KASLR).
        if [ "$arch" ] && ! grep -q '"symbol":"\(clear_user[a-z_]*\|__clear_user[a-z_]*\|copy_user[a-z_]*\|__put_user[a-z0-9_]*\)+' "$name.$run.jsonl"; then
            bad "$name, run $run: no fault of the kernel is named"
        fi
        if [ "$arch" ] && ! grep -q '"writer":{[^}]*"symbol":"[a-z_]*set_p' "$name.$run.jsonl"; then
            bad "$name, run $run: no writer of an entry is named"
        fi
        if whole "$name.$run.jsonl"; then ok "$name, run $run: the trace is whole"; else bad "$name, run $run: the trace is not whole"; fi
    done
    if cmp -s "$name.1.jsonl" "$name.2.jsonl" && cmp -s "$name.1.out" "$name.2.out"; then
        ok "$name: both runs alike"
    else
        bad "$name: the two runs differ"
    fi
}

for arch in amd64 i386; do
    package "netboot-$arch" "debian-installer-12-netboot-$arch" || continue
    images=netboot-$arch/usr/lib/debian-installer/images/12/$arch/text/debian-installer/$arch
    boot "$arch" 'Run /init' -m 1G -kernel "$images/linux" -initrd "$images/initrd.gz" -append console=ttyS0
done
arch=
if package gnumach gnumach-image-1.8-486; then
    boot gnumach 'No bootstrap code loaded with the kernel!' -m 1G -kernel gnumach/boot/gnumach-1.8-486.gz -append console=com0
fi
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]

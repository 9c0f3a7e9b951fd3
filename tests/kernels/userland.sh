#!/bin/sh
# SPDX-License-Identifier: MIT
# Boots Debian's cloud kernel (amd64) and installer kernel (i386) with a busybox initramfs to a shell that runs userland/script, and compares what it
# printed with what the same script prints on this host. Packages are downloaded and unpacked below $2, never installed.
#   userland.sh FAULTLINE DIRECTORY
set -u
faultline=$(realpath "$1")
here=$(realpath "$(dirname "$0")")/userland
mkdir -p "$2" && cd "$2" || exit 2
passed=0
failed=0
ok() { passed=$((passed + 1)); echo "ok: $1"; }
bad() { failed=$((failed + 1)); echo "FAILED: $1" >&2; }

# A private view of the archive that knows i386 too, whatever the host is set up for.
apt=$PWD/apt
archive() {
    tool=$1
    shift
    "$tool" -o Dir::State="$apt/state" -o Dir::Cache="$apt/cache" -o APT::Architectures::=amd64 -o APT::Architectures::=i386 \
        -o Dir::State::status="$apt/status" -o APT::Sandbox::User=root "$@"
}
mkdir -p "$apt/state/lists/partial" "$apt/cache/archives/partial"
: >"$apt/status"

# package DIRECTORY NAME: unpack it, downloading it first if need be
package() {
    [ -d "$1" ] && return 0
    [ -e "$apt/updated" ] || { archive apt-get update >"$apt/log" 2>&1 && touch "$apt/updated"; }
    rm -rf "$apt/deb" && mkdir "$apt/deb"
    (cd "$apt/deb" && archive apt-get download "$2" >>"$apt/log" 2>&1)
    set -- "$1" "$2" "$apt"/deb/*.deb
    [ -e "$3" ] || { bad "$2: cannot be downloaded: $(tail -n 1 "$apt/log")"; return 1; }
    dpkg-deb -x "$3" "$1.new" && mv "$1.new" "$1"
}

# initramfs ARCH BUSYBOX COMPILER..: one file system image with the script, its program and its data
initramfs() {
    arch=$1 busybox=$2
    shift 2
    root=initramfs-$arch
    rm -rf "$root" && mkdir -p "$root/bin" "$root/proc" "$root/sys" "$root/dev" "$root/t" || return 1
    "$@" -O1 -static -o "$root/t/probe" "$here/probe.c" -lm -pthread || return 1
    seq 1 30000 >"$root/t/file"
    cp "$here/script" "$here/init" "$root/t/" && mv "$root/t/init" "$root/init" && chmod 755 "$root/init"
    cp "$busybox" "$root/bin/busybox"
    for tool in $(tr -cs 'a-z0-9' '\n' <"$here/tools"); do ln -s busybox "$root/bin/$tool"; done
    (cd "$root" && find . | LC_ALL=C sort | cpio -o -H newc --quiet -R 0:0) | gzip -1n >"$root.gz"
}

# boot ARCH KERNEL: to the end of the script; what lies between its marks must be what the host printed
boot() {
    "$faultline" -m 512M -kernel "$2" -initrd "initramfs-$1.gz" -append 'console=ttyS0 quiet' -nographic --max-instructions 40000000000 \
        --trace-faults "userland-$1.jsonl" --stop-on 'script: end' </dev/null >"userland-$1.out" 2>"userland-$1.err"
    status=$?
    if [ $status -ne 0 ]; then
        bad "$1: exit status $status; the end of its output: $(tail -n 3 "userland-$1.out" "userland-$1.err")"
        return
    fi
    tr -d '\r' <"userland-$1.out" | sed '0,/^script: begin/d; /^script: end/,$d' >"userland-$1.txt"
    while read -r line <&3 || [ -n "$line" ]; do
        read -r got <&4
        if [ "$line" = "$got" ]; then ok "$1: $line"; else bad "$1: \"$got\", the host has \"$line\""; fi
    done 3<expected.txt 4<"userland-$1.txt"
    if [ "$(wc -l <"userland-$1.txt")" -eq "$(wc -l <expected.txt)" ]; then ok "$1: nothing else"; else bad "$1: more was printed"; fi
    if grep -q '"outcome":"delivered"' "userland-$1.jsonl"; then ok "$1: SIGSEGV is in the trace, delivered"; else bad "$1: no delivered fault"; fi
    if grep -q '"outcome":"copied"' "userland-$1.jsonl"; then ok "$1: copy on write is in the trace"; else bad "$1: no copied fault"; fi
}

package busybox-amd64 busybox-static:amd64 && package busybox-i386 busybox-static:i386 || exit 1
initramfs amd64 busybox-amd64/bin/busybox gcc && initramfs i386 busybox-i386/bin/busybox gcc -m32 -idirafter /usr/include/x86_64-linux-gnu || { bad "no initramfs"; exit 1; }
# The host's answer, by the same tools.
PATH=$PWD/initramfs-amd64/bin busybox sh "$here/script" "$PWD/initramfs-amd64/t" >expected.txt 2>/dev/null
[ "$(wc -l <expected.txt)" -gt 20 ] || bad "the host could not run the script"

# kernel DIRECTORY METAPACKAGE ARCH: which names the kernel of the day
kernel() {
    [ -d "$1" ] && return 0
    archive apt-get update >"$apt/log" 2>&1 && touch "$apt/updated"
    package "$1" "$(archive apt-cache depends "$2:$3" | sed -n 's/.*Depends: \(linux-image-[0-9][^ :]*\).*/\1/p' | head -n 1):$3"
}
kernel cloud-amd64 linux-image-cloud-amd64 amd64
kernel pae-i386 linux-image-686-pae i386 # for gdb.sh
[ -d cloud-amd64 ] && boot amd64 "$(ls cloud-amd64/boot/vmlinuz-*)"
package netboot-i386 debian-installer-12-netboot-i386 &&
    boot i386 netboot-i386/usr/lib/debian-installer/images/12/i386/text/debian-installer/i386/linux
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]

#!/bin/sh
# SPDX-License-Identifier: MIT
# Both Debian installers, unpacked by boot.sh below $2, to their first dialog on the serial line: a userland of shell, udev and newt.
#   installer.sh FAULTLINE DIRECTORY
set -u
faultline=$(realpath "$1")
cd "$2" || exit 2
passed=0
failed=0
for arch in amd64 i386; do
    images=netboot-$arch/usr/lib/debian-installer/images/12/$arch/text/debian-installer/$arch
    "$faultline" -m 1G -kernel "$images/linux" -initrd "$images/initrd.gz" -append 'console=ttyS0' -nographic \
        --max-instructions 60000000000 --stop-on 'Select a language' </dev/null >"installer-$arch.out" 2>"installer-$arch.err"
    status=$?
    if [ $status -eq 0 ]; then
        passed=$((passed + 1))
        echo "ok: $arch installer: asks for the language"
    else
        failed=$((failed + 1))
        echo "FAILED: $arch installer: exit status $status; the end of its output: $(tail -n 3 "installer-$arch.out" "installer-$arch.err")" >&2
    fi
done
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]

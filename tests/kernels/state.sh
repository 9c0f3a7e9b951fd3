#!/bin/bash
# SPDX-License-Identifier: MIT
# Boots the cloud kernel (amd64) with busybox, saves its state at ten counts, and goes on from each in a new process: memory, output, screen and the
# rest of the trace must be those of the boot that was not interrupted. Uses what userland.sh has unpacked below $2.
#   state.sh FAULTLINE DIRECTORY
set -u
faultline=$(realpath "$1")
mkdir -p "$2/state" && cd "$2/state" || exit 2
passed=0 failed=0
verdict() { if [ "$1" = 0 ]; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "FAILED: $2" >&2; fi; }
kernel=$(ls ../cloud-amd64/boot/vmlinuz-* 2>/dev/null | head -n 1)
[ -e "$kernel" ] && [ -e ../initramfs-amd64.gz ] || { echo "FAILED: userland.sh must come first" >&2; echo "0 passed, 1 failed"; exit 1; }
last=2200000000
guest=(-m 512M -kernel "$kernel" -initrd ../initramfs-amd64.gz -append 'console=ttyS0 quiet' -display none)
"$faultline" "${guest[@]}" -serial file:whole.out --max-instructions $last --screenshot whole.png --ram-hash --trace-faults whole.jsonl </dev/null 2>whole.err
RANDOM=${STATE_SEED:-1}
for _ in 1 2 3 4 5 6 7 8 9 10; do
    n=$(((RANDOM << 30 | RANDOM << 15 | RANDOM) % last))
    "$faultline" "${guest[@]}" -serial file:first.out --max-instructions $n --save-state s --trace-faults first.jsonl </dev/null 2>first.err
    "$faultline" --load-state s -display none -serial file:rest.out --max-instructions $last --screenshot rest.png --ram-hash --trace-faults rest.jsonl \
        </dev/null 2>rest.err
    [ -s rest.err ] && [ "$(grep 'RAM hash' rest.err)" = "$(grep 'RAM hash' whole.err)" ]
    verdict $? "$n: memory"
    cat first.out rest.out | cmp -s - whole.out
    verdict $? "$n: output"
    cmp -s rest.png whole.png
    verdict $? "$n: screen"
    awk -F'[:,]' -v n=$n '$4 >= n' whole.jsonl >want
    cmp -s rest.jsonl want
    verdict $? "$n: the rest of the trace"
    rm -f s
done
echo "$passed passed, $failed failed"
[ $failed = 0 ]

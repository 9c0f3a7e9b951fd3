#!/bin/sh
# SPDX-License-Identifier: MIT
# Every fault of an unmodified Linux explained: Debian's kernel (amd64) booted by GRUB from the IDE disk to a shell, and the installer's (i386, which pages in
# 32 bits without PAE) to one, both with traces, writers and all checks on. Each record must have a verdict, and an outcome unless its handler is under way as
# the run stops; no check may find what it should not. In both runs userland/faults.c touches pages in known ways: as many faults as Linux
# itself counted must be in the trace, with the causes and outcomes that these ways have. Uses what userland.sh and disk.sh have made below $2.
#   faults.sh FAULTLINE DIRECTORY
set -u
faultline=$(realpath "$1")
here=$(realpath "$(dirname "$0")")/userland
mkdir -p "$2/faults" && cd "$2" || exit 2
kernels=$PWD
cd faults || exit 2
passed=0
failed=0
ok() { passed=$((passed + 1)); echo "ok: $1"; }
bad() { failed=$((failed + 1)); echo "FAILED: $1" >&2; }
# is WHAT EXPECTED GOT
is() { if [ "$2" = "$3" ]; then ok "$1: $3"; else bad "$1: '$3', not '$2'"; fi; }

prompt='the shell is here: '

# run NAME OPTIONS..: to the shell's prompt; NAME.csv is its trace, NAME.phases what userland/faults.c said
run() {
    name=$1
    shift
    "$faultline" -m 512M "$@" --max-instructions 20000000000 --trace-faults "$name.jsonl" --who --check stale-tlb,lint,strict --stop-on "$prompt" \
        </dev/null >"$name.out" 2>"$name.err"
    is "$name: a shell, exit status" 0 $?
    "$faultline" report "$name.jsonl" --format csv >"$name.csv" 2>"$name.report" || bad "$name: $(cat "$name.report")"
    tr -d '\r' <"$name.out" | sed -n 's/^phase //p' >"$name.phases"
}

# ask NAME SQL: the trace is the table `faults`, numbered as seq; `final` is the outcome in the end. The ways' table is `expected`, what Linux has counted `phase`.
ask() {
    sqlite3 -bail "$1.db" "$2"
}

# load NAME: into a database, and to each phase the records between its marks, of its address space. (A kernel with page-table isolation has two CR3 a process;
# the low twelve bits are the PCID.)
load() {
    rm -f "$1.db"
    sqlite3 -bail "$1.db" >"$1.sql" 2>&1 <<END || bad "$1: SQLite: $(cat "$1.sql")"
.mode csv
.import $1.csv raw
CREATE TABLE phase(number INT, name TEXT, first TEXT, last TEXT, minflt INT);
.separator " "
.import $1.phases phase
.separator ","
CREATE TABLE expected(name TEXT, access TEXT, cpl INT, cause TEXT, final TEXT, count INT);
.import expected.$1 expected
CREATE TABLE faults AS SELECT CAST(seq AS INT) AS seq, CAST(icount AS INT) AS icount, CAST(cpl AS INT) AS cpl, cr2, cause, why, cure, access, rip, symbol, changes,
    CASE outcome WHEN 'switched' THEN "then" ELSE outcome END AS final, substr(cr3, 1, length(cr3) - 3) AS space,
    CAST(handler_instructions AS INT) AS spent FROM raw WHERE vector = '14';
CREATE INDEX by_seq ON faults(seq);
CREATE INDEX by_address ON faults(cr2);
CREATE TABLE mark AS SELECT p.number, b.seq AS begins, e.seq AS ends, b.space FROM phase AS p
    JOIN faults AS b ON b.cr2 = printf('0x%x', 8192 + p.number) JOIN faults AS e ON e.cr2 = printf('0x%x', 12288 + p.number);
CREATE TABLE touched AS SELECT p.number, p.name, length(f.cr2) = length(p.first) AND f.cr2 BETWEEN p.first AND p.last AS inside, f.* FROM phase AS p
    JOIN mark AS m USING (number) JOIN faults AS f ON f.seq > m.begins AND f.seq < m.ends AND f.space = m.space
    WHERE f.cpl = 3 OR length(f.cr2) < 18;
END
}

# verdicts NAME: every record whole
verdicts() {
    is "$1: records without cause, sentence or cure" 0 "$(ask "$1" "SELECT count(*) FROM faults WHERE cause = '' OR why = '' OR cure = '' OR final = ''")"
    # Nobody is killed but by userland/faults.c, and the shell waits for a key: nothing is under way.
    is "$1: faults without an outcome, but for the killed" 0 "$(ask "$1" "SELECT count(*) FROM faults WHERE final = 'pending' AND seq NOT IN (SELECT seq FROM $(from killed))")"
    is "$1: faults that loop, or whose delivery failed" 0 "$(ask "$1" "SELECT count(*) FROM faults WHERE final IN ('loop', 'double-fault', 'triple-fault')")"
    ask "$1" "SELECT printf('  %6d %s %s, cpl %d: %s', count(*), cause, access, cpl, final) FROM faults GROUP BY cause, access, cpl, final"
}

# findings NAME TEXT..: those of the checks, but for lines that have one of the texts (docs/checks.md, "Linux")
findings() {
    name=$1
    shift
    for text in "$@"; do
        grep -q "$text" "$name.err" && ok "$name: \"$text\": $(grep -c "$text" "$name.err")" || bad "$name: no \"$text\""
        sed -i "/$text/d" "$name.err"
    done
    is "$name: other findings" '' "$(cat "$name.err")"
}

# phases NAME: Linux's count and the trace's are the same in each; and the faults on what was touched are those of the table
phases() {
    is "$1: phases" "$(ask "$1" "SELECT count(DISTINCT name) FROM expected")" "$(wc -l <"$1.phases")"
    is "$1: phases between two marks" "$(wc -l <"$1.phases")" "$(ask "$1" "SELECT count(*) FROM mark")"
    is "$1: marks' outcome" delivered "$(ask "$1" "SELECT DISTINCT final FROM faults WHERE seq IN (SELECT begins FROM mark UNION SELECT ends FROM mark)")"
    # After the forks of `killed` the signal's frame is where the stack is read-only.
    is "$1: entries changed by marks" "" "$(ask "$1" "SELECT DISTINCT changes FROM faults JOIN mark ON seq IN (begins, ends) JOIN phase USING (number) WHERE name <> 'killed'")"
    for phase in $(ask "$1" "SELECT name FROM phase ORDER BY number"); do
        # A fault that ends in a signal is none that Linux has counted: it was not resolved.
        is "$1: $phase: minor faults" "$(ask "$1" "SELECT minflt FROM phase WHERE name = '$phase'")" \
            "$(ask "$1" "SELECT count(*) FROM touched WHERE name = '$phase' AND final IN ('mapped', 'copied', 'made-writable', 'permitted', 'spurious')")"
        is "$1: $phase: faults" "$(ask "$1" "SELECT access, cpl, cause, final, count FROM expected WHERE name = '$phase' AND count > 0 ORDER BY 1, 2, 3, 4")" \
            "$(ask "$1" "SELECT access, cpl, cause, final, count(*) FROM $(from "$phase") GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4")"
    done
}
# Who is killed is a process of its own, and known by the address alone.
from() {
    if [ "$1" = killed ]; then
        echo "phase JOIN mark USING (number) JOIN faults ON seq > begins AND seq < ends
            WHERE name = 'killed' AND length(cr2) = length(first) AND cr2 BETWEEN first AND last"
    else
        echo "touched WHERE name = '$1' AND inside"
    fi
}

# What Linux makes of each way to touch 37 pages (all but the files': 96 pages, in 6 groups of 16; and what kernel-reads takes: 8, a pipe's half). MADV_NOHUGEPAGE keeps
# 2 MiB pages away.
#   read           each page is the shared page of zeros, read-only; a write to it then takes a new frame
#   child-first    after fork a page is read-only in both. Who writes first copies it; who writes second finds the frame its own, and may write there
#   file-read      the first fault in each 64 KiB maps the 16 pages around it that are in the page cache (fault_around_bytes)
#   file-write     of a private mapping: a frame of its own at once
#   repair-*       the write ends in SIGSEGV, whose handler allows it by mprotect. A page that has been written and is nobody else's is made writable right
#                  there (Linux 6.1, can_change_pte_writable), so that no second fault comes
#   killed         one child after the other dies of its fault: there is no outcome
#   kernel-*       read() and write() copy from and to pages that are not there yet, in the kernel
cat >expected.amd64 <<EOF2
write,write,3,not-present,mapped,37
read,read,3,not-present,mapped,37
read-then-write,write,3,write-protected,copied,37
dontneed,write,3,not-present,mapped,37
child-first,write,3,write-protected,copied,37
parent-second,write,3,write-protected,made-writable,37
parent-first,write,3,write-protected,copied,37
child-second,write,3,write-protected,made-writable,37
file-read,read,3,not-present,mapped,6
file-write,write,3,not-present,mapped,96
file-read-then-write,write,3,write-protected,copied,96
repair-read-only,write,3,write-protected,delivered,37
repair-no-access,write,3,not-present,delivered,37
execute,execute,3,no-execute,delivered,37
stack,write,3,not-present,mapped,37
kernel-writes,write,0,not-present,mapped,37
kernel-reads,read,0,not-present,mapped,8
killed,write,3,write-protected,pending,37
nothing,read,3,not-present,mapped,0
EOF2
# No entry of 32-bit paging forbids execution.
sed '/^execute/s/.*/execute,execute,3,no-execute,delivered,0/' expected.amd64 >expected.i386

# ---- amd64, from the disk ----
[ -d "$kernels/disk/root" ] && [ -s "$kernels/disk/disk.core" ] || { bad "run disk.sh first: there is no disk"; exit 1; }
rm -rf root tree && cp -a "$kernels/disk/root" root && mkdir -p tree && cp -a "$kernels/disk/tree/boot" tree/ && rm -f tree/boot/original
gcc -O1 -static -o tree/faults "$here/faults.c" || exit 1
cat >init <<EOF2
#!/bin/busybox sh
b=/bin/busybox
\$b mount -t proc proc /proc; \$b mount -t sysfs sys /sys; \$b mount -t devtmpfs dev /dev
for m in /lib/ata_piix.ko /lib/sd_mod.ko; do [ -e \$m ] || echo "no \$m"; done
EOF2
{ cat init; sed -n '/insmod/p; /^for i in/p; /^\$b mount -t ext4/p' "$kernels/disk/root/init"; } >root/init
cat >>root/init <<EOF2
cd /mnt && ./faults || echo "faults: exit status \$?"
export PS1='$prompt'
exec \$b sh -i
EOF2
chmod 755 root/init
(cd root && find . | LC_ALL=C sort | cpio -o -H newc --quiet -R 0:0) | gzip -1n >tree/boot/initrd.gz
rm -f part.img && truncate -s 127M part.img && mke2fs -q -t ext4 -d tree part.img >mke2fs.log 2>&1 || bad "mke2fs: $(tail -n 1 mke2fs.log)"
head -c 1048576 "$kernels/disk/disk.img" >disk.img
truncate -s 128M disk.img && dd if=part.img of=disk.img bs=1M seek=1 conv=notrunc,sparse status=none
run amd64 -snapshot -hda disk.img
load amd64
verdicts amd64
findings amd64 '^check lint: both writable and executable, at the first page fault: ffffffff.* 2M  -rwxg'
phases amd64

# ---- i386 ----
[ -d "$kernels/initramfs-i386" ] || { bad "run userland.sh first: there is no initramfs"; exit 1; }
rm -rf root32 && mkdir -p root32/bin root32/proc root32/dev
cp "$kernels/initramfs-i386/bin/busybox" root32/bin/
gcc -m32 -idirafter /usr/include/x86_64-linux-gnu -O1 -static -o root32/faults "$here/faults.c" || exit 1
cat >root32/init <<EOF2
#!/bin/busybox sh
b=/bin/busybox
\$b mount -t proc proc /proc; \$b mount -t devtmpfs dev /dev
./faults || echo "faults: exit status \$?"
export PS1='$prompt'
exec \$b sh -i
EOF2
chmod 755 root32/init
(cd root32 && find . | LC_ALL=C sort | cpio -o -H newc --quiet -R 0:0) | gzip -1n >root32.gz
run i386 -kernel "$kernels/netboot-i386/usr/lib/debian-installer/images/12/i386/text/debian-installer/i386/linux" -initrd root32.gz \
    -append 'console=ttyS0 quiet'
load i386
verdicts i386
findings i386 '^check stale-tlb: fragile: kernel write .* the large page there now has D = 0'
phases i386
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]

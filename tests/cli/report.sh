#!/bin/sh
# SPDX-License-Identifier: MIT
# Traces of a guest that comes to a triple fault and of the embedded one: report in every format, diff, --expect, --fail-on, --junit, and the queries of
# docs/trace-format.md in SQLite.
#   report.sh FAULTLINE
set -u
faultline=$(realpath "$1")
here=$(realpath "$(dirname "$0")")
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
passed=0
failed=0
ok() { passed=$((passed + 1)); }
bad() { failed=$((failed + 1)); echo "FAILED: $1" >&2; }
# is WHAT EXPECTED GOT
is() { if [ "$2" = "$3" ]; then ok; else bad "$1: '$3', not '$2'"; fi; }
# has WHAT FILE TEXT..
has() {
    what=$1 file=$2
    shift 2
    for text in "$@"; do if grep -qF -e "$text" "$file"; then ok; else bad "$what: no '$text' in: $(head -c 600 "$file")"; fi; done
}

# The guest's page is missing, and so is its IDT.
as --32 -o guest.o "$here/../support/triple_guest.S" && ld -m elf_i386 -Ttext 0 --oformat binary -o guest.rom guest.o 2>/dev/null || exit 1
run() { "$faultline" -rom guest.rom -no-reboot -serial none -display none "$@" >out 2>err; }
run --trace-faults t.flt
is "triple fault" 122 $?
for format in jsonl csv json; do run --trace-faults t.$format; done

# One way or another, the same records.
for from in flt csv jsonl; do
    for to in jsonl csv flt; do
        "$faultline" report t.$from --format $to >got.$to 2>err || bad "report $from as $to: $(cat err)"
        is "$from as $to" "$(cksum <t.$to)" "$(cksum <got.$to)"
    done
    is "$from as perfetto" "$(cksum <t.json)" "$("$faultline" report t.$from --format perfetto | cksum)"
done
is "records" 4 "$(wc -l <t.jsonl)"
has "Perfetto" t.json '"ph":"M"' '"name":"CR3 0x1000"' '"name":"not-present write"' '"ph":"i"'
"$faultline" report t.flt --format text >text
has "summary" text "t.flt: 3 page faults, 1 other records" "came to a triple fault" "PTE of 0x3000 is not present" "not-present" "0x1000"
"$faultline" report t.flt --format json >json
has "summary as JSON" json '"records":4,"faults":3' '"causes":{"not-present":3}' '"triple_fault":["#1 at'
"$faultline" report t.flt t.jsonl --format csv >both.csv
is "two traces" 9 "$(wc -l <both.csv)"
has "two traces" both.csv '"t.flt"' '"t.jsonl"'
"$faultline" report t.flt >said
is "the page's name" t.html "$(cat said)"
has "the page" t.html '<title>Page faults: t.flt</title>' 'id="trace">' 'class Trace' '--ground:' '</html>'
if grep -qE '(src|href)=|https?://|@import|url\(' t.html; then bad "the page asks for something outside"; else ok; fi
# The page's own reader of the trace, where there is something to run it.
if command -v node >/dev/null; then
    node "$here/../support/read_page.js" t.html "$here/../../frontend/report" >page.jsonl 2>err || bad "read_page.js: $(cat err)"
    is "the page's records" "$(cksum <t.jsonl)" "$(cksum <page.jsonl)"
fi

# Cut off, damaged, not a trace.
head -c $(($(wc -c <t.flt) - 60)) t.flt >cut.flt
"$faultline" report cut.flt --format jsonl >out 2>err
is "cut off" 0 $?
has "cut off" err "cut.flt: ends in the middle of a block; 0 whole records were read"
{ head -c 500 t.flt; printf 'xyz'; tail -c +504 t.flt; } >bad.flt
for wrong in bad.flt t.json "$here/report.sh" no/such .; do
    "$faultline" report "$wrong" --format text >out 2>err
    is "$wrong" "2 1" "$? $(wc -l <err)"
done
"$faultline" report bad.flt --format text 2>err
has "damaged" err "bad.flt: block at byte" "its checksum is wrong"
"$faultline" report t.flt -o t.flt >out 2>err
is "over itself" 2 $?
cmp -s t.flt got.flt || bad "the trace was written over"
"$faultline" report t.flt --format jsonl >/dev/full 2>err
is "full" 2 $?

# diff
"$faultline" diff t.flt t.csv >out
is "the same" 0 $?
has "the same" out "The traces are the same: 4 records."
sed 's/"icount":8219/"icount":8225/; s/"time_ns":8219/"time_ns":8225/' t.jsonl >late.jsonl
"$faultline" diff t.flt late.jsonl >out
is "drift" 126 $?
has "drift" out "The same fault, 6 instructions later in the second"
"$faultline" diff --ignore icount,time_ns t.flt late.jsonl >out
is "drift ignored" 0 $?
sed 2d t.jsonl >fewer.jsonl
"$faultline" diff --ignore seq,parent t.jsonl fewer.jsonl >out
is "one fewer" 126 $?
has "one fewer" out "1 records are the same" "The first has 1 faults more here"
sed '1s/"entry":"0x2003"/"entry":"0x4003"/' t.jsonl >frame.jsonl
"$faultline" diff t.jsonl frame.jsonl >out
has "another table" out "the PDE at 0x1000 holds 0x2003 and 0x4003: another table"
"$faultline" diff t.flt >out 2>err
is "one trace" 2 $?
"$faultline" diff --ignore colour t.flt t.csv >out 2>err
has "no such key" err "'colour' is no key"

# Gates
run --expect 'pf va=0x3000 cause=not-present access=write cpl=0 outcome=triple-fault' --expect 'pf va=0x5000..0x5fff count=2..3' --junit j.xml
is "expected" 122 $?
has "expected" j.xml 'tests="3" failures="1"' 'name="run"' '<failure message="triple fault"/>'
run --expect 'pf outcome=mapped' --fail-on loop,user-exec-kernel,triple-fault --junit j.xml
is "not met" 126 $?
has "not met" j.xml 'tests="5" failures="3"' 'not met, 0 such page faults came' 'name="-fail-on: loop"'
has "not met" err "-fail-on: triple-fault: the run ended with a triple fault" "the first page fault of 3 that was not expected"
run --fail-on stale-tlb,lint,strict --junit j.xml
is "checks" 126 $?
has "checks" j.xml 'tests="4" failures="3"' 'name="-fail-on: stale-tlb" ' 'name="-fail-on: lint" '
has "checks" err "-fail-on: strict: the manual was broken at 1 place" "-fail-on: lint: the tables were found fault with at 2 places"
run --junit no/such/j.xml
is "no JUnit file" 2 $?

# A killed run: what is on disk is whole.
"$faultline" demo --trace-faults demo.jsonl >/dev/null 2>&1
"$faultline" report demo.jsonl -o demo.flt
is "a trace of the demo" "$(cksum <demo.jsonl)" "$("$faultline" report demo.flt --format jsonl | cksum)"

# SQLite over two machines' traces: the queries of docs/trace-format.md.
if command -v sqlite3 >/dev/null; then
    "$faultline" report t.flt demo.flt -o all.csv
    awk '/^```sql sqlite/ { on = 1; next } /^```/ { on = 0 } on' "$here/../../docs/trace-format.md" >queries.sql
    sqlite3 -bail <queries.sql >out 2>err || bad "SQLite: $(cat err)"
    has "SQLite" out "t.flt|not-present|triple-fault|3" "demo.flt|not-present|mapped"
fi
echo "$passed passed, $failed failed"
[ $failed = 0 ]

# SPDX-License-Identifier: MIT
"""For gdb.sh: page tables as gdb sees them, by physical memory packets and by gdb-pt-dump."""
import re

# Where a 64-bit Linux without KASLR has all of physical memory, with 4 and 5 levels.
PAGE_OFFSET = {False: 0xFFFF888000000000, True: 0xFF11000000000000}


def register(name):
    return int(gdb.parse_and_eval(name).cast(gdb.lookup_type("unsigned long long"))) & (1 << 64) - 1


def physical(at, size):
    gdb.execute("maint packet Qqemu.PhyMemMode:1", to_string=True)
    try:
        gdb.execute("maintenance flush register-cache", to_string=True)
        return int.from_bytes(gdb.selected_inferior().read_memory(at, size).tobytes(), "little")
    finally:
        gdb.execute("maint packet Qqemu.PhyMemMode:0", to_string=True)


def five_levels():
    return bool(register("$cr4") & 1 << 12)


def entry_of(va):
    """Where the PTE of va is, its tables being there."""
    table = register("$cr3")
    for shift in (48, 39, 30, 21)[not five_levels():]:
        table = physical((table & 0xFFFFFFFFFF000) + (va >> shift & 511) * 8, 8)
    return (table & 0xFFFFFFFFFF000) + (va >> 12 & 511) * 8


def watch_entry():
    global entry, before
    entry = entry_of(register("$fault_va"))
    before = physical(entry, 8)
    gdb.execute("watch *(unsigned long long *)%#x" % (PAGE_OFFSET[five_levels()] + entry))


def show_entry():
    now = physical(entry, 8)
    print("entry: was %#x, present %d; now %#x, present %d, user %d" % (before, before & 1, now, now & 1, now >> 2 & 1))


def asked(va):
    """What the processor's own walk says: the physical address, or None."""
    answer = gdb.execute("monitor gva2gpa %#x" % va, to_string=True)
    found = re.match(r"gpa: (0x[0-9a-f]+)", answer)
    return int(found.group(1), 16) if found else None


def compare_mappings(pt_dump):
    """Of each range that gdb-pt-dump prints: first and last page, and the page behind it if no range begins there."""
    try:
        gdb.execute("source %s/pt.py" % pt_dump)
        text = re.sub(r"\x1b\[[0-9;]*m", "", gdb.execute("pt -phys_verbose -force_traverse_all", to_string=True))
    except gdb.error as e:
        print("pt-dump:", e)
        return
    ranges = []
    for line in text.splitlines():
        found = re.match(r"\s*0x([0-9a-f]+) :\s*0x([0-9a-f]+) :\s*0x([0-9a-f]+) \|", line)
        if found:
            ranges.append([int(x, 16) for x in found.groups()])
    starts = {va for va, size, pa in ranges}
    pages = differ = 0
    for va, size, pa in ranges:
        ends = [(va, pa), (va + size - 4096, pa + size - 4096)]
        if va + size not in starts:
            ends.append((va + size, None))
        for at, expected in ends:
            if at >> 64:
                continue
            pages += 1
            got = asked(at)
            if got != expected:
                differ += 1
                print("differs: %#x is %s, not %s" % (at, got and hex(got), expected and hex(expected)))
    print("pt-dump: %d ranges, %d pages asked, %d differ" % (len(ranges), pages, differ))

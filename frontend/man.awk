# SPDX-License-Identifier: MIT
# The manual page from the lists that the help text is made of: awk -f man.awk options.def bindings.def monitor.def
# A row is one line: OPTION("name", "ARGUMENT" or NULL, handler, many, "help"), GROUP("title"), BINDING("where", "keys", "help").
function text(s) { gsub(/\\"/, "\"", s); gsub(/\\/, "\\e", s); gsub(/-/, "\\-", s); gsub(/^[.']/, "\\\\\\&&", s); return s }
# The nth string of the row, without its quotes; "" where it is NULL.
function field(row, n,    s) {
    while (n-- > 0) {
        if (!match(row, /"([^"\\]|\\.)*"/)) return ""
        s = substr(row, RSTART + 1, RLENGTH - 2)
        row = substr(row, RSTART + RLENGTH)
    }
    return s
}
BEGIN {
    print ".\\\" Made from frontend/options.def, bindings.def and monitor.def by frontend/man.awk."
    print ".TH FAULTLINE 1"
    print ".SH NAME\nfaultline \\- a PC that can explain page faults"
    print ".SH SYNOPSIS\n.B faultline\n[\\fBrun\\fR] [\\fIoptions\\fR] [\\fIIMAGE\\fR]\n.br\n.B faultline demo\n[\\fIoptions\\fR]"
    print ".SH DESCRIPTION"
    print "Runs IMAGE (a disk, a CD, a floppy, a Linux bzImage, a Multiboot or PVH kernel, or a ROM) on a PC that can say of every"
    print "page fault why it happened, and what became of it. Options may be written with one dash or two."
    print ".B faultline \\-\\-help\nlists the subcommands."
    print ".SH OPTIONS"
}
/^GROUP\(/ { print ".SS \"" text(field($0, 1)) "\""; listing = 0; next }
/^OPTION\(/ {
    name = field($0, 1)
    has = $0 !~ /^OPTION\("[^"]*", NULL/
    argument = has ? field($0, 2) : ""
    help = field($0, has ? 3 : 2)
    if (help == "") {
        print (listing++ ? "" : ".PP\n") "\\fB\\-" text(name) "\\fR"
        next
    }
    listing = 0
    print ".TP\n\\fB\\-" text(name) "\\fR" (argument == "" ? "" : " \\fI" text(argument) "\\fR") "\n" text(help)
}
/^BINDING\(/ {
    if (!bindings++) print ".SH KEYS"
    where = field($0, 1)
    if (where != last) print ".SS \"" text(where) "\""
    last = where
    print ".TP\n.B " text(field($0, 2)) "\n" text(field($0, 3))
}
# The monitor's: COMMAND("name", "ARGUMENTS" or "", minimum, handler, "help"), INFO("subject", handler, "help").
/^(COMMAND|INFO)\("/ {
    if (!commands++) print ".SH MONITOR\nCommands of \\fB\\-monitor\\fR; any may end in \\fB\\-\\-json\\fR."
    info = /^INFO/
    argument = info ? "" : field($0, 2)
    print ".TP\n\\fB" (info ? "info " : "") text(field($0, 1)) "\\fR" (argument == "" ? "" : " \\fI" text(argument) "\\fR") "\n" text(field($0, info ? 2 : 3))
}
END {
    print ".SH EXIT STATUS"
    print "Odd is the guest's own, by isa\\-debug\\-exit. Ours are even: 0 the guest shut down, or what was waited for was seen; 2 usage or"
    print "files; 118 HLT that nothing can end; 120 internal error; 122 triple fault; 124 the instruction budget ran out; 126 an"
    print "expectation was not met."
}

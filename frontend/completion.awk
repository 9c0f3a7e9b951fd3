# SPDX-License-Identifier: MIT
# Bash completion from the list the help text is made of: awk -f completion.awk options.def
# An option's values come from its argument: FILE is a file, a word in lower case is itself; of the rest nothing is known.
function field(row, n,    s) {
    while (n-- > 0) {
        if (!match(row, /"([^"\\]|\\.)*"/)) return ""
        s = substr(row, RSTART + 1, RLENGTH - 2)
        row = substr(row, RSTART + RLENGTH)
    }
    return s
}
/^OPTION\(/ {
    name = field($0, 1)
    names = names " -" name
    if ($0 ~ /^OPTION\("[^"]*", NULL/) next
    argument = field($0, 2)
    if (argument ~ /FILE|PATH/) files = files (files == "" ? "" : "|") "-" name "|--" name
    if (name == "display") words[name] = "sdl ansi none"
    else if (name == "vga") words[name] = "std none"
    else if (name == "monitor") words[name] = "stdio none unix:"
    else if (name == "serial" || name == "debugcon") words[name] = "stdio none file:"
    else if (name == "cpu") words[name] = "max 486 pentium pentium3 qemu32 qemu64 core2duo"
    else if (argument !~ /FILE|PATH/) others = others (others == "" ? "" : "|") "-" name "|--" name
    order[++n] = name
}
END {
    print "# Made from frontend/options.def by frontend/completion.awk."
    print "_faultline() {"
    print "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} options"
    print "    options=\"" names "\""
    print "    COMPREPLY=()"
    print "    case $before in"
    for (i = 1; i <= n; i++)
        if (order[i] in words)
            print "    -" order[i] "|--" order[i] ") COMPREPLY=($(compgen -W \"" words[order[i]] "\" -- \"$word\")); return ;;"
    print "    " files ") compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- \"$word\")); return ;;"
    print "    " others ") return ;;"
    print "    esac"
    print "    case $word in"
    print "    --*) COMPREPLY=($(compgen -W \"${options// -/ --}\" -- \"$word\")) ;;"
    print "    -*) COMPREPLY=($(compgen -W \"$options\" -- \"$word\")) ;;"
    print "    *) [ \"$COMP_CWORD\" = 1 ] && COMPREPLY=($(compgen -W \"run demo test isa\" -- \"$word\"))"
    print "        compopt -o filenames 2>/dev/null; COMPREPLY+=($(compgen -f -- \"$word\")) ;;"
    print "    esac"
    print "}"
    print "complete -F _faultline faultline"
}

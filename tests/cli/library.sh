#!/bin/bash
# SPDX-License-Identifier: MIT
# The installed library: what make install leaves, what it exports, the documented program, many machines, completion.
# usage: library.sh FAULTLINE (its build directory's Makefile is used)
set -u
faultline=$(realpath "${1:?usage: library.sh FAULTLINE}") || exit 2
root=$(realpath "$(dirname "$0")/../..")
build=$(realpath --relative-to="$root" "$(dirname "$(dirname "$faultline")")") # as the Makefile names it
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
passed=0 failed=0
verdict() { # status, what
    if [ "$1" = 0 ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED: $2"
        tail -n 12 out err 2>/dev/null
    fi
}
make -s -C "$root" MODE=release BUILD="$build" install DESTDIR="$dir/root" PREFIX=/opt/fl >"$dir/log" 2>&1 || {
    tail -n 20 "$dir/log"
    exit 2
}
cd "$dir" || exit 2
at=$dir/root/opt/fl
find "$at" -type f -o -type l | sed "s|$at/||" | LC_ALL=C sort >files
printf '%s\n' bin/faultline include/faultline.h lib/libfaultline.a lib/libfaultline.so lib/libfaultline.so.1 \
    lib/libfaultline.so.1.0.1.0 lib/pkgconfig/faultline.pc share/bash-completion/completions/faultline \
    share/man/man1/faultline.1 | diff - files >out 2>&1
verdict $? "make install leaves what it should, where it should"

# Nothing but the documented names is to be seen, and all of them are.
grep -o 'faultline_[a-z_]*(' "$at/include/faultline.h" | tr -d '(' | LC_ALL=C sort -u >documented
nm -D --defined-only "$at/lib/libfaultline.so" | awk '{print $3}' | LC_ALL=C sort >exported
diff documented exported >out
verdict $? "the shared library exports the documented functions alone"
nm -g --defined-only "$at/lib/libfaultline.a" | awk 'NF == 3 {print $3}' | LC_ALL=C sort >archived
diff documented archived >out
verdict $? "the archive too"
objdump -p "$at/lib/libfaultline.so" | grep -q 'SONAME *libfaultline.so.1$'
verdict $? "the soname"

# The documented program, from the document, against both libraries; a C++ program may include the header.
sed -n '/^```c$/,/^```$/p' "$root/docs/embedding.md" | sed '/^```/d' >watch.c
[ "$(wc -l <watch.c)" -lt 60 ]
verdict $? "the documented program is short"
export PKG_CONFIG_PATH=$at/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$dir/root
gcc -Wall -Wextra -Werror -o watch watch.c $(pkg-config --cflags --libs faultline) >out 2>&1 &&
    gcc -Wall -Wextra -Werror -o watch-static watch.c -I"$at/include" "$at/lib/libfaultline.a" \
        $(pkg-config --static --libs faultline | sed 's/[^ ]*-lfaultline//; s/-L[^ ]*//') >>out 2>&1
verdict $? "the documented program compiles"
echo '#include <faultline.h>' | gcc -Wall -Wextra -Werror -pedantic -std=c99 -I"$at/include" -fsyntax-only -x c - >out 2>&1
verdict $? "the header is C99"
"$root/tests/conformance/build.sh" "$dir/roms" >out 2>&1 || exit 2
rom=$dir/roms/paging32.rom
LD_LIBRARY_PATH=$at/lib ./watch "$rom" >out 2>err && grep -q 'why: ' err && grep -q '^cr0=' out && ! grep -q ' 0 page faults' out
verdict $? "it runs a ROM and is told of its faults"
./watch-static "$rom" >out.static 2>err.static && cmp -s out out.static && cmp -s err err.static
verdict $? "and the same with the archive"
./watch-static /nonexistent >out 2>err
[ $? = 1 ] && [ "$(wc -l <err)" = 1 ]
verdict $? "a ROM that is not there is one line"

# A thousand machines, one after the other and many at once, leave nothing behind.
cp "$root/tests/cli/many.c" . && gcc -Wall -Wextra -Werror -o many many.c -I"$at/include" -L"$at/lib" -lfaultline >out 2>&1 &&
    LD_LIBRARY_PATH=$at/lib timeout 110 ./many "$rom" "$dir/state" >out 2>err
verdict $? "a thousand machines in one process, and a thousand times back to a snapshot"
at_save=$(sed -n 's/^saved at //p' out)
"$faultline" -load-state state -max-instructions $((at_save + 1000)) >out 2>err
[ $? = 124 ] && [ -n "$at_save" ] && grep -q "ran out: $((at_save + 1000)) instructions" err
verdict $? "the command goes on from the library's state"

# Completion knows the options.
complete() { # words, the last one to complete
    bash -c '. "$0"; COMP_WORDS=(faultline "$@"); COMP_CWORD=$#; _faultline; printf "%s\n" "${COMPREPLY[@]}"' \
        "$at/share/bash-completion/completions/faultline" "$@" 2>/dev/null
}
[ "$(complete -trace-fa)" = -trace-faults ] && [ "$(complete --trace-fa)" = --trace-faults ] &&
    [ "$(complete -display a)" = ansi ] && complete -rom watch | grep -qx watch.c && complete dem | grep -qx demo &&
    [ "$(complete - | wc -l)" = "$(grep -c '^OPTION' "$root/frontend/options.def")" ]
verdict $? "bash completion"
echo "$passed passed, $failed failed"
[ $failed = 0 ]

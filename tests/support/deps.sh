#!/bin/sh
# SPDX-License-Identifier: MIT
# Installs the Debian packages named as arguments, if any is missing: as root or through sudo, asking nothing. Where it cannot, prints the
# one command that does, and fails.
set -u
missing=
for package; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
[ -z "$missing" ] && exit 0
command="apt-get install -y --no-install-recommends$missing"
if [ "$(id -u)" = 0 ]; then
    as_root=
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
    as_root='sudo -n'
else
    echo "These packages are missing:$missing" >&2
    echo "Install them with: sudo $command" >&2
    exit 2
fi
echo "Installing:$missing"
install() { DEBIAN_FRONTEND=noninteractive $as_root $command >"$log" 2>&1; }
log=$(mktemp)
if ! install; then
    DEBIAN_FRONTEND=noninteractive $as_root apt-get update >"$log" 2>&1
    if ! install; then
        cat "$log" >&2
        rm -f "$log"
        echo "Could not install:$missing. Try: sudo apt-get update && sudo $command" >&2
        exit 2
    fi
fi
rm -f "$log"

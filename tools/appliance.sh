#!/bin/bash
# SPDX-License-Identifier: MIT
# Usage: tools/appliance.sh check ARCHITECTURE DIRECTORY    what tools/demo.sh runs, after tools/unikernel.sh build
#        tools/appliance.sh load [SECONDS [ARCHITECTURE]]   32 connections at once, for 10 seconds or so many
#        tools/appliance.sh browser [ARCHITECTURE [PNG]]    uses the page by Chromium, and makes a picture of it
# Checks what the unikernel serves by HTTP on 127.0.0.1. ARCHITECTURE is x86_64 (the default) or riscv64. The last two
# build it in build-unikernel/, and install the Debian packages they lack. Each prints one line that says what was
# verified, or what is wrong; then it exits with 1. See tools/appliance.py and examples/unikernel/README.md.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
python=/usr/bin/python3 # Debian's, which has Debian's python3-selenium
# shellcheck source=tools/packages.sh
. "$root/tools/packages.sh"

# Usage: run COMMAND ARCHITECTURE OPTION...: builds, then checks
run() {
    local command=$1 architecture=$2
    local directory=$root/build-unikernel/$architecture
    shift 2
    vpt_need_packages clang lld python3 qemu-system-x86 qemu-system-misc
    "$root/tools/unikernel.sh" build "$architecture" "$directory"
    "$python" "$root/tools/appliance.py" "$command" "$architecture" "$directory" "$@"
}

case ${1:-} in
check) "$python" "$root/tools/appliance.py" check "${2:?architecture}" "${3:?directory}" ;;
load)
    vpt_need_packages apache2-utils
    run load "${3:-x86_64}" --seconds "${2:-10}"
    ;;
browser)
    vpt_need_packages chromium chromium-driver python3-selenium
    run browser "${2:-x86_64}" --picture "${3:-$root/build-unikernel/page.png}"
    ;;
*)
    sed -n '3,8s/^# //p' "$0" >&2
    exit 2
    ;;
esac

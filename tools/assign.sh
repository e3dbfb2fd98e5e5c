#!/bin/bash
# SPDX-License-Identifier: MIT
# Usage: tools/assign.sh [DIRECTORY]
# Builds examples/assign/, with the library, in build-assign/ or the DIRECTORY, and runs it: a hypervisor's skeleton
# that assigns a disk and a network controller of QEMU to two guests in turn. Prints its table, and PASS as the first
# word of the last line; exits with 1 where a step has failed, and says which. CC (default gcc) may name another
# compiler; CFLAGS is added. Installs what a Debian 12 lacks.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
directory=$(realpath -m "${1:-$root/build-assign}")
# shellcheck source=tools/packages.sh
. "$root/tools/packages.sh"
# shellcheck source=tools/limit.sh
. "$root/tools/limit.sh"
# shellcheck source=tools/toolchains.sh
. "$root/tools/toolchains.sh"

vpt_need_packages gcc libc6-dev qemu-system-x86
cd "$root"
read -r -a extra <<<"${CFLAGS:-}"
compiler=("${CC:-gcc}" "${VPT_STRICT[@]}" -O2 "${extra[@]}")
mkdir -p "$directory"
rm -rf "$directory/objects"
vpt_objects "$directory/objects" "${compiler[@]}" -ffreestanding
"${compiler[@]}" -Iinclude -Iport -Iport/qtest examples/assign/*.c port/qtest/*.c port/page_pool.c \
    port/assign_port.c port/assign_vectors.c "$directory"/objects/*.o -o "$directory/assign"
vpt_limit 2 "$directory/assign" || {
    status=$?
    [ "$status" -eq 1 ] || printf 'FAIL\t%s\n' "$vpt_ended"
    exit "$status"
}

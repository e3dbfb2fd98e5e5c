#!/bin/bash
# SPDX-License-Identifier: MIT
# Usage: tools/kernel.sh ARCHITECTURE DIRECTORY
# Builds the example kernel, and in it the library from its sources with the kernel's flags, as DIRECTORY/kernel.elf.
# CC (default clang; it must know --target) and LD (default ld.lld) may name other tools; CFLAGS is added.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
architecture=${1:?architecture}
output=${2:?directory}
# shellcheck source=tools/freestanding.sh
. "$root/tools/freestanding.sh"

vpt_example_target "$architecture" || exit 2
cd "$root"
folder=examples/kernel/$vpt_example_folder
mapfile -t own < <(printf '%s\n' examples/kernel/*.c "$folder"/*.c \
    {"$folder",examples/kernel/"$architecture"}/*.S | sort -u)
vpt_example_build "$output" kernel.elf examples/kernel port/{page_pool,direct,cf8,ecam,x86_io,io_window}.c "${own[@]}"

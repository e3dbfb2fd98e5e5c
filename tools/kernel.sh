#!/bin/bash
# SPDX-License-Identifier: MIT
# Usage: tools/kernel.sh ARCHITECTURE DIRECTORY
# Builds the example kernel, and in it the library from its sources with the kernel's flags, as DIRECTORY/kernel.elf.
# CC (default clang; it must know --target) and LD (default ld.lld) may name other tools; CFLAGS is added.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
architecture=${1:?architecture}
output=${2:?directory}
example=$root/examples/kernel

folder=$architecture # that has the linker script, machine.c and the interrupts
case $architecture in
x86_64)
    target=(--target=x86_64-unknown-none-elf -mno-red-zone -mgeneral-regs-only)
    folder=x86
    ;;
i386)
    target=(--target=i386-unknown-none-elf -mgeneral-regs-only)
    folder=x86
    ;;
aarch64) target=(--target=aarch64-none-elf -mgeneral-regs-only -mstrict-align) ;;
riscv64) target=(--target=riscv64-unknown-elf -march=rv64imac -mabi=lp64 -mcmodel=medany -mno-relax) ;;
*)
    echo "$0: unknown architecture: $architecture" >&2
    exit 2
    ;;
esac

flags=(-std=c11 -O2 -ffreestanding -fno-pic -fno-stack-protector -ffunction-sections -fdata-sections
    -Wall -Wextra -Wconversion -Wsign-conversion -Werror)
read -r -a extra <<<"${CFLAGS:-}"

# Usage: compile SOURCE OPTION...
compile() {
    local source=$1 object
    shift
    object=$output/${source//\//_}.o
    "${CC:-clang}" "${target[@]}" "${flags[@]}" "${extra[@]}" "$@" -c "$root/$source" -o "$object"
    objects+=("$object")
}

objects=()
mkdir -p "$output"

while read -r source; do
    compile "$source" -I"$root/include" -I"$root/src"
done < <(grep -v '^#' "$root/sources.list" | grep .)

mapfile -t own < <(printf '%s\n' "$example"/{,"$folder"/}*.c "$example"/{"$folder","$architecture"}/*.S | sort -u)

# The kernel sees the public headers only. Its memcpy and memset must not be compiled into calls of themselves.
for source in "$root"/port/{page_pool,direct,cf8,ecam,x86_io,io_window}.c "${own[@]}"; do
    compile "${source#"$root"/}" -fno-builtin -I"$root/include" -I"$root/port" -I"$example"
done

"${LD:-ld.lld}" --gc-sections --fatal-warnings -nostdlib -T "$example/$folder/kernel.ld" \
    -o "$output/kernel.elf" "${objects[@]}"

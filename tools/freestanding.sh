# SPDX-License-Identifier: MIT
# Sourced by kernel.sh and unikernel.sh: builds the examples, each with the library from its sources. CC
# (default clang; it must know --target) and LD (default ld.lld) may name other tools; CFLAGS is added.
# The script that sources this has set `root`. A program of more than the root's sources adds to two arrays: the
# compiler's options for where other headers are, and other objects to link.
vpt_example_headers=()
vpt_example_linked=()

vpt_example_flags=(-std=c11 -O2 -ffreestanding -fno-pic -fno-stack-protector -ffunction-sections -fdata-sections
    -Wall -Wextra -Wconversion -Wsign-conversion -Werror)

# Usage: vpt_example_target ARCHITECTURE
# Sets vpt_example_options, the compiler's options, and vpt_example_folder, the folder in examples/kernel that has the
# linker script, machine.c and the interrupts.
vpt_example_target() {
    vpt_example_folder=$1
    case $1 in
    x86_64)
        vpt_example_options=(--target=x86_64-unknown-none-elf -mno-red-zone -mgeneral-regs-only)
        vpt_example_folder=x86
        ;;
    i386)
        vpt_example_options=(--target=i386-unknown-none-elf -mgeneral-regs-only)
        vpt_example_folder=x86
        ;;
    aarch64) vpt_example_options=(--target=aarch64-none-elf -mgeneral-regs-only -mstrict-align) ;;
    riscv64)
        vpt_example_options=(--target=riscv64-unknown-elf -march=rv64imac -mabi=lp64 -mcmodel=medany -mno-relax)
        ;;
    *)
        echo "$0: unknown architecture: $1" >&2
        return 1
        ;;
    esac
}

# Usage: vpt_example_compile DIRECTORY SOURCE OPTION...: into an object there, whose name is added to
# vpt_example_objects.
vpt_example_compile() {
    local directory=$1 source=$2 object extra
    shift 2
    object=$directory/${source//\//_}.o
    read -r -a extra <<<"${CFLAGS:-}"
    "${CC:-clang}" "${vpt_example_options[@]}" "${vpt_example_flags[@]}" "${extra[@]}" "$@" -c "$root/$source" \
        -o "$object" || return 1
    vpt_example_objects+=("$object")
}

# Usage: vpt_example_build DIRECTORY PROGRAM INCLUDES SOURCE...
# Builds the library and the sources (relative to the root), which see its public headers, port/ and the folders named
# in INCLUDES, with spaces between, and links them as DIRECTORY/PROGRAM by the linker script of the target.
vpt_example_build() {
    local directory=$1 program=$2 source folder includes=(-I"$root/include" -I"$root/port")
    for folder in $3; do
        includes+=(-I"$root/$folder")
    done
    shift 3
    vpt_example_objects=()
    mkdir -p "$directory" || return 1
    while read -r source; do
        vpt_example_compile "$directory" "$source" -I"$root/include" || return 1
    done < <(cat "$root"/sources/*.list)
    # The compiler must not turn the loops of memcpy and memset into calls of memcpy and memset.
    for source in "$@"; do
        vpt_example_compile "$directory" "$source" -fno-builtin "${includes[@]}" "${vpt_example_headers[@]}" || return 1
    done
    "${LD:-ld.lld}" --gc-sections --fatal-warnings -nostdlib -T "$root/examples/kernel/$vpt_example_folder/kernel.ld" \
        -o "$directory/$program" "${vpt_example_objects[@]}" "${vpt_example_linked[@]}"
}

# SPDX-License-Identifier: MIT
# Sourced by the gates and size.sh: how the library is compiled without an operating system.

VPT_CROSS_PACKAGES=(gcc clang llvm lld binutils gcc-aarch64-linux-gnu gcc-arm-linux-gnueabi gcc-riscv64-linux-gnu
    gcc-s390x-linux-gnu)

# Warnings that no file of the library, no file of port/ and no header may cause: for both compilers in C and C++, for C
# alone, and for one compiler alone.
VPT_WARNINGS=(-Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wcast-qual -Wshadow -Wundef -Wpointer-arith -Wvla
    -Wcast-align -Wmissing-declarations -Wredundant-decls -Wwrite-strings -Wformat=2 -Wdouble-promotion -Wunused-macros
    -Wimplicit-fallthrough -Wnull-dereference -Wfloat-equal -Wdate-time -Werror)
VPT_WARNINGS_C=(-Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wnested-externs -Wbad-function-cast
    -Wdeclaration-after-statement)
VPT_WARNINGS_CXX=(-Wold-style-cast -Wzero-as-null-pointer-constant)
VPT_WARNINGS_gcc=(-Wcast-align=strict -Wlogical-op -Wduplicated-cond -Wduplicated-branches -Walloca)
VPT_WARNINGS_clang=(-Wcomma -Wextra-semi -Wunreachable-code -Wmissing-variable-declarations
    -Wconditional-uninitialized -Wreserved-identifier)

# Debian's gcc makes PIE unless it is told otherwise. Unwind tables are turned off because no kernel needs them.
VPT_STRICT=(-std=c11 "${VPT_WARNINGS[@]}" "${VPT_WARNINGS_C[@]}")
VPT_FREESTANDING=(-ffreestanding -fno-pie -fno-stack-protector -fno-unwind-tables -fno-asynchronous-unwind-tables
    -ffunction-sections -fdata-sections)

# Usage: vpt_compiler COMPILER TARGET: prints the words of the command, one a line; non-zero for an unknown pair.
vpt_compiler() {
    case $1-$2 in
    clang-*) printf '%s\n' clang "--target=$2-unknown-none-elf" ;;
    gcc-x86_64) printf '%s\n' gcc -m64 ;;
    gcc-i386) printf '%s\n' gcc -m32 ;;
    gcc-arm) echo arm-linux-gnueabi-gcc ;;
    gcc-*) echo "$2-linux-gnu-gcc" ;;
    *) return 1 ;;
    esac
}

# Usage: vpt_freestanding_command COMPILER TARGET OPTIMIZATION FLAGS: sets `command`, which compiles with these flags, a
# field of tests/freestanding/variants.tsv.
vpt_freestanding_command() {
    local flag
    local -n own_warnings=VPT_WARNINGS_$1
    mapfile -t command < <(vpt_compiler "$1" "$2")
    command+=("${VPT_STRICT[@]}" "${own_warnings[@]}" "${VPT_FREESTANDING[@]}" "$3")
    for flag in $4; do
        case $flag in
        -) ;;
        @types) command+=(-nostdinc -Itests '-DVPT_TYPES_HEADER="freestanding/freestanding_types.h"') ;;
        *) command+=("$flag") ;;
        esac
    done
}

# Usage: vpt_objects DIRECTORY COMMAND...: compiles each file of the lists in the current directory's sources/ into
# DIRECTORY.
# An object is named after its source, with the folders kept, since two folders may hold files of one name. Where
# VPT_OBJECTS names a folder, scripts that compile by the same command share the objects there.
vpt_objects() {
    local directory=$1 shared own
    shift
    mkdir -p "$directory" || return 1
    [ -n "${VPT_OBJECTS:-}" ] || { vpt_compile_all "$directory" "$@"; return; }
    shared=$VPT_OBJECTS/$(md5sum <<<"$*" | cut -d ' ' -f 1)
    if [ ! -d "$shared" ]; then
        mkdir -p "$VPT_OBJECTS" && own=$(mktemp -d "$shared.XXXXXX") || return 1
        vpt_compile_all "$own" "$@" 2>"$own/messages" || { cat "$own/messages" >&2; return 1; }
        # Another script may have compiled the same object meanwhile.
        mv -T "$own" "$shared" 2>/dev/null || [ -d "$shared" ] || return 1
    fi
    cat "$shared/messages" >&2
    cp "$shared"/*.o "$directory"
}

# Usage: vpt_compile_all DIRECTORY COMMAND...
vpt_compile_all() {
    local directory=$1 source
    shift
    while read -r source; do
        "$@" -Iinclude -c "$source" -o "$directory/$(vpt_object_name "$source")" || return 1
    done < <(cat sources/*.list)
}

# Usage: vpt_port_objects DIRECTORY COMMAND...: the same for the ready-made port functions. The template only has to
# compile: it calls a kernel that is not there.
vpt_port_objects() {
    local directory=$1 source
    shift
    mkdir -p "$directory" || return 1
    for source in port/*.c; do
        case $source in
        port/template.c) "$@" -Iinclude -fsyntax-only "$source" || return 1 ;;
        *) "$@" -Iinclude -c "$source" -o "$directory/$(vpt_object_name "$source")" || return 1 ;;
        esac
    done
}

# Usage: vpt_object_name src/queue/queue_common.c: prints queue-queue_common.o
vpt_object_name() {
    local name=${1#src/}
    name=${name%.c}
    echo "${name//\//-}.o"
}

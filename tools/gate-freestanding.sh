#!/bin/bash
# SPDX-License-Identifier: MIT
# Builds the archive and the ready-made port functions freestanding, for every line of tests/freestanding/variants.tsv
# at the levels that it names, and checks what a kernel that links them relies on. Prints one line a variant and level
# (PASS) or a failed check (FAIL), fields tab-separated; exits non-zero on any failure.
#
#   compile     no warning, at what a kernel's own flags may ask for (VPT_WARNINGS in tools/toolchains.sh)
#   undefined   nothing is needed but memcpy and memset, and what the target's compiler or linker makes of them
#   names       every global symbol begins with vpt_
#   data        no writable data (relocated constants under PIE only), no common symbols
#   tls         no thread-local storage
#   stack       no object asks for an executable stack
#   registers   no instruction names a reserved or floating-point register, where the variant forbids some
set -u -o pipefail
export LC_ALL=C
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd) || exit 1
cd "$root" || exit 1
. tools/packages.sh
. tools/toolchains.sh

fail() {
    printf 'FAIL\tfreestanding\t%s\t%s\n' "$name" "$1"
    failed=1
}

# Usage: symbols NM-OPTION... ARCHIVE...: sorted names, without the lines that name members.
symbols() {
    llvm-nm -j "$@" | grep -v -e ':$' -e '^$' | sort -u
}

# The library alone, then the library with the port functions: each may need nothing that is not in it.
check_undefined() {
    local allowed='memcpy|memset|_GLOBAL_OFFSET_TABLE_' extra
    [ "$target" = arm ] && allowed+='|__aeabi_(memcpy|memset|memclr)[48]?'
    extra=$(comm -23 <(symbols -u "$@") <(symbols -U -g "$@") | grep -v -x -E "$allowed" | paste -s -d ' ')
    [ -z "$extra" ] || fail "undefined: $extra"
}

check_names() {
    # gcc keeps its own position-independent helpers for i386 in hidden, mergeable sections.
    local extra
    extra=$(symbols -U -g "$@" | grep -v -e '^__x86\.get_pc_thunk\.' -e '^vpt_' | paste -s -d ' ')
    [ -z "$extra" ] || fail "names: $extra"
    # grep counts instead of stopping at the first match, which would make the writer of the pipe fail.
    [ "$(symbols -U -g "$1" | grep -c '^vpt_')" -gt 0 ] || fail "names: the archive defines nothing"
}

# After the number is cut off a line of the section table, the flags are its seventh field, if it has flags.
check_sections() {
    local problem
    while read -r problem; do
        fail "$problem"
    done < <(llvm-readelf -W -S "$@" | awk -v pie="$pie" '
        /^File: / { object = $0; sub(/.*\(/, "", object); sub(/\)$/, "", object); objects++ }
        !sub(/^ *\[ *[0-9]+\] */, "") || $1 == "NULL" { next }
        { flags = NF == 10 ? $7 : ""; allocated += flags ~ /A/ }
        flags ~ /T/ { print "tls: " object " has " $1 }
        flags ~ /W/ && flags !~ /T/ && $5 !~ /^0+$/ && !(pie && $1 ~ /^\.data\.rel\.ro/) {
            print "data: " object " has " $1 " of 0x" $5 " bytes"
        }
        $1 ~ /^\.(preinit_array|init_array|fini_array|ctors|dtors)/ { print "data: " object " has " $1 }
        $1 == ".note.GNU-stack" && flags ~ /X/ { print "stack: " object }
        END { if (objects == 0 || allocated < objects) print "data: section tables not understood" }')
}

# Under PIE a relocated constant is listed as data too: there its section decides.
check_variables() {
    local variables
    variables=$(llvm-nm "$@" | awk -v pie="$pie" '
        NF >= 2 && $(NF - 1) ~ (pie ? /^[bBC]$/ : /^[bBdDC]$/) { print $NF }' | paste -s -d ' ')
    [ -z "$variables" ] || fail "data: variables: $variables"
}

check_registers() {
    local lines
    [ "$forbidden" != - ] || return 0
    # Instructions start with a blank; what follows < is a symbol's name.
    lines=$(llvm-objdump -d --no-show-raw-insn --no-leading-addr "$@" | grep -E $'^ *\t?[a-z].*[ \t]' |
        sed 's/<.*//' | grep -E "(^|[^0-9a-zA-Z_])$forbidden([^0-9a-z_]|\$)" | head -n 3 | tr -s '[:space:]' ' ')
    [ -z "$lines" ] || fail "registers: $lines"
}

# Usage: variant DIRECTORY OPTIMIZATION COMPILER TARGET VARIANT FLAGS FORBIDDEN
variant() {
    local directory=$1 optimization=$2 compiler=$3 flags=$6 failed=0 pie=0 command
    local target=$4 forbidden=$7 name="$3 $4 $5 $2"
    [[ $flags != *-fPIE* ]] || pie=1
    vpt_freestanding_command "$compiler" "$target" "$optimization" "$flags"
    directory="$directory/$compiler-$target-$5$optimization"
    if ! { vpt_objects "$directory" "${command[@]}" && vpt_port_objects "$directory/port" "${command[@]}"; } \
        2>"$directory.log"; then
        fail "compile: $(grep -E 'error|warning' "$directory.log" | head -n 3 | paste -s -d ';'): ${command[*]}"
        return 1
    fi
    [ ! -s "$directory.log" ] || fail "compile: $(head -n 1 "$directory.log")"
    llvm-ar rcs "$directory/libvpt.a" "$directory"/*.o && llvm-ar rcs "$directory/libport.a" "$directory"/port/*.o ||
        fail "archive: not made"
    check_undefined "$directory/libvpt.a"
    check_undefined "$directory/libvpt.a" "$directory/libport.a"
    check_names "$directory/libvpt.a" "$directory/libport.a"
    check_sections "$directory/libvpt.a" "$directory/libport.a"
    check_variables "$directory/libvpt.a" "$directory/libport.a"
    check_registers "$directory/libvpt.a" "$directory/libport.a"
    [ "$failed" -ne 0 ] || printf 'PASS\tfreestanding\t%s\n' "$name"
    return "$failed"
}

if [ "${1:-}" = --variant ]; then
    shift
    variant "$@"
    exit
fi

vpt_need_packages "${VPT_CROSS_PACKAGES[@]}" || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
while IFS=$'\t' read -r -a fields; do
    [ "${#fields[@]}" -eq 6 ] || { echo "tests/freestanding/variants.tsv: six fields expected: ${fields[*]}"; exit 1; }
    for optimization in ${fields[3]}; do
        printf '%s\0' "$work" "$optimization" "${fields[@]:0:3}" "${fields[@]:4}"
    done
done < <(grep -v '^#' tests/freestanding/variants.tsv) >"$work/arguments"
# Each child of xargs writes a variant's lines at once, so that the lines of two children do not mix.
xargs -0 -n 7 -P "$(nproc)" bash -c 'lines=$("$0" --variant "$@"); status=$?; printf "%s\n" "$lines"; exit $status' \
    "$root/tools/gate-freestanding.sh" <"$work/arguments" >"$work/lines"
status=$?
sort -u "$work/lines"
expected=$(($(tr -dc '\0' <"$work/arguments" | wc -c) / 7))
passed=$(grep -c '^PASS' "$work/lines")
printf '%s\tfreestanding\t%d of %d variants\n' "$([ "$passed" -eq "$expected" ] && echo PASS || echo FAIL)" \
    "$passed" "$expected"
[ "$status" -eq 0 ] && [ "$passed" -eq "$expected" ] && [ "$expected" -gt 0 ]

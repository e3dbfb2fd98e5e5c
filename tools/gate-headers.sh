#!/bin/bash
# SPDX-License-Identifier: MIT
# Usage: tools/gate-headers.sh [COMPILER...]
# Checks each header that a kernel may include, of the library and of port/, on its own, with the named compilers (gcc,
# clang) or with both. Prints one line a check, fields tab-separated: PASS or FAIL, "headers", the header, the check;
# exits non-zero on any failure.
#
#   c11, c++17      compiles alone, without a warning, with each macro that gives a number expanded
#   replaced types  the same without any standard header, with tests/freestanding/freestanding_types.h in their place
#   names           all that it defines begins with vpt_ or VPT_
#   includes        it includes <vpt/...> only (port/: and its neighbours); types.h alone also the three standard
#                   headers or their replacement
#   in vpt.h        <vpt/vpt.h> includes it
set -u -o pipefail
export LC_ALL=C
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd) || exit 1
cd "$root" || exit 1
. tools/packages.sh
. tools/toolchains.sh

compilers=("$@")
[ $# -gt 0 ] || compilers=(gcc clang)
vpt_need_packages "${compilers[@]}" g++ libc6-dev python3 || exit 1
replaced=(-ffreestanding -nostdinc -Itests '-DVPT_TYPES_HEADER="freestanding/freestanding_types.h"')
failures=0
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

# Usage: report HEADER CHECK PROBLEM: an empty problem is a pass.
report() {
    if [ -z "$3" ]; then
        printf 'PASS\theaders\t%s\t%s\n' "$1" "$2"
    else
        printf 'FAIL\theaders\t%s\t%s\t%s\n' "$1" "$2" "$3"
        failures=$((failures + 1))
    fi
}

# Usage: expansions HEADER: prints a function for each macro that takes numbers, and for each integer type that a kernel
# may pass to it.
expansions() {
    local macro parameters type function n=0
    while IFS='()' read -r macro parameters; do
        for type in int uint16_t uint32_t size_t; do
            function="size_t vpt_expand_$((n++))($(sed -E "s/[a-z_]+/$type &/g" <<<"$parameters"))"
            printf '%s;\n%s\n{\n    return %s(%s);\n}\n' "$function" "$function" "$macro" "$parameters"
        done
    done < <(sed -n 's/^#define \(VPT_[A-Z0-9_]*([a-z_, ]*\)).*/\1/p' "$1" | grep -v -E '[(, ]type\b')
}

# Usage: compiles HEADER CHECK COMPILER LANGUAGE OPTION...: includes it twice, to test the include guard too.
compiles() {
    local header=$1 check=$2 compiler=$3 language=$4 problem=
    local -n own_warnings=VPT_WARNINGS_$compiler
    local warnings=("${VPT_WARNINGS[@]}" "${own_warnings[@]}")
    [ "$language" = c++ ] && warnings+=("${VPT_WARNINGS_CXX[@]}") || warnings+=("${VPT_WARNINGS_C[@]}")
    shift 4
    { printf '#include <%s>\n#include <%s>\nextern int vpt_nothing;\n' "$header" "$header" && expansions "$file"; } |
        "$compiler" -x "$language" "$@" "${warnings[@]}" -Iinclude -I. -fsyntax-only - >"$work/log" 2>&1 ||
        problem="failed: $(grep -E 'error|warning|not found' "$work/log" | head -n 3 | paste -s -d ';')"
    report "$header" "$check" "$problem"
}

check_names() {
    local problem
    if ! python3 tools/public-names.py "$1" >"$work/names" 2>"$work/log" || [ ! -s "$work/names" ]; then
        problem="public-names.py: $(tail -n 1 "$work/log")"
    else
        problem=$(awk -F '\t' '$2 !~ /^(vpt_|VPT_)/ { print $1 " " $2 }' "$work/names" | paste -s -d ';')
    fi
    report "$1" names "$problem"
}

check_includes() {
    local allowed='<vpt/[a-z0-9_]+\.h>'
    case $1 in
    vpt/types.h) allowed+='|<std(bool|def|int)\.h>|VPT_TYPES_HEADER' ;;
    port/*) allowed+='|"[a-z0-9_]+\.h"' ;;
    esac
    report "$1" includes "$(grep -E '^[[:space:]]*#[[:space:]]*include' "$file" |
        grep -v -x -E "[[:space:]]*#[[:space:]]*include[[:space:]]+($allowed)" | paste -s -d ';')"
}

for file in include/vpt/*.h port/*.h; do
    header=${file#include/}
    [ -f "$file" ] || { report "$header" c11 "no header found"; break; }
    for compiler in "${compilers[@]}"; do
        compiles "$header" "c11 $compiler" "$compiler" c -std=c11
        compiles "$header" "c++17 $compiler" "$compiler" c++ -std=c++17
        compiles "$header" "replaced types c11 $compiler" "$compiler" c -std=c11 "${replaced[@]}"
        compiles "$header" "replaced types c++17 $compiler" "$compiler" c++ -std=c++17 "${replaced[@]}"
    done
    compiles "$header" "c11 i386 ${compilers[0]}" "${compilers[0]}" c -m32 -ffreestanding -std=c11
    check_names "$header"
    check_includes "$header"
    [[ $header == @(vpt/vpt.h|port/*) ]] || grep -q -F "#include <$header>" include/vpt/vpt.h ||
        report "$header" "in vpt.h" "it is not there"
done
[ "$failures" -eq 0 ]

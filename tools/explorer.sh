#!/bin/bash
# SPDX-License-Identifier: MIT
# Usage: tools/explorer.sh [PATTERN...]
# Explores the queue and a device in every order of their accesses to memory (tests/explorer/): no wake-up is lost. The
# library is built by gcc for speed, and by clang for small code; the second build does without the scenarios that take
# the longest. Then this shows that a lost wake-up would be found: tests/explorer/faults.tsv says which fences, second
# looks and the like are taken out of the library, one at a time, which scenarios are explored then, and what must be
# found. A fault "small-*" is tried with small code. With PATTERNs it only tries the faults with such names.
# Prints a line each: PASS or FAIL, what was explored, how many states there are, and what was found. Works in
# build-explorer/, or in the directory that VPT_EXPLORER_DIR names. To see how the wake-up of the last fault was lost,
# run DIRECTORY/faults-O1/explorer with --trace and the scenario's name.
set -u -o pipefail
export LC_ALL=C
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd) || exit 1
cd "$root" || exit 1
. tools/packages.sh
. tools/limit.sh
vpt_need_packages gcc clang libc6-dev make || exit 1
work=$(realpath -m "${VPT_EXPLORER_DIR:-$root/build-explorer}")
tree=$work/tree
failed=0

# Usage: build NAME [MAKE-ARGUMENT...]: makes the program DIRECTORY/NAME/explorer of the copy.
build() {
    vpt_limit 30 make -s -C "$tree" -f tests/explorer/Makefile -j 2 out="$work/$1" "${@:2}" >"$work/log" 2>&1 ||
        { cat "$work/log"; return 1; }
}

# Usage: explore NAME SCENARIO...
explore() {
    vpt_limit 90 "$work/$1/explorer" "${@:2}" | sed "s/^\([A-Z]*\)\t/\1\t$1\t/" || failed=1
}

# Usage: try NAME FILE SCENARIOS FOUND TEXT REPLACEMENT
try() {
    local file=src/$2 text replacement content outcome optimization=-O1
    [[ $1 != small-* ]] || optimization=-Os
    printf -v text '%b' "$5"
    printf -v replacement '%b' "${6:-}"
    content=$(cat "$file" && echo .) # the dot keeps the new lines at the end
    if [[ $content == *"$text"* && ${content#*"$text"} != *"$text"* ]]; then
        content=${content/"$text"/"$replacement"}
        printf '%s' "${content%.}" >"$tree/$file"
        if build "faults$optimization" OPTIMIZATION="$optimization"; then
            outcome=$(vpt_limit 60 "$work/faults$optimization/explorer" "$3" | tail -n 1)
        else
            outcome='it does not compile'
        fi
        cp "$file" "$tree/$file"
    else
        outcome='its text is not there once'
    fi
    # shellcheck disable=SC2053 # a pattern it is
    if [[ $outcome == FAIL*$'\t'$4 ]]; then
        printf 'PASS\tfault %s\t%s\n' "$1" "${outcome#*$'\t'}"
    else
        printf 'FAIL\tfault %s\t%s\n' "$1" "$outcome"
        failed=1
    fi
}

rm -rf "$work"
mkdir -p "$tree/tests" || exit 1
cp -r include sources src "$tree" && cp -r tests/explorer "$tree/tests" || exit 1
if [ $# -eq 0 ]; then
    build speed CC=gcc OPTIMIZATION=-O2 && explore speed || failed=1
    build small CC=clang OPTIMIZATION=-Os &&
        explore small '*beginning' '*lists' '*, switching' '*steps' '*line' '*slots' '*order' '*emulated' ||
        failed=1
    set -- '*'
fi
while IFS=$'\t' read -r -a row <&3; do
    for pattern in "$@"; do
        # shellcheck disable=SC2053 # a pattern it is
        [[ ${row[0]} != $pattern ]] || { try "${row[@]}"; break; }
    done
done 3< <(tail -n +2 tests/explorer/faults.tsv)
exit "$failed"

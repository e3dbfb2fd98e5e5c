#!/bin/bash
# SPDX-License-Identifier: MIT
# Usage: tools/explorer.sh [PATTERN...]
# Explores the queue and a device in every order of their accesses to memory (tests/explorer/), and finds no lost
# wake-up: with the library as gcc builds it for speed, and as clang does for small code. Then shows that it would find
# one: tests/explorer/faults.tsv lists fences, second looks and the like, one at a time is taken out of the library, and
# the exploration of the named scenarios has to find what the table says. PATTERN: only the faults with such a name.
# Prints a line each: PASS or FAIL, what was explored, how many states there are, what was found. Works in
# build-explorer/, or in the directory that VPT_EXPLORER_DIR names.
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

# Usage: explore NAME
explore() {
    vpt_limit 90 "$work/$1/explorer" | sed "s/^\([A-Z]*\)\t/\1\t$1\t/" || failed=1
}

# Usage: try NAME FILE SCENARIOS FOUND TEXT REPLACEMENT
try() {
    local file=src/$2 text replacement content outcome
    [ -e "$file" ] || return
    printf -v text '%b' "$5"
    printf -v replacement '%b' "$6"
    content=$(cat "$file" && echo .) # the dot keeps the new lines at the end
    if [[ $content == *"$text"* && ${content#*"$text"} != *"$text"* ]]; then
        content=${content/"$text"/"$replacement"}
        printf '%s' "${content%.}" >"$tree/$file"
        if build faults; then
            outcome=$(vpt_limit 60 "$work/faults/explorer" "$3" | tail -n 1)
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
    build small CC=clang OPTIMIZATION=-Os && explore small || failed=1
    set -- '*'
fi
while IFS=$'\t' read -r -a row <&3; do
    for pattern in "$@"; do
        # shellcheck disable=SC2053 # a pattern it is
        [[ ${row[0]} != $pattern ]] || { try "${row[@]}"; break; }
    done
done 3< <(tail -n +2 tests/explorer/faults.tsv)
exit "$failed"

#!/bin/bash
# SPDX-License-Identifier: MIT
# Usage: tools/mutants.sh [PATTERN...]
# Says which faults in the library the units notice. tools/mutants.tsv lists the faults: a name, the file in src/,
# whether the units are known to notice it, a text that occurs once in the file ("\n" for a new line), and what it is
# replaced by. Runs those whose names match a pattern (as "queue-*"), or all, and prints a line each: the name, noticed
# or unnoticed or stale (its text is not in the file, or more than once) or broken (it does not compile), and the test
# that failed. Fails unless each was run, and everything that is listed as noticed was noticed.
#
# Works on a copy of the tree in build-mutants/ (or VPT_MUTANTS_DIR), which keeps the results: as long as nothing has
# changed, what was run is not run again. Of long campaigns few steps are run (VPT_TEST_STRIDE).
set -u -o pipefail
export LC_ALL=C
export VPT_TEST_STRIDE=${VPT_TEST_STRIDE:-29}
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd) || exit 1
cd "$root" || exit 1
. tools/packages.sh
. tools/limit.sh
vpt_need_packages gcc meson ninja-build pkg-config git || exit 1
work=${VPT_MUTANTS_DIR:-$root/build-mutants}
copy=$work/tree
results=$work/results.tsv
# Without those of two threads, which take long where other work is done beside them.
units=("$work/build/tests/unit/vpt-tests" --without=queue_threads::)
mkdir -p "$copy" || exit 1

# What differs is copied with a new time, so that Ninja builds it again whatever an interrupted run has left.
copy_tree() {
    local file
    git ls-files >"$work/files" || exit 1
    while read -r file; do
        if [ -f "$file" ] && ! cmp -s "$file" "$copy/$file"; then
            mkdir -p "$copy/${file%/*}" || exit 1
            cp "$file" "$copy/$file" || exit 1
        fi
    done < <(grep / "$work/files"; grep -v / "$work/files" | sed 's,^,./,')
    while read -r file; do
        [ ! -f "$file" ] || cat "$file"
    done <"$work/files" | sha256sum >"$work/now"
    cmp -s "$work/now" "$work/then" || rm -f "$results"
    mv "$work/now" "$work/then"
    touch "$results"
}

set_up() {
    tools/stand-in.sh "$work" gcc || exit 1
    [ -e "$work/build/build.ninja" ] || PKG_CONFIG_LIBDIR=$work vpt_must "$work/log" 6 \
        meson setup "$work/build" "$copy" -Dtests=enabled -Dbuildtype=plain -Doptimization=1 -Dwerror=false -Dc_args=-w
    rm -f "${units[0]}"
    vpt_must "$work/log" 60 ninja -C "$work/build" -j "$(nproc)" tests/unit/vpt-tests
    vpt_must "$work/log" 20 "${units[@]}" --timeout-factor=5
}

# Usage: try FOLDER: builds the copy and runs the units, those of the folder first; sets `outcome` and `witness`.
try() {
    local first=${1/transport/virtio_pci}
    outcome=broken witness=
    ninja -C "$work/build" tests/unit/vpt-tests >"$work/log" 2>&1 || return
    outcome=unnoticed
    # A test that does not end is as good as one that fails.
    timeout --kill-after=5 150 "${units[@]}" --fail-fast --first="$first" >"$work/log" 2>&1 && return
    outcome=noticed
    witness=$(sed -n 's/^\[FAIL\] \([^ ]*\).*/\1/p' "$work/log" | head -n 1)
}

# Usage: run NAME FILE TEXT REPLACEMENT: sets `outcome` and `witness`
run() {
    local file=src/$2 text replacement content
    printf -v text '%b' "$3"
    printf -v replacement '%b' "$4"
    outcome=stale witness=
    # The dot keeps the new lines at the end.
    content=$(cat "$file" && echo .) || return
    [[ $content == *"$text"* && ${content#*"$text"} != *"$text"* ]] || return
    content=${content/"$text"/"$replacement"}
    printf '%s' "${content%.}" >"$copy/$file"
    try "${2%%/*}"
    cp "$file" "$copy/$file"
}

# Usage: wanted NAME PATTERN...
wanted() {
    local name=$1 pattern
    shift
    [ $# -gt 0 ] || return 0
    for pattern in "$@"; do
        # shellcheck disable=SC2053 # a pattern it is
        [[ $name != $pattern ]] || return 0
    done
    return 1
}

copy_tree
set_up
failed=0
while IFS=$'\t' read -r name file known text replacement <&3; do
    wanted "$name" "$@" || continue
    if ! grep -P "^\Q$name\E\t" "$results"; then
        run "$name" "$file" "$text" "$replacement"
        printf '%s\t%s\t%s\n' "$name" "$outcome" "$witness" | tee -a "$results"
    fi
    case $(grep -P "^\Q$name\E\t" "$results" | cut -f 2) in
    noticed) ;;
    unnoticed) [ "$known" != noticed ] || failed=1 ;;
    *) failed=1 ;;
    esac
done 3< <(tail -n +2 tools/mutants.tsv)
exit "$failed"

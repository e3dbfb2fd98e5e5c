#!/bin/bash
# SPDX-License-Identifier: MIT
# Builds tests/threads/ with the library by clang with the thread sanitizer, in a temporary directory, and runs it.
# Prints a line a scenario and one for the sanitizer itself, PASS or FAIL; exits non-zero on any failure, and on any
# report.
set -u -o pipefail
export LC_ALL=C
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd) || exit 1
cd "$root" || exit 1
. tools/packages.sh
. tools/limit.sh
vpt_need_packages clang libclang-rt-dev llvm libc6-dev meson ninja-build pkg-config libcriterion-dev || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

export CC=clang
vpt_must "$work/log" 6 meson setup "$work/build" -Dtests=enabled -Db_sanitize=thread -Db_lundef=false \
    -Dbuildtype=debugoptimized
vpt_must "$work/log" 30 ninja -C "$work/build" -j 2 tests/threads/vpt-threads
program=$work/build/tests/threads/vpt-threads

# This race is deliberate: if it is not reported, the sanitizer does not work.
TSAN_OPTIONS="exitcode=66" vpt_limit 6 "$program" --race >"$work/log" 2>&1
if [ $? -eq 66 ] && grep -q 'ThreadSanitizer: data race' "$work/log"; then
    printf 'PASS\tthreads\ta race is reported\n'
else
    cat "$work/log"
    printf 'FAIL\tthreads\ta race is not reported: %s\n' "$vpt_ended"
    exit 1
fi

TSAN_OPTIONS="exitcode=66 log_path=$work/report" vpt_limit 20 "$program"
status=$?
cat "$work"/report.* 2>/dev/null | head -n 100
if [ "$status" -ne 0 ] || compgen -G "$work/report.*" >/dev/null; then
    printf 'FAIL\tthreads\t%s\n' "$vpt_ended"
    exit 1
fi

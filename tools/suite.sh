#!/bin/bash
# SPDX-License-Identifier: MIT
# Usage: tools/suite.sh COMMAND...
# Runs a suite that ends with Criterion's synthesis line, and exits non-zero unless it ran tests, all of them passed and
# no sanitizer reported anything: an exit status alone says neither that any ran, nor that a test left no leak behind.
set -u -o pipefail
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

# Usage: criterions_own_leak REPORT: whether Criterion itself allocated everything that leaked. Then the frame that
# called the allocator lies in Criterion's library, and no test can cause that.
criterions_own_leak() {
    grep -q 'ERROR: LeakSanitizer' "$1" && ! grep -q 'ERROR: AddressSanitizer\|runtime error' "$1" &&
        ! grep -E '^ *#1 ' "$1" | grep -qv '/libcriterion\.so'
}

passed_all() {
    local tested passing failing crashing number='\([0-9]*\)'
    read -r tested passing failing crashing < <(sed -n \
        "s/.*Synthesis: Tested: $number | Passing: $number | Failing: $number | Crashing: $number.*/\1 \2 \3 \4/p" \
        "$work/log" | tail -n 1)
    [ "${tested:-0}" -gt 0 ] && [ "$passing" -eq "$tested" ] && [ "$failing" -eq 0 ] && [ "$crashing" -eq 0 ]
}

# Criterion does not see a report that comes after a test's end, as one of a leak does. So each report goes to a file of
# its own, and one report is enough to fail.
ASAN_OPTIONS="detect_leaks=1:halt_on_error=1:detect_stack_use_after_return=1:log_path=$work/report" \
    UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1:log_path=$work/report" "$@" 2>&1 | tee "$work/log"
status=$?
failed=0
for report in "$work"/report.*; do
    [ -e "$report" ] || continue
    if criterions_own_leak "$report"; then
        # The leak alone made the runner's status; the synthesis says whether the tests passed.
        [ "$status" -ne 1 ] || status=0
        continue
    fi
    printf 'FAIL\tsanitizer report\n'
    head -n 60 "$report"
    failed=1
done
[ "$status" -eq 0 ] && [ "$failed" -eq 0 ] && passed_all

#!/bin/bash
# SPDX-License-Identifier: MIT
# Usage: tools/suite.sh COMMAND...
# Runs a suite that ends with Criterion's synthesis line, and exits non-zero unless it ran tests, all of them passed and
# no sanitizer reported anything: an exit status alone does not say that any ran.
set -u -o pipefail
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

passed_all() {
    local tested passing failing crashing number='\([0-9]*\)'
    read -r tested passing failing crashing < <(sed -n \
        "s/.*Synthesis: Tested: $number | Passing: $number | Failing: $number | Crashing: $number.*/\1 \2 \3 \4/p" \
        "$work/log" | tail -n 1)
    [ "${tested:-0}" -gt 0 ] && [ "$passing" -eq "$tested" ] && [ "$failing" -eq 0 ] && [ "$crashing" -eq 0 ]
}

# A report may come where no test sees it. So each goes to a file of its own, and one report is enough to fail. The
# library allocates nothing, and the simulated machine counts what it lent; so the sanitizer need not look for leaks.
ASAN_OPTIONS="detect_leaks=0:halt_on_error=1:detect_stack_use_after_return=1:log_path=$work/report" \
    UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1:log_path=$work/report" "$@" 2>&1 | tee "$work/log"
status=$?
failed=0
for report in "$work"/report.*; do
    [ -e "$report" ] || continue
    printf 'FAIL\tsanitizer report\n'
    head -n 60 "$report"
    failed=1
done
[ "$status" -eq 0 ] && [ "$failed" -eq 0 ] && passed_all

#!/bin/bash
# SPDX-License-Identifier: MIT
# Tests everything: the Criterion suite on the simulated device by gcc and by clang, plain and with sanitizers, for a
# big-endian and for a 32-bit CPU, the one on QEMU's devices, threads, the gates, the sizes, the proof, the demo.
# Installs the Debian packages it lacks. Works in build-check/, where each step leaves its log. Prints one line a step
# (PASS or FAIL, its name, seconds) in the order in which they end, what failed, and at the end Criterion's synthesis of
# every suite that ran; exits non-zero if anything failed.
set -u -o pipefail
export LC_ALL=C
exec </dev/null
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd) || exit 1
cd "$root" || exit 1
. tools/packages.sh

build=$root/build-check
logs=$build/logs
suites=(gcc gcc-devices clang gcc-sanitized clang-sanitized clang-sanitized-devices s390x i386)

# Usage: step NAME SECONDS COMMAND...: runs it into a log of that name, for at most so long. A function of this script
# gets the limit as its last argument and keeps it itself. What failed is remembered in a file: steps run in two lanes.
step() {
    local name=$1 limit=$2 started=$SECONDS status
    shift 2
    if [ "$(type -t "$1")" = function ]; then
        "$@" "$limit" >"$logs/$name.log" 2>&1
    else
        timeout --kill-after=10 "$limit" "$@" >"$logs/$name.log" 2>&1
    fi
    status=$?
    if [ "$status" -eq 0 ]; then
        printf 'PASS\t%s\t%d s\n' "$name" $((SECONDS - started))
        return 0
    fi
    echo "$name" >>"$logs/failed"
    printf '%s\n' "$(tell_failure "$name" "$limit" "$status" $((SECONDS - started)))"
    return 1
}

# Usage: tell_failure NAME LIMIT STATUS SECONDS
tell_failure() {
    printf 'FAIL\t%s\t%d s\t%s\n' "$1" "$4" "$([ "$3" -eq 124 ] && echo "not done after $2 s" || echo "status $3")"
    grep -E '^(FAIL|\[FAIL\])' "$logs/$1.log" | head -n 40
    echo "---- end of $1.log:"
    tail -n 40 "$logs/$1.log"
    echo "----"
}

# Usage: synthesis LOG: Criterion's last synthesis line in it.
synthesis() {
    grep -F '[====] Synthesis:' "$1" 2>/dev/null | tail -n 1
}

# Fails unless a suite ran tests and all of them passed: an exit status alone does not say that any ran.
passed_all() {
    local tested passing failing crashing number='\([0-9]*\)'
    read -r tested passing failing crashing < <(sed -n \
        "s/.*Tested: $number | Passing: $number | Failing: $number | Crashing: $number.*/\1 \2 \3 \4/p" <<<"$1")
    [ "${tested:-0}" -gt 0 ] && [ "$passing" -eq "$tested" ] && [ "$failing" -eq 0 ] && [ "$crashing" -eq 0 ]
}

# Usage: criterions_own_leak REPORT: whether all that was reported are leaks of what Criterion itself allocated: the
# frame that called the allocator is the library's, which tests cannot cause.
criterions_own_leak() {
    grep -q 'ERROR: LeakSanitizer' "$1" && ! grep -q 'ERROR: AddressSanitizer\|runtime error' "$1" &&
        ! grep -E '^ *#1 ' "$1" | grep -qv '/libcriterion\.so'
}

# Usage: run_suite NAME PROGRAM SECONDS
# A sanitizer's report after a test's end, as of a leak, changes no exit status that Criterion looks at: so every
# report goes to a file of its own, and one is enough to fail.
run_suite() {
    local name=$1 reports="$logs/$1-report" status report failed_report=0
    timeout --kill-after=10 "$3" env \
        ASAN_OPTIONS="detect_leaks=1:halt_on_error=1:detect_stack_use_after_return=1:log_path=$reports" \
        UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1:log_path=$reports" \
        "$build/$2" --color=never
    status=$?
    for report in "$reports".*; do
        [ -e "$report" ] || continue
        if criterions_own_leak "$report"; then
            # It is what made the runner's status; what the tests came to, the synthesis tells.
            [ "$status" -ne 1 ] || status=0
            continue
        fi
        echo "FAIL	sanitizer report $(basename "$report")"
        head -n 60 "$report"
        failed_report=1
    done
    [ "$failed_report" -eq 0 ] || status=1
    [ "$status" -eq 0 ] || return "$status"
    passed_all "$(synthesis "$logs/$name.log")"
}

# Usage: suite NAME COMPILER MESON-OPTION...
suite() {
    local name=$1 compiler=$2
    shift 2
    step "$name-setup" 120 env CC="$compiler" meson setup "$build/$name" -Dtests=enabled "$@" &&
        step "$name-compile" 900 meson compile -C "$build/$name" &&
        step "$name" 900 run_suite "$name" "$name/tests/unit/vpt-tests"
}

# Usage: device_suite NAME: the one on QEMU's devices, as the suite of this name has built it.
device_suite() {
    step "$1-devices" 900 run_suite "$1-devices" "$1/tests/device/vpt-device-tests"
}

# Usage: foreign_suite NAME SECONDS: by a stand-in for Criterion, whose exit status does not say that any test ran.
foreign_suite() {
    timeout --kill-after=10 "$2" "tools/suite-$1.sh" && passed_all "$(synthesis "$logs/$1.log")"
}

sanitized=(-Db_sanitize=address,undefined -Db_lundef=false -Dbuildtype=debugoptimized
    -Dc_args='-fno-sanitize-recover=all -fno-omit-frame-pointer')

# Everything on the simulated device: the units, built in each way. The suites on QEMU's devices wait for them often
# enough to leave a CPU to the other lane.
units() {
    suite gcc gcc
    suite clang-sanitized clang "${sanitized[@]}"
    device_suite gcc
    suite gcc-sanitized gcc "${sanitized[@]}"
    device_suite clang-sanitized
    suite clang clang
    step s390x 1200 foreign_suite s390x
    step i386 1200 foreign_suite i386
}

# What does not need those builds.
others() {
    step headers 600 tools/gate-headers.sh
    step readme 300 tools/gate-readme.sh
    step contexts 120 tools/gate-contexts.py
    step size 600 tools/size.sh
    step threads 600 tools/threads.sh
    step proof 1200 tools/proof.sh
    step demo 1200 tools/demo.sh
    step freestanding 1200 tools/gate-freestanding.sh
    step embedding 600 tools/gate-embedding.sh
}

rm -rf "$build"
mkdir -p "$logs" || exit 1
. tools/toolchains.sh
# All that the steps need, at once: they cannot install beside each other.
vpt_need_packages gcc g++ clang lld libclang-rt-dev llvm libc6-dev meson ninja-build pkg-config libcriterion-dev \
    python3 make cmake git frama-c-base qemu-system-x86 qemu-system-arm qemu-system-misc qemu-user \
    gcc-s390x-linux-gnu libc6-dev-s390x-cross "${VPT_CROSS_PACKAGES[@]}" ||
    { printf 'FAIL\tpackages\n'; exit 1; }

# Two lanes, for two CPUs: many steps keep only one of them busy.
others &
units
wait
grep -E '^(minimal|everything).*\ttotal|^FAIL' "$logs/size.log"
grep -E '^(PASS|FAIL)' "$logs/demo.log"

echo
if [ ! -e "$logs/failed" ]; then
    printf 'PASS\tcheck\t%d s\n' "$SECONDS"
else
    printf 'FAIL\tcheck\t%d s\t%s\n' "$SECONDS" "$(tr '\n' ' ' <"$logs/failed")"
fi
for name in "${suites[@]}"; do
    echo "suite $name:"
    synthesis "$logs/$name.log" || echo "no synthesis: the suite did not run to its end"
done
[ ! -e "$logs/failed" ]

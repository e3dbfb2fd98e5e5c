#!/bin/bash
# SPDX-License-Identifier: MIT
# Usage: tools/check.sh [STEP...]
# Runs all tests, or the named steps and the steps that they need; tools/steps.sh is the table of the steps. Installs
# the Debian packages it lacks. Works in build-check/, where each step leaves its log. Prints one line when a step ends:
# PASS or FAIL, its name, the seconds it took, and the seconds of CPUs; lines SKIP say what it could not run. At the end
# it prints what failed, and Criterion's synthesis of every suite that ran. Exits non-zero if anything failed.
set -u -o pipefail
export LC_ALL=C
exec </dev/null
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd) || exit 1
cd "$root" || exit 1
. tools/packages.sh
. tools/limit.sh
. tools/toolchains.sh

build=$root/build-check
logs=$build/logs

# The steps by number. A state is empty, "wanted", "running", "passed" or "failed".
names=() seconds=() needs=() commands=() states=()
declare -A numbers=() pids=()

# Usage: step NAME SECONDS NEEDS COMMAND...
# SECONDS say how long the step takes alone on an idle computer with two CPUs; they decide its limit (tools/limit.sh)
# and the order of the steps. NEEDS names the steps that have to pass first, with commas between; - means none.
step() {
    local number=${#names[@]} need
    names+=("$1") seconds+=("$2") needs+=("${3#-}")
    for need in ${3//,/ }; do
        [ "$need" = - ] || [ -n "${numbers[$need]:-}" ] || { echo "$0: $1 needs an unknown step: $need" >&2; exit 2; }
    done
    numbers[$1]=$number
    shift 3
    commands+=("${*@Q}")
}

# Usage: want NAME: marks the step and all that it needs as wanted.
want() {
    local need
    [ -n "${numbers[$1]:-}" ] || { echo "$0: unknown step: $1" >&2; exit 2; }
    states[${numbers[$1]}]=wanted
    for need in ${needs[${numbers[$1]}]//,/ }; do
        want "$need"
    done
}

# Sets `chains`: for each step its seconds and those of the longest chain of steps that wait for it.
measure_chains() {
    local number need
    chains=("${seconds[@]}")
    for ((number = ${#names[@]} - 1; number >= 0; number--)); do
        for need in ${needs[number]//,/ }; do
            need=${numbers[$need]}
            [ "${chains[need]}" -ge $((seconds[need] + chains[number])) ] ||
                chains[need]=$((seconds[need] + chains[number]))
        done
    done
}

# Usage: needs_met NUMBER: 0 if each has passed, 1 if one is still to come, 2 if one has failed
needs_met() {
    local need met=0
    for need in ${needs[$1]//,/ }; do
        case ${states[${numbers[$need]}]} in
        passed) ;;
        failed) return 2 ;;
        *) met=1 ;;
        esac
    done
    return "$met"
}

# Sets `next` to the step with the longest chain among those that can start. Returns false if none can.
find_next() {
    local number
    next=
    for number in "${!names[@]}"; do
        [ "${states[number]:-}" = wanted ] || continue
        needs_met "$number"
        case $? in
        0) [ -n "$next" ] && [ "${chains[next]}" -ge "${chains[number]}" ] || next=$number ;;
        2)
            states[number]=failed
            printf 'FAIL\t%s\tnot run, for want of %s\n' "${names[number]}" "${needs[number]}"
            ;;
        esac
    done
    [ -n "$next" ]
}

# Usage: run_step NUMBER: runs in a shell of its own.
run_step() {
    local log=$logs/${names[$1]}.log command started=$SECONDS status user system line skipped
    eval "command=(${commands[$1]})"
    TIMEFORMAT='%U %S'
    { time vpt_limit "${seconds[$1]}" "${command[@]}" >"$log" 2>&1; } 2>"$log.cpu"
    status=$?
    read -r user system <"$log.cpu"
    line=$(printf '%s\t%d s\t%d s of CPUs' "${names[$1]}" $((SECONDS - started)) $((${user%.*} + ${system%.*})))
    if [ "$status" -eq 0 ]; then
        skipped=$(grep ^SKIP "$log")
        printf 'PASS\t%s\n%s' "$line" "${skipped:+$skipped$'\n'}"
    else
        # One write, since other steps print at the same time.
        printf '%s\n' "$(printf 'FAIL\t%s\t%s\n' "$line" "$vpt_ended"
            grep -E '^(FAIL|\[FAIL\])' "$log" | head -n 40
            printf -- '---- end of %s:\n' "$log"
            tail -n 40 "$log"
            echo ----)"
    fi
    return "$status"
}

# Keeps `at_once` steps running until none is left.
run_steps() {
    local pid status next number
    while :; do
        while [ "${#pids[@]}" -lt "$at_once" ] && find_next; do
            states[next]=running
            run_step "$next" &
            pids[$!]=$next
        done
        [ "${#pids[@]}" -gt 0 ] || return
        wait -n -p pid "${!pids[@]}"
        status=$?
        number=${pids[$pid]}
        unset "pids[$pid]"
        states[number]=$([ "$status" -eq 0 ] && echo passed || echo failed)
    done
}

# Prints Criterion's last line for each suite.
print_syntheses() {
    local number line
    for number in "${!names[@]}"; do
        [ -n "${states[number]:-}" ] || continue
        line=$(grep -F '[====] Synthesis:' "$logs/${names[number]}.log" 2>/dev/null | tail -n 1)
        [ -z "$line" ] || printf 'suite %s:\n%s\n' "${names[number]}" "$line"
    done
}

. "${VPT_STEPS:-tools/steps.sh}"
[ $# -gt 0 ] || set -- "${names[@]}"
for name in "$@"; do
    want "$name"
done
measure_chains
rm -rf "$build"
mkdir -p "$logs" || exit 1
# All packages are installed before the first step, since two steps cannot install at the same time.
vpt_need_packages gcc g++ clang clang-format lld libclang-rt-dev llvm libc6-dev meson ninja-build pkg-config \
    libcriterion-dev python3 make cmake git frama-c-base qemu-system-x86 qemu-system-arm qemu-system-misc qemu-user \
    valgrind libc6-dev-riscv64-cross gcc-s390x-linux-gnu libc6-dev-s390x-cross "${VPT_CROSS_PACKAGES[@]}" ||
    { printf 'FAIL\tpackages\n'; exit 1; }

# Two steps run at once on two CPUs although many steps use two processes, since most of them use only one CPU for part
# of their time.
at_once=$((($(nproc) + 2) / 2))
run_steps

failed=()
for number in "${!names[@]}"; do
    case ${states[number]:-} in
    '' | passed) ;;
    *) failed+=("${names[number]}") ;;
    esac
done
[ ! -e "$logs/size.log" ] || grep -E '^(minimal|everything).*\ttotal|^FAIL' "$logs/size.log"
[ ! -e "$logs/demo.log" ] || grep -E '^(PASS|FAIL)' "$logs/demo.log"
echo
printf '%s\tcheck\t%d s\t%s\n' "$([ "${#failed[@]}" -eq 0 ] && echo PASS || echo FAIL)" "$SECONDS" "${failed[*]}"
print_syntheses
[ "${#failed[@]}" -eq 0 ]

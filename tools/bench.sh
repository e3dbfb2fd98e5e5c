#!/bin/bash
# SPDX-License-Identifier: MIT
# Counts what the driver side of a request costs, and what a guest's accesses to an assigned device and its interrupts
# do, in instructions of the library's calls (callgrind: exact, whatever else the machine does): two run lengths, the
# difference divided by how often. gcc -O2, each file by itself. Exits non-zero if an assigned device costs more than
# it may.
# Prints a tab-separated line each: name, variant, metric, value, unit.
set -u -o pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd) || exit 1
cd "$root" || exit 1
. tools/packages.sh
vpt_need_packages gcc libc6-dev valgrind || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

for program in queue assign; do
    # shellcheck disable=SC2046 # one path a word
    gcc -std=c11 -O2 -Wall -Wextra -Wconversion -Wsign-conversion -Werror -Iinclude "bench/$program.c" \
        $(cat sources/*.list) -o "$work/$program" || exit 1
done
failed=0

# Usage: counted "FUNCTION..." PROGRAM ARGUMENT...: the instructions within these functions, what they call included.
counted() {
    local function toggles=()
    for function in $1; do
        toggles+=("--toggle-collect=$function")
    done
    shift
    valgrind --tool=callgrind --callgrind-out-file=/dev/null --collect-atstart=no "${toggles[@]}" "$@" 2>&1 |
        sed -n 's/.*Collected : //p'
}

# Usage: instructions BATCH BATCHES KIND OPTION...
instructions() {
    counted "vpt_queue_add vpt_queue_publish vpt_queue_kick_prepare vpt_queue_notify vpt_queue_pop" "$work/queue" "$@"
}

# Usage: bench KIND BATCH OPTION...
bench() {
    local kind=$1 batch=$2 short long
    shift 2
    short=$(instructions "$batch" 500 "$kind" "$@") && long=$(instructions "$batch" 1500 "$kind" "$@") || exit 1
    [ -n "$short" ] && [ -n "$long" ] || { echo "bench: callgrind counted nothing" >&2; exit 1; }
    printf 'split-%s\t%s batch=%d\tdriver\t%d\tinstructions/request\n' "$kind" "${*:-direct}" "$batch" \
        $(((long - short) / (1000 * batch)))
}

bench block 1
bench block 32
bench block 32 indirect
bench block 1 event
bench block 32 event
bench net 32

# Usage: bench_assign KIND FUNCTION VECTORS LIMIT
bench_assign() {
    local kind=$1 function=$2 vectors=$3 limit=$4 short long each
    short=$(counted "$function" "$work/assign" "$kind" 500 "$vectors") &&
        long=$(counted "$function" "$work/assign" "$kind" 1500 "$vectors") || exit 1
    [ -n "$short" ] && [ -n "$long" ] || { echo "bench: callgrind counted nothing" >&2; exit 1; }
    each=$(((long - short) / 1000))
    printf 'assign-%s\tvectors=%d\tcall\t%d\tinstructions\n' "$kind" "$vectors" "$each"
    if [ "$each" -gt "$limit" ]; then
        echo "bench: assign-$kind takes $each instructions, at most $limit are allowed" >&2
        failed=1
    fi
}

bench_assign read vpt_assign_config_read 1 200
bench_assign read-virtual vpt_assign_config_read 1 200
bench_assign write vpt_assign_config_write 1 250
bench_assign write-virtual vpt_assign_config_write 1 250
bench_assign command vpt_assign_config_write 1 450
bench_assign move vpt_assign_config_write 1 1500
bench_assign find vpt_assign_remap_find 1 30
bench_assign find vpt_assign_remap_find 2048 30
bench_assign deliver vpt_assign_deliver 1 200
bench_assign deliver vpt_assign_deliver 2048 200
bench_assign reset vpt_assign_reset 1 65000
exit "$failed"

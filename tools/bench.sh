#!/bin/bash
# SPDX-License-Identifier: MIT
# Counts what the driver side of a request costs, and what a guest's accesses to an assigned device and its interrupts
# do, in instructions of the library's calls (callgrind: exact, whatever else the machine does): two run lengths, the
# difference divided by how often. -O2, each file by itself. Exits non-zero if something costs more than it may.
# Prints a tab-separated line each: name, variant, metric, value, unit.
set -u -o pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd) || exit 1
cd "$root" || exit 1
. tools/packages.sh
vpt_need_packages gcc clang libc6-dev valgrind || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

# Usage: build COMPILER PROGRAM OUTPUT
build() {
    # shellcheck disable=SC2046 # one path a word
    "$1" -std=c11 -O2 -Wall -Wextra -Wconversion -Wsign-conversion -Werror -Iinclude "bench/$2.c" \
        $(cat sources/*.list) -o "$work/$3" || exit 1
}

build gcc queue queue-gcc
build clang queue queue-clang
build gcc assign assign
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

# Usage: instructions COMPILER BATCH BATCHES KIND OPTION...
instructions() {
    local compiler=$1 functions="vpt_queue_add vpt_queue_kick vpt_queue_pop"
    shift
    case $3 in
    slots) functions="vpt_requests_submit_batch vpt_requests_kick vpt_requests_poll_batch" ;;
    disk) functions="vpt_blk_submit vpt_requests_kick vpt_requests_poll" ;;
    esac
    counted "$functions" "$work/queue-$compiler" "$@"
}

# Usage: bench LIMIT COMPILER KIND BATCH OPTION...: what submission and completion of one request cost
bench() {
    local limit=$1 compiler=$2 kind=$3 batch=$4 short long each
    shift 4
    short=$(instructions "$compiler" "$batch" 500 "$kind" "$@") &&
        long=$(instructions "$compiler" "$batch" 1500 "$kind" "$@") || exit 1
    [ -n "$short" ] && [ -n "$long" ] || { echo "bench: callgrind counted nothing" >&2; exit 1; }
    each=$(((long - short) / (1000 * batch)))
    printf 'split-%s\t%s %s batch=%d\tdriver\t%d\tinstructions/request\n' \
        "$kind" "$compiler" "${*:-direct}" "$batch" "$each"
    if [ "$each" -gt "$limit" ]; then
        echo "bench: split-$kind takes $each instructions, at most $limit are allowed" >&2
        failed=1
    fi
}

# The limits of clang are what it does today, and some.
bench 290 gcc disk 1
bench 210 gcc disk 32
bench 290 gcc disk 1 indirect
bench 210 gcc disk 32 indirect
bench 80 gcc slots 32
bench 265 gcc block 1
bench 195 gcc block 32
bench 220 gcc block 32 indirect
bench 265 gcc block 1 event
bench 195 gcc block 32 event
bench 220 gcc net 1
bench 150 gcc net 32
bench 300 clang disk 1
bench 220 clang disk 32
bench 80 clang slots 32
bench 200 clang block 32
bench 150 clang net 32

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

#!/bin/bash
# SPDX-License-Identifier: MIT
# Counts what the driver side of a request costs, in instructions of the library's own calls (callgrind: exact, whatever
# else the machine does): two run lengths, the difference divided by requests. gcc -O2, each file by itself.
# Prints a tab-separated line each: name, variant, metric, value, unit.
set -u -o pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd) || exit 1
cd "$root" || exit 1
. tools/packages.sh
vpt_need_packages gcc libc6-dev valgrind || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

# shellcheck disable=SC2046 # one path a word
gcc -std=c11 -O2 -Wall -Wextra -Wconversion -Wsign-conversion -Werror -Iinclude -Isrc bench/queue.c \
    $(cat sources.list) -o "$work/queue" || exit 1

# Usage: instructions BATCH BATCHES KIND OPTION...
instructions() {
    valgrind --tool=callgrind --callgrind-out-file=/dev/null --collect-atstart=no \
        --toggle-collect=vpt_queue_add --toggle-collect=vpt_queue_publish --toggle-collect=vpt_queue_kick_prepare \
        --toggle-collect=vpt_queue_notify --toggle-collect=vpt_queue_pop "$work/queue" "$@" 2>&1 |
        sed -n 's/.*Collected : //p'
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

#!/bin/bash
# SPDX-License-Identifier: MIT
# Counts the instructions that the library executes for a request, for a guest's access to an assigned device and for an
# interrupt of such a device. Each program runs twice, with few and with many repetitions, and the difference is divided
# by the number of repetitions. callgrind counts exactly, whatever else the machine does. The library is built with -O2,
# each file by itself. Then frames go through QEMU's network device, by the network driver and by virtqueues alone: the
# frames a second depend on what else the computer does. Exits non-zero if something costs more than its limit, or a
# frame was lost.
# Prints a tab-separated line each: name, variant, metric, value, unit.
set -u -o pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd) || exit 1
cd "$root" || exit 1
. tools/packages.sh
vpt_need_packages gcc clang libc6-dev gcc-riscv64-linux-gnu libc6-dev-riscv64-cross valgrind qemu-system-x86 \
    qemu-user || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

warnings=(-Wall -Wextra -Wconversion -Wsign-conversion -Werror)

# Usage: build COMPILER OUTPUT SOURCE...
build() {
    # shellcheck disable=SC2046 # one path a word
    "$1" -std=c11 -O2 "${warnings[@]}" -Iinclude "${@:3}" $(cat sources/*.list) -o "$work/$2" || exit 1
}

# For riscv64, with the library's code in one piece.
build_riscv64() {
    local command=(riscv64-linux-gnu-gcc -std=c11 -O2 "${warnings[@]}" -Iinclude -fno-reorder-functions)
    local source objects=()
    for source in $(cat sources/*.list); do
        objects+=("$work/${source//\//-}.o")
        "${command[@]}" -c "$source" -o "${objects[-1]}" || exit 1
    done
    riscv64-linux-gnu-ld -r "${objects[@]}" -o "$work/library.o" &&
        "${command[@]}" -static bench/bench_queue.c bench/bench_floor.c "$work/library.o" -Wl,-Map="$work/map" \
            -o "$work/queue-riscv64" || exit 1
    read -r from size < <(awk '$1 == ".text" && $4 ~ /library\.o$/ { print $2, $3 }' "$work/map")
    code=("$(printf %016x "$((from))")" "$(printf %016x "$((from + size))")")
}

build gcc queue-gcc bench/bench_queue.c bench/bench_floor.c
build clang queue-clang bench/bench_queue.c bench/bench_floor.c
build gcc assign bench/bench_assign.c
build gcc network -Iport/qtest bench/bench_network.c port/qtest/*.c
build_riscv64
failed=0

# Usage: counted "FUNCTION..." PROGRAM ARGUMENT...: prints the instructions within these functions and what they call.
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
    if [ "$compiler" = riscv64 ]; then
        # QEMU logs each instruction's address; only those within the library are counted.
        qemu-riscv64 -singlestep -d exec,nochain -D "$work/trace" "$work/queue-riscv64" "$@" &&
            awk -F / -v from="${code[0]}" -v end="${code[1]}" \
                '($2 "") >= from && ($2 "") < end { n++ } END { print n }' "$work/trace"
        return
    fi
    case $3 in
    slots) functions="vpt_requests_submit_batch vpt_requests_kick vpt_requests_poll_batch" ;;
    disk) functions="vpt_blk_submit vpt_requests_kick vpt_requests_poll" ;;
    net-send) functions="vpt_net_transmit_batch vpt_requests_kick vpt_requests_poll_batch" ;;
    net-receive) functions="vpt_net_receive vpt_net_recycle" ;;
    floor-*) functions="floor_add floor_kick floor_pop floor_slots_submit floor_slots_complete" ;;
    esac
    counted "$functions" "$work/queue-$compiler" "$@"
}

# Usage: bench LIMIT COMPILER KIND BATCH OPTION...: prints what submission and completion of one request cost; a LIMIT
# of - is none.
bench() {
    local limit=$1 compiler=$2 kind=$3 batch=$4 short long each runs=500
    shift 4
    [ "$compiler" != riscv64 ] || runs=10 # each instruction is a line of a file there
    short=$(instructions "$compiler" "$batch" "$runs" "$kind" "$@") &&
        long=$(instructions "$compiler" "$batch" $((3 * runs)) "$kind" "$@") || exit 1
    [ -n "$short" ] && [ -n "$long" ] || { echo "bench: nothing was counted" >&2; exit 1; }
    each=$(((long - short) / (2 * runs * batch)))
    printf 'queue-%s\t%s %s batch=%d\tdriver\t%d\tinstructions/request\n' \
        "$kind" "$compiler" "${*:-direct}" "$batch" "$each"
    if [ "$limit" != - ] && [ "$each" -gt "$limit" ]; then
        echo "bench: queue-$kind takes $each instructions, at most $limit are allowed" >&2
        failed=1
    fi
}

# The code that was written by hand for one device is counted in the same run. clang's limits are today's figures and a
# few instructions more.
bench 290 gcc disk 1
bench 210 gcc disk 32
bench 290 gcc disk 1 indirect
bench 210 gcc disk 32 indirect
bench 80 gcc slots 32
bench 80 gcc net-send 32
bench 95 gcc net-receive 32
bench 275 gcc block 1
bench 195 gcc block 32
bench 230 gcc block 32 indirect
bench 280 gcc block 1 event
bench 195 gcc block 32 event
bench 235 gcc net 1
bench 155 gcc net 32
bench 200 gcc block 32 packed
bench 220 gcc block 32 packed indirect
bench 165 gcc net 32 packed
bench 85 gcc slots 32 packed indirect
bench 300 gcc disk 32 packed indirect
bench 195 gcc block 32 packed in-order
bench 75 gcc slots 32 packed in-order indirect
bench 195 gcc block 32 in-order
bench 95 gcc slots 32 in-order indirect
bench - gcc slots 32 packed
bench - gcc slots 32 in-order
for batch in 1 32; do
    for kind in block net slots; do
        bench - gcc "floor-$kind" "$batch"
    done
    for kind in disk block net slots; do
        bench - riscv64 "$kind" "$batch"
    done
done
bench 320 clang disk 1
bench 220 clang disk 32
bench 80 clang slots 32
bench 80 clang net-send 32
bench 95 clang net-receive 32
bench 200 clang block 32
bench 150 clang net 32
bench 215 clang block 32 packed
bench 95 clang slots 32 packed indirect

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

"$work/network" || failed=1
exit "$failed"

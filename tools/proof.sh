#!/bin/bash
# SPDX-License-Identifier: MIT
# Usage: tools/proof.sh [NAME...]
# Shows by static analysis (Frama-C's Eva) that queues of each layout and the requests with slots have no run-time
# error, whatever the device writes to the rings and the replies, nor the PCI transports, whatever registers and
# configuration space hold. Makes all runs, or those whose names begin as one of the arguments. Prints one line a run,
# tabs between: PASS or FAIL, what was analysed, statements reached, alarms. Exits non-zero on any alarm, where a run
# did not come to its end, and where the analysis reached too little to mean anything.
set -u -o pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd) || exit 1
cd "$root" || exit 1
. tools/packages.sh
. tools/limit.sh
vpt_need_packages frama-c-base || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
wanted=("$@")
runs=0
failed=0

# Options of a run's own; one may also name a `precision` other than the usual 3, and a `widening` other than after 20
# steps: what short rings hold needs no more than 6.
options=()

# What a set-up may come to is followed state by state: each size, each area that does not suit.
each=vpt_queue_size_within:20,vpt_queue_find:100,vpt_queue_take_memory:1000,take_all:1000,vpt_queue_set_up:1000
again=(-eva-slevel-function "$each,vpt_queue_init:1000,start:1000"
    -eva-ilevel 64 # the sets of features
    -eva-unroll-recursive-calls 1) # a pop that arms pops a second time
packed=-DPACKED=1u
in_order=-DIN_ORDER=1u
small=-D__OPTIMIZE_SIZE__
queue_sources=(src/queue/*.c src/log.c src/transport/wait.c src/transport/device.c src/transport/device_queue.c)

# Usage: is_wanted NAME
is_wanted() {
    local beginning
    for beginning in "${wanted[@]}"; do
        [[ $1 != "$beginning"* ]] || return 0
    done
    [ "${#wanted[@]}" -eq 0 ]
}

# Usage: prove NAME SECONDS LEAST MACROS SOURCE...: analyses these with the macros, which takes so long on an idle
# computer; LEAST statements must be reached.
prove() {
    local name=$1 seconds=$2 least=$3 macros=$4 log=$work/log reached alarms
    shift 4
    is_wanted "$name" || return 0
    runs=$((runs + 1))
    vpt_limit "$seconds" frama-c -c11 -machdep gcc_x86_64 \
        -cpp-extra-args="-Iinclude -Isrc -std=c11 -D__FRAMAC__ $macros" \
        "$@" src/status.c \
        -eva -eva-precision "${precision:-3}" -eva-split-return full -eva-widening-delay "${widening:-20}" \
        -eva-no-show-progress "${options[@]}" \
        >"$log" 2>&1 </dev/null
    if [ $? -eq 124 ]; then
        failed=1
        printf 'FAIL\tproof\t%s\t%s\n' "$name" "$vpt_ended"
        return
    fi
    reached=$(sed -n 's/.* \([0-9]*\) statements reached.*/\1/p' "$log")
    alarms=$(sed -n 's/^ *\([0-9]*\) alarms\{0,1\} generated.*/\1/p' "$log")
    # An assertion of the program's own that stays unproven is told of, but not counted.
    if ! grep -q 'eva:alarm' "$log" && [ "${alarms:-none}" = 0 ] && [ "${reached:-0}" -ge "$least" ]; then
        printf 'PASS\tproof\t%s\t%s statements\t0 alarms\n' "$name" "$reached"
        return
    fi
    failed=1
    printf 'FAIL\tproof\t%s\t%s statements\t%s alarms\t%s\n' "$name" "${reached:-no}" "${alarms:-no count of}" \
        "$vpt_ended"
    grep -A 2 -E 'eva:alarm|rror' "$log" | head -n 40
}

# Usage: queue NAME SECONDS LEAST MACROS [OPTION...]
queue() {
    local precision=1 widening=6 options=("${again[@]}" "${@:5}")
    prove "${@:1:4}" tests/proof/proof_split.c "${queue_sources[@]}" src/transport/device_suspend.c
}

# Usage: sized WANTED MAXIMUM SIZE TABLES EVENT
sized() {
    echo "-DWANTED=$1 -DMAXIMUM=$2 -DSIZE=$3 -DTABLES=$4 -DEVENT=$5"
}

# Usage: requests NAME SECONDS LEAST MACROS [OPTION...]
requests() {
    local loops=vpt_requests_submit_framed:100,submit_relinked:100,vpt_requests_submit_batch:100,submit_alike:100
    loops+=,vpt_requests_poll_batch:100,take_seen:100,take_in_order:100,take_packed:100,vpt_sequential_put:100
    loops+=,set_up_slots:1000,vpt_requests_init:1000
    local precision=1 widening=6 options=("${again[@]}" -eva-slevel-function "$loops" "${@:5}")
    prove "${@:1:4}" tests/proof/proof_requests.c \
        src/request/{requests,slots,shapes,batch,poll,sequential_slots,sequential_batch,receive}.c \
        src/request/{driver,driver_restart}.c "${queue_sources[@]}"
}

# Usage: slots SIZE REQUESTS TABLES EVENT HEADER REPLY RECEIVE
slots() {
    echo "-DSIZE=$1 -DREQUESTS=$2 -DTABLES=$3 -DEVENT=$4 -DHEADER=$5 -DREPLY=$6 -DRECEIVE=$7"
}

# Usage: transport NAME SECONDS LEAST MACROS
transport() {
    # Their paths are not followed one by one: what they lead to does not depend on which it was.
    local merged=search_capabilities:0,vpt_pci_find_modern:0,vpt_pci_map_modern:0,turn_decoding_on:0
    local options=(-eva-slevel-function "$merged")
    prove "$1" "$2" "$3" "$4" tests/proof/proof_pci.c src/register_access.c src/log.c src/transport/*.c \
        src/pci/pci_config.c src/pci/capability.c
}

# Usage: helpers NAME SECONDS LEAST MACROS
helpers() {
    # Of MSI-X the paths are followed one by one: which pieces were found, and how many entries the table has.
    local msix=find_msix:100,find_and_map:300,read_piece:100,locate:100,check_register:100,map:100,map_piece:100
    msix+=,vpt_pci_msix_init:100,check_entry:50,entry_control:50,entry_mask:50,mask_entries:50,vpt_pci_msix_mask:50
    local precision=1 options=(-eva-slevel-function "$msix")
    prove "$@" tests/proof/proof_pci_helpers.c src/pci/*.c src/register_access.c src/log.c
}

queue 'queue set-up, any maximum' 3 400 '' -eva-slevel-function main:1000
queue 'queue set-up, any size taken' 8 400 -DTAKEN -eva-slevel 300
queue 'queue of 8, 4 tables, EVENT_IDX, restarts' 52 1000 "$(sized 8 256 8 4 1) -DRESTART"
queue 'queue of 8, chains only, EVENT_IDX, small' 32 700 "$(sized 8 256 8 0 1) -D__OPTIMIZE_SIZE__"
queue 'queue reduced to 4, 4 tables' 43 800 "$(sized 8 7 4 4 0)"
queue 'queue reduced to 2, 2 tables, EVENT_IDX, restarts' 55 1000 "$(sized 8 2 2 2 1) -DRESTART"
queue 'queue, packed: set-up, any maximum' 6 400 "$packed" -eva-slevel-function main:1000
queue 'queue, packed: set-up, any size taken' 5 400 "$packed -DTAKEN" -eva-slevel 300
queue 'queue, packed: of 3, 1 table, EVENT_IDX, restarts' 30 1500 "$(sized 3 3 3 1 1) $packed -DSEGMENTS=2 -DRESTART"
queue 'queue, packed: in order, of 3, 1 table, small' 24 1200 \
    "$(sized 3 3 3 1 0) $packed $in_order -DSEGMENTS=2 $small"
queue 'queue, in order: of 2, 1 table, EVENT_IDX' 24 1200 "$(sized 2 2 2 1 1) $in_order -DSEGMENTS=2" \
    -eva-unroll-recursive-calls 2 # a pop that looks begins a batch
queue 'queue of 1, EVENT_IDX' 40 780 "$(sized 1 1 1 1 1)"
requests 'requests: header and reply in tables, EVENT_IDX, restarts' 36 1800 "$(slots 8 4 1 1 16 1 0) -DRESTART"
requests 'requests: header and reply in chains, small' 15 1400 "$(slots 8 2 0 0 16 1 0) -D__OPTIMIZE_SIZE__"
requests 'requests: reply before the data, in tables' 20 1400 "$(slots 8 4 1 0 16 1 0) -DREPLY_FIRST=true"
requests 'requests: data alone in tables' 16 1400 "$(slots 4 4 1 0 0 0 0)"
requests 'requests: data alone in chains, EVENT_IDX' 17 1400 "$(slots 8 4 0 1 0 0 0)"
requests 'requests: received' 60 1300 "$(slots 4 4 0 0 0 16 1)" \
    -eva-slevel-function vpt_requests_poll:500,poll_named:500,complete:500,vpt_slots_drain:500,vpt_receive:500 \
    -eva-slevel-function vpt_slots_copy_out:500
requests 'requests, packed: in tables, EVENT_IDX' 50 1800 "$(slots 3 2 1 1 16 1 0) $packed -DSEGMENTS=1"
requests 'requests, packed: in chains, in order, small' 24 1400 \
    "$(slots 7 2 0 0 16 1 0) $packed $in_order -DSEGMENTS=1 $small"
requests 'requests, in order: in tables' 90 1400 "$(slots 4 2 1 0 16 1 0) $in_order"
helpers 'PCI helpers' 50 1500 ''
precision=1 transport 'PCI, any function' 10 640 -DPROBE
transport 'PCI, modern' 100 1400 -DINTERFACE=VPT_VIRTIO_PCI_MODERN
transport 'PCI, legacy' 60 1000 -DINTERFACE=VPT_VIRTIO_PCI_LEGACY
[ "$failed" -eq 0 ] && [ "$runs" -gt 0 ]

#!/bin/bash
# SPDX-License-Identifier: MIT
# Usage: tools/wakeup.sh [REQUESTS [ARCHITECTURE...]]
#        tools/wakeup.sh campaign [RUNS [REQUESTS [ARCHITECTURE...]]]
# Builds tests/wakeup/, a kernel that reads a disk by interrupts only, and runs it on one emulated CPU (QEMU's TCG) of
# each architecture, with the fences that the library chooses: no wake-up is lost. It reads REQUESTS sectors, a third of
# them one at a time, with each kind of queue: split and packed, with EVENT_IDX and by flags, with MSI-X and by INTx. If
# REQUESTS is given, CPU burners keep the machine busy meanwhile.
# A campaign makes RUNS such runs with a split queue and EVENT_IDX, and as many with the CPU's own fences, on the
# QEMU that is installed and on QEMU 10, which it unpacks from bookworm-backports into the build directory; CPU burners
# keep the machine busy. A fence that does not hold shows only while the emulated CPU and the disk really run at the
# same time: on a computer that has much else to do, VPT_WAKEUP_PREFIX="chrt -r 1" lets QEMU go first.
# Prints a line for each kind of run, with tabs between: verdict, architecture, QEMU, queue, fences, what came of the
# runs. An interrupt is late if it took half a minute, and came then: the host was slow, nothing was lost.
#   PASS  the library's fences: each run came to its end
#   HELD  the CPU's own fences: each run came to its end
#   LOST  the CPU's own fences: a wake-up was lost, which is no fault of the library
#   FAIL  the library's fences have lost a wake-up, or a run ended in another way; then this exits with 1
# Installs what a Debian 12 lacks; works in build-wakeup/, or in the directory that VPT_WAKEUP_DIR names, where each run
# leaves its log.
set -u -o pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
work=$(realpath -m "${VPT_WAKEUP_DIR:-$root/build-wakeup}")
architectures=(x86_64 aarch64 riscv64)
seconds=${VPT_WAKEUP_SECONDS:-600} # that one run may take: it reads some 200,000 requests a second on an idle computer
burners=() failed=0

# shellcheck source=tools/packages.sh
. "$root/tools/packages.sh"
# shellcheck source=tools/qemu10.sh
. "$root/tools/qemu10.sh"
# shellcheck source=tools/freestanding.sh
. "$root/tools/freestanding.sh"

# Usage: build ARCHITECTURE FENCES: makes DIRECTORY/ARCHITECTURE-FENCES/kernel.elf. It takes those files of the
# example kernel that find devices and take interrupts.
build() (
    cd "$root" || exit 1
    vpt_example_target "$1" || exit 1
    folder=examples/kernel/$vpt_example_folder
    mapfile -t sources < <(
        printf 'examples/kernel/%s.c\n' console devices functions interrupts ports slots string wiring
        find "$folder" examples/kernel/"$1" -name '*.[cS]' | sort -u)
    CFLAGS="${CFLAGS:-} -DREQUESTS=${requests}u $([ "$2" = library ] || echo -DNOT_EMULATED)"
    vpt_example_build "$work/$1-$2" kernel.elf examples/kernel \
        port/{page_pool,direct,cf8,ecam,x86_io,io_window}.c "${sources[@]}" tests/wakeup/wakeup_main.c
)

# Usage: boot ARCHITECTURE FENCES QUEUE [QEMU-ROOT]. On x86 the library uses the CPU's own fences if the CPU hides that
# it is emulated.
boot() {
    local program=${4:+$4/usr/bin/}qemu-system-$1 machine disk=virtio-blk-pci,drive=disk,addr=5
    [[ $3 != *packed* ]] || disk+=,packed=on
    [[ $3 != *flags* ]] || disk+=,event_idx=off
    [[ $3 != *INTx* ]] || disk+=,vectors=0
    case $1 in
    x86_64)
        machine=(-M pc -device "isa-debug-exit,iobase=0xf4,iosize=4" -cpu
            "qemu64$([ "$2" = library ] || echo ,tcg-cpuid=off)")
        ;;
    aarch64) machine=(-M virt -cpu cortex-a53 -semihosting) ;;
    riscv64) machine=(-M virt -bios none) ;;
    esac
    if [ -n "${4:-}" ]; then
        local -x QEMU_MODULE_DIR
        QEMU_MODULE_DIR=$(echo "$4"/usr/lib/*/qemu)
        machine+=(-L "$4/usr/share/seabios" -L "$4/usr/share/qemu")
    fi
    # shellcheck disable=SC2086 # words
    ${VPT_WAKEUP_PREFIX:-} timeout --kill-after=10 "$seconds" "$program" -accel tcg "${machine[@]}" -smp 1 -m 64M \
        -kernel "$work/$1-$2/kernel.elf" -nodefaults -display none -monitor none -serial stdio -no-reboot \
        -blockdev driver=null-co,node-name=disk,size=67108864 -device "$disk" \
        -device virtio-rng-pci,addr=4 </dev/null
}

# Usage: runs ARCHITECTURE FENCES QUEUE VERSION COUNT [QEMU-ROOT]
runs() {
    local i log verdict fences='by register' outcome late=0
    local -A times=([done]=0 [interrupt]=0 [kick]=0 [other]=0)
    [ "$2" = library ] || fences='of the CPU'
    for ((i = 1; i <= $5; i++)); do
        log="$work/$1-$2/qemu-$4-${3//, /-}-$i.log"
        boot "$1" "$2" "$3" "${6:-}" >"$log" 2>&1
        outcome=$(sed -n 's/^@done.*/done/p; s/^@lost \(interrupt\|kick\)/\1/p' "$log")
        grep -q "^@queue $3, fences $fences" "$log" || outcome=other
        times[${outcome:-other}]=$((times[${outcome:-other}] + 1))
        late=$((late + $(sed -n 's/^@done.* \([0-9]*\) late$/\1/p' "$log" | grep . || echo 0)))
        grep -E '^(@state|@lost|FAILED: [^n]|qemu)' "$log" | sed "s|^|$1 $4 $3 $2: |" >&2
    done
    case $2-$((times[interrupt] + times[kick])) in
    library-0) verdict=PASS ;;
    cpu-0) verdict=HELD ;;
    cpu-*) verdict=LOST ;;
    *) verdict=FAIL ;;
    esac
    [ "${times[other]}" -eq 0 ] || verdict=FAIL
    [ "$verdict" != FAIL ] || failed=1
    printf '%s\t%s\tQEMU %s\t%s\tfences of the %s\t' "$verdict" "$1" "$4" "$3" "$2"
    printf '%d runs of %d requests, %d lost an interrupt, %d a kick, %d did not end, %d interrupts were late\n' "$5" \
        "$requests" "${times[interrupt]}" "${times[kick]}" "${times[other]}" "$late"
}

# Usage: queues ARCHITECTURE: prints the kinds of queue, a line each. QEMU's riscv64 machine has no messages.
queues() {
    local layout events interrupts layouts=(split packed) messages=(MSI-X)
    [ "$1" != riscv64 ] || messages=()
    for layout in "${layouts[@]}"; do
        for interrupts in "${messages[@]}" INTx; do
            for events in EVENT_IDX flags; do
                echo "$layout, $events, $interrupts"
            done
        done
    done
}

# Usage: version [QEMU-ROOT]
version() {
    "${1:+$1/usr/bin/}qemu-system-x86_64" --version | sed -n 's/.*version \([0-9.]*\).*/\1/p'
}

# Starts one CPU burner for every two CPUs; they run until this script ends.
burn() {
    local i
    for ((i = 0; i < ($(nproc) + 1) / 2; i++)); do
        timeout 86400 sh -c 'while :; do :; done' &
        burners+=($!)
    done
    trap 'kill "${burners[@]}"' EXIT
}

campaign=no busy=no
[ "${1:-}" != campaign ] || { campaign=yes busy=yes; shift; }
count=1
[ "$campaign" = no ] || { count=${1:-10}; shift; }
[ -z "${1:-}" ] || busy=yes
requests=${1:-$([ "$campaign" = yes ] && echo 4000000 || echo 60000)}
shift
[ $# -eq 0 ] || architectures=("$@")
vpt_need_packages clang lld qemu-system-x86 qemu-system-arm qemu-system-misc || exit 1
mkdir -p "$work"
for architecture in "${architectures[@]}"; do
    build "$architecture" library || exit 1
    [ "$campaign" = no ] || build "$architecture" cpu || exit 1
done
[ "$busy" = no ] || burn
if [ "$campaign" = no ]; then
    for architecture in "${architectures[@]}"; do
        while read -r queue <&3; do
            runs "$architecture" library "$queue" "$(version)" 1
        done 3< <(queues "$architecture")
    done
    exit "$failed"
fi
vpt_unpack_qemu10 "$work" qemu-system-{x86,arm,riscv,common,data} seabios || exit 1
for place in '' "$work/qemu"; do
    for architecture in "${architectures[@]}"; do
        queue=$(queues "$architecture" | head -n 1)
        for fences in cpu library; do
            runs "$architecture" "$fences" "$queue" "$(version "$place")" "$count" "$place"
        done
    done
done
exit "$failed"

#!/bin/bash
# SPDX-License-Identifier: MIT
# Usage: tools/hypervisor.sh [DIRECTORY]
# Builds examples/hypervisor/ and its guest, examples/kernel/, in build-hypervisor/ or the DIRECTORY, and boots them:
# the hypervisor assigns a disk, a network card, an entropy source and a console of QEMU to each of two guests, whose
# kernels drive them at the same time. Then checks the disks' images and the guests' logs from outside. Prints the
# hypervisor's lines, what the guests' kernels say beside what the hypervisor says of their functions, and what exits
# have cost; each line that begins with PASS or FAIL is a result, as tools/demo.sh prints them. Exits with 1 at a
# failure. CC and LD may name other tools. Two runs are done at a time.
set -uo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
directory=$(realpath -m "${1:-$root/build-hypervisor}")
serial=vpt-demo-disk
line=$RANDOM$RANDOM
seconds=30 # on an idle computer
suspensions=5 # of guest A, one for each time that the example kernel uses its disk; the last one with messages
guests=(A B)
declare -A kernels disks=() # of a guest: its kernel, and what kind of disk it has
machine=()                  # options of QEMU
speed=1000                  # requests of a disk in a second: slow, so that some are often in flight
shift=0                     # an instruction takes 2 to the power of so many nanoseconds
# shellcheck source=tools/packages.sh
. "$root/tools/packages.sh"
# shellcheck source=tools/limit.sh
. "$root/tools/limit.sh"
# shellcheck source=tools/keys.sh
. "$root/tools/keys.sh"
# shellcheck source=tools/freestanding.sh
. "$root/tools/freestanding.sh"

# The example kernel has the start-up code and the serial port, the example of assignment the IOMMU.
build() {
    local sources
    mapfile -t sources < <(cd "$root" && printf '%s\n' examples/hypervisor/*.{c,S} \
        examples/kernel/{console,string}.c examples/kernel/x86/{idt,serial}.c examples/kernel/x86/vectors.S \
        examples/kernel/x86_64/start.S examples/assign/iommu.c \
        port/{page_pool,direct,ecam,x86_io,assign_port,assign_vectors,emulated_function}.c)
    local vpt_example_linked=(--defsym=kernel_base=0x8000000) # a guest's memory may be at its own addresses
    vpt_example_build "$directory/hypervisor" hypervisor.elf \
        "examples/hypervisor examples/kernel examples/kernel/x86 examples/assign" "${sources[@]}"
}

# A guest that does harm, on the example kernel's machine.
build_hostile() {
    local sources
    mapfile -t sources < <(cd "$root" && printf '%s\n' examples/hypervisor/hostile/*.c \
        examples/kernel/{console,ports,string}.c examples/kernel/x86/{apic,idt,machine,pic,serial}.c \
        examples/kernel/x86/vectors.S examples/kernel/x86_64/start.S port/{page_pool,direct,ecam,cf8,x86_io}.c)
    vpt_example_build "$directory/hostile" hostile.elf "examples/kernel examples/kernel/x86" "${sources[@]}"
}

# Usage: plug DEVICE,PROPERTIES
# Each function is behind a root port of its own, so that it can be reset alone.
plug() {
    functions+=(-device "pcie-root-port,id=port$slot,addr=$slot,chassis=$slot" -device "$1,bus=port$slot")
    slot=$((slot + 1))
}

# Modern functions use the IOMMU, which legacy ones cannot.
modern=disable-legacy=on,iommu_platform=on
legacy=disable-legacy=off,disable-modern=on

# Usage: plug_guest NAME KERNEL
# The functions of a guest, and what is at their other ends.
plug_guest() {
    local disk=virtio-blk-pci,drive=disk$1,serial=$serial,physical_block_size=4096,min_io_size=8192,opt_io_size=65536
    plug "virtio-serial-pci,id=serial$1,$modern"
    plug "$disk,${disks[$1]:-$modern}"
    plug "virtio-net-pci,romfile=,netdev=network$1,mac=52:54:00:12:34:56,$modern"
    # The period is in milliseconds, and the kernel has to wait.
    plug "virtio-rng-pci,rng=source$1,max-bytes=128,period=20,$modern"
    functions+=(-chardev "pipe,id=console$1,path=$place/pipe$1"
        -device "virtconsole,bus=serial$1.0,chardev=console$1"
        -drive "if=none,id=disk$1,format=raw,file=$place/disk$1.img,throttling.iops-total=$speed"
        -object "rng-random,id=source$1,filename=$place/original$1.img"
        -serial "file:$place/guest$1.log" -fw_cfg "name=opt/vpt/guest$1,file=$2")
}

# Usage: prepare NAME
prepare() {
    python3 "$root/tools/kernel-host.py" create "$place/original$1.img"
    cp "$place/original$1.img" "$place/disk$1.img"
    rm -f "$place/pipe$1".{in,out}
    mkfifo "$place/pipe$1".{in,out}
    head -c 4096 "$place/original$1.img" >"$place/source$1"
}

# A pipe that is open for both waits for nobody; and cat comes to its end where nobody can write any more.
boot() {
    local status pipes=() heard=() name pipe command=() functions=() slot=2 typist
    rm -f "$place"/keys.{in,out} "$place"/guest?.log
    mkfifo "$place"/keys.{in,out}
    exec {pipe}<>"$place/keys.out"
    pipes+=("$pipe")
    exec {pipe}<>"$place/keys.in"
    pipes+=("$pipe")
    vpt_type "$line" "$place"/guest{A,B}.log >&"$pipe" &
    typist=$!
    plug "virtio-keyboard-pci,$modern"
    for name in "${guests[@]}"; do
        prepare "$name"
        exec {pipe}<>"$place/pipe$name.in"
        pipes+=("$pipe")
        echo "$line$name" >&"$pipe"
        exec {pipe}<>"$place/pipe$name.out"
        pipes+=("$pipe")
        exec {pipe}<"$place/pipe$name.out"
        heard+=("$pipe")
        command+=(python3 "$root/tools/kernel-host.py" network --netdev "network$name" "$place/network$name")
        plug_guest "$name" "${kernels[$name]}"
    done
    vpt_limit "$seconds" "${command[@]}" \
        qemu-system-x86_64 -M q35 -cpu max -m 512M -icount "shift=$shift" \
        -kernel "$directory/hypervisor/hypervisor.elf" -device isa-debug-exit,iobase=0xf4,iosize=4 \
        -chardev "pipe,id=keys,path=$place/keys" -mon keys,mode=control \
        -nodefaults -display none -monitor none -no-reboot -device intel-iommu -serial stdio "${functions[@]}" \
        -fw_cfg "name=opt/vpt/entropy,file=$place/sourceB" "${machine[@]}" \
        </dev/null >"$place/log" 2>"$place/errors"
    status=$?
    kill "$typist" 2>/dev/null
    wait "$typist" 2>/dev/null
    for pipe in "${pipes[@]}"; do
        exec {pipe}>&-
    done
    for name in "${guests[@]}"; do
        cat <&"${heard[0]}" >"$place/console$name"
        pipe=${heard[0]}
        exec {pipe}>&-
        heard=("${heard[@]:1}")
    done
    return "$status"
}

# Usage: check NAME OPTION...: of kernel-host.py
check() {
    local name=$1
    shift
    python3 "$root/tools/kernel-host.py" check --architecture x86_64 --machine q35 \
        --ring split --configuration ecam,b0000000 --interrupts line --device pci,00:04.0,3,modern,modern \
        --device pci,00:06.0,1,modern,modern --device pci,00:07.0,4,modern,modern \
        --device pci,00:08.0,18,modern,modern --keyboard "$line" \
        --console "$place/console$name" "$line$name" --network "$place/network$name" --serial "$serial" \
        --topology 512,3,16,128 "$@" "$place/original$name.img" "$place/disk$name.img" "$place/guest$name.log"
}

vpt_need_packages clang lld python3 qemu-system-x86 || exit 1
trap vpt_end_jobs INT
mkdir -p "$directory"
"$root/tools/kernel.sh" x86_64 "$directory/guest" || exit 1
vpt_example_target x86_64
build || exit 1
build_hostile || exit 1

# Usage: report PASS|FAIL WHO TEXT
report() {
    printf '%s\tx86_64\tq35\thypervisor\t%s: %s\n' "$@"
}

# Usage: report_kernel NAME: checks what a guest with the example kernel has done. B has an entropy source more.
report_kernel() {
    local text interface=modern options=(--functions 6)
    if [ "$1" = B ]; then
        options=(--functions 7 --device "pci,00:09.0,4,modern,modern")
    fi
    case ${disks[$1]:-} in
    "$legacy") interface=legacy ;;&
    *vectors=0*) ;;
    *) options+=(--interrupts messages) ;;
    esac
    options+=(--interface "$interface" --device "pci,00:05.0,2,$interface,$interface")
    if text=$(check "$1" "${options[@]}" 2>&1); then
        report PASS "guest $1" "$text"
    else
        report FAIL "guest $1" "$text"
    fi
}

# Usage: report_hostile NAME: checks that a guest has done all its harm, with messages in thousands of requests; that
# its functions were refused the other guest's memory, by the IOMMU and by the emulated one; and what its end was
report_hostile() {
    local text iommu emulated
    text=$(sed -n 's/^@hostile //p' "$place/guest$1.log" | paste -sd, | sed 's/,/, /g; s/,  /, /g')
    iommu=$(grep -c $'^host\trefuses 0x10000000 to ' "$place/log")
    emulated=$(sed -n "s/^$1\t.* of the emulated entropy source, and \([0-9]*\) refusals$/\1/p" "$place/log")
    text+="; refused by the IOMMU $iommu times, by the emulated function ${emulated:=0} times"
    if [ "$(tail -n 1 "$place/guest$1.log")" = "@end ok" ] &&
        [[ $text =~ \ [0-9]{4,}\ requests\ in\ floods,\ [0-9]{3,}\ messages,.*\ 10\ exceptions\; ]] &&
        [ "$iommu" -gt 0 ] && [ "$emulated" -gt 0 ] &&
        grep -q "^$1.has failed: an exception or interrupt with a stack that is no memory;" "$place/log"; then
        report PASS "guest $1" "all harm done: $text"
    else
        tail -n 5 "$place/guest$1.log"
        report FAIL "guest $1" "has not done all its harm, or was not refused: $text"
    fi
}

# Usage: report_log COMMAND [GUEST=LOG...]: prints what tools/hypervisor.py makes of the hypervisor's log; the last line
# is the result
report_log() {
    local text verdict=PASS
    text=$(python3 "$root/tools/hypervisor.py" "$1" "$place/log" "${@:2}" 2>&1) || verdict=FAIL
    sed '$d' <<<"$text"
    report "$verdict" "$1" "${text##*$'\n'}"
}

# Checks that guest A was suspended as often as it has used its disk, and not always when the disk had nothing to do.
report_suspended() {
    local text
    text=$(sed -n 's/^PASS.* A was \(suspended and continued .*\)/\1/p' "$place/log")
    if [[ $text =~ continued\ $suspensions\ times,\ 1\ of\ them\ with\ messages,\ with\ [1-9][0-9]*\ requests ]]; then
        report PASS "guest A" "$text"
    else
        report FAIL "guest A" "was not suspended as it should: $text"
    fi
}

# Usage: run NAME KERNEL KERNEL: runs two guests with these kernels
run() {
    local name status place=$directory/$1
    kernels=([A]=$2 [B]=$3)
    mkdir -p "$place"
    boot
    status=$?
    grep -v -e ^cost -e ^function -e ^region -e ^PASS "$place/log"
    if [ "$status" -ne 33 ]; then
        tail -n 5 "$place"/errors "$place"/guest?.log
        report FAIL hypervisor "$vpt_ended"
        return
    fi
    report PASS hypervisor "$(sed -n 's/^PASS\thypervisor\t//p' "$place/log")"
    [ "$suspensions" -eq 0 ] || report_suspended
    for name in "${guests[@]}"; do
        case ${kernels[$name]} in
        */hostile.elf) report_hostile "$name" ;;
        *) report_kernel "$name" ;;
        esac
    done
}

run_kernels() {
    local place=$directory/kernels
    run kernels "$kernel" "$kernel"
    report_log tables A="$place/guestA.log" B="$place/guestB.log"
    report_log costs
}

# Guest A is trusted with a legacy disk, which does not use the IOMMU, and has its registers in ports. B has a disk
# without MSI-X. A legacy function cannot be saved, so A is not suspended.
run_old_disks() {
    local suspensions=0 machine=(-fw_cfg "name=opt/vpt/trusted,string=A")
    local -A disks=([A]=$legacy [B]=$modern,vectors=0)
    run disks "$kernel" "$kernel"
}

# Guest B does harm for a minute of the machine's time. The CPU and A's disk are so slow that A works for most of it.
run_hostile() {
    local shift=5 speed=200
    run hostile "$kernel" "$directory/hostile/hostile.elf"
}

# Usage: show RUN RESULTS: prints what a run has reported. It must have come to its end, so its results are counted.
show() {
    local file=$directory/$1.report
    cat "$file"
    if grep -q ^FAIL "$file"; then
        failed=1
    elif [ "$(grep -c ^PASS "$file")" -ne "$2" ]; then
        report FAIL "$1" "the run did not come to its end"
        failed=1
    fi
}

kernel=$directory/guest/kernel.elf
run_hostile >"$directory/hostile.report" &
{
    run_kernels >"$directory/kernels.report"
    run_old_disks >"$directory/disks.report"
} &
wait
failed=0
show kernels 6
show hostile 4
show disks 3
exit "$failed"

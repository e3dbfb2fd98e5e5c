#!/bin/bash
# SPDX-License-Identifier: MIT
# Usage: tools/hypervisor.sh [DIRECTORY]
# Builds examples/hypervisor/ and its guest, examples/kernel/, in build-hypervisor/ or the DIRECTORY, and boots them:
# the hypervisor assigns a disk, a network card, an entropy source and a console of QEMU to each of two guests, whose
# kernels drive them at the same time. Then checks the disks' images and the guests' logs from outside. Prints the
# hypervisor's lines, what the guests' kernels say beside what the hypervisor says of their functions, and what exits
# have cost; each line that begins with PASS or FAIL is a result. Exits with 1 at a failure. CC and LD may name other
# tools.
set -uo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
directory=$(realpath -m "${1:-$root/build-hypervisor}")
serial=vpt-demo-disk
line=$RANDOM$RANDOM
seconds=20 # on an idle computer
guests=(A B)
declare -A kernels
# shellcheck source=tools/packages.sh
. "$root/tools/packages.sh"
# shellcheck source=tools/limit.sh
. "$root/tools/limit.sh"
# shellcheck source=tools/freestanding.sh
. "$root/tools/freestanding.sh"

# The example kernel has the start-up code and the serial port, the example of assignment the IOMMU.
build() {
    local sources
    mapfile -t sources < <(cd "$root" && printf '%s\n' examples/hypervisor/*.{c,S} \
        examples/kernel/{console,string}.c examples/kernel/x86/{idt,serial}.c examples/kernel/x86/vectors.S \
        examples/kernel/x86_64/start.S examples/assign/iommu.c \
        port/{page_pool,direct,ecam,x86_io,assign_port,emulated_function}.c)
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
    functions+=(-device "pcie-root-port,id=port$slot,addr=$slot,chassis=$slot"
        -device "$1,bus=port$slot,disable-legacy=on,iommu_platform=on")
    slot=$((slot + 1))
}

# Usage: plug_guest NAME KERNEL
# The functions of a guest, and what is at their other ends.
plug_guest() {
    plug "virtio-serial-pci,id=serial$1"
    plug "virtio-blk-pci,drive=disk$1,serial=$serial,physical_block_size=4096,min_io_size=8192,opt_io_size=65536"
    plug "virtio-net-pci,romfile=,netdev=network$1,mac=52:54:00:12:34:56"
    plug "virtio-rng-pci,rng=source$1,max-bytes=128,period=20" # bytes in how many milliseconds: the kernel has to wait
    functions+=(-chardev "pipe,id=console$1,path=$directory/pipe$1"
        -device "virtconsole,bus=serial$1.0,chardev=console$1"
        -drive "if=none,id=disk$1,format=raw,file=$directory/disk$1.img"
        -object "rng-random,id=source$1,filename=$directory/original$1.img"
        -serial "file:$directory/guest$1.log" -fw_cfg "name=opt/vpt/guest$1,file=$2")
}

# Usage: prepare NAME
prepare() {
    python3 "$root/tools/kernel-host.py" create "$directory/original$1.img"
    cp "$directory/original$1.img" "$directory/disk$1.img"
    rm -f "$directory/pipe$1".{in,out}
    mkfifo "$directory/pipe$1".{in,out}
}

# Usage: press KEY: prints a command of the QEMU Machine Protocol that presses a key and releases it.
press() {
    local down
    for down in true false; do
        echo "{'execute': 'input-send-event', 'arguments': {'events': [{'type': 'key', 'data':" \
            "{'down': $down, 'key': {'type': 'qcode', 'data': '$1'}}}]}}"
    done
}

# Types the line for each guest that says in its log that it listens to the keyboard.
type_lines() {
    local name i
    echo "{'execute': 'qmp_capabilities'}"
    for name in "${guests[@]}"; do
        until grep -q '^@listens' "$directory/guest$name.log" 2>/dev/null; do
            sleep 0.02
        done
        for ((i = 0; i < ${#line}; i++)); do
            press "${line:i:1}"
        done
        press ret
    done
}

# A pipe that is open for both waits for nobody; and cat comes to its end where nobody can write any more.
boot() {
    local status pipes=() heard=() name pipe command=() functions=() slot=2 typist
    rm -f "$directory"/keys.{in,out} "$directory"/guest?.log
    mkfifo "$directory"/keys.{in,out}
    exec {pipe}<>"$directory/keys.out"
    pipes+=("$pipe")
    exec {pipe}<>"$directory/keys.in"
    pipes+=("$pipe")
    type_lines >&"$pipe" &
    typist=$!
    plug virtio-keyboard-pci
    for name in "${guests[@]}"; do
        prepare "$name"
        exec {pipe}<>"$directory/pipe$name.in"
        pipes+=("$pipe")
        echo "$line$name" >&"$pipe"
        exec {pipe}<>"$directory/pipe$name.out"
        pipes+=("$pipe")
        exec {pipe}<"$directory/pipe$name.out"
        heard+=("$pipe")
        command+=(python3 "$root/tools/kernel-host.py" network --netdev "network$name" "$directory/network$name")
        plug_guest "$name" "${kernels[$name]}"
    done
    vpt_limit "$seconds" "${command[@]}" \
        qemu-system-x86_64 -M q35 -cpu max -m 512M -icount shift=0 -kernel "$directory/hypervisor/hypervisor.elf" \
        -device isa-debug-exit,iobase=0xf4,iosize=4 \
        -chardev "pipe,id=keys,path=$directory/keys" -mon keys,mode=control \
        -nodefaults -display none -monitor none -no-reboot -device intel-iommu -serial stdio "${functions[@]}" \
        </dev/null >"$directory/log" 2>"$directory/errors"
    status=$?
    kill "$typist" 2>/dev/null
    wait "$typist" 2>/dev/null
    for pipe in "${pipes[@]}"; do
        exec {pipe}>&-
    done
    for name in "${guests[@]}"; do
        cat <&"${heard[0]}" >"$directory/console$name"
        pipe=${heard[0]}
        exec {pipe}>&-
        heard=("${heard[@]:1}")
    done
    return "$status"
}

# Usage: check NAME
check() {
    python3 "$root/tools/kernel-host.py" check --architecture x86_64 --machine q35 --interface modern --ring split \
        --functions 6 --configuration ecam,b0000000 --interrupts line --interrupts messages \
        --device pci,00:04.0,3,modern,modern --device pci,00:05.0,2,modern,modern \
        --device pci,00:06.0,1,modern,modern --device pci,00:07.0,4,modern,modern \
        --device pci,00:08.0,18,modern,modern --keyboard "$line" \
        --console "$directory/console$1" "$line$1" --network "$directory/network$1" --serial "$serial" \
        --topology 512,3,16,128 "$directory/original$1.img" "$directory/disk$1.img" "$directory/guest$1.log"
}

vpt_need_packages clang lld python3 qemu-system-x86 || exit 1
mkdir -p "$directory"
"$root/tools/kernel.sh" x86_64 "$directory/guest" || exit 1
vpt_example_target x86_64
build || exit 1
build_hostile || exit 1
failed=0

# Usage: report PASS|FAIL WHO TEXT
report() {
    local IFS=$'\t'
    echo "$*"
    [ "$1" = PASS ] || failed=1
}

# Usage: report_kernel NAME: checks what a guest with the example kernel has done
report_kernel() {
    local text
    if text=$(check "$1" 2>&1); then
        report PASS "guest $1" "$text"
    else
        report FAIL "guest $1" "$text"
    fi
}

# Usage: report_hostile NAME: checks that a guest has done all its harm
report_hostile() {
    if [ "$(tail -n 2 "$directory/guest$1.log" | cut -d, -f2)" = " 10 exceptions"$'\n'"@end ok" ]; then
        report PASS "guest $1" "all harm done, and nobody else was harmed: $(sed -n 's/^@hostile //p' \
            "$directory/guest$1.log" | uniq | paste -sd, | sed 's/,/, /g')"
    else
        tail -n 5 "$directory/guest$1.log"
        report FAIL "guest $1" "did not come to its end"
    fi
}

# Usage: report_log WHAT COMMAND...: prints what tools/hypervisor.py makes of the hypervisor's log; the last line is the
# result
report_log() {
    local text verdict=PASS
    text=$(python3 "$root/tools/hypervisor.py" "$2" "$directory/log" "${@:3}" 2>&1) || verdict=FAIL
    sed '$d' <<<"$text"
    report "$verdict" "$1" "${text##*$'\n'}"
}

# Usage: run KERNEL KERNEL: runs two guests with these kernels
run() {
    local name status
    kernels=([A]=$1 [B]=$2)
    boot
    status=$?
    grep -v -e ^cost -e ^function -e ^region "$directory/log"
    if [ "$status" -ne 33 ]; then
        tail -n 5 "$directory"/errors "$directory"/guest?.log
        report FAIL hypervisor "$vpt_ended"
        return
    fi
    for name in "${guests[@]}"; do
        case ${kernels[$name]} in
        */hostile.elf) report_hostile "$name" ;;
        *) report_kernel "$name" ;;
        esac
    done
}

run "$directory/guest/kernel.elf" "$directory/guest/kernel.elf"
report_log tables tables A="$directory/guestA.log" B="$directory/guestB.log"
report_log costs costs
run "$directory/guest/kernel.elf" "$directory/hostile/hostile.elf"
exit "$failed"

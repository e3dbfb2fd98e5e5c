#!/bin/bash
# SPDX-License-Identifier: MIT
# Usage: tools/hypervisor.sh [DIRECTORY]
# Builds examples/hypervisor/ and its guest, examples/kernel/, in build-hypervisor/ or the DIRECTORY, and boots them:
# the hypervisor assigns a disk, a network card, an entropy source and a console of QEMU to the guest, whose kernel
# drives them. Then checks the disk's image and the guest's log from outside. Prints the hypervisor's lines, and what
# was verified; the first word of the last line is PASS or FAIL. Exits with 1 at a failure. CC and LD may name other
# tools.
set -uo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
directory=$(realpath -m "${1:-$root/build-hypervisor}")
serial=vpt-demo-disk
line=$RANDOM$RANDOM
seconds=20 # on an idle computer
# shellcheck source=tools/packages.sh
. "$root/tools/packages.sh"
# shellcheck source=tools/limit.sh
. "$root/tools/limit.sh"
# shellcheck source=tools/freestanding.sh
. "$root/tools/freestanding.sh"

# The example kernel has the start-up code and the serial port, the example of assignment the IOMMU.
build() {
    local sources
    vpt_example_target x86_64
    mapfile -t sources < <(cd "$root" && printf '%s\n' examples/hypervisor/*.{c,S} \
        examples/kernel/{console,string}.c examples/kernel/x86/{idt,serial}.c examples/kernel/x86/vectors.S \
        examples/kernel/x86_64/start.S examples/assign/iommu.c \
        port/{page_pool,direct,ecam,x86_io,assign_port,emulated_function}.c)
    vpt_example_build "$directory/hypervisor" hypervisor.elf \
        "examples/hypervisor examples/kernel examples/kernel/x86 examples/assign" "${sources[@]}"
}

# Each function is behind a root port of its own, so that it can be reset alone.
functions=()
slot=2
# Usage: plug DEVICE,PROPERTIES
plug() {
    functions+=(-device "pcie-root-port,id=port$slot,addr=$slot,chassis=$slot"
        -device "$1,bus=port$slot,disable-legacy=on,iommu_platform=on")
    slot=$((slot + 1))
}

boot() {
    local status in out heard
    plug virtio-serial-pci
    plug "virtio-blk-pci,drive=disk,serial=$serial,physical_block_size=4096,min_io_size=8192,opt_io_size=65536"
    plug virtio-net-pci,romfile=,netdev=network,mac=52:54:00:12:34:56
    plug virtio-rng-pci,rng=source,max-bytes=128,period=20
    rm -f "$directory"/pipe.{in,out}
    mkfifo "$directory"/pipe.{in,out}
    # A pipe that is open for both waits for nobody; and cat comes to its end where nobody can write any more.
    exec {in}<>"$directory/pipe.in" {out}<>"$directory/pipe.out" {heard}<"$directory/pipe.out"
    echo "$line" >&"$in"
    vpt_limit "$seconds" python3 "$root/tools/kernel-host.py" network "$directory/network" \
        qemu-system-x86_64 -M q35 -cpu max -m 512M -kernel "$directory/hypervisor/hypervisor.elf" \
        -fw_cfg "name=opt/vpt/guest,file=$directory/guest/kernel.elf" -device isa-debug-exit,iobase=0xf4,iosize=4 \
        -nodefaults -display none -monitor none -serial stdio -serial "file:$directory/guest.log" -no-reboot \
        -device intel-iommu "${functions[@]}" -device virtconsole,chardev=console \
        -drive if=none,id=disk,format=raw,file="$directory/disk.img" \
        -object "rng-random,id=source,filename=$directory/original.img" \
        -chardev "pipe,id=console,path=$directory/pipe" </dev/null
    status=$?
    exec {in}>&- {out}>&-
    cat <&"$heard" >"$directory/console.out"
    exec {heard}<&-
    return "$status"
}

check() {
    python3 "$root/tools/kernel-host.py" check --architecture x86_64 --machine q35 --interface modern --ring split \
        --functions 5 --configuration ecam,b0000000 --interrupts line --interrupts messages \
        --device pci,00:04.0,3,modern,modern --device pci,00:05.0,2,modern,modern \
        --device pci,00:06.0,1,modern,modern --device pci,00:07.0,4,modern,modern \
        --console "$directory/console.out" "$line" --network "$directory/network" --serial "$serial" \
        --topology 512,3,16,128 "$directory/original.img" "$directory/disk.img" "$directory/guest.log"
}

vpt_need_packages clang lld python3 qemu-system-x86 || exit 1
mkdir -p "$directory"
"$root/tools/kernel.sh" x86_64 "$directory/guest" || exit 1
build || exit 1
python3 "$root/tools/kernel-host.py" create "$directory/original.img"
cp "$directory/original.img" "$directory/disk.img"
boot
status=$?
if [ "$status" -ne 33 ]; then
    tail -5 "$directory/guest.log" 2>/dev/null
    printf 'FAIL\thypervisor\t%s\n' "$vpt_ended"
    exit 1
fi
text=$(check 2>&1) || {
    printf 'FAIL\tguest\t%s\n' "$text"
    exit 1
}
printf 'PASS\tguest\t%s\n' "$text"

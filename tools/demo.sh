#!/bin/bash
# SPDX-License-Identifier: MIT
# Usage: tools/demo.sh [ARCHITECTURE...]
# Builds the example kernel, boots it on every machine (or those of the architectures named) and checks the disk image
# from outside afterwards. One line a machine: PASS or FAIL, architecture, machine, transport, what was verified, with
# tabs between. Exits with 1 if any failed. Installs what a Debian 12 lacks; works in build-demo/, or in the
# directory that VPT_DEMO_DIR names.
set -uo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
work=${VPT_DEMO_DIR:-$root/build-demo}
serial=vpt-demo-disk
# Of the disk below: block size, exponent of the physical block, smallest and best I/O in blocks.
topology=512,3,16,128
geometry=physical_block_size=4096,min_io_size=8192,opt_io_size=65536
seconds=60 # that one machine may take: one or two on an idle computer

# shellcheck source=tools/packages.sh
. "$root/tools/packages.sh"

failed=0

# Usage: report PASS|FAIL ARCHITECTURE MACHINE TRANSPORT TEXT
report() {
    local IFS=$'\t'
    echo "$*"
    [ "$1" = PASS ] || failed=1
}

# Sets what boots a kernel on this architecture's machine.
describe_machine() {
    case $1 in
    riscv64)
        machine=virt slots=8 success=0
        qemu=(qemu-system-riscv64 -M virt -bios none)
        ;;
    aarch64)
        machine=virt slots=32 success=0
        qemu=(qemu-system-aarch64 -M virt -cpu cortex-a53 -semihosting)
        ;;
    x86_64)
        machine=microvm slots=24 success=33
        qemu=(qemu-system-x86_64 -M "microvm,isa-serial=on,auto-kernel-cmdline=off,x-option-roms=off"
            -device "isa-debug-exit,iobase=0xf4,iosize=4")
        ;;
    *)
        echo "$0: unknown architecture: $1" >&2
        exit 2
        ;;
    esac
}

# With -icount the machines' counters count instructions.
boot() {
    timeout --kill-after=5 "$seconds" "${qemu[@]}" -kernel "$1" -m 64M -icount shift=0 \
        -nodefaults -display none -monitor none -serial stdio -no-reboot \
        -global virtio-mmio.force-legacy="$2" \
        -device virtio-rng-device -device virtio-serial-device \
        -drive if=none,id=disk,format=raw,file="$3" \
        -device virtio-blk-device,drive=disk,serial="$serial","$geometry" </dev/null
}

# Usage: check ARCHITECTURE INTERFACE DIRECTORY
check() {
    python3 "$root/tools/kernel-disk.py" check --architecture "$1" --machine "$machine" --interface "$2" \
        --slots "$slots" --types 2,3,4 --serial "$serial" --topology "$topology" \
        "$3/original.img" "$3/disk.img" "$3/log"
}

# Usage: run ARCHITECTURE LEGACY(on|off); after describe_machine and the build
run() {
    local architecture=$1 legacy=$2 interface=modern transport="virtio-mmio 2" verdict=FAIL directory status text
    [ "$legacy" = off ] || interface=legacy transport="virtio-mmio 1"
    directory=$work/$architecture/$interface
    mkdir -p "$directory"
    python3 "$root/tools/kernel-disk.py" create "$directory/original.img"
    cp "$directory/original.img" "$directory/disk.img"
    boot "$work/$architecture/kernel.elf" "$legacy" "$directory/disk.img" >"$directory/log" 2>&1
    status=$?
    if [ "$status" -eq "$success" ]; then
        text=$(check "$architecture" "$interface" "$directory" 2>&1) && verdict=PASS
    elif [ "$status" -eq 124 ] || [ "$status" -eq 137 ]; then
        text="not finished after $seconds seconds"
    else
        text="the exit status is $status, not $success"
    fi
    [ "$verdict" = PASS ] || sed 's/^/    /' "$directory/log" >&2
    report "$verdict" "$architecture" "$machine" "$transport" "${text//$'\n'/; }"
}

vpt_need_packages clang lld python3 qemu-system-x86 qemu-system-arm qemu-system-misc || exit 1
[ $# -gt 0 ] || set -- riscv64 aarch64 x86_64
for architecture in "$@"; do
    describe_machine "$architecture"
    if "$root/tools/kernel.sh" "$architecture" "$work/$architecture"; then
        run "$architecture" on
        run "$architecture" off
    else
        report FAIL "$architecture" "$machine" "virtio-mmio" "the kernel does not build"
    fi
done
exit "$failed"

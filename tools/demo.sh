#!/bin/bash
# SPDX-License-Identifier: MIT
# Usage: tools/demo.sh [kernel|screen|share|sound|unikernel|appliance|assign|hypervisor|ARCHITECTURE[/MACHINE]...]
# Builds the example kernel, boots it on every machine (or on the named ones), and then checks the disk image from
# outside. With other devices, it looks at what the kernel draws while keys and a pointer are used (screen), at the
# folder, the SCSI disk and the memory that they share (share), and records what the kernel plays (sound). It kills the
# unikernel again and again, and checks that the unikernel's store has lost nothing (unikernel); the same by HTTP, with
# clients that do harm (appliance). It gives a machine's devices to two scripted guests in turn (assign), and to example
# kernels in a hypervisor, at once, with one that does harm (hypervisor).
#
# As many of these run at a time as there are CPUs. When one ends, its line comes: PASS, FAIL or SKIP, architecture,
# machine, transport, what was verified, with tabs between. For guests there are several lines, and tables.
# Exits with 1 if any failed. Installs the Debian packages it lacks. Works in build-demo/, or in the directory that
# VPT_DEMO_DIR names.
set -uo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
work=${VPT_DEMO_DIR:-$root/build-demo}
sound=$(realpath -m "${VPT_SOUND_DIR:-$root/build-sound}") # where QEMU 10 is unpacked
serial=vpt-demo-disk
# The disk's block size, the exponent of its physical block, and its smallest and best I/O in blocks.
topology=512,3,16,128
disk=drive=disk,serial=$serial,physical_block_size=4096,min_io_size=8192,opt_io_size=65536
entropy=rng=source,max-bytes=640,period=20 # bytes in how many milliseconds: who asks for more has to wait
console=virtconsole,chardev=console
card=netdev=network,mac=52:54:00:12:34:56
seconds=3 # that one machine takes on an idle computer

# Architecture, machine, bus, and the interface that the kernel uses for the disk; packed is modern, with a packed ring.
pairs=(
    "riscv64 virt mmio legacy"
    "riscv64 virt mmio packed"
    "riscv64 virt pci legacy"
    "riscv64 virt pci packed"
    "aarch64 virt mmio legacy"
    "aarch64 virt mmio modern"
    "aarch64 virt pci legacy"
    "aarch64 virt pci packed"
    "x86_64 microvm mmio legacy"
    "x86_64 microvm mmio modern"
    "x86_64 pc pci legacy"
    "x86_64 pc pci packed"
    "x86_64 q35 pci modern"
    "i386 pc pci packed"
)

# Architecture and machine of the kernel with other devices; what tools/kernel-KIND.py attaches, drives from outside and
# checks; bus and ring of these devices.
kinds=(
    "x86_64 q35 screen pci split"
    "riscv64 virt screen mmio split"
    "aarch64 virt screen pci packed"
    "x86_64 q35 share pci packed"
    "riscv64 virt share mmio split"
    "x86_64 microvm sound mmio split"
)

# Architecture and machine of the unikernel; the third column names the check, in place of a transport.
unikernels=(
    "x86_64 microvm unikernel"
    "x86_64 microvm appliance"
    "riscv64 virt unikernel"
    "riscv64 virt appliance"
)
assignments=("x86_64 q35 assign" "x86_64 q35 hypervisor")
unikernel_seconds=20 # that one check on one machine takes

# shellcheck source=tools/packages.sh
. "$root/tools/packages.sh"
# shellcheck source=tools/limit.sh
. "$root/tools/limit.sh"
# shellcheck source=tools/keys.sh
. "$root/tools/keys.sh"
# shellcheck source=tools/qemu10.sh
. "$root/tools/qemu10.sh"

failed=0

# Usage: report PASS|FAIL|SKIP ARCHITECTURE MACHINE TRANSPORT TEXT
report() {
    local IFS=$'\t'
    echo "$*"
    [ "$1" != FAIL ] || failed=1
}

# Sets QEMU's command for a machine with the kernel, and what the kernel has to find there before any device is plugged
# in: the virtio-mmio slots (address of the first, distance, number), the PCI functions, and how these are configured.
# Sets also which interrupts PCI functions can use: a PLIC takes no messages. With -icount the counters of the machine
# count instructions.
describe_machine() {
    local x86=(-device "isa-debug-exit,iobase=0xf4,iosize=4")
    slots='' functions='' configuration='' interrupts='line messages'
    case $1/$2 in
    riscv64/virt)
        qemu=(qemu-system-riscv64 -M virt -bios none) success=0
        slots="0x10001000 0x1000 8" functions=1 configuration=ecam,30000000 interrupts=line
        ;;
    aarch64/virt)
        qemu=(qemu-system-aarch64 -M virt -cpu cortex-a53 -semihosting) success=0
        slots="0x0a000000 0x200 32" functions=1 configuration=ecam,4010000000
        ;;
    x86_64/microvm)
        qemu=(qemu-system-x86_64 -M "microvm,isa-serial=on,auto-kernel-cmdline=off,x-option-roms=off" "${x86[@]}")
        success=33 slots="0xfeb00000 0x200 24"
        ;;
    *86*/pc)
        qemu=("qemu-system-$1" -M pc "${x86[@]}")
        success=33 functions=4 configuration=cf8
        ;;
    x86_64/q35)
        qemu=(qemu-system-x86_64 -M q35 "${x86[@]}")
        success=33 functions=4 configuration=ecam,b0000000
        ;;
    esac
    qemu+=(-kernel "$work/$1/kernel.elf" -m 64M -icount shift=0 -nodefaults -display none -monitor none -serial stdio
        -no-reboot)
}

# Usage: plug_mmio legacy|modern
# Sets the options for the devices, QEMU's and those of the check. QEMU fills the slots from the last one down. A
# keyboard has no legacy interface.
plug_mmio() {
    local force=on types=(4 3 2 1) first stride count place i
    expected=(--interrupts line)
    [ "$1" = legacy ] || force=off
    read -r first stride count <<<"$slots"
    devices=(-global virtio-mmio.force-legacy="$force" -device "virtio-rng-device,$entropy" -device virtio-serial-device
        -device "$console" -device "virtio-blk-device,$disk" -device "virtio-net-device,$card")
    if [ "$1" = modern ]; then
        types+=(18) keyboard=yes
        devices+=(-device virtio-keyboard-device)
    fi
    for i in "${!types[@]}"; do
        place=$(printf '%x' $((first + (count - 1 - i) * stride)))
        expected+=(--device "mmio,$place,${types[i]},$1,$1")
    done
}

# Usage: plug_function PLACE legacy|modern|transitional TYPE DEVICE,PROPERTIES
# A transitional device is driven by its modern interface.
plug_function() {
    local place=$1 interfaces=$2 type=$3 device=$4 interface=$2
    case $interfaces in
    legacy) device+=,disable-legacy=off,disable-modern=on ;;
    modern) device+=,disable-legacy=on,disable-modern=off ;;
    transitional) device+=,disable-legacy=off,disable-modern=off interface=modern ;;
    esac
    devices+=(-device "$device")
    expected+=(--device "pci,$place,$type,$interface,$interfaces")
    functions=$((functions + 1))
}

# Usage: plug_pci legacy|modern
# Does the same on PCI, with devices of several kinds. The disk and the entropy source are functions of one device and
# share an interrupt line. With the modern interface they are behind bridges: on q35 behind one that firmware has
# opened, on virt behind two that the kernel has to open.
plug_pci() {
    local way
    devices=() expected=(--shared-line)
    for way in $interrupts; do
        expected+=(--interrupts "$way")
    done
    if [ "$1" = legacy ]; then
        plug_function 00:05.0 legacy 2 "virtio-blk-pci,addr=5,multifunction=on,$disk"
        plug_function 00:05.1 modern 4 "virtio-rng-pci,addr=5.1,$entropy"
        plug_function 00:04.0 transitional 3 virtio-serial-pci,addr=4
    elif [ "$machine" = q35 ]; then
        devices=(-device "pcie-root-port,id=bridge,addr=5")
        functions=$((functions + 1))
        plug_function 01:00.0 modern 2 "virtio-blk-pci,bus=bridge,multifunction=on,$disk"
        plug_function 01:00.1 modern 4 "virtio-rng-pci,bus=bridge,addr=0.1,$entropy"
        plug_function 00:04.0 transitional 3 virtio-serial-pci,addr=4
    elif [ "$machine" = virt ]; then
        devices=(-device "pcie-root-port,id=outer,addr=5" -device "pcie-pci-bridge,id=inner,bus=outer")
        functions=$((functions + 2))
        plug_function 02:02.0 transitional 2 "virtio-blk-pci,bus=inner,addr=2,multifunction=on,$disk"
        plug_function 02:02.1 legacy 4 "virtio-rng-pci,bus=inner,addr=2.1,$entropy"
        plug_function 00:04.0 modern 3 virtio-serial-pci,addr=4
    else
        plug_function 00:05.0 transitional 2 "virtio-blk-pci,addr=5,multifunction=on,$disk"
        plug_function 00:05.1 legacy 4 "virtio-rng-pci,addr=5.1,$entropy"
        plug_function 00:04.0 modern 3 virtio-serial-pci,addr=4
    fi
    plug_function 00:06.0 "$1" 1 "virtio-net-pci,addr=6,romfile=,$card"
    devices+=(-device "$console")
    plug_function 00:07.0 modern 18 virtio-keyboard-pci,addr=7
    keyboard=yes
}

# Usage: boot DISK SOURCE CONSOLE NETWORK: the entropy device gives the bytes of the file SOURCE. A line goes to
# the virtio console, and what comes from there goes to the file CONSOLE.out. The same line is typed on the keyboard.
# Frames are answered, and the file NETWORK says how many.
boot() {
    local status in out heard keys answers typist
    rm -f "$3".{pipe,keys}.{in,out}
    mkfifo "$3".{pipe,keys}.{in,out} || return 1
    # A pipe that is open for both waits for nobody; and cat comes to its end where nobody can write any more.
    exec {in}<>"$3.pipe.in" {out}<>"$3.pipe.out" {heard}<"$3.pipe.out"
    exec {keys}<>"$3.keys.in" {answers}<>"$3.keys.out"
    echo "$line" >&"$in"
    vpt_type "$line" "${3%/*}/log" >&"$keys" &
    typist=$!
    vpt_limit "$seconds" python3 "$root/tools/kernel-host.py" network "$4" \
        "${qemu[@]}" -drive if=none,id=disk,format=raw,file="$1" -object "rng-random,id=source,filename=$2" \
        "${devices[@]}" -chardev "pipe,id=console,path=$3.pipe" \
        -chardev "pipe,id=keys,path=$3.keys" -mon keys,mode=control </dev/null
    status=$?
    kill "$typist" 2>/dev/null
    wait "$typist" 2>/dev/null
    exec {in}>&- {out}>&- {keys}>&- {answers}>&-
    cat <&"$heard" >"$3.out"
    exec {heard}<&-
    return "$status"
}

# Usage: check ARCHITECTURE INTERFACE DIRECTORY split|packed
check() {
    python3 "$root/tools/kernel-host.py" check --architecture "$1" --machine "$machine" --interface "$2" --ring "$4" \
        ${slots:+--slots "${slots##* }"} ${functions:+--functions "$functions" --configuration "$configuration"} \
        "${expected[@]}" --console "$3/console.out" "$line" ${keyboard:+--keyboard "$line"} --network "$3/network" \
        --serial "$serial" --topology "$topology" \
        "$3/original.img" "$3/disk.img" "$3/log"
}

# Usage: transport BUS INTERFACE: prints the name that the lines use
transport() {
    case $1-$2 in
    mmio-legacy) echo "virtio-mmio 1" ;;
    mmio-modern) echo "virtio-mmio 2" ;;
    pci-*) echo "virtio-pci $2 (${configuration%%,*})" | sed 's/cf8/CF8/; s/ecam/ECAM/' ;;
    esac
}

# Usage: run ARCHITECTURE MACHINE BUS INTERFACE: boots a kernel that is built
run() {
    local architecture=$1 machine=$2 bus=$3 interface=$4 verdict=FAIL expected=() directory status text keyboard=
    local qemu success slots functions configuration interrupts devices disk=$disk card=$card ring=split
    local line=$RANDOM$RANDOM
    directory=$work/$architecture/$machine-$bus-$interface
    [ "$interface" != packed ] || disk+=,packed=on card+=,packed=on ring=packed interface=modern
    mkdir -p "$directory"
    python3 "$root/tools/kernel-host.py" create "$directory/original.img"
    cp "$directory/original.img" "$directory/disk.img"
    describe_machine "$architecture" "$machine"
    case $bus in
    mmio) plug_mmio "$interface" ;;
    pci) plug_pci "$interface" ;;
    esac
    boot "$directory"/{disk.img,original.img,console,network} >"$directory/log" 2>&1
    status=$?
    if [ "$status" -eq "$success" ]; then
        text=$(check "$architecture" "$interface" "$directory" "$ring" 2>&1) && verdict=PASS
    else
        text=$vpt_ended
        [ "$status" -eq 124 ] || text+=", not $success"
    fi
    [ "$verdict" = PASS ] || sed 's/^/    /' "$directory/log"
    report "$verdict" "$architecture" "$machine" "$(transport "$bus" "$interface")" "$ring ring, ${text//$'\n'/; }"
}

# Usage: run_kind ARCHITECTURE MACHINE KIND "BUS RING": boots a kernel that is built; the kind's script does the rest
run_kind() {
    local directory=$work/$1/$2-$3 verdict=FAIL text bus ring qemu success slots functions configuration interrupts
    read -r bus ring <<<"$4"
    mkdir -p "$directory"
    describe_machine "$1" "$2"
    if [ "$3" = sound ]; then # QEMU 7.2 has no such device
        local -x PATH=$PATH QEMU_MODULE_DIR
        vpt_unpack_qemu10 "$sound" qemu-system-{x86,common,data} seabios ||
            { report SKIP "${@:1:3}" "not run: QEMU 10 cannot be fetched"; return; }
        vpt_use_qemu10 "$sound"
    fi
    vpt_limit "$seconds" python3 "$root/tools/kernel-$3.py" --bus "$bus" --ring "$ring" --success "$success" \
        "$directory" "${qemu[@]}" >"$directory/$3.txt" 2>&1
    case $? in
    0) verdict=PASS text=$(<"$directory/$3.txt") ;;
    124) text=$vpt_ended ;;
    *) text=$(<"$directory/$3.txt") ;;
    esac
    [ "$verdict" = PASS ] || sed 's/^/    /' "$directory/log"
    report "$verdict" "$1" "$2" "$3" "virtio-$bus, ${text//$'\n'/; }"
}

# Usage: run_unikernel ARCHITECTURE MACHINE unikernel|appliance: runs and checks it
run_unikernel() {
    local directory=$work/$1/unikernel text verdict=FAIL
    vpt_limit "$unikernel_seconds" "$root/tools/$3.sh" check "$1" "$directory" >"$directory/$3.txt" 2>&1
    case $? in
    0) verdict=PASS text=$(<"$directory/$3.txt") ;;
    1) text=$(<"$directory/$3.txt") ;;
    *) text=$vpt_ended ;;
    esac
    report "$verdict" "$1" "$2" "$3" "${text//$'\n'/; }"
}

# Usage: run_assign ARCHITECTURE MACHINE: builds, runs and checks it; its last line says what was verified
run_assign() {
    local directory=$work/$1/assign text verdict=PASS
    mkdir -p "$directory"
    "$root/tools/assign.sh" "$directory" >"$directory/log" 2>&1 || verdict=FAIL
    grep -v -e ^PASS -e ^FAIL "$directory/log"
    text=$(sed -n 's/^\(PASS\|FAIL\)\t//p' "$directory/log")
    [ -n "$text" ] || verdict=FAIL text="it did not come to its end"
    report "$verdict" "$1" "$2" assignment "${text//$'\n'/; }"
}

# Usage: run_hypervisor ARCHITECTURE MACHINE: builds and runs it; it prints lines as ours, and tables
run_hypervisor() {
    local log=$work/$1/hypervisor.log
    "$root/tools/hypervisor.sh" "$work/$1/hypervisor" >"$log" 2>&1 || failed=1
    cat "$log"
    grep -q ^FAIL "$log" || [ "$failed" -eq 0 ] || report FAIL "$1" "$2" hypervisor "it did not come to its end"
}

# Usage: matches NAME ARCHITECTURE MACHINE BUS: whether that is kernel (for a bus) or what is in the bus's place,
# ARCHITECTURE or ARCHITECTURE/MACHINE
matches() {
    local program=$4
    case $4 in
    mmio | pci) program=kernel ;;
    esac
    [ "$1" = "$program" ] || [ "$1" = "$2" ] || [ "$1" = "$2/$3" ]
}

# Usage: selected [NAME...]: the pairs that are wanted, one a line; all of them without names
selected() {
    local pair name architecture machine bus rest
    for pair in "${pairs[@]}" "${kinds[@]}" "${unikernels[@]}" "${assignments[@]}"; do
        read -r architecture machine bus rest <<<"$pair"
        [ $# -gt 0 ] || echo "$pair"
        for name in "$@"; do
            ! matches "$name" "$architecture" "$machine" "$bus" || { echo "$pair"; break; }
        done
    done
}

vpt_need_packages clang lld python3 qemu-system-x86 qemu-system-arm qemu-system-misc || exit 1
for name in "$@"; do
    [ -n "$(selected "$name")" ] || { echo "$0: unknown name: $name" >&2; exit 2; }
done
mapfile -t wanted < <(selected "$@")
trap vpt_end_jobs INT

# Usage: run_pair ARCHITECTURE MACHINE WHAT...
run_pair() {
    local program=kernel
    case $3 in
    assign) run_assign "$1" "$2"; return ;;
    hypervisor) run_hypervisor "$1" "$2"; return ;;
    unikernel | appliance) program=unikernel ;;
    esac
    if [ ! -e "$(program_of "$program" "$1")" ]; then
        report FAIL "$1" "$2" "${*:3}" "the $program does not build"
        return
    fi
    case $3 in
    mmio | pci) run "$@" ;;
    unikernel | appliance) run_unikernel "$@" ;;
    *) run_kind "${@:1:3}" "${*:4}" ;;
    esac
}

# Usage: program_of kernel|unikernel ARCHITECTURE: prints the file's name
program_of() {
    case $1 in
    kernel) echo "$work/$2/kernel.elf" ;;
    unikernel) echo "$work/$2/unikernel/unikernel.elf" ;;
    esac
}

build_kernel() {
    rm -f "$(program_of kernel "$1")"
    "$root/tools/kernel.sh" "$1" "$work/$1"
}

# One after the other, since the first downloads what both need.
build_unikernels() {
    local architecture
    for architecture; do
        rm -f "$(program_of unikernel "$architecture")"
        "$root/tools/unikernel.sh" build "$architecture" "$work/$architecture/unikernel"
    done
}

# Usage: begin COMMAND...: once a CPU is free. What it prints comes at once, when it ends.
begin() {
    while [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; do
        wait -n || failed=1
    done
    {
        failed=0 lines=$("$@" 2>&1; exit "$failed")
        status=$?
        [ -z "$lines" ] || printf '%s\n' "$lines"
        exit "$status"
    } &
}

# Waits for all that has begun.
finish() {
    while [ -n "$(jobs -p)" ]; do
        wait -n || failed=1
    done
}

# Usage: architectures PATTERN: those of the wanted lines of which the third field matches
architectures() {
    printf '%s\n' "${wanted[@]}" | awk -v pattern="$1" '$3 ~ pattern { print $1 }' | sort -u
}

# shellcheck disable=SC2046 # an architecture a word
begin build_unikernels $(architectures '^(unikernel|appliance)$')
for architecture in $(architectures '^(mmio|pci|screen|share|sound)$'); do
    begin build_kernel "$architecture"
done
finish
for pair in "${wanted[@]}"; do
    read -r -a words <<<"$pair"
    begin run_pair "${words[@]}"
done
finish
exit "$failed"

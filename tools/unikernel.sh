#!/bin/bash
# SPDX-License-Identifier: MIT
# Usage: tools/unikernel.sh build ARCHITECTURE DIRECTORY    makes DIRECTORY/unikernel.elf
#        tools/unikernel.sh run [ARCHITECTURE [DISK]]       builds it in build-unikernel/ and runs it on this terminal
#        tools/unikernel.sh check ARCHITECTURE DIRECTORY    kills it twenty times and checks its disk; after a build
# ARCHITECTURE is x86_64 (machine "microvm") or riscv64 (machine "virt"). The DISK is made if there is none. "run" also
# serves http://127.0.0.1:8080/, or at the port that VPT_HTTP_PORT names. A check prints one line that says what was
# verified, or what is wrong; then it exits with 1. lwIP is downloaded to build-lwip/, or to the folder that
# VPT_LWIP_DIR names. See examples/unikernel/README.md; tools/appliance.sh checks what is served by HTTP.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
command=${1:-}
architecture=${2:-x86_64}
example=$root/examples/unikernel
# shellcheck source=tools/freestanding.sh
. "$root/tools/freestanding.sh"
# shellcheck source=tools/packages.sh
. "$root/tools/packages.sh"
# shellcheck source=tools/lwip.sh
. "$root/tools/lwip.sh"

# The example kernel has the start-up code, the interrupt controllers and the serial ports.
case $architecture in
x86_64)
    borrowed=(x86/{apic,controller,idt,ioapic,machine,pic,serial}.c x86/vectors.S x86_64/start.S)
    ports=(page_pool x86_io cf8 direct ecam)
    ;;
riscv64)
    borrowed=(riscv64/{machine,plic,serial}.c riscv64/{start,vector}.S)
    ports=(page_pool io_window direct ecam)
    ;;
*)
    echo "$0: unknown architecture: $architecture" >&2
    exit 2
    ;;
esac

# The parts of lwIP that are used.
lwip=(core/{def,inet_chksum,init,ip,mem,memp,netif,pbuf,tcp,tcp_in,tcp_out,timeouts,udp}.c
    core/ipv4/{dhcp,etharp,icmp,ip4,ip4_addr}.c netif/ethernet.c)

# Usage: build_lwip DIRECTORY: compiles lwIP; its warnings are not ours
build_lwip() {
    local source object
    vpt_lwip "${VPT_LWIP_DIR:-$root/build-lwip}"
    vpt_example_headers=(-I"$example/lwip" -isystem "$vpt_lwip_source/include")
    mkdir -p "$1"
    for source in "${lwip[@]}"; do
        object=$1/lwip_${source//\//_}.o
        "${CC:-clang}" "${vpt_example_options[@]}" "${vpt_example_flags[@]}" -w -fno-builtin \
            "${vpt_example_headers[@]}" -c "$vpt_lwip_source/$source" -o "$object"
        vpt_example_linked+=("$object")
    done
}

# Usage: build DIRECTORY
build() {
    local sources
    mapfile -t sources < <(printf 'port/%s.c\n' "${ports[@]}"
        printf 'examples/kernel/%s\n' string.c console.c "${borrowed[@]}"
        cd "$root" && printf '%s\n' examples/unikernel/*.c "examples/unikernel/$architecture"/*.c)
    vpt_example_target "$architecture"
    build_lwip "$1"
    vpt_example_build "$1" unikernel.elf "examples/unikernel examples/kernel" "${sources[@]}"
}

# QEMU is given pipes: it would make the terminal one without lines, an echo, or blocking reads. What "off" ends with is
# no failure; what reads the terminal notices it at the next line.
run() {
    local directory=$root/build-unikernel port=${VPT_HTTP_PORT:-8080} disk status
    vpt_need_packages clang lld python3 qemu-system-x86 qemu-system-misc
    build "$directory/$architecture"
    disk=${1:-$directory/store.img}
    [ -e "$disk" ] || truncate -s 1M "$disk"
    mapfile -t machine < <(python3 "$root/tools/unikernel.py" command "$architecture" "$directory/$architecture")
    machine+=(-blockdev "driver=file,filename=$disk,node-name=disk" -device "virtio-net-device,netdev=net"
        -netdev "user,id=net,hostfwd=tcp:127.0.0.1:$port-:80")
    echo "http://127.0.0.1:$port/" >&2
    set +e +o pipefail
    cat 2>/dev/null | "${machine[@]}" -serial stdio | cat
    status=${PIPESTATUS[1]}
    [ "$status" -eq 0 ] || [ "$status" -eq 33 ]
}

# The port that the README speaks of is the one that there is.
check_port() {
    local lines
    lines=$(wc -l <"$example/port.c")
    grep -q "port.c.*, $lines lines" "$example/README.md" ||
        { echo "the README does not say that port.c has $lines lines"; return 1; }
}

case $command in
build) build "${3:?directory}" ;;
run) run "${3:-}" ;;
check)
    check_port
    python3 "$root/tools/unikernel.py" check "$architecture" "${3:?directory}"
    ;;
*)
    sed -n '3,9s/^# //p' "$0" >&2
    exit 2
    ;;
esac

#!/bin/bash
# SPDX-License-Identifier: MIT
# Runs the units of tests/unit/ on a big-endian CPU: built for s390x, under QEMU's user-mode emulation. Debian has no
# Criterion for another architecture than the machine's own, so tests/foreign/ stands in for it.
# Arguments go to the runner (tests/foreign/runner.c): --filter=TEXT. Ends with the synthesis line; exits non-zero
# unless every test passed.
set -u -o pipefail
export LC_ALL=C
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd) || exit 1
cd "$root" || exit 1
. tools/packages.sh
. tools/limit.sh
vpt_need_packages gcc-s390x-linux-gnu libc6-dev-s390x-cross qemu-user meson ninja-build pkg-config || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
emulator=(qemu-s390x -L /usr/s390x-linux-gnu)

tools/stand-in.sh "$work" s390x-linux-gnu-gcc "${emulator[@]}" || exit 1
cat >"$work/cross.ini" <<END
[binaries]
c = 's390x-linux-gnu-gcc'
ar = 's390x-linux-gnu-ar'
strip = 's390x-linux-gnu-strip'
pkgconfig = 'pkg-config'
exe_wrapper = ['qemu-s390x', '-L', '/usr/s390x-linux-gnu']
[properties]
pkg_config_libdir = '$work'
[host_machine]
system = 'linux'
cpu_family = 's390x'
cpu = 's390x'
endian = 'big'
END
vpt_must "$work/log" 6 meson setup "$work/build" --cross-file "$work/cross.ini" -Dtests=enabled -Dbuildtype=release
vpt_must "$work/log" 60 ninja -C "$work/build" -j 2 tests/unit/vpt-tests
tests=$work/build/tests/unit/vpt-tests
s390x-linux-gnu-readelf -h "$tests" | grep -q 'Data:.*big endian' || { echo "$tests is not big-endian"; exit 1; }
# Emulation takes several times as long as the limits in the suites allow.
vpt_limit 240 "${emulator[@]}" "$tests" --timeout-factor=5 --cases=32 "$@" ||
    { printf 'FAIL\ts390x\t%s\n' "$vpt_ended"; exit 1; }

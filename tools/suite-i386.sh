#!/bin/bash
# SPDX-License-Identifier: MIT
# Runs the units of tests/unit/ as a 32-bit x86 program, with Debian's i386 build of Criterion. Its packages (some
# 25 MB) are unpacked beside the machine's own instead of being installed among them: as a foreign architecture each
# would have to be of the very version that the machine has. Arguments go to Criterion. Ends with its synthesis line;
# exits non-zero unless every test passed.
set -u -o pipefail
export LC_ALL=C
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd) || exit 1
cd "$root" || exit 1
. tools/packages.sh
. tools/limit.sh
vpt_need_packages gcc meson ninja-build pkg-config || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
system=$work/system

# Apt sees an empty i386 machine with the package sources of this one.
apt_i386() {
    apt-get -q -y -o Dir::State="$work/apt" -o Dir::State::status="$work/apt/status" -o Dir::Cache="$work/apt/cache" \
        -o APT::Architecture=i386 -o APT::Architectures=i386 -o APT::Sandbox::User= \
        --no-install-recommends --download-only "$@" </dev/null >>"$work/log" 2>&1
}

unpack_packages() {
    local package
    mkdir -p "$work/apt/lists/partial" "$work/apt/cache/archives/partial" "$system"
    : >"$work/apt/status"
    # Some package source may have nothing for i386; it is enough that the packages are found.
    apt_i386 update
    apt_i386 install libcriterion-dev libc6-dev libgcc-12-dev || return 1
    for package in "$work"/apt/cache/archives/*.deb; do
        dpkg-deb -x "$package" "$system" || return 1
    done
}

write_cross_file() {
    local gcc=$system/usr/lib/gcc/i686-linux-gnu/12
    local libraries=$system/lib/i386-linux-gnu:$system/usr/lib/i386-linux-gnu
    cat >"$work/cross.ini" <<END
[binaries]
c = ['gcc', '-m32', '--sysroot=$system', '-B$gcc/']
ar = 'ar'
strip = 'strip'
pkgconfig = 'pkg-config'
[built-in options]
c_link_args = ['-L$gcc', '-Wl,--dynamic-linker=$system/lib/ld-linux.so.2', '-Wl,--disable-new-dtags',
    '-Wl,-rpath,$libraries']
[properties]
pkg_config_libdir = '$system/usr/lib/i386-linux-gnu/pkgconfig'
sys_root = '$system'
[host_machine]
system = 'linux'
cpu_family = 'x86'
cpu = 'i686'
endian = 'little'
END
}

unpack_packages || { cat "$work/log"; echo "no i386 packages to be had"; exit 1; }
write_cross_file
vpt_must "$work/log" 6 meson setup "$work/build" --cross-file "$work/cross.ini" -Dtests=enabled -Dbuildtype=release
vpt_must "$work/log" 60 ninja -C "$work/build" -j 2 tests/unit/vpt-tests
tests=$work/build/tests/unit/vpt-tests
readelf -h "$tests" | grep -q 'Class:.*ELF32' || { echo "$tests is no 32-bit program"; exit 1; }
vpt_limit 60 "$tests" --color=never "$@" || { printf 'FAIL\ti386\t%s\n' "$vpt_ended"; exit 1; }

#!/bin/bash
# SPDX-License-Identifier: MIT
# Tries each way to build the library into a kernel: builds a stub kernel (tests/embedding/) that way, in a folder
# outside this tree, and runs it: an ordinary process, whose disk is a virtio-mmio slot in memory. Prints one line a
# way, fields tab-separated: PASS or FAIL, "embedding", the way; exits non-zero on any failure. An argument is the
# beginning of the ways to try.
#
#   lists        the lists in sources/ name every source once
#   meson        as a subproject by the sample wrap file: the dependency, and the sources with flags of the kernel's own
#   cmake        include() of vpt.cmake, which reads the lists
#   pkg-config   the files that `meson install` has installed
#   make         a plain Makefile with the lists that it uses
#   only         lists that go together, joined by ld -r: they need nothing but memcpy and memset; and no header of the
#                library's own is looked for outside src/, whatever its name
#   c++17        a kernel in C++ without exceptions and run-time types, linked with the C archive, without a C++ library
#   no stdint.h  a kernel without any standard header
#   aligned      memory that traps unaligned accesses (x86)
#   without      the library with one kind of ring, which is asked about queues that are not set up
#   porting      the code of docs/porting.md
#   drivers      the code of docs/drivers.md, by the public headers alone; tests/device/qemu_guide.c runs it
set -u -o pipefail
export LC_ALL=C
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd) || exit 1
cd "$root" || exit 1
. tools/packages.sh
. tools/limit.sh
vpt_need_packages gcc g++ clang libc6-dev make cmake meson ninja-build pkg-config git || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
only=${1:-}
failures=0
strict=(-Wall -Wextra -Wconversion -Wsign-conversion -Werror)
mapfile -t sources < <(cat sources/*.list)

# Usage: way NAME COMMAND...
way() {
    local name=$1
    shift
    [[ $name == "$only"* ]] || return 0
    vpt_ended=
    if "$@" >"$work/log" 2>&1; then
        printf 'PASS\tembedding\t%s\n' "$name"
    else
        printf 'FAIL\tembedding\t%s\t%s\n' "$name" "$vpt_ended"
        tail -n 30 "$work/log"
        failures=$((failures + 1))
    fi
}

# Usage: stub NAME [BUILD-FILE]: an empty folder of this name with the stub kernel's sources.
stub() {
    mkdir "$work/$1" && cp tests/embedding/kernel.c tests/embedding/embedding_device.[ch] "$work/$1" || return 1
    [ $# -eq 1 ] || cp "tests/embedding/$2" "$work/$1"
}

# Usage: run PROGRAM: the stub's exit status is the line that went wrong.
run() {
    vpt_limit 1 "$1" || { echo "$1: $vpt_ended"; return 1; }
}

try_lists() {
    diff <(printf '%s\n' "${sources[@]}" | sort) <(find src -name '*.c' | sort) &&
        diff <(basename -s .list sources/*.list | sort) <(sed -n "/^foreach name : \['core'/,/\]/p" meson.build |
            grep -o "'[a-z0-9-]*'" | tr -d "'" | sort)
}

# The wrap file clones a repository: one of this tree as it stands.
try_meson() {
    local repository=$work/repository stub=$work/meson
    mkdir "$repository" "$stub" "$stub/subprojects" &&
        cp -R meson.build meson_options.txt sources include src port "$repository" &&
        mkdir "$repository/tests" && cp -R tests/mock "$repository/tests" &&
        git -C "$repository" init -q && git -C "$repository" add . &&
        git -C "$repository" -c user.name=stub -c user.email=stub@example.org commit -q -m stub &&
        cp tests/embedding/meson/meson.build tests/embedding/kernel.c tests/embedding/embedding_device.[ch] "$stub" &&
        sed "s|^url = .*|url = file://$repository|" docs/vpt.wrap >"$stub/subprojects/vpt.wrap" &&
        meson setup "$stub/build" "$stub" && meson compile -C "$stub/build" &&
        run "$stub/build/kernel" && run "$stub/build/own-kernel"
}

try_cmake() {
    stub cmake cmake/CMakeLists.txt && cmake -S "$work/cmake" -B "$work/cmake/build" -DVPT="$root" &&
        diff <(printf "$root/%s\n" "${sources[@]}") "$work/cmake/build/sources" &&
        cmake --build "$work/cmake/build" --parallel 2 && run "$work/cmake/build/kernel"
}

# The stub may see installed files only.
try_pkg_config() {
    local prefix=$work/installed
    meson setup "$work/archive" -Dprefix="$prefix" -Dlibdir=lib -Dtests=disabled && meson install -C "$work/archive" &&
        diff <(cd include && find . -type f | sort) <(cd "$prefix/include" && find . -type f | sort) &&
        stub pkg-config pkg-config/Makefile &&
        PKG_CONFIG_LIBDIR=$prefix/lib/pkgconfig make -C "$work/pkg-config" && run "$work/pkg-config/kernel"
}

# Usage: try_make COMPILER
try_make() {
    stub "make-$1" make/Makefile && make -C "$work/make-$1" -j 2 CC="$1" VPT="$root" && run "$work/make-$1/kernel"
}

# Usage: objects FOLDER COMMAND...: compiles the library by this command with its flags.
objects() {
    local folder=$work/$1 source
    shift
    mkdir -p "$folder" || return 1
    for source in "${sources[@]}"; do
        "$@" -Iinclude -c "$source" -o "$folder/${source//\//-}.o" || return 1
    done
}

# Usage: try_only COMPILER LIST...: with the port's headers and traps of the names of src/ in front of all others. Each
# source is compiled once. Where there are a transport and a driver the stub kernel uses them.
try_only() {
    local folder=$work/only-$1 compiler=$1 members=() source header
    shift
    if [ ! -e "$folder/traps" ]; then
        mkdir -p "$folder/traps" || return 1
        while read -r header; do
            echo '#error this is not the header that was meant' >"$folder/traps/${header##*/}"
        done < <(find src -name '*.h')
        objects "only-$compiler" "$compiler" -std=c11 -O2 -ffreestanding -fno-pie -fno-stack-protector \
            -I"$folder/traps" -Iport || return 1
    fi
    while read -r source; do
        members+=("$folder/${source//\//-}.o")
    done < <(cat "${@/%/.list}")
    ld -r -o "$folder/joined" "${members[@]}" && nm -u "$folder/joined" >"$folder/undefined" &&
        ! grep -vE ' (memcpy|memset)$' "$folder/undefined" || return 1
    case " $* " in
    *' sources/mmio '*' sources/blk '*)
        "$compiler" -std=c11 -O2 -no-pie -Iinclude -Iport tests/embedding/kernel.c tests/embedding/embedding_device.c \
            port/page_pool.c "$folder/joined" -o "$folder/kernel" && run "$folder/kernel"
        ;;
    esac
}

# Usage: try_cxx C-COMPILER C++-COMPILER: linked by the C compiler, so that no C++ library is there.
try_cxx() {
    objects "cxx-$1" "$1" -std=c11 -O2 &&
        "$1" -std=c11 -O2 -Iinclude -c tests/embedding/embedding_device.c -o "$work/cxx-$1/device.o" &&
        "$2" -std=c++17 -O2 -fno-exceptions -fno-rtti -Wpedantic "${strict[@]}" -Iinclude \
            -c tests/embedding/kernel.cpp -o "$work/cxx-$1/kernel.o" &&
        "$1" "$work/cxx-$1"/*.o -o "$work/cxx-$1/kernel" && run "$work/cxx-$1/kernel"
}

# Usage: try_no_stdint COMPILER
try_no_stdint() {
    local command=("$1" -std=c11 -O2 -ffreestanding -nostdinc -Itests
        '-DVPT_TYPES_HEADER=<freestanding/freestanding_types.h>')
    objects "types-$1" "${command[@]}" "${strict[@]}" &&
        "${command[@]}" "${strict[@]}" -Iinclude -Iport tests/embedding/kernel.c tests/embedding/embedding_device.c \
            port/page_pool.c "$work/types-$1"/*.o -o "$work/types-$1/kernel" && run "$work/types-$1/kernel"
}

# Usage: try_aligned COMPILER OPTIMIZATION
try_aligned() {
    objects "aligned-$1$2" "$1" -std=c11 "$2" &&
        "$1" -std=c11 "$2" "${strict[@]}" -Iinclude tests/embedding/aligned.c tests/embedding/embedding_device.c \
            "$work/aligned-$1$2"/*.o -o "$work/aligned-$1$2/kernel" && run "$work/aligned-$1$2/kernel"
}

# Usage: try_without COMPILER RINGS: fast code by gcc, small code by clang.
try_without() {
    local folder=$work/without-$1-$2 optimization=-O2
    [ "$1" = gcc ] || optimization=-Os
    objects "without-$1-$2" "$1" -std=c11 $optimization -DVPT_WITHOUT_LEGACY -DVPT_WITHOUT_IN_ORDER \
        "-DVPT_WITHOUT_$2" &&
        "$1" -std=c11 $optimization "${strict[@]}" -Iinclude tests/embedding/without.c "$folder"/*.o \
            -o "$folder/kernel" && run "$folder/kernel"
}

# Usage: try_porting COMPILER
try_porting() {
    mkdir -p "$work/porting" && sed -n '/^```c$/,/^```$/{/^```/d;p}' docs/porting.md >"$work/porting/porting.h" &&
        [ -s "$work/porting/porting.h" ] &&
        "$1" -std=c11 -O2 "${strict[@]}" -Wno-missing-prototypes -I"$work/porting" -Iinclude \
            tests/embedding/porting.c tests/embedding/embedding_device.c "${sources[@]}" -o "$work/porting/$1" &&
        run "$work/porting/$1"
}

# Usage: try_drivers COMPILER: the guide's drivers may need nothing but the library, memcpy and memset.
try_drivers() {
    mkdir -p "$work/drivers" && sed -n '/^```c$/,/^```$/{/^```/d;p}' docs/drivers.md >"$work/drivers/drivers.c" &&
        [ -s "$work/drivers/drivers.c" ] &&
        "$1" -std=c11 -O2 -ffreestanding "${strict[@]}" -Iinclude -c "$work/drivers/drivers.c" \
            -o "$work/drivers/$1.o" && nm -u "$work/drivers/$1.o" >"$work/drivers/undefined" &&
        ! grep -vE ' (vpt_[a-z0-9_]+|memcpy|memset|_GLOBAL_OFFSET_TABLE_)$' "$work/drivers/undefined"
}

# The lists that go together; README.md and docs/porting.md name the same combinations.
together=(
    'core virtio mmio request blk'
    'core virtio mmio request entropy'
    'core virtio mmio request console'
    'core virtio mmio request input'
    'core virtio mmio request net'
    'core virtio mmio request 9p'
    'core virtio mmio request scsi'
    'core virtio mmio request gpu'
    'core virtio mmio request sound'
    'core virtio mmio request balloon'
    'core virtio mmio request pmem'
    'core virtio mmio request rtc'
    'core virtio mmio request socket'
    'core virtio mmio request fs'
    'core virtio pci virtio-pci request blk'
    'core virtio pci pci-setup virtio-pci request blk'
    'core virtio mmio pci virtio-pci request blk entropy console input net scsi 9p gpu sound balloon pmem rtc socket fs'
    'core pci pci-setup'
    'core pci pci-setup assign'
)

way lists try_lists
way cmake try_cmake
way meson try_meson
way pkg-config try_pkg_config
for compiler in gcc clang; do
    way "make $compiler" try_make "$compiler"
    way "c++17 $compiler" try_cxx "$compiler" "$([ "$compiler" = gcc ] && echo g++ || echo clang++)"
    way "no stdint.h $compiler" try_no_stdint "$compiler"
    for rings in SPLIT PACKED; do
        way "without $rings $compiler" try_without "$compiler" "$rings"
    done
    way "porting $compiler" try_porting "$compiler"
    way "drivers $compiler" try_drivers "$compiler"
    for lists in "${together[@]}"; do
        read -r -a names <<<"$lists"
        way "only $compiler $lists" try_only "$compiler" "${names[@]/#/sources/}"
    done
done
case $(uname -m) in
x86_64 | i?86)
    for optimization in -O0 -O3; do
        way "aligned gcc $optimization" try_aligned gcc "$optimization"
        way "aligned clang $optimization" try_aligned clang "$optimization"
    done
    ;;
*) printf 'INFO\tembedding\taligned: not tried, no x86\n' ;;
esac
[ "$failures" -eq 0 ]

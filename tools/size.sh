#!/bin/bash
# SPDX-License-Identifier: MIT
# Measures the library at -Os, built as for a kernel. Prints tab-separated lines: name, variant, metric, value, unit.
#
#   an object file's name   what that object holds, per compiler and target
#   a folder of src/        the sum of its objects; some have limits on x86_64
#   layouts                 what src/queue/ holds for each layout and order of a virtqueue: all but what sets any queue
#                           up, resets and restarts it, and takes its memory
#   archive                 the sum of all objects
#   minimal                 what the library adds to tests/freestanding/minimal.c (MMIO 2, split virtqueue, blk,
#                           polled); the linker drops unreferenced functions; memcpy and memset are the kernel's
#   minimal-modern          the same without legacy interfaces, packed rings and IN_ORDER (VPT_WITHOUT_LEGACY,
#                           VPT_WITHOUT_PACKED, VPT_WITHOUT_IN_ORDER); on x86_64, as those that follow
#   transports-modern       the same with virtio-pci beside virtio-mmio
#   minimal-packed          minimal-modern with packed rings, which may add 2 KiB by gcc
#   minimal-packed-only     the same without split rings (VPT_WITHOUT_SPLIT)
#   everything              as minimal, with every public function kept
#
# text is what is executable, rodata what is constant. Exits non-zero if something does not build or link, if a function
# that a header declares is missing, or if something is above its limit.
set -u -o pipefail
export LC_ALL=C
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd) || exit 1
cd "$root" || exit 1
. tools/packages.sh
. tools/toolchains.sh

# Bytes of text and rodata on x86_64: those that the library may add, and those of folders.
declare -A limits=(
    [minimal-modern-gcc]=8400 [minimal-modern-clang]=9400
    [transports-modern-gcc]=14000 [transports-modern-clang]=15300
    [minimal-packed-gcc]=$((8400 + 2048)) [minimal-packed-clang]=11610
    [9p-gcc]=4000 [9p-clang]=4650
    [assign-gcc]=17442
    [balloon-gcc]=1900 [balloon-clang]=1900
    [console-gcc]=2560 [console-clang]=2560
    [fs-gcc]=4100 [fs-clang]=4850
    [gpu-gcc]=3300 [gpu-clang]=3800
    [input-gcc]=1280 [input-clang]=1400
    [layouts-gcc]=4608 [layouts-clang]=4900
    [net-gcc]=3584 [net-clang]=3750
    [pmem-gcc]=800 [pmem-clang]=800
    [queue-gcc]=7800 [queue-clang]=8780
    [rtc-gcc]=1700 [rtc-clang]=1700
    [scsi-gcc]=4770 [scsi-clang]=5380
    [socket-gcc]=3550 [socket-clang]=3960
    [sound-gcc]=2600 [sound-clang]=2760
)
# What smaller libraries leave out.
declare -A without=(
    [modern]='-DVPT_WITHOUT_LEGACY -DVPT_WITHOUT_PACKED -DVPT_WITHOUT_IN_ORDER'
    [packed]='-DVPT_WITHOUT_LEGACY -DVPT_WITHOUT_IN_ORDER'
    [packed-only]='-DVPT_WITHOUT_LEGACY -DVPT_WITHOUT_IN_ORDER -DVPT_WITHOUT_SPLIT'
)
# What docs/devices.md says of the drivers.
declare -A shown=()
while read -r folder gcc clang; do
    shown[$folder-gcc]=$gcc shown[$folder-clang]=$clang
done < <(sed -n 's,.*](../src/\([0-9a-z]*\)) .* | \([0-9]*\) | \([0-9]*\) |$,\1 \2 \3,p' docs/devices.md)
vpt_need_packages "${VPT_CROSS_PACKAGES[@]}" python3 || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failures=0

fail() {
    printf 'FAIL\tsize\t%s\n' "$*"
    failures=$((failures + 1))
}

# Usage: measure ELF...: prints for each its name and the bytes of its executable and of its constant sections.
measure() {
    local file=$1 text=0 rodata=0 kind value
    while read -r kind value; do
        case $kind in
        text) text=$((text + 16#$value)) ;;
        rodata) rodata=$((rodata + 16#$value)) ;;
        end)
            echo "$file $text $rodata"
            file=$value text=0 rodata=0
            ;;
        esac
    done < <(llvm-readelf -W -S "$@" | awk '
        /^File: / && files++ { print "end", $2 }
        !sub(/^ *\[ *[0-9]*\] */, "") { next }
        $1 != "NULL" && NF == 10 && $7 ~ /A/ && $7 !~ /W/ { print ($7 ~ /X/ ? "text" : "rodata"), $5 }
        END { print "end" }')
}

# Usage: print NAME VARIANT TEXT RODATA
print() {
    printf '%s\t%s\t%s\t%d\tbytes\n' "$1" "$2" text "$3" "$1" "$2" rodata "$4"
}

# Usage: print_total NAME BYTES: fails where that is above the name's limit.
print_total() {
    local limit=$2
    printf '%s\t%s\ttotal\t%d\tbytes\n' "$1" "$variant" "$2"
    [ "$target" != x86_64 ] || limit=${limits[$1-${variant%%-*}]:-$2}
    [ "$2" -le "$limit" ] || fail "$1 $variant: $2 bytes, limit $limit"
    [ "$target" != x86_64 ] || [ "${shown[$1-${variant%%-*}]:-$2}" -eq "$2" ] ||
        fail "$1 $variant: $2 bytes, docs/devices.md has ${shown[$1-${variant%%-*}]}"
}

# Usage: linked DIRECTORY LIBRARY NAME LINKER-ARGUMENT...: prints what the library adds to the linked stub.
linked() {
    local directory=$1 library=$2 name=$3 text rodata stub_text stub_rodata
    shift 3
    # memcpy and memset belong to the kernel, so both programs have them.
    set -- --gc-sections -e kernel_main --undefined=memcpy --undefined=memset "$@"
    "${linker[@]}" "$@" "$directory/stub"/*.o "$library" \
        -o "$directory/$name.elf" || return 1
    # The stub's own share, by linking it the same way with the library's functions left undefined.
    "${linker[@]}" "$@" --unresolved-symbols=ignore-all "$directory/stub"/*.o \
        -o "$directory/$name-alone.elf" || return 1
    read -r _ text rodata < <(measure "$directory/$name.elf")
    read -r _ stub_text stub_rodata < <(measure "$directory/$name-alone.elf")
    print "$name" "$variant" $((text - stub_text)) $((rodata - stub_rodata))
    [ "$text" -gt "$stub_text" ] || return 1
    [ "$target" != x86_64 ] || print_total "$name" $((text - stub_text + rodata - stub_rodata))
}

# Usage: sizes COMPILER TARGET VARIANT: with the flags that tests/freestanding/variants.tsv has for it
sizes() {
    local compiler=$1 directory="$work/$1-$2" command object text rodata total_text=0 total_rodata=0
    local stub missing smaller libraries folder flags
    local -A folders=()
    target=$2 variant="$1-$2-Os"
    flags=$(awk -F '\t' -v "line=$1 $2 $3" '$1 " " $2 " " $3 == line { print $5 }' tests/freestanding/variants.tsv)
    [ -n "$flags" ] || { fail "$variant: no variant $3"; return; }
    vpt_freestanding_command "$compiler" "$target" -Os "$flags"
    vpt_objects "$directory" "${command[@]}" || { fail "$variant: does not compile"; return; }
    while read -r object text rodata; do
        print "$(basename "$object")" "$variant" "$text" "$rodata"
        total_text=$((total_text + text)) total_rodata=$((total_rodata + rodata))
        folder=${object##*/}
        [[ $folder != *-* ]] || folders[${folder%%-*}]=$((${folders[${folder%%-*}]:-0} + text + rodata))
        case $folder in
        queue-queue.o | queue-queue_memory.o | queue-queue_reset.o | queue-queue_restart.o) ;;
        queue-*) folders[layouts]=$((${folders[layouts]:-0} + text + rodata)) ;;
        esac
    done < <(measure "$directory"/*.o)
    while read -r folder; do
        print_total "$folder" "${folders[$folder]}"
    done < <(printf '%s\n' "${!folders[@]}" | sort)
    print archive "$variant" "$total_text" "$total_rodata"
    llvm-ar rcs "$directory/libvpt.a" "$directory"/*.o || { fail "$variant: archive"; return; }
    missing=$(comm -23 "$work/functions" <(llvm-nm -U -j -g "$directory/libvpt.a" | sort -u) | paste -s -d ' ')
    [ -z "$missing" ] || fail "$variant: declared but not defined: $missing"

    libraries=()
    [ "$target" != x86_64 ] || libraries=(modern packed packed-only)
    for smaller in "${libraries[@]}"; do
        # shellcheck disable=SC2086 # one word a definition
        vpt_objects "$directory/$smaller" "${command[@]}" ${without[$smaller]} &&
            llvm-ar rcs "$directory/$smaller/libvpt.a" "$directory/$smaller"/*.o ||
            { fail "$variant: the $smaller library does not compile"; return; }
    done

    mkdir -p "$directory/stub"
    for stub in minimal runtime; do
        # Functions that a compiler calls by itself have reserved names.
        "${command[@]}" -fno-builtin -Wno-reserved-identifier -Iinclude -c "tests/freestanding/$stub.c" \
            -o "$directory/stub/$stub.o" ||
            { fail "$variant: $stub.c does not compile"; return; }
    done
    case $target in
    s390x) linker=(s390x-linux-gnu-ld -static) ;;
    *) linker=(ld.lld -static) ;;
    esac
    linked "$directory" "$directory/libvpt.a" minimal || fail "$variant: minimal does not link"
    for smaller in "${libraries[@]}"; do
        linked "$directory" "$directory/$smaller/libvpt.a" "minimal-$smaller" ||
            fail "$variant: minimal-$smaller does not link"
        [ "$smaller" != modern ] ||
            linked "$directory" "$directory/modern/libvpt.a" transports-modern --undefined=vpt_virtio_pci_probe ||
            fail "$variant: transports-modern does not link"
    done
    linked "$directory" "$directory/libvpt.a" everything "${keep[@]}" || fail "$variant: everything does not link"
}

python3 tools/public-names.py vpt/vpt.h >"$work/names" || exit 1
awk -F '\t' '$1 == "function" { print $2 }' "$work/names" | sort -u >"$work/functions"
[ -s "$work/functions" ] || { fail "no public function found"; exit 1; }
mapfile -t keep < <(sed 's/^/--undefined=/' "$work/functions")

for compiler in clang gcc; do
    sizes "$compiler" x86_64 kernel
    sizes "$compiler" i386 default
    sizes "$compiler" aarch64 kernel-fixed
    sizes "$compiler" arm default
    sizes "$compiler" riscv64 default
    sizes "$compiler" s390x default
done
[ "$failures" -eq 0 ]

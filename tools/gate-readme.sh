#!/bin/bash
# SPDX-License-Identifier: MIT
# Compiles and links the C code printed in README.md, by gcc and by clang, so that it cannot fall behind the library.
set -u -o pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd) || exit 1
cd "$root" || exit 1
. tools/packages.sh
vpt_need_packages gcc clang libc6-dev || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failed=0

sed -n '/^```c$/,/^```$/{/^```/d;p}' README.md >"$work/readme.c"
[ -s "$work/readme.c" ] || { printf 'FAIL\treadme\tno code found\n'; exit 1; }
# What a kernel would call it with.
cat >>"$work/readme.c" <<'END'
int main(void);
int main(void)
{
    static uint32_t slot[0x80];
    static unsigned char buffer[VPT_BLK_SECTOR_SIZE];

    /* No device: the magic value is wrong. */
    return first_sector(slot, buffer) == VPT_DEVICE_MAGIC ? 0 : 1;
}
END
for compiler in gcc clang; do
    # shellcheck disable=SC2046 # one path a word
    if "$compiler" -std=c11 -O2 -Wall -Wextra -Wconversion -Wsign-conversion -Werror -Wno-missing-prototypes \
        -Iinclude -Isrc -Iport "$work/readme.c" port/{cf8,direct,page_pool,x86_io}.c $(cat sources.list) \
        -o "$work/readme" &&
        "$work/readme"; then
        printf 'PASS\treadme\t%s\n' "$compiler"
    else
        printf 'FAIL\treadme\t%s\n' "$compiler"
        failed=1
    fi
done
lines=$(sed -n '/^static bool keep_waiting/,/^```$/p' README.md | wc -l)
printf 'INFO\treadme\t%d lines from the first function on\n' "$lines"
exit "$failed"
